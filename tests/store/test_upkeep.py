"""Looking after a store: sizes, soundness, space, copies, and what is derived."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from debugstore.errors import ArgumentError
from debugstore.store import upkeep
from debugstore.store.database import Database, open_database
from debugstore.store.ingest import ingest
from tests.support.content import content
from tests.support.logs import Run

LOGS = (Run(steps=40), Run(steps=30, start_step=30, segment="s1", started_at=1_732_100_000.0), Run(run_id="other"))


@pytest.fixture
def filled(database: Database, tmp_path: Path) -> Database:
    """Make a store of two runs, one resumed, on each engine."""
    ingest(database, [run.write(tmp_path / f"{number}.jsonl") for number, run in enumerate(LOGS)])
    return database


def write(database: Database, *statements: str) -> None:
    """Change rows behind the store's back."""
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_sound_store_has_no_problem(filled: Database) -> None:
    """What ingest leaves passes its own check."""
    assert upkeep.check(filled) == ()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE segments SET num_events = 7 WHERE key = 's1'", "num_events is 7"),
        ("DELETE FROM steps WHERE step = 20", "its rows say"),
        ("DELETE FROM grads WHERE step = 20", "rows of grad_norms belong to no event"),
        ("INSERT INTO runs (run_id) VALUES ('ghost')", "run ghost has no segment"),
        (
            "INSERT INTO events (run, segment, seq, rank, step, event_type, data) "
            "SELECT run, segment, seq, rank, step, 'twice', '{}' FROM steps WHERE step = 20",
            "is there twice",
        ),
    ],
)
def test_the_check_sees_what_is_wrong(filled: Database, statement: str, said: str) -> None:
    """Rows that were lost, doubled or counted wrong are named."""
    write(filled, statement)
    assert any(said in problem for problem in upkeep.check(filled)), upkeep.check(filled)


def test_a_damaged_file_is_seen(tmp_path: Path) -> None:
    """Pages that were overwritten are found by the check."""
    where = tmp_path / "store.db"
    with open_database(where, create=True) as database:
        ingest(database, [Run(steps=400).write(tmp_path / "log.jsonl")])
        with database.read() as connection:
            query = "SELECT pgoffset FROM dbstat WHERE name = 'steps' AND pagetype = 'leaf'"
            places = connection.exec_driver_sql(query).scalars().all()
    damaged = bytearray(where.read_bytes())
    for place in places:
        damaged[place + 8 : place + 200] = b"\xff" * 192
    where.write_bytes(damaged)
    with open_database(where) as database:
        assert any("damaged" in problem for problem in upkeep.check(database))


def test_what_is_derived_can_be_derived_again(filled: Database) -> None:
    """Counts, superseded steps and the facts of runs come back from the rows alone."""
    before = content(filled)
    changes = "num_events = 0, num_steps = 0, first_seq = 9, next_seq = 9, first_step = 9, superseded_from = NULL"
    write(filled, f"UPDATE segments SET {changes}", "UPDATE runs SET config = NULL, status = NULL, started_at = NULL")
    assert content(filled) != before
    assert upkeep.rebuild(filled) == 3
    assert content(filled) == before


def test_sizes_are_told_by_table_and_run(filled: Database) -> None:
    """The rows of all tables and of all runs add up, and so do their bytes where the engine tells them."""
    info = upkeep.info(filled)
    rows = {table.name: table.rows for table in info.tables}
    assert rows["runs"] == 2
    assert {run.run_id: run.events for run in info.runs} == {
        "baseline": len(LOGS[0].events()) + len(LOGS[1].events()),
        "other": len(LOGS[2].events()),
    }
    of_no_run = ("runs", "segments", "params", "rejects", "sources")
    assert sum(run.rows for run in info.runs) == sum(rows.values()) - sum(rows[name] for name in of_no_run)
    assert info.bytes is not None
    assert 0 < sum(run.bytes or 0 for run in info.runs) <= info.bytes


def test_a_backup_says_the_same(filled: Database, tmp_path: Path) -> None:
    """A backup is a sound store in a file with the same content, whatever engine it is of."""
    target = tmp_path / "backup.db"
    assert upkeep.backup(filled, target) == target.stat().st_size
    with open_database(target, read_only=True) as copy:
        assert content(copy) == content(filled)
        assert upkeep.check(copy) == ()
    with pytest.raises(ArgumentError, match="exists"):
        upkeep.backup(filled, target)


def test_vacuum_gives_space_back(filled: Database) -> None:
    """What was deleted leaves the file."""
    after = upkeep.vacuum(filled)[1]
    write(filled, "DELETE FROM steps", "DELETE FROM grads", "DELETE FROM grad_norms", "DELETE FROM loops")
    smaller = upkeep.vacuum(filled)[1]
    assert after is not None
    assert smaller is not None
    assert smaller < after


def test_what_is_written_meanwhile_is_counted(filled: Database) -> None:
    """Deriving again waits for a process that writes, and counts its rows: never what was there before them."""
    with ThreadPoolExecutor(1) as pool:
        with filled.write() as connection:
            connection.exec_driver_sql(
                "INSERT INTO events (run, segment, seq, rank, step, event_type, data)"
                " SELECT run, id, next_seq, rank, last_step, 'more', '{}' FROM segments WHERE key = 's1'"
            )
            connection.exec_driver_sql(
                "UPDATE segments SET num_events = num_events + 1, next_seq = next_seq + 1 WHERE key = 's1'"
            )
            derived = pool.submit(upkeep.rebuild, filled)
            time.sleep(0.3)
            assert not derived.done()
        assert derived.result(timeout=30) == len(LOGS)
    assert upkeep.check(filled) == ()
