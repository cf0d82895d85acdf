"""What one optimizer step changed in the parameters."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from debugstore.logger.context import local
from debugstore.logger.probes.base import Facts, Probe
from debugstore.logger.probes.gradients import ends, norms, total
from debugstore.logger.schedule import Plan

BITS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.int8}


@dataclass(slots=True)
class _Change:
    """Device scalars of one parameter."""

    name: str
    size: int
    weight: Tensor  # L2 before the step
    change: Tensor  # L2 of the change
    absolute: Tensor  # L1 of the change
    changed: Tensor  # entries that changed in any bit
    touched: Tensor  # entries with a gradient that is not zero
    moved: Tensor  # of these, changed
    slope: Tensor  # dot of the change and minus the gradient
    gradient: Tensor  # L2 of the gradient
    largest: Tensor  # largest absolute entry after the step
    decay: float  # learning rate times weight decay


class Updates(Probe):
    """`param_updates`: how far one optimizer step moved the parameters, and along what."""

    name = "updates"
    cost = "a copy of the parameters during the sampled optimizer step; about ten passes over them"

    def begin(self, plan: Plan) -> bool:
        """Forget the step before."""
        self._before: dict[int, Tensor] = {}
        self._changes: dict[str, _Change] = {}
        self._optimizer_ran = False
        return plan.updates

    def optimizer_entered(self, optimizer: Optimizer) -> None:
        """Copy what the optimizer may change."""
        ours = {id(parameter) for _, parameter in self.context.trainable()}
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if id(parameter) in ours:
                    self._before[id(parameter)] = local(parameter).clone()

    def optimizer_left(self, optimizer: Optimizer) -> None:
        """Compare with the copy and let it go, one parameter at a time."""
        self._optimizer_ran = True
        decay = {
            id(parameter): float(group["lr"]) * float(group.get("weight_decay") or 0.0)
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
        for name, parameter in self.context.trainable():
            before = self._before.pop(id(parameter), None)
            if before is not None:
                self._changes[name] = _compare(name, before, parameter, decay.get(id(parameter), 0.0))
        self._before.clear()

    def step_events(self) -> Iterable[tuple[str, Facts]]:
        """Return the step's `param_updates`, if an optimizer ran."""
        if self._optimizer_ran:
            trainable = self.context.trainable()
            still = [local(parameter) for name, parameter in trainable if name not in self._changes]
            yield (
                "param_updates",
                {
                    "changes": [{key: getattr(c, key) for key in _Change.__slots__} for c in self._changes.values()],
                    "still": norms(still),
                    "total": len(trainable),
                },
            )
        self._before, self._changes, self._optimizer_ran = {}, {}, False

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Combine the parameters' numbers to those of the step."""
        changes = facts["changes"]
        weight_norm = total([c["weight"] for c in changes] + facts["still"])
        update_norm = total(c["change"] for c in changes)
        gradient_norm = total(c["gradient"] for c in changes)
        touched = sum(c["touched"] for c in changes)
        updated = sum(c["changed"] > 0 for c in changes)
        sick = [c["name"] for c in changes if not math.isfinite(c["largest"])]
        ratios = {c["name"]: c["change"] / c["weight"] for c in changes if c["weight"] > 0}
        made: Facts = {
            "num_params_updated": updated,
            "num_params_total": facts["total"],
            "no_updates": updated == 0,
            "update_norm": update_norm,
            "weight_norm": weight_norm,
            "update_ratio": update_norm / weight_norm if weight_norm > 0 else None,
            "decay_norm": total(c["decay"] * c["weight"] for c in changes),
            "num_nonfinite_params": len(sick),
            "top_10_param_changes": ends({c["name"]: c["absolute"] / max(c["size"], 1) for c in changes}, largest=True),
            "top_10_update_ratios": ends(ratios, largest=True),
        }
        if touched:
            made["share_entries_changed"] = sum(c["moved"] for c in changes) / touched
        if update_norm > 0 and gradient_norm > 0:
            made["update_gradient_cosine"] = sum(c["slope"] for c in changes) / (update_norm * gradient_norm)
        if sick:
            made["first_nonfinite_param"] = sick[0]
        return made


def _compare(name: str, before: Tensor, parameter: Tensor, decay: float) -> _Change:
    """Measure one parameter's change; at most two tensors of its size live at a time, and `before` is used up."""
    after = local(parameter)
    wide = torch.float32 if after.dtype in (torch.bfloat16, torch.float16) else None
    bits = BITS[after.element_size()]
    changed = before.view(bits) != after.view(bits)
    weight = torch.linalg.vector_norm(before, dtype=wide)
    largest = torch.stack(torch.aminmax(after)).abs().amax() if after.numel() else after.new_zeros(())
    change = before.sub_(after)  # minus the change
    zero = weight.new_zeros(())
    touched = moved = torch.zeros((), dtype=torch.int64, device=after.device)
    slope = gradient = zero
    grad = parameter.grad
    if grad is not None and not grad.is_sparse:
        grad = local(grad)
        has = grad != 0
        touched = torch.count_nonzero(has)
        moved = torch.count_nonzero(has.logical_and_(changed))
        slope = torch.dot(change.reshape(-1).to(weight.dtype), grad.reshape(-1).to(weight.dtype))
        gradient = torch.linalg.vector_norm(grad, dtype=wide)
    return _Change(
        name=name,
        size=after.numel(),
        weight=weight,
        change=torch.linalg.vector_norm(change, dtype=wide),
        absolute=torch.linalg.vector_norm(change, 1, dtype=wide),
        changed=torch.count_nonzero(changed),
        touched=touched,
        moved=moved,
        slope=slope,
        gradient=gradient,
        largest=largest,
        decay=decay,
    )
