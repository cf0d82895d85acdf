"""How far each file was read, so that ingest goes on there; and whether it is still the same file."""

import socket

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, text

from debugstore.store import schema
from debugstore.store.batches import Batch, Position
from debugstore.store.placing import Placing
from debugstore.store.sources import Lines, Source
from debugstore.store.streams import Tracker

sources = schema.sources

_STATE = select(sources).where(sources.c.host == bindparam("host"), sources.c.path == bindparam("path"))


def begin(source: Source) -> tuple[Position, Placing]:
    """Return the state before a source's first line."""
    return Position(Tracker(source.stem)), Placing(source.stem, source.name)


def resume(connection: Connection, source: Source, lines: Lines) -> tuple[Position, Placing]:
    """Return the state to go on from: the beginning, if the file is new or what was read of it has changed."""
    if source.is_pipe:
        return begin(source)
    found = connection.execute(_STATE, {"host": socket.gethostname(), "path": source.name}).mappings().first()
    if found is None or lines.edges(found["read_bytes"]) != (found["head_digest"], found["tail_digest"]):
        return begin(source)
    try:
        return msgspec.json.decode(found["state"], type=tuple[Position, Placing])
    except msgspec.ValidationError:  # written by another debugstore: reading again is safe
        return begin(source)


_REMEMBERED = ("read_bytes", "read_lines", "num_events", "num_rejects", "head_digest", "tail_digest", "state")
_REMEMBER = text(
    f"INSERT INTO sources (host, path, {', '.join(_REMEMBERED)})"
    f" VALUES (:host, :path, {', '.join(f':{name}' for name in _REMEMBERED)})"
    f" ON CONFLICT (host, path) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _REMEMBERED)}"
)


def remember(connection: Connection, source: Source, batch: Batch, placing: Placing) -> None:
    """Write down how far a file of this machine was read, in the transaction that writes what was read."""
    if source.is_pipe:
        return
    values = {
        "host": socket.gethostname(),
        "path": source.name,
        "read_bytes": batch.read_bytes,
        "read_lines": batch.read_lines,
        "num_events": batch.num_events,
        "num_rejects": batch.num_rejects,
        "head_digest": batch.edges.head,
        "tail_digest": batch.edges.tail,
        "state": msgspec.json.encode((msgspec.Raw(batch.state), placing)).decode(),
    }
    connection.execute(_REMEMBER, values)


def forget(connection: Connection, run_id: str) -> None:
    """Forget the files that had events of a run, so that they are read from the beginning again."""
    for number, state in connection.execute(select(sources.c.id, sources.c.state)).all():
        _, placing = msgspec.json.decode(state, type=tuple[msgspec.Raw, _Runs])
        if run_id in placing.runs:
            connection.execute(delete(sources).where(sources.c.id == number))


class _Runs(msgspec.Struct):
    """What of a `Placing` tells whose events a file had."""

    runs: list[str]
