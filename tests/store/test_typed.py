"""The typed columns say what the line says: read by plain SQL, apart from the way back through export."""

import json
import math
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from debugstore.events import EVENT_TYPES, nonfinite
from debugstore.store.database import Database
from debugstore.store.fields import kind_of
from debugstore.store.ingest import ingest
from debugstore.store.texts import storable
from tests.support.lines import names, real, same, texts, values, whole

STORED = range(-(2**63), 2**63)
"""Integers that a column holds."""

_STRATEGIES: dict[str | None, st.SearchStrategy[Any]] = {
    "real": st.one_of(real, whole),
    "whole": whole,
    "flag": st.booleans(),
    "text": texts,
    "json": values,
}


@st.composite
def known(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Draw a known event: any of its fields, each of its type; numbers also as others write them."""
    event_type = draw(
        st.sampled_from(sorted(EVENT_TYPES.keys() - {"activations"}))
    )  # that one has rows of modules only
    kind = EVENT_TYPES[event_type]
    kinds = {name: kind_of(hint) for name, hint in get_type_hints(kind).items()}
    fields = [
        name for name in kind.__struct_fields__ if kinds[name] is not None and name not in ("nonfinite", "segment")
    ]
    asked = draw(st.lists(st.sampled_from(fields), unique=True, max_size=8))
    return event_type, {name: draw(_STRATEGIES[kinds[name]]) for name in asked}


def log(file: Path, lines: list[dict[str, Any]]) -> Path:
    """Write lines as a logger in strict form would."""
    file.write_text("".join(json.dumps(nonfinite.mark(line)) + "\n" for line in lines))
    return file


def row_of(database: Database, table: str, run: str) -> dict[str, Any]:
    """Return the one row that a run has in a table, the numbers that are not finite in their places."""
    query = f"SELECT t.* FROM {table} AS t JOIN runs AS r ON r.id = t.run WHERE r.run_id = :run"
    with database.read() as connection:
        row = dict(connection.execute(text(query), {"run": run}).mappings().one())
    marks = json.loads(row["nonfinite"]) if row.get("nonfinite") else {}
    marked = {name: json.loads(row[name]) if isinstance(mark, dict) else None for name, mark in marks.items()}
    return row | nonfinite.unmark({**marked, "nonfinite": marks})


def says(column: Any, value: Any, kind: str | None) -> bool:
    """Say whether a column has the value of a line, as far as a column of its kind can."""
    if isinstance(value, float) and not math.isfinite(value):
        return isinstance(column, float) and repr(column) == repr(value)
    return _SAYS[kind](column, value)


def _says_real(column: Any, value: float) -> bool:
    try:
        return bool(column == float(value))  # of an integer the nearest float; of a zero not its sign
    except OverflowError:
        return column is None


def _says_json(column: Any, value: Any) -> bool:
    if column is None:
        return value is None
    found = json.loads(column) if isinstance(column, str) else column  # an array in which numbers were marked
    return same(nonfinite.mark({"value": found}), nonfinite.mark({"value": value}))


def _says_text(column: Any, value: str) -> bool:
    return bool(column == value) if storable(value) else column is not None


_SAYS: dict[str | None, Callable[[Any, Any], bool]] = {
    "real": _says_real,
    "whole": lambda column, value: bool(column == (value if value in STORED else None)),
    "flag": lambda column, value: column is not None and bool(column) == value,
    "text": _says_text,
    "json": _says_json,
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=known())
@example(event=("epoch_start", {"optimizer_state": [math.inf, {"lr": math.nan}]}))
def test_columns_say_the_values_of_the_line(
    database: Database, tmp_path: Path, event: tuple[str, dict[str, Any]]
) -> None:
    """Every field of a known event is in the column of its name, on each engine: large, not finite, any text."""
    event_type, data = event
    run = uuid.uuid4().hex
    line = {"event_type": event_type, "run_id": run, "step": 7, "data": data}
    ingest(database, [log(tmp_path / f"{run}.jsonl", [line])])
    kind = EVENT_TYPES[event_type]
    row = row_of(database, kind.table, run)
    assert (row["step"], row["rank"]) == (7, 0)
    for name, value in data.items():
        assert says(row[name], value, kind_of(get_type_hints(kind)[name])), name


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(largest=st.dictionaries(names.filter(lambda name: name != "nonfinite"), real, max_size=5))
def test_rows_of_parameters_say_the_norms_of_the_line(
    database: Database, tmp_path: Path, largest: dict[str, float]
) -> None:
    """Every norm of a line is a row with its parameter's name; names no engine holds stay apart from others."""
    run = uuid.uuid4().hex
    line = {"event_type": "gradient_stats", "run_id": run, "step": 3, "data": {"top_10_grad_norms": largest}}
    ingest(database, [log(tmp_path / f"{run}.jsonl", [line])])
    query = (
        "SELECT p.name, n.norm, n.nonfinite FROM grad_norms AS n JOIN params AS p ON p.id = n.param"
        " JOIN runs AS r ON r.id = n.run WHERE r.run_id = :run"
    )
    with database.read() as connection:
        rows = connection.execute(text(query), {"run": run}).all()
    found = {
        name: norm + 0.0 if marks is None else nonfinite.WORDS[json.loads(marks)["norm"]] for name, norm, marks in rows
    }
    assert len(found) == len(largest)
    for name, norm in largest.items():
        if name in found:
            assert says(found[name], norm, "real")
    assert sorted(map(repr, found.values())) == sorted(repr(norm + 0.0) for norm in largest.values())


def test_the_property_bites(database: Database, tmp_path: Path) -> None:
    """A column that was changed by hand no longer says its line."""
    line = {"event_type": "training_step", "step": 1, "data": {"loss": 2.5}}
    ingest(database, [log(tmp_path / "run.jsonl", [line])])
    assert says(row_of(database, "steps", "run")["loss"], 2.5, "real")
    with database.write() as connection:
        connection.execute(text("UPDATE steps SET loss = 2.25"))
    assert not says(row_of(database, "steps", "run")["loss"], 2.5, "real")


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 0, 2**53 + 1])
def test_integers_of_64_bit_are_columns(database: Database, tmp_path: Path, value: int) -> None:
    """The largest integers that a column holds come back to the last digit."""
    line = {"event_type": "training_step", "step": 1, "data": {"num_valid_tokens": value}}
    ingest(database, [log(tmp_path / "run.jsonl", [line])])
    assert row_of(database, "steps", "run")["num_valid_tokens"] == value
