"""What one optimizer step changed in the parameters."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from debugstore.logger.context import local
from debugstore.logger.norms import Norms, all_finite, norms, total
from debugstore.logger.probes.base import Facts, Probe
from debugstore.logger.probes.gradients import ends
from debugstore.logger.rows import ROW, scratch
from debugstore.logger.schedule import Plan
from debugstore.logger.tensors import gathered, on_device

EXACT = 1 << 24  # whole numbers up to here are themselves in single precision
BITS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.int8}


class Updates(Probe):
    """`param_updates`: how far one optimizer step moved the parameters, and along what."""

    name = "updates"
    cost = "a copy of the parameters during the sampled optimizer step; fourteen passes over them"

    def begin(self, plan: Plan) -> bool:
        """Forget the step before."""
        self._before: list[tuple[str, Tensor, Tensor]] = []
        self._decay: dict[int, Any] = {}
        self._measured: list[Facts] = []
        return plan.updates

    def optimizer_entered(self, optimizer: Optimizer) -> None:
        """Copy what the optimizer may change."""
        decay: dict[int, Any] = {}
        for group in optimizer.param_groups:
            of_group = on_device(group["lr"]) * float(group.get("weight_decay") or 0.0)
            decay |= dict.fromkeys(map(id, group["params"]), of_group)
        self._decay = decay
        self._before = [(name, p, local(p).clone()) for name, p in self.context.trainable() if id(p) in decay]

    def optimizer_left(self, optimizer: Optimizer) -> None:  # noqa: ARG002
        """Compare with the copy and let it go."""
        before, self._before = self._before, []
        decays = [self._decay[id(parameter)] for _, parameter, _ in before]
        self._measured.append({"names": tuple(name for name, _, _ in before), "decay": decays, **_compare(before)})

    def step_events(self) -> Iterable[tuple[str, Facts]]:
        """Return the step's `param_updates`, if an optimizer ran."""
        measured, self._measured, self._before = self._measured, [], []
        if measured:
            trainable = self.context.trainable()
            moved = {name for part in measured for name in part["names"]}
            still = [local(parameter) for name, parameter in trainable if name not in moved]
            yield "param_updates", {"parts": measured, "still": norms(still), "total": len(trainable)}

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Combine the parameters' numbers to those of the step."""
        of = {key: [value for part in facts["parts"] for value in part[key]] for key in facts["parts"][0]}
        names = of["names"]
        weight_norm = total([*of["weight"], *facts["still"]])
        update_norm, gradient_norm = total(of["change"]), total(of["gradient"])
        touched, updated = sum(of["touched"]), sum(count > 0 for count in of["changed"])
        sick = [name for name, is_sick in zip(names, of["sick"], strict=True) if is_sick]
        ratios = {
            n: change / weight for n, change, weight in zip(names, of["change"], of["weight"], strict=True) if weight
        }
        means = {n: whole / max(size, 1) for n, whole, size in zip(names, of["absolute"], of["size"], strict=True)}
        made: Facts = {
            "num_params_updated": updated,
            "num_params_total": facts["total"],
            "no_updates": updated == 0,
            "update_norm": update_norm,
            "weight_norm": weight_norm,
            "update_ratio": update_norm / weight_norm if weight_norm > 0 else None,
            "decay_norm": total(decay * weight for decay, weight in zip(of["decay"], of["weight"], strict=True)),
            "num_nonfinite_params": len(sick),
            "top_10_param_changes": ends(means, largest=True),
            "top_10_update_ratios": ends(ratios, largest=True),
        }
        if touched:
            made["share_entries_changed"] = sum(of["moved"]) / touched
        if update_norm > 0 and gradient_norm > 0:
            made["update_gradient_cosine"] = sum(of["slope"]) / (update_norm * gradient_norm)
        if sick:
            made["first_nonfinite_param"] = sick[0]
        return made


