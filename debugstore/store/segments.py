"""Segments in step with their rows: what each holds, and which step of it a later one took over."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, bindparam, delete, func, literal, select, union_all, update

from debugstore.store import schema, stretches, texts
from debugstore.store.groups import Group
from debugstore.store.rows import columns_of
from debugstore.store.streams import PIECE, Facts, absolute

segments = schema.segments

_STEPPING = ("gradient_stats", "loop", "param_updates", "training_step")
"""Plans whose step says where the training is; others may be written with step 0, or with a count of their own."""

_START_STEP = columns_of("fit_start").index("start_step")

OF_RANK = select(segments).where(segments.c.run == bindparam("run"), segments.c.rank == bindparam("rank"))
"""Asks for the segments of a rank. Made once: SQLAlchemy takes longer to make a query than SQLite to answer it."""

NO_SEQ = 2**62
"""`first_seq` of a segment that holds nothing yet."""


def of(table: Table, segment: RowMapping) -> tuple[Any, Any]:
    """Return the condition that a row is a segment's, on the table's key."""
    return table.c.run == segment["run"], table.c.segment == segment["id"]


def known_seqs(connection: Connection, segment: RowMapping, low: int, high: int) -> set[int]:
    """Return which numbers from `low` to below `high` a segment holds."""
    there = [
        select(table.c.seq).where(*of(table, segment), table.c.seq >= low, table.c.seq < high)
        for table in schema.plan_tables.values()
    ]
    return set(connection.execute(union_all(*there)).scalars())


_GROW = update(segments).where(segments.c.id == bindparam("segment"))


def grow(connection: Connection, segment: RowMapping, group: Group) -> bool:
    """Write down what the new rows of a group bring to their segment; say whether it begins at another step now."""
    steps = group.steps(_STEPPING)
    steps += [values[_START_STEP] for values in group.values.get("fit_start", ()) if values[_START_STEP] is not None]
    steps += [step for step in (segment["first_step"], segment["last_step"]) if step is not None]
    seqs = group.span()
    values = {
        "num_events": segment["num_events"] + len(group),
        "num_steps": segment["num_steps"] + len(group.steps(("training_step",))),
        "first_seq": min(segment["first_seq"], seqs.start) if seqs else segment["first_seq"],
        "next_seq": max(segment["next_seq"], seqs.stop),
        "first_step": min(steps, default=None),
        "last_step": max(steps, default=None),
    }
    connection.execute(_GROW, {"segment": segment["id"], **values})
    return bool(values["first_step"] != segment["first_step"])


COUNTED = ("num_events", "num_steps", "first_seq", "next_seq", "first_step", "last_step")
"""Columns of a segment that its rows say."""


def counted(connection: Connection, segment: RowMapping) -> dict[str, int | None]:
    """Return what all rows of a segment say of it."""
    seqs: list[int] = []
    steps: list[int] = []
    numbers = {"num_events": 0, "num_steps": 0}
    for plan, table in schema.plan_tables.items():
        outer = (func.min(table.c.seq), func.max(table.c.seq), func.min(table.c.step), func.max(table.c.step))
        number, *found = connection.execute(select(func.count(), *outer).where(*of(table, segment))).one()
        if not number:
            continue
        numbers["num_events"] += number
        seqs += found[:2]
        if plan in _STEPPING:
            steps += found[2:]
        if plan == "training_step":
            numbers["num_steps"] = number
    start = schema.event_tables["fit_start"]
    query = select(start.c.start_step).where(*of(start, segment), start.c.start_step.is_not(None))
    steps += connection.execute(query).scalars()
    return {
        **numbers,
        "first_seq": min(seqs, default=NO_SEQ),
        "next_seq": max(seqs, default=-1) + 1,
        "first_step": min(steps, default=None),
        "last_step": max(steps, default=None),
    }


def recount(connection: Connection, segment: RowMapping) -> None:
    """Bring a segment in step with all of its rows."""
    values = counted(connection, segment)
    connection.execute(update(segments).where(segments.c.id == segment["id"]).values(**values))


def ordered(found: Iterable[RowMapping]) -> list[RowMapping]:
    """Return segments in the order of time."""
    return sorted(found, key=lambda one: (one["started_at"] or 0.0, one["key"]))


def supersede(connection: Connection, run: int, rank: int) -> None:
    """Say of each segment of a rank from which step on a later one took its place."""
    later: int | None = None
    for segment in reversed(ordered(connection.execute(OF_RANK, {"run": run, "rank": rank}).mappings())):
        if segment["superseded_from"] != later:
            connection.execute(update(segments).where(segments.c.id == segment["id"]).values(superseded_from=later))
        if segment["first_step"] is not None and segment["kind"] != PIECE:  # a piece goes on, it does not begin again
            later = segment["first_step"] if later is None else min(later, segment["first_step"])


def copy(connection: Connection, origin: RowMapping, made: RowMapping, before: int) -> None:
    """Copy the rows of a segment whose number is below `before` into another, which is empty."""
    changed = {"run": made["run"], "segment": made["id"], "rank": made["rank"]}
    for table in (*schema.plan_tables.values(), *schema.part_tables):
        names = [column.name for column in table.columns]
        picked = [literal(changed[name]).label(name) if name in changed else table.c[name] for name in names]
        query = select(*picked).where(*of(table, origin), table.c.seq < before)
        connection.execute(table.insert().from_select(names, query))
    recount(connection, made)


def merge(connection: Connection, piece: RowMapping, whole: RowMapping) -> None:
    """Give the rows of a piece to the segment it is a piece of."""
    known = sorted(known_seqs(connection, whole, piece["first_seq"], piece["next_seq"]))
    for table in (*schema.part_tables, *schema.plan_tables.values()):
        for start in range(0, len(known), 500):
            chunk = known[start : start + 500]
            connection.execute(delete(table).where(*of(table, piece), table.c.seq.in_(chunk)))
        connection.execute(update(table).where(*of(table, piece)).values(segment=whole["id"]))
    stretches.forget(connection, piece["run"], piece["id"])
    stretches.forget(connection, whole["run"], whole["id"], piece["first_seq"])
    connection.execute(delete(segments).where(segments.c.id == piece["id"]))
    recount(connection, whole)


def move(connection: Connection, segment: RowMapping, facts: Facts) -> None:
    """Give a segment the rank and the beginning that later lines of its file told."""
    for table in schema.plan_tables.values():
        connection.execute(update(table).where(*of(table, segment)).values(rank=facts.rank))
        query = select(table.c.seq, table.c.envelope).where(*of(table, segment), table.c.envelope.is_not(None))
        for seq, envelope in connection.execute(query).all():
            written = texts.load(envelope).get("as_written", {}).get("timestamp")
            if written is not None:
                here = (*of(table, segment), table.c.seq == seq)
                connection.execute(update(table).where(*here).values(timestamp=absolute(written, facts.origin)))
    values = {"rank": facts.rank, "started_at": facts.started_at}
    connection.execute(update(segments).where(segments.c.id == segment["id"]).values(**values))
