"""Learning rate, its schedule, and the other settings of the optimizer."""

import torch
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, StepLR

from benchmarks.zoo.cases import fault
from benchmarks.zoo.training import Training


@fault("W09", "learning-rate-zero", by_fact=True)
def rate_zero(t: Training) -> None:
    """The learning rate is 0."""
    t.schedule(None)
    t.use(t.family.optimizer, lr=0.0)


@fault("W10", "learning-rate-too-low")
def rate_too_low(t: Training) -> None:
    """The learning rate is 1e-7."""
    t.schedule(None)
    t.use(t.family.optimizer, lr=1e-7)


@fault("W11", "learning-rate-too-high")
def rate_too_high(t: Training) -> None:
    """Plain SGD with the learning rate 10."""
    t.schedule(None)
    t.clip = None
    t.use("sgd", lr=10.0)


@fault("W11b", "learning-rate-too-high")
def adaptive_rate_too_high(t: Training) -> None:
    """Adam with the learning rate 1."""
    t.schedule(None)
    t.use("adam", lr=1.0)


@fault("W12", "weight-decay-dominates")
def decay_too_large(t: Training) -> None:
    """Plain SGD with weight decay 5."""
    t.schedule(None)
    t.use("sgd", weight_decay=5.0)


@fault("W12b", "weight-decay-dominates")
def decoupled_decay_too_large(t: Training) -> None:
    """AdamW with weight decay 100."""
    t.schedule(None)
    t.use("adamw", weight_decay=100.0)


@fault("W13", "clip-too-tight")
def clipped_away(t: Training) -> None:
    """Plain SGD with gradients clipped at 1e-5."""
    t.schedule(None)
    t.use("sgd")
    t.clip = 1e-5


@fault("W14", "maximizing-loss", by_fact=True)
def maximizing(t: Training) -> None:
    """The optimizer maximizes."""
    t.use("sgd", maximize=True)


@fault("W32", "optimizer-eps-too-large")
def eps_too_large(t: Training) -> None:
    """Adam with eps 1."""
    t.schedule(None)
    t.use("adam", eps=1.0)


@fault("W22", "scheduler-wrong-horizon", by_fact=True)
def horizon_in_epochs(t: Training) -> None:
    """A cosine schedule over 10 epochs is stepped every batch."""
    t.schedule(lambda made: CosineAnnealingLR(made, 10))


@fault("W23", "scheduler-wrong-horizon", by_fact=True)
def horizon_in_steps(t: Training) -> None:
    """A cosine schedule over all steps is stepped once an epoch."""
    t.schedule(lambda made: CosineAnnealingLR(made, t.steps))
    t.scheduler_every = len(t.train.x) // t.batch_size


@fault("W24", "scheduler-wrong-horizon")
def decaying_every_batch(t: Training) -> None:
    """StepLR(3, 0.1), meant for epochs, is stepped every batch."""
    t.schedule(lambda made: StepLR(made, 3, 0.1))


@fault("W25", "scheduler-not-stepped", by_fact=True)
def schedule_idle(t: Training) -> None:
    """The scheduler is never stepped."""
    t.schedule(lambda made: CosineAnnealingLR(made, t.steps))
    t.order = t.order.replace("L", "")


@fault("W26", "scheduler-wrong-optimizer", "scheduler-not-stepped", by_fact=True)
def schedule_of_another(t: Training) -> None:
    """The scheduler drives an optimizer that is no longer used."""

    def make(made: Optimizer) -> CosineAnnealingLR:
        del made
        old = SGD([nn.Parameter(torch.zeros(3))], lr=0.1)
        old.step()
        return CosineAnnealingLR(old, t.steps)

    t.schedule(make)
