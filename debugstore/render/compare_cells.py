"""What stands in the cells of a comparison: numbers side by side, differences, names that fit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from debugstore.analysis.compare.config import KeyDiff
from debugstore.analysis.compare.metrics import better
from debugstore.analysis.compare.sentences import shown_value
from debugstore.analysis.compare.values import Comparison, Metrics
from debugstore.analysis.findings import number
from debugstore.render.page import Page
from debugstore.render.tables import printable

KEY_ROOM = 36
LABEL_ROOM = 13
"""Characters of a run's name in a table; two runs' figures with their differences fit side by side at 80."""
FACTOR_FROM = 2.0
"""Change from which a factor is told and not a share."""

SHORT_FACTS = {
    "initial_parameter_fingerprint": "initial weights",
    "initial_buffer_fingerprint": "initial buffers",
}
VERDICTS = {True: "better", False: "worse", None: ""}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A comparison, the page it is written on, and the runs' names as they fit there."""

    told: Comparison
    page: Page
    width: int
    labels: Sequence[str]
    all_keys: bool


def shown_keys(comparison: Comparison, all_keys: bool) -> tuple[list[KeyDiff], int]:
    """Return the keys to show and how many are left out because they are equal."""
    shown = [key for key in comparison.config if all_keys or key.differs]
    return shown, sum(not key.differs for key in comparison.config)


def key_name(key: KeyDiff) -> str:
    return cut(printable(key.key if key.section == "config" else key.path), KEY_ROOM)


def key_value(value: Any, room: int) -> str:
    """Return a value of a key as a person reads it, cut to its room."""
    return printable(shown_value(value, room))


def difference(left: float | None, right: float | None) -> str:
    """Return right - left with its sign."""
    if left is None or right is None:
        return ""
    if right == left:
        return "="
    return f"{right - left:+d}" if isinstance(left, int) and isinstance(right, int) else f"{right - left:+.4g}"


def change(name: str, left: float | None, right: float | None) -> str:
    """Return by what share of the left a metric changed, or by what factor, and whether that is better."""
    if left is None or right is None or left == right:
        return ""
    share = (right - left) / abs(left) if left else math.nan
    verdict = VERDICTS[better(name, left, right)]
    if not math.isfinite(share):
        return verdict
    size = f"{right / left:.3g}x" if abs(share) >= FACTOR_FROM else f"{abs(share):.1%}" if verdict else f"{share:+.1%}"
    return f"{size} {verdict}".rstrip()


def with_step(metrics: Metrics, name: str) -> str:
    """Return a metric; of one that is the best of a run, also its step."""
    step = getattr(metrics, f"{name}_step", None)
    return number(getattr(metrics, name)) + (f" @{step}" if step is not None else "")


def fact_name(name: str | None) -> str:
    return SHORT_FACTS.get(name or "", (name or "").replace("_", " "))


def amount(value: float) -> str:
    """Return a number of tokens or seconds, all its digits before the point."""
    return f"{value:.0f}" if value >= 1000 else number(value)


def percent(value: float | None) -> str:
    return "" if not value else f"{value:.2%}" if value >= 1e-4 else f"{value:.1e}"


def rate(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def room(header: str, cells: Sequence[str]) -> int:
    """Return the characters a column takes, with the gap behind it."""
    return max(len(header), *map(len, cells)) + 2


def labels(names: Sequence[str]) -> list[str]:
    """Return names that fit a column; those that are alike when cut get their place in the row."""
    short = [cut(printable(name), LABEL_ROOM) for name in names]
    return [
        label if short.count(label) == 1 or label == name else f"{cut(name, LABEL_ROOM - 3)} {index + 1}"
        for index, (label, name) in enumerate(zip(short, names, strict=True))
    ]


def cut(text: str, room: int) -> str:
    """Cut a name in its middle: names of a sweep are alike at one end."""
    if len(text) <= room:
        return text
    head = (room - 1) // 2
    return f"{text[:head]}…{text[len(text) - (room - 1 - head) :]}"


def many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
