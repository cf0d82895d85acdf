"""Rows in bulk: their values column by column, and the shape that says which columns these are.

All events with the same fields share a shape, so that only columns that have values are written.
"""

from array import array
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress
from struct import pack
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

    @property
    def width(self) -> int:
        """Values of one row."""
        return len(self.columns) - len(self.constants)

    def __reduce__(self) -> tuple[Any, ...]:
        return shape, (self.plan, self.table, self.columns, self.constants, self.params)


@cache
def shape(
    plan: str,
    table: str,
    columns: tuple[str, ...],
    constants: tuple[int, ...] = (),
    params: tuple[int, ...] = (),
) -> Shape:
    """Return the shape of such rows; shapes that are alike are one object."""
    return Shape(plan, table, columns, constants, params)


Column = Sequence[Any]
"""The values of many rows in one column: a list, or an array, which is cheap to hand to another process."""

Columns = dict[Shape, list[Column]]
"""Many rows by shape, column by column."""


def packed(values: Sequence[Any], kinds: set[type]) -> Column:
    """Return the values of a column as an array, if they are integers of 64 bit or floats throughout.

    Args:
        kinds: the types of the values.
    """
    kind = "d" if kinds == {float} else "q" if kinds == {int} else None
    return values if kind is None else array(kind, pack(f"{len(values)}{kind}", *values))  # thrice as fast as alone


def leave_out(columns: list[Column], known: Container[int]) -> list[Column]:
    """Return the rows without those of events with these numbers, which are the first column."""
    kept = [seq not in known for seq in columns[0]]
    return columns if all(kept) else [list(compress(column, kept)) for column in columns]
