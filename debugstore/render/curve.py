"""A curve in plain characters: filled columns in eighths of a line, and a mark under what is not finite."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

BLOCKS = " ▁▂▃▄▅▆▇█"
MARK = "▲"
LOG_FROM = 50.0
"""Ratio of the largest to the smallest value above which the height is the logarithm: else all but a spike is flat."""


@dataclass(frozen=True, slots=True)
class Point:
    """One column: the mean of its values, None where none is finite, and whether some are not."""

    value: float | None
    marked: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawn curve: its lines from the top, a line of marks (empty without any) and what the height means."""

    lines: tuple[str, ...]
    marks: str
    lowest: float
    highest: float
    logarithmic: bool


def draw(points: Sequence[Point], *, width: int, height: int) -> Curve | None:
    """Draw points as columns, stretched over `width` characters; None where no value is finite."""
    values = [point.value for point in points if point.value is not None]
    if not values:
        return None
    repeat = max(1, width // len(points))
    lowest, highest = min(values), max(values)
    logarithmic = lowest > 0 and highest / lowest > LOG_FROM
    heights = [None if point.value is None else _height(point.value, lowest, highest, logarithmic) for point in points]
    lines = tuple(
        "".join(_cell(share, row, height) * repeat for share in heights).rstrip() for row in reversed(range(height))
    )
    marks = "".join((MARK if point.marked else " ") * repeat for point in points).rstrip()
    return Curve(lines, marks, lowest, highest, logarithmic)


def _height(value: float, lowest: float, highest: float, logarithmic: bool) -> float:
    """Return where between lowest and highest a value lies, 0..1."""
    if highest == lowest:
        return 0.5
    if logarithmic:
        return math.log(value / lowest) / math.log(highest / lowest)
    return (value - lowest) / (highest - lowest)


def _cell(share: float | None, row: int, height: int) -> str:
    """Return the character of a column in a row counted from the bottom; the lowest value is still an eighth."""
    if share is None:
        return " "
    eighths = 1 + round(share * (8 * height - 1))
    return BLOCKS[max(0, min(8, eighths - 8 * row))]
