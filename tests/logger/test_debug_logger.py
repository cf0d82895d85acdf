"""The face of the logger: what it writes when, and what it refuses."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from debugstore import DebugLogger
from debugstore.errors import ArgumentError
from tests.support.training import events, small_model, train


def test_every_base_event_is_written_at_its_cadence(tmp_path: Path) -> None:
    """Steps 0-4 are logged whatever the cadence, then every 10th; updates every 50th."""
    _, log = train(tmp_path, steps=60, clip=1.0)
    at = {kind: [e["step"] for e in events(log, kind)] for kind in ("training_step", "gradient_stats", "param_updates")}
    assert at["training_step"] == at["gradient_stats"] == [0, 1, 2, 3, 4, 10, 20, 30, 40, 50]
    assert at["param_updates"] == [0, 1, 2, 3, 4, 50]
    kinds = [e["event_type"] for e in events(log)]
    assert kinds[0] == "fit_start"
    assert kinds[1] == "epoch_start"
    assert kinds[-1] == "fit_end"
    assert "data_sanity_check" in kinds
    assert "logger_error" not in kinds


def test_seq_counts_from_zero_and_the_envelope_is_whole(tmp_path: Path) -> None:
    """Every line carries the run, the rank and its own number in the file."""
    _, log = train(tmp_path, run_name="base line")
    lines = events(log)
    assert [line["seq"] for line in lines] == list(range(len(lines)))
    assert {line["run_id"] for line in lines} == {log.run_id}
    assert log.run_id is not None
    assert log.run_id.startswith("base-line-")
    assert {line["rank"] for line in lines} == {0}


def test_not_enabled_costs_nothing(tmp_path: Path) -> None:
    """No file, no folder, no hook, and every method is there."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    log = DebugLogger(model, optimizer, log_dir=tmp_path / "none", enabled=False)
    log.epoch_start(0)
    log.training_step(torch.zeros(()))
    log.validation(loss=1.0)
    log.log("mine", {"a": 1})
    log.close()
    assert not (tmp_path / "none").exists()
    assert not optimizer._optimizer_step_pre_hooks


def test_two_starts_in_one_second_get_two_files(tmp_path: Path) -> None:
    """Each start has its own file, summary included."""
    paths = {train(tmp_path, steps=1)[1].path for _ in range(3)}
    assert len(paths) == 3
    assert len(list(tmp_path.glob("debug_summary_*.json"))) == 3


def test_summary_has_the_totals(tmp_path: Path) -> None:
    """The summary beside the log says what the log says, in one object."""
    _, log = train(tmp_path, steps=30)
    summary = json.loads(next(tmp_path.glob("debug_summary_*.json")).read_text())
    losses = [e["data"]["loss"] for e in events(log, "training_step")]
    assert (summary["loss_first"], summary["loss_last"], summary["loss_best"]) == (losses[0], losses[-1], min(losses))
    assert summary["num_finite_losses"] == len(losses)
    assert summary["steps"] == 30
    assert summary["total_events"] == len(events(log))
    assert 0 < summary["logger_seconds"] < summary["seconds"]
    assert summary["findings"] is None  # nobody asked for any


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step_every", 0),
        ("grad_every", "10"),
        ("buffer_events", True),
        ("num_classes", 0),
        ("probes", "gradients"),
        ("probes", ["gradient"]),
        ("run_id", ""),
        ("scheduler", 3),
        ("log_dir", 7),
    ],
)
def test_a_wrong_argument_raises_and_names_itself(tmp_path: Path, name: str, value: Any) -> None:
    """Construction is the only moment that raises."""
    model = small_model()
    options = {"log_dir": tmp_path, name: value}
    with pytest.raises(ArgumentError, match=name.rstrip("s")):
        DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), **options)
    assert not list(tmp_path.glob("*.jsonl"))


def test_importing_the_package_imports_no_torch() -> None:
    """The reading half works where torch is not installed."""
    import subprocess

    code = "import sys, debugstore; assert 'torch' not in sys.modules and 'sqlalchemy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
