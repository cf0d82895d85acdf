"""Faults that end the training by an exception: counted apart, as the traceback already says most of it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.zoo.cases import CLASSES, fault
from benchmarks.zoo.data import Split
from benchmarks.zoo.faults.loop_order import scaled
from benchmarks.zoo.faults.loss import binary, flat
from benchmarks.zoo.training import Training


@fault("W04", "parameters-frozen", kind="crash")
def all_frozen(t: Training) -> None:
    """Every parameter is frozen."""
    t.model.requires_grad_(False)


@fault("W29", kind="crash")
def scale_never_updated(t: Training) -> None:
    """The scaler is never updated."""
    scaled(t)
    t.order = "Z(FB)UCSL"

    def step(training: Training, made: torch.optim.Optimizer) -> None:
        assert training.scaler is not None
        training.scaler.step(made)

    t.step = step


@fault("G01", "loss-detached", kind="crash")
def outputs_detached(t: Training) -> None:
    """The outputs are detached before the loss."""
    t.before_loss(lambda out: out.detach())


@fault("G04", "loss-detached", kind="crash", on=CLASSES)
def loss_on_indices(t: Training) -> None:
    """The loss compares predicted indices with labels."""
    t.loss = lambda out, y: functional.mse_loss(out.argmax(-1).float(), y.float())


@fault("G09", kind="crash")
def inputs_for_inference(t: Training) -> None:
    """The features are made under inference_mode."""

    def forward(model: nn.Module, x: Tensor) -> Tensor:
        with torch.inference_mode():
            hidden = model.get_submodule("body")(x)
        out: Tensor = model.get_submodule("head")(hidden)
        return out

    t.forward = forward


@fault("L13", kind="crash", on=("tabular",))
def loss_on_logits(t: Training) -> None:
    """A loss on probabilities gets logits."""
    binary(t)
    t.loss = functional.binary_cross_entropy


@fault("D01", "labels-out-of-range", kind="crash", on=CLASSES)
def label_beyond(t: Training) -> None:
    """Labels name a class that does not exist."""
    assert t.num_classes is not None
    t.train = Split(t.train.x, t.train.y + t.num_classes // 2)


@fault("D21", kind="crash", on=("transformer", "lstm"))
def ids_beyond(t: Training) -> None:
    """Input ids lie beyond the embedding."""
    t.inputs = lambda x: x + t.family.data().vocabulary // 2


@fault("M19", "output-width-mismatch", kind="crash", on=CLASSES)
def head_too_narrow(t: Training) -> None:
    """The head has one class too few."""
    assert t.num_classes is not None
    head = t.model.get_submodule("head")
    t.model.head = nn.Linear(head.in_features, t.num_classes - 1)  # type: ignore[arg-type]
    t.loss = lambda out, y: functional.cross_entropy(*flat(out, y))
