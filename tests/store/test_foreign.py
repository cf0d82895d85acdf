"""Logs of others: lines that name no run, no rank, no number; several processes in one file."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from debugstore.events import parse
from debugstore.store.database import Database, open_database
from debugstore.store.export import export_events
from debugstore.store.ingest import ingest
from debugstore.store.runs import list_runs, resolve
from tests.support.content import content
from tests.support.lines import canonical, same

BASE = 1_732_000_000


def log(steps: Iterable[int], first: float = 0.01, **envelope: Any) -> list[dict[str, Any]]:
    """Return a log as the logger that was taken over wrote it: five keys, times since the process began."""
    start = {"trainable_params": 10, "config": {"lr": first}, "optimizer": []}
    events = [{"event_type": "fit_start", "timestamp": first, "step": 0, "epoch": 0, "data": start}]
    for number, step in enumerate(steps):
        moment = first + 0.1 * (number + 1)
        loss = {"loss_total": 2.0 / (step + 1), "loss_ce": 1.0, "loss_spk": 0.1, "acc": 0.5, "lr": 1e-3}
        events.append({"event_type": "training_step", "timestamp": moment, "step": step, "epoch": 0, "data": loss})
        norms = {"total_norm": 1.5, "top_10_grad_norms": {"w": 1.0, "b": 0.5}}
        events.append({"event_type": "gradient_stats", "timestamp": moment, "step": step, "epoch": 0, "data": norms})
    return [{**event, **envelope} for event in events]


def write(path: Path, *logs: list[dict[str, Any]]) -> Path:
    """Write logs one after the other as `json.dumps` writes them: bare NaN and Infinity, blanks after commas."""
    path.write_text("".join(json.dumps(event) + "\n" for events in logs for event in events))
    return path


def exported(database: Database) -> list[dict[str, Any]]:
    """Return every event of every run."""
    with database.read() as connection:
        return [event for run in list_runs(connection) for event in export_events(connection, run.run)]


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def segments(database: Database) -> list[tuple[Any, ...]]:
    """Return run, rank, steps and what is superseded of every segment."""
    query = """SELECT r.run_id, s.rank, s.first_step, s.last_step, s.superseded_from, s.num_events
        FROM segments AS s JOIN runs AS r ON r.id = s.run ORDER BY r.run_id, s.rank, s.started_at"""
    return rows(database, query)


def test_the_log_taken_over_is_read_without_complaint(database: Database, tmp_path: Path) -> None:
    """Its file is the run and dates it, its aliases fill the columns, and every line comes back."""
    events = log(range(0, 50, 10))
    events[1]["data"]["loss_total"] = math.nan
    events[2]["data"]["total_norm"] = math.inf
    events.append(
        {"event_type": "epoch_start", "timestamp": 9.0, "step": 40, "epoch": 1, "data": {"optimizer_state": {}}}
    )
    file = write(tmp_path / f"debug_log_{BASE}.jsonl", events)
    report = ingest(database, [file]).files[0]
    assert (report.new, report.rejected, report.runs) == (len(events), 0, (f"debug_log_{BASE}",))
    query = "SELECT step, loss, accuracy, learning_rate, nonfinite, timestamp FROM current_steps ORDER BY step"
    first, second, *_ = rows(database, query)
    assert first == (0, None, 0.5, 1e-3, '{"loss":"nan"}', pytest.approx(BASE + 0.11))
    assert second[:4] == (10, pytest.approx(2 / 11), 0.5, 1e-3)
    found = exported(database)
    expected = [parse(line) for line in file.read_bytes().splitlines()]
    assert len(found) == len(expected)
    assert all(map(same, found, expected))


def test_copies_are_known_by_their_content(database: Database, tmp_path: Path) -> None:
    """A renamed copy, and a longer one, belong to the run that the first file named."""
    events = log(range(50))
    ingest(database, [write(tmp_path / "first.jsonl", events[:40])])
    assert ingest(database, [write(tmp_path / "renamed.jsonl", events[:40])]).new == 0
    report = ingest(database, [write(tmp_path / "longer.jsonl", events)])
    assert (report.new, report.runs) == (len(events) - 40, ("first",))
    assert ingest(database, [write(tmp_path / "shorter.jsonl", events[:7])]).new == 0
    assert [segment[-1] for segment in segments(database)] == [len(events)]


def test_files_that_begin_alike_are_two_runs(database: Database, tmp_path: Path) -> None:
    """Two files with the same first lines are told apart at the first that differs; nothing of either is lost."""
    one, other = log(range(40)), log(range(40))
    for event in other[51:]:
        event["data"] = {**event["data"], "own": 1}
    files = [write(tmp_path / "one.jsonl", one), write(tmp_path / "other.jsonl", other)]
    report = ingest(database, files)
    assert [file.runs[-1].split("-")[0] for file in report.files] == ["one", "other"]
    assert sorted(map(canonical, exported(database))) == sorted(map(canonical, one + other))
    before = content(database)
    for file in files:
        file.rename(file.with_stem(file.stem + "-moved"))
    assert ingest(database, [tmp_path]).new == 0
    assert content(database) == before


def test_two_files_of_one_name_are_two_runs(memory: Database, tmp_path: Path) -> None:
    """Logs of the same name in different folders are different runs unless they say the same."""
    for number, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "log.jsonl", log(range(9), first=0.01 * (number + 1)))
    runs = ingest(memory, [tmp_path]).runs
    assert len(runs) == 2
    assert runs[0] == "log"
    assert runs[1].startswith("log-")


def test_ranks_of_several_files_are_one_run(database: Database, tmp_path: Path) -> None:
    """Files whose names end with a rank are that rank of one run."""
    for rank in range(3):
        suffix = f"_rank{rank}" if rank else ""
        write(tmp_path / f"debug_log_{BASE}{suffix}.jsonl", log(range(9), first=0.01 + rank))
    ingest(database, [tmp_path])
    assert [segment[:2] for segment in segments(database)] == [(f"debug_log_{BASE}", rank) for rank in range(3)]


@pytest.mark.parametrize("place", ["envelope", "data"])
def test_ranks_that_appended_to_one_file_are_told_by_their_key(database: Database, tmp_path: Path, place: str) -> None:
    """Where lines name their rank, each rank is a segment of its own however their lines mix."""
    logs = [log(range(9), first=0.01 + rank) for rank in range(2)]
    for rank, events in enumerate(logs):
        for event in events:
            (event if place == "envelope" else event["data"])["rank"] = rank
    mixed = [event for pair in zip(*logs, strict=True) for event in pair]
    ingest(database, [write(tmp_path / "log.jsonl", mixed)])
    assert [segment[1:] for segment in segments(database)] == [(rank, 0, 8, None, 19) for rank in range(2)]


def test_ranks_that_appended_to_one_file_are_told_by_time(database: Database, tmp_path: Path) -> None:
    """Where lines name no rank, blocks whose time goes back and then on again are ranks, and not restarts."""
    logs = [log(range(62), first=0.01 + rank / 100) for rank in range(2)]
    blocks = [events[start : start + 25] for start in range(0, len(logs[0]), 25) for events in logs]
    file = write(tmp_path / f"debug_log_{BASE}.jsonl", *blocks)
    ingest(database, [file])
    assert [segment[1:] for segment in segments(database)] == [(rank, 0, 61, None, 125) for rank in range(2)]
    moments = rows(database, "SELECT rank, MIN(timestamp), MAX(timestamp) FROM steps GROUP BY rank ORDER BY rank")
    assert moments == [
        (0, pytest.approx(BASE + 0.11), pytest.approx(BASE + 6.21)),
        (1, pytest.approx(BASE + 0.12), pytest.approx(BASE + 6.22)),
    ]
    with open_database(None) as other:
        for end in (0, 1, 3, len(blocks)):
            ingest(other, [write(file, *blocks[:end])] if end else [])
        assert content(other) == content(database)


def test_a_second_start_in_one_file_is_a_segment(database: Database, tmp_path: Path) -> None:
    """A process that was started again and appended supersedes the steps it did again."""
    file = write(tmp_path / f"debug_log_{BASE}.jsonl", log(range(50)), log(range(30, 60), first=0.02))
    ingest(database, [file])
    assert [segment[1:5] for segment in segments(database)] == [(0, 0, 49, 30), (0, 30, 59, None)]
    steps = rows(database, "SELECT step, COUNT(*) FROM current_steps GROUP BY step ORDER BY step")
    assert steps == [(step, 1) for step in range(60)]
    assert len(exported(database)) == 101 + 61


def test_repeated_steps_of_accumulation_are_kept(memory: Database, tmp_path: Path) -> None:
    """A step that is logged for every micro-step is one segment with all its rows."""
    ingest(memory, [write(tmp_path / "log.jsonl", log(step // 4 for step in range(40)))])
    assert [segment[2:] for segment in segments(memory)] == [(0, 9, None, 81)]


def test_lines_without_time_are_told_apart_by_steps(memory: Database, tmp_path: Path) -> None:
    """Without timestamps a step that goes back begins another segment; validations may count for themselves."""
    events = [{"event_type": "training_step", "step": step, "data": {"loss": 1.0}} for step in [0, 1, 2, 3, 4, 2, 3, 5]]
    events.insert(4, {"event_type": "validation", "step": 0, "data": {"loss": 1.0}})
    ingest(memory, [write(tmp_path / "log.jsonl", events)])
    assert [segment[2:] for segment in segments(memory)] == [(0, 4, 2, 6), (2, 5, None, 3)]


def test_a_foreign_run_is_found_by_its_file(memory: Database, tmp_path: Path) -> None:
    """The file's stem is the run's name on every command."""
    ingest(memory, [write(tmp_path / "their run.jsonl", log(range(5)))])
    with memory.read() as connection:
        run = resolve(connection, "their run")
        assert [summary.run for summary in list_runs(connection)] == [run]
