"""A training in parts that can be replaced: what a fault or a regime injects into. `loop.py` runs it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from benchmarks.zoo import families
from benchmarks.zoo.data import Split
from benchmarks.zoo.families import Family

Batch = tuple[Tensor, Tensor]


@dataclass
class Training:
    """The parts of one training. The healthy ones are the family's; every part is meant to be replaced.

    `order` is the loop: Z zero_grad, F forward and log, B backward, U unscale, C clip, S optimizer step, L scheduler
    step; what stands in brackets runs once for each of the `accumulation` micro-steps.
    """

    family: Family
    seed: int
    rank: int = 0
    world: int = 1
    order: str = "Z(FB)CSL"
    steps: int = 0
    batch_size: int = 0
    accumulation: int = 1
    average: bool = True
    """Divide the loss by `accumulation` before backward."""
    clip: float | None = None
    scaler: GradScaler | None = None
    scheduler_every: int = 1
    """Steps between two calls of the scheduler."""
    train_mode: bool = True
    eval_mode: bool = True
    """Whether validation switches the model to eval mode."""
    validate_every: int = 20
    resume_at: int | None = None
    """Step at which the process ends and another one goes on."""
    restored: frozenset[str] = frozenset({"model", "optimizer", "scheduler", "data"})
    """Which states the second process loads."""
    restart_steps: bool = False
    """The second process counts its steps from 0."""
    logger: dict[str, Any] = field(default_factory=dict)
    """More arguments of the logger."""
    told: frozenset[str] = frozenset({"logits", "labels", "inputs"})
    """What the logger is given beside the loss."""
    comparable: bool = True
    """Whether the model still answers the family's own task, so that its quality can be measured."""
    custom: Callable[["Training", Callable[..., Any]], None] | None = None
    """A loop of its own: gets the training and what opens a log for a model and its optimizers."""

    model: nn.Module = field(init=False)
    train: Split = field(init=False)
    val: Split = field(init=False)
    num_classes: int | None = field(init=False)
    make_optimizer: Callable[[nn.Module], Optimizer] = field(init=False)
    make_scheduler: Callable[[Optimizer], LRScheduler | None] = field(init=False)
    rebuild: Callable[[nn.Module], nn.Module] = field(default=lambda model: model)
    """Changes the model after the optimizer was built."""
    order_of_epoch: Callable[["Training", int], Tensor] = field(init=False)
    """Indices of the training samples in one epoch."""
    inputs: Callable[[Tensor], Tensor] = field(default=lambda x: x)
    """Prepares inputs, in training and in validation alike."""
    batch: Callable[[Tensor, Tensor, int], Batch] = field(default=lambda x, y, _step: (x, y))
    """Prepares a training batch of a micro-step."""
    val_inputs: Callable[[Tensor], Tensor] = field(default=lambda x: x)
    """Prepares validation inputs alone."""
    forward: Callable[[nn.Module, Tensor], Tensor] = field(default=lambda model, x: model(x))
    loss: Callable[[Tensor, Tensor], Tensor] = field(default=families.loss)
    backward: Callable[[Tensor, Tensor], None] = field(default=lambda loss, _out: loss.backward())
    zero_grad: Callable[[Optimizer], None] = field(default=lambda optimizer: optimizer.zero_grad())
    step: Callable[["Training", Optimizer], None] = field(default=lambda training, made: training.through_scaler(made))
    wrap: Callable[[nn.Module], nn.Module] = field(init=False)
    """Makes what the loop calls out of the model, before the optimizer is built."""
    after_step: Callable[[int, nn.Module, Tensor], None] = field(default=lambda _step, _model, _out: None)
    predict: Callable[[Tensor], Tensor] = field(init=False)
    """Turns outputs into what is compared with the untouched labels."""

    def __post_init__(self) -> None:
        family = self.family
        self.wrap = lambda model: model if self.world == 1 else DistributedDataParallel(model)
        self.steps = self.steps or (family.steps if self.world == 1 else 60)
        self.batch_size = self.batch_size or family.batch_size
        self.clip = family.clip
        self.train, self.val, self.num_classes, _ = family.data()
        torch.manual_seed(self.seed)
        self.model = family.model()
        self.make_optimizer = lambda model: families.optimizer(family, model.parameters())
        self.make_scheduler = lambda made: families.warmup_decay(made, self.steps) if family.scheduled else None
        self.order_of_epoch = shuffled
        self.predict = (lambda out: out) if family.regression else (lambda out: out.argmax(-1))

    def use(self, kind: str, **changes: object) -> None:
        """Train with another optimizer, or with other settings of it."""
        self.make_optimizer = lambda model: families.optimizer(self.family, model.parameters(), kind, **changes)

    def schedule(self, make: Callable[[Optimizer], LRScheduler] | None) -> None:
        """Train with another scheduler; None for a constant learning rate."""
        self.make_scheduler = make or (lambda _made: None)

    def through_scaler(self, made: Optimizer) -> None:
        """Step the optimizer, by the gradient scaler where there is one."""
        if self.scaler is None:
            made.step()
        else:
            self.scaler.step(made)
            self.scaler.update()

    def before_loss(self, change: Callable[[Tensor], Tensor]) -> None:
        """Put a change of the outputs at the end of the model."""
        plain = self.forward
        self.forward = lambda model, x: change(plain(model, x))

    def batches(self, skip: int = 0) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yield epoch and micro-batch for ever, without the first `skip` ones; the last short batch is dropped."""
        epoch, seen = 0, 0
        while True:
            order = self.order_of_epoch(self, epoch)
            for first in range(0, len(order) - self.batch_size + 1, self.batch_size):
                chosen = order[first : first + self.batch_size]
                if seen >= skip:
                    yield epoch, self.train.x[chosen], self.train.y[chosen]
                seen += 1
            epoch += 1


def shuffled(training: Training, epoch: int) -> Tensor:
    """Order an epoch at random: another order each epoch, and other samples on each rank."""
    generator = torch.Generator().manual_seed(1000 * training.seed + epoch)
    return torch.randperm(len(training.train.x), generator=generator)[training.rank :: training.world]
