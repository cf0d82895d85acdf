"""Gradients as backward left them, and what the optimizer saw of them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from debugstore.logger.context import gradients, local
from debugstore.logger.probes.base import Facts, Probe
from debugstore.logger.rows import rows, scratch
from debugstore.logger.schedule import Plan
from debugstore.logger.tensors import is_finite, number, on_host, stacked

LIST_LENGTH = 10


class Gradients(Probe):
    """`gradient_stats`: norms, extremes and sick tensors, per step and per parameter."""

    name = "gradients"
    cost = "three passes over the gradients; no copy of them; two numbers and a norm a parameter to the host"

    def begin(self, plan: Plan) -> bool:
        """Forget the step before."""
        self._measured: Facts = {}
        self._entry: Tensor | list[Tensor] | None = None
        self._seed: Tensor | None = None
        self._smallest_too = plan.steps
        self._clipped: list[Tensor] = []
        self._optimizer_ran = False
        return plan.gradients

    def backward_entered(self, seed: Tensor) -> None:
        """Measure what the gradients already hold: only the first backward of a step says whether they pile up."""
        self._seed = seed.clone().reshape(()) if seed.numel() == 1 else None
        if self._entry is None:
            self._entry = stacked(norms([grad for _, grad in gradients(self.context.trainable())]))

    def backward_ended(self) -> None:
        """Measure the gradients; a later backward of the same step replaces an earlier one's."""
        self._measure()

    def optimizer_entered(self, optimizer: Optimizer) -> None:
        """Measure the gradients the optimizer holds; all of them, if no backward of the logged loss left any."""
        if not self.context.in_closure:
            self._see(optimizer)

    def optimizer_left(self, optimizer: Optimizer) -> None:
        """Measure what a closure left: its backward ran inside the optimizer's step, and so did any clipping."""
        if self.context.in_closure:
            self._see(optimizer)

    def _see(self, optimizer: Optimizer) -> None:
        if not self._measured.get("names"):
            self._measure()
        self._optimizer_ran = True
        held = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        clipped = norms([local(p.grad) for p in held])
        if getattr(optimizer, "grad_scale", None) is not None:  # a fused optimizer unscales inside its step
            scale = self.context.scale()
            clipped = clipped if scale is None else [norm / scale for norm in clipped]
        self._clipped.extend(clipped)

    def step_events(self) -> Iterable[tuple[str, Facts]]:
        """Return the step's `gradient_stats`, if anything was measured."""
        if self._measured:
            clipped = stacked(self._clipped) if self._optimizer_ran else None
            seen = {"entry": self._entry, "seed": self._seed, "clipped": clipped}
            yield "gradient_stats", {**self._measured, **seen}
        self._measured, self._entry, self._seed, self._clipped = {}, None, None, []

    def _measure(self) -> None:
        trainable = self.context.trainable()
        named = gradients(trainable)
        grads = [grad for _, grad in named]
        found = norms(grads)
        scale = None if self.context.unscaled else self.context.scale()
        self._measured = {
            "names": tuple(name for name, _ in named),
            "matrices": tuple(name for name, parameter in trainable if parameter.dim() >= 2),
            "total": len(trainable),
            "norms": stacked(found),
            "scale": scale.clone() if scale is not None else None,
            **extremes(grads, found, self._smallest_too),
        }

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Divide the loss scale out and name the largest and smallest."""
        scale = facts["scale"] or 1.0
        by_name = {name: norm / scale for name, norm in zip(facts["names"], facts["norms"], strict=True)}
        sick = [name for name, is_sick in zip(facts["names"], facts["sick"], strict=True) if is_sick]
        largest = [m for m in facts["largest"] if math.isfinite(m)]
        smallest = [m for m in facts["smallest"] if math.isfinite(m)]
        matrices = [by_name[name] for name in facts["matrices"] if name in by_name]
        made: Facts = {
            "total_norm": total(by_name.values()),
            "max_grad": max(largest) / scale if largest else None,
            "min_grad": min(smallest) / scale if smallest else None,
            "num_params_with_grad": len(by_name),
            "num_params_total": facts["total"],
            "num_zero_grad": sum(map(bool, facts["zero"])),
            "num_nonfinite": len(sick),
            "top_10_grad_norms": ends(by_name, largest=True),
            "bottom_10_grad_norms": ends(by_name, largest=False),
        }
        if facts["scale"] is not None:
            made["loss_scale"] = facts["scale"]
        if facts["entry"] is not None:
            made["entry_norm"] = total(facts["entry"]) / scale
        if facts["seed"] is not None:
            made["loss_gradient"] = facts["seed"]
        if facts["clipped"] is not None:
            made["clipped_norm"] = total(facts["clipped"])
        if sick:
            made["first_nonfinite_param"] = sick[0]
        if matrices:
            made["first_param_norm"], made["last_param_norm"] = matrices[0], matrices[-1]
        return made


def norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the L2 norm of each tensor as a device scalar; half precision is summed in single.

    A norm that overflows single precision is taken again in double on the CPU, where looking at it costs nothing;
    elsewhere it stays infinite, and `num_nonfinite` tells it from one that has infinite entries.
    """
    if not tensors:
        return []
    kinds = {tensor.dtype for tensor in tensors}
    low = kinds & {torch.bfloat16, torch.float16}
    wide = (torch.float64 if torch.float64 in kinds else torch.float32) if low or len(kinds) > 1 else None
    found = torch._foreach_norm(list(tensors), 2, dtype=wide)
    return [
        torch.linalg.vector_norm(tensor, dtype=torch.float64) if on_host(norm) and number(norm) == math.inf else norm
        for tensor, norm in zip(tensors, found, strict=True)
    ]


