"""Looking after a store: what it holds and whether it is sound, making it smaller, copying it, deriving again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sqlalchemy import Connection, func, select, text, union_all

from debugstore.errors import ArgumentError
from debugstore.store import drivers, runs, schema, segments, stretches, versions
from debugstore.store.database import Database, open_database
from debugstore.store.parts import PARTS

_SHOWN = 20
"""Problems of one kind that are listed."""

_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class TableInfo:
    """One table: its rows, and its bytes with its indexes; None where the engine does not say."""

    name: str
    rows: int
    bytes: int | None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run: its events, all its rows, and its share of the tables' bytes, by rows."""

    run_id: str
    events: int
    rows: int
    bytes: int | None


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What a store is and holds."""

    where: str
    engine: str
    revision: str
    bytes: int | None
    tables: tuple[TableInfo, ...]
    runs: tuple[RunInfo, ...]


def info(database: Database) -> StoreInfo:
    """Return sizes by table and by run. Counts every row: a second for some ten million of them."""
    with database.read() as connection:
        sizes = _table_bytes(connection)
        tables = tuple(
            TableInfo(name, _count(connection, name), sizes.get(name)) for name in sorted(schema.metadata.tables)
        )
        return StoreInfo(
            where=database.where,
            engine=connection.dialect.name,
            revision=versions.found_revision(connection, database.where) or versions.head(),
            bytes=_store_bytes(connection),
            tables=tables,
            runs=tuple(_run_infos(connection, {table.name: table for table in tables})),
        )


def _count(connection: Connection, name: str) -> int:
    return int(connection.execute(select(func.count()).select_from(schema.metadata.tables[name])).scalar_one())


def _table_bytes(connection: Connection) -> dict[str, int]:
    """Return the bytes of each table with its indexes, as far as the engine tells."""
    if connection.dialect.name == "postgresql":
        query = (
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relnamespace = current_schema()::regnamespace"
        )
    else:
        query = (
            "SELECT s.tbl_name, SUM(d.pgsize) FROM dbstat AS d JOIN sqlite_schema AS s ON s.name = d.name"
            " WHERE d.aggregate = TRUE GROUP BY s.tbl_name"
        )
    try:
        with connection.begin_nested():
            return {name: int(size) for name, size in connection.execute(text(query))}
    except Exception as error:
        if "dbstat" not in str(error):  # an SQLite without that module: no sizes
            raise
        return {}


def _store_bytes(connection: Connection) -> int | None:
    if connection.dialect.name == "postgresql":
        return sum(_table_bytes(connection).values())
    pages, size = (connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def _run_infos(connection: Connection, tables: dict[str, TableInfo]) -> Iterator[RunInfo]:
    names = dict(connection.execute(select(schema.runs.c.id, schema.runs.c.run_id)).all())
    rows = dict.fromkeys(names, 0)
    events = dict.fromkeys(names, 0)
    sizes: dict[int, float] = dict.fromkeys(names, 0.0)
    known = {table.name for table in schema.plan_tables.values()}
    for table in (*schema.plan_tables.values(), *schema.part_tables):
        for run, number in connection.execute(select(table.c.run, func.count()).group_by(table.c.run)):
            rows[run] += number
            events[run] += number if table.name in known else 0
            sizes[run] += (tables[table.name].bytes or 0) * number / max(1, tables[table.name].rows)
    sized = any(table.bytes is not None for table in tables.values())
    for run in sorted(names, key=lambda run: (-sizes[run], -rows[run], names[run])):
        yield RunInfo(names[run], events[run], rows[run], round(sizes[run]) if sized else None)


def check(database: Database) -> tuple[str, ...]:
    """Return what is wrong with a store, a sentence each; nothing if it is sound.

    The engine checks its own pages and keys (SQLite), then rows are held against each other: events against the counts
    of their segments, parts against their events.
    """
    with database.read() as connection:
        if connection.dialect.name == "sqlite":
            damages = tuple(_sqlite_problems(connection))
            if damages:
                return damages
        problems = (_segment_problems, _part_problems, _run_problems, _stretch_problems)
        return tuple(chain.from_iterable(of(connection) for of in problems))


def _sqlite_problems(connection: Connection) -> Iterator[str]:
    damages = [said for (said,) in connection.execute(text(f"PRAGMA integrity_check({_SHOWN})")) if said != "ok"]
    if damages:
        yield from (f"the file is damaged: {said}" for said in damages)
        return
    for table, _, parent, _ in connection.execute(text("PRAGMA foreign_key_check")).fetchmany(_SHOWN):
        yield f"a row of {table} belongs to no row of {parent}"


def _segment_problems(connection: Connection) -> Iterator[str]:
    names = dict(connection.execute(select(schema.runs.c.id, schema.runs.c.run_id)).all())
    columns = [column for column in schema.segments.columns if column.name in segments.COUNTED]
    for segment in connection.execute(select(schema.segments)).mappings().all():
        where = f"segment {segment['key']} of run {names.get(segment['run'])}"
        counted = segments.counted(connection, segment)
        for column in columns:
            if counted[column.name] != segment[column.name]:
                yield f"{where}: {column.name} is {segment[column.name]}, its rows say {counted[column.name]}"
        numbers = union_all(
            *(select(table.c.seq).where(*segments.of(table, segment)) for table in schema.plan_tables.values())
        ).subquery()
        twice = select(numbers.c.seq).group_by(numbers.c.seq).having(func.count() > 1).limit(_SHOWN)
        for (seq,) in connection.execute(twice):
            yield f"{where}: event {seq} is there twice"
    keys = {(run, segment) for run, segment in connection.execute(select(schema.segments.c.run, schema.segments.c.id))}
    for table in schema.plan_tables.values():
        for run, segment in connection.execute(select(table.c.run, table.c.segment).distinct()):
            if (run, segment) not in keys:
                yield f"rows of {table.name} belong to no segment"


def _part_problems(connection: Connection) -> Iterator[str]:
    for table in schema.part_tables:
        parents = [schema.plan_tables[plan] for plan, parts in PARTS.items() if parts.table == table.name]
        keys = union_all(*(select(parent.c.run, parent.c.segment, parent.c.seq) for parent in parents)).subquery()
        alone = (
            select(func.count())
            .select_from(table)
            .where(
                ~select(keys.c.seq)
                .where(keys.c.run == table.c.run, keys.c.segment == table.c.segment, keys.c.seq == table.c.seq)
                .exists()
            )
        )
        number = connection.execute(alone).scalar_one()
        if number:
            yield f"{number} rows of {table.name} belong to no event"
        if "param" in table.c:
            known = select(schema.params.c.id).where(schema.params.c.id == table.c.param).exists()
            number = connection.execute(select(func.count()).select_from(table).where(~known)).scalar_one()
            if number:
                yield f"{number} rows of {table.name} belong to no parameter"


def _run_problems(connection: Connection) -> Iterator[str]:
    empty = (
        select(schema.runs.c.run_id)
        .where(~select(schema.segments.c.id).where(schema.segments.c.run == schema.runs.c.id).exists())
        .limit(_SHOWN)
    )
    for (run_id,) in connection.execute(empty):
        yield f"run {run_id} has no segment"


def _stretch_problems(connection: Connection) -> Iterator[str]:
    names = dict(connection.execute(select(schema.segments.c.id, schema.segments.c.key)).all())
    with drivers.scratch(connection) as free:
        segments_wrong = list(stretches.wrong(free))
    for segment in segments_wrong:
        yield f"stretches of segment {names.get(segment, segment)} do not say what its rows do: 'debugstore db rebuild'"


def rebuild(database: Database) -> int:
    """Derive again what is derived from rows: counts of segments, what they supersede, facts of runs, stretches.

    Returns:
        the number of segments.
    """
    with database.write() as connection:
        # all locked: where rows are locked one by one, ingest would go on meanwhile and counts would be of before
        every = select(schema.segments).order_by(schema.segments.c.id).with_for_update()
        found = connection.execute(every).mappings().all()
        for segment in found:
            segments.recount(connection, segment)
        for run, rank in sorted({(segment["run"], segment["rank"]) for segment in found}):
            segments.supersede(connection, run, rank)
        for run in sorted({segment["run"] for segment in found}):
            runs.refresh(connection, run)
        for segment in found:
            stretches.forget(connection, segment["run"], segment["id"])
        for run in stretches.long_runs(connection):
            stretches.complete(connection, run)
    return len(found)


def vacuum(database: Database) -> tuple[int | None, int | None]:
    """Give free space back and refresh what the engine knows of its tables; return the bytes before and after."""
    with database.read() as connection:
        before = _store_bytes(connection)
    with database.bare() as driver:
        if database.is_sqlite:
            for statement in ("VACUUM", "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"):
                driver.execute(statement).fetchall()
        else:
            for name in schema.metadata.tables:
                driver.execute(f"VACUUM (ANALYZE) {name}")
    with database.read() as connection:
        return before, _store_bytes(connection)


def backup(database: Database, target: Path) -> int:
    """Copy a store, which may be written meanwhile, into a new SQLite file; return its bytes.

    Of an SQLite store it is a copy page by page; of another the rows of one moment in an SQLite store.

    Raises:
        ArgumentError: there is something at `target`.
    """
    target = target.expanduser()
    if target.exists():
        raise ArgumentError(f"{target} exists: a backup goes to a new file")
    if not target.parent.is_dir():
        raise ArgumentError(f"there is no folder {target.parent}: a backup does not make one")
    try:
        if database.is_sqlite:
            _copy_pages(database, target)
        else:
            _copy_rows(database, target)
    except BaseException:
        for name in ("", "-wal", "-shm"):
            with suppress(OSError):  # where nothing could be written nothing can be left
                target.with_name(target.name + name).unlink(missing_ok=True)
        raise
    return target.stat().st_size


def _copy_pages(database: Database, target: Path) -> None:
    # what fails here is the target, which the store's own connection would not know
    with database.bare() as driver, drivers.translated(str(target)), closing(sqlite3.connect(target)) as copy:
        driver.backup(copy)


def _copy_rows(database: Database, target: Path) -> None:
    with open_database(target, create=True) as copy, database.read() as origin, copy.write() as connection:
        for table in schema.metadata.sorted_tables:
            rows = origin.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table)).mappings()
            for chunk in rows.partitions(_ROWS_AT_ONCE):
                connection.execute(table.insert(), [dict(row) for row in chunk])
