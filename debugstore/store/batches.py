"""One block of lines as rows, by the stream they belong to, with the lines that are no event. Knows no store."""

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from debugstore.errors import EventError, NoLogsError
from debugstore.events.codec import MAX_LINE_BYTES
from debugstore.store import fast, texts
from debugstore.store.groups import Group
from debugstore.store.numbers import OddError
from debugstore.store.rows import Identity, Row, read_event, to_row
from debugstore.store.sources import Block, Edges
from debugstore.store.streams import NATIVE, Facts, Stream, Tracker, run_of_file

MAX_RAW = 2000
"""Characters of a rejected line that are kept."""

_NO_EVENT_LINES = 1000
"""Lines without one event among them after which a file is no log."""


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
class Batch:
    """The rows and rejects of one block; the position behind it, as JSON."""

    groups: list[Group]
    rejects: list[Reject]
    num_known: int
    params: list[str]
    """The parameters that were not in a batch of this decoder before; those before them are `num_known`. Together they
    have the places that rows say."""

    state: bytes
    read_bytes: int
    read_lines: int
    edges: Edges
    num_events: int
    num_rejects: int
    moved: list[Facts]
    """Streams that turned out to be another rank than was thought before."""


class _OddKindError(Exception):
    """Events that the fast path read are not for it, all of this kind."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind.__name__)
        self.kind = kind


class _Gathered:
    """A group while its block is read, with the events that the fast path reads for it."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.last_seq = -(2**63) - 1
        self.events: defaultdict[type, list[Any]] = defaultdict(list)

    def add(self, row: Row) -> None:
        """Add the rows of one event that the exact path read."""
        self.last_seq = row.values[0]
        self.group.add(row)

    def finish(self, places: "_Places") -> Group:
        """Return the group, with rows of these events.

        Raises:
            _OddKindError: there is a value that they would not say.
        """
        for kind, events in self.events.items():
            try:
                rows, lists = fast.LINES[kind].rows(events, places.__getitem__)
            except OddError:
                raise _OddKindError(kind) from None
            self.group.events.update(rows)
            self.group.lists.update(lists)
        return self.group


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
        self._gathered: list[_Gathered] = []
        self._current: dict[tuple[str, int], _Gathered] = {}
        self._native: dict[tuple[str, int], _Gathered] = {}
        self._rejects: list[Reject] = []
        self._params = _Places()

    def decode(self, block: Block) -> Batch | None:
        """Make rows of a block's lines and move the position behind them; None if it is one line that was cut.

        Raises:
            NoLogsError: nothing of so many lines is an event.
        """
        before = msgspec.json.encode(self.position)
        exact: set[type] = set()
        while True:
            try:
                return self._decode(block, exact)
            except _OddKindError as odd:
                exact.add(odd.kind)
                self.position = msgspec.json.decode(before, type=Position)

    def _decode(self, block: Block, exact: Container[type]) -> Batch | None:
        """Make rows of a block's lines, events of the kinds `exact` one by one.

        Raises:
            _OddKindError: another kind has to be read one by one too.
        """
        position = self.position
        self._gathered, self._current, self._native, self._rejects = [], {}, {}, []
        last, refused = b"", []
        for number, line in enumerate(block.lines, block.first):
            try:
                if not self._add_fast(line, exact) and not self._add_exactly(line, number):
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
        groups = [gathered.finish(self._params) for gathered in self._gathered]
        if last:
            position.anchor = texts.digest(last)
        position.num_rejects += len(self._rejects)
        position.read_bytes, position.read_lines = block.end, block.first + len(block.lines) - 1
        moved = position.tracker.take_moved()
        return Batch(
            groups=groups,
            rejects=self._rejects,
            num_known=self._params.taken,
            params=self._params.take_new(),
            state=msgspec.json.encode(position),
            read_bytes=position.read_bytes,
            read_lines=position.read_lines,
            edges=block.edges,
            num_events=position.num_events,
            num_rejects=position.num_rejects,
            moved=moved,
        )

    def _add_fast(self, line: bytes, exact: Container[type]) -> bool:
        """Add a line as our logger writes it, of a stream that is open; say whether it was one."""
        event = fast.read(line)
        if event is None:
            return False
        kind, seq = type(event), event.seq
        gathered = self._native.get((event.run_id, event.rank))
        if gathered is None or seq <= gathered.last_seq:
            stream = self.position.tracker.native(event.run_id, event.rank)
            if stream is None:
                return False
            gathered = self._native[event.run_id, event.rank] = self._gather(stream, seq)
        if kind in exact:
            return False
        gathered.last_seq = seq
        gathered.events[kind].append(event)
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
        self._gather(stream, identity.seq).add(row)
        return True

    def _gather(self, stream: Stream, seq: int) -> _Gathered:
        """Return the group that the next row of a stream belongs to; a number that goes back begins another."""
        key = (stream.key, stream.first_line)
        gathered = self._current.get(key)
        if gathered is None or seq <= gathered.last_seq:
            gathered = self._current[key] = _Gathered(Group(stream.facts()))
            self._gathered.append(gathered)
        return gathered

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
