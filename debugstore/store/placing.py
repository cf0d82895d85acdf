"""Where the rows of a stream go: its run and segment, found or made, inside the write transaction of one batch.

A native stream is known by its key. A piece goes on with the segment that holds its first line, or ends right before it
in number and in time; else it stays a segment of its own until a file comes that has both.
A foreign stream is known by its first line only, so every other line that is there already must be the same; where one
differs, another file began alike, and the stream gets a segment of its own with a copy of what is alike.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Select, Table, and_, bindparam, select, text

from debugstore.errors import RunRemovedError
from debugstore.store import schema, texts
from debugstore.store.groups import Group
from debugstore.store.reading import rows_between
from debugstore.store.rows import Row
from debugstore.store.segments import NO_SEQ, OF_RANK, copy, merge
from debugstore.store.streams import FOREIGN, PIECE, Facts, run_of_file

runs, segments = schema.runs, schema.segments

_PAUSE_SECONDS = 600.0
"""A longer pause between two lines is more likely the time between two processes than within one."""

_LOCKED = OF_RANK.order_by(segments.c.id).with_for_update()
_whole = segments.alias()
_PIECES = (
    select(segments)
    .join(_whole, and_(_whole.c.run == segments.c.run, _whole.c.rank == segments.c.rank, _whole.c.id != segments.c.id))
    .where(_whole.c.id == bindparam("whole"), segments.c.kind == PIECE, segments.c.first_seq <= _whole.c.next_seq)
    .order_by(segments.c.first_seq)
)
_RUN_ID = select(runs.c.run_id).where(runs.c.id == bindparam("run"))
_HELD = select(runs.c.id).where(runs.c.run_id == bindparam("run_id")).with_for_update(read=True, key_share=True)
"""Queries of every batch, made once."""


class Verified(msgspec.Struct):
    """How far a foreign stream was found equal to its segment, or written there."""

    first_line: int
    key: str
    next_seq: int = 0


class Placing(msgspec.Struct):
    """What the writing side remembers of one file."""

    stem: str
    source: str
    runs: list[str] = []
    verified: dict[str, Verified] = {}

    def hold(self, connection: Connection) -> None:
        """Keep the runs that the file's rows went to from being removed until the transaction ends.

        Raises:
            RunRemovedError: one was: to go on would leave the part that is still to come, and look whole.
        """
        for run_id in self.runs:
            if connection.execute(_HELD, {"run_id": run_id}).first() is None:
                raise RunRemovedError(run_id, self.source)

    def place(self, connection: Connection, group: Group) -> RowMapping:
        """Return the segment of a group's rows, locked until the transaction ends."""
        stream = group.stream
        if stream.kind == FOREIGN:
            found = self._foreign(connection, group)
            run_id = connection.execute(_RUN_ID, {"run": found["run"]}).scalar_one()
        else:
            run_id = stream.run_id or texts.made_storable(run_of_file(self.stem))
            found = self._native(connection, group, run_id)
        if run_id not in self.runs:
            self.runs.append(run_id)
        return found

    def note(self, group: Group, next_seq: int) -> None:
        """Remember that a foreign group is in the store now."""
        found = self.verified.get(group.stream.key)
        if found is not None:
            found.next_seq = max(found.next_seq, next_seq)

    def segment_of(self, connection: Connection, stream: Facts) -> RowMapping | None:
        """Return the segment that a foreign stream was placed in."""
        found = self.verified.get(stream.key)
        return None if found is None else _by_key(connection, found.key)

    def _native(self, connection: Connection, group: Group, run_id: str) -> RowMapping:
        stream = group.stream
        run = self._run(connection, run_id)
        # All of the rank are locked, in one order: what is written may change each of them.
        there = connection.execute(_LOCKED, {"run": run, "rank": stream.rank}).mappings().all()
        found = next((segment for segment in there if segment["key"] == stream.key), None)
        if found is None and stream.kind == PIECE:
            found = _continued(connection, run, group)
        return found or self._new_segment(connection, run, stream, stream.key)

    def _foreign(self, connection: Connection, group: Group) -> RowMapping:
        stream, rows = group.stream, group.rows()
        state = self.verified.get(stream.key)
        if state is None or state.first_line != stream.first_line:
            state = self.verified[stream.key] = Verified(stream.first_line, stream.key)
        origin: RowMapping | None = None
        while (found := _by_key(connection, state.key)) is not None:
            odd = _first_difference(connection, found, rows, state.next_seq)
            if odd is None:
                return found
            origin, state.key = found, f"{stream.key}+{_mark_of(odd, rows.get(odd))}"
        run = self._foreign_run(connection, stream, state.key)
        made = self._new_segment(connection, run, stream, state.key)
        if origin is not None:
            copy(connection, origin, made, min(rows))
            found = _by_key(connection, state.key)
        return found or made

    def _foreign_run(self, connection: Connection, stream: Facts, key: str) -> int:
        """Return the run of a foreign stream: named by its lines, or by its file unless another file has that name."""
        if stream.run_id is not None:
            return self._run(connection, stream.run_id)
        name = texts.made_storable(run_of_file(self.stem))
        own = select(segments.c.source, segments.c.rank).join(runs, runs.c.id == segments.c.run)
        others = connection.execute(own.where(runs.c.run_id == name)).all()
        taken = any(source != self.source and rank == stream.rank for source, rank in others)
        return self._run(connection, f"{name}-{key[-6:]}" if taken or key != stream.key else name)

    def _run(self, connection: Connection, run_id: str) -> int:
        return int(_get_or_make(connection, runs, {"run_id": run_id}, {})["id"])

    def _new_segment(self, connection: Connection, run: int, stream: Facts, key: str) -> RowMapping:
        first = {"kind": stream.kind, "source": self.source, "started_at": stream.started_at}
        counts = {"first_seq": NO_SEQ, "next_seq": 0, "num_events": 0, "num_steps": 0}
        return _get_or_make(connection, segments, {"run": run, "rank": stream.rank, "key": key}, {**first, **counts})


