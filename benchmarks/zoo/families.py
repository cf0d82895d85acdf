"""The model families: a task on real data, a model, and the healthy way to train it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from benchmarks.zoo import data, models
from benchmarks.zoo.data import Data

TUNING = ("mlp", "regression")
"""Thresholds may be chosen on these families; all others are scored and never looked at while rules are written."""


@dataclass(frozen=True)
class Family:
    """A task, a model and a healthy training of it. The seed is torch's global one when `model` is called."""

    name: str
    data: Callable[[], Data]
    model: Callable[[], nn.Module]
    sgd_lr: float
    """A learning rate at which SGD with momentum 0.9 learns."""
    adam_lr: float
    optimizer: str
    """`sgd`, `adam` or `adamw`: what the healthy training uses."""
    clip: float | None = None
    scheduled: bool = False
    """Warm-up over a tenth of the run, then linear decay to zero."""
    batch_size: int = 64
    steps: int = 120

    @property
    def regression(self) -> bool:
        """Whether the labels are real numbers."""
        return self.data().num_classes is None

    @property
    def tokens(self) -> bool:
        """Whether the inputs are ids."""
        return self.data().vocabulary > 0


def loss(out: Tensor, y: Tensor) -> Tensor:
    """Return the mean loss of (N, ..., C) logits on (N, ...) classes, or of (N, D) outputs on real labels."""
    if y.is_floating_point():
        return functional.mse_loss(out, y)
    return functional.cross_entropy(out.flatten(0, -2), y.flatten())


def optimizer(family: Family, params: object, kind: str | None = None, **changes: object) -> Optimizer:
    """Build an optimizer with the family's settings, some of them changed."""
    kind = kind or family.optimizer
    if kind == "sgd":
        return torch.optim.SGD(params, **{"lr": family.sgd_lr, "momentum": 0.9, **changes})  # type: ignore[arg-type]
    make = torch.optim.AdamW if kind == "adamw" else torch.optim.Adam
    return make(params, **{"lr": family.adam_lr, **changes})  # type: ignore[arg-type]


def warmup_decay(made: Optimizer, steps: int) -> LRScheduler:
    """Raise the learning rate over a tenth of the steps, then lower it in a line to zero."""
    warm = max(steps // 10, 1)
    return LambdaLR(made, lambda step: min((step + 1) / warm, max(steps - step, 0) / (steps - warm)))


def _transformer() -> nn.Module:
    text = data.next_character()
    return models.Net(models.CausalBody(text.vocabulary, text.train.x.shape[1]), nn.Linear(32, text.vocabulary))


def _lstm() -> nn.Module:
    return models.Net(models.RecurrentBody(data.text_kind().vocabulary), nn.Linear(32, 5))


FAMILIES = {
    family.name: family
    for family in (
        Family("mlp", lambda: data.digits(True), lambda: models.mlp(64, 10, 64, nn.ReLU, 0.1), 0.05, 3e-3, "sgd"),
        Family("regression", data.diabetes, lambda: models.mlp(10, 1, 32, nn.ReLU, 0.1), 0.02, 3e-3, "adam"),
        Family(
            "transformer",
            data.next_character,
            _transformer,
            0.3,
            1e-2,
            "adamw",
            clip=1.0,
            scheduled=True,
            batch_size=16,
        ),
        Family("cnn", lambda: data.digits(False), lambda: models.cnn(10), 0.05, 3e-3, "sgd", scheduled=True),
        Family("lstm", data.text_kind, _lstm, 0.2, 1e-2, "adam", clip=1.0),
        Family("tabular", data.breast_cancer, lambda: models.mlp(30, 2, 32, nn.Tanh, 0.1), 0.05, 3e-3, "adamw"),
        Family("completion", data.half_digits, lambda: models.completer(32), 0.1, 3e-3, "adam", batch_size=32),
    )
}
