"""Runs: what the store says of each, and which one a person means."""

import difflib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, text, update

from debugstore.errors import RunAmbiguousError, RunNotFoundError
from debugstore.store import schema
from debugstore.store.segments import ordered
from debugstore.store.summaries import QUERY, RunSummary, summary

LATEST = "latest"

_SHOWN = 10
"""Names in a message."""

_FACTS = ("config", "optimizer", "environment", "trainable_params", "frozen_params", "total_params", "world_size")
"""Columns of `runs` that its `fit_start` fills."""


def list_runs(connection: Connection) -> list[RunSummary]:
    """Return every run, the newest first."""
    return [summary(row) for row in connection.execute(text(QUERY)).mappings()]


def resolve(connection: Connection, asked: str) -> int:
    """Return the run (`runs.id`) that a name, a run_id, a unique prefix of these, or ``latest`` means.

    Raises:
        RunNotFoundError: none; the message lists names that are near.
        RunAmbiguousError: several.
    """
    runs = schema.runs
    rows = connection.execute(select(runs.c.id, runs.c.run_id, runs.c.name, runs.c.started_at)).all()
    exact = [row for row in rows if row.run_id == asked] or [row for row in rows if row.name == asked]
    if not exact and asked == LATEST and rows:
        return int(max(rows, key=lambda row: (row.started_at is not None, row.started_at or 0.0, row.id)).id)
    found = exact or [row for row in rows if row.run_id.startswith(asked) or (row.name or "").startswith(asked)]
    if not found or not asked:
        names = [row.run_id for row in rows] + [row.name for row in rows if row.name and row.name != row.run_id]
        raise RunNotFoundError(asked, _near(asked, names), len(names))
    if len(found) > 1:
        raise RunAmbiguousError(asked, sorted(row.run_id for row in found))
    return int(found[0].id)


def _near(asked: str, names: Sequence[str]) -> list[str]:
    """Return the names to show: those alike first, then others."""
    near = difflib.get_close_matches(asked, names, n=_SHOWN, cutoff=0.4)
    return [*near, *(name for name in sorted(names) if name not in near)][:_SHOWN]


def refresh(connection: Connection, run: int) -> None:
    """Fill a run from its segments: its facts from the last start of its lowest rank, its status from its end."""
    segments, starts, ends = schema.segments, *(schema.event_tables[kind] for kind in ("fit_start", "fit_end"))
    found = connection.execute(select(segments).where(segments.c.run == run)).mappings().all()
    if not found:
        return
    lowest = min(segment["rank"] for segment in found)
    in_time = ordered(segment for segment in found if segment["rank"] == lowest)
    moments = [segment["started_at"] for segment in found if segment["started_at"] is not None]
    values: dict[str, Any] = {"started_at": min(moments, default=None)}
    for segment in in_time:
        start = _last(connection, starts, run, segment["id"])
        if start is not None:
            values |= {name: start[name] for name in _FACTS if start[name] is not None}
            values |= {"name": start["run_name"]} if start["run_name"] is not None else {}
    end = _last(connection, ends, run, in_time[-1]["id"])
    values["status"] = end["status"] if end is not None else None
    connection.execute(update(schema.runs).where(schema.runs.c.id == run).values(**values))


def _last(connection: Connection, table: Any, run: int, segment: int) -> Any:
    query = select(table).where(table.c.run == run, table.c.segment == segment).order_by(table.c.seq.desc()).limit(1)
    return connection.execute(query).mappings().first()
