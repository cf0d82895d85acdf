"""Synthetic runs bent out of shape: what the cases of the diagnoses are made of."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.support.logs import ABSENT, Run

Logs = tuple[Run, ...]
CHANCE = math.log(10)

_EVENTS = {
    "start": "fit_start",
    "epoch": "epoch_start",
    "step": "training_step",
    "grads": "gradient_stats",
    "updates": "param_updates",
    "sanity": "data_sanity_check",
    "wiring": "wiring",
    "loop": "loop",
    "validation": "validation",
    "activations": "activations",
}


def bent(base: Run | None = None, **changes: Any) -> Logs:
    """Return a run with some fields replaced by event, `step={...}`, and its other knobs turned."""
    bend = {_EVENTS[name]: changes.pop(name) for name in list(changes) if name in _EVENTS}
    return (replace(base or Run(), bend=bend, **changes),)


def flat(level: float = CHANCE) -> Callable[[int], float]:
    """Return a loss that stays at a level but for the noise of its batches."""
    return lambda step: level * (1 + 0.01 * math.sin(step))


def grown(limit: float) -> Callable[[int], float]:
    """Return a loss that rises to a limit."""
    return lambda step: min(limit, CHANCE + step / 10)


def from_step(first: int, value: Any, before: Any) -> Callable[[int], Any]:
    """Return a value that holds from a step on."""
    return lambda step: value if step >= first else before


def at(step_of: int, value: Any, other: Any) -> Callable[[int], Any]:
    """Return a value that holds at one step."""
    return lambda step: value if step == step_of else other


def module(kind: str = "ReLU", **facts: Any) -> dict[str, Any]:
    """Return the facts of one module."""
    plain = {"forward_idx": 0, "type": kind, "std": 0.5, "abs_max": 3.0, "inactive_share": 0.0, "num_nonfinite": 0}
    return {**plain, **facts}


def modules(**found: dict[str, Any]) -> dict[str, Any]:
    return {"modules": found}


GROUP: dict[str, Any] = {
    "optimizer_idx": 0,
    "group_idx": 0,
    "type": "AdamW",
    "lr": 1e-3,
    "weight_decay": 0.01,
    "eps": 1e-8,
}
PLAIN_SGD = {**GROUP, "type": "SGD", "momentum": 0.0}
REAL_LABELS = {
    "label_entropy": ABSENT,
    "label_majority_share": ABSENT,
    "cross_entropy": ABSENT,
    "accuracy": ABSENT,
    "label_variance": 1.0,
    "label_min": -2.0,
    "label_max": 2.0,
}
"""Bends of `training_step` that make the task a regression."""


def resumed(second: Mapping[str, Any] | None = None, **knobs: Any) -> Logs:
    """Return a run of two segments, the second of which may be changed: its `bend` and its knobs."""
    first = Run(steps=200, planned_steps=400, status="interrupted")
    later = Run(start_step=200, steps=200, planned_steps=400, segment="s1", started_at=first.started_at + 100)
    start = {"num_params_with_state": 6, "scheduler_step_count": 200}
    bend = {"fit_start": start, **(second or {})}
    return (
        replace(first, bend={"fit_start": {"num_params_with_state": 0, "scheduler_step_count": 0}}),
        replace(later, **{"bend": bend, **knobs}),
    )


def ranks(**second: Any) -> Logs:
    """Return a run of two ranks, the second of which may be bent; their batches differ, their weights do not."""
    other = bent(Run(rank=1, world_size=2), **second)[0]
    return (Run(world_size=2), other)


def held_up_by_turns() -> Logs:
    """Return two healthy ranks on a machine that does too much: their forward passes took 1.4 to 9.4 ms by turns."""
    milliseconds = {10: (2.9, 8.0), 20: (6.1, 7.2), 30: (2.1, 10.0), 40: (2.2, 2.1), 50: (6.6, 8.1)}

    def of(rank: int) -> Logs:
        own = {"forward_seconds": lambda step: milliseconds.get(step, (2.0, 2.0))[rank] / 1000}
        times = {"step_seconds": 0.04, "data_seconds": 0.0001, "optimizer_seconds": 0.0, "backward_seconds": 0.006}
        return bent(Run(rank=rank, world_size=2, steps=51), loop={**times, **own})

    return of(0) + of(1)


def fingerprint(name: str) -> Callable[[int], str]:
    """Return a fingerprint that differs at every step."""
    return lambda step: f"{name}{step:08x}"


def accumulating(loss_gradient: float, **more: Any) -> Logs:
    """Return a run of four micro-steps a step, whose `loop` may be bent."""

    def times(count: int) -> Callable[[int], int]:
        return lambda step: count * (step + 1)

    loop = {"num_total_backward": times(4), "num_total_optimizer_steps": times(1), "num_total_zero_grad": times(1)}
    return bent(loop={**loop, **more}, grads={"loss_gradient": loss_gradient}, start={"accumulation_steps": 4})