def extremes(grads: Sequence[Tensor], found: Sequence[Tensor], smallest_too: bool = True) -> Facts:
    """Return which gradients are sick or zero, and the largest and smallest finite absolute entries, some of each.

    On the host only suspicious gradients are looked at again: `found` are their norms. Elsewhere looking would wait
    for the device, so every gradient is read a few times more. The smallest entry takes as long as all else together,
    so a run that logs gradients oftener than losses gets it where it logs both.
    """
    if not all(map(on_host, found)):
        return _extremes_elsewhere(grads)
    values = [number(norm) for norm in found]
    healthy = all(map(math.isfinite, values))
    ranges = [_finite_range(row, healthy, smallest_too) for row in rows(grad.reshape(-1) for grad in grads)]
    return {
        "sick": tuple(not math.isfinite(value) for value in values),
        "zero": tuple(value == 0 and not grad.any().tolist() for value, grad in zip(values, grads, strict=True)),
        "largest": tuple(number(high) for _, high in ranges),
        "smallest": tuple(number(low) for low, _ in ranges) if smallest_too else (),
    }


def _finite_range(row: Tensor, healthy: bool, smallest_too: bool) -> tuple[Tensor, Tensor]:
    """Return the smallest (if asked for) and largest finite absolute entry of a row; NaN, both, if it has none."""
    if healthy and not smallest_too:
        low, high = torch.aminmax(row)
        return low, torch.maximum(-low, high)
    absolute = torch.abs(row, out=scratch("absolute", row.numel(), row.dtype, row.device))
    low, high = torch.aminmax(absolute)
    if healthy or is_finite(high):
        return low, high
    absolute = absolute[torch.isfinite(absolute)]
    return torch.aminmax(absolute) if absolute.numel() else (high * torch.nan, high * torch.nan)


def _extremes_elsewhere(grads: Sequence[Tensor]) -> Facts:
    facts: dict[str, list[Tensor]] = {"sick": [], "zero": [], "largest": [], "smallest": []}
    for grad in grads:
        absolute = grad.abs()
        finite = torch.isfinite(absolute)
        facts["sick"].append(~finite.all())
        facts["zero"].append(~grad.any())
        if grad.numel():
            facts["largest"].append(torch.where(finite, absolute, -torch.inf).amax())
            facts["smallest"].append(torch.where(finite, absolute, torch.inf).amin())
    return {key: stacked(scalars) for key, scalars in facts.items()}


def total(values: Iterable[float]) -> float:
    """Return the L2 norm of a vector of norms; NaN wins over infinity."""
    known = list(values)
    return math.nan if any(map(math.isnan, known)) else math.hypot(*known)


def ends(by_name: dict[str, Any], largest: bool) -> dict[str, float]:
    """Return the ten largest or smallest by value; NaN and infinity count as largest."""

    def rank(item: tuple[str, float]) -> float:
        return math.inf if math.isnan(item[1]) else item[1]

    return dict(sorted(by_name.items(), key=rank, reverse=largest)[:LIST_LENGTH])
