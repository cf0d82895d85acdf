"""The examples, run as a person runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch

ROOT = Path(__file__).parents[2]
SMALL = ["--width", "16", "--layers", "1", "--heads", "2", "--length", "16", "--batch_size", "4", "--print_every", "2"]


def run(*arguments: object, cwd: Path, code: int = 0) -> str:
    """Run an example on one core; return what it printed."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *map(str, arguments)]
    ran = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    return ran.stdout + ran.stderr


def train(*arguments: object, cwd: Path, code: int = 0) -> str:
    return run(ROOT / "examples" / "train.py", *SMALL, *arguments, cwd=cwd, code=code)


def logged(folder: Path) -> list[dict[str, object]]:
    """Return the events of all logs of a folder, file by file in the order of their names."""
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Train a few steps on what Python ships; return the folder and what was printed."""
    folder = tmp_path_factory.mktemp("trained")
    return folder, train("--steps", 6, "--run_name", "small", cwd=folder)


def test_training_on_what_python_ships(trained: tuple[Path, str]) -> None:
    """Without any data the training runs, prints loss and accuracy, validates, saves, and writes its log."""
    folder, out = trained
    assert "loss" in out
    assert "accuracy" in out
    assert "validation" in out
    assert (folder / "ckpt" / "last.pt").exists()
    events = logged(folder / "logs" / "debug")
    assert {"fit_start", "training_step", "gradient_stats", "param_updates", "validation", "fit_end"} <= {
        str(event["event_type"]) for event in events
    }
    assert list((folder / "logs" / "debug").glob("debug_summary_*.json"))


def test_the_report_of_one_file(trained: tuple[Path, str], tmp_path: Path) -> None:
    """The second example prints the report of that log, and says what is wrong with one that is not there."""
    (log,) = (trained[0] / "logs" / "debug").glob("*.jsonl")
    example = ROOT / "examples" / "analyze_debug_logs.py"
    assert "TRAINING PROGRESSION" in run(example, log, cwd=tmp_path)
    assert "no such file" in run(example, "nowhere.jsonl", cwd=tmp_path, code=2)
    assert "usage" in run(example, cwd=tmp_path, code=2)


def test_resuming_goes_on(tmp_path: Path) -> None:
    """A training cut in two and logged ends, bit for bit, as one that was neither; its log is one run."""
    steps = ["--steps", 8]
    train(*steps, "--no-enable_debug_logger", "--saving_path", "whole", "--debug_log_dir", "none", cwd=tmp_path)
    train(*steps, "--stop_after", 4, "--saving_path", "cut", "--debug_log_dir", "logs", cwd=tmp_path)
    train(*steps, "--resume", "cut/last.pt", "--saving_path", "cut", "--debug_log_dir", "logs", cwd=tmp_path)
    whole, cut = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "cut"))
    assert whole["step"] == cut["step"] == 8
    assert all(torch.equal(whole["model"][name], cut["model"][name]) for name in whole["model"])
    assert not (tmp_path / "none").exists()
    starts = [event for event in logged(tmp_path / "logs") if event["event_type"] == "fit_start"]
    assert [start["step"] for start in starts] == [0, 4]
    assert len({start["run_id"] for start in starts}) == 1


@pytest.fixture
def own_data(tmp_path: Path) -> Path:
    """Return a folder of token files of three kinds, and the lists that name them."""
    tokens = numpy.arange(400) % 50
    numpy.save(tmp_path / "a.npy", tokens)
    torch.save(torch.tensor(tokens), tmp_path / "b.pt")
    (tmp_path / "c.json").write_text(json.dumps(tokens.tolist()))
    (tmp_path / "train.json").write_text('["a.npy", "b.pt"]')
    (tmp_path / "val.json").write_text('["c.json"]')
    return tmp_path


def test_training_on_own_data(own_data: Path, tmp_path: Path) -> None:
    """Token files of every kind are read from the lists; tokens that the codebook lacks are said."""
    given = ["--datadir", own_data, "--metapath", "train.json", "--val_metapath", "val.json", "--steps", 3]
    assert "validation" in train(*given, "--n_codes", 50, cwd=tmp_path)
    assert "span 0..49, outside 0..39" in train(*given, "--n_codes", 40, cwd=tmp_path, code=1)


def test_the_demo(tmp_path: Path) -> None:
    """The script of `make demo` runs to its end and prints both reports and the comparison."""
    env = {**os.environ, "DEMO_STEPS": "12", "DEMO_FOLDER": str(tmp_path), "OMP_NUM_THREADS": "1"}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    ran = subprocess.run(["sh", ROOT / "examples" / "demo.sh"], env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("TRAINING PROGRESSION") == 2
    assert "CONFIG" in ran.stdout
