"""Which signals a run has: columns of its events that hold a value, or the mark of one that is not finite."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from debugstore.errors import QueryError

if TYPE_CHECKING:
    from sqlalchemy import Connection, TableClause

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
    from sqlalchemy import case, func, select

    table = _view(name, columns)
    of_run = table.c.run == run
    marked = "nonfinite" in table.c
    read = [table.c[column] for column in columns] + ([table.c.nonfinite] if marked else [])
    present: set[str] = set()
    for row in connection.execute(select(*read).where(of_run).limit(SAMPLE_ROWS)):
        marks = (row[-1] or "") if marked else ""
        present.update(column for column, value in zip(columns, row, strict=False) if value is not None)
        present.update(column for column in columns if f'"{column}"' in marks)
    rest = [column for column in columns if column not in present]
    if rest:
        counts = [func.count(table.c[column]) for column in rest]
        if marked:
            mark = table.c.nonfinite
            counts += [func.count(case((mark.contains(f'"{column}"', autoescape=True), 1))) for column in rest]
        held = connection.execute(select(*counts).where(of_run)).one()
        present.update(column for column, count in zip(rest * 2, held, strict=False) if count)
    return present


def _view(name: str, columns: Sequence[str]) -> "TableClause":
    """Return the view of a table's current rows, with the columns asked for."""
    from sqlalchemy import column, table

    from debugstore.store.schema import metadata

    stored = metadata.tables.get(name)
    if stored is None:
        raise QueryError(f"no signal '{name}.{columns[0]}': the store has no table '{name}'")
    for wanted in columns:
        if wanted not in stored.c:
            raise QueryError(f"no signal '{name}.{wanted}': the table '{name}' has no such column")
    made = {*columns, "run", *({"nonfinite"} & set(stored.c.keys()))}
    return table(name if name in WITHOUT_VIEW else f"current_{name}", *(column(one) for one in sorted(made)))
