"""The model: how it starts, and what its layers do to the signal."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.zoo.cases import DENSE, fault
from benchmarks.zoo.training import Training


def scale_parameters(t: Training, change: Callable[[Tensor], object]) -> None:
    """Change the data of every parameter in place."""
    for parameter in t.model.parameters():
        change(parameter.data)


def deepen(t: Training, *layers: nn.Module) -> None:
    """Put layers between the body and the head."""
    t.model.body = nn.Sequential(t.model.get_submodule("body"), *layers)


def width(t: Training) -> int:
    """Return the number of features the head reads."""
    return int(t.model.get_submodule("head").in_features)  # type: ignore[arg-type]


@fault("M01", "zero-initialization", by_fact=True)
def all_zero(t: Training) -> None:
    """Every parameter starts at zero."""
    scale_parameters(t, lambda data: data.zero_())


@fault("M02", "constant-initialization", by_fact=True)
def all_equal(t: Training) -> None:
    """Every parameter starts at 0.01."""
    scale_parameters(t, lambda data: data.fill_(0.01))


@fault("M03", "initial-loss-too-high")
def all_huge(t: Training) -> None:
    """Every parameter starts a hundred times too large."""
    scale_parameters(t, lambda data: data.mul_(100))


@fault("M04", "dead-units", on=("mlp", "regression", "cnn", "completion"))
def dead(t: Training) -> None:
    """Biases of -20 keep every rectified unit at zero."""
    for name, parameter in t.model.get_submodule("body").named_parameters():
        if name.endswith("bias"):
            parameter.data.fill_(-20)


@fault("M05", "saturated-units", on=(*DENSE, "completion"))
def saturated(t: Training) -> None:
    """The activations are tanh and the body's weights a hundred times too large."""
    body = t.model.get_submodule("body")
    for name, module in list(body.named_children()):
        if isinstance(module, nn.ReLU | nn.GELU):
            setattr(body, name, nn.Tanh())
        elif isinstance(module, nn.Linear | nn.Conv2d):
            module.weight.data.mul_(100)


@fault("M06", "vanishing-gradients")
def deep_sigmoid(t: Training) -> None:
    """Twenty sigmoid layers stand before the head."""
    t.steps = 80
    size = width(t)
    deepen(t, *(layer for _ in range(20) for layer in (nn.Linear(size, size), nn.Sigmoid())))


@fault("M06b", "vanishing-gradients")
def deep_rectified(t: Training) -> None:
    """Forty rectified layers without norm or residual stand before the head."""
    t.steps = 80
    size = width(t)
    deepen(t, *(layer for _ in range(40) for layer in (nn.Linear(size, size), nn.ReLU())))


@fault("M08", "relu-on-logits", by_fact=True)
def rectified_logits(t: Training) -> None:
    """The model ends in a ReLU."""
    t.before_loss(functional.relu)


class _Recurrent(nn.Module):
    """A rectified recurrent layer whose recurrent weight is too large: (N, T) ids to (N, width)."""

    def __init__(self, tokens: nn.Module, size: int, factor: float) -> None:
        super().__init__()
        self.tokens = tokens
        self.recurrent = nn.RNN(16, size, nonlinearity="relu", batch_first=True)
        self.recurrent.weight_hh_l0.data.mul_(factor)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.recurrent(self.tokens(x))
        last: Tensor = outputs[:, -1]
        return last


@fault("M09", "exploding-activations", "exploding-gradients", on=("lstm",))
def exploding_recurrence(t: Training) -> None:
    """A rectified recurrent layer has a recurrent weight five times too large."""
    t.model.body = _Recurrent(t.model.get_submodule("body.tokens"), width(t), 5.0)
    t.clip = None


class _Residual(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.layer = nn.Linear(size, size)
        nn.init.kaiming_normal_(self.layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + functional.relu(self.layer(x))


@fault("M10", "exploding-activations")
def unscaled_residuals(t: Training) -> None:
    """Twenty residual layers without norm or scale stand before the head."""
    size = width(t)
    deepen(t, *(_Residual(size) for _ in range(20)))


@fault("M11", "dropout-too-high")
def dropout_too_high(t: Training) -> None:
    """A dropout of 0.95 stands before the head."""
    deepen(t, nn.Dropout(0.95))


@fault("M12", "batch-norm-tiny-batch", on=("cnn",))
def norm_over_two(t: Training) -> None:
    """Batch norm over two samples."""
    t.batch_size = 2


@fault("M13", "batch-norm-frozen-statistics", on=("cnn",))
def norm_without_memory(t: Training) -> None:
    """Batch norm's running statistics never move: momentum 0."""
    for module in t.model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0


@fault("M14", "parameters-frozen", on=("cnn",), early=True)
def frozen_with_norm_moving(t: Training) -> None:
    """The body is frozen, its batch norm's running statistics still move."""
    t.model.get_submodule("body").requires_grad_(False)


@fault("M15", kind="invisible")
def one_unit(t: Training) -> None:
    """All features pass through one unit: too small a model looks like a hard task."""
    size = width(t)
    deepen(t, nn.Linear(size, 1), nn.Linear(1, size))


@fault("M16", "softmax-in-hidden-layer", "vanishing-gradients")
def hidden_softmax(t: Training) -> None:
    """The features pass through a softmax before the head."""
    deepen(t, nn.Softmax(-1))


@fault("M17", "learning-rate-too-high", on=("transformer",))
def growing_logits(t: Training) -> None:
    """AdamW with a learning rate of 0.3 and no clipping: attention logits grow without bound."""
    t.use("adamw", lr=0.3)
    t.schedule(None)
    t.clip = None


@fault("M18", "embeddings-too-large", "initial-loss-too-high", "exploding-activations", on=("transformer", "lstm"))
def embedding_too_large(t: Training) -> None:
    """The token embeddings are a hundred times too large."""
    for module in t.model.modules():
        if isinstance(module, nn.Embedding):
            module.weight.data.mul_(100)


class _Masked(nn.Module):
    """Features weighted by a softmax over scores that are all masked."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.full_like(x, -torch.inf).softmax(-1)


@fault("M20", "nonfinite-loss")
def all_masked(t: Training) -> None:
    """A mask hides every position, so that the softmax over it is NaN."""
    deepen(t, _Masked())
