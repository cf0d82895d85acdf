"""Rows to text: one function for every command and every format. What the rows mean is not known here."""

import base64
import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from debugstore.errors import ArgumentError
from debugstore.events import nonfinite
from debugstore.render.formats import Format

SMALLEST_CUT = 12
"""No column is cut below this many characters, however narrow the terminal."""
HEADER_PADDING = 2
"""tabulate makes a column at least this much wider than its name."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def render_rows(
    rows: Iterable[Sequence[Any]],
    columns: Sequence[str],
    format: str = Format.TABLE,
    *,
    headers: bool = True,
    width: int | None = None,
) -> str:
    """Return `rows` as text without a last line end.

    ``table`` and ``markdown`` are for people: six significant digits, NULL is empty, control characters are escaped.
    The others are for programs and lossless: ``json`` is an array of objects, ``nl`` an object a line, ``arrays`` an
    array of arrays; all three are strict JSON, a number that is not finite is null and marked as `events.nonfinite`
    says (in ``arrays``, where there is no place for a mark, it is the word), and a column of the store's own marks
    is read as such. ``csv`` and ``tsv`` write ``nan`` and ``inf``.

    Args:
        rows: as the columns are; bytes become ``{"$base64": true, "encoded": ...}`` in JSON, hex elsewhere.
        columns: a name twice gets ``_2`` in JSON objects.
        format: one of `Format`.
        headers: False leaves the line of names out (tables, markdown, csv, tsv).
        width: characters a line of a ``table`` may have: the widest text columns are cut, with an ellipsis.
            None cuts nothing.

    Raises:
        ArgumentError: the format is none of ours.
    """
    try:
        chosen = Format(format)
    except ValueError:
        raise ArgumentError(f"no format '{format}': choose {', '.join(Format)}") from None
    match chosen:
        case Format.JSON:
            return "[" + ",\n ".join(_json_objects(rows, columns)) + "]"
        case Format.NL:
            return "\n".join(_json_objects(rows, columns))
        case Format.ARRAYS:
            return "[" + ",\n ".join(_json_array(row) for row in rows) + "]"
        case Format.CSV | Format.TSV:
            return _separated(rows, columns, "," if chosen is Format.CSV else "\t", headers)
        case Format.TABLE | Format.MARKDOWN:
            return _drawn(rows, columns, chosen, headers, width)


def cell(value: Any) -> str:
    """Return one value as a person reads it: six significant digits, NULL empty, nothing that moves the cursor."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | tuple) else str(value)
    return printable(text)


def printable(text: str) -> str:
    """Return text with what would break a line, move the cursor or colour the terminal escaped."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def strict_json(value: Any, indent: int | None = None) -> str:
    """Return `value` as strict JSON text, numbers that are not finite null and marked; tuples are arrays."""
    return json.dumps(nonfinite.mark(value), allow_nan=False, ensure_ascii=False, indent=indent, default=_json_value)


def _json_value(value: Any) -> Any:
    """Say in JSON what Python's encoder cannot."""
    if isinstance(value, bytes):
        return {"$base64": True, "encoded": base64.b64encode(value).decode("ascii")}
    return str(value)


def _json_objects(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> Iterator[str]:
    names = _distinct(columns)
    for row in rows:
        pairs = dict(zip(names, row, strict=True))
        marks = _marks(pairs.get(nonfinite.KEY))
        if marks is None:  # the column is somebody's own: our marks have no place, so a number becomes its word
            yield strict_json({name: _word(value) for name, value in pairs.items()})
        else:
            pairs.pop(nonfinite.KEY, None)
            yield strict_json({**pairs, nonfinite.KEY: marks} if marks else pairs)


def _marks(text: Any) -> dict[str, Any] | None:
    """Return the marks that a store's `nonfinite` column holds, none for NULL; None where it holds something else."""
    if text is None:
        return {}
    try:
        marks = json.loads(text)
    except (TypeError, ValueError):
        return None
    return marks if isinstance(marks, dict) else None


def _json_array(row: Sequence[Any]) -> str:
    return strict_json([_word(value) for value in row])


def _word(value: Any) -> Any:
    """Return a number that is not finite as its word, anything else as it is."""
    return nonfinite.word(value) if isinstance(value, float) and not math.isfinite(value) else value


def _distinct(columns: Sequence[str]) -> list[str]:
    """Return the names with ``_2``, ``_3`` behind a repeated one."""
    names: list[str] = []
    for column in columns:
        name, count = column, 1
        while name in names:
            count += 1
            name = f"{column}_{count}"
        names.append(name)
    return names


def _separated(rows: Iterable[Sequence[Any]], columns: Sequence[str], separator: str, headers: bool) -> str:
    lines = _Lines()
    writer = csv.writer(lines, delimiter=separator)  # its own line end makes it quote a lone carriage return
    if headers:
        writer.writerow(columns)
    writer.writerows([_exact(value) for value in row] for row in rows)
    return "\n".join(line.removesuffix("\r\n") for line in lines)


class _Lines(list[str]):
    """Where a CSV writer puts its rows, one `write` each."""

    write = list[str].append


def _exact(value: Any) -> Any:
    """Return a value as a CSV cell that loses nothing."""
    if isinstance(value, bytes | bool):
        return cell(value)
    return strict_json(value) if isinstance(value, dict | list | tuple) else value


def _drawn(
    rows: Iterable[Sequence[Any]], columns: Sequence[str], format: Format, headers: bool, width: int | None
) -> str:
    from tabulate import tabulate  # read when a table is drawn: `--help` should not wait for it

    table = [list(row) for row in rows]
    if not columns:
        return ""
    numeric = [all(_is_number_or_null(row[index]) for row in table) for index in range(len(columns))]
    cells = [[cell(value) for value in row] for row in table]
    names = [cell(column) for column in columns]
    if format is Format.MARKDOWN:
        cells = [[text.replace("|", "\\|") for text in row] for row in cells]
    elif width is not None:
        _cut(cells, names, numeric, width)
    return tabulate(
        cells,
        headers=names if headers else (),
        tablefmt="github" if format is Format.MARKDOWN else "simple" if headers else "plain",
        disable_numparse=True,
        colalign=["right" if number else "left" for number in numeric] if cells else None,
    )


def _is_number_or_null(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cut(cells: list[list[str]], names: Sequence[str], numeric: Sequence[bool], width: int) -> None:
    """Shorten the widest text columns in place until a line fits into `width`, or no column can give more."""
    least = [len(name) + HEADER_PADDING for name in names]
    widths = [max([name, *(len(row[index]) for row in cells)]) for index, name in enumerate(least)]
    floors = [
        own if number else min(own, max(SMALLEST_CUT, name))
        for own, number, name in zip(widths, numeric, least, strict=True)
    ]
    excess = sum(widths) + 2 * (len(widths) - 1) - width
    while excess > 0:
        widest = max(range(len(widths)), key=lambda index: widths[index] - floors[index])
        if widths[widest] <= floors[widest]:
            break
        widths[widest] -= 1
        excess -= 1
    for row in cells:
        row[:] = [text if len(text) <= room else text[: room - 1] + "…" for text, room in zip(row, widths, strict=True)]
