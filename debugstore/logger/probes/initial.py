"""What a training starts from: constant weights, and what a resumed one brought along."""

from typing import Any

import torch

from debugstore.logger.context import local
from debugstore.logger.probes.base import Facts, Probe


class Initial(Probe):
    """Fields of `fit_start`: constant and zero matrices, the optimizer's and the scheduler's steps so far."""

    name = "initial"
    cost = "one pass over the parameters, once"

    def fit_facts(self) -> Facts:
        """Look at the parameters and the optimizers' state before the first step."""
        matrices = [local(p) for _, p in self.context.trainable() if p.dim() >= 2 and p.numel() > 1]
        facts: Facts = {
            "ranges": [torch.stack(torch.aminmax(matrix)) for matrix in matrices if matrix.numel()],
            "num_params_with_state": sum(bool(s) for o in self.context.optimizers for s in o.state.values()),
            "optimizer_steps": [s["step"] for o in self.context.optimizers for s in o.state.values() if "step" in s],
            "is_sharded": any(hasattr(parameter, "_local_tensor") for _, parameter in self.context.named),
        }
        if self.context.schedulers:
            facts["scheduler_step_count"] = getattr(self.context.schedulers[0], "last_epoch", None)
        scale = self.context.scale()
        if scale is not None:
            facts["loss_scale"] = scale.clone()
        return facts

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Count the matrices that hold one value."""
        ranges: list[Any] = facts.pop("ranges")
        steps = [int(step[0] if isinstance(step, list) else step) for step in facts.pop("optimizer_steps")]
        return {
            **facts,
            "optimizer_step_count": max(steps, default=0),
            "num_zero_params": sum(low == high == 0 for low, high in ranges),
            "num_constant_params": sum(low == high for low, high in ranges),
        }
