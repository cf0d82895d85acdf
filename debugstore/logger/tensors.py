"""Small sums over a batch that a device can do without waiting for the host."""

import torch
from torch import Tensor

MAX_OUTPUT_ENTRIES = 1 << 20


def class_dim(logits: Tensor, labels: Tensor, num_classes: int | None) -> int | None:
    """Return the dimension of `logits` that runs over classes, so that the others match `labels`; None when none does.

    (N, C) with (N), (N, T, C) with (N, T), (N, C, ...) with (N, ...), and (N * T, C) with (N, T).
    """
    shape, wanted = tuple(logits.shape), tuple(labels.shape)
    last, second = shape[:-1] == wanted, len(shape) >= 2 and (shape[0], *shape[2:]) == wanted
    if last and second and num_classes is not None and shape[1] == num_classes != shape[-1]:
        return 1
    if last:
        return len(shape) - 1
    if second:
        return 1
    return 1 if len(shape) == 2 and shape[0] == labels.numel() else None


def first_rows(logits: Tensor, dim: int | None) -> Tensor:
    """Return logits as (N, C), C along `dim` (the last if None): the first rows up to `MAX_OUTPUT_ENTRIES` numbers."""
    rows = logits.detach()
    rows = rows.reshape(-1, 1) if rows.dim() < 2 else rows.movedim(-1 if dim is None else dim, -1)
    rows = rows.reshape(-1, rows.shape[-1])
    return rows[: max(1, MAX_OUTPUT_ENTRIES // rows.shape[1])]


def occurrences(values: Tensor) -> Tensor:
    """Return for each of (N) values how often it occurs: no histogram, so neither the range nor the host is needed.

    Cost: a sort and two binary searches.
    """
    ordered = values.sort().values
    return torch.searchsorted(ordered, values, right=True) - torch.searchsorted(ordered, values)


def entropy(values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Return the entropy (nats) of the histogram of (N) whole values where `valid`, and the largest class's share.

    Both are NaN when no value is valid.
    """
    lowest = torch.iinfo(values.dtype).min
    times = occurrences(torch.where(valid, values, lowest)).float()
    count = valid.sum()
    logs = torch.where(valid, times.log(), 0.0)
    share = torch.where(valid, times, 0.0).amax() / count
    return count.log() - logs.sum() / count, share
