"""Rows into tables: the one place that goes to the driver's cursor.

On SQLite many rows go into one statement: it doubles the rate of narrow rows, and Python's lock is free while the
statement runs, so that lines are decoded meanwhile. On PostgreSQL they are copied into a staging table and inserted
from there. `benchmarks/ingest.py` measures both.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any, Protocol

from sqlalchemy import Connection, select

from debugstore.store import schema
from debugstore.store.batches import Group, Reject, Values
from debugstore.store.parts import PARTS
from debugstore.store.rows import TABLES, columns_of
from debugstore.store.shapes import Shape

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
        names = ", ".join((*columns, *shape.columns))
        staging = f"staging_{shape.table}"
        made = f"CREATE TEMP TABLE {staging} ON COMMIT DROP AS SELECT {names} FROM {shape.table} LIMIT 0"
        self._cursor.execute(made)
        with self._cursor.copy(f"COPY {staging} ({names}) FROM STDIN") as copy:
            for start in range(0, len(flat), shape.width):
                copy.write_row((*constants, *flat[start : start + shape.width], *shape.constants))
        self._cursor.execute(
            f"INSERT INTO {shape.table} ({names}) SELECT {names} FROM {staging} ON CONFLICT DO NOTHING"
        )
        self._cursor.execute(f"DROP TABLE {staging}")


def inserter(connection: Connection) -> Inserter:
    """Return what inserts over a connection."""
    return SqliteInserter(connection) if connection.dialect.name == "sqlite" else PostgresInserter(connection)


_PARAM_NAMES = Shape("params", ("name",))
_REJECTS = Shape("rejects", ("line_number", "reason", "raw", "digest"))


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
        for form, flat in group.events.items():
            insert(form.shape, _EVENT_KEY, place, flat)
        for plan, rows in group.values.items():
            insert(_all_columns(plan), _EVENT_KEY, place, list(chain.from_iterable(rows)))
        for shape, flat in group.lists.items():
            insert(shape, _PART_KEY, place[:2], self._with_ids(shape, flat))
        for plan, rows in group.parts.items():
            shape = _all_part_columns(plan)
            insert(shape, _PART_KEY, place[:2], self._with_ids(shape, list(chain.from_iterable(rows))))

    def _with_ids(self, shape: Shape, flat: list[Any]) -> list[Any]:
        """Put ids in the places of parameters' names."""
        flat = [*flat]
        for place in shape.params:
            flat[place :: shape.width] = map(self._params.__getitem__, flat[place :: shape.width])
        return flat

    def insert_rejects(self, connection: Connection, source: str, rejects: Sequence[Reject]) -> None:
        """Insert lines that are no event."""
        inserter(connection).insert(_REJECTS, ("source",), (source,), list(chain.from_iterable(rejects)))

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
            inserter(connection).insert(_PARAM_NAMES, (), (), chunk)
            found = connection.execute(select(params.c.name, params.c.id).where(params.c.name.in_(chunk)))
            self._params.update((name, number) for name, number in found)


@cache
def _all_columns(plan: str) -> Shape:
    """Return the shape of a plan's rows as the exact path makes them."""
    return Shape(TABLES[plan].name, columns_of(plan))


@cache
def _all_part_columns(plan: str) -> Shape:
    """Return the shape of a plan's parts as the exact path makes them."""
    table = PARTS[plan].table
    columns = tuple(column.name for column in list(table.columns)[2:])
    return Shape(table.name, columns, params=(1,) if "param" in columns else ())
