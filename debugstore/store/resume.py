"""How far each file was read, so that ingest goes on there; and whether it is still the same file."""

import socket
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, delete, insert, select

from debugstore.store import schema
from debugstore.store.sources import Edges, Lines, Source
from debugstore.store.streams import Tracker, run_of_file

sources = schema.sources


class Position(msgspec.Struct):
    """How far a file was read: bytes (unpacked) and lines, what they held, and where its streams stand."""

    tracker: Tracker
    read_bytes: int = 0
    read_lines: int = 0
    num_events: int = 0
    num_rejects: int = 0
    runs: list[str] = []
    anchor: str = ""
    """Digest of the last line that was an event; what rejects after it are told by."""

    rejects_since: int = 0


class _Where(NamedTuple):
    host: str
    path: str


def _where(source: Source) -> _Where:
    return _Where(socket.gethostname(), source.name)


def start_of(source: Source) -> Position:
    """Return the position before a source's first line."""
    return Position(Tracker(run_of_file(source.stem) if source.path is None else source.stem))


def position_of(connection: Connection, source: Source, lines: Lines) -> Position:
    """Return where to go on: the beginning, if the file is new or what was read of it has changed."""
    if source.path is None:
        return start_of(source)
    host, path = _where(source)
    query = select(sources).where(sources.c.host == host, sources.c.path == path)
    found = connection.execute(query).mappings().first()
    if found is None or lines.edges(found["read_bytes"]) != (found["head_digest"], found["tail_digest"]):
        return start_of(source)
    return msgspec.json.decode(found["state"], type=Position)


def remember(connection: Connection, source: Source, position: Position, edges: Edges) -> None:
    """Write down how far a file was read, in the transaction that writes what was read."""
    if source.path is None:
        return
    host, path = _where(source)
    connection.execute(delete(sources).where(sources.c.host == host, sources.c.path == path))
    connection.execute(
        insert(sources).values(
            host=host,
            path=path,
            read_bytes=position.read_bytes,
            read_lines=position.read_lines,
            num_events=position.num_events,
            num_rejects=position.num_rejects,
            head_digest=edges[0],
            tail_digest=edges[1],
            state=msgspec.json.encode(position).decode(),
        )
    )
