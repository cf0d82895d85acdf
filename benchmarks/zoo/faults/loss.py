"""The form of the loss: what it is computed from, and how."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.zoo.cases import CLASSES, fault
from benchmarks.zoo.data import Split
from benchmarks.zoo.training import Training


def flat(out: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N, C) logits and (N,) labels, whatever the positions."""
    return out.flatten(0, -2), y.flatten()


@fault("L01", "double-softmax", on=CLASSES, by_fact=True)
def softmax_then_cross_entropy(t: Training) -> None:
    """The model ends in a softmax and the loss takes another."""
    t.before_loss(lambda out: out.softmax(-1))


@fault("L02", "softmax-over-batch", on=CLASSES, by_fact=True)
def softmax_over_samples(t: Training) -> None:
    """The softmax at the model's end runs over the samples."""
    t.before_loss(lambda out: out.softmax(0))


@fault("L03", "loss-sum-reduction")
def summed_loss(t: Training) -> None:
    """Plain SGD on the sum of the samples' losses, at a learning rate meant for their mean."""
    t.use("sgd")
    t.clip = None
    plain = t.loss
    t.loss = lambda out, y: plain(out, y) * (out.numel() if t.family.regression else y.numel())


@fault("L18", "loss-sum-reduction", on=("transformer",))
def summed_tokens(t: Training) -> None:
    """Plain SGD on the sum over tokens, divided by the number of samples alone."""
    t.use("sgd")
    t.clip = None
    plain = t.loss
    t.loss = lambda out, y: plain(out, y) * y.numel() / len(y)


@fault("L04", "loss-negative", on=CLASSES, by_fact=True)
def sign_flipped(t: Training) -> None:
    """The loss has the wrong sign."""
    plain = t.loss
    t.loss = lambda out, y: -plain(out, y)


@fault("L05", "loss-negative", on=CLASSES, by_fact=True)
def likelihood_of_probabilities(t: Training) -> None:
    """The negative log likelihood gets probabilities, not their logarithm."""
    t.before_loss(lambda out: out.softmax(-1))
    t.loss = lambda out, y: functional.nll_loss(*flat(out, y))


@fault("L06", "loss-negative", on=CLASSES, by_fact=True)
def likelihood_of_logits(t: Training) -> None:
    """The negative log likelihood gets raw logits."""
    t.loss = lambda out, y: functional.nll_loss(*flat(out, y))


@fault("L07", "nonfinite-loss", on=CLASSES, by_fact=True)
def logarithm_of_zero(t: Training) -> None:
    """The loss takes the logarithm of a probability that was clamped to zero."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        logits, labels = flat(out, y)
        return -torch.log(functional.relu(logits.softmax(1) - 0.9 / logits.shape[1])).gather(1, labels[:, None]).mean()

    t.loss = loss


@fault("L08", "labels-all-ignored", on=CLASSES, by_fact=True)
def all_ignored(t: Training) -> None:
    """Every label is the ignored one."""
    t.batch = lambda x, y, _step: (x, torch.full_like(y, -100))


@fault("L09", "class-ignored", on=("mlp", "cnn", "lstm"), by_fact=True)
def class_ignored(t: Training) -> None:
    """ignore_index is 0, which is a class."""
    t.loss = lambda out, y: functional.cross_entropy(out, y, ignore_index=0)
    t.logger = {"ignore_index": 0}


def one_number(t: Training) -> None:
    """Make the regression one of a single number: the labels' mean over their dimensions."""
    t.train, t.val = (Split(part.x, part.y.mean(1, keepdim=True)) for part in (t.train, t.val))
    head = t.model.get_submodule("head")
    t.model.head = nn.Linear(head.in_features, 1)  # type: ignore[arg-type]
    t.predict = lambda out: out.expand(-1, t.family.data().val.y.shape[1])


@fault("L10", "loss-broadcast", "output-width-mismatch", on=("regression", "completion"))
def broadcast(t: Training) -> None:
    """(N, 1) outputs meet (N,) labels, so that every output is compared with every label."""
    one_number(t)
    t.train, t.val = (Split(part.x, part.y[:, 0]) for part in (t.train, t.val))


@fault("L11", "output-width-mismatch", on=("transformer",))
def wrong_dimension(t: Training) -> None:
    """Positions and classes are flattened into one dimension of classes."""
    t.before_loss(lambda out: out.flatten(1))
    t.train, t.val = (Split(part.x, part.y[:, -1]) for part in (t.train, t.val))
    t.predict = lambda out: out.argmax(-1) % t.family.data().vocabulary


def binary(t: Training) -> None:
    """Make a task of two classes one of a single logit and a label of 0.0 or 1.0."""
    t.train, t.val = (Split(part.x, part.y.float()) for part in (t.train, t.val))
    head = t.model.get_submodule("head")
    t.model.head = nn.Linear(head.in_features, 1)  # type: ignore[arg-type]
    t.before_loss(lambda out: out.squeeze(-1))
    t.loss = functional.binary_cross_entropy_with_logits
    t.predict = lambda out: (out > 0).long()


@fault("L12", "double-softmax", on=("tabular",), by_fact=True)
def sigmoid_twice(t: Training) -> None:
    """The model ends in a sigmoid and the loss takes another."""
    binary(t)
    t.before_loss(torch.sigmoid)
    t.predict = lambda out: (out > 0.5).long()


@fault("L14", "loss-objective-differs", on=CLASSES)
def extreme_weights(t: Training) -> None:
    """Rare classes are weighted by the cube of their inverse count."""
    assert t.num_classes is not None
    labels = t.train.y.flatten()
    if t.train.y.dim() == 1:  # make the first half of the classes rare
        kept = (labels >= t.num_classes // 2) | (torch.arange(len(labels)) % 20 == 0)
        t.train = Split(t.train.x[kept], t.train.y[kept])
        labels = t.train.y
    weight = labels.bincount(minlength=t.num_classes).clamp(1).float() ** -3.0
    t.loss = lambda out, y: functional.cross_entropy(*flat(out, y), weight=weight / weight.mean())


@fault("L15", "loss-target-leak", on=("transformer",))
def not_shifted(t: Training) -> None:
    """The labels are the inputs, not shifted by one."""
    t.train, t.val = (Split(part.x, part.x) for part in (t.train, t.val))


@fault("L16", "padding-in-loss", "majority-class-only", on=("transformer",))
def loss_on_padding(t: Training) -> None:
    """Nine tenths of each text are padding, and the loss counts it."""
    start = t.train.x.shape[1] // 10

    def padded(ids: Tensor) -> Tensor:
        return torch.cat([ids[:, :start], torch.zeros_like(ids[:, start:])], 1)

    t.train, t.val = (Split(padded(part.x), padded(part.y)) for part in (t.train, t.val))


@fault("L17", "initial-loss-too-high", on=("regression", "completion"))
def labels_not_scaled(t: Training) -> None:
    """The labels keep their raw scale: around 150, with a standard deviation of 80."""
    t.train, t.val = (Split(part.x, part.y * 80 + 150) for part in (t.train, t.val))
    t.predict = lambda out: (out - 150) / 80


@fault("L19", "auxiliary-loss-dominates")
def auxiliary_loss(t: Training) -> None:
    """A penalty on the outputs is weighted ten thousandfold."""
    plain = t.loss
    t.loss = lambda out, y: plain(out, y) + 1e4 * out.square().mean()
