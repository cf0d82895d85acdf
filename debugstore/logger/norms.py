"""Norms of many tensors: numbers at once where they lie on the host, elsewhere scalars that travel as one."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from debugstore.logger.tensors import gathered, number, wide

Norms = tuple[float, ...] | Tensor | list[Tensor]
"""What the host knows already, or what has still to come from a device."""

WITHOUT_DOUBLE = ("mps",)
"""Types of devices that know no double precision."""


def norms(tensors: Sequence[Tensor], order: int = 2) -> Norms:
    """Return the L2 norm of each tensor, or that of another order; half precision is summed in single.

    A norm that overflows single precision is taken again in double on the host, where looking at it costs nothing;
    elsewhere it stays infinite, and `num_nonfinite` tells it from one that has infinite entries.
    """
    if not tensors:
        return ()
    kinds = {tensor.dtype for tensor in tensors}
    low = kinds & {torch.bfloat16, torch.float16}
    dtype = (torch.float64 if torch.float64 in kinds else torch.float32) if low or len(kinds) > 1 else None
    found = torch._foreach_norm(list(tensors), order, dtype=dtype)
    return _without_overflow(found, tensors, order)


def row_norms(rows: Tensor, order: int = 2) -> Norms:
    """Return the norm of each of (N, D) numbers as `norms` does: one operation for all."""
    return _without_overflow(torch.linalg.vector_norm(rows, order, 1, dtype=wide(rows)).unbind(), rows, order)


def joined_norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the L2 norm of all numbers of a few small tensors that can be joined, as a scalar.

    In double precision where a device has it, so that what a small one among large ones does shows in it.
    """
    values = torch.cat(list(tensors))
    dtype = wide(values) if values.device.type in WITHOUT_DOUBLE else torch.float64
    found: Tensor = torch.linalg.vector_norm(values, dtype=dtype)
    return found


def _without_overflow(found: Sequence[Tensor], tensors: Sequence[Tensor] | Tensor, order: int) -> Norms:
    values: Norms = gathered(found)
    if not isinstance(values, tuple) or math.inf not in values:
        return values
    return tuple(
        number(torch.linalg.vector_norm(tensor, order, dtype=torch.float64)) if value == math.inf else value
        for tensor, value in zip(tensors, values, strict=True)
    )


def scaled(found: Norms, scale: Tensor) -> Norms:
    """Return norms of what was multiplied with `scale` as they were before."""
    if isinstance(found, tuple):
        factor = number(scale)
        return tuple(norm / factor for norm in found)
    return found / scale if isinstance(found, Tensor) else [norm / scale for norm in found]


def all_finite(found: Norms) -> bool:
    """Whether all are known to be finite; those of a device are not looked at, and not known."""
    return isinstance(found, tuple) and all(map(math.isfinite, found))


def total(values: Iterable[float]) -> float:
    """Return the L2 norm of a vector of norms; NaN wins over infinity."""
    known = tuple(values)
    length = math.hypot(*known)
    return length if math.isfinite(length) else (math.nan if any(map(math.isnan, known)) else length)
