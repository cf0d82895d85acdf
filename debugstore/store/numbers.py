"""Lists of numbers by parameter in bulk: the values of their rows and the shapes these have. Part of the fast path."""

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from math import copysign
from typing import Any

from debugstore.store.parts import LARGEST, PARTS, SMALLEST
from debugstore.store.shapes import Shape, shape

Numbers = dict[str, Any]
"""Numbers by parameter."""

_FLOATS = {float, type(None)}


class OddError(Exception):
    """A value was found that the fast path must not take."""


def _shape(plan: str, listed: int | None = None) -> Shape:
    """Return the shape of a plan's parts without `nonfinite`: the event's number, the parameter, its values."""
    parts = PARTS[plan]
    columns = ("seq", *parts.columns[:-1])
    constants = () if listed is None else (listed,)
    return shape(plan, parts.table, columns, constants, (1,), (2, 3) if plan == "param_updates" else (2,))


_CHANGES = _shape("param_updates")
_NORMS = _shape("gradient_stats")
_LARGEST = _shape("gradient_stats", LARGEST)
_SMALLEST = _shape("gradient_stats", SMALLEST)


def spread(plan: str, seq: int, lists: Sequence[Numbers | None]) -> list[tuple[Shape, Iterable[Any]]] | None:
    """Return the values of an event's lists, by shape; None if rows do not say them.

    Rows do not say an empty list, nor two norms of one parameter.
    """
    first, second = lists
    if first == {} or second == {}:
        return None
    if plan == "param_updates":
        first, second = first or {}, second or {}
        names = first if first.keys() == second.keys() else {**first, **second}
        return [(_CHANGES, _rows(seq, names, map(first.get, names), map(second.get, names)))]
    if first and second and not first.keys().isdisjoint(second):
        both = first.keys() & second.keys()
        if any(first[name] != second[name] for name in both):
            return None
        listed = (
            dict.fromkeys(second, SMALLEST) | dict.fromkeys(first, LARGEST) | dict.fromkeys(both, LARGEST + SMALLEST)
        )
        return [(_NORMS, _rows(seq, listed, map({**second, **first}.get, listed), listed.values()))]
    given = ((_LARGEST, first), (_SMALLEST, second))
    return [(of, _rows(seq, numbers, numbers.values())) for of, numbers in given if numbers]


def _rows(seq: int, *columns: Iterable[Any]) -> Iterable[Any]:
    return chain.from_iterable(zip(repeat(seq), *columns, strict=False))


def refuse_odd_numbers(of: Shape, flat: list[Any]) -> None:
    """Refuse what rows would not say: integers where floats are due, negative zeros.

    Raises:
        OddError: there is such a value.
    """
    for numbers in of.columns_of(flat, of.floats):
        if not set(map(type, numbers)) <= _FLOATS or (0.0 in numbers and any(map(_negative_zero, numbers))):
            raise OddError


def _negative_zero(number: float | None) -> bool:
    return number == 0 and copysign(1, number) < 0
