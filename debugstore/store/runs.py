"""Runs: what the store says of each, and which one a person means."""

import difflib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, delete, select, text, update

from debugstore.errors import ArgumentError, RunAmbiguousError, RunNotFoundError
from debugstore.store import schema, texts
from debugstore.store.summaries import QUERY, RunSummary, summary

LATEST = "latest"

_SHOWN = 10
"""Names in a message."""

_FACTS = ("config", "optimizer", "environment", "trainable_params", "frozen_params", "total_params", "world_size")
"""Columns of `runs` that its `fit_start` fills."""

_STARTS = schema.event_tables["fit_start"]
_SEGMENTS = select(schema.segments).where(schema.segments.c.run == bindparam("run"))
_NAME = select(schema.runs.c.name).where(schema.runs.c.id == bindparam("run"))
_LOGGED_NAMES = select(_STARTS.c.run_name).where(_STARTS.c.run == bindparam("run")).distinct()
"""Queries of every file, made once."""


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
    from debugstore.store.segments import ordered  # and with it all of ingest, which a report does not wait for

    found = connection.execute(_SEGMENTS, {"run": run}).mappings().all()
    if not found:
        return
    lowest = min(segment["rank"] for segment in found)
    in_time = ordered(segment for segment in found if segment["rank"] == lowest)
    moments = [segment["started_at"] for segment in found if segment["started_at"] is not None]
    values: dict[str, Any] = {"started_at": min(moments, default=None)}
    for segment in in_time:
        start = _last(connection, _STARTS, run, segment["id"])
        if start is not None:
            values |= {name: start[name] for name in (*_FACTS, "run_name") if start[name] is not None}
    name = values.pop("run_name", None)
    if name is not None and not _is_renamed(connection, run):
        values["name"] = name
    end = _last(connection, schema.event_tables["fit_end"], run, in_time[-1]["id"])
    values["status"] = end["status"] if end is not None else None
    connection.execute(update(schema.runs).where(schema.runs.c.id == run).values(**values))


def _is_renamed(connection: Connection, run: int) -> bool:
    """Say whether a person gave the run its name: none of its starts says it."""
    name = connection.execute(_NAME, {"run": run}).scalar_one()
    return name is not None and name not in connection.execute(_LOGGED_NAMES, {"run": run}).scalars().all()


def _last(connection: Connection, table: Table, run: int, segment: int) -> Any:
    return connection.execute(_last_query(table), {"run": run, "segment": segment}).mappings().first()


@cache
def _last_query(table: Table) -> Select[Any]:
    of = table.c
    here = (of.run == bindparam("run"), of.segment == bindparam("segment"))
    return select(table).where(*here).order_by(of.seq.desc()).limit(1)


def rename(connection: Connection, run: int, name: str) -> None:
    """Give a run another name; its `run_id`, by which ingest knows it, stays.

    Raises:
        ArgumentError: the name is empty.
    """
    if not name.strip():
        raise ArgumentError("a run's name cannot be empty")
    _set(connection, run, name=name)


def annotate(connection: Connection, run: int, notes: str | None) -> None:
    """Write a note on a run, or take it away."""
    _set(connection, run, notes=notes)


def tag(connection: Connection, run: int, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
    """Put tags on a run and take tags off it; return those it has then, sorted.

    Raises:
        ArgumentError: a tag to put on it is empty.
    """
    add = tuple(add)
    if not all(one.strip() for one in add):
        raise ArgumentError("a tag cannot be empty")
    found = connection.execute(select(schema.runs.c.tags).where(schema.runs.c.id == run)).scalar_one()
    tags = sorted({*(texts.load(found) if found else ()), *add} - set(remove))
    _set(connection, run, tags=texts.dump(tags) if tags else None)
    return tuple(tags)


def remove(connection: Connection, run: int) -> None:
    """Delete a run and all its rows; its files are read from the beginning if they are ingested again."""
    from debugstore.store import resume

    # Locked before anything goes: an ingest of the run has written its batch, or will see that the run is not there.
    query = select(schema.runs.c.run_id).where(schema.runs.c.id == run).with_for_update()
    run_id = connection.execute(query).scalar_one()
    resume.forget(connection, run_id)
    for table in (*schema.part_tables, *schema.plan_tables.values(), schema.stretches, schema.segments):
        connection.execute(delete(table).where(table.c.run == run))
    connection.execute(delete(schema.runs).where(schema.runs.c.id == run))


def prune(
    connection: Connection, older_than_seconds: float, *, now: float, keep_tagged: bool = True, dry_run: bool = False
) -> list[RunSummary]:
    """Delete the runs whose last event is older, and return them.

    A run of which no moment is known stays, and with `keep_tagged` one that has a tag.

    Args:
        now: seconds since 1970.
        dry_run: only return them.
    """
    old = []
    for found in list_runs(connection):
        last = last_moment(connection, found.run)
        if last is not None and now - last > older_than_seconds and not (keep_tagged and found.tags):
            old.append(found)
    if not dry_run:
        for found in old:
            remove(connection, found.run)
    return old


def last_moment(connection: Connection, run: int) -> float | None:
    """Return the moment of a run's last event, in seconds since 1970, None if none says it."""
    moments = []
    for segment in connection.execute(_SEGMENTS, {"run": run}).mappings():
        moments += [segment["started_at"]]
        for table in schema.plan_tables.values():
            last = _last(connection, table, run, segment["id"])
            moments += [last["timestamp"]] if last is not None else []
    return max((moment for moment in moments if moment is not None), default=None)


def _set(connection: Connection, run: int, **values: str | None) -> None:
    connection.execute(update(schema.runs).where(schema.runs.c.id == run).values(**values))
