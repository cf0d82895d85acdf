"""Real data that installed packages ship: Python's own texts, scikit-learn's images and tables. Nothing is fetched."""

import argparse
import encodings.cp1252
import inspect
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from pydoc_data.topics import topics
from typing import Any, NamedTuple

import torch
from sklearn import datasets
from torch import Tensor

SPLIT_SEED = 0
"""The split and the windows are the same for every seed: a seed is a start of the training, not another data set."""


class Split(NamedTuple):
    """Samples of one kind: inputs and labels of equal first dimension."""

    x: Tensor
    y: Tensor


class Data(NamedTuple):
    """A task's samples."""

    train: Split
    val: Split
    num_classes: int | None
    """None for a regression."""
    vocabulary: int = 0
    """Number of distinct input ids; 0 where inputs are real numbers."""


def _divide(x: Tensor, y: Tensor, share: float = 0.2) -> tuple[Split, Split]:
    """Split the samples at random into training and validation."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(SPLIT_SEED))
    held = int(len(x) * share)
    return Split(x[order[held:]], y[order[held:]]), Split(x[order[:held]], y[order[:held]])


def _standardise(x: Tensor, dim: int | None = 0) -> Tensor:
    mean, std = (x.mean(), x.std()) if dim is None else (x.mean(dim), x.std(dim))
    return (x - mean) / std


def _load(loader: Callable[..., Any]) -> tuple[Tensor, Tensor]:
    x, y = loader(return_X_y=True)
    return torch.from_numpy(x).float(), torch.from_numpy(y)


def _ids(text: str) -> tuple[Tensor, int]:
    """Return the characters as ids, and their number."""
    alphabet = {character: index for index, character in enumerate(sorted(set(text)))}
    return torch.tensor([alphabet[character] for character in text]), len(alphabet)


@cache
def next_character(length: int = 32, count: int = 800) -> Data:
    """Windows of the help texts and the same windows one character on: (N, T) and (N, T) ids."""
    ids, size = _ids("\n".join(topics.values())[:200_000])
    starts = torch.randint(0, len(ids) - length - 1, (count,), generator=torch.Generator().manual_seed(SPLIT_SEED))
    windows = torch.stack([ids[start : start + length + 1] for start in starts.tolist()])
    train, val = _divide(windows[:, :-1], windows[:, 1:])
    return Data(train, val, size, size)


def _unicode_names() -> str:
    return "\n".join(name for code in range(0x2000) if (name := unicodedata.name(chr(code), "")))


@cache
def text_kind(length: int = 24, per_kind: int = 400) -> Data:
    """Windows of five kinds of text and their kind: (N, T) ids and (N,) labels."""
    kinds: Sequence[str] = (
        "\n".join(topics.values()),
        inspect.getsource(argparse),
        _unicode_names(),
        inspect.getsource(encodings.cp1252),
        inspect.cleandoc(str(datasets.load_diabetes().DESCR) + str(datasets.load_breast_cancer().DESCR)),
    )
    ids, size = _ids("".join(kind[:100_000] for kind in kinds))
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    windows, labels, first = [], [], 0
    for label, kind in enumerate(kinds):
        part = ids[first : first + len(kind[:100_000])]
        first += len(part)
        starts = torch.randint(0, len(part) - length, (per_kind,), generator=generator)
        windows += [part[start : start + length] for start in starts.tolist()]
        labels += [label] * per_kind
    train, val = _divide(torch.stack(windows), torch.tensor(labels))
    return Data(train, val, len(kinds), size)


@cache
def digits(flat: bool) -> Data:
    """Handwritten digits: (N, 64) or (N, 1, 8, 8) standardised pixels and (N,) labels."""
    x, y = _load(datasets.load_digits)
    pixels = _standardise(x, None)
    train, val = _divide(pixels if flat else pixels.view(-1, 1, 8, 8), y)
    return Data(train, val, 10)


@cache
def half_digits() -> Data:
    """The upper half of a digit and its lower half: (N, 1, 4, 8) and (N, 32) standardised pixels."""
    x, _ = _load(datasets.load_digits)
    pixels = _standardise(x, None)
    return Data(*_divide(pixels[:, :32].reshape(-1, 1, 4, 8), pixels[:, 32:]), None)


@cache
def diabetes() -> Data:
    """Ten measurements of a patient and the disease's progression: (N, 10) and (N, 1), standardised."""
    x, y = _load(datasets.load_diabetes)
    return Data(*_divide(_standardise(x), _standardise(y.float())[:, None]), None)


@cache
def breast_cancer() -> Data:
    """Thirty measurements of a tumour and whether it is benign: (N, 30) standardised and (N,) labels."""
    x, y = _load(datasets.load_breast_cancer)
    return Data(*_divide(_standardise(x), y), 2)
