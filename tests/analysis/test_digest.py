"""A long run read as a digest says what it says read whole, and its exact figures are exact."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from debugstore.analysis.digest import digested
from debugstore.analysis.digest_rows import TABLES, Size
from debugstore.analysis.findings import diagnose
from debugstore.analysis.queries import shipped
from debugstore.analysis.report import Report, report
from debugstore.store import runs, schema, stretches, upkeep
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from debugstore.store.stretches import WIDTH
from tests.analysis.stores import all_runs
from tests.support.logs import Run, write_logs

SMALL = Size(exact_steps=100, grid_steps=50, first_events=60, last_events=40, jumps=2, odd_stretches=2)
LOGGED = 2_500
SPIKES = {1_733: 40.0, 2_411: 25.0}
NAN_STEP = 2_042
MEANS = {
    "config",
    "environment",
    "optimizer",
    "total_norm_median",
    "clipped_share",
    "params",
    "num_params_updated_mean",
    "share_entries_changed_mean",
}
"""Figures that are of the rows read, or no numbers."""


def spiked(step: int) -> float:
    """A loss that falls, jumps twice and once is not a number."""
    return math.nan if step == NAN_STEP else SPIKES.get(step, 0.3 + 2.0 * math.exp(-step / 700))


def long_run(run_id: str = "long", **changes: Any) -> Run:
    """Return a run that logs every step."""
    dense = {"steps": LOGGED, "step_every": 1, "grad_every": 1, "update_every": 5, "loss": spiked, "epochs": 3}
    return Run(run_id, **(dense | changes))


def key(database: Database, name: str) -> int:
    with database.read() as connection:
        return runs.resolve(connection, name)


def both(database: Database, run: str, **options: Any) -> tuple[Report, Report]:
    """Report on a run read as a digest, and read whole."""
    found = key(database, run)
    with database.read() as connection:
        return report(connection, found, size=SMALL, **options), report(connection, found, all_rows=True, **options)


@pytest.fixture
def filled(database: Database, tmp_path: Path) -> Database:
    """Ingest a long run and a short one, on each engine."""
    ingest(database, write_logs(tmp_path, [long_run(), Run("short")]))
    return database


def test_the_counts_and_extremes_of_a_digest_are_exact(filled: Database) -> None:
    """Every figure of the sections but means and medians of the rows read is that of all rows."""
    digest, whole = both(filled, "long")
    assert digest.reading["steps_read"] < digest.reading["steps"] / 3
    assert digest.reading["steps"] == whole.run["num_logged_steps"]
    assert not whole.reading
    for name in ("run", "improvement", "gradients", "updates"):
        one, other = ({k: v for k, v in getattr(side, name).items() if k not in MEANS} for side in (digest, whole))
        assert one == pytest.approx(other, nan_ok=True), name
    for row, all_of_it in zip(digest.progression, whole.progression, strict=True):
        assert row == pytest.approx(dict(all_of_it), nan_ok=True)


def test_findings_that_name_a_step_are_exact(filled: Database) -> None:
    """A spike and a loss that is not finite are found at their steps, with the same numbers."""
    digest, whole = both(filled, "long")
    for code in ("loss-spike", "nonfinite-loss"):
        one, other = (
            next(found for root in side.findings for found in (root, *root.explained) if found.code == code)
            for side in (digest, whole)
        )
        assert one.threshold == pytest.approx(other.threshold)
        assert replace(one, threshold=None) == replace(other, threshold=None)


def test_a_short_run_is_read_whole(filled: Database) -> None:
    """Where all rows are read nothing is made, and nothing is said."""
    with filled.read() as connection:
        made = report(connection, key(filled, "short"), size=SMALL)
        assert not made.reading
        with digested(connection, [key(filled, "short")], size=SMALL) as digest:
            assert digest.connection is connection


def test_nothing_is_left_behind(filled: Database) -> None:
    """After a digest the views are the store's again, also when the question failed."""
    found = key(filled, "long")
    with filled.read() as connection:

        def logged() -> int:
            query = text("SELECT COUNT(*) FROM current_steps WHERE run = :run")
            return int(connection.execute(query, {"run": found}).scalar_one())

        whole = logged()
        with pytest.raises(ZeroDivisionError), digested(connection, [found], size=SMALL):
            raise ZeroDivisionError
        assert logged() == whole == LOGGED


def test_a_report_since_a_step_counts_from_it(filled: Database) -> None:
    """What lies before the step is in no count, and the first rows after it are read."""
    digest, whole = both(filled, "long", since_step=1_801)
    assert digest.reading["steps"] == whole.run["num_logged_steps"] == LOGGED - 1_801
    for name in ("loss_first", "loss_last", "num_losses", "loss_best", "loss_best_step"):
        assert digest.improvement[name] == pytest.approx(whole.improvement[name])


def test_superseded_rows_are_in_no_digest(database: Database, tmp_path: Path) -> None:
    """Of a resumed run the rows that were repeated count neither in stretches nor in the rows read."""
    again = long_run(start_step=1_500, segment="s1", started_at=1_732_900_000.0)
    ingest(database, write_logs(tmp_path, [long_run(), again]))
    digest, whole = both(database, "long")
    assert digest.run["num_superseded_steps"] == whole.run["num_superseded_steps"] > 0
    assert digest.run["num_logged_steps"] == whole.run["num_logged_steps"]
    assert digest.improvement["loss_best"] == whole.improvement["loss_best"]
    assert digest.gradients["total_norm_max"] == whole.gradients["total_norm_max"]


