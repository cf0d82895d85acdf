"""Rows of one segment as they were made, in the order of its events."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select, union_all

from debugstore.store import schema
from debugstore.store.parts import PartRow
from debugstore.store.rows import PLANS, TABLES, Row, columns_of

WINDOW = 2000
"""Events read at once: a few megabytes."""

_OWN = 3
"""Columns before an event's own: run, segment, and its rank, which the segment says."""


@cache
def _rows_of(plan: str) -> Select[Any]:
    table = TABLES[plan]
    return select(*(table.c[name] for name in columns_of(plan)))


@cache
def _parts_of(plan: str) -> Select[Any] | None:
    """Return the query for a plan's parts: seq, then the columns of a `PartRow`; None where it restores nothing."""
    parts = PLANS[plan].parts if plan in PLANS else None
    if parts is None or not parts.lists:
        return None
    table = parts.table
    if "param" not in table.c:
        return select(*list(table.columns)[2:])
    rest = [column for column in list(table.columns)[_OWN:] if column.name != "param"]
    return select(table.c.seq, schema.params.c.name, *rest).join(schema.params, table.c.param == schema.params.c.id)


def rows_between(connection: Connection, run: int, segment: int, low: int, high: int) -> Mapping[int, Row]:
    """Return the rows of a segment's events with `low` <= seq < `high`, by seq."""
    found: dict[int, Row] = {}
    for plan, table in TABLES.items():
        here = (table.c.run == run, table.c.segment == segment, table.c.seq >= low, table.c.seq < high)
        for values in connection.execute(_rows_of(plan).where(*here)):
            found[values[0]] = Row(plan, tuple(values), [])
    for plan in {row.plan for row in found.values()}:
        query = _parts_of(plan)
        if query is not None:
            for seq, part in _parts_between(connection, PLANS[plan].parts.table, query, (run, segment, low, high)):  # type: ignore[union-attr]
                found[seq].parts.append(part)
    return found


def _parts_between(
    connection: Connection, table: Table, query: Select[Any], where: tuple[int, int, int, int]
) -> Iterator[tuple[int, PartRow]]:
    run, segment, low, high = where
    here = (table.c.run == run, table.c.segment == segment, table.c.seq >= low, table.c.seq < high)
    for seq, *part in connection.execute(query.where(*here)):
        yield seq, tuple(part)


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
        for table in TABLES.values()
    ]
    return connection.execute(select(func.min(union_all(*least).subquery().c.seq))).scalar()
