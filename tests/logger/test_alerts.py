"""Alerts tell of a fault while the training runs, once, and never hurt it."""

import itertools
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from debugstore import DebugLogger
from debugstore.analysis.findings import Finding
from debugstore.errors import AlertError, ArgumentError
from debugstore.logger import alerts, writer
from debugstore.logger.event_log import LoggerWarning
from tests.support.training import CLASSES, batch, small_model

PATIENCE_SECONDS = 60.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often: a test has less time than a training."""
    monkeypatch.setattr(writer, "FLUSH_SECONDS", 0.05)
    monkeypatch.setattr(alerts, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(alerts, "SHARE", 1.0)


def train(folder: Path, alert: Any, enough: Callable[[int], bool], faulty: bool = True) -> None:
    """Train until a step is `enough`; a faulty training never clears its gradients."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    with DebugLogger(model, optimizer, log_dir=folder, num_classes=CLASSES, buffer_events=1, alert=alert) as log:
        for step in itertools.takewhile(lambda step: not enough(step), itertools.count()):
            x, y = batch(step)
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            loss.backward()
            optimizer.step()
            if not faulty:
                optimizer.zero_grad()


def out_of_patience() -> Callable[[int], bool]:
    """Return what ends a training that nothing else ended."""
    until = time.monotonic() + PATIENCE_SECONDS
    return lambda _: time.monotonic() > until


def test_a_function_hears_of_the_cause_while_the_training_runs(tmp_path: Path) -> None:
    """The finding comes before the end, and once."""
    heard: list[Finding] = []
    early: list[str] = []
    patience = out_of_patience()

    def enough(step: int) -> bool:
        early[:] = [finding.code for finding in heard]
        return bool(early) or patience(step)

    train(tmp_path, heard.append, enough)
    assert "missing-zero-grad" in early
    codes = [(finding.code, finding.severity) for finding in heard]
    assert len(codes) == len(set(codes))
    summary = json.loads(next(tmp_path.glob("debug_summary_*.json")).read_text())
    said = [(finding["code"], finding["severity"]) for finding in summary["findings"] if finding["severity"] != "note"]
    assert sorted(said) == sorted(dict(codes).items())


def test_raise_ends_the_training_at_an_error(tmp_path: Path) -> None:
    """The next `training_step` raises what was found, with the remedy; the log says that the run failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LoggerWarning)
        with pytest.raises(AlertError, match="missing-zero-grad since step"):
            train(tmp_path, "raise", out_of_patience())
    (log,) = tmp_path.glob("*.jsonl")
    assert '"status":"failed"' in log.read_text().splitlines()[-1]


def test_warn_warns(tmp_path: Path) -> None:
    """A warning says code, step and remedy; a training too short for a look gets one at its end."""
    with pytest.warns(LoggerWarning, match="missing-zero-grad since step"):
        train(tmp_path, "warn", lambda step: step == 30)


def test_a_healthy_training_hears_nothing(tmp_path: Path) -> None:
    """No look, however early, finds something in a training that learns."""
    heard: list[Finding] = []
    until = time.monotonic() + 3.0
    train(tmp_path, heard.append, lambda step: step > 200 and time.monotonic() > until, faulty=False)
    assert heard == []


def test_an_alert_that_fails_is_off(tmp_path: Path) -> None:
    """The training does not notice; one warning says it."""

    def failing(finding: Finding) -> None:
        raise RuntimeError(finding.code)

    with pytest.warns(LoggerWarning, match="alerts are off from here") as caught:
        train(tmp_path, failing, lambda step: step == 30)
    assert len(caught) == 1


def test_a_wrong_alert_is_refused(tmp_path: Path) -> None:
    """What is no alert raises at construction."""
    with pytest.raises(ArgumentError, match="alert must be None, 'warn', 'raise' or a function"):
        train(tmp_path, "shout", lambda _: True)
