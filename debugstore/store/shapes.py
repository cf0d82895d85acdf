"""Rows in bulk: flat lists of values, and the shape that says which value goes to which column of which row.

All events with the same fields share a shape, so only columns that have values are written; and what the parts of one
event share is said once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is the same in every event of a shape."""

    value: int


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How the values of one event after another become rows of one table. Told from others by identity."""

    table: str
    columns: tuple[str, ...]
    """The columns that are written, after those that the writer puts first."""

    width: int
    """Values of one event; the first is its number."""

    rows: tuple[tuple[int | Constant, ...], ...]
    """For each row of one event, and each of its columns: the place of its value, or the value."""

    params: tuple[int, ...] = ()
    """Places of parameters' names, which the writer turns into ids."""

    floats: tuple[int, ...] = ()
    """Places of finite numbers, None where there is none."""

    def columns_of(self, flat: list[Any], places: tuple[int, ...]) -> Iterator[list[Any]]:
        """Yield the values that many events have at each of some places."""
        return (flat[place :: self.width] for place in places)


Flats = dict[Shape, list[Any]]
"""Values of many events, one after the other, by shape."""


def one_row(table: str, columns: tuple[str, ...], params: tuple[int, ...] = (), floats: tuple[int, ...] = ()) -> Shape:
    """Return the shape of events of one row each, its values in the order of the columns."""
    return Shape(table, columns, len(columns), (tuple(range(len(columns))),), params, floats)


def leave_out(shape: Shape, flat: list[Any], known: set[int]) -> None:
    """Drop the events with these numbers."""
    width = shape.width
    starts = [start for start in range(0, len(flat), width) if flat[start] not in known]
    if len(starts) * width < len(flat):
        flat[:] = [value for start in starts for value in flat[start : start + width]]
