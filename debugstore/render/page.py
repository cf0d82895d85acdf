"""The two papers a report is printed on: a terminal and markdown. What is written on them is not known here."""

import textwrap
from collections.abc import Sequence
from typing import Protocol

from tabulate import tabulate

from debugstore.render.curve import Curve
from debugstore.render.style import Look, paint
from debugstore.render.tables import printable

LABEL_WIDTH = 9


class Page(Protocol):
    """What a report needs of the paper it is printed on."""

    def title(self, text: str, detail: str) -> None: ...
    def heading(self, text: str) -> None: ...
    def line(self, text: str, look: Look | None = None) -> None: ...
    def note(self, text: str, look: Look | None = None) -> None: ...
    def labelled(self, label: str, text: str, *, sql: bool = False) -> None: ...
    def gap(self) -> None: ...
    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None: ...
    def curve(self, curve: Curve, low: str, high: str, first: str, last: str) -> None: ...
    def drawing(self, rows: Sequence[tuple[str, str, str]]) -> None: ...
    def text(self) -> str: ...


class TerminalPage:
    """Plain lines no longer than the terminal is wide, coloured or not."""

    def __init__(self, width: int, color: bool) -> None:
        self.width = width
        self.color = color
        self.lines: list[str] = []

    def title(self, text: str, detail: str) -> None:
        head = self._painted(printable(text), Look.HEADING)
        if len(text) + 2 + len(detail) <= self.width:
            self.lines += [f"{head}  {self._painted(printable(detail), Look.FAINT)}".rstrip()]
        else:
            self.lines.append(head)
            self.line(detail, Look.FAINT)

    def heading(self, text: str) -> None:
        self.gap()
        self.lines.append(self._painted(text, Look.HEADING))

    def line(self, text: str, look: Look | None = None) -> None:
        self.lines += [self._painted(part, look) for part in self._wrapped(text, "", "")]

    def note(self, text: str, look: Look | None = None) -> None:
        self.lines += [self._painted(part, look) for part in self._wrapped(text, "  ", "  ")]

    def labelled(self, label: str, text: str, *, sql: bool = False) -> None:
        head = f"  {label:<{LABEL_WIDTH}}"
        parts = [piece for row in text.splitlines() for piece in self._wrapped(row, head, " " * len(head))]
        for index, part in enumerate(parts):
            name = head if index == 0 else " " * len(head)
            self.lines.append(
                self._painted(name, Look.FAINT) + self._painted(part[len(head) :], Look.SQL if sql else None)
            )

    def gap(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        cells = [list(headers), *([printable(cell) for cell in row] for row in rows)]
        _cut_names(cells, self.width - 2)
        # the headers go in as a row: tabulate widens every column by two where it is given headers
        drawn = tabulate(
            cells,
            tablefmt="plain",
            disable_numparse=True,
            colalign=_aligned(headers),
        ).splitlines()
        self.lines += [f"  {self._painted(drawn[0], Look.FAINT)}", *(f"  {row}".rstrip() for row in drawn[1:])]

    def curve(self, curve: Curve, low: str, high: str, first: str, last: str) -> None:
        room = max(len(low), len(high))
        for index, drawn in enumerate(curve.lines):
            scale = high if index == 0 else low if index == len(curve.lines) - 1 else ""
            self.lines.append(f"  {scale:>{room}} {self._painted(drawn, Look.CURVE)}".rstrip())
        if curve.marks:
            self.lines.append(f"  {'':>{room}} {self._painted(curve.marks, Look.ERROR)}")
        reach = max(*(len(drawn) for drawn in curve.lines), len(curve.marks))
        self.lines.append(f"  {'':>{room}} {first}{last:>{max(reach - len(first), len(last) + 2)}}")

    def drawing(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Write lines of a head, a drawn shape and a tail, one below the other."""
        self.lines += [f"  {head}{self._painted(shape, Look.CURVE)}{tail}".rstrip() for head, shape, tail in rows]

    def text(self) -> str:
        return "\n".join(self.lines)

    def _painted(self, text: str, look: Look | None) -> str:
        return paint(text, look, self.color)

    def _wrapped(self, text: str, head: str, rest: str) -> list[str]:
        wrapped = textwrap.wrap(
            printable(text),
            self.width,
            initial_indent=head,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return wrapped or [head]


class MarkdownPage:
    """Markdown one can paste into an issue."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def title(self, text: str, detail: str) -> None:
        self.lines += [f"# {text}", "", detail, ""]

    def heading(self, text: str) -> None:
        self.gap()
        self.lines += [f"## {text}", ""]

    def line(self, text: str, look: Look | None = None) -> None:
        bold = look in (Look.ERROR, Look.WARNING, Look.GOOD)
        self.lines += [f"**{text}**" if bold else text, ""]

    def note(self, text: str, look: Look | None = None) -> None:
        self.line(text, look)

    def labelled(self, label: str, text: str, *, sql: bool = False) -> None:
        rows = text.splitlines()
        if sql:
            self.lines += [f"- {label}:", "", "  ```sql", *(f"  {row}" for row in rows), "  ```"]
        else:
            self.lines += [f"- {label}: {' '.join(rows)}"]

    def gap(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        names, *cells = [[cell.replace("|", "\\|") for cell in row] for row in (headers, *rows)]
        drawn = tabulate(cells, names, tablefmt="github", disable_numparse=True, colalign=_aligned(headers))
        self.gap()
        self.lines += [*drawn.splitlines(), ""]

    def curve(self, curve: Curve, low: str, high: str, first: str, last: str) -> None:
        plain = TerminalPage(80, color=False)
        plain.curve(curve, low, high, first, last)
        self.lines += ["```text", *plain.lines, "```", ""]

    def drawing(self, rows: Sequence[tuple[str, str, str]]) -> None:
        plain = TerminalPage(80, color=False)
        plain.drawing(rows)
        self.lines += ["```text", *plain.lines, "```", ""]

    def text(self) -> str:
        return "\n".join(self.lines).rstrip()


def _cut_names(cells: list[list[str]], width: int) -> None:
    """Shorten what stands in the first column, in place, until a line fits; a name's end tells more than its start."""
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))]
    room = max(width - sum(widths[1:]) - 2 * (len(widths) - 1), LABEL_WIDTH)
    for row in cells[1:]:
        if len(row[0]) > room:
            row[0] = f"…{row[0][len(row[0]) - room + 1 :]}"


def _aligned(headers: Sequence[str]) -> list[str]:
    """Return the alignment of columns: names to the left, figures to the right."""
    return ["left" if index == 0 else "right" for index in range(len(headers))]
