"""`debugstore runs`: what is in the store."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import HEALTHY, Type

pytestmark = pytest.mark.usefixtures("folder")


def test_the_newest_first(type_: Type) -> None:
    """Every run is a line with its losses, the newest first."""
    rows = [line.split() for line in type_("runs").done().splitlines()[2:]]
    assert [row[0] for row in rows] == ["lr-2", "baseline"]
    assert rows[1][1] == "completed"


def test_for_programs(type_: Type) -> None:
    """JSON has every field, strictly."""
    runs = json.loads(type_("runs", "--format", "json").done())
    assert [run["run_id"] for run in runs] == ["lr-2", "baseline"]
    assert runs[1]["last_step"] == 390
    assert runs[1]["tags"] == []


def test_a_condition(type_: Type) -> None:
    """--where takes a condition on config, status and tags; one that cannot be read is one line."""
    out = json.loads(type_("runs", "--where", "config.lr > 1", "--format", "json").done())
    assert [run["run_id"] for run in out] == ["lr-2"]
    assert type_("runs", "--where", "config.lr > 100", "--format", "json").done() == "[]\n"
    assert type_("runs", "--tag", "nobody", "--format", "json").done() == "[]\n"
    assert "there is no 'lr'" in type_("runs", "--where", "lr > 1").failed()


def test_a_loss_that_is_not_finite(type_: Type, folder: Path) -> None:
    """A run that ended in NaN is listed with it, in strict JSON."""
    HEALTHY.__class__(run_id="nan", loss=lambda step: float("nan") if step > 100 else 1.0).write(folder)
    type_("ingest", "debug_log_nan-s0.jsonl").done()
    assert " nan " in type_("runs").done()
    run = next(run for run in json.loads(type_("runs", "--format", "json").done()) if run["run_id"] == "nan")
    assert run["last_loss"] is None
    assert run["nonfinite"] == {"last_loss": "nan"}


def test_a_name_cannot_paint_the_terminal(type_: Type, folder: Path) -> None:
    """A run whose name holds escape codes is shown with them spelt out, by every command that shows it."""
    HEALTHY.__class__(run_id="red\x1b[31m\nrun").write(folder / "logs" / "red.jsonl")
    type_("ingest", "logs/red.jsonl").done()
    for arguments in (["runs"], ["report", "red"], ["compare", "red", "baseline"], ["ingest", "logs/red.jsonl"]):
        out = type_(*arguments).done()
        assert "\x1b" not in out
        assert "red\\x1b[31m\\nrun" in out


def test_an_empty_store(type_: Type, folder: Path) -> None:
    """A store whose runs are gone lists none, and says what to do where one is asked for."""
    (folder / "rejects.jsonl").write_text('{"event_type":"x","step":1,"data":{}}\n')
    type_("--db", "other.db", "ingest", "rejects.jsonl").done()
    type_("--db", "other.db", "runs", "rm", "rejects", "--yes")
    assert type_("--db", "other.db", "runs", "--format", "json").done() == "[]\n"
    assert "the store is empty: run 'debugstore ingest FILES' first" in type_("--db", "other.db", "report").failed()
