"""Logs of the logger that this project takes over: their fields are few, and get every diagnosis they allow."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from debugstore.analysis.findings import diagnose
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from tests.analysis.stores import Asked

STEPS = 400
Value = Callable[[int], float]


def noisy(level: float) -> Value:
    return lambda step: level + math.sin(step) / 100


def always(value: float) -> Value:
    return lambda _: value


def steady(_: int) -> float:
    return 1.0


def falling(step: int) -> float:
    return 7.0 - step / 100


def lines(loss: Value = falling, rate: float = 1e-3, norm: Value = steady, updated: int = 8) -> Iterator[str]:
    """Yield a log as that logger writes it: five keys, times since its start, bare NaN, other names for some fields."""

    def line(event_type: str, step: int, **data: Any) -> str:
        epoch = 2 * step // STEPS
        return json.dumps(
            {"event_type": event_type, "timestamp": step / 10, "step": step, "epoch": epoch, "data": data}
        )

    yield line("fit_start", 0, trainable_params=1000, total_steps=STEPS, max_epochs=2, batch_size=8)
    yield line("epoch_start", 0, optimizer_state={})
    yield line("data_sanity_check", 0, label_min=0, label_max=1023, expected_max=1023, labels_valid=True)
    for step in range(0, STEPS, 10):
        yield line("training_step", step, loss_total=loss(step), loss_ce=loss(step), acc=0.1 + step / 1000, lr=rate)
        yield line("gradient_stats", step, grad_norm=norm(step), num_params_with_grad=8, num_params_total=8)
        if step % 50 == 0:
            yield line("param_updates", step, num_params_updated=updated, num_params_total=8)


@pytest.fixture
def asked(memory: Database, tmp_path: Path) -> Callable[..., Asked]:
    """Ingest such a log and ask every diagnosis."""

    def ask(**bent: Any) -> Asked:
        path = tmp_path / "debug_log_1732000000.jsonl"
        path.write_text("\n".join(lines(**bent)) + "\n")
        ingest(memory, [path])
        with memory.read() as connection:
            findings, checks = diagnose(connection, 1)
        return Asked(findings, {check.code: check for check in checks})

    return ask


def test_what_its_fields_allow_is_asked(asked: Callable[..., Asked]) -> None:
    """Every diagnosis of losses, gradients, updates, labels and learning rates answers; a healthy log has no alarm."""
    answer = asked()
    assert answer.alarms == []
    allowed = {
        *("accuracy-flat", "loss-flat", "loss-diverging", "loss-spike", "nonfinite-loss"),
        *("exploding-gradients", "gradient-spike", "nonfinite-gradients", "vanishing-gradients", "zero-gradients"),
        *("learning-rate-too-high", "learning-rate-too-low", "learning-rate-zero"),
        *("no-parameter-updates", "labels-out-of-range"),
    }
    assert allowed <= {code for code, check in answer.checks.items() if check.verdict != "not_applicable"}


@pytest.mark.parametrize(
    ("first", "bent"),
    [
        ("loss-flat", {"loss": noisy(7.0)}),
        ("nonfinite-loss", {"loss": lambda step: math.nan if step > 200 else falling(step)}),
        ("nonfinite-gradients", {"norm": lambda step: math.inf if step > 200 else 1.0}),
        ("exploding-gradients", {"norm": always(1001.0)}),
        ("zero-gradients", {"loss": noisy(7.0), "norm": always(0.0), "updated": 0}),
        ("vanishing-gradients", {"loss": noisy(7.0), "norm": always(1e-6)}),
        ("no-parameter-updates", {"loss": noisy(7.0), "updated": 0}),
        ("learning-rate-zero", {"loss": noisy(7.0), "rate": 0.0, "updated": 0}),
        ("learning-rate-too-low", {"loss": noisy(7.0), "rate": 1e-7}),
        ("learning-rate-too-high", {"loss": lambda step: 7.0 + step / 50, "rate": 0.3}),
        ("loss-spike", {"loss": lambda step: 30.0 if step == 300 else falling(step)}),
        ("gradient-spike", {"norm": lambda step: 30.0 if step == 300 else 1.0}),
    ],
)
def test_the_cause_is_named(asked: Callable[..., Asked], first: str, bent: dict[str, Any]) -> None:
    """From these fields alone the first finding is the right one."""
    assert asked(**bent).findings[0].code == first
