"""Samples of a tensor's numbers: enough to tell whether it changed, or how far, without a pass over it or a copy."""

import torch
from torch import Tensor

BLOCK = 32
"""Numbers next to each other: two or three cache lines; single ones would be as many lines as a pass over all."""

FEW, MANY = 32, 128
"""Blocks of a sample: 1,024 numbers say whether a tensor changed, 4,096 also how far, to a few per cent."""


def sampled(values: Tensor, blocks: int = FEW) -> Tensor:
    """Return a view of a contiguous tensor's numbers: (blocks, 32) spread over it, or all of less than twice as many.

    The odd distance between blocks keeps to no column of a matrix.
    """
    distance = _distance(values.numel(), blocks)
    return values if distance is None else values.as_strided((blocks, BLOCK), (distance, 1))


def sampled_places(size: int) -> Tensor:
    """Return the places of the numbers of a small sample, for tensors whose memory is not in order."""
    distance = _distance(size, FEW)
    if distance is None:
        return torch.arange(size)
    return torch.arange(FEW)[:, None] * distance + torch.arange(BLOCK)


def takes_sample(size: int, blocks: int) -> bool:
    """Whether so many numbers are seen by a sample, not whole."""
    return _distance(size, blocks) is not None


def _distance(size: int, blocks: int) -> int | None:
    return (size // blocks - 1) | 1 if size >= 2 * blocks * BLOCK else None
