"""What one optimizer step changed in the parameters."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import compress
from typing import Any, NamedTuple

from torch.optim import Optimizer

from debugstore.logger.changes import Before, alike, before, changes
from debugstore.logger.context import local
from debugstore.logger.norms import norms, total
from debugstore.logger.probes.base import Facts, Probe
from debugstore.logger.probes.gradients import ends
from debugstore.logger.schedule import Plan
from debugstore.logger.tensors import on_device


class Entered(NamedTuple):
    """Some parameters when an optimizer enters its step, and the share of itself that weight decay takes off each."""

    names: tuple[str, ...]
    decays: list[Any]
    before: Before


class Updates(Probe):
    """`param_updates`: how far one optimizer step moved the parameters, and along what."""

    name = "updates"
    cost = "a copy of at most 8,191 numbers of each parameter during the optimizer step; three passes over all"

    def begin(self, plan: Plan) -> bool:
        """Forget the step before."""
        self._ran = False
        self._entered: list[Entered] = []
        self._measured: list[Facts] = []
        return plan.updates

    def optimizer_entered(self, optimizer: Optimizer) -> None:
        """Copy what is looked at of the parameters that the optimizer may change."""
        decay: dict[int, Any] = {}
        for group in optimizer.param_groups:
            of_group = on_device(group["lr"]) * float(group.get("weight_decay") or 0.0)
            decay |= dict.fromkeys(map(id, group["params"]), of_group)
        held = (pair for pair in self.context.trainable() if id(pair[1]) in decay)
        self._entered = [
            Entered(names, [decay[id(parameter)] for parameter in parameters], before(parameters))
            for names, parameters in (zip(*some, strict=True) for some in alike(held))
        ]
        self._ran = True

    def optimizer_left(self, optimizer: Optimizer) -> None:  # noqa: ARG002
        """Compare with the copies and let them go."""
        entered, self._entered = self._entered, []
        self._measured += ({"names": names, "decay": decays, **changes(was)} for names, decays, was in entered)

    def step_events(self) -> Iterable[tuple[str, Facts]]:
        """Return the step's `param_updates`, if an optimizer ran."""
        measured, self._measured, self._entered = self._measured, [], []
        if self._ran:
            trainable = self.context.trainable()
            moved = {name for part in measured for name in part["names"]}
            still = [local(parameter) for name, parameter in trainable if name not in moved]
            yield "param_updates", {"parts": measured, "still": norms(still), "total": len(trainable)}

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Combine the parameters' numbers to those of the step."""
        of: defaultdict[str, list[Any]] = defaultdict(list)
        for part in facts["parts"]:
            for key, values in part.items():
                of[key] += values
        names, factors = of["names"], of["factor"]
        change, gradient = (_scaled(of[key], map(math.sqrt, factors)) for key in ("change", "gradient"))
        update_norm, gradient_norm = total(change), total(gradient)
        weight_norm = total([*of["weight"], *facts["still"]])
        means = {n: whole / max(size, 1) for n, whole, size in zip(names, of["absolute"], of["size"], strict=True)}
        slope, touched, moved = (sum(_scaled(of[key], of["row_factor"])) for key in ("slope", "touched", "moved"))
        updated = _num_updated(of)
        sick = list(compress(names, of["sick"]))
        ratios = {n: norm / weight for n, norm, weight in zip(names, change, of["weight"], strict=True) if weight}
        made: Facts = {
            "num_params_updated": updated,
            "num_params_total": facts["total"],
            "no_updates": updated == 0,
            "update_norm": update_norm,
            "weight_norm": weight_norm,
            "update_ratio": update_norm / weight_norm if weight_norm > 0 else None,
            "decay_norm": total(_scaled(of["weight"], of["decay"])),
            "num_nonfinite_params": len(sick),
            "top_10_param_changes": ends(means, largest=True),
            "top_10_update_ratios": ends(ratios, largest=True),
        }
        if touched:
            made["share_entries_changed"] = moved / touched
        if update_norm > 0 and gradient_norm > 0 and math.isfinite(slope):
            made["update_gradient_cosine"] = slope / (update_norm * gradient_norm)
        if sick:
            made["first_nonfinite_param"] = next(name for name, _ in self.context.named if name in sick)
        return made


def _scaled(values: Iterable[float], factors: Iterable[float]) -> list[float]:
    return [value * factor for value, factor in zip(values, factors, strict=True)]


def _num_updated(of: Mapping[str, list[Any]]) -> int:
    """Return how many parameters changed.

    One whose sample has no gradient, though the rest of it has, as in an embedding of which few rows are used, is taken
    to have changed if another did.
    """
    seen: int = sum(count > 0 for count in of["changed"])
    hidden = zip(of["changed"], of["gradient"], of["gradient_elsewhere"], strict=True)
    return seen and seen + sum(not count and not gradient and elsewhere > 0 for count, gradient, elsewhere in hidden)
