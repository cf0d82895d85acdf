"""The rows of one stream in a batch."""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from debugstore.store.rows import Row, columns_of
from debugstore.store.shapes import Columns, leave_out
from debugstore.store.streams import Facts

Values = tuple[Any, ...]


@dataclass(slots=True)
class Group:
    """The rows of one stream in a batch, each event with a number above those before it."""

    stream: Facts
    values: dict[str, list[Values]] = field(default_factory=dict)
    """By plan, all columns of a row but run, segment and rank."""

    parts: dict[str, list[Values]] = field(default_factory=dict)
    """By plan, the seq of an event and a `PartRow`."""

    events: Columns = field(default_factory=dict)
    lists: Columns = field(default_factory=dict)
    """What the fast path made, events and lists of numbers; a parameter is its place in `Batch.params`."""

    def __len__(self) -> int:
        """Return how many events it has."""
        return sum(len(columns[0]) for columns in self.events.values()) + sum(map(len, self.values.values()))

    def span(self) -> range:
        """Return the numbers from the least to the greatest of its events, none if it has none."""
        made = [columns[0] for columns in self.events.values()]
        ends = [(seqs[0], seqs[-1]) for seqs in made if seqs]
        ends += [(rows[0][0], rows[-1][0]) for rows in self.values.values() if rows]
        return range(min(first for first, _ in ends), max(last for _, last in ends) + 1) if ends else range(0)

    def steps(self, plans: Collection[str]) -> list[int]:
        """Return the step of every event of some plans."""
        made = (columns[1] for shape, columns in self.events.items() if shape.plan in plans)
        return [*chain.from_iterable(made), *(row[1] for plan in plans for row in self.values.get(plan, ()))]

    def has(self, plans: Collection[str]) -> bool:
        """Say whether there is an event of one of these plans."""
        return bool(self.steps(plans))

    def leave_out(self, known: set[int]) -> None:
        """Drop the events with these numbers."""
        for rows in (*self.values.values(), *self.parts.values()):
            rows[:] = [row for row in rows if row[0] not in known]
        for made in (self.events, self.lists):
            made.update({shape: leave_out(columns, known) for shape, columns in made.items()})

    def rows(self) -> dict[int, Row]:
        """Return by seq the rows that the exact path made."""
        made = {values[0]: Row(plan, values, []) for plan, found in self.values.items() for values in found}
        for rows in self.parts.values():
            for seq, *part in rows:
                made[seq].parts.append(tuple(part))
        return made

    def first(self) -> Row:
        """Return the row with the least seq, without parts that are in `lists`."""
        rows = self.rows()
        for shape, columns in self.events.items():
            said = dict(zip(shape.columns, (column[0] for column in columns), strict=True))
            rows[columns[0][0]] = Row(shape.plan, tuple(said.get(name) for name in columns_of(shape.plan)), [])
        return rows[min(rows)]

    def add(self, row: Row) -> None:
        """Add the rows of one event."""
        self.values.setdefault(row.plan, []).append(row.values)
        if row.parts:
            self.parts.setdefault(row.plan, []).extend((row.values[0], *part) for part in row.parts)