def adopt_pieces(connection: Connection, segment: int) -> bool:
    """Merge the pieces that go on where a segment ends, or overlap it, into it; say whether there were any."""
    merged = False
    while pieces := connection.execute(_PIECES, {"whole": segment}).mappings().all():
        whole = connection.execute(_query(segments, "id"), {"id": segment}).mappings().one()
        for piece in pieces:
            seq = piece["first_seq"]
            first = rows_between(connection, piece["run"], piece["id"], seq, seq + 1)[seq]
            if _joins(connection, whole, first):
                merge(connection, piece, whole)
                merged = True
                break
        else:
            break
    return merged


def lines_up(row: Row, other: Row) -> bool:
    """Say whether two rows are of one line; the moment is not compared, since the file's name may date it."""
    return (row.plan, row.values[:3], row.values[4:]) == (other.plan, other.values[:3], other.values[4:])


def _continued(connection: Connection, run: int, group: Group) -> RowMapping | None:
    """Return the segment that a headless piece goes on with."""
    first = group.first()
    of_rank = (segments.c.run == run, segments.c.rank == group.stream.rank)
    query = select(segments).where(*of_rank, segments.c.next_seq >= first.values[0])
    for found in connection.execute(query.order_by(segments.c.started_at.desc())).mappings().all():
        if found["kind"] != FOREIGN and _joins(connection, found, first):
            return found
    return None


def _joins(connection: Connection, segment: RowMapping, first: Row) -> bool:
    """Say whether a segment holds this row, or ends right before it."""
    seq = first.values[0]
    there = rows_between(connection, segment["run"], segment["id"], seq - 1, seq + 1)
    if seq in there:
        return lines_up(first, there[seq])
    if seq - 1 not in there or segment["next_seq"] != seq or there[seq - 1].plan == "fit_end":
        return False
    before, after = there[seq - 1].values[3], first.values[3]
    return before is not None and after is not None and bool(0 <= after - before <= _PAUSE_SECONDS)


def _first_difference(connection: Connection, segment: RowMapping, here: Mapping[int, Row], low: int) -> int | None:
    """Return the first number from `low` on where a segment and these rows differ, as far as both go."""
    high = min(segment["next_seq"], max(here) + 1)
    if low >= high:
        return None
    there = rows_between(connection, segment["run"], segment["id"], low, high)
    for seq in sorted({*there, *(seq for seq in here if seq < high)}):
        if seq not in here or seq not in there or not _equal(here[seq], there[seq]):
            return seq
    return None


def _equal(row: Row, other: Row) -> bool:
    return lines_up(row, other) and sorted(row.parts, key=repr) == sorted(other.parts, key=repr)


def _mark_of(seq: int, row: Row | None) -> str:
    """Return what tells a file from those that begin alike: its first line that differs."""
    return texts.digest(str(seq).encode(), repr(row and row.values[4:]).encode("utf-8", "surrogatepass"))


def _by_key(connection: Connection, key: str) -> RowMapping | None:
    return _first(connection, segments, key=key, kind=FOREIGN)


@cache
def _query(table: Table, *names: str) -> Select[Any]:
    """Return the query for a row of a table, and the lock on it, by the values of some columns."""
    return select(table).where(*(table.c[name] == bindparam(name) for name in names)).with_for_update().limit(1)


def _first(connection: Connection, table: Table, **values: Any) -> RowMapping | None:
    return connection.execute(_query(table, *values), values).mappings().first()


def _get_or_make(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> RowMapping:
    """Return the row with a unique key, made if it is not there; another process may make it at the same time."""
    found = _first(connection, table, **key)
    if found is None:
        columns = {**key, **values}
        names, marks = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        connection.execute(text(f"INSERT INTO {table.name} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"), columns)
        found = connection.execute(_query(table, *key), key).mappings().one()
    return found