def test_rows_meet_at_the_steps_of_the_grid(filled: Database) -> None:
    """The rows that stand for those between are of the same steps in every table."""
    found = key(filled, "long")
    with filled.read() as connection, digested(connection, [found], size=SMALL) as digest:
        steps = {
            table: {row[0] for row in digest.connection.exec_driver_sql(f"SELECT step FROM current_{table}")}
            for table in TABLES
        }
        grid = {step for step in steps["steps"] if step % digest.every == 0}
        assert len(grid) > 40
        assert grid <= steps["grads"] & steps["loops"]
        assert grid <= steps["param_updates"]


def dense(name: str, logs: Any) -> list[Run]:
    """Return the logs of a case with every step logged."""
    made = []
    for index, log in enumerate(logs):
        often = {} if log.step_every != 10 else {"step_every": 1, "grad_every": 1, "update_every": 5}
        made.append(replace(log, run_id=name, segment=f"{index}-{log.segment}", **often))
    return made


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, dict[str, int]]]:
    """Ingest every synthetic fault and healthy run with every step logged."""
    from debugstore.store.database import open_database

    with open_database(None) as database:
        logs = [log for name, of_one in all_runs() if not name.startswith("silent") for log in dense(name, of_one)]
        ingest(database, write_logs(tmp_path_factory.mktemp("logs"), logs))
        with database.read() as connection:
            keys = {row.run_id: row.id for row in connection.execute(text("SELECT id, run_id FROM runs"))}
        yield database, keys


def test_a_digest_of_any_fault_says_the_same(cases: tuple[Database, dict[str, int]]) -> None:
    """Every synthetic fault and healthy run has the same root findings, as severe, in the same order."""
    database, keys = cases
    num_long, differing = 0, {}
    with database.read() as connection:
        for name, run in keys.items():
            whole, _ = diagnose(connection, run)
            with digested(connection, [run], size=SMALL) as digest:
                num_long += bool(digest.long)
                found, _ = diagnose(digest.connection, run)
            one, other = ([(root.code, root.severity) for root in side] for side in (found, whole))
            if one != other:
                differing[name] = (one, other)
    assert num_long > 100
    assert differing == {}


def stored(database: Database) -> list[dict[str, Any]]:
    with database.read() as connection:
        query = select(schema.stretches).order_by(schema.stretches.c.segment, schema.stretches.c.low_seq)
        return [dict(row) for row in connection.execute(query).mappings()]


def test_stretches_are_kept_whatever_the_pieces(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that comes in pieces, out of order, ends with the stretches of one that came whole; db check agrees."""
    monkeypatch.setattr(stretches, "LONG", 100)
    log = long_run().lines().splitlines(keepends=True)
    file = tmp_path / "debug_log_1.jsonl"
    third = len(log) // 3
    for index, part in enumerate((log[2 * third :], log[:third], log)):
        piece = tmp_path / f"piece-{index}" / file.name
        piece.parent.mkdir()
        piece.write_bytes(b"".join(part))
        ingest(database, [piece])
        assert not upkeep.check(database)
    kept = stored(database)
    assert len(kept) == len(log) // WIDTH
    assert sum(row["num_steps"] for row in kept) > 0.8 * LOGGED
    upkeep.rebuild(database)
    assert stored(database) == kept


def test_an_ingest_stopped_before_the_stretches_is_completed_by_the_next(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The events are all there, so the next ingest of the file finds none that is new; it writes the stretches."""
    monkeypatch.setattr(stretches, "LONG", 100)
    files = write_logs(tmp_path, [long_run()])

    def stop(_: str, done: int, total: int | None) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(database, files, on_progress=stop)
    assert not stored(database)
    assert ingest(database, files).new == 0
    kept = stored(database)
    upkeep.rebuild(database)
    assert stored(database) == kept != []


def test_a_stretch_that_lies_is_found_and_made_anew(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`db check` names what does not say what its rows do; `db rebuild` repairs it."""
    monkeypatch.setattr(stretches, "LONG", 100)
    ingest(database, write_logs(tmp_path, [long_run()]))
    with database.write() as connection:
        connection.execute(text("UPDATE stretches SET least_loss = -1 WHERE low_seq = 0"))
    (problem,) = upkeep.check(database)
    assert "db rebuild" in problem
    upkeep.rebuild(database)
    assert not upkeep.check(database)


def test_stored_and_measured_stretches_say_the_same(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report is the same whether ingest wrote the stretches or the report measured them."""
    measured, _ = both(filled, "long")
    monkeypatch.setattr(stretches, "LONG", 100)
    upkeep.rebuild(filled)
    assert len(stored(filled)) > 5
    kept, _ = both(filled, "long")
    assert kept == measured


def test_removing_a_run_removes_its_stretches(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing derived outlives its run."""
    monkeypatch.setattr(stretches, "LONG", 100)
    ingest(database, write_logs(tmp_path, [long_run()]))
    assert stored(database)
    with database.write() as connection:
        runs.remove(connection, runs.resolve(connection, "long"))
    assert not stored(database)


def test_every_total_is_of_a_section() -> None:
    """A file of totals belongs to a section of the report or to the metrics of a comparison, or it would do nothing."""
    assert set(shipped("totals")) <= {*shipped("report"), "metrics"}
