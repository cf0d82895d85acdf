"""The one training loop: runs a `Training` with the real logger and measures what became of the model."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

import debugstore
from benchmarks.zoo.training import Training

CADENCE = {"step_every": 5, "grad_every": 5, "update_every": 10}
"""A zoo training has a hundred steps where a real one has thousands, so it is logged more often than by default.

Divisors of the default's 10 and 50, so that a thinned log is what the default cadence would have written."""


@dataclass(frozen=True)
class Outcome:
    """What became of a training, measured apart from its log."""

    quality: float
    """Accuracy, or the share of the labels' variance explained, on clean validation data; NaN if it crashed."""
    prior: float
    """The quality of always answering the most frequent label, or the mean."""
    error: str | None = None
    """What the training raised."""


@dataclass
class _Parts:
    model: nn.Module
    optimizer: Optimizer
    scheduler: LRScheduler | None

    def states(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        made = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        return made if self.scheduler is None else {**made, "scheduler": self.scheduler.state_dict()}

    def load(self, states: dict[str, Any], chosen: frozenset[str]) -> None:
        """Load the chosen parts of a checkpoint."""
        for name in chosen & states.keys():
            getattr(self, name).load_state_dict(states[name])


def run(training: Training, log_dir: Path, run_id: str, enabled: bool = True) -> Outcome:
    """Train from the first step to the last, over a resume if there is one; an exception becomes the outcome's."""
    torch.set_num_threads(1)
    open_log = partial(_open_log, training, log_dir, run_id, enabled)
    try:
        model = training.model if training.custom else _processes(training, open_log)
        if training.custom:
            training.custom(training, open_log)
    except (RuntimeError, ValueError, IndexError, AssertionError) as raised:
        return Outcome(math.nan, prior(training), f"{type(raised).__name__}: {raised}")
    return Outcome(quality(training, model) if training.comparable else math.nan, prior(training))


def _processes(training: Training, open_log: Callable[..., Any]) -> nn.Module:
    """Run the process of the training, or the two of a resumed one; return the model that they end with."""
    cut = training.resume_at or training.steps
    parts = _build(training)
    with open_log(parts.model, parts.optimizer, parts.scheduler) as log:
        _Loop(training, parts, log).steps(0, cut)
    if training.resume_at is None:
        return parts.model
    saved = copy.deepcopy(parts.states())
    torch.manual_seed(training.seed + 500)
    training.model = training.family.model()
    parts = _build(training)
    parts.load(saved, training.restored)
    with open_log(parts.model, parts.optimizer, parts.scheduler, 0 if training.restart_steps else cut) as log:
        _Loop(training, parts, log).steps(cut, training.steps)
    return parts.model


def _build(training: Training) -> _Parts:
    model = training.wrap(training.model)
    optimizer = training.make_optimizer(model)
    scheduler = training.make_scheduler(optimizer)
    return _Parts(training.rebuild(model), optimizer, scheduler)


def _open_log(  # noqa: PLR0917 - bound by `partial` from the left
    training: Training,
    log_dir: Path,
    run_id: str,
    enabled: bool,
    model: nn.Module,
    optimizer: Optimizer | list[Optimizer],
    scheduler: LRScheduler | None = None,
    start_step: int = 0,
) -> Any:
    """Open a segment's log as a user would."""
    settings = {
        "config": {"batch_size": training.batch_size, "max_grad_norm": training.clip},
        "num_classes": training.num_classes,
        "scaler": training.scaler,
        "total_steps": training.steps,
        "accumulation_steps": training.accumulation,
        "rank": training.rank if training.world > 1 else None,
        **CADENCE,
        **training.logger,
    }
    return debugstore.DebugLogger(
        model,
        optimizer,
        log_dir=log_dir,
        run_id=run_id,
        scheduler=scheduler,
        start_step=start_step,
        enabled=enabled,
        **settings,
    )


class _Loop:
    """One segment's loop: the letters of `Training.order` are its methods' names."""

    def __init__(self, training: Training, parts: _Parts, log: Any) -> None:
        self.training, self.parts, self.log = training, parts, log
        self.before, inner, self.after = _cut(training.order)
        self.micro = inner * training.accumulation
        self.loss = self.out = torch.zeros(())
        self.micro_step, self.epoch = 0, -1

    def steps(self, first: int, last: int) -> None:
        """Run the steps from `first` up to `last`."""
        training, model = self.training, self.parts.model
        model.train(training.train_mode)
        self.micro_step = first * training.accumulation
        self.source = training.batches(self.micro_step if "data" in training.restored else 0)
        for step in range(first, last):
            for letter in self.before + self.micro + self.after:
                getattr(self, letter)()
            training.after_step(step, model, self.out)
            if training.validate_every and (step + 1) % training.validate_every == 0:
                self.validate()

    def Z(self) -> None:  # noqa: N802
        self.training.zero_grad(self.parts.optimizer)

    def F(self) -> None:  # noqa: N802
        training = self.training
        epoch, x, y = next(self.source)
        if epoch != self.epoch:
            self.epoch = epoch
            self.log.epoch_start(epoch)
        x, y = training.batch(training.inputs(x), y, self.micro_step)
        self.out = training.forward(self.parts.model, x)
        self.loss = training.loss(self.out, y)
        facts = {"logits": self.out, "labels": y, "inputs": x}
        self.log.training_step(self.loss, **{name: facts[name] for name in training.told})
        self.micro_step += 1

    def B(self) -> None:  # noqa: N802
        training = self.training
        loss = self.loss / training.accumulation if training.average and training.accumulation > 1 else self.loss
        training.backward(loss if training.scaler is None else training.scaler.scale(loss), self.out)

    def U(self) -> None:  # noqa: N802
        if self.training.scaler is not None:
            self.training.scaler.unscale_(self.parts.optimizer)

    def C(self) -> None:  # noqa: N802
        if self.training.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parts.model.parameters(), self.training.clip)

    def S(self) -> None:  # noqa: N802
        self.training.step(self.training, self.parts.optimizer)

    def L(self) -> None:  # noqa: N802
        if self.parts.scheduler is not None and self.micro_step % self.training.scheduler_every == 0:
            self.parts.scheduler.step()

    def validate(self) -> None:
        """Measure the held-out samples as the user does."""
        training, model = self.training, self.parts.model
        model.train(not training.eval_mode and training.train_mode)
        with torch.no_grad():
            out = training.forward(model, training.val_inputs(training.inputs(training.val.x)))
            metrics = {"loss": float(training.loss(out, training.val.y))}
        if not training.val.y.is_floating_point():
            metrics["accuracy"] = float((training.predict(out) == training.val.y).float().mean())
        self.log.validation(**metrics)
        model.train(training.train_mode)


def _cut(order: str) -> tuple[str, str, str]:
    """Split `Z(FB)SL` at its brackets; an order without them is all micro-step."""
    if "(" not in order:
        return "", order, ""
    before, _, rest = order.partition("(")
    inner, _, after = rest.partition(")")
    return before, inner, after


def _labels(training: Training) -> Tensor:
    """Return the untouched validation labels."""
    return training.family.data().val.y


def prior(training: Training) -> float:
    """Return the quality of a model that never looks at its inputs."""
    if training.family.regression:
        return 0.0
    labels = _labels(training).flatten()
    return float(labels.bincount().max() / len(labels))


def quality(training: Training, model: nn.Module) -> float:
    """Measure the model in eval mode on the untouched validation samples, prepared as the training prepares them."""
    labels = _labels(training)
    model.eval()
    with torch.no_grad():
        out = training.predict(training.forward(model, training.inputs(training.family.data().val.x)))
    if out.shape != labels.shape or not out.isfinite().all():
        return math.nan
    if not training.family.regression:
        return float((out == labels).float().mean())
    return max(float(1 - (out - labels).square().mean() / (labels - labels.mean(0)).square().mean()), 0.0)
