"""Show: every event near a step, of every kind, rank and segment."""

from typing import Any

from sqlalchemy import Connection, func, select, union_all

from debugstore.store import schema
from debugstore.store.reading import rows_between
from debugstore.store.rows import Identity, to_line
from debugstore.store.streams import NATIVE

WINDOW = 10
"""Steps on either side: the next event of the default cadence is among them."""

_STEP, _TIMESTAMP = 1, 3  # places in `Row.values`


def events_near(connection: Connection, run: int, step: int, window: int = WINDOW) -> tuple[dict[str, Any], ...]:
    """Return a run's events from `step - window` to `step + window`, as lines in strict form, by step, rank and order.

    Events that a later segment did again are among them. Reads the steps of the run, and no other column of what is not
    returned.

    Args:
        run: `runs.id`.
    """
    segments, low, high = schema.segments, step - window, step + window
    run_id = connection.execute(select(schema.runs.c.run_id).where(schema.runs.c.id == run)).scalar_one()
    found = []
    for segment in connection.execute(select(segments).where(segments.c.run == run)).mappings().all():
        first, last = _seqs(connection, run, segment["id"], low, high)
        if first is None or last is None:
            continue
        key = segment["key"] if segment["kind"] == NATIVE else None
        for seq, row in rows_between(connection, run, segment["id"], first, last + 1).items():
            if low <= row.values[_STEP] <= high:
                identity = Identity(run_id, segment["rank"], seq, row.values[_TIMESTAMP], key)
                order = (row.values[_STEP], segment["rank"], segment["id"], seq)
                found.append((order, to_line(row.plan, row.values, row.parts, identity)))
    return tuple(line for _, line in sorted(found, key=lambda one: one[0]))


def _seqs(connection: Connection, run: int, segment: int, low: int, high: int) -> tuple[int | None, int | None]:
    """Return the least and the greatest seq of a segment's events between two steps, None without any."""
    ends = [
        select(func.min(table.c.seq).label("first"), func.max(table.c.seq).label("last")).where(
            table.c.run == run, table.c.segment == segment, table.c.step.between(low, high)
        )
        for table in schema.plan_tables.values()
    ]
    every = union_all(*ends).subquery()
    first, last = connection.execute(select(func.min(every.c.first), func.max(every.c.last))).one()
    return first, last
