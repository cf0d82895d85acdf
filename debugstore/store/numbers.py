"""Lists of numbers by parameter in bulk: the columns of their rows and the shapes these have. Part of the fast path."""

from array import array
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from math import copysign
from struct import pack
from typing import Any

from debugstore.store.parts import LARGEST, PARTS, SMALLEST
from debugstore.store.shapes import Column, Columns, Shape, packed, shape

Numbers = dict[str, Any]
"""Numbers by parameter."""

_FLOATS = {float, type(None)}
_NEGATIVE_ZERO = pack("d", -0.0)


class OddError(Exception):
    """A value was found that the fast path must not take."""


def _shape(plan: str, listed: int | None = None) -> Shape:
    """Return the shape of a plan's parts without `nonfinite`: the event's number, the parameter, its values."""
    parts = PARTS[plan]
    return shape(plan, parts.table, ("seq", *parts.columns[:-1]), () if listed is None else (listed,), (1,))


_CHANGES = _shape("param_updates")
_NORMS = _shape("gradient_stats")
_LARGEST = _shape("gradient_stats", LARGEST)
_SMALLEST = _shape("gradient_stats", SMALLEST)


def number_rows(
    plan: str,
    place_of: Callable[[str], int],
    seqs: Sequence[int],
    firsts: Sequence[Numbers | None],
    seconds: Sequence[Numbers | None],
) -> Columns:
    """Return the rows of the two lists of each event.

    Those of an event are in the order of their names: where parameters got their ids in that order too, rows are
    appended to a table, which takes SQLite half the time.

    Args:
        place_of: from the name of a parameter to what stands for it.

    Raises:
        OddError: rows do not say a list: an empty one, two norms of one parameter, a number that is no finite float.
    """
    if {} in firsts or {} in seconds:
        raise OddError
    if plan == "param_updates":
        given = [
            (seq, *_changes(one, other)) for seq, one, other in zip(seqs, firsts, seconds, strict=True) if one or other
        ]
        return _columns(_CHANGES, place_of, given)
    both, large, small = [], [], []
    for seq, one, other in zip(seqs, firsts, seconds, strict=True):
        if one and other:
            both.append((seq, *_norms(one, other)))
        elif one:
            large.append((seq, one))
        elif other:
            small.append((seq, other))
    return {
        **_columns(_NORMS, place_of, both),
        **_columns(_LARGEST, place_of, large),
        **_columns(_SMALLEST, place_of, small),
    }


def _changes(changes: Numbers | None, ratios: Numbers | None) -> tuple[Numbers, Numbers]:
    """Return both lists with the same names."""
    first, second = changes or {}, ratios or {}
    if first.keys() == second.keys():
        return first, second
    names = {**first, **second}
    return {name: first.get(name) for name in names}, {name: second.get(name) for name in names}


def _norms(largest: Numbers, smallest: Numbers) -> tuple[Numbers, Numbers]:
    """Return the norms of both lists as one, and in which of them each stands.

    Raises:
        OddError: a parameter has two norms.
    """
    both = largest.keys() & smallest.keys()
    if any(largest[name] != smallest[name] for name in both):
        raise OddError
    listed = dict.fromkeys(smallest, SMALLEST) | dict.fromkeys(largest, LARGEST)
    listed.update(dict.fromkeys(both, LARGEST + SMALLEST))
    return {**smallest, **largest}, listed


def _columns(of: Shape, place_of: Callable[[str], int], given: Sequence[tuple[Any, ...]]) -> Columns:
    """Return the rows of events that are given as a number and, for each column, values by the same names.

    Raises:
        OddError: there is a number that they would not say.
    """
    if not given:
        return {}
    seqs, *by_name = zip(*given, strict=True)
    names = [sorted(values) for values in by_name[0]]
    columns = [_repeated(seqs, list(map(len, names))), packed(list(map(place_of, chain.from_iterable(names))), {int})]
    for name, mappings in zip(of.columns[2:], by_name, strict=False):
        values = [mapping[key] for mapping, order in zip(mappings, names, strict=True) for key in order]
        kinds = set(map(type, values))
        columns.append(packed(values, kinds) if name == "listed" else real_numbers(values, kinds))
    return {of: columns}


def _repeated(numbers: Sequence[int], times: list[int]) -> Column:
    """Return each number as often as said, one after the other."""
    if len(set(times)) > 1:
        return packed(list(chain.from_iterable(map(repeat, numbers, times))), {int})
    each = array("q", numbers)
    column = array("q", bytes(each.itemsize * len(numbers) * times[0]))
    for place in range(times[0]):
        column[place :: times[0]] = each
    return column


def real_numbers(numbers: Sequence[Any], kinds: set[type]) -> Column:
    """Return numbers as a column, None where there is none; refuse integers and negative zeros, which it would not say.

    Args:
        kinds: the types of the numbers.

    Raises:
        OddError: there is such a value.
    """
    if not kinds <= _FLOATS:
        raise OddError
    column = packed(numbers, kinds)
    suspect = _NEGATIVE_ZERO in column.tobytes() if isinstance(column, array) else 0.0 in numbers
    if suspect and any(map(_negative_zero, numbers)):
        raise OddError
    return column


def _negative_zero(number: float | None) -> bool:
    return number == 0 and copysign(1, number) < 0
