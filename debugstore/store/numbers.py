"""Lists of numbers by parameter in bulk: the columns of their rows and the shapes these have. Part of the fast path."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice, repeat
from math import copysign
from struct import pack
from typing import Any

from debugstore.store import texts
from debugstore.store.parts import LARGEST, PARTS, SMALLEST
from debugstore.store.shapes import Column, Columns, Repeated, Shape, kinds_of, packed, shape

Numbers = dict[str, Any]
"""Numbers by parameter."""

_FLOATS = {float, type(None)}
_NEGATIVE_ZERO = pack("d", -0.0)


class OddError(Exception):
    """A value was found that the fast path must not take."""


class Params:
    """What rows say for a parameter: its id, or its place among the ones that are new."""

    def __init__(self, known: Mapping[str, int]) -> None:
        self._known = known
        self._places = _Places()
        self.num_taken = 0

    def said(self, names: Sequence[Sequence[str]]) -> tuple[Column, bool]:
        """Return what stands for parameters; and whether that is their ids, as it is where all of them are known.

        Args:
            names: those of each event.

        Raises:
            OddError: a name is not what the store would keep.
        """
        try:
            return _whole(map(self._known.__getitem__, chain.from_iterable(names))), True
        except KeyError:
            return _whole(map(self._places.__getitem__, chain.from_iterable(names))), False

    def take_new(self) -> list[str]:
        """Return the parameters that were not returned before, in the order of their places."""
        new = list(islice(self._places, self.num_taken, None))
        self.num_taken = len(self._places)
        return new


def _whole(numbers: Iterable[int]) -> Column:
    """Return ids or places as a column: they fit into 32 bit."""
    made = list(numbers)
    return array("i", pack(f"{len(made)}i", *made))


class _Places(dict[str, int]):
    """A place for each parameter, given when it is asked for first."""

    def __missing__(self, name: str) -> int:
        if "\0" in name or texts.made_name(name) != name:
            raise OddError
        place = self[name] = len(self)
        return place


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
    params: Params,
    seqs: Sequence[int],
    firsts: Sequence[Numbers | None],
    seconds: Sequence[Numbers | None],
) -> Columns:
    """Return the rows of the two lists of each event.

    Those of an event are in the order of their names: where parameters got their ids in that order too, rows are
    appended to a table, which takes SQLite half the time.

    Args:
        params: what stands for parameters.

    Raises:
        OddError: rows do not say a list: an empty one, two norms of one parameter, a number that is no finite float.
    """
    if {} in firsts or {} in seconds:
        raise OddError
    if plan == "param_updates":
        given = [
            (seq, *_changes(one, other)) for seq, one, other in zip(seqs, firsts, seconds, strict=True) if one or other
        ]
        return _columns(_CHANGES, params, given)
    both, large, small = [], [], []
    for seq, one, other in zip(seqs, firsts, seconds, strict=True):
        if one and other:
            both.append((seq, *_norms(one, other)))
        elif one:
            large.append((seq, one))
        elif other:
            small.append((seq, other))
    return {
        **_columns(_NORMS, params, both),
        **_columns(_LARGEST, params, large),
        **_columns(_SMALLEST, params, small),
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


def _columns(of: Shape, params: Params, given: Sequence[tuple[Any, ...]]) -> Columns:
    """Return the rows of events that are given as a number and, for each column, values by the same names.

    Raises:
        OddError: there is a number that they would not say.
    """
    if not given:
        return {}
    seqs, *by_name = zip(*given, strict=True)
    names = list(map(sorted, by_name[0]))
    said, are_ids = params.said(names)
    columns = [_repeated(seqs, list(map(len, names))), said]
    for name, mappings in zip(of.columns[2:], by_name, strict=False):
        values = [mapping[key] for mapping, order in zip(mappings, names, strict=True) for key in order]
        kinds = kinds_of(values)
        columns.append(packed(values, kinds) if name == "listed" else real_numbers(values, kinds))
    return {of.with_ids() if are_ids else of: columns}


def _repeated(numbers: Sequence[int], times: list[int]) -> Column:
    """Return each number as often as said, one after the other."""
    if len(set(times)) > 1:
        return packed(list(chain.from_iterable(map(repeat, numbers, times))), {int})
    return Repeated(packed(numbers, {int}), times[0])


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
