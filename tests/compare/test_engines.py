"""SQLite and PostgreSQL give the same comparison, and no query reads another run's rows."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from debugstore.analysis.queries import shipped
from debugstore.store.database import Database, open_database
from tests.compare.asked import compared, stored
from tests.support.logs import ABSENT, Run

RUNS = [
    Run("base", steps=120),
    Run("other", steps=90, planned_steps=120, peak_lr=3e-3, seed=3, config={"amp": True, "clip": None}),
    Run("sparse", steps=120, step_every=15, grad_every=30, bend={"fit_start": {"parameter_fingerprint": ABSENT}}),
    Run("sick", steps=120, bend={"training_step": {"loss": lambda step: math.nan if step > 50 else 2.0}}),
    Run("ranks", steps=40, rank=0, segment="r0", world_size=2),
    Run("ranks", steps=40, rank=1, segment="r1", world_size=2, seed=1),
    Run("resumed", steps=60, planned_steps=120, segment="s0", status=None),
    Run("resumed", start_step=45, steps=75, planned_steps=120, segment="s1", started_at=1.8e9),
]
ASKED: Mapping[str, tuple[list[str], Mapping[str, Any]]] = {
    "two": (["base", "other"], {}),
    "cadences": (["base", "sparse"], {"rtol": 1e-3, "atol": 1e-6}),
    "sick": (["sick", "base"], {"to_loss": 1.0}),
    "ranks": (["ranks", "base"], {}),
    "tokens": (["base", "other", "sick"], {"by": "tokens"}),
    "seconds": (["base", "resumed"], {"by": "seconds", "to_loss": 1.5}),
    "many": (["base", "other", "sparse", "sick", "ranks", "resumed"], {"baseline": "other", "sort": "loss_best"}),
    "groups": (["base", "sparse", "resumed", "other"], {"group": "config.amp"}),
    "resume": (["resumed"], {}),
}


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The runs in SQLite."""
    with open_database(None) as made:
        yield stored(made, tmp_path_factory.mktemp("logs"), RUNS)


@pytest.fixture(scope="module")
def postgres(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The runs in PostgreSQL, in a schema of their own."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA compared")
    url = make_url(postgres_server).update_query_dict({"options": "-csearch_path=compared"})
    with open_database(url.render_as_string(hide_password=False), create=True) as made:
        yield stored(made, tmp_path_factory.mktemp("logs"), RUNS)


@pytest.mark.parametrize("case", ASKED)
def test_both_engines_say_the_same(sqlite: Database, postgres: Database, case: str) -> None:
    """Whatever is compared, the answer does not depend on the engine, to the last digits of a mean."""
    names, options = ASKED[case]
    one, other = (compared(database, names, **options).to_dict() for database in (sqlite, postgres))
    assert close(one, other), (one, other)


def close(left: Any, right: Any) -> bool:
    """Say whether two JSON values are equal, sums of floats up to their order."""
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-12) or (math.isnan(left) and math.isnan(right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(close(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(close, left, right))
    return type(left) is type(right) and bool(left == right)


VALUES = {
    "run": 1,
    "other": 2,
    "first_step": 0,
    "last_step": 100,
    "slices": 8,
    "reach": 10.0,
    "to_loss": 1.0,
}


@pytest.mark.parametrize("name", sorted(set(shipped("compare")) - {"all_runs"}))
def test_no_other_run_is_read(sqlite: Database, name: str) -> None:
    """Every table is searched by a key that begins with the run; only what a query made of its rows is scanned."""
    query = shipped("compare")[name]
    literal = query.literal(**{key: VALUES[key] for key in query.names & set(VALUES)})
    with sqlite.read() as connection:
        plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}")]
    made = _made(query.sql)
    scanned = {line.split()[1] for line in plan if line.startswith("SCAN ")}
    assert {one for one in scanned - made if not one.startswith("(")} <= {"CONSTANT"}
    assert any("(run=?" in line for line in plan)


def _made(sql: str) -> set[str]:
    """Return the names of a query's own parts, and what they are called where they are used."""
    parts = set(re.findall(r"(\w+)(?: \(\w+\))? AS \(", sql)) | {"sliced"}
    aliases = {alias for part, alias in re.findall(r"(?:FROM|JOIN) (\w+) AS (\w+)", sql) if part in parts}
    return parts | aliases
