"""PostgreSQL knows of a large load at once, and is not made to look where nothing changed."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from debugstore.store import statistics
from debugstore.store.database import Database, open_database
from debugstore.store.ingest import ingest
from tests.support.logs import Run

LARGE = Run(run_id="large", steps=2500, step_every=1, grad_every=1, without=("loop", "activations"))
SMALL = replace(LARGE, run_id="small", segment="small", steps=100)


def known_rows(database: Database, table: str) -> float:
    """Return how many rows PostgreSQL plans with; -1 if it never looked."""
    with database.read() as connection:
        query = text("SELECT reltuples FROM pg_class WHERE oid = CAST(:name AS REGCLASS)")
        return float(connection.execute(query, {"name": table}).scalar_one())


def test_a_large_load_is_known_to_the_planner(postgres_url: str, tmp_path: Path) -> None:
    """After ingest the large tables are planned with their true size, without waiting for the server to look."""
    with open_database(postgres_url, create=True) as database:
        ingest(database, [LARGE.write(tmp_path / "large.jsonl")])
        assert known_rows(database, "steps") == LARGE.steps
        ingest(database, [replace(LARGE, run_id="more", segment="more").write(tmp_path / "more.jsonl")])
        assert known_rows(database, "steps") == 2 * LARGE.steps


def test_what_is_small_is_not_looked_at(database: Database, tmp_path: Path) -> None:
    """A small load, a load that added little and a store that needs no such help cost no look."""
    log = SMALL.write(tmp_path / "small.jsonl")
    done = ingest(database, [log])
    if not database.is_sqlite:
        assert known_rows(database, "steps") == -1
    assert statistics.refresh(database, done.new) == ()
    assert statistics.refresh(database, 10**6) == ()


def test_a_table_is_looked_at_once(postgres_url: str, tmp_path: Path) -> None:
    """What did not grow since is left alone, however much was loaded."""
    with open_database(postgres_url, create=True) as database:
        ingest(database, [LARGE.write(tmp_path / "large.jsonl")])
        assert statistics.refresh(database, 10**6) == ()
