"""Gradients as backward left them, and what the optimizer saw of them."""

import math
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from debugstore.logger.context import local
from debugstore.logger.norms import Norms, all_finite, norms, scaled, total
from debugstore.logger.probes.base import Facts, Probe
from debugstore.logger.rows import rows, scratch
from debugstore.logger.schedule import Plan
from debugstore.logger.tensors import number, stacked

LIST_LENGTH = 10


class Gradients(Probe):
    """`gradient_stats`: norms, extremes and sick tensors, per step and per parameter.

    A step whose gradients are logged takes one pass. What they held before and what the optimizer saw, which takes
    another pass, are left to the steps whose loss or update is logged too, the extremes to those whose gradients are
    fingerprinted.
    """

    name = "gradients"
    cost = (
        "a pass over the gradients, two where the loss is logged, four where they are fingerprinted; no copy of them; "
        "two norms a parameter to the host"
    )

    def begin(self, plan: Plan) -> bool:
        """Forget the step before."""
        self._measured: Facts = {}
        self._entry: Norms | None = None
        self._seed: Tensor | None = None
        self._plan = plan
        self._clipped: list[Norms] = []
        self._optimizer_ran = False
        return plan.gradients

    def backward_entered(self, seed: Tensor) -> None:
        """Measure what the gradients already hold: only the first backward of a step says whether they pile up."""
        if not self._plan.steps:
            return
        self._seed = seed.clone().reshape(()) if seed.numel() == 1 else None
        if self._entry is None:
            self._entry = norms(self.context.gradients()[1])

    def backward_ended(self) -> None:
        """Measure the gradients; a later backward of the same step replaces an earlier one's."""
        self._measure()

    def optimizer_entered(self, optimizer: Optimizer) -> None:
        """Measure the gradients the optimizer holds; all of them, if no backward of the logged loss left any."""
        if not self.context.in_closure:
            self._see(optimizer)

    def closure_left(self, optimizer: Optimizer) -> None:
        """Measure what a closure left: its backward ran inside the optimizer's step, and so did any clipping."""
        self._see(optimizer)

    def _see(self, optimizer: Optimizer) -> None:
        if not self._measured.get("names"):
            self._measure()
        if not (self._plan.steps or self._plan.updates):
            return
        self._optimizer_ran = True
        held = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        clipped = norms([local(p.grad) for p in held])
        if getattr(optimizer, "grad_scale", None) is not None:  # a fused optimizer unscales inside its step
            scale = self.context.scale()
            clipped = clipped if scale is None else scaled(clipped, scale)
        self._clipped.append(clipped)

    def step_events(self) -> Iterable[tuple[str, Facts]]:
        """Return the step's `gradient_stats`, if anything was measured."""
        if self._measured:
            clipped = self._clipped if self._optimizer_ran else None
            seen = {"entry": self._entry, "seed": self._seed, "clipped": clipped}
            yield "gradient_stats", {**self._measured, **seen}
        self._measured, self._entry, self._seed, self._clipped = {}, None, None, []

    def _measure(self) -> None:
        names, grads = self.context.gradients()
        found = norms(grads)
        scale = None if self.context.unscaled else self.context.scale()
        self._measured = {
            "names": tuple(names),
            "total": len(names) if len(names) == len(self.context.named) else len(self.context.trainable()),
            "norms": found,
            "scale": scale.clone() if scale is not None else None,
            **extremes(grads, found, self._plan.gradient_fingerprint),
        }

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Divide the loss scale out and name the largest and smallest."""
        names, found = facts["names"], facts["norms"]
        scale = facts["scale"]
        if scale is not None:
            found = [norm / scale for norm in found]
        by_name = dict(zip(names, found, strict=True))
        sick = [name for name, is_sick in zip(names, facts["sick"], strict=True) if is_sick]
        matrices = [norm for name, norm in by_name.items() if name in self.context.matrices]
        made: Facts = {
            "total_norm": total(found),
            "num_params_with_grad": len(by_name),
            "num_params_total": facts["total"],
            "num_zero_grad": sum(map(bool, facts["zero"])),
            "num_nonfinite": len(sick),
            "top_10_grad_norms": ends(by_name, largest=True),
            "bottom_10_grad_norms": ends(by_name, largest=False),
        }
        for field, key, choose in (("max_grad", "largest", max), ("min_grad", "smallest", min)):
            if facts[key] is not None:
                finite = [value for value in facts[key] if math.isfinite(value)]
                made[field] = choose(finite) / (scale or 1.0) if finite else None
        if scale is not None:
            made["loss_scale"] = scale
        if facts["entry"] is not None:
            made["entry_norm"] = total(facts["entry"]) / (scale or 1.0)
        if facts["seed"] is not None:
            divided = self.context.settings.accumulation_steps if self.context.sum_losses else 1
            made["loss_gradient"] = facts["seed"] / divided
        if facts["clipped"] is not None:
            made["clipped_norm"] = total(norm for part in facts["clipped"] for norm in part)
        if sick:
            made["first_nonfinite_param"] = sick[0]
        if matrices:
            made["first_param_norm"], made["last_param_norm"] = matrices[0], matrices[-1]
        return made


def extremes(grads: Sequence[Tensor], found: Norms, asked: bool = True) -> Facts:
    """Return which gradients are sick or zero, and if asked for the extreme finite absolute entries, some of each.

    On the host only suspicious gradients are looked at again: `found` are their norms. Elsewhere looking would wait
    for the device, so every gradient is read a few times more.
    """
    if not isinstance(found, tuple):
        return _extremes_elsewhere(grads, asked)
    healthy = all_finite(found)
    ranges = [_finite_range(row, healthy) for row in rows(grad.reshape(-1) for grad in grads)] if asked else []
    return {
        "sick": (False,) * len(found) if healthy else tuple(not math.isfinite(norm) for norm in found),
        "zero": tuple(norm == 0 and not grad.any().tolist() for norm, grad in zip(found, grads, strict=True)),
        "largest": tuple(high for _, high in ranges) if asked else None,
        "smallest": tuple(low for low, _ in ranges) if asked else None,
    }


def _finite_range(row: Tensor, healthy: bool) -> tuple[float, float]:
    """Return the smallest and largest finite absolute entry of a row; NaN, both, if it has none."""
    absolute = torch.abs(row, out=scratch("absolute", row.numel(), row.dtype, row.device))
    low, high = map(number, torch.aminmax(absolute))
    if healthy or math.isfinite(high):
        return low, high
    absolute = absolute[torch.isfinite(absolute)]
    low, high = map(number, torch.aminmax(absolute)) if absolute.numel() else (math.nan, math.nan)
    return low, high


def _extremes_elsewhere(grads: Sequence[Tensor], asked: bool) -> Facts:
    facts: dict[str, list[Tensor]] = {"sick": [], "zero": [], "largest": [], "smallest": []}
    for grad in grads:
        absolute = grad.abs()
        finite = torch.isfinite(absolute)
        facts["sick"].append(~finite.all())
        facts["zero"].append(~grad.any())
        if grad.numel() and asked:
            facts["largest"].append(torch.where(finite, absolute, -torch.inf).amax())
            facts["smallest"].append(torch.where(finite, absolute, torch.inf).amin())
    left_out = () if asked else ("largest", "smallest")
    return {key: None if key in left_out else stacked(scalars) for key, scalars in facts.items()}


def ends(by_name: dict[str, Any], largest: bool) -> dict[str, float]:
    """Return the ten largest or smallest by value; NaN and infinity count as largest."""
    rank = _rank if any(map(math.isnan, by_name.values())) else itemgetter(1)
    return dict(sorted(by_name.items(), key=rank, reverse=largest)[:LIST_LENGTH])


def _rank(item: tuple[str, float]) -> float:
    return math.inf if math.isnan(item[1]) else item[1]
