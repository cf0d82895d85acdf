"""Runs and segments in the store: found or made for a stream of lines, and kept in step with their rows.

Everything here happens inside the write transaction of one batch.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Table, func, insert, literal, select, update

from debugstore.store import schema, texts
from debugstore.store.reading import TABLES, columns_of, rows_between
from debugstore.store.rows import Row
from debugstore.store.streams import FOREIGN, PIECE, Stream, run_of_file

segments, runs = schema.segments, schema.runs

_STEPPING = frozenset({"training_step", "gradient_stats", "param_updates", "loop"})
"""Plans whose step says where the training is; others may be written with step 0, or with a count of their own."""


class Placed(NamedTuple):
    """Where a stream's rows go."""

    run: int
    segment: int
    rank: int


def lines_up(row: Row, other: Row | None) -> bool:
    """Say whether two rows are of one line; the moment is not compared, since the file's name may date it."""
    if other is None or row.plan != other.plan:
        return False
    return (
        row.values[:3] == other.values[:3]
        and row.values[4:] == other.values[4:]
        and sorted(row.parts, key=repr) == sorted(other.parts, key=repr)
    )


def place(connection: Connection, stream: Stream, stem: str, source: str, rows: Mapping[int, Row]) -> Placed:
    """Return where the next rows of a stream go, making its run and its segment if they are new.

    Args:
        rows: these rows, by seq.
    """
    if stream.kind == FOREIGN:
        return _place_foreign(connection, stream, stem, source, rows)
    run = _run(connection, texts.made_storable(stream.run_id or run_of_file(stem)))
    found = _segment(connection, segments.c.run == run, segments.c.rank == stream.rank, segments.c.key == stream.key)
    if found is None and stream.kind == PIECE:
        found = _continued(connection, run, stream.rank, rows)
    if found is None:
        found = _new_segment(connection, run, stream, stream.key, source)
    return Placed(found["run"], found["id"], found["rank"])


def _place_foreign(connection: Connection, stream: Stream, stem: str, source: str, rows: Mapping[int, Row]) -> Placed:
    """Place a stream known only by its first line: every line that is there already must be the same.

    Where one differs, another file began alike: the stream gets a segment of its own, with a copy of what is alike.
    """
    key = stream.key
    copied: RowMapping | None = None
    while (found := _segment(connection, segments.c.key == key, segments.c.kind == FOREIGN)) is not None:
        low, high = stream.next_seq, found["next_seq"]
        there = rows_between(connection, found["run"], found["id"], low, high) if low < high else {}
        here = {seq: row for seq, row in rows.items() if seq < high}
        odd = min((seq for seq in {*there, *here} if seq <= max(rows) and not _agree(here, there, seq)), default=None)
        if odd is None:
            stream.key = key
            return Placed(found["run"], found["id"], found["rank"])
        copied = found
        key = f"{stream.key.split('+')[0]}+{_mark_of(odd, here.get(odd))}"
    run = _foreign_run(connection, stream, stem, key)
    made = _new_segment(connection, run, stream, key, source)
    if copied is not None:
        _copy(connection, copied, made, min(rows))
    stream.key = key
    return Placed(run, made["id"], made["rank"])


def _mark_of(seq: int, row: Row | None) -> str:
    """Return what tells a file from others that begin alike: the first line that differs."""
    return texts.digest(str(seq).encode(), repr(row and row.values).encode("utf-8", "surrogatepass"))


def _agree(here: Mapping[int, Row], there: Mapping[int, Row], seq: int) -> bool:
    return seq in here and seq in there and lines_up(here[seq], there[seq])


def _foreign_run(connection: Connection, stream: Stream, stem: str, key: str) -> int:
    """Return the run of a foreign file: named by its lines or by itself, unless another file has that name and rank."""
    if stream.run_id is not None:
        return _run(connection, texts.made_storable(stream.run_id))
    name = texts.made_storable(run_of_file(stem))
    taken = connection.execute(
        select(segments.c.source, segments.c.key)
        .join(runs, runs.c.id == segments.c.run)
        .where(runs.c.run_id == name, segments.c.rank == stream.rank)
    ).all()
    own = stream.key.split("+")[0] != key or any(taken)
    return _run(connection, f"{name}-{key[-6:]}" if own else name)


def _run(connection: Connection, run_id: str) -> int:
    return _get_or_make(connection, runs, {"run_id": run_id}, {})["id"]  # type: ignore[no-any-return]


def _new_segment(connection: Connection, run: int, stream: Stream, key: str, source: str) -> RowMapping:
    first = {"kind": stream.kind, "source": source, "started_at": stream.started_at}
    counts = {"first_seq": 2**62, "next_seq": 0, "num_events": 0, "num_steps": 0}
    return _get_or_make(connection, segments, {"run": run, "rank": stream.rank, "key": key}, {**first, **counts})


