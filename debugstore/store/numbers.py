"""Lists of numbers by parameter in bulk: the values of their rows and the shapes these have. Part of the fast path."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from math import copysign
from typing import Any

from debugstore.store.parts import LARGEST, PARTS, SMALLEST
from debugstore.store.shapes import Constant, Shape

Numbers = dict[str, Any]
"""Numbers by parameter."""

_FLOATS = {float, type(None)}


class OddError(Exception):
    """A value was found that the fast path must not take."""


def spread(plan: str, seq: int, lists: Sequence[Numbers | None]) -> tuple[Shape, Iterable[Any]] | None:
    """Return the values of an event's lists and their shape; None if rows do not say them.

    Rows do not say an empty list, nor two norms of one parameter.
    """
    first, second = lists
    if first == {} or second == {}:
        return None
    if plan == "param_updates":
        return _spread_pairs("param_updates", seq, {**(first or {}), **(second or {})}, first or {}, second or {})
    if first is None or second is None or first.keys().isdisjoint(second):
        shape = _norms(len(first or ()), len(second or ()))
        return shape, chain(
            (seq,), chain.from_iterable((first or {}).items()), chain.from_iterable((second or {}).items())
        )
    both = first.keys() & second.keys()
    if any(first[name] != second[name] for name in both):
        return None
    listed = {
        **dict.fromkeys(second, SMALLEST),
        **dict.fromkeys(first, LARGEST),
        **dict.fromkeys(both, LARGEST + SMALLEST),
    }
    return _spread_pairs("gradient_stats", seq, listed, {**second, **first}, listed)


def _spread_pairs(plan: str, seq: int, names: Numbers, first: Numbers, second: Numbers) -> tuple[Shape, Iterable[Any]]:
    triples = zip(names, map(first.get, names), map(second.get, names), strict=True)
    return _pairs(plan, len(names)), chain((seq,), chain.from_iterable(triples))


@cache
def _norms(largest: int, smallest: int) -> Shape:
    """Return the shape of so many largest and smallest norms, no parameter among both."""
    rows = tuple(
        (0, 1 + 2 * number, 2 + 2 * number, Constant(LARGEST if number < largest else SMALLEST))
        for number in range(largest + smallest)
    )
    table, columns = _part_columns("gradient_stats")
    params, floats = tuple(row[1] for row in rows), tuple(row[2] for row in rows)
    return Shape(table, columns, 1 + 2 * len(rows), rows, params, floats)


@cache
def _pairs(plan: str, number: int) -> Shape:
    """Return the shape of so many parameters with two values each."""
    rows = tuple((0, place, place + 1, place + 2) for place in range(1, 1 + 3 * number, 3))
    table, columns = _part_columns(plan)
    floats = [place for row in rows for place in (row[2:] if plan == "param_updates" else row[2:3])]
    return Shape(table, columns, 1 + 3 * number, rows, tuple(row[1] for row in rows), tuple(floats))


def _part_columns(plan: str) -> tuple[str, tuple[str, ...]]:
    """Return the table of a plan's parts and its columns but run, segment and `nonfinite`."""
    table = PARTS[plan].table
    return table.name, tuple(column.name for column in list(table.columns)[2:-1])


def refuse_odd_numbers(shape: Shape, flat: list[Any]) -> None:
    """Refuse what rows would not say: integers where floats are due, negative zeros, parameters with a NUL.

    Raises:
        OddError: there is such a value.
    """
    for names in shape.columns_of(flat, shape.params):
        if "\0" in "".join(names):
            raise OddError
    for numbers in shape.columns_of(flat, shape.floats):
        if not set(map(type, numbers)) <= _FLOATS or (0.0 in numbers and any(map(_negative_zero, numbers))):
            raise OddError


def _negative_zero(number: float | None) -> bool:
    return number == 0 and copysign(1, number) < 0
