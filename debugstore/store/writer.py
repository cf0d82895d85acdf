"""Rows into tables: the one place that goes to the driver's cursor.

On SQLite many rows go into one statement: it doubles the rate of narrow rows, and Python's lock is free while the
statement runs. On PostgreSQL they are copied; by way of a staging table only where a key may be there already, which
takes twice as long. `benchmarks/ingest.py` measures both.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, Protocol

from sqlalchemy import Connection, select

from debugstore.store import schema
from debugstore.store.batches import Batch, Reject
from debugstore.store.database import Database
from debugstore.store.groups import Group, Values
from debugstore.store.parts import PARTS
from debugstore.store.rows import columns_of, table_of
from debugstore.store.shapes import Column, Repeated, Shape, shape

_NAMES_AT_ONCE = 500
_ROWS = 1024
"""Most rows of one statement: more are no faster, and its program grows with them."""

_STATEMENTS = 256
"""Statements that are kept: which columns say the same in many rows differs from batch to batch."""

_VARIABLES = 32_000
"""Values in one statement: SQLite's own limit is 32,766 unless it was built otherwise."""

_EVENT_KEY = ("run", "segment", "rank")
_PART_KEY = ("run", "segment")


class Inserter(Protocol):
    """Inserts rows that begin alike, leaving out those whose key is there."""

    def insert(self, shape: Shape, names: Sequence[str], constants: Values, columns: Sequence[Column]) -> None:
        """Insert many rows.

        Args:
            names: the columns that every row begins with.
            constants: their values.
            columns: the values of those that `shape` names.
        """


