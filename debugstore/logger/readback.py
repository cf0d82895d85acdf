"""Device scalars to Python numbers: one copy for everything an event needs."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from debugstore.logger.tensors import on_host

WORD = torch.int32


def fetch(tensors: Sequence[Tensor]) -> list[Any]:
    """Return each tensor's numbers: a number for a scalar, a flat list otherwise; exact for all integers and floats.

    One device-to-host copy in all, whatever the number of tensors: of 32-bit words, integers before floats, so that
    64-bit numbers stay aligned. float64 is kept where any float here is one.
    """
    if not tensors:
        return []
    home = tensors[0].device
    wholes = [t for t in tensors if not t.dtype.is_floating_point]
    reals = [t for t in tensors if t.dtype.is_floating_point]
    real_type = torch.float64 if any(t.dtype is torch.float64 for t in reals) else torch.float32
    parts = [_join(kind, dtype, home) for kind, dtype in ((wholes, torch.int64), (reals, real_type)) if kind]
    host = torch.cat([part.view(WORD) for part in parts]).cpu()
    split = parts[0].numel() * 2 if wholes else 0
    whole_numbers = iter(host[:split].view(torch.int64).tolist())
    real_numbers = iter(host[split:].view(real_type).tolist())
    return [_take(real_numbers if t.dtype.is_floating_point else whole_numbers, t) for t in tensors]


def _join(tensors: Sequence[Tensor], dtype: torch.dtype, home: torch.device) -> Tensor:
    return torch.cat([t.reshape(-1).to(device=home, dtype=dtype) for t in tensors])


def _take(numbers: Any, like: Tensor) -> Any:
    found = list(islice(numbers, like.numel()))
    if like.dtype is torch.bool:
        found = list(map(bool, found))
    return found[0] if like.dim() == 0 else found


def resolve(facts: dict[str, Any]) -> dict[str, Any]:
    """Return `facts` with every tensor in it, at any depth of objects and lists, as numbers.

    Those on the host are read in place, the others through one copy for all. A tuple is what the host knows already,
    and is not searched. The helpers are no closures: one that calls itself is a cycle, and would keep the tensors until
    the collector comes.
    """
    elsewhere: list[Tensor] = []
    found: dict[str, Any] = _read(facts, elsewhere)
    return _replace(found, iter(fetch(elsewhere))) if elsewhere else found


def _read(value: Any, elsewhere: list[Tensor]) -> Any:
    if isinstance(value, dict):
        return {key: _read(item, elsewhere) for key, item in value.items()}
    if isinstance(value, list):
        return [_read(item, elsewhere) for item in value]
    if not isinstance(value, Tensor):
        return value
    if on_host(value):
        return (value.reshape(-1) if value.dim() > 1 else value).tolist()
    elsewhere.append(value)
    return value


def _replace(value: Any, numbers: Iterator[Any]) -> Any:
    if isinstance(value, Tensor):
        return next(numbers)
    if isinstance(value, dict):
        return {key: _replace(item, numbers) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, numbers) for item in value]
    return value
