"""Rows of one segment as they were made, in the order of its events."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select, union_all

from debugstore.store import schema
from debugstore.store.rows import PLANS, Row, columns_of

WINDOW = 2000
"""Events read at once: a few megabytes."""


@cache
def _rows_of(plan: str) -> Select[Any]:
    table = schema.plan_tables[plan]
    return select(*(table.c[name] for name in columns_of(plan)))


@cache
def _parts_of(plan: str) -> tuple[Table, Select[Any]] | None:
    """Return the table of a plan's parts and the query for them: seq, then a `PartRow`; None if it restores nothing."""
    parts = PLANS[plan].parts if plan in PLANS else None
    if parts is None or not parts.lists:
        return None
    table, params = schema.metadata.tables[parts.table], schema.params
    if "param" not in parts.columns:
        return table, select(table.c.seq, *(table.c[name] for name in parts.columns))
    columns = (params.c.name if name == "param" else table.c[name] for name in parts.columns)
    return table, select(table.c.seq, *columns).join(params, table.c.param == params.c.id)


def rows_between(connection: Connection, run: int, segment: int, low: int, high: int) -> Mapping[int, Row]:
    """Return the rows of a segment's events with `low` <= seq < `high`, by seq."""
    found: dict[int, Row] = {}
    for plan, table in schema.plan_tables.items():
        here = (table.c.run == run, table.c.segment == segment, table.c.seq >= low, table.c.seq < high)
        for values in connection.execute(_rows_of(plan).where(*here)):
            found[values[0]] = Row(plan, tuple(values), [])
    for plan in {row.plan for row in found.values()}:
        query = _parts_of(plan)
        if query is not None:
            table, parts = query
            here = (table.c.run == run, table.c.segment == segment, table.c.seq >= low, table.c.seq < high)
            for seq, *part in connection.execute(parts.where(*here)):
                found[seq].parts.append(tuple(part))
    return found


def segment_rows(connection: Connection, run: int, segment: int) -> Iterator[tuple[int, Row]]:
    """Yield all rows of a segment in the order of its events, window by window."""
    low = _next_seq(connection, run, segment, None)
    while low is not None:
        high = low + WINDOW
        yield from sorted(rows_between(connection, run, segment, low, high).items())
        low = _next_seq(connection, run, segment, high)


def _next_seq(connection: Connection, run: int, segment: int, low: int | None) -> int | None:
    """Return the least seq of a segment from `low` on; its numbers may have wide gaps."""
    least: Sequence[Select[Any]] = [
        select(func.min(table.c.seq).label("seq")).where(
            table.c.run == run, table.c.segment == segment, *([table.c.seq >= low] if low is not None else [])
        )
        for table in schema.plan_tables.values()
    ]
    return connection.execute(select(func.min(union_all(*least).subquery().c.seq))).scalar()
