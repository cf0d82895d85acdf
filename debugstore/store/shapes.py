"""Rows in bulk: flat lists of values, and the shape that says which value goes to which column.

All events with the same fields share a shape, so that only columns that have values are written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Which columns the values of a row go to. Made by `shape`, once for all that are alike."""

    plan: str
    """The type of the events, see `rows`."""

    table: str
    columns: tuple[str, ...]
    """The columns that are written, after those that the writer puts first; the first is the event's number."""

    constants: tuple[int, ...]
    """Values of the last columns, where they are the same in every row."""

    params: tuple[int, ...]
    """Places of parameters, which the writer turns into ids."""

    floats: tuple[int, ...]
    """Places of finite numbers, None where there is none."""

    @property
    def width(self) -> int:
        """Values of one row."""
        return len(self.columns) - len(self.constants)

    def columns_of(self, flat: list[Any], places: tuple[int, ...]) -> Iterator[list[Any]]:
        """Yield the values that many rows have at each of some places."""
        return (flat[place :: self.width] for place in places)

    def __reduce__(self) -> tuple[Any, ...]:
        return shape, (self.plan, self.table, self.columns, self.constants, self.params, self.floats)


@cache
def shape(  # noqa: PLR0917 - what `cache` tells apart
    plan: str,
    table: str,
    columns: tuple[str, ...],
    constants: tuple[int, ...] = (),
    params: tuple[int, ...] = (),
    floats: tuple[int, ...] = (),
) -> Shape:
    """Return the shape of such rows; shapes that are alike are one object."""
    return Shape(plan, table, columns, constants, params, floats)


Flats = dict[Shape, list[Any]]
"""Values of many rows, one after the other, by shape."""


def leave_out(shape: Shape, flat: list[Any], known: set[int]) -> None:
    """Drop the rows of events with these numbers."""
    width = shape.width
    starts = [start for start in range(0, len(flat), width) if flat[start] not in known]
    if len(starts) * width < len(flat):
        flat[:] = [value for start in starts for value in flat[start : start + width]]
