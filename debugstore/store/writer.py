"""Rows into tables: the one place that goes to the driver's cursor.

The same rows twice are stored once: their key is the event's identity. Measured on SQLite (`benchmarks/ingest.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table

from debugstore.store import schema
from debugstore.store.batches import Reject
from debugstore.store.parts import PARTS
from debugstore.store.reading import TABLES, columns_of

_NAMES_AT_ONCE = 500

Values = tuple[Any, ...]


class Writer:
    """Inserts rows over one connection after another; remembers the ids of parameters."""

    def __init__(self) -> None:
        self._params: dict[str, int] = {}

    def insert_events(
        self, connection: Connection, place: tuple[int, int, int], plan: str, rows: Sequence[Values]
    ) -> int:
        """Insert the rows of one plan and return how many were new.

        Args:
            place: run, segment and rank of the rows, which lack them.
        """
        columns = ("run", "segment", "rank", *columns_of(plan))
        return _insert(connection, TABLES[plan], columns, [(*place, *row) for row in rows])

    def insert_parts(
        self, connection: Connection, place: tuple[int, int, int], plan: str, rows: Sequence[Values]
    ) -> None:
        """Insert parts of events of one plan: a row is the event's seq and a `PartRow`."""
        table = PARTS[plan].table
        columns = [column.name for column in table.columns]
        run, segment, _ = place
        if "param" in table.c:
            ids = self._ids(connection, {row[1] for row in rows})
            _insert(connection, table, columns, [(run, segment, row[0], ids[row[1]], *row[2:]) for row in rows])
        else:
            _insert(connection, table, columns, [(run, segment, *row) for row in rows])

    def insert_rejects(self, connection: Connection, source: str, rejects: Sequence[Reject]) -> None:
        """Insert lines that are no event."""
        columns = ("source", "line_number", "reason", "raw", "digest")
        _insert(connection, schema.rejects, columns, [(source, *reject) for reject in rejects])

    def forget(self) -> None:
        """Forget ids of a transaction that was rolled back."""
        self._params.clear()

    def _ids(self, connection: Connection, names: Iterable[str]) -> Mapping[str, int]:
        """Return the id of each parameter, making those that are new."""
        missing = sorted(name for name in names if name not in self._params)
        for start in range(0, len(missing), _NAMES_AT_ONCE):
            chunk = missing[start : start + _NAMES_AT_ONCE]
            _insert(connection, schema.params, ("name",), [(name,) for name in chunk])
            table = schema.params
            found = connection.execute(table.select().where(table.c.name.in_(chunk)))
            self._params.update((name, number) for number, name in found)
        return self._params


def _insert(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Values]) -> int:
    """Insert rows, leaving out those whose key is there; return how many were inserted."""
    if not rows:
        return 0
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    values = ", ".join([mark] * len(columns))
    cursor = connection.connection.cursor()
    try:
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({values}) ON CONFLICT DO NOTHING"
        cursor.executemany(statement, rows)
        return int(cursor.rowcount)
    finally:
        cursor.close()
