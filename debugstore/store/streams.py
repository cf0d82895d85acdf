"""Which process wrote a line: a log's lines, in the order of its file, told apart into streams.

A native line names its run and rank, and counts in `seq`; the first line of a segment, `fit_start`, names the segment.
A foreign line may say none of this. Then a stream begins at a `fit_start`, or where time or steps jump back and no
other stream of the file goes on there; it is known by a fingerprint of its first line, and its lines are numbered.
Nothing here knows the store.
"""

import re
import time
from typing import NamedTuple

import msgspec

from debugstore.events import Event
from debugstore.store import texts

NATIVE, FOREIGN, PIECE = "native", "foreign", "piece"
"""Kinds of segments; a piece is what follows of a native log whose first line was not seen."""

_RELATIVE_BELOW = 1e6
"""A timestamp below this counts seconds since its process began: less than twelve days."""

_DATES = re.compile(r"(?<!\d)(?:(\d{13})|(\d{10}(?:\.\d+)?)|(\d{8})[-_T]?(\d{6}))(?!\d)")
_RANK = re.compile(r"[-_]rank[-_]?(\d{1,6})$")


class Facts(NamedTuple):
    """What the store keeps of a stream."""

    kind: str
    run_id: str | None
    rank: int
    key: str
    first_line: int
    origin: float
    started_at: float | None


class Stream(msgspec.Struct):
    """What one process wrote into one file, as far as it was read."""

    kind: str
    run_id: str | None
    """None where the lines name no run: then the file does."""

    rank: int
    key: str
    first_line: int
    ranked: bool = False
    """Whether the lines name their rank."""

    origin: float = 0.0
    """Moment from which relative timestamps count; 0 where nothing dates it."""

    started_at: float | None = None
    first_timestamp: float | None = None
    last_timestamp: float | None = None
    last_steps: dict[str, int] = {}
    ended: bool = False

    def facts(self) -> Facts:
        """Return what the store keeps of it."""
        return Facts(self.kind, self.run_id, self.rank, self.key, self.first_line, self.origin, self.started_at)

    def timestamp(self, event: Event) -> float | None:
        """Return an event's moment: seconds since 1970, or since its process began where nothing dates that."""
        return absolute(event.timestamp, self.origin)

    def seq(self, event: Event, line_number: int) -> int:
        """Return an event's number in this stream."""
        if self.kind == FOREIGN or event.seq is None:
            return line_number - self.first_line + 1
        return event.seq

    def note(self, event: Event) -> None:
        """Remember where the stream stands after an event."""
        if event.timestamp is not None:
            self.last_timestamp = event.timestamp
        self.last_steps[event.event_type] = event.step
        self.ended = event.event_type == "fit_end"

    def is_behind(self, event: Event) -> bool:
        """Say whether an event can come next: neither its time nor its kind's step goes back."""
        return not self.ended and not self.time_back(event) and not self.step_back(event)

    def time_back(self, event: Event) -> bool:
        """Say whether an event is earlier than the last one."""
        return event.timestamp is not None and self.last_timestamp is not None and event.timestamp < self.last_timestamp

    def step_back(self, event: Event) -> bool:
        """Say whether an event is of an earlier step than the last of its type."""
        return event.step < self.last_steps.get(event.event_type, event.step)


def absolute(timestamp: float | None, origin: float) -> float | None:
    """Return a timestamp as seconds since 1970 if it can be; `origin` dates the beginning of its process."""
    if timestamp is None or timestamp >= _RELATIVE_BELOW:
        return timestamp
    return timestamp + origin


