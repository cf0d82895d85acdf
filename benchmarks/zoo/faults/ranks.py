"""Several processes: two ranks that train one model by gloo."""

import time

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from benchmarks.zoo import families
from benchmarks.zoo.cases import fault
from benchmarks.zoo.training import Training, shuffled

RANKED = ("mlp", "transformer", "cnn")
"""Two processes cost more than one training, so ranks are tried on three families."""


def without_wrapper(t: Training, divide: int) -> None:
    """Add the ranks' gradients by hand, as loops without DistributedDataParallel do."""
    t.wrap = lambda model: model

    def backward(loss: Tensor, out: Tensor) -> None:
        del out
        loss.backward()
        for parameter in t.model.parameters():
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= divide

    t.backward = backward


@fault("R01", "ranks-differ-at-start", on=RANKED, world=2, by_fact=True)
def ranks_start_apart(t: Training) -> None:
    """Each rank draws its own initial weights, and nothing makes them equal."""
    without_wrapper(t, t.world)
    torch.manual_seed(1000 + t.rank)
    t.model = t.family.model()


@fault("R02", "ranks-not-synchronised", on=RANKED, world=2, by_fact=True)
def wrapper_bypassed(t: Training) -> None:
    """The wrapped model is called, not its wrapper, so that gradients are not shared."""
    t.forward = lambda model, x: model.module(x)


@fault("R12", "ranks-not-synchronised", on=RANKED, world=2, by_fact=True)
def no_sync_left_on(t: Training) -> None:
    """Every step runs under no_sync."""

    def forward(model: nn.Module, x: Tensor) -> Tensor:
        if isinstance(model, DistributedDataParallel):
            model.require_backward_grad_sync = False  # what `with model.no_sync()` sets
        out: Tensor = model(x)
        return out

    t.forward = forward


@fault("R03", "rank-hyperparameters-differ", on=RANKED, world=2, by_fact=True)
def rates_differ(t: Training) -> None:
    """The second rank has twice the learning rate."""
    t.schedule(None)
    rate = t.family.sgd_lr if t.family.optimizer == "sgd" else t.family.adam_lr
    t.make_optimizer = lambda model: families.optimizer(t.family, model.parameters(), lr=rate * (t.rank + 1))


@fault("R04", "rank-hyperparameters-differ", "ranks-not-synchronised", on=RANKED, world=2, by_fact=True)
def one_rank_clips(t: Training) -> None:
    """Only the first rank clips its gradients."""
    t.clip = 0.05 if t.rank == 0 else None


@fault("R08", "ranks-not-synchronised", on=RANKED, world=2, by_fact=True)
def one_rank_skips(t: Training) -> None:
    """The second rank skips every third optimizer step."""
    count = 0

    def step(training: Training, made: Optimizer) -> None:
        nonlocal count
        count += 1
        if training.rank == 0 or count % 3:
            made.step()

    t.step = step


@fault("R05", "ranks-share-data", on=RANKED, world=2, by_fact=True)
def no_sampler(t: Training) -> None:
    """Every rank goes through all the data in the same order."""
    t.order_of_epoch = lambda training, epoch: _shard(training, epoch, 0, 1)


@fault("R13", "ranks-share-data", on=RANKED, world=2, by_fact=True)
def wrong_shard(t: Training) -> None:
    """Every rank reads the first rank's shard."""
    t.order_of_epoch = lambda training, epoch: _shard(training, epoch, 0, training.world)


def _shard(t: Training, epoch: int, rank: int, world: int) -> Tensor:
    """Return an epoch's order as another rank of another world would see it."""
    own = t.rank, t.world
    t.rank, t.world = rank, world
    chosen = shuffled(t, epoch)
    t.rank, t.world = own
    return chosen


@fault("R06", on=RANKED, world=2, kind="invisible")
def sum_over_ranks(t: Training) -> None:
    """The ranks' gradients are added, not averaged: no rank alone shows what the average would have been."""
    without_wrapper(t, 1)


@fault("R07", "straggler-rank", on=RANKED, world=2, by_fact=True)
def straggler(t: Training) -> None:
    """The second rank is slow in its own forward pass."""
    plain = t.forward

    def forward(model: nn.Module, x: Tensor) -> Tensor:
        if t.rank == 1:
            time.sleep(0.05)
        return plain(model, x)

    t.forward = forward
