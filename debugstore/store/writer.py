"""Rows into tables: the one place that goes to the driver's cursor.

On SQLite many rows go into one statement: it doubles the rate of narrow rows, and Python's lock is free while the
statement runs, so that lines are decoded meanwhile. On PostgreSQL they are copied into a staging table and inserted
from there. `benchmarks/ingest.py` measures both.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Protocol

from sqlalchemy import Connection, Table, select

from debugstore.store import schema
from debugstore.store.batches import Group, Reject, Values
from debugstore.store.parts import PARTS
from debugstore.store.reading import TABLES, columns_of

_NAMES_AT_ONCE = 500
_VARIABLES = 32_000
"""Values in one statement: SQLite's own limit is 32,766 unless it was built otherwise."""


class Inserter(Protocol):
    """Inserts rows that begin alike, leaving out those whose key is there."""

    def insert(self, table: str, columns: Sequence[str], constants: Values, flat: Sequence[Any]) -> None:
        """Insert rows.

        Args:
            columns: those of the constants first.
            constants: what every row begins with.
            flat: the other values of all rows, one after the other.
        """


class SqliteInserter:
    """Inserts by statements of many rows, whose numbers of rows are powers of two so that few are ever prepared."""

    def __init__(self, connection: Connection) -> None:
        self._cursor = connection.connection.cursor()

    def insert(self, table: str, columns: Sequence[str], constants: Values, flat: Sequence[Any]) -> None:
        width = len(columns) - len(constants)
        rows = 1 << ((_VARIABLES - len(constants)) // width).bit_length() - 1
        start = 0
        while start < len(flat):
            while rows * width > len(flat) - start:
                rows //= 2
            end = start + rows * width
            statement = _statement(table, tuple(columns), len(constants), rows)
            self._cursor.execute(statement, [*constants, *flat[start:end]])
            start = end


class PostgresInserter:
    """Copies rows into a staging table of the session and inserts them from there."""

    def __init__(self, connection: Connection) -> None:
        self._cursor: Any = connection.connection.cursor()

    def insert(self, table: str, columns: Sequence[str], constants: Values, flat: Sequence[Any]) -> None:
        width, names = len(columns) - len(constants), ", ".join(columns)
        staging = f"staging_{table}"
        made = f"CREATE TEMP TABLE IF NOT EXISTS {staging} ON COMMIT DELETE ROWS AS SELECT {names} FROM {table} LIMIT 0"
        self._cursor.execute(made)
        with self._cursor.copy(f"COPY {staging} ({names}) FROM STDIN") as copy:
            for start in range(0, len(flat), width):
                copy.write_row((*constants, *flat[start : start + width]))
        self._cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {staging} ON CONFLICT DO NOTHING")
        self._cursor.execute(f"TRUNCATE {staging}")


_STATEMENTS: dict[tuple[str, tuple[str, ...], int, int], str] = {}


def _statement(table: str, columns: tuple[str, ...], num_constants: int, rows: int) -> str:
    """Return the statement that inserts so many rows; the constants are numbered and bound once."""
    key = (table, columns, num_constants, rows)
    if key not in _STATEMENTS:
        constants = [f"?{number}" for number in range(1, num_constants + 1)]
        row = ", ".join([*constants, *["?"] * (len(columns) - num_constants)])
        values = ", ".join([f"({row})"] * rows)
        _STATEMENTS[key] = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values} ON CONFLICT DO NOTHING"
    return _STATEMENTS[key]


def inserter(connection: Connection) -> Inserter:
    """Return what inserts over a connection."""
    return SqliteInserter(connection) if connection.dialect.name == "sqlite" else PostgresInserter(connection)


class Writer:
    """Inserts the rows of groups over one connection after another; remembers the ids of parameters."""

    def __init__(self) -> None:
        self._params: dict[str, int] = {}

    def insert_group(self, connection: Connection, place: tuple[int, int, int], group: Group) -> None:
        """Insert the rows of one stream.

        Args:
            place: run, segment and rank of the rows, which lack them.
        """
        insert = inserter(connection).insert
        for plan, rows in sorted(group.values.items()):
            columns = ("run", "segment", "rank", *columns_of(plan))
            insert(TABLES[plan].name, columns, place, list(chain.from_iterable(rows)))
        for plan, parts in sorted(group.parts.items()):
            table = PARTS[plan].table
            width = len(table.columns) - 2
            self._insert_parts(connection, place, table, list(chain.from_iterable(parts)), width)
        for plan, numbers in sorted(group.numbers.items()):
            self._insert_parts(connection, place, PARTS[plan].table, numbers, 4)

    def _insert_parts(
        self, connection: Connection, place: tuple[int, int, int], table: Table, flat: list[Any], width: int
    ) -> None:
        """Insert parts: seq, what names the part, then as many columns as a row of `flat` has."""
        if "param" in table.c:
            flat = [*flat]
            flat[1::width] = map(self._params.__getitem__, flat[1::width])
        columns = [column.name for column in table.columns][: 2 + width]
        inserter(connection).insert(table.name, columns, place[:2], flat)

    def insert_rejects(self, connection: Connection, source: str, rejects: Sequence[Reject]) -> None:
        """Insert lines that are no event."""
        columns = ("source", "line_number", "reason", "raw", "digest")
        if rejects:
            inserter(connection).insert("rejects", columns, (source,), list(chain.from_iterable(rejects)))

    def knows(self, names: Iterable[str]) -> bool:
        """Say whether the id of every one of these parameters is known."""
        return self._params.keys() >= set(names)

    def learn(self, connection: Connection, names: Iterable[str]) -> None:
        """Learn the ids of parameters, making those that are new. In a transaction of its own, and sorted, so that
        two processes that make the same ones never wait for each other in a circle.
        """
        params = schema.params
        missing = sorted(name for name in names if name not in self._params)
        for start in range(0, len(missing), _NAMES_AT_ONCE):
            chunk = missing[start : start + _NAMES_AT_ONCE]
            inserter(connection).insert("params", ("name",), (), chunk)
            found = connection.execute(select(params.c.name, params.c.id).where(params.c.name.in_(chunk)))
            self._params.update((name, number) for name, number in found)
