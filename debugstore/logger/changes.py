"""How far parameters move in one step, measured for many at once: the tensors are small and their operations are not.

Of a tensor with 8,192 numbers or more a sample of 4,096 is looked at, in blocks spread over it, and stands for the
rest: a second copy of the model is never held. Its norm, and whether all of it is finite, come from all its numbers.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from debugstore.logger.context import local
from debugstore.logger.norms import Norms, all_finite, norms, row_norms
from debugstore.logger.samples import BLOCK, MANY, sampled, takes_sample
from debugstore.logger.tensors import gathered, wide

BITS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.int8}


class Before(NamedTuple):
    """Parameters before a step: of one device and dtype, all looked at whole or all by a sample."""

    parameters: Sequence[Tensor]
    by_sample: bool
    sizes: tuple[int, ...]
    """How many numbers of each are looked at."""

    seen: Tensor
    """A copy of these numbers, those of one parameter after those of another."""

    weights: Norms
    """L2 of all numbers of each."""


def alike(held: Iterable[tuple[str, Tensor]]) -> list[list[tuple[str, Tensor]]]:
    """Return named parameters in groups of those that can be measured together."""
    groups: dict[Any, list[tuple[str, Tensor]]] = {}
    for name, parameter in held:
        values = local(parameter)
        groups.setdefault((values.device, values.dtype, _by_sample(values)), []).append((name, parameter))
    return list(groups.values())


def before(parameters: Sequence[Tensor]) -> Before:
    """Copy what is looked at of parameters that are alike, one at least."""
    values = [local(parameter) for parameter in parameters]
    by_sample = _by_sample(values[0])
    views = [_looked_at(value, by_sample) for value in values]
    return Before(parameters, by_sample, tuple(view.numel() for view in views), _joined(views), norms(values))


def changes(begun: Before) -> dict[str, Any]:
    """Measure how each parameter changed since, a list a fact; the copy is used up for it.

    weight: L2 before; change, absolute: L2 and L1 of the change where it is looked at; size: how many numbers that are;
    factor: how many each of them stands for; changed: whether any of them did; sick: not finite now. On the host, norms
    that are finite say that all entries are, before and after.
    """
    wholes = [local(parameter) for parameter in begun.parameters]
    now = _joined([_looked_at(whole, begun.by_sample) for whole in wholes])
    suspect = not (all_finite(begun.weights) and all_finite(norms(wholes)))
    kept = _same_bits(begun, now) if suspect else ()
    change = begun.seen.sub_(now)  # minus the change
    absolute = _each(begun, change, 1)
    factors = tuple(whole.numel() / max(size, 1) for whole, size in zip(wholes, begun.sizes, strict=True))
    return {
        "size": begun.sizes,
        "factor": factors,
        "weight": begun.weights,
        "change": _each(begun, change, 2),
        "absolute": absolute,
        "changed": gathered([size - same for size, same in zip(begun.sizes, kept, strict=True)]) if kept else absolute,
        "sick": gathered([~torch.isfinite(whole).all() for whole in wholes]) if suspect else (False,) * len(wholes),
        "row_factor": factors if begun.by_sample else (1.0,),
        **_against_gradients(begun, change),
    }


def _by_sample(values: Tensor) -> bool:
    return takes_sample(values.numel(), MANY) and values.is_contiguous()


def _looked_at(values: Tensor, by_sample: bool) -> Tensor:
    return sampled(values.contiguous(), MANY) if by_sample else values.reshape(-1)


def _joined(views: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(views)).view(-1)


def _each(begun: Before, values: Tensor, order: int) -> Norms:
    """Return the norm of each parameter's part of some values; samples are of one size, so that theirs are rows."""
    if not begun.by_sample:
        return norms(torch.split(values, list(begun.sizes)), order)
    return row_norms(values.view(len(begun.sizes), -1), order)


def _same_bits(begun: Before, now: Tensor) -> list[Tensor]:
    """Return of how many entries of each the bits are as before: NaN minus NaN would not say it."""
    bits = BITS[now.element_size()]
    same = begun.seen.view(bits) == now.view(bits)
    return [part.sum() for part in torch.split(same, list(begun.sizes))]


def _against_gradients(begun: Before, change: Tensor) -> dict[str, Any]:
    """Measure changes (minus them) beside the gradients of their parameters.

    gradient: L2 where it is looked at, zero for none; gradient_elsewhere: where that is zero, L2 of all of it. By rows,
    one for each sample or one for all that are whole: slope: the dot of change and gradient; touched: how many entries
    have a gradient; moved: how many of these changed.
    """
    grads = [parameter.grad for parameter in begun.parameters]
    none = change.new_zeros(1)
    gradient = _joined([_gradient(grad, size, begun, none) for grad, size in zip(grads, begun.sizes, strict=True)])
    seen = _each(begun, gradient, 2)
    num_rows = len(grads) if begun.by_sample else 1
    pair = [side.to(wide(side)).view(num_rows, -1) for side in (change, gradient)]
    has_change, has_gradient = (side != 0 for side in pair)
    return {
        "gradient": seen,
        "gradient_elsewhere": _elsewhere(grads, seen, none) if begun.by_sample else (0.0,) * len(grads),
        "slope": gathered(torch.linalg.vecdot(*pair).unbind()),
        "touched": gathered(has_gradient.sum(1).unbind()),
        "moved": gathered(has_change.logical_and_(has_gradient).sum(1).unbind()),
    }


def _gradient(grad: Tensor | None, size: int, begun: Before, none: Tensor) -> Tensor:
    """Return what is looked at of a gradient; zeros for none, and for one whose numbers are not in order."""
    if grad is None or grad.is_sparse:
        return none.expand((MANY, BLOCK) if begun.by_sample else size)
    return _looked_at(local(grad), begun.by_sample)


def _elsewhere(grads: Sequence[Tensor | None], seen: Norms, none: Tensor) -> Norms:
    """Return the L2 of gradients where none of them was seen; off the host, where looking would wait, of all."""
    known = seen if isinstance(seen, tuple) else (0.0,) * len(grads)
    if all(known):
        return (0.0,) * len(grads)
    return norms([none if grad is None or norm else local(grad) for grad, norm in zip(grads, known, strict=True)])
