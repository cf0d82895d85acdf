"""Rows into tables: the one place that goes to the driver's cursor.

On SQLite many rows go into one statement: it doubles the rate of narrow rows, and Python's lock is free while the
statement runs, so that lines are decoded meanwhile. On PostgreSQL they are copied into a staging table and inserted
from there. `benchmarks/ingest.py` measures both.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any, Protocol

from sqlalchemy import Connection, select

from debugstore.store import schema
from debugstore.store.batches import Batch, Group, Reject, Values
from debugstore.store.database import Database
from debugstore.store.parts import PARTS
from debugstore.store.rows import columns_of, table_of
from debugstore.store.shapes import Shape, shape

_NAMES_AT_ONCE = 500
_VARIABLES = 32_000
"""Values in one statement: SQLite's own limit is 32,766 unless it was built otherwise."""

_EVENT_KEY = ("run", "segment", "rank")
_PART_KEY = ("run", "segment")


class Inserter(Protocol):
    """Inserts rows that begin alike, leaving out those whose key is there."""

    def insert(self, shape: Shape, columns: Sequence[str], constants: Values, flat: Sequence[Any]) -> None:
        """Insert the rows of many events.

        Args:
            columns: those that every row begins with.
            constants: their values.
            flat: the values of the events, one after the other, as `shape` says.
        """


class SqliteInserter:
    """Inserts by statements of many rows; their numbers are powers of two, so that few are ever prepared."""

    def __init__(self, connection: Connection) -> None:
        self._cursor = connection.connection.cursor()

    def insert(self, shape: Shape, columns: Sequence[str], constants: Values, flat: Sequence[Any]) -> None:
        rows = 1 << (((_VARIABLES - len(constants)) // shape.width).bit_length() - 1)
        start = 0
        while start < len(flat):
            while rows * shape.width > len(flat) - start:
                rows //= 2
            end = start + rows * shape.width
            self._cursor.execute(_statement(shape, tuple(columns), rows), [*constants, *flat[start:end]])
            start = end


@cache
def _statement(shape: Shape, columns: tuple[str, ...], rows: int) -> str:
    """Return the statement that inserts so many rows; what they begin with is bound once.

    Only that is numbered: SQLite looks up the name of a numbered place from the beginning, each time one is bound.
    """
    begin = (f"?{number}" for number in range(1, len(columns) + 1))
    row = ", ".join([*begin, *["?"] * shape.width, *map(str, shape.constants)])
    names = ", ".join((*columns, *shape.columns))
    return f"INSERT INTO {shape.table} ({names}) VALUES {', '.join([f'({row})'] * rows)} ON CONFLICT DO NOTHING"


class PostgresInserter:
    """Copies rows into a staging table of the session and inserts them from there."""

    def __init__(self, connection: Connection) -> None:
        self._cursor: Any = connection.connection.cursor()

    def insert(self, shape: Shape, columns: Sequence[str], constants: Values, flat: Sequence[Any]) -> None:
        if not flat:
            return
        names, staging = ", ".join((*columns, *shape.columns)), f"staging_{shape.table}"
        constant = [constants[index : index + 1] * (len(flat) // shape.width) for index in range(len(constants))]
        ends = [(value,) * (len(flat) // shape.width) for value in shape.constants]
        texts = map(_copied, (*constant, *(flat[place :: shape.width] for place in range(shape.width)), *ends))
        # Of the same columns, without the keys; rows of it end with the transaction, the table with the session.
        self._cursor.execute("SET LOCAL client_min_messages = warning")
        self._cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS {staging} (LIKE {shape.table}) ON COMMIT DELETE ROWS")
        if "id" in schema.metadata.tables[shape.table].c:
            self._cursor.execute(f"ALTER TABLE {staging} DROP COLUMN IF EXISTS id")
        with self._cursor.copy(f"COPY {staging} ({names}) FROM STDIN") as copy:
            copy.write("\n".join(map("\t".join, zip(*texts, strict=True))) + "\n")
        self._cursor.execute(
            f"INSERT INTO {shape.table} ({names}) SELECT {names} FROM {staging} ON CONFLICT DO NOTHING"
        )
        self._cursor.execute(f"TRUNCATE {staging}")


_PLAIN = {int, float}
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copied(column: Sequence[Any]) -> Iterable[str]:
    """Return the values of a column as COPY reads them."""
    return map(repr, column) if set(map(type, column)) <= _PLAIN else map(_copied_value, column)


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

    def begin_file(self) -> None:
        """Forget the places that the parameters of another file had."""
        self._places = []

    def insert_group(self, connection: Connection, place: tuple[int, int, int], group: Group) -> None:
        """Insert the rows of one stream.

        Args:
            place: run, segment and rank of the rows, which lack them.
        """
        insert = inserter(connection).insert
        for of, flat in group.events.items():
            insert(of, _EVENT_KEY, place, flat)
        for plan, rows in group.values.items():
            insert(_all_columns(plan), _EVENT_KEY, place, list(chain.from_iterable(rows)))
        for of, flat in group.lists.items():
            insert(of, _PART_KEY, place[:2], _replaced(of, flat, self._places.__getitem__))
        for plan, rows in group.parts.items():
            of = _all_part_columns(plan)
            flat = list(chain.from_iterable(rows))
            insert(of, _PART_KEY, place[:2], _replaced(of, flat, self._ids.__getitem__))

    def insert_rejects(self, connection: Connection, source: str, rejects: Sequence[Reject]) -> None:
        """Insert lines that are no event."""
        inserter(connection).insert(_REJECTS, ("source",), (source,), list(chain.from_iterable(rejects)))

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
        self._places += map(self._ids.__getitem__, batch.params)

    def _make(self, connection: Connection, names: Sequence[str]) -> None:
        params = schema.params
        for start in range(0, len(names), _NAMES_AT_ONCE):
            chunk = names[start : start + _NAMES_AT_ONCE]
            inserter(connection).insert(_PARAM_NAMES, (), (), chunk)
            found = connection.execute(select(params.c.name, params.c.id).where(params.c.name.in_(chunk)))
            self._ids.update((name, number) for name, number in found)


def _replaced(of: Shape, flat: list[Any], id_of: Callable[[Any], int]) -> list[Any]:
    """Return the values of rows with ids in the places of parameters."""
    made = [*flat]
    for place in of.params:
        made[place :: of.width] = map(id_of, made[place :: of.width])
    return made


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