def _get_or_make(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> RowMapping:
    query = select(table).where(*(table.c[name] == value for name, value in key.items()))
    found = connection.execute(query).mappings().first()
    if found is None:
        _insert_once(connection, table, {**key, **values})
        found = connection.execute(query).mappings().one()
    return found


def _insert_once(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row unless another process did."""
    if connection.dialect.name == "sqlite":  # it holds the write lock: nobody else did
        connection.execute(insert(table).values(values))
        return
    from sqlalchemy.dialects.postgresql import insert as insert_or_leave

    connection.execute(insert_or_leave(table).values(values).on_conflict_do_nothing())


def _segment(connection: Connection, *where: Any) -> RowMapping | None:
    return connection.execute(select(segments).where(*where).order_by(segments.c.id)).mappings().first()


def _continued(connection: Connection, run: int, rank: int, rows: Mapping[int, Row]) -> RowMapping | None:
    """Return the segment that a headless piece goes on with: it holds its first row, or ends right before it."""
    seq = min(rows)
    query = select(segments).where(segments.c.run == run, segments.c.rank == rank, segments.c.next_seq >= seq)
    for found in connection.execute(query.order_by(segments.c.started_at.desc())).mappings().all():
        there = rows_between(connection, run, found["id"], seq - 1, seq + 1)
        if seq in there:
            if lines_up(rows[seq], there[seq]):
                return found
        elif seq - 1 in there and found["next_seq"] == seq and _not_later(there[seq - 1], rows[seq]):
            return found
    return None


def _not_later(row: Row, other: Row) -> bool:
    one, two = row.values[3], other.values[3]
    return one is None or two is None or one <= two


def _copy(connection: Connection, origin: RowMapping, made: RowMapping, before: int) -> None:
    """Copy the rows of a segment whose seq is below `before` into another."""
    tables = [*TABLES.values(), *dict.fromkeys(part for parts in schema.part_tables.values() for part in parts)]
    for table in tables:
        names = [column.name for column in table.columns]
        changed = {"run": made["run"], "segment": made["id"], "rank": made["rank"]}
        picked = [_literal(changed[name], name) if name in changed else table.c[name] for name in names]
        query = select(*picked).where(
            table.c.run == origin["run"], table.c.segment == origin["id"], table.c.seq < before
        )
        connection.execute(insert(table).from_select(names, query))
    recount(connection, made["run"], made["id"])


def _literal(value: int, name: str) -> Any:
    return literal(value).label(name)


def recount(connection: Connection, run: int, segment: int) -> None:
    """Bring a segment's counts and ends in step with its rows, all of them."""
    counts = {"num_events": 0, "num_steps": 0}
    seqs: list[int] = []
    steps: list[int] = []
    for plan, table in TABLES.items():
        here = (table.c.run == run, table.c.segment == segment)
        number, low, high, first, last = connection.execute(
            select(
                func.count(),
                func.min(table.c.seq),
                func.max(table.c.seq),
                func.min(table.c.step),
                func.max(table.c.step),
            ).where(*here)
        ).one()
        if number:
            counts["num_events"] += number
            seqs += [low, high]
            if plan in _STEPPING:
                steps += [first, last]
            if plan == "training_step":
                counts["num_steps"] = number
    start = schema.event_tables["fit_start"]
    steps += [
        step
        for (step,) in connection.execute(
            select(start.c.start_step).where(
                start.c.run == run, start.c.segment == segment, start.c.start_step.is_not(None)
            )
        )
    ]
    ends = {
        "first_seq": min(seqs, default=2**62),
        "next_seq": max(seqs, default=-1) + 1,
        "first_step": min(steps, default=None),
        "last_step": max(steps, default=None),
    }
    connection.execute(update(segments).where(segments.c.id == segment).values(**counts, **ends))


class Growth(NamedTuple):
    """What one batch brought to a segment."""

    new_events: int
    new_steps: int
    seqs: tuple[int, int]
    """Least and greatest seq of its rows, known ones too."""

    steps: tuple[int, int] | None
    """First and last step of its rows, None where it has none that say where the training is."""


def growth(rows: Iterable[Row], new_events: int, new_steps: int) -> Growth:
    """Return what a batch's rows of one segment bring to it."""
    seqs, steps = [], []
    for row in rows:
        seqs.append(row.values[0])
        if row.plan in _STEPPING:
            steps.append(row.values[1])
        elif row.plan == "fit_start" and row.values[_START_STEP] is not None:
            steps.append(row.values[_START_STEP])
    return Growth(new_events, new_steps, (min(seqs), max(seqs)), (min(steps), max(steps)) if steps else None)


_START_STEP = columns_of("fit_start").index("start_step")


def grow(connection: Connection, placed: Placed, grown: Growth) -> None:
    """Write down what a batch brought to a segment."""
    found = connection.execute(select(segments).where(segments.c.id == placed.segment)).mappings().one()
    known = [step for step in (found["first_step"], found["last_step"], *(grown.steps or ())) if step is not None]
    connection.execute(
        update(segments)
        .where(segments.c.id == placed.segment)
        .values(
            num_events=found["num_events"] + grown.new_events,
            num_steps=found["num_steps"] + grown.new_steps,
            first_seq=min(found["first_seq"], grown.seqs[0]),
            next_seq=max(found["next_seq"], grown.seqs[1] + 1),
            first_step=min(known, default=None),
            last_step=max(known, default=None),
        )
    )


def supersede(connection: Connection, run: int, rank: int) -> None:
    """Say of each segment of a rank from which step on a later one took its place."""
    query = select(segments).where(segments.c.run == run, segments.c.rank == rank)
    found = connection.execute(query).mappings().all()
    later: int | None = None
    for segment in sorted(found, key=lambda one: (one["started_at"] or 0.0, one["key"]), reverse=True):
        if segment["superseded_from"] != later:
            connection.execute(update(segments).where(segments.c.id == segment["id"]).values(superseded_from=later))
        if segment["first_step"] is not None:
            later = segment["first_step"] if later is None else min(later, segment["first_step"])
