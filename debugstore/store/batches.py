"""One block of lines as rows, by the stream they belong to, with the lines that are no event. Knows no store."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, NamedTuple

import msgspec

from debugstore.errors import EventError, NoLogsError
from debugstore.events.codec import MAX_LINE_BYTES
from debugstore.store import fast, texts
from debugstore.store.fast import Form
from debugstore.store.numbers import OddError, refuse_odd_numbers, spread
from debugstore.store.rows import Identity, Row, columns_of, read_event, to_row
from debugstore.store.shapes import Flats, Shape, leave_out
from debugstore.store.sources import Block, Edges
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
    """The rows of one stream in a batch, each event with a number above those before it."""

    stream: Facts
    last_seq: int = -(2**63) - 1
    values: dict[str, list[Values]] = field(default_factory=dict)
    """By plan, all columns of a row but run, segment and rank."""

    parts: dict[str, list[Values]] = field(default_factory=dict)
    """By plan, the seq of an event and a `PartRow`."""

    events: Flats = field(default_factory=dict)
    lists: Flats = field(default_factory=dict)
    """What the fast path made, events and lists of numbers, flat; a parameter is its place in `Batch.params`."""

    def seqs(self) -> list[int]:
        """Return the number of every event."""
        made = [flat[:: shape.width] for shape, flat in self.events.items()]
        return [*chain.from_iterable(made), *(row[0] for rows in self.values.values() for row in rows)]

    def steps(self, plans: Collection[str]) -> list[int]:
        """Return the step of every event of some plans."""
        made = [flat[1 :: shape.width] for shape, flat in self.events.items() if shape.plan in plans]
        return [*chain.from_iterable(made), *(row[1] for plan in plans for row in self.values.get(plan, ()))]

    def has(self, plans: Collection[str]) -> bool:
        """Say whether there is an event of one of these plans."""
        return bool(self.steps(plans))

    def leave_out(self, known: set[int]) -> None:
        """Drop the events with these numbers."""
        for rows in (*self.values.values(), *self.parts.values()):
            rows[:] = [row for row in rows if row[0] not in known]
        for shape, flat in (*self.events.items(), *self.lists.items()):
            leave_out(shape, flat, known)

    def rows(self) -> dict[int, Row]:
        """Return by seq the rows that the exact path made."""
        made = {values[0]: Row(plan, values, []) for plan, found in self.values.items() for values in found}
        for rows in self.parts.values():
            for seq, *part in rows:
                made[seq].parts.append(tuple(part))
        return made

    def first(self) -> Row:
        """Return the row with the least seq, without parts that are in `lists`."""
        rows = self.rows()
        for shape, flat in self.events.items():
            said = dict(zip(shape.columns, flat[: shape.width], strict=True))
            rows[flat[0]] = Row(shape.plan, tuple(said.get(name) for name in columns_of(shape.plan)), [])
        return rows[min(rows)]

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
    params: list[str]
    """The parameters that were not in a batch before; together with those they have the places that rows say."""

    state: bytes
    read_bytes: int
    read_lines: int
    edges: Edges
    num_events: int
    num_rejects: int
    moved: list[Facts]
    """Streams that turned out to be another rank than was thought before."""


class _Places(dict[str, int]):
    """A place for each parameter, given when it is asked for first."""

    taken = 0

    def take_new(self) -> list[str]:
        """Return the parameters that were not returned before, in the order of their places."""
        new = list(islice(self, self.taken, None))
        self.taken = len(self)
        return new

    def __missing__(self, name: str) -> int:
        if "\0" in name or texts.made_name(name) != name:
            raise OddError
        place = self[name] = len(self)
        return place


class Decoder:
    """Makes batches of the blocks of one file, in their order."""

    def __init__(self, position: Position, source: str) -> None:
        self.position = position
        self.source = source
        self._groups: list[Group] = []
        self._current: dict[tuple[str, int], Group] = {}
        self._native: dict[tuple[str, int], Group] = {}
        self._rejects: list[Reject] = []
        self._forms: dict[Shape, Form] = {}
        self._params = _Places()

    def decode(self, block: Block) -> Batch | None:
        """Make rows of a block's lines and move the position behind them; None if it is one line that was cut.

        Raises:
            NoLogsError: nothing of so many lines is an event.
        """
        before = msgspec.json.encode(self.position)
        try:
            return self._decode(block, self._add_fast)
        except OddError:
            self.position = msgspec.json.decode(before, type=Position)
            return self._decode(block, lambda _: False)

    def _decode(self, block: Block, add_fast: Callable[[bytes], bool]) -> Batch | None:
        position = self.position
        self._groups, self._current, self._native, self._rejects = [], {}, {}, []
        last, refused = b"", []
        for number, line in enumerate(block.lines, block.first):
            try:
                if not add_fast(line) and not self._add_exactly(line, number):
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
        if refused and position.num_rejects + len(refused) >= _NO_EVENT_LINES:
            found = f"none of its first {refused[-1][0]} lines is an event, such as the last: {refused[-1][2]}"
            raise NoLogsError(self.source, found)
        for bad in refused:
            self._reject(self.source.encode("utf-8", "surrogateescape"), *bad)
        self._finish()
        if last:
            position.anchor = texts.digest(last)
        position.num_rejects += len(self._rejects)
        position.read_bytes, position.read_lines = block.end, block.first + len(block.lines) - 1
        moved = position.tracker.take_moved()
        return Batch(
            groups=self._groups,
            rejects=self._rejects,
            params=self._params.take_new(),
            state=msgspec.json.encode(position),
            read_bytes=position.read_bytes,
            read_lines=position.read_lines,
            edges=block.edges,
            num_events=position.num_events,
            num_rejects=position.num_rejects,
            moved=moved,
        )

    def _finish(self) -> None:
        """Look at what the fast path made once more, column by column, and put places for parameters.

        Raises:
            OddError: there is a value that its rows would not say.
        """
        for group in self._groups:
            for shape, flat in group.events.items():
                self._forms[shape].finish(flat)
            for shape, flat in group.lists.items():
                refuse_odd_numbers(shape, flat)
                for place in shape.params:
                    flat[place :: shape.width] = map(self._params.__getitem__, flat[place :: shape.width])

    def _add_fast(self, line: bytes) -> bool:
        """Add a line as our logger writes it, of a stream that is open; say whether it was one."""
        found = fast.read(line)
        if found is None:
            return False
        run_id, rank, form, row, numbers = found
        seq = row[0]
        group = self._native.get((run_id, rank))
        if group is None or seq <= group.last_seq:
            stream = self.position.tracker.native(run_id, rank)
            if stream is None:
                return False
            group = self._native[run_id, rank] = self._group(stream, seq)
        if numbers:
            made = spread(form.shape.plan, seq, numbers)
            if made is None:
                return False
            for shape, values in made:
                flat = group.lists.get(shape)
                if flat is None:
                    flat = group.lists[shape] = []
                flat.extend(values)
        group.last_seq = seq
        rows = group.events.get(form.shape)
        if rows is None:
            rows = group.events[form.shape] = []
            self._forms[form.shape] = form
        rows.extend(row)
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
