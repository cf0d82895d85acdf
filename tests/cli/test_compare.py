"""`debugstore compare`: which runs, which formats, and the codes a script asks for."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import HEALTHY, Type

pytestmark = pytest.mark.usefixtures("folder")

KEYS = {"config_diff", "metrics", "findings", "divergence"}


def test_what_differs(type_: Type) -> None:
    """The keys that differ, both runs' numbers and the first step at which they part are said."""
    out = type_("compare", "baseline", "lr-2").done()
    assert "CONFIG" in out
    assert "part at step 0" in out
    comparison = json.loads(type_("compare", "baseline", "lr-2", "--format", "json").done())
    assert set(comparison) >= KEYS
    assert comparison["divergence"]["first_step"] == 0
    assert {key["key"] for key in comparison["config_diff"]} >= {"lr", "seed"}
    assert "| " in type_("compare", "baseline", "lr-2", "--format", "markdown").done()
    assert len(type_("compare", "baseline", "lr-2", "--format", "csv").done().splitlines()) == 3


def test_a_run_equals_itself(type_: Type) -> None:
    """A run compared with itself is equal, and --assert-equal says nothing."""
    outcome = type_("compare", "baseline", "baseline", "--assert-equal")
    assert (outcome.code, outcome.err) == (0, "")


def test_assert_equal(type_: Type, folder: Path) -> None:
    """--assert-equal is exit code 1 and one line that says where the runs part; a tolerance may forgive it."""
    outcome = type_("compare", "baseline", "lr-2", "--assert-equal")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert "step 0" in outcome.err
    assert outcome.out != ""
    healthy = replace(HEALTHY, run_id="again")
    almost = {"training_step": {"loss": lambda step: healthy.true_loss(step) * (1 + 1e-7)}}
    replace(healthy, bend=almost).write(folder / "again.jsonl")
    type_("ingest", "again.jsonl").done()
    assert type_("compare", "baseline", "again", "--assert-equal").code == 1
    assert type_("compare", "baseline", "again", "--assert-equal", "--rtol", "1e-5").code == 0


def test_logs_never_ingested(type_: Type, folder: Path) -> None:
    """Logs compare as runs do, with each other and with runs of the store, which is not changed."""
    logs = sorted((folder / "logs").iterdir())
    of_logs = json.loads(type_("--db", "nowhere.db", "compare", *logs, "--format", "json").done())
    of_runs = json.loads(type_("compare", "baseline", "lr-2", "--format", "json").done())
    assert of_logs["divergence"] == of_runs["divergence"]
    mixed = json.loads(type_("compare", "baseline", logs[1], "--format", "json").done())
    assert mixed["divergence"] == of_runs["divergence"]
    assert type_("compare", logs[0], logs[0], "--assert-equal").code == 0
    assert not (folder / "nowhere.db").exists()


def test_two_logs_of_one_run(type_: Type, folder: Path) -> None:
    """Different logs of one run would be its segments, which is said instead of comparing a run with itself."""
    replace(HEALTHY, segment="s1", start_step=400).write(folder / "second.jsonl")
    said = type_("compare", folder / "second.jsonl", next((folder / "logs").glob("*baseline*"))).failed()
    assert "are of one run, 'baseline'" in said


def test_many_runs(type_: Type, folder: Path) -> None:
    """Runs can be chosen by condition, compared with a baseline, grouped and sorted."""
    for seed in range(3):
        for lr in (1e-3, 3e-3):
            replace(HEALTHY, run_id=f"lr{lr}-{seed}", seed=seed, peak_lr=lr).write(
                folder / "logs" / f"{lr}-{seed}.jsonl"
            )
    type_("ingest", "logs").done()
    chosen = json.loads(
        type_("compare", "--where", "config.lr < 1", "--baseline", "baseline", "--format", "json").done()
    )
    assert chosen["baseline"] == "baseline"
    assert len(chosen["runs"]) == 7
    grouped = json.loads(
        type_("compare", "--where", "config.lr < 1", "--group", "config.lr", "--format", "json").done()
    )
    assert grouped["groups"]
    assert type_("compare", "--where", "config.lr < 1", "--sort", "loss_best").done()
    for wrong in (["--sort", "nothing"], ["--by", "moons"], ["--group", "config.nothing"], ["--rtol", "-1"]):
        type_("compare", "baseline", "lr-2", *wrong).failed()


def test_what_cannot_be_compared(type_: Type) -> None:
    """No run, one that was never resumed, and an unknown one are each one line."""
    assert "no run to compare" in type_("compare").failed()
    assert "never resumed" in type_("compare", "baseline").failed()
    assert "no run named 'nobody'" in type_("compare", "baseline", "nobody").failed()
    assert "cannot read the condition" in type_("compare", "--where", "import os").failed()
    assert "no run fits" in type_("compare", "--where", "config.lr > 100").failed()
    assert "no run fits" in type_("compare", "--where", "config.lr > 100", "--baseline", "baseline").failed()


def test_a_resumed_run(type_: Type, folder: Path) -> None:
    """A run alone is compared segment by segment."""
    replace(HEALTHY, run_id="resumed", steps=200, planned_steps=400).write(folder / "r0.jsonl")
    replace(HEALTHY, run_id="resumed", steps=200, start_step=200, segment="s1", started_at=1_732_000_100.0).write(
        folder / "r1.jsonl"
    )
    type_("ingest", "r0.jsonl", "r1.jsonl").done()
    comparison = json.loads(type_("compare", "resumed", "--format", "json").done())
    assert len(comparison["resumes"]) == 1


def test_all_keys(type_: Type) -> None:
    """Equal config keys are left out, and shown with --all."""
    brief, full = (type_("compare", "baseline", "lr-2", *more).done() for more in ([], ["--all"]))
    assert "batch_size" not in brief
    assert "batch_size" in full
