"""The machine, the number formats, and what a resume brings back."""

import time

import torch
from torch import Tensor, nn

from benchmarks.zoo import families
from benchmarks.zoo.cases import REAL, fault
from benchmarks.zoo.training import Training

HELD: list[Tensor] = []
"""Where the leak keeps its tensors; the process ends with its case."""


@fault("S02", "data-loading-bound", by_fact=True)
def slow_loader(t: Training) -> None:
    """Loading a batch takes many times longer than training on it."""
    t.steps = 40

    def batch(x: Tensor, y: Tensor, step: int) -> tuple[Tensor, Tensor]:
        del step
        time.sleep(0.08)
        return x, y

    t.batch = batch


@fault("S03", "memory-growth", by_fact=True)
def leak(t: Training) -> None:
    """Every step's outputs and their graph are kept."""

    def after_step(step: int, model: nn.Module, out: Tensor) -> None:
        del step, model
        HELD.extend([out, torch.ones(250_000)])

    t.after_step = after_step


@fault("S04", "batch-out-of-scale", "inputs-out-of-scale", on=REAL, by_fact=True)
def spike_from_data(t: Training) -> None:
    """One batch in mid-run is ten thousand times too large."""
    at = t.steps // 2 * t.accumulation
    t.batch = lambda x, y, step: (x * 1e4 if step == at else x, y)


@fault("S04b", "loss-spike", "learning-rate-too-high", by_fact=True)
def spike_from_rate(t: Training) -> None:
    """The learning rate is three hundred times too large for three steps in mid-run."""
    at = t.steps // 2
    t.schedule(lambda made: torch.optim.lr_scheduler.LambdaLR(made, lambda step: 300.0 if at <= step < at + 3 else 1.0))
    t.clip = None


def resume(t: Training, *lost: str) -> None:
    """End the process in mid-run; the next one goes on without some of the states."""
    t.resume_at = t.steps // 2
    t.restored = t.restored - set(lost)


@fault("S05", "resume-lost-optimizer-state", by_fact=True)
def optimizer_state_lost(t: Training) -> None:
    """The optimizer's state is not loaded at the resume."""
    t.use("adamw" if t.family.optimizer == "sgd" else t.family.optimizer)
    resume(t, "optimizer")


@fault("S06", "resume-lost-schedule", by_fact=True)
def schedule_lost(t: Training) -> None:
    """The scheduler's state is not loaded at the resume: the warm-up begins again."""
    t.schedule(lambda made: families.warmup_decay(made, t.steps))
    resume(t, "scheduler")


@fault("S07", "resume-step-reset", "resume-gap", by_fact=True)
def steps_counted_anew(t: Training) -> None:
    """The resumed process counts its steps from 0."""
    resume(t)
    t.restart_steps = True


@fault("S08", "resume-repeats-data", by_fact=True)
def data_anew(t: Training) -> None:
    """The resumed process starts the data from the first batch."""
    resume(t, "data")


@fault("S11", "resume-lost-weights", by_fact=True)
def weights_lost(t: Training) -> None:
    """The resumed process starts from other weights than the last one ended with."""
    resume(t, "model")


def lower_precision(t: Training, dtype: torch.dtype) -> None:
    """Hold the model in a short format."""
    t.model.to(dtype)
    plain = t.inputs
    if not t.family.tokens:
        t.inputs = lambda x: plain(x).to(dtype)
    t.before_loss(lambda out: out.float())


@fault("S13", "low-precision-parameters")
def half_parameters(t: Training) -> None:
    """The parameters are float16 under Adam, whose eps is zero there."""
    t.steps = 60
    t.use("adam")
    lower_precision(t, torch.float16)


@fault("S14", "low-precision-parameters", "updates-lost-to-rounding", by_fact=True)
def short_parameters(t: Training) -> None:
    """The parameters are bfloat16 and the updates too small for it."""
    t.schedule(None)
    t.use("adamw", lr=1e-5)
    lower_precision(t, torch.bfloat16)
