"""Healthy optimizers, schedules and fine-tunings."""

from itertools import islice

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim import lr_scheduler as schedules

from benchmarks.zoo import families
from benchmarks.zoo.cases import healthy
from benchmarks.zoo.training import Training

SOME = ("mlp", "regression", "transformer", "cnn")
"""One family of each kind, where a regime hardly depends on the model."""


@healthy("H-clean")
def clean(t: Training) -> None:
    """The family's own training."""


@healthy("H-sgd")
def momentum(t: Training) -> None:
    """SGD with momentum."""
    t.use("sgd")


@healthy("H-nesterov", on=SOME)
def nesterov(t: Training) -> None:
    """SGD with Nesterov momentum and weight decay."""
    t.use("sgd", nesterov=True, weight_decay=5e-4)


@healthy("H-adam")
def adam(t: Training) -> None:
    """Adam."""
    t.use("adam")


@healthy("H-adamw")
def decayed(t: Training) -> None:
    """AdamW with weight decay 0.1."""
    t.use("adamw", weight_decay=0.1)


@healthy("H-rmsprop", on=SOME)
def rmsprop(t: Training) -> None:
    """RMSprop."""
    t.make_optimizer = lambda model: torch.optim.RMSprop(model.parameters(), lr=t.family.adam_lr / 3)


@healthy("H01")
def long_warmup(t: Training) -> None:
    """The learning rate starts at 0 and rises over half of the run."""
    half = t.steps // 2
    t.schedule(lambda made: schedules.LambdaLR(made, lambda step: min(step / half, 1.0)))


@healthy("H02")
def cosine_to_zero(t: Training) -> None:
    """A cosine lowers the learning rate to 0."""
    t.schedule(lambda made: schedules.CosineAnnealingLR(made, t.steps))


@healthy("H02b")
def warmup_and_decay(t: Training) -> None:
    """Warm-up, then a line down to 0."""
    t.schedule(lambda made: families.warmup_decay(made, t.steps))


@healthy("H02c", on=SOME)
def steps_down(t: Training) -> None:
    """The learning rate falls to a tenth at two thirds of the run."""
    t.schedule(lambda made: schedules.StepLR(made, 2 * t.steps // 3, 0.1))


@healthy("H03")
def one_cycle(t: Training) -> None:
    """One cycle: up to the full rate and far down again."""

    def make(made: Optimizer) -> schedules.LRScheduler:
        return schedules.OneCycleLR(made, max_lr=made.param_groups[0]["lr"], total_steps=t.steps)

    t.schedule(make)


@healthy("H03b")
def restarts(t: Training) -> None:
    """Warm restarts: the learning rate jumps up four times."""
    t.schedule(lambda made: schedules.CosineAnnealingWarmRestarts(made, t.steps // 4))


@healthy("H03c", on=SOME)
def cyclical(t: Training) -> None:
    """A triangle between a tenth and the full rate, four times."""

    def make(made: Optimizer) -> schedules.LRScheduler:
        rate = made.param_groups[0]["lr"]
        return schedules.CyclicLR(made, rate / 10, rate, t.steps // 8, cycle_momentum=False)

    t.schedule(make)


def pretrained(t: Training, steps: int = 400) -> None:
    """Train the model to near its best before the logged run begins."""
    made = families.optimizer(t.family, t.model.parameters())
    for _, x, y in islice(t.batches(), steps):
        made.zero_grad()
        families.loss(t.model(x), y).backward()
        made.step()
    made.zero_grad()


@healthy("H04")
def tiny_rate(t: Training) -> None:
    """A pretrained model is tuned with a learning rate of 1e-6."""
    pretrained(t)
    t.schedule(None)
    t.use("adamw", lr=1e-6)


@healthy("H42")
def pretrained_start(t: Training) -> None:
    """The model starts pretrained: the first loss is far below chance."""
    pretrained(t)
    t.schedule(lambda made: schedules.CosineAnnealingLR(made, t.steps))


def trainable(t: Training, kind: str | None = None) -> None:
    """Give the optimizer the parameters that require a gradient."""
    t.make_optimizer = lambda model: families.optimizer(
        t.family, [parameter for parameter in model.parameters() if parameter.requires_grad], kind
    )


@healthy("H05")
def linear_probe(t: Training) -> None:
    """A pretrained body is frozen on purpose, and the optimizer knows."""
    pretrained(t)
    t.model.get_submodule("body").requires_grad_(False)
    trainable(t)


@healthy("H44")
def fresh_head(t: Training) -> None:
    """A pretrained body gets a fresh head; both are trained."""
    pretrained(t)
    t.model.get_submodule("head").reset_parameters()  # type: ignore[operator]


@healthy("H07", on=("cnn",))
def norms_only(t: Training) -> None:
    """Only batch norm and the head are tuned."""
    pretrained(t)
    for module in t.model.modules():
        if isinstance(module, nn.Conv2d):
            module.requires_grad_(False)
    trainable(t)


@healthy("H07b", on=SOME)
def biases_only(t: Training) -> None:
    """Only biases are tuned."""
    pretrained(t)
    for name, parameter in t.model.named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
    trainable(t)
