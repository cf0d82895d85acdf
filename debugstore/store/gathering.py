"""A group while its block is read: the events that the fast path reads become its rows some at a time."""

from collections import defaultdict
from collections.abc import Container, Sequence
from itertools import islice
from operator import lt
from typing import Any

from debugstore.store import fast
from debugstore.store.groups import Group
from debugstore.store.numbers import OddError, Params
from debugstore.store.rows import Row
from debugstore.store.shapes import joined, shortened

_PENDING = 1000
"""Events that are made into rows at once: enough to spend no time on calls, few enough to stay in a core's cache."""


class OddKindError(Exception):
    """Events that the fast path read are not for it, all of this kind."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind.__name__)
        self.kind = kind


class Gathered:
    """A group, with the events that the fast path reads for it."""

    def __init__(self, group: Group, params: Params) -> None:
        self.group = group
        self.last_seq = -(2**63) - 1
        self.named: tuple[str, int] | None = None
        """Run and rank that the last event of the fast path said."""

        self._params = params
        self._pending: list[Any] = []

    def take(self, event: Any) -> bool:
        """Add an event of the fast path if it is named as the last one and comes next; say whether it is."""
        seq = event.seq
        if seq <= self.last_seq or (event.run_id, event.rank) != self.named:
            return False
        self.last_seq = seq
        self._pending.append(event)
        return True

    def take_all(self, events: Sequence[Any], exact: Container[type]) -> bool:
        """Add what `fast.read` returned if `take` would take each of it, and no kind is of `exact`; say whether it is.

        Raises:
            OddKindError: there is a value that rows would not say.
        """
        kinds = set(map(type, events))
        if self.named is None or not kinds <= fast.LINES.keys() or any(kind in exact for kind in kinds):
            return False
        seqs = [event.seq for event in events]
        if seqs[0] <= self.last_seq or not all(map(lt, seqs, islice(seqs, 1, None))):
            return False
        if {event.run_id for event in events} != {self.named[0]} or {event.rank for event in events} != {self.named[1]}:
            return False
        self.last_seq = seqs[-1]
        self._pending += events
        if len(self._pending) >= _PENDING:
            self._make_rows()
        return True

    def add(self, row: Row) -> None:
        """Add the rows of one event that the exact path read."""
        self.last_seq = row.values[0]
        self.group.add(row)

    def finish(self) -> Group:
        """Return the group, with rows of all events.

        Raises:
            OddKindError: there is a value that they would not say.
        """
        self._make_rows()
        for shape, columns in self.group.events.items():
            self.group.events[shape] = list(map(shortened, columns))
        return self.group

    def _make_rows(self) -> None:
        pending: defaultdict[type, list[Any]] = defaultdict(list)
        for event in self._pending:
            pending[type(event)].append(event)
        self._pending = []
        for kind, events in pending.items():
            try:
                rows, lists = fast.LINES[kind].rows(events, self._params)
            except OddError:
                raise OddKindError(kind) from None
            for there, made in ((self.group.events, rows), (self.group.lists, lists)):
                for shape, columns in made.items():
                    there[shape] = list(map(joined, there[shape], columns)) if shape in there else columns
