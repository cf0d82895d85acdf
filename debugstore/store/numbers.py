"""Lists of numbers by parameter in bulk: the columns of their rows and the shapes these have. Part of the fast path."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from math import copysign
from typing import Any

from debugstore.store.parts import LARGEST, PARTS, SMALLEST
from debugstore.store.shapes import Column, Columns, Shape, packed, shape

Numbers = dict[str, Any]
"""Numbers by parameter."""

_FLOATS = {float, type(None)}


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


class _Rows:
    """The rows of many events' lists, of one shape, while they are gathered.

    Those of an event are in the order of their names: where parameters got their ids in that order too, rows are
    appended to a table, which takes SQLite half the time.
    """

    def __init__(self, num_values: int) -> None:
        self.seqs: list[int] = []
        self.lengths: list[int] = []
        self.names: list[str] = []
        self.values: list[list[Any]] = [[] for _ in range(num_values)]

    def add(self, seq: int, names: list[str], *values: Iterable[Any]) -> None:
        """Add the rows of one event."""
        self.seqs.append(seq)
        self.lengths.append(len(names))
        self.names += names
        for gathered, more in zip(self.values, values, strict=True):
            gathered.extend(more)

    def columns(self, of: Shape, place_of: Callable[[str], int]) -> list[Column]:
        """Return the columns of all rows.

        Raises:
            OddError: there is a value that they would not say.
        """
        seqs = list(chain.from_iterable(map(repeat, self.seqs, self.lengths)))
        columns: list[Column] = [packed(seqs, {int}), packed(list(map(place_of, self.names)), {int})]
        for name, values in zip(of.columns[2:], self.values, strict=False):
            kinds = set(map(type, values))
            if name != "listed":
                refuse_odd_numbers(values, kinds)
            columns.append(packed(values, kinds))
        return columns


def number_rows(
    plan: str,
    place_of: Callable[[str], int],
    seqs: Sequence[int],
    firsts: Sequence[Numbers | None],
    seconds: Sequence[Numbers | None],
) -> Columns:
    """Return the rows of the two lists of each event.

    Args:
        place_of: from the name of a parameter to what stands for it.

    Raises:
        OddError: rows do not say a list: an empty one, two norms of one parameter.
    """
    if {} in firsts or {} in seconds:
        raise OddError
    rows = _changes(seqs, firsts, seconds) if plan == "param_updates" else _norms(seqs, firsts, seconds)
    return {of: gathered.columns(of, place_of) for of, gathered in rows.items() if gathered.seqs}


def _changes(
    seqs: Sequence[int], changes: Sequence[Numbers | None], ratios: Sequence[Numbers | None]
) -> dict[Shape, _Rows]:
    rows = _Rows(2)
    for seq, change, ratio in zip(seqs, changes, ratios, strict=True):
        if change or ratio:
            change_of, ratio_of = change or {}, ratio or {}
            names = sorted(change_of if change_of.keys() == ratio_of.keys() else {**change_of, **ratio_of})
            rows.add(seq, names, map(change_of.get, names), map(ratio_of.get, names))
    return {_CHANGES: rows}


def _norms(
    seqs: Sequence[int], largest: Sequence[Numbers | None], smallest: Sequence[Numbers | None]
) -> dict[Shape, _Rows]:
    both, first, second = _Rows(2), _Rows(1), _Rows(1)
    for seq, large, small in zip(seqs, largest, smallest, strict=True):
        if large and small:
            twice = large.keys() & small.keys()
            if any(large[name] != small[name] for name in twice):
                raise OddError
            listed = dict.fromkeys(small, SMALLEST) | dict.fromkeys(large, LARGEST)
            listed.update(dict.fromkeys(twice, LARGEST + SMALLEST))
            norms, names = {**small, **large}, sorted(listed)
            both.add(seq, names, map(norms.__getitem__, names), map(listed.__getitem__, names))
        elif large or small:
            norms, rows = (large, first) if large else (small or {}, second)
            names = sorted(norms)
            rows.add(seq, names, map(norms.__getitem__, names))
    return {_NORMS: both, _LARGEST: first, _SMALLEST: second}


def refuse_odd_numbers(numbers: Sequence[Any], kinds: set[type]) -> None:
    """Refuse what rows would not say: integers where floats are due, negative zeros.

    Args:
        kinds: the types of the numbers.

    Raises:
        OddError: there is such a value.
    """
    if not kinds <= _FLOATS or (0.0 in numbers and any(map(_negative_zero, numbers))):
        raise OddError


def _negative_zero(number: float | None) -> bool:
    return number == 0 and copysign(1, number) < 0
