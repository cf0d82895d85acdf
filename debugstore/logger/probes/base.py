"""What a probe is: one measured thing, asked at the moments it names.

A probe turns tensors into event fields. It returns device scalars as they are; the recorder brings all scalars of an
event to the host in one copy and hands the numbers to `finish`. A probe never calls `.item()`, uses no random numbers,
keeps no batch, and changes nothing it is shown. When one raises, it is off for the rest of the run and the
training goes on.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from debugstore.logger.context import Context
from debugstore.logger.schedule import Plan

Facts = dict[str, Any]


class Batch(NamedTuple):
    """What the user handed to `training_step`; lives only as long as that call."""

    loss: Any
    logits: Tensor | None
    labels: Tensor | None
    inputs: Tensor | None
    plan: Plan
    first: bool  # of the segment


class Probe:
    """Base of all probes: every moment does nothing until a probe overrides it.

    `name` switches it off (`probes=["-name"]`); `cost` says what it takes.
    """

    name: ClassVar[str]
    cost: ClassVar[str]

    def __init__(self, context: Context) -> None:
        self.context = context

    def fit_facts(self) -> Facts:
        """Return fields of `fit_start`, before the first step."""
        return {}

    def start_events(self, batch: Batch) -> Iterable[tuple[str, Facts]]:  # noqa: ARG002 - part of the signature
        """Return events of the start of a step: of one of the first, or of the last of a window."""
        return ()

    def step_facts(self, batch: Batch) -> Facts:  # noqa: ARG002
        """Return fields of `training_step`, at the start of a logged step."""
        return {}

    def begin(self, plan: Plan) -> bool:  # noqa: ARG002
        """Say whether this step's later moments are wanted."""
        return False

    def backward_entered(self, seed: Tensor) -> None:
        """Look when backward reaches the loss; `seed` is the gradient it starts from there."""

    def backward_ended(self) -> None:
        """Look when all gradients are there, before clipping."""

    def optimizer_entered(self, optimizer: Optimizer) -> None:
        """Look at what the optimizer is about to use."""

    def optimizer_left(self, optimizer: Optimizer) -> None:
        """Look at what the optimizer did."""

    def closure_left(self, optimizer: Optimizer) -> None:
        """Look at the gradients after an optimizer's step that ran forward and backward in a closure."""

    def step_events(self) -> Iterable[tuple[str, Facts]]:
        """Return events of a step that is over."""
        return ()

    def more_facts(self, event_type: str) -> Facts:  # noqa: ARG002
        """Return further fields of an event that another probe made in `step_events`."""
        return {}

    def forward_entered(self, inputs: Any) -> None:
        """Look when the model is called; `inputs` is its first argument. Also outside of training steps."""

    def wants_modules(self, plan: Plan) -> bool:  # noqa: ARG002
        """Say whether to be shown what each module makes in the forward pass of a coming step."""
        return False

    def module_ran(self, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        """Look at what a module made of its first argument."""

    def validation_facts(self) -> Facts:
        """Return fields of `validation`."""
        return {}

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Turn the numbers of one's own facts into the event's fields."""
        return facts


def overridden(probe: Probe) -> frozenset[str]:
    """Return the names of the moments at which a probe has something to do."""
    kind = type(probe)
    return frozenset(name for name in vars(Probe) if getattr(kind, name) is not getattr(Probe, name))
