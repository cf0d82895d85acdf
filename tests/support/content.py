"""What a store says, without the numbers it happened to give: equal for stores that hold the same."""

from typing import Any

from sqlalchemy import Connection, select

from debugstore.store import schema
from debugstore.store.database import Database

Content = dict[str, list[tuple[Any, ...]]]

_OWN = {"id", "run", "segment", "param", "source", "line_number"}
"""Columns that are numbers of the store, or say where a line was seen first."""


def content(database: Database, *tables: str) -> Content:
    """Return every row of every table, or of some, with names in place of ids."""
    with database.read() as connection:
        named = {"run": schema.runs.c.run_id, "segment": schema.segments.c.key, "param": schema.params.c.name}
        names = {
            column: dict(connection.execute(select(text.table.c.id, text)).all()) for column, text in named.items()
        }
        wanted = tables or tuple(name for name in schema.metadata.tables if name not in ("sources", "params"))
        return {name: _rows(connection, name, names) for name in sorted(wanted)}


def _rows(connection: Connection, name: str, names: dict[str, dict[int, str]]) -> list[tuple[Any, ...]]:
    table = schema.metadata.tables[name]
    made = []
    for row in connection.execute(select(table)).mappings():
        known = [names[column][row[column]] for column in names if column in row]
        made.append((*known, *(row[column.name] for column in table.columns if column.name not in _OWN)))
    return sorted(made, key=repr)
