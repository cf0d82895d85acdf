"""Which ranks show a finding: told from its rows, said where the ranks of a run differ."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST_NAMED = 4
"""Ranks that a sentence names; of more it gives the number."""
_NAMES_RANKS = re.compile(r"\brank\b")


@dataclass(frozen=True, slots=True)
class Ranks:
    """The ranks that show a finding, and those of them that show it at its first step; empty where all are alike."""

    shown: tuple[int, ...] = ()
    first: tuple[int, ...] = ()
    num_ranks: int = 1

    @property
    def sentence(self) -> str:
        """Say which ranks these are, ready to stand before what they show; nothing where all are alike."""
        if not self.shown:
            return ""
        every = len(self.shown) == self.num_ranks
        said = f"all {self.num_ranks} ranks" if every else f"{_named(self.shown)} of {self.num_ranks}"
        begun = f", first {_named(self.first)}" if self.first not in ((), self.shown) else ""
        return f"{said}{begun}: "

    def of_rows(self, evidence: str) -> str:
        """Return the SQL of a finding's rows with those of the first of its ranks alone, and their rank shown.

        SQL that speaks of ranks itself stays as it is, so does that of another form.
        """
        if not self.shown or _NAMES_RANKS.search(evidence):
            return evidence
        ranks = ", ".join(map(str, self.first or self.shown))
        narrowed = evidence.replace("WHERE run = :run", f"WHERE run = :run AND rank IN ({ranks})", 1)
        return evidence if narrowed == evidence else narrowed.replace("SELECT step,", "SELECT step, rank,", 1)


class RunRanks:
    """A run to be asked about, and its ranks, counted when that is first needed."""

    def __init__(self, connection: "Connection", run: int) -> None:
        self.connection = connection
        self.run = run
        self._num_ranks: int | None = None

    def told(self, rows: Iterable[tuple[int, int | None]]) -> Ranks:
        """Return which ranks the rows of a finding, of a step and a rank each, are of."""
        rows = [(step, rank) for step, rank in rows if rank is not None]
        if not rows or self._count() < 2:
            return Ranks()
        first_step = min(step for step, _ in rows)
        shown = _distinct(rank for _, rank in rows)
        first = _distinct(rank for step, rank in rows if step == first_step)
        return Ranks() if len(first) == self._count() else Ranks(shown, first, self._count())

    def _count(self) -> int:
        if self._num_ranks is None:
            from sqlalchemy import func, select

            from debugstore.store.schema import segments

            query = select(func.count(segments.c.rank.distinct())).where(segments.c.run == self.run)
            self._num_ranks = int(self.connection.execute(query).scalar_one())
        return self._num_ranks


def _distinct(ranks: Iterable[Any]) -> tuple[int, ...]:
    return tuple(sorted({int(rank) for rank in ranks}))


def _named(ranks: Collection[int]) -> str:
    if len(ranks) > MOST_NAMED:
        return f"{len(ranks)} ranks"
    *others, last = map(str, ranks)
    return f"ranks {', '.join(others)} and {last}" if others else f"rank {last}"
