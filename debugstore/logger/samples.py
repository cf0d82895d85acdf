"""A sample of a tensor's numbers: enough to tell whether it changed, or how much of it did, without a pass over it."""

import torch
from torch import Tensor

BLOCK = 32


def sampled(values: Tensor) -> Tensor:
    """Return a view of about 1,024 of a contiguous tensor's numbers: (32, 32) in blocks spread over it, or all.

    A block is two or three cache lines; the odd distance between blocks keeps to no column of a matrix.
    """
    distance = _distance(values.numel())
    return values if distance is None else values.as_strided((BLOCK, BLOCK), (distance, 1))


def sampled_places(size: int) -> Tensor:
    """Return the places of the same numbers, for tensors whose memory is not in order."""
    distance = _distance(size)
    if distance is None:
        return torch.arange(size)
    return torch.arange(BLOCK)[:, None] * distance + torch.arange(BLOCK)


def _distance(size: int) -> int | None:
    return (size // BLOCK - 1) | 1 if size >= 2 * BLOCK * BLOCK else None