class SqliteInserter:
    """Inserts by statements of many rows; their numbers are powers of two, so that few are ever prepared."""

    def __init__(self, connection: Connection) -> None:
        self._cursor = connection.connection.cursor()

    def insert(self, shape: Shape, names: Sequence[str], constants: Values, columns: Sequence[Column]) -> None:
        once = {name: column[0] for name, column in zip(shape.columns, columns, strict=False) if _is_one(column)}
        each = [column.whole() if type(column) is Repeated else column for column in columns if not _is_one(column)]
        constants, names = (*constants, *once.values()), (*names, *once)
        left, start, first, width = len(columns[0]), 0, len(constants), len(each)
        rows = min(_ROWS, 1 << (((_VARIABLES - first) // width).bit_length() - 1))
        while left:
            rows = min(rows, 1 << (left.bit_length() - 1))
            bound: list[Any] = [None] * (first + rows * width)
            bound[:first] = constants
            for place, column in enumerate(each, first):
                some = column[start : start + rows]
                bound[place::width] = some.tolist() if isinstance(some, array) else some
            self._cursor.execute(_statement(shape, names, rows), bound)
            start, left = start + rows, left - rows


def _is_one(column: Column) -> bool:
    """Say whether a column is one value."""
    return type(column) is Repeated and len(column.values) == 1


@lru_cache(_STATEMENTS)
def _statement(shape: Shape, same: tuple[str, ...], rows: int) -> str:
    """Return the statement that inserts so many rows; what is the same in all of them is bound once, first.

    Only that is numbered: SQLite looks up the name of a numbered place from the beginning, each time one is bound.
    """
    others = [name for name in shape.columns if name not in same]
    begin = (f"?{number}" for number in range(1, len(same) + 1))
    row = ", ".join([*begin, *["?"] * (len(others) - len(shape.constants)), *map(str, shape.constants)])
    names = ", ".join((*same, *others))
    return f"INSERT INTO {shape.table} ({names}) VALUES {', '.join([f'({row})'] * rows)} ON CONFLICT DO NOTHING"


_ROWS_COPIED = 2048

_SHARED = {"params", "rejects"}
"""Tables where another process may write the same rows at the same time; those of events belong to a locked segment."""

_UNIQUE_VIOLATION = "23505"


class PostgresInserter:
    """Copies rows into their table; where a key may be there, into a staging table of the session and on from there."""

    def __init__(self, connection: Connection) -> None:
        self._cursor: Any = connection.connection.cursor()

    def insert(self, shape: Shape, names: Sequence[str], constants: Values, columns: Sequence[Column]) -> None:
        if not columns[0]:
            return
        every = ", ".join((*names, *shape.columns))
        if shape.table in _SHARED or not self._copy(shape.table, every, _lines(shape, constants, columns)):
            self._copy_new(shape.table, every, _lines(shape, constants, columns))

    def _copy(self, table: str, names: str, lines: Iterable[str]) -> bool:
        """Copy rows into a table; say whether no key was there before. Otherwise nothing is done."""
        self._cursor.execute("SAVEPOINT copied")
        try:
            self._copy_to(table, names, lines)
        except Exception as error:
            if getattr(error, "sqlstate", None) != _UNIQUE_VIOLATION:
                raise
            self._cursor.execute("ROLLBACK TO copied")
            return False
        self._cursor.execute("RELEASE copied")
        return True

    def _copy_to(self, table: str, names: str, lines: Iterable[str]) -> None:
        with self._cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for text in lines:
                copy.write(text)

    def _copy_new(self, table: str, names: str, lines: Iterable[str]) -> None:
        """Copy the rows whose key is not there."""
        staging = f"staging_{table}"
        # Of the same columns, without the keys; rows of it end with the transaction, the table with the session.
        self._cursor.execute("SET LOCAL client_min_messages = warning")
        self._cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS {staging} (LIKE {table}) ON COMMIT DELETE ROWS")
        if "id" in schema.metadata.tables[table].c:
            self._cursor.execute(f"ALTER TABLE {staging} DROP COLUMN IF EXISTS id")
        self._copy_to(staging, names, lines)
        self._cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {staging} ON CONFLICT DO NOTHING")
        self._cursor.execute(f"TRUNCATE {staging}")


def _lines(shape: Shape, constants: Values, columns: Sequence[Column]) -> Iterator[str]:
    """Yield rows as COPY reads them, some at a time: the server takes in the last ones while the next are made."""
    begin = "".join(f"{_copied_value(value)}\t" for value in constants)
    end = "".join(f"\t{_copied_value(value)}" for value in shape.constants) + "\n"
    for start in range(0, len(columns[0]), _ROWS_COPIED):
        texts = (_copied(column[start : start + _ROWS_COPIED]) for column in columns)
        rows = map("\t".join, zip(*texts, strict=True))
        yield f"{begin}{(end + begin).join(rows)}{end}"


_PLAIN = {int, float}
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copied(column: Column) -> Iterable[str]:
    """Return the values of a column as COPY reads them."""
    plain = isinstance(column, array) or set(map(type, column)) <= _PLAIN
    return map(repr if plain else _copied_value, column)


def _copied_value(value: Any) -> str:
    if value is None:
        return "\\N"
    return value.translate(_ESCAPED) if isinstance(value, str) else repr(value)


def inserter(connection: Connection) -> Inserter:
    """Return what inserts over a connection."""
    return SqliteInserter(connection) if connection.dialect.name == "sqlite" else PostgresInserter(connection)


_PARAM_NAMES = shape("", "params", ("name",))
_REJECTS = shape("", "rejects", ("line_number", "reason", "raw", "digest"))


class Writer:
    """Inserts the rows of groups over one connection after another; remembers the ids of parameters."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._places: list[int] = []
        self.known: dict[str, int] = {}
        """Ids of the parameters that the fast path met: it can say them from then on."""

    def insert_group(self, connection: Connection, place: tuple[int, int, int], group: Group) -> None:
        """Insert the rows of one stream.

        Args:
            place: run, segment and rank of the rows, which lack them.
        """
        insert = inserter(connection).insert
        for of, columns in group.events.items():
            insert(of, _EVENT_KEY, place, columns)
        for plan, rows in group.values.items():
            insert(_all_columns(plan), _EVENT_KEY, place, _columns(rows))
        for of, columns in group.lists.items():
            insert(of, _PART_KEY, place[:2], _replaced(of, columns, self._places.__getitem__))
        for plan, rows in group.parts.items():
            of = _all_part_columns(plan)
            insert(of, _PART_KEY, place[:2], _replaced(of, _columns(rows), self._ids.__getitem__))

    def insert_rejects(self, connection: Connection, source: str, rejects: Sequence[Reject]) -> None:
        """Insert lines that are no event."""
        inserter(connection).insert(_REJECTS, ("source",), (source,), _columns(rejects))

    def learn(self, database: Database, batch: Batch) -> None:
        """Learn the ids of the parameters of a batch, making those that are new.

        In a transaction of its own, and sorted, so that two processes that make the same parameters never wait for each
        other in a circle.
        """
        exact = {row[1] for group in batch.groups for plan, rows in group.parts.items() if _named(plan) for row in rows}
        missing = sorted({name for name in (*batch.params, *exact) if name not in self._ids})
        if missing:
            with database.write() as connection:
                self._make(connection, missing)
        self._places[batch.num_known :] = map(self._ids.__getitem__, batch.params)
        self.known.update(zip(batch.params, self._places[batch.num_known :], strict=True))

    def _make(self, connection: Connection, names: Sequence[str]) -> None:
        params = schema.params
        for start in range(0, len(names), _NAMES_AT_ONCE):
            chunk = names[start : start + _NAMES_AT_ONCE]
            inserter(connection).insert(_PARAM_NAMES, (), (), [chunk])
            found = connection.execute(select(params.c.name, params.c.id).where(params.c.name.in_(chunk)))
            self._ids.update((name, number) for name, number in found)


def _columns(rows: Sequence[Values]) -> list[Column]:
    """Return rows as columns; one without values where there are no rows."""
    return list(zip(*rows, strict=True)) or [()]


def _replaced(of: Shape, columns: list[Column], id_of: Callable[[Any], int]) -> list[Column]:
    """Return the columns of rows with ids in the places of parameters."""
    if not of.params:
        return columns
    return [list(map(id_of, column)) if place in of.params else column for place, column in enumerate(columns)]


def _named(plan: str) -> bool:
    return "param" in PARTS[plan].columns


@cache
def _all_columns(plan: str) -> Shape:
    """Return the shape of a plan's rows as the exact path makes them."""
    return shape(plan, table_of(plan), columns_of(plan))


@cache
def _all_part_columns(plan: str) -> Shape:
    """Return the shape of a plan's parts as the exact path makes them."""
    parts = PARTS[plan]
    return shape(plan, parts.table, ("seq", *parts.columns), params=(1,) if _named(plan) else ())
