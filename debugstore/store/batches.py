"""One block of lines as rows, by the stream they belong to, with the lines that are no event. Knows no store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from debugstore.errors import EventError, NoLogsError
from debugstore.events.codec import MAX_LINE_BYTES
from debugstore.store import fast, texts
from debugstore.store.parts import NUMBER_LISTS, number_rows
from debugstore.store.rows import Identity, Row, read_event, to_row
from debugstore.store.sources import Block
from debugstore.store.streams import NATIVE, Facts, Stream, Tracker, run_of_file

MAX_RAW = 2000
"""Characters of a rejected line that are kept."""

_NO_EVENT_LINES = 1000
"""Lines without one event among them after which a file is no log."""

Values = tuple[Any, ...]


class Position(msgspec.Struct):
    """How far a file was read: bytes (unpacked) and lines, what they held, and where its streams stand."""

    tracker: Tracker
    read_bytes: int = 0
    read_lines: int = 0
    num_events: int = 0
    num_rejects: int = 0
    anchor: str = ""
    """Digest of the last line that was an event; what rejects after it are told by."""

    rejects_since: int = 0


class Reject(NamedTuple):
    """A line that is no event."""

    line_number: int
    reason: str
    raw: str
    digest: str


@dataclass(slots=True)
class Group:
    """The rows of one stream in a batch, by plan, each with a number above those before it."""

    stream: Facts
    last_seq: int = -(2**63) - 1
    values: dict[str, list[Values]] = field(default_factory=dict)
    parts: dict[str, list[Values]] = field(default_factory=dict)
    """Each the seq of its event and a `PartRow`."""

    numbers: dict[str, list[Any]] = field(default_factory=dict)
    """Parts with a finite number only, flat: four values a row, as `number_rows` makes them."""

    def seqs(self) -> list[int]:
        """Return the number of every event."""
        return [values[0] for rows in self.values.values() for values in rows]

    def params(self) -> set[str]:
        """Return the parameters that parts name."""
        named = {row[1] for plan, rows in self.parts.items() if plan in NUMBER_LISTS for row in rows}
        return named.union(*(flat[1::4] for flat in self.numbers.values()))

    def leave_out(self, known: set[int]) -> None:
        """Drop the events with these numbers."""
        for rows in (*self.values.values(), *self.parts.values()):
            rows[:] = [row for row in rows if row[0] not in known]
        for flat in self.numbers.values():
            kept = [flat[start : start + 4] for start in range(0, len(flat), 4) if flat[start] not in known]
            flat[:] = chain.from_iterable(kept)

    def rows(self) -> Mapping[int, Row]:
        """Return the rows by seq, without those parts that are in `numbers`."""
        made = {values[0]: Row(plan, values, []) for plan, found in self.values.items() for values in found}
        for rows in self.parts.values():
            for seq, *part in rows:
                made[seq].parts.append(tuple(part))
        return made

    def add(self, row: Row) -> None:
        """Add the rows of one event."""
        self.last_seq = row.values[0]
        self.values.setdefault(row.plan, []).append(row.values)
        if row.parts:
            self.parts.setdefault(row.plan, []).extend((row.values[0], *part) for part in row.parts)


@dataclass(slots=True)
class Batch:
    """The rows and rejects of one block; the position behind it, as JSON."""

    groups: list[Group]
    rejects: list[Reject]
    state: bytes
    end: Block
    num_events: int
    num_rejects: int
    moved: list[Facts]
    """Streams that turned out to be another rank than was thought before."""


class Decoder:
    """Makes batches of the blocks of one file, in their order."""

    def __init__(self, position: Position, source: str) -> None:
        self.position = position
        self.source = source
        self._groups: list[Group] = []
        self._current: dict[tuple[str, int], Group] = {}
        self._native: dict[tuple[str, int], Group] = {}
        self._rejects: list[Reject] = []

    def decode(self, block: Block) -> Batch | None:
        """Make rows of a block's lines and move the position behind them; None if it is one line that was cut.

        Raises:
            NoLogsError: nothing of so many lines is an event.
        """
        position = self.position
        self._groups, self._current, self._native, self._rejects = [], {}, {}, []
        last, refused = b"", []
        for number, line in enumerate(block.lines, block.first):
            try:
                if not self._add_fast(line) and not self._add_exactly(line, number):
                    continue
            except EventError as error:
                if not block.terminated:
                    return None
                if last or position.anchor:
                    self._reject(last, number, line, error.reason)
                else:
                    refused.append((number, line, error.reason))
                continue
            last = line
            position.num_events += 1
            position.rejects_since = 0
            if refused:  # before the first event of a file: told by that event
                for bad in refused:
                    self._reject(last, *bad)
                refused = []
        if len(refused) >= _NO_EVENT_LINES:
            found = f"none of its first {len(refused)} lines is an event; the first: {refused[0][2]}"
            raise NoLogsError(self.source, found)
        for bad in refused:
            self._reject(self.source.encode("utf-8", "surrogateescape"), *bad)
        if last:
            position.anchor = texts.digest(last)
        position.num_rejects += len(self._rejects)
        position.read_bytes, position.read_lines = block.end, block.first + len(block.lines) - 1
        return Batch(
            groups=self._groups,
            rejects=self._rejects,
            state=msgspec.json.encode(position),
            end=block,
            num_events=position.num_events,
            num_rejects=position.num_rejects,
            moved=position.tracker.take_moved(),
        )

    def _add_fast(self, line: bytes) -> bool:
        """Add a line as our logger writes it, of a stream that is open; say whether it was one."""
        row = fast.read(line)
        if row is None:
            return False
        run_id, rank, plan, values, numbers = row
        seq = values[0]
        group = self._native.get((run_id, rank))
        if group is None or seq <= group.last_seq:
            stream = self.position.tracker.native(run_id, rank)
            if stream is None:
                return False
            group = self._native[run_id, rank] = self._group(stream, seq)
        group.last_seq = seq
        rows = group.values.get(plan)
        if rows is None:
            rows = group.values[plan] = []
        rows.append(values)
        if numbers:
            flat = group.numbers.get(plan)
            if flat is None:
                flat = group.numbers[plan] = []
            flat.extend(number_rows(plan, seq, numbers))
        return True

    def _add_exactly(self, line: bytes, number: int) -> bool:
        """Add any line; say whether it was an event and not blank."""
        if not line.strip():
            return False
        if len(line) > MAX_LINE_BYTES:
            raise EventError(f"the line is longer than {MAX_LINE_BYTES >> 20} MiB")
        event = read_event(line)
        tracker = self.position.tracker
        stream = tracker.place(event, line, number)
        self._native.pop((stream.run_id or "", stream.rank), None)  # it may be another stream's turn
        identity = Identity(
            run_id=stream.run_id or texts.made_storable(run_of_file(tracker.stem)),
            rank=stream.rank,
            seq=stream.seq(event, number),
            timestamp=stream.timestamp(event),
            segment_key=stream.key if stream.kind == NATIVE else None,
        )
        row = to_row(event, identity)
        self._group(stream, identity.seq).add(row)
        return True

    def _group(self, stream: Stream, seq: int) -> Group:
        """Return the group that the next row of a stream belongs to; a number that goes back begins another."""
        key = (stream.key, stream.first_line)
        group = self._current.get(key)
        if group is None or seq <= group.last_seq:
            group = self._current[key] = Group(stream.facts())
            self._groups.append(group)
        return group

    def _reject(self, anchor: bytes, number: int, line: bytes, reason: str) -> None:
        """Keep a line that is no event, told by the event near it so that a copy of the file has the same reject."""
        position = self.position
        near = texts.digest(anchor) if anchor else position.anchor
        told = texts.digest(near.encode(), str(position.rejects_since).encode(), line)
        position.rejects_since += 1
        self._rejects.append(Reject(number, reason, _shown(line), told))


def _shown(line: bytes) -> str:
    """Return a line as text, what is no UTF-8 escaped, shortened."""
    start = line[: 4 * MAX_RAW].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    if len(line) <= 4 * MAX_RAW and len(start) <= MAX_RAW:
        return start
    return f"{start[:MAX_RAW]}... ({len(line)} bytes)"
