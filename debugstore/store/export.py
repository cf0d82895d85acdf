"""Export: the events of a run as the lines that came in."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from debugstore.events import encode
from debugstore.store import schema
from debugstore.store.reading import segment_rows
from debugstore.store.rows import Identity, to_line
from debugstore.store.streams import NATIVE


def export_events(connection: Connection, run: int) -> Iterator[dict[str, Any]]:
    """Yield every event of a run in strict form, value for value as its line said it.

    Events come by rank, then by segment in the order of time, then as they were logged.

    Args:
        run: `runs.id`.
    """
    segments, runs = schema.segments, schema.runs
    run_id = connection.execute(select(runs.c.run_id).where(runs.c.id == run)).scalar_one()
    query = (
        select(segments).where(segments.c.run == run).order_by(segments.c.rank, segments.c.started_at, segments.c.key)
    )
    for segment in connection.execute(query).mappings().all():
        key = segment["key"] if segment["kind"] == NATIVE else None
        for seq, row in segment_rows(connection, run, segment["id"]):
            identity = Identity(run_id, segment["rank"], seq, row.values[3], key)
            yield to_line(row.plan, row.values, row.parts, identity)


def export_lines(connection: Connection, run: int) -> Iterator[bytes]:
    """Yield every event of a run as a line of JSON; see `export_events`."""
    return map(encode, export_events(connection, run))
