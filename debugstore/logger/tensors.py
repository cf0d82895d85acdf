"""Small sums over a batch that a device can do without waiting for the host."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor

from debugstore.logger.plain import plain

MAX_OUTPUT_ENTRIES = 1 << 15
MIN_OUTPUT_ROWS = 16


def wide(tensor: Tensor) -> torch.dtype:
    """Return the dtype that a tensor's numbers are added up in: single for half precision, else its own."""
    return torch.float32 if tensor.dtype in (torch.bfloat16, torch.float16) else tensor.dtype


def on_host(scalar: Tensor) -> bool:
    """Whether a scalar can be read without waiting for a device."""
    return scalar.is_cpu


def number(scalar: Tensor) -> float:
    """Return a scalar of the host's memory; reads it in place, where `item()` would go through the dispatcher."""
    return cast(float, scalar.tolist())


def in_order(values: Any) -> Any:
    """Return a dense tensor with its numbers in order, so that several who read it copy it once; the rest as it is."""
    plain = isinstance(values, Tensor) and values.layout is torch.strided
    return values.detach().contiguous() if plain and not values.is_contiguous() else values


def scalar(value: Any) -> Any:
    """Return a scalar tensor without its graph, a number as it is; a larger tensor's mean."""
    if isinstance(value, Tensor):
        flat = value.detach()
        return flat.reshape(()) if flat.numel() == 1 else flat.float().mean()
    return plain(value)


def on_device(rate: Any) -> Any:
    """Return a learning rate as it is now: a float, or a tensor that will not follow the optimizer's."""
    return rate.detach().clone() if isinstance(rate, Tensor) else float(rate)


def is_finite(scalar: Tensor) -> bool:
    """Whether a scalar of the host's memory is finite."""
    return math.isfinite(number(scalar))


def share(count: Tensor, of: int) -> Tensor | float:
    """Return a count as a share; on the host as a number, which spares an operation on tensors."""
    return number(count) / of if on_host(count) else count / of


def stacked(scalars: Sequence[Tensor]) -> Tensor | list[Tensor]:
    """Return scalars as one vector, so that they travel as one; those of several devices or dtypes stay a list."""
    alike = len({(scalar.device, scalar.dtype) for scalar in scalars}) == 1
    return torch.stack(list(scalars)) if alike else list(scalars)


def gathered(scalars: Sequence[Tensor]) -> tuple[Any, ...] | Tensor | list[Tensor]:
    """Return scalars as numbers where all lie on the host, else as `stacked` does."""
    return tuple([scalar.tolist() for scalar in scalars]) if all(map(on_host, scalars)) else stacked(scalars)


def sample_std(values: Tensor) -> Tensor:
    """Return the mean over features of the standard deviation over samples, of (N, ...) values.

    In passes along memory: `std(0)` reads across it, and takes five times as long.
    """
    return _moments(values)[1].sqrt_().mean()


def spreads(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the standard deviation of all of (N, D) values, and the mean over columns of that over rows.

    The first is put together from the columns: two passes less than of its own.
    """
    means, variances = _moments(values)
    return (variances.mean() + means.var(correction=0)).sqrt(), variances.sqrt().mean()


def column_variance(values: Tensor) -> Tensor:
    """Return the mean over columns of the variance over rows, of (N, D) values."""
    return _moments(values)[1].mean()


def _moments(values: Tensor) -> tuple[Tensor, Tensor]:
    means = values.mean(0)
    return means, (values - means).square_().mean(0)


def finite_range(values: Tensor) -> tuple[Tensor, Tensor, Tensor | int]:
    """Return the smallest and the largest finite entry and how many are not finite.

    One pass on the host when all are finite; elsewhere three, since looking would wait for the device.
    """
    low, high = torch.aminmax(values)
    if on_host(low) and is_finite(low) and is_finite(high):
        return low, high, 0
    finite = torch.isfinite(values)
    low, high = torch.where(finite, values, torch.inf).amin(), torch.where(finite, values, -torch.inf).amax()
    return low, high, values.numel() - finite.sum()


def count_nonzero(values: Tensor) -> Tensor:
    """Return how many numbers are not zero; on the host a sum of ones: exact up to 2^24, and a third of the time."""
    if not on_host(values) or values.dtype is not torch.float32 or values.numel() > 1 << 24:
        return torch.count_nonzero(values)
    return torch.ne(values, 0, out=torch.empty_like(values)).sum()


def are_classes(labels: Tensor, num_classes: int, ignored: int) -> bool:
    """Whether every label is known to name a class and none is ignored; only the host looks."""
    if not on_host(labels):
        return False
    low, high = map(number, torch.aminmax(labels))
    return low >= 0 and high < num_classes and not low <= ignored <= high


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


def argmax(values: Tensor, dim: int) -> Tensor:
    """Return the place of the largest number along a dimension, the first of equals, of NaN if there is one.

    On the host by NumPy, which compares many numbers at once: a tenth of torch's time.
    """
    values = values.detach()
    plain_reals = type(values) is Tensor and values.dtype in (torch.float32, torch.float64) and on_host(values)
    if plain_reals and values.stride(dim) == 1 and _has_numpy():
        return torch.from_numpy(values.numpy().argmax(dim))
    return values.argmax(dim)


@cache
def _has_numpy() -> bool:
    """Whether torch can share memory with NumPy: it may be missing, or of a version that torch was not built for."""
    try:
        torch.empty(0).numpy()
    except RuntimeError:
        return False
    return True


def first_rows(logits: Tensor, dim: int | None) -> Tensor:
    """Return logits as (N, C), C along `dim` (the last if None): the first rows, up to 2^15 numbers but 16 at least."""
    rows = logits.detach()
    if rows.dim() < 2:
        rows = rows.reshape(-1, 1)
    elif dim is not None and dim != rows.dim() - 1:
        rows = rows.movedim(dim, -1)
    rows = rows.reshape(-1, rows.shape[-1])
    return rows[: max(MIN_OUTPUT_ROWS, MAX_OUTPUT_ENTRIES // rows.shape[1])]


def first_columns(values: Tensor) -> Tensor:
    """Return (N, ...) values as (N, D) over all samples: the first columns, up to 2^15 numbers but one column at least.

    Cut before it is flattened: values whose memory is not in order are copied by that.
    """
    samples = values.detach()
    if samples.dim() < 2:
        return samples.reshape(-1, 1)
    wanted = max(MAX_OUTPUT_ENTRIES // samples.shape[0], 1)
    inner = max(samples[0, 0].numel(), 1)
    return samples[:, : -(-wanted // inner)].flatten(1)[:, :wanted]


def occurrences(values: Tensor) -> Tensor:
    """Return for each of (N) values how often it occurs: no histogram, so neither the range nor the host is needed.

    Cost: a sort and two binary searches.
    """
    ordered = values.sort().values
    return torch.searchsorted(ordered, values, right=True) - torch.searchsorted(ordered, values)


def top_share(values: Tensor) -> Tensor | float:
    """Return the share of the most frequent of (N) indices of classes: counted on the host, sorted on a device."""
    times = torch.bincount(values) if on_host(values) else occurrences(values)
    return share(times.amax(), values.numel())


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
