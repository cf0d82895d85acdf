"""Where two long runs first differ, row by row, so that a digest of them has that row and its neighbours.

Runs of one program write the same events in the same order, so that a row and its fellow have the same number; the
first pair that differs ends the search. Runs that were logged differently are compared at the steps that both digests
have, as are runs of different cadences.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

FACTS = {
    "steps": (
        *("step", "nonfinite", "batch_fingerprint", "sample_labels", "num_valid_tokens", "label_entropy"),
        *("input_mean", "input_std", "learning_rate", "learning_rates", "weight_sample_norm", "weight_norm"),
        *("loss", "accuracy", "sample_predictions"),
    ),
    "grads": ("step", "nonfinite", "gradient_fingerprint", "total_norm", "clipped_norm"),
    "param_updates": (
        *("step", "nonfinite", "parameter_fingerprint", "buffer_fingerprint", "update_norm", "update_ratio"),
    ),
}
"""By table, the columns that `facts.sql` compares."""

AROUND = 48
"""Numbers before and after a row that differs: several logged steps on both sides."""

Window = tuple[int, int, int, int]


def pairs_of(connection: "Connection", run: int, other: int) -> Sequence[tuple[Any, Any]] | None:
    """Return the segments of two runs that belong together, None where the runs were not logged alike."""
    from sqlalchemy import select

    from debugstore.store.schema import segments

    sides = []
    for one in (run, other):
        query = select(segments).where(segments.c.run == one, segments.c.num_events > 0)
        sides.append(connection.execute(query.order_by(segments.c.rank, segments.c.started_at, segments.c.id)).all())
    shapes = [[(one.rank, one.first_seq, one.superseded_from) for one in side] for side in sides]
    resumed = any(one.superseded_from is not None for side in sides for one in side)
    return None if resumed or shapes[0] != shapes[1] else list(zip(*sides, strict=True))


class Search:
    """A search for the rows where runs part from the first of them; `alike` says whether all rows could be paired."""

    def __init__(self, connection: "Connection", runs: Sequence[int]) -> None:
        self.connection = connection
        self._pairs = [pairs_of(connection, runs[0], run) for run in runs[1:]]
        self.alike = None not in self._pairs

    def windows(self) -> Iterator[Window]:
        """Yield windows around the first pair of rows that differs, of each table and pair of segments, in both runs.

        Reads up to that row: all of two runs that are equal, in some three seconds a million logged steps.
        """
        for pairs in self._pairs:
            for one, other in pairs or ():
                found = [row for row in (self._first(one, other, table) for table in FACTS) if row is not None]
                self.alike = self.alike and (not found or bool(min(found)[1]))
                for seq, _ in found:
                    for side in (one, other):
                        yield side.run, side.id, seq - AROUND, seq + AROUND

    def _first(self, one: Any, other: Any, table: str) -> tuple[int, int] | None:
        """Return the first row of a table that differs from its fellow, and 1 where the two are of one step."""
        differs = " OR ".join(f"a.{fact} IS DISTINCT FROM b.{fact}" for fact in FACTS[table])
        found = self.connection.exec_driver_sql(
            f"SELECT a.seq, CASE WHEN a.step = b.step THEN 1 ELSE 0 END FROM {table} AS a LEFT JOIN {table} AS b"
            f" ON b.run = {other.run} AND b.segment = {other.id} AND b.seq = a.seq"
            f" WHERE a.run = {one.run} AND a.segment = {one.id} AND a.seq < {min(one.next_seq, other.next_seq)}"
            f" AND ({differs}) ORDER BY a.seq LIMIT 1"
        ).first()
        return None if found is None else (found[0], found[1])