def _compare(before: list[tuple[str, Tensor, Tensor]]) -> Facts:
    """Measure the change of each parameter, a list a fact; the copies are used up for it.

    weight: L2 before the step; change, absolute: L2 and L1 of the change; sick: not finite after the step;
    changed: entries that changed; touched: entries whose gradient is not zero; moved: of these, changed; slope: dot of
    the change and minus the gradient; gradient: its L2. On the host, norms that are finite say that all entries are,
    before and after.
    """
    copies = [copy for _, _, copy in before]
    afters = [local(parameter) for _, parameter, _ in before]
    weights = norms(copies)
    same = [_same_bits(*pair) for pair in zip(copies, afters, _seen(weights, copies), strict=True)]
    if copies:
        torch._foreach_sub_(copies, afters)  # minus the change
    changes = norms(copies)
    healthy = all_finite(weights) and all_finite(changes)
    dense = [
        (place, local(parameter.grad))
        for place, (_, parameter, _) in enumerate(before)
        if parameter.grad is not None and not parameter.grad.is_sparse
    ]
    slopes = [_dot(copies[place], grad) for place, grad in dense]
    if copies:
        torch._foreach_abs_(copies)
    absolute = [copy.sum(dtype=_wide(copy)) for copy in copies]
    changed = [_num_changed(copy, kept, healthy) for copy, kept in zip(copies, same, strict=True)]
    counts = [_num_touched(copies[place], grad, healthy) for place, grad in dense]
    return {
        "size": tuple(after.numel() for after in afters),
        "weight": weights,
        "change": changes,
        "absolute": gathered(absolute),
        "sick": (False,) * len(afters) if healthy else gathered([~torch.isfinite(after).all() for after in afters]),
        "changed": gathered(changed),
        "touched": gathered([touched for touched, _ in counts]),
        "moved": gathered([moved for _, moved in counts]),
        "slope": gathered(slopes),
        "gradient": norms([grad for _, grad in dense]),
    }


def _seen(weights: Norms, copies: list[Tensor]) -> list[float | None]:
    """Return the norms that are known here, None for those still on a device."""
    return list(weights) if isinstance(weights, tuple) else [None] * len(copies)


def _same_bits(copy: Tensor, after: Tensor, weight: float | None) -> Tensor | None:
    """Return how many entries kept their bits, where the difference would not tell: NaN minus NaN is no zero.

    None where all entries were finite, as the norm of them shows; off the host it is not looked at.
    """
    if weight is None or math.isfinite(weight):
        return None
    bits = BITS[after.element_size()]
    return (copy.view(bits) == after.view(bits)).sum()


def _num_changed(distances: Tensor, kept: Tensor | None, healthy: bool) -> Tensor:
    """Return how many distances are not zero; where sums can count, they are left as 0 and 1."""
    if kept is not None:
        return distances.numel() - kept
    return distances.ne_(0).sum() if healthy and _countable(distances) else torch.count_nonzero(distances)


def _num_touched(distances: Tensor, grad: Tensor, healthy: bool) -> tuple[Tensor, Tensor]:
    """Return how many entries of a gradient are not zero, and at how many of these places the distance is not."""
    if not (healthy and _countable(distances) and _countable(grad)):
        return torch.count_nonzero(grad), torch.count_nonzero(distances.bool().logical_and_(grad))
    pairs = zip(torch.split(grad.reshape(-1), ROW), torch.split(distances.reshape(-1), ROW), strict=True)
    touched, moved = [], []
    for row, changed in pairs:
        marks = torch.ne(row, 0, out=scratch("touched", row.numel(), row.dtype, row.device))
        touched.append(marks.sum())
        moved.append(torch.dot(marks, changed))
    return torch.stack(touched).sum(), torch.stack(moved).sum()


def _countable(tensor: Tensor) -> bool:
    """Whether single precision counts a tensor's entries exactly: a sum of ones is a third of `count_nonzero`."""
    return tensor.dtype is torch.float32 and 0 < tensor.numel() <= EXACT


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.float32 if tensor.dtype in (torch.bfloat16, torch.float16) else tensor.dtype


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return torch.dot(left.reshape(-1).to(_wide(left)), right.reshape(-1).to(_wide(left)))
