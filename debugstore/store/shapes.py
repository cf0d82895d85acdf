"""Rows in bulk: their values column by column, and the shape that says which columns these are.

All events with the same fields share a shape, so that only columns that have values are written.
"""

from array import array
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain, compress, repeat
from struct import pack
from typing import Any

import msgspec


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

    def with_ids(self) -> "Shape":
        """Return the shape of rows that hold the ids themselves."""
        return shape(self.plan, self.table, self.columns, self.constants)

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

_MANY = 256
"""Rows from which on a column that says the same in all of them is said once: worth a statement of its own."""


@dataclass(frozen=True, slots=True)
class Repeated(Sequence[Any]):
    """A column whose values stand in so many rows each, one after the other; handed over to another process once."""

    values: Column
    times: int

    def __len__(self) -> int:
        return len(self.values) * self.times

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(map(repeat, self.values, repeat(self.times)))

    def __getitem__(self, place: Any) -> Any:
        places = range(len(self))[place]
        if isinstance(places, int):
            return self.values[places // self.times]
        if places.step != 1:
            return [self.values[one // self.times] for one in places]
        before = places.start // self.times
        some = Repeated(self.values[before : -(-places.stop // self.times)], self.times)
        start = places.start - before * self.times
        return list(some)[start : start + len(places)]

    def whole(self) -> list[Any]:
        """Return all of it; its values are made once, which is faster than the rows of an array."""
        made = [None] * len(self)
        values = list(self.values)
        for place in range(self.times):
            made[place :: self.times] = values
        return made


def shortened(column: Column) -> Column:
    """Return a column as one value, if there are many rows and it is the same in all."""
    if len(column) < _MANY or column[0] != column[-1]:
        return column
    first: Any = column[:1]
    if column != first * len(column) or len(set(map(type, column))) > 1:  # 1, 1.0 and True are equal
        return column
    return Repeated(first, len(column))


def joined(column: Column, other: Column) -> Column:
    """Return two columns as one, the second after the first, which may be used up."""
    if isinstance(column, array) and isinstance(other, array) and column.typecode == other.typecode:
        column.extend(other)
        return column
    if isinstance(column, Repeated) and isinstance(other, Repeated) and column.times == other.times:
        return Repeated(joined(column.values, other.values), column.times)
    return [*column, *other]


_MARK = b"\xcb"
"""What MessagePack writes before the eight bytes of a float, and before no other value."""

_HEAD, _LENGTHS = 3, range(16, 1 << 16)
"""Bytes that it writes before the values of a list of such a length."""

_write = msgspec.msgpack.Encoder().encode


def kinds_of(values: Sequence[Any]) -> set[type]:
    """Return the types of the values of a column."""
    if len(values) in _LENGTHS and type(values[0]) is float:
        # Where all are floats there is a mark in every ninth byte: seen at six times the speed of asking each.
        with suppress(OverflowError, TypeError):  # an integer beyond 64 bit, a value that is none
            if _write(values)[_HEAD::9] == _MARK * len(values):
                return {float}
    return set(map(type, values))


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
