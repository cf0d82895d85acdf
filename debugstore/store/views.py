"""Views: dropped before every migration and made again after it, from the files of `debugstore/sql/views/`.

`current.sql` and `current_parts.sql` are templates, made once for every event table and every part table; any other
file there is one view and is named like it.
"""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Table, inspect

from debugstore.store import schema

FOLDER = Path(__file__).parent.parent / "sql" / "views"

_PARENTS = {
    "grad_norms": "grads",
    "param_changes": "param_updates",
    "module_activations": "activations",
}


def statements() -> Iterator[str]:
    """Yield the statements that make every view, those that others read first."""
    current = _read("current")
    for table in (*schema.event_tables.values(), schema.events):
        yield current.format(table=table.name, columns=_columns(table))
    parts = _read("current_parts")
    for name, parent in _PARENTS.items():
        table = schema.metadata.tables[name]
        columns, joined = _columns(table, skip=3), ""
        if "param" in table.c:
            columns, joined = f"p.name,\n    {columns}", "INNER JOIN params AS p ON t.param = p.id"
        yield parts.format(table=name, parent=parent, columns=columns, joined=joined)
    for path in sorted(FOLDER.glob("*.sql")):
        if not path.stem.startswith("current"):
            yield path.read_text("utf-8")


def create(connection: Connection) -> None:
    """Make every view; none of them may stand yet."""
    for statement in statements():
        connection.exec_driver_sql(statement)


def drop(connection: Connection) -> None:
    """Drop every view of ours that stands, those that read others first."""
    standing = set(inspect(connection).get_view_names())
    for name in reversed([statement.split()[2] for statement in map(_without_header, statements())]):
        if name in standing:
            connection.exec_driver_sql(f"DROP VIEW {name}")


def _read(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text("utf-8")


def _without_header(statement: str) -> str:
    return "\n".join(line for line in statement.splitlines() if not line.startswith("--"))


def _columns(table: Table, skip: int = 0) -> str:
    """List a table's columns for a SELECT, those of its key first."""
    return ",\n    ".join(f"t.{column.name}" for column in list(table.columns)[skip:])
