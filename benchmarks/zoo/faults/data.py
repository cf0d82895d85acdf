"""Inputs, labels and the order they come in."""

import torch
from torch import Tensor

from benchmarks.zoo.cases import ALL, CLASSES, REAL, SINGLE, fault
from benchmarks.zoo.data import Split
from benchmarks.zoo.training import Training, shuffled


def generator(t: Training) -> torch.Generator:
    """Return a source of chance apart from the training's."""
    return torch.Generator().manual_seed(t.seed + 77)


@fault("D01b", "labels-out-of-range", on=SINGLE, by_fact=True)
def labels_beyond(t: Training) -> None:
    """A tenth of the labels name classes that do not exist; the head is wide enough not to crash."""
    assert t.num_classes is not None
    head = t.model.get_submodule("head")
    t.model.head = torch.nn.Linear(head.in_features, t.num_classes + 4)  # type: ignore[arg-type]
    beyond = torch.rand(t.train.y.shape, generator=generator(t)) < 0.1
    t.train = Split(t.train.x, torch.where(beyond, t.num_classes + 1, t.train.y))


@fault("D02", kind="invisible", on=CLASSES)
def labels_renamed(t: Training) -> None:
    """Every class carries its neighbour's name: it learns just as well, so no log of the run can tell."""
    assert t.num_classes is not None
    t.train = Split(t.train.x, (t.train.y + 1) % t.num_classes)
    t.val = Split(t.val.x, (t.val.y + 1) % t.num_classes)


@fault("D02b", kind="invisible", on=("mlp", "cnn", "lstm"))
def class_lost(t: Training) -> None:
    """Two classes are merged by an index off by one and a clamp: it looks like a task with one class less."""
    t.train, t.val = (Split(part.x, (part.y - 1).clamp(0)) for part in (t.train, t.val))


@fault("D03", "labels-constant", on=CLASSES)
def one_label(t: Training) -> None:
    """Every label is the same."""
    t.train, t.val = (Split(part.x, torch.ones_like(part.y)) for part in (t.train, t.val))


@fault("D04", "only-prior-learned")
def labels_shuffled(t: Training) -> None:
    """The labels are shuffled against the inputs."""
    t.train = Split(t.train.x, t.train.y[torch.randperm(len(t.train.y), generator=generator(t))])


@fault("D13", "only-prior-learned")
def labels_joined_wrongly(t: Training) -> None:
    """The labels are shifted by one sample."""
    t.train = Split(t.train.x, t.train.y.roll(1, 0))


@fault("D15", "only-prior-learned")
def inputs_destroyed(t: Training) -> None:
    """The augmentation replaces the inputs by noise."""
    chance = generator(t)
    size = t.family.data().vocabulary

    def batch(x: Tensor, y: Tensor, step: int) -> tuple[Tensor, Tensor]:
        del step
        noise = torch.randint(0, size, x.shape, generator=chance) if size else torch.randn(x.shape, generator=chance)
        return noise, y

    t.batch = batch


@fault("D19", "only-prior-learned", on=tuple(name for name in ALL if name != "transformer"))
def samples_mixed(t: Training) -> None:
    """A view in the wrong order mixes the samples of a batch."""
    t.inputs = lambda x: x.flatten(1).t().reshape(x.shape)


@fault("D05", "inputs-out-of-scale", on=REAL)
def inputs_not_scaled(t: Training) -> None:
    """The inputs are 255 times too large, with plain SGD."""
    t.inputs = lambda x: x * 255
    t.use("sgd")
    t.clip = None


@fault("D05b", "inputs-out-of-scale", on=REAL)
def inputs_not_scaled_adaptive(t: Training) -> None:
    """The inputs are 255 times too large, with Adam, which mostly copes."""
    t.inputs = lambda x: x * 255
    t.use("adam")


@fault("D06", "inputs-out-of-scale", on=REAL)
def inputs_vanishing(t: Training) -> None:
    """The inputs are 10,000 times too small."""
    t.inputs = lambda x: x / 1e4


@fault("D10", "inputs-constant")
def inputs_empty(t: Training) -> None:
    """The inputs are all zero, or all padding."""
    t.inputs = torch.zeros_like


@fault("D07", "inputs-nonfinite", on=REAL)
def input_not_a_number(t: Training) -> None:
    """From step 40 on, one sample in each batch is NaN."""

    def batch(x: Tensor, y: Tensor, step: int) -> tuple[Tensor, Tensor]:
        if step < 40:
            return x, y
        spoilt = x.clone()
        spoilt[3] = torch.nan
        return spoilt, y

    t.batch = batch


@fault("D08", "same-batch-repeated", by_fact=True)
def same_batch(t: Training) -> None:
    """Every step draws the first batch of a new iterator."""

    def order(training: Training, epoch: int) -> Tensor:
        del epoch
        chosen = shuffled(training, 0)
        return chosen[: training.batch_size].repeat(len(chosen) // training.batch_size)

    t.order_of_epoch = order


@fault("D11", "same-batch-repeated", by_fact=True)
def workers_alike(t: Training) -> None:
    """Four loader workers share their random state, so that each batch comes four times."""

    def order(training: Training, epoch: int) -> Tensor:
        chosen = shuffled(training, epoch)
        count = len(chosen) // training.batch_size
        return chosen[: count * training.batch_size].view(count, -1).repeat_interleave(4, 0).flatten()

    t.order_of_epoch = order


@fault("D09", "unshuffled-labels", on=SINGLE, by_fact=True)
def sorted_by_label(t: Training) -> None:
    """The samples come sorted by their label."""
    t.order_of_epoch = lambda training, _epoch: training.train.y.argsort(stable=True)


@fault("D20", "epoch-order-repeats", by_fact=True)
def same_order(t: Training) -> None:
    """Every epoch has the order of the first."""
    t.order_of_epoch = lambda training, _epoch: shuffled(training, 0)


@fault("D12", "train-validation-overlap", by_fact=True)
def validation_in_training(t: Training) -> None:
    """The validation samples are training samples."""
    t.val = Split(t.train.x[:100], t.train.y[:100])


@fault("D14", "overfitting", "samples-repeated", by_fact=True)
def few_samples(t: Training) -> None:
    """The training set is sixteen samples, each many times."""
    times = len(t.train.x) // 16
    t.train = Split(*(part[:16].repeat(times, *[1] * (part.dim() - 1)) for part in t.train))


@fault("D16", "validation-inputs-differ", on=REAL, by_fact=True)
def validation_not_scaled(t: Training) -> None:
    """The inputs are standardised in training and not in validation."""
    t.val_inputs = lambda x: x * 6 + 5


@fault("D18", "majority-class-only", on=SINGLE)
def one_class_dominates(t: Training) -> None:
    """All but one in a hundred training samples belong to one class."""
    major = t.train.y == int(t.train.y.bincount().argmax())
    kept = major.clone()
    kept[(~major).nonzero().flatten()[: max(int(major.sum()) // 100, 1)]] = True
    t.train = Split(t.train.x[kept], t.train.y[kept])
