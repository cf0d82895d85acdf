"""What one optimizer step changed in the parameters."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from debugstore.logger.context import local
from debugstore.logger.copies import copies
from debugstore.logger.norms import Norms, all_finite, norms, total
from debugstore.logger.probes.base import Facts, Probe
from debugstore.logger.probes.gradients import ends
from debugstore.logger.rows import rows
from debugstore.logger.samples import sampled
from debugstore.logger.schedule import Plan
from debugstore.logger.tensors import gathered, on_device

PART = 1 << 20
Copied = tuple[str, Tensor, Tensor]
"""A parameter's name, itself, and a copy of what it was before the step."""
BITS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.int8}


class Updates(Probe):
    """`param_updates`: how far one optimizer step moved the parameters, and along what."""

    name = "updates"
    cost = "a copy of the parameters during the sampled optimizer step; eight passes over them"

    def begin(self, plan: Plan) -> bool:
        """Forget the step before."""
        self._before: list[Copied] = []
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
        held = [(name, parameter) for name, parameter in self.context.trainable() if id(parameter) in decay]
        made = copies([parameter for _, parameter in held])
        self._before = [(name, parameter, copy) for (name, parameter), copy in zip(held, made, strict=True)]

    def optimizer_left(self, optimizer: Optimizer) -> None:  # noqa: ARG002
        """Compare with the copy and let it go."""
        before, self._before = self._before, []
        for part in _parts(before):
            decays = [self._decay[id(parameter)] for _, parameter, _ in part]
            self._measured.append({"names": tuple(name for name, _, _ in part), "decay": decays, **_compare(part)})

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


def _parts(before: list[Copied]) -> Iterator[list[Copied]]:
    """Yield parameters in parts of about `PART` numbers on the host: what is passed over several times stays cached.

    A device has all of them at once, since each operation is worth starting for many.
    """
    part: list[Copied] = []
    size = 0
    for copied in before:
        part.append(copied)
        size += copied[2].numel() if copied[2].is_cpu else 0
        if size >= PART:
            yield part
            part, size = [], 0
    if part or not before:
        yield part


def _compare(before: list[Copied]) -> Facts:
    """Measure the change of each parameter, a list a fact; the copies are used up for it.

    weight: L2 before the step; change, absolute: L2 and L1 of the change; sick: not finite after the step;
    changed: whether any entry changed. On the host, norms that are finite say that all entries are, before and after.
    """
    copies = [copy for _, _, copy in before]
    afters = [local(parameter) for _, parameter, _ in before]
    weights = norms(copies)
    same = [_same_bits(*pair) for pair in zip(copies, afters, _seen(weights, copies), strict=True)]
    if copies:
        torch._foreach_sub_(copies, afters)  # minus the change
    changes = norms(copies)
    healthy = all_finite(weights) and all_finite(changes)
    against = _against(before)
    if copies:
        torch._foreach_abs_(copies)
    absolute = gathered([copy.sum(dtype=_wide(copy)) for copy in copies])
    return {
        **against,
        "size": tuple(after.numel() for after in afters),
        "weight": weights,
        "change": changes,
        "absolute": absolute,
        "changed": absolute if healthy else gathered([_num_changed(*pair) for pair in zip(copies, same, strict=True)]),
        "sick": (False,) * len(afters) if healthy else gathered([~torch.isfinite(after).all() for after in afters]),
    }


def _against(changed: list[Copied]) -> Facts:
    """Measure changes (minus them) beside the gradients of their parameters.

    slope: their dot, a row each; gradient: its L2; touched: sampled entries whose gradient is not zero; moved: of
    these, changed.
    """
    dense = [
        (copy, local(parameter.grad))
        for _, parameter, copy in changed
        if parameter.grad is not None and not parameter.grad.is_sparse
    ]
    slope = []
    samples: dict[Any, list[tuple[Tensor, Tensor]]] = {}
    changes = rows((copy.reshape(-1) for copy, _ in dense), "changes", cut=False)
    grads = rows((grad.reshape(-1) for _, grad in dense), "gradients", cut=False)
    for change, grad in zip(changes, grads, strict=True):
        slope.append(torch.dot(change.to(_wide(change)), grad.to(_wide(grad))))
        of_row = sampled(change), sampled(grad)
        samples.setdefault((grad.device, of_row[0].dim()), []).append(of_row)
    touched, moved = [], []
    for alike in samples.values():
        has_change, has_gradient = (torch.cat(side) != 0 for side in zip(*alike, strict=True))
        touched.append(has_gradient.sum())
        moved.append(has_change.logical_and_(has_gradient).sum())
    return {
        "slope": gathered(slope),
        "gradient": norms([grad for _, grad in dense]),
        "touched": gathered(touched),
        "moved": gathered(moved),
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


def _num_changed(distances: Tensor, kept: Tensor | None) -> Tensor:
    return torch.count_nonzero(distances) if kept is None else distances.numel() - kept


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.float32 if tensor.dtype in (torch.bfloat16, torch.float16) else tensor.dtype
