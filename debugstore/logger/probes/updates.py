"""What one optimizer step changed in the parameters."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from debugstore.logger.context import local
from debugstore.logger.probes.base import Facts, Probe
from debugstore.logger.probes.gradients import ends, norms, total
from debugstore.logger.schedule import Plan
from debugstore.logger.tensors import is_finite, number, on_device, on_host, stacked

BITS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.int8}


class Updates(Probe):
    """`param_updates`: how far one optimizer step moved the parameters, and along what."""

    name = "updates"
    cost = "a copy of the parameters during the sampled optimizer step; about ten passes over them"

    def begin(self, plan: Plan) -> bool:
        """Forget the step before."""
        self._before: list[tuple[str, Tensor, Tensor]] = []
        self._decay: dict[int, Any] = {}
        self._measured: list[Facts] = []
        return plan.updates

    def optimizer_entered(self, optimizer: Optimizer) -> None:
        """Copy what the optimizer may change."""
        decay = {
            id(parameter): on_device(group["lr"]) * float(group.get("weight_decay") or 0.0)
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
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
        sick = [name for name, *range_ in zip(names, of["low"], of["high"], strict=True) if not _all_finite(range_)]
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


def _all_finite(values: list[float]) -> bool:
    return all(map(math.isfinite, values))


def _compare(before: list[tuple[str, Tensor, Tensor]]) -> Facts:
    """Measure the change of each parameter, a list a fact; the copies are used up for it.

    weight: L2 before the step; change, absolute: L2 and L1 of the change; changed: entries that changed;
    touched: entries whose gradient is not zero; moved: of these, changed; slope: dot of the change and minus the
    gradient; gradient: its L2; low, high: range after the step.
    """
    copies = [copy for _, _, copy in before]
    afters = [local(parameter) for _, parameter, _ in before]
    weights = norms(copies)
    same = [_same_bits(*pair) for pair in zip(copies, afters, weights, strict=True)]
    if copies:
        torch._foreach_sub_(copies, afters)  # minus the change
    changed = [torch.count_nonzero(c) if s is None else c.numel() - s for c, s in zip(copies, same, strict=True)]
    ranges = [torch.aminmax(after) for after in afters if after.numel()]
    dense = [
        (local(parameter.grad), change, count)
        for (_, parameter, _), change, count in zip(before, copies, changed, strict=True)
        if parameter.grad is not None and not parameter.grad.is_sparse
    ]
    touched = [torch.count_nonzero(grad) for grad, _, _ in dense]
    facts: Facts = {
        "size": tuple(after.numel() for after in afters),
        "weight": stacked(weights),
        "change": stacked(norms(copies)),
        "low": stacked([low for low, _ in ranges]),
        "high": stacked([high for _, high in ranges]),
        "changed": stacked(changed),
        "touched": stacked(touched),
        "moved": stacked([_moved(*parts, known) for parts, known in zip(dense, touched, strict=True)]),
        "slope": stacked([_dot(change, grad) for grad, change, _ in dense]),
        "gradient": stacked(norms([grad for grad, _, _ in dense])),
    }
    if copies:
        torch._foreach_abs_(copies)
    facts["absolute"] = stacked([copy.sum(dtype=_wide(copy)) for copy in copies])
    return facts


def _same_bits(copy: Tensor, after: Tensor, weight: Tensor) -> Tensor | None:
    """Return how many entries kept their bits, where the difference would not tell: NaN minus NaN is no zero.

    None where all entries were finite, as the norm of them shows; off the host it is not looked at.
    """
    if not on_host(weight) or is_finite(weight):
        return None
    bits = BITS[after.element_size()]
    return (copy.view(bits) == after.view(bits)).sum()


def _moved(grad: Tensor, change: Tensor, changed: Tensor, touched: Tensor) -> Tensor:
    """Return how many entries changed whose gradient is not zero; where all changed, that is known."""
    if on_host(changed) and number(changed) == change.numel():
        return touched
    return torch.count_nonzero(change.bool().logical_and_(grad))


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.float32 if tensor.dtype in (torch.bfloat16, torch.float16) else tensor.dtype


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return torch.dot(left.reshape(-1).to(_wide(left)), right.reshape(-1).to(_wide(left)))
