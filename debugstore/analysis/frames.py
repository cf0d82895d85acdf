"""Whole tables as values, and as frames of pandas or polars where one is installed."""

import json
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from debugstore.analysis.adhoc import Answer
from debugstore.errors import ArgumentError, MissingExtraError
from debugstore.events.nonfinite import KEY, WORDS

if TYPE_CHECKING:
    from sqlalchemy import Connection

LIBRARIES = ("pandas", "polars")


def read_table(connection: "Connection", name: str, run: int | None = None) -> Answer:
    """Return the rows of a table or view, led by the run's id; numbers that are not finite are themselves again.

    Args:
        name: a table of events means its rows that count, as `current_<name>` has them.
        run: `runs.id`; None returns the rows of every run.

    Raises:
        ArgumentError: there is no such table, or it has no rows of a run.
    """
    from sqlalchemy import Boolean, bindparam, inspect, quoted_name, select, table, text
    from sqlalchemy import column as named

    from debugstore.store import schema

    known = inspect(connection)
    views, tables = known.get_view_names(), known.get_table_names()
    source = f"current_{name}" if f"current_{name}" in views else name
    if source not in (*views, *tables):
        shown = ", ".join(sorted({*tables, *(view for view in views if not view.startswith("current_"))}))
        raise ArgumentError(f"no table named '{name}': the store has {shown}")
    columns = [found["name"] for found in known.get_columns(source)]
    chosen = table(quoted_name(source, quote=True), *map(named, columns))
    query = select(*chosen.c)
    if run is not None:
        if "run" not in columns:
            raise ArgumentError(f"table '{name}' has no rows of a run")
        query = query.where(chosen.c.run == bindparam("run", run))
    if "run" in columns and "run_id" not in columns:
        runs = schema.runs
        query = query.join(runs, runs.c.id == chosen.c.run).with_only_columns(runs.c.run_id, *chosen.c)
        columns = ["run_id", *columns]
    keys = [key for key in ("run", "segment", "seq") if key in columns]
    result = connection.execute(query.order_by(*map(text, (f"{source}.{key}" for key in keys))))
    declared = schema.metadata.tables.get(name)
    flags = {one.name for one in declared.columns if isinstance(one.type, Boolean)} if declared is not None else set()
    rows = [dict(zip(columns, row, strict=True)) for row in result]
    return Answer(tuple(columns), tuple(tuple(_plain(row, flags).values()) for row in rows), False, 0.0)


def _plain(row: dict[str, Any], flags: set[str]) -> dict[str, Any]:
    """Return a row with its marked numbers put back, and with flags that are flags on every engine."""
    marks = json.loads(row[KEY]) if row.get(KEY) else {}
    words = {name: WORDS[word] for name, word in marks.items() if name in row and word in WORDS}
    truths = {name: bool(row[name]) for name in flags if row.get(name) is not None}
    return {**row, **words, **truths}


def to_frame(answer: Answer, library: str | None = None) -> Any:
    """Return an answer as a frame of pandas or polars, the first that is installed if none is named.

    Raises:
        ArgumentError: the library is neither.
        MissingExtraError: it is not installed.
    """
    if library is not None and library not in LIBRARIES:
        raise ArgumentError(f"a frame is made by {' or '.join(LIBRARIES)}, got '{library}'")
    chosen = library or next((name for name in LIBRARIES if find_spec(name)), LIBRARIES[0])
    if find_spec(chosen) is None:
        raise MissingExtraError(chosen, chosen, "a frame")
    made = import_module(chosen)
    if chosen == "pandas":
        return made.DataFrame(answer.rows, columns=list(answer.columns))
    return made.DataFrame(answer.rows, schema=list(answer.columns), orient="row", infer_schema_length=None)
