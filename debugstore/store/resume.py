"""How far each file was read, so that ingest goes on there; and whether it is still the same file."""

import socket
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from debugstore.store import schema
from debugstore.store.batches import Batch, Position
from debugstore.store.placing import Placing
from debugstore.store.sources import Lines, Source
from debugstore.store.streams import Tracker

sources = schema.sources


def begin(source: Source) -> tuple[Position, Placing]:
    """Return the state before a source's first line."""
    return Position(Tracker(source.stem)), Placing(source.stem, source.name)


def resume(connection: Connection, source: Source, lines: Lines) -> tuple[Position, Placing]:
    """Return the state to go on from: the beginning, if the file is new or what was read of it has changed."""
    if source.path is None:
        return begin(source)
    found = connection.execute(select(sources).where(*_here(source))).mappings().first()
    if found is None or lines.edges(found["read_bytes"]) != (found["head_digest"], found["tail_digest"]):
        return begin(source)
    return msgspec.json.decode(found["state"], type=tuple[Position, Placing])


def remember(connection: Connection, source: Source, batch: Batch, placing: Placing) -> None:
    """Write down how far a file was read, in the transaction that writes what was read."""
    if source.path is None:
        return
    connection.execute(delete(sources).where(*_here(source)))
    state = msgspec.json.encode((msgspec.Raw(batch.state), placing)).decode()
    connection.execute(
        insert(sources).values(
            host=socket.gethostname(),
            path=source.name,
            read_bytes=batch.end.end,
            read_lines=batch.end.first + len(batch.end.lines) - 1,
            num_events=batch.num_events,
            num_rejects=batch.num_rejects,
            head_digest=batch.end.edges.head,
            tail_digest=batch.end.edges.tail,
            state=state,
        )
    )


def _here(source: Source) -> tuple[Any, Any]:
    """Return the condition for a file on this machine; several may share a store."""
    return sources.c.host == socket.gethostname(), sources.c.path == source.name
