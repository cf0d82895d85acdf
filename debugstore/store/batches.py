"""One block of lines as rows, by the stream they belong to, with the lines that are no event."""

from dataclasses import dataclass, field
from typing import NamedTuple

from debugstore.errors import EventError, NoLogsError
from debugstore.events import Event, decode
from debugstore.events.codec import MAX_LINE_BYTES
from debugstore.store import texts
from debugstore.store.resume import Position
from debugstore.store.rows import Identity, Row, to_row
from debugstore.store.sources import Block
from debugstore.store.streams import NATIVE, Stream, run_of_file

MAX_RAW = 2000
"""Characters of a rejected line that are kept."""

_NO_EVENT_LINES = 1000
"""Lines without one event among them after which a file is no log."""


class Reject(NamedTuple):
    """A line that is no event."""

    line_number: int
    reason: str
    raw: str
    digest: str


@dataclass(slots=True)
class Group:
    """The rows of one stream in a batch, by seq."""

    stream: Stream
    rows: dict[int, Row] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """The rows and rejects of one block, and the position behind it."""

    position: Position
    groups: dict[tuple[str, int], Group] = field(default_factory=dict)
    """By the stream's key and the line it began at: a file may repeat a stream."""

    rejects: list[Reject] = field(default_factory=list)


def decode_block(block: Block, position: Position, source: str) -> Batch | None:
    """Make rows of a block's lines and move `position` behind them; None if the block is one line that was cut.

    Raises:
        NoLogsError: nothing of so many lines is an event.
    """
    batch = Batch(position)
    last = b""
    refused: list[tuple[int, bytes, str]] = []
    for number, line in enumerate(block.lines, block.first):
        if not line.strip():
            continue
        try:
            _add(batch, line, number)
            last = line
        except EventError as error:
            if not block.terminated:
                return None
            if last or position.anchor:
                _reject(batch, last, number, line, error.reason)
            else:
                refused.append((number, line, error.reason))
        else:
            position.num_events += 1
            position.rejects_since = 0
            for bad in refused:  # before the first event of a file: told by that event
                _reject(batch, last, *bad)
            refused.clear()
    if len(refused) >= _NO_EVENT_LINES:
        raise NoLogsError(source, f"none of its first {len(refused)} lines is an event; the first: {refused[0][2]}")
    for bad in refused:
        _reject(batch, source.encode("utf-8", "surrogateescape"), *bad)
    if last:
        position.anchor = texts.digest(last)
    position.num_rejects += len(batch.rejects)
    position.read_bytes, position.read_lines = block.end, block.first + len(block.lines) - 1
    return batch


def _add(batch: Batch, line: bytes, number: int) -> None:
    if len(line) > MAX_LINE_BYTES:
        raise EventError(f"the line is longer than {MAX_LINE_BYTES >> 20} MiB")
    event = decode(line)
    stream = batch.position.tracker.place(event, line, number)
    row = to_row(event, identity_of(stream, event, number, batch.position.tracker.stem))
    group = batch.groups.setdefault((stream.key, stream.first_line), Group(stream))
    group.rows.setdefault(row.values[0], row)


def identity_of(stream: Stream, event: Event, line_number: int, stem: str) -> Identity:
    """Return what the columns of an event's row say before its own fields."""
    return Identity(
        run_id=stream.run_id or run_of_file(stem),
        rank=stream.rank,
        seq=stream.seq(event, line_number),
        timestamp=stream.timestamp(event),
        segment_key=stream.key if stream.kind == NATIVE else None,
    )


def _reject(batch: Batch, anchor: bytes, number: int, line: bytes, reason: str) -> None:
    """Keep a line that is no event, told by the event near it so that a copy of the file has the same reject."""
    position = batch.position
    near = texts.digest(anchor) if anchor else position.anchor
    told = texts.digest(near.encode(), str(position.rejects_since).encode(), line)
    position.rejects_since += 1
    batch.rejects.append(Reject(number, reason, _shown(line), told))


def _shown(line: bytes) -> str:
    """Return a line as text, what is no UTF-8 escaped, shortened."""
    start = line[: 4 * MAX_RAW].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    start = start.encode("utf-8", "backslashreplace").decode()
    if len(line) <= 4 * MAX_RAW and len(start) <= MAX_RAW:
        return start
    return f"{start[:MAX_RAW]}... ({len(line)} bytes)"
