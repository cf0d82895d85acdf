"""Which signals a run has: columns of its events that hold a value, or the mark of one that is not finite."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from debugstore.errors import QueryError

if TYPE_CHECKING:
    from sqlalchemy import Connection

SAMPLE_ROWS = 50
"""Rows read before all are: a signal that a run has is nearly always in its first events."""

WITHOUT_VIEW = frozenset({"optimizer_groups"})
"""Tables read as they are: parts of events of several types, so that no view gives them a step."""


class Signals:
    """The signals of one run, looked up once for all diagnoses: at most one pass over each table they name."""

    def __init__(self, connection: "Connection", run: int, names: Iterable[str]) -> None:
        """Look for `names`, each ``table.column`` or several of them with ``|`` between.

        Raises:
            QueryError: there is no such table or column.
        """
        by_table: dict[str, list[str]] = {}
        for name in sorted({one for several in names for one in _alternatives(several)}):
            table, _, column = name.partition(".")
            by_table.setdefault(table, []).append(column)
        self._present: set[str] = set()
        for table, columns in by_table.items():
            self._present |= {f"{table}.{column}" for column in _present(connection, run, table, columns)}

    def missing(self, names: Collection[str]) -> tuple[str, ...]:
        """Return those of `names` that the run does not have."""
        return tuple(name for name in names if not self._present & set(_alternatives(name)))


def _alternatives(name: str) -> list[str]:
    return [one.strip() for one in name.split("|")]


def _present(connection: "Connection", run: int, name: str, columns: Sequence[str]) -> set[str]:
    """Return those of a table's columns that the run's current rows have."""
    from sqlalchemy import text  # to make a query of its parts takes longer than to answer it

    marked = _is_marked(name, columns)
    rows = f"FROM {name if name in WITHOUT_VIEW else f'current_{name}'} WHERE run = :run"
    read = ", ".join(f'"{column}"' for column in (*columns, *["nonfinite"] * marked))
    present: set[str] = set()
    for row in connection.execute(text(f"SELECT {read} {rows} LIMIT {SAMPLE_ROWS}"), {"run": run}):
        marks = (row[-1] or "") if marked else ""
        present.update(column for column, value in zip(columns, row, strict=False) if value is not None)
        present.update(column for column in columns if f'"{column}"' in marks)
    rest = [column for column in columns if column not in present]
    if rest:
        counts = [f'COUNT("{column}")' for column in rest]
        if marked:
            counts += [f"COUNT(CASE WHEN {_is_mark_of(column)} THEN 1 END)" for column in rest]
        held = connection.execute(text(f"SELECT {', '.join(counts)} {rows}"), {"run": run}).one()
        present.update(column for column, count in zip(rest * 2, held, strict=False) if count)
    return present


def _is_mark_of(column: str) -> str:
    """Return the condition that `nonfinite` names a column."""
    name = column.replace("_", "/_")
    return f"nonfinite LIKE '%\"{name}\"%' ESCAPE '/'"


def _is_marked(name: str, columns: Sequence[str]) -> bool:
    """Say whether a table has the column `nonfinite`.

    Raises:
        QueryError: the store has no such table, or it has not all of these columns.
    """
    from debugstore.store.schema import metadata

    stored = metadata.tables.get(name)
    if stored is None:
        raise QueryError(f"no signal '{name}.{columns[0]}': the store has no table '{name}'")
    for wanted in columns:
        if wanted not in stored.c:
            raise QueryError(f"no signal '{name}.{wanted}': the table '{name}' has no such column")
    return "nonfinite" in stored.c