class Tracker(msgspec.Struct):
    """The streams of one file, and which of them its last lines belong to. Kept as JSON between two reads."""

    stem: str
    streams: list[Stream] = []
    current: dict[str, int] = {}
    moved: list[int] = []
    """Streams that turned out to be another rank since `take_moved` was asked."""

    def native(self, run_id: str, rank: int) -> Stream | None:
        """Return the stream that a native line goes on with, None if none was opened."""
        index = self.current.get(_group(run_id, rank))
        return self.streams[index] if index is not None and self.streams[index].kind != FOREIGN else None

    def take_moved(self) -> list[Facts]:
        """Return the streams whose rank or origin has changed since the last call."""
        moved, self.moved = [self.streams[index].facts() for index in self.moved], []
        return moved

    def place(self, event: Event, line: bytes, line_number: int) -> Stream:
        """Return the stream of the next event, opened if need be."""
        native = event.run_id is not None and event.seq is not None
        stream = self._native(event, line, line_number) if native else self._foreign(event, line, line_number)
        stream.note(event)
        return stream

    def _native(self, event: Event, line: bytes, line_number: int) -> Stream:
        group = _group(event.run_id or "", event.rank or 0)
        key = event.data.get("segment") if event.event_type == "fit_start" else None
        if isinstance(key, str) and key and texts.made_name(key) == key:
            return self._enter(group, NATIVE, key, event, line_number)
        if key is not None or event.event_type == "fit_start":
            return self._enter(group, FOREIGN, _fingerprint(line), event, line_number)
        if group not in self.current:
            return self._enter(group, PIECE, f"piece-{_fingerprint(line)}", event, line_number)
        return self.streams[self.current[group]]

    def _foreign(self, event: Event, line: bytes, line_number: int) -> Stream:
        rank = rank_in(event)
        group = f"foreign {'' if rank is None else rank} {event.run_id or ''}"
        if event.event_type == "fit_start" or group not in self.current:
            return self._enter(group, FOREIGN, _fingerprint(line), event, line_number)
        stream = self.streams[self.current[group]]
        if not stream.time_back(event) and (not stream.step_back(event) or event.timestamp is not None):
            return stream
        others = [index for index, other in enumerate(self.streams) if self._goes_on(other, stream, event)]
        if others:
            return self._return_to(group, max(others, key=lambda index: self.streams[index].last_timestamp or 0.0))
        if stream.step_back(event):
            return self._enter(group, FOREIGN, _fingerprint(line), event, line_number)
        return stream  # a clock set back a little, not another process

    def _goes_on(self, other: Stream, current: Stream, event: Event) -> bool:
        same = (other.kind, other.run_id, other.ranked) == (FOREIGN, event.run_id, current.ranked)
        return (
            same
            and other is not current
            and (not other.ranked or other.rank == current.rank)
            and other.is_behind(event)
        )

    def _enter(self, group: str, kind: str, key: str, event: Event, line_number: int) -> Stream:
        """Open a stream, or go back to its beginning where the file repeats it."""
        before = self.streams[self.current[group]] if group in self.current else None
        rank = event.rank if kind != FOREIGN else rank_in(event)
        number = rank if rank is not None else (before.rank if before else self._rank_of_file())
        for index, stream in enumerate(self.streams):
            if (stream.kind, stream.key, stream.run_id) == (kind, key, event.run_id):
                self.streams[index] = msgspec.structs.replace(
                    stream, first_line=line_number, last_timestamp=None, last_steps={}, ended=False
                )
                self.current[group] = index
                return self.streams[index]
        stream = Stream(kind, event.run_id, number, key, line_number, rank is not None, self._origin(before, event))
        stream.first_timestamp, stream.started_at = event.timestamp, stream.timestamp(event)
        self.streams.append(stream)
        self.current[group] = len(self.streams) - 1
        return stream

    def _return_to(self, group: str, index: int) -> Stream:
        """Go back to an earlier stream: it and those after it ran at once, so they are ranks and not restarts."""
        found = self.streams[index]
        if not found.ranked:
            alike = (FOREIGN, found.run_id, False)
            together = [i for i, s in enumerate(self.streams) if i >= index and (s.kind, s.run_id, s.ranked) == alike]
            for rank, number in enumerate(together, found.rank):
                stream = self.streams[number]
                if stream.rank != rank:
                    stream.rank, stream.origin = rank, found.origin
                    stream.started_at = absolute(stream.first_timestamp, found.origin)
                    self.moved.append(number)
        self.current[group] = index
        return found

    def _origin(self, before: Stream | None, event: Event) -> float:
        """Return when the process of a new stream began: after the one before it, else as the file's name says."""
        dated = date_in(self.stem) or 0.0
        if before is None or event.timestamp is None or not before.time_back(event):
            return before.origin if before else dated
        return absolute(before.last_timestamp, before.origin) or dated

    def _rank_of_file(self) -> int:
        found = _RANK.search(self.stem)
        return int(found[1]) if found else 0


def _group(run_id: str, rank: int) -> str:
    """Name the lines of one rank of a run, where they count themselves."""
    return f"native {rank} {run_id}"


def run_of_file(stem: str) -> str:
    """Return the run that a file's name says: without the rank that it may end with."""
    return _RANK.sub("", stem) or stem


def rank_in(event: Event) -> int | None:
    """Return the rank that a foreign event names, in its envelope or in its data."""
    if event.rank is not None:
        return event.rank
    rank = event.data.get("rank")
    return rank if isinstance(rank, int) and not isinstance(rank, bool) and 0 <= rank < 2**31 else None


def date_in(stem: str) -> float | None:
    """Return the moment that a file's name says, in seconds since 1970: a Unix time, or a local date and time."""
    for milliseconds, seconds, day, clock in _DATES.findall(stem):
        if milliseconds:
            return int(milliseconds) / 1000
        if seconds:
            return float(seconds)
        try:
            return time.mktime(time.strptime(day + clock, "%Y%m%d%H%M%S"))
        except (ValueError, OverflowError):
            continue
    return None


def _fingerprint(line: bytes) -> str:
    return texts.digest(line.strip())
