"""Runs: which one is meant, what is said of each, and what may be done with them."""

import math
from pathlib import Path

import pytest

from debugstore.errors import ArgumentError, RunAmbiguousError, RunNotFoundError, RunRemovedError
from debugstore.store import runs
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from tests.support.content import content
from tests.support.logs import Run

DAY = 86_400.0
NOW = 1_733_000_000.0
OLD = Run(run_id="baseline-7f3a", steps=40, started_at=NOW - 40 * DAY)
RESUMED = Run(run_id="baseline-7f3a", steps=30, start_step=30, segment="s1", started_at=NOW - 20 * DAY)
NEW = Run(run_id="lr-3e-3", steps=20, started_at=NOW - DAY, segment="s2", status=None)
FAILED = Run(
    run_id="baseline-81c2", steps=20, segment="s3", started_at=NOW - 50 * DAY, status="failed", loss=lambda _: math.nan
)


@pytest.fixture
def filled(database: Database, tmp_path: Path) -> Database:
    """Make a store of three runs, on each engine."""
    for number, run in enumerate((OLD, RESUMED, NEW, FAILED)):
        ingest(database, [run.write(tmp_path / f"{number}.jsonl")])
    return database


def found(database: Database, asked: str) -> str:
    """Return the run_id that a name means."""
    with database.read() as connection:
        number = runs.resolve(connection, asked)
        return next(summary.run_id for summary in runs.list_runs(connection) if summary.run == number)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("baseline-7f3a", "baseline-7f3a"), ("baseline-8", "baseline-81c2"), ("lr", "lr-3e-3"), ("latest", "lr-3e-3")],
)
def test_a_run_is_found(filled: Database, asked: str, meant: str) -> None:
    """By its id, a prefix that only it has, or as the latest by its start."""
    assert found(filled, asked) == meant


def test_an_unknown_run_names_those_near(filled: Database) -> None:
    """The message lists what the store holds, what looks alike first."""
    with pytest.raises(RunNotFoundError, match="no run named 'baselin-7f3a'; the store holds: baseline-7f3a, "):
        found(filled, "baselin-7f3a")


def test_an_ambiguous_prefix_names_what_it_fits(filled: Database) -> None:
    """A prefix of several runs is refused with their ids."""
    with pytest.raises(RunAmbiguousError, match="'base' fits 2 runs: baseline-7f3a, baseline-81c2"):
        found(filled, "base")


def test_an_empty_store_says_so(memory: Database) -> None:
    """Without any run the message says what to do first."""
    with pytest.raises(RunNotFoundError, match="the store is empty: run 'debugstore ingest FILES' first"):
        found(memory, "latest")


def test_runs_are_listed_newest_first(filled: Database) -> None:
    """A summary has the steps, the losses and how the run ended; a loss that is NaN stays NaN."""
    with filled.read() as connection:
        newest, resumed, failed = runs.list_runs(connection)
    assert [newest.run_id, resumed.run_id, failed.run_id] == ["lr-3e-3", "baseline-7f3a", "baseline-81c2"]
    assert (newest.status, resumed.status, failed.status) == (None, "completed", "failed")
    assert (resumed.num_segments, resumed.first_step, resumed.last_step) == (2, 0, 50)
    assert resumed.first_loss == OLD.true_loss(0)
    assert resumed.last_loss == RESUMED.true_loss(50)
    assert resumed.best_validation_loss is not None
    assert math.isnan(failed.first_loss or 0)
    assert math.isnan(failed.last_loss or 0)


def test_a_run_is_renamed_annotated_and_tagged(filled: Database) -> None:
    """What a person says of a run is kept, found by, and survives the next ingest of its log."""
    with filled.write() as connection:
        run = runs.resolve(connection, "lr")
        runs.rename(connection, run, "the good one")
        runs.annotate(connection, run, "see the wiki")
        assert runs.tag(connection, run, ["sweep", "keep"]) == ("keep", "sweep")
        assert runs.tag(connection, run, ["keep"], ["sweep"]) == ("keep",)
    assert found(filled, "the good") == "lr-3e-3"
    with filled.read() as connection:
        (summary,) = [one for one in runs.list_runs(connection) if one.run == run]
    assert (summary.name, summary.notes, summary.tags) == ("the good one", "see the wiki", ("keep",))


def test_a_name_given_by_a_person_stays(filled: Database, tmp_path: Path) -> None:
    """More events of a run do not take its new name away."""
    with filled.write() as connection:
        runs.rename(connection, runs.resolve(connection, "lr"), "mine")
    more = Run(run_id="lr-3e-3", steps=20, start_step=20, started_at=NOW, segment="s9")
    ingest(filled, [more.write(tmp_path / "more.jsonl")])
    assert found(filled, "mine") == "lr-3e-3"


def test_a_removed_run_is_gone_and_can_come_back(filled: Database, tmp_path: Path) -> None:
    """Nothing of a removed run stays in any table; its files are read again when they are given again."""
    before = content(filled)
    with filled.write() as connection:
        runs.remove(connection, runs.resolve(connection, "baseline-7f3a"))
    after = content(filled)
    assert not any("baseline-7f3a" in row for rows in after.values() for row in rows)
    assert all(row in before[name] for name, rows in after.items() for row in rows)
    assert ingest(filled, [tmp_path]).new == len(OLD.events()) + len(RESUMED.events())
    assert content(filled) == before


def test_prune_takes_old_runs_only(filled: Database) -> None:
    """A run counts as old by its last event, not its first; tagged ones stay; a dry run only tells."""
    with filled.write() as connection:
        asked = {"older_than_seconds": 30 * DAY, "now": NOW}
        assert [one.run_id for one in runs.prune(connection, **asked, dry_run=True)] == ["baseline-81c2"]
        run = runs.resolve(connection, "baseline-81c2")
        runs.tag(connection, run, ["keep"])
        assert runs.prune(connection, **asked) == []
        assert [one.run_id for one in runs.prune(connection, **asked, keep_tagged=False)] == ["baseline-81c2"]
        assert len(runs.list_runs(connection)) == 2


def test_names_and_tags_say_something(filled: Database) -> None:
    """An empty name or tag is refused, and the run keeps what it has."""
    with filled.write() as connection:
        run = runs.resolve(connection, "latest")
        for blank in ("", "  "):
            with pytest.raises(ArgumentError, match="name cannot be empty"):
                runs.rename(connection, run, blank)
            with pytest.raises(ArgumentError, match="tag cannot be empty"):
                runs.tag(connection, run, ["good", blank])
        assert runs.tag(connection, run) == ()


def test_a_run_removed_while_its_file_is_read_is_said(database: Database, tmp_path: Path) -> None:
    """The ingest ends with a sentence and leaves no part of the run behind; the next one takes all of it."""
    log = Run(run_id="long-1", steps=6000, step_every=1).write(tmp_path / "long.jsonl")

    def remove(_source: str, _done: int, _total: int | None) -> None:
        with database.write() as connection:
            for summary in runs.list_runs(connection):
                runs.remove(connection, summary.run)

    with pytest.raises(RunRemovedError, match="'long-1' was removed from the store while "):
        ingest(database, [log], on_progress=remove)
    with database.read() as connection:
        assert runs.list_runs(connection) == []
    report = ingest(database, [log])
    with database.read() as connection:
        (whole,) = runs.list_runs(connection)
    assert (report.known, whole.num_steps) == (0, 6000)
