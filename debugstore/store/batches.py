"""One block of lines as rows, by the stream they belong to, with the lines that are no event. Knows no store."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from debugstore.errors import EventError, NoLogsError
from debugstore.events.codec import MAX_LINE_BYTES
from debugstore.store import fast, texts
from debugstore.store.gathering import Gathered, OddKindError
from debugstore.store.groups import Group
from debugstore.store.numbers import Params
from debugstore.store.rows import Identity, read_event, to_row
from debugstore.store.sources import Block, Edges, Lines
from debugstore.store.streams import NATIVE, Facts, Stream, Tracker, run_of_file

MAX_RAW = 2000
"""Characters of a rejected line that are kept."""

_NO_EVENT_LINES = 1000
"""Lines without one event among them after which a file is no log."""


_AT_ONCE = 250
"""Lines that are looked at together, whether all of them are of one stream and none needs the exact path."""


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
    """The parameters whose ids the decoder was not told and that were not in a batch of it before; those before them
    are `num_known`. Together they have the places that rows say."""

    state: bytes
    read_bytes: int
    read_lines: int
    edges: Edges
    num_events: int
    num_rejects: int
    moved: list[Facts]
    """Streams that turned out to be another rank than was thought before."""


Decoded = tuple[Batch | None, int]
"""A batch, None for a last line that was cut; and the bytes of the file that were read by then."""


class Decoder:
    """Makes batches of the blocks of one file, in their order."""

    def __init__(self, position: Position, source: str, known: Mapping[str, int] = MappingProxyType({})) -> None:
        """Begin at a position.

        Args:
            known: ids of parameters; more may come to it between two blocks.
        """
        self.position = position
        self.source = source
        self._gathered: list[Gathered] = []
        self._current: dict[tuple[str, int], Gathered] = {}
        self._native: dict[tuple[str, int], Gathered] = {}
        self._rejects: list[Reject] = []
        self._last = b""
        """The last line that was an event."""

        self._refused: list[tuple[int, bytes, str]] = []
        """Lines before the first event of the file."""

        self._params = Params(known)

    def batches(self, lines: Lines) -> Iterator[Decoded]:
        """Yield the batches of the blocks that are still to be read.

        Raises:
            NoLogsError: the file holds no log.
        """
        for block in lines.blocks(self.position.read_bytes, self.position.read_lines):
            yield self.decode(block), lines.done_bytes

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
            except OddKindError as odd:
                exact.add(odd.kind)
                self.position = msgspec.json.decode(before, type=Position)

    def _decode(self, block: Block, exact: Container[type]) -> Batch | None:
        """Make rows of a block's lines, events of the kinds `exact` one by one.

        Raises:
            OddKindError: another kind has to be read one by one too.
        """
        position = self.position
        self._gathered, self._current, self._native, self._rejects = [], {}, {}, []
        self._last, self._refused = b"", []
        if not self._read(block, exact):
            return None
        if self._refused and position.num_rejects + len(self._refused) >= _NO_EVENT_LINES:
            number, _, reason = self._refused[-1]
            found = f"none of its first {number} lines is an event, such as the last: {reason}"
            raise NoLogsError(self.source, found)
        self._reject_refused(self.source.encode("utf-8", "surrogateescape"))
        groups = [gathered.finish() for gathered in self._gathered]
        if self._last:
            position.anchor = texts.digest(self._last)
        position.num_rejects += len(self._rejects)
        position.read_bytes, position.read_lines = block.end, block.first + len(block.lines) - 1
        moved = position.tracker.take_moved()
        return Batch(
            groups=groups,
            rejects=self._rejects,
            num_known=self._params.num_taken,
            params=self._params.take_new(),
            state=msgspec.json.encode(position),
            read_bytes=position.read_bytes,
            read_lines=position.read_lines,
            edges=block.edges,
            num_events=position.num_events,
            num_rejects=position.num_rejects,
            moved=moved,
        )

    def _read(self, block: Block, exact: Container[type]) -> bool:
        """Add the lines of a block to their groups and to the rejects; say whether its last line is whole."""
        position = self.position
        latest: Gathered | None = None
        for start in range(0, len(block.lines), _AT_ONCE):
            lines = block.lines[start : start + _AT_ONCE]
            events = fast.read(lines)
            if latest is not None and not self._refused and latest.take_all(events, exact):
                self._last = lines[-1].removesuffix(b"\n")
                position.num_events += len(lines)
                position.rejects_since = 0
                continue
            for number, line, event in zip(count(block.first + start), lines, events, strict=False):
                bare = line.removesuffix(b"\n")
                quick = event is not None and type(event) not in exact
                if not quick or latest is None or not latest.take(event):
                    latest = self._add_fast(event) if quick else None
                    try:
                        if latest is None and not self._add_exactly(bare, number):
                            continue
                    except EventError as error:
                        if not block.terminated:
                            return False
                        self._refuse(number, bare, error.reason)
                        continue
                self._last = bare
                position.num_events += 1
                position.rejects_since = 0
                if self._refused:
                    self._reject_refused(bare)
        return True

    def _add_fast(self, event: Any) -> Gathered | None:
        """Add an event as our logger writes it to its group, and return that; None if its stream is not open."""
        named = (event.run_id, event.rank)
        gathered = self._native.get(named)
        if gathered is None or event.seq <= gathered.last_seq:
            stream = self.position.tracker.native(*named)
            if stream is None:
                return None
            gathered = self._native[named] = self._gather(stream, event.seq)
        gathered.named = named
        gathered.take(event)
        return gathered

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

    def _gather(self, stream: Stream, seq: int) -> Gathered:
        """Return the group that the next row of a stream belongs to; a number that goes back begins another."""
        key = (stream.key, stream.first_line)
        gathered = self._current.get(key)
        if gathered is None or seq <= gathered.last_seq:
            gathered = self._current[key] = Gathered(Group(stream.facts()), self._params)
            self._gathered.append(gathered)
        return gathered

    def _refuse(self, number: int, line: bytes, reason: str) -> None:
        """Keep a line that is no event; those before the first event of a file are told by that event."""
        if self._last or self.position.anchor:
            self._reject(self._last, number, line, reason)
        else:
            self._refused.append((number, line, reason))

    def _reject_refused(self, anchor: bytes) -> None:
        for bad in self._refused:
            self._reject(anchor, *bad)
        self._refused = []

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
