"""The order, the number and the duration of the loop's calls."""

import time
from collections.abc import Iterable

from debugstore.logger.calls import BACKWARD, OPTIMIZER, SCHEDULER, ZERO_GRAD
from debugstore.logger.probes.base import Facts, Probe
from debugstore.logger.probes.system import peak_bytes
from debugstore.logger.schedule import Plan

FIELDS = {"backward": BACKWARD, "zero_grad": ZERO_GRAD, "optimizer_steps": OPTIMIZER, "scheduler_steps": SCHEDULER}


class Loop(Probe):
    """`loop`: what happened between one `training_step` call and the next, on the host's clock."""

    name = "loop"
    cost = "integers and clock readings"

    def begin(self, plan: Plan) -> bool:
        """Look at every step whose loss is logged."""
        return plan.steps

    def step_events(self) -> Iterable[tuple[str, Facts]]:
        """Return the step's `loop`."""
        calls = self.context.calls
        facts: Facts = {"call_order": "".join(calls.order)}
        for name, kind in FIELDS.items():
            facts[f"num_{name}"] = calls.counts[kind]
            facts[f"num_total_{name}"] = calls.totals[kind]
        facts |= {
            "in_closure": self.context.in_closure,
            "num_skipped_steps": calls.skipped,
            "found_inf": calls.found_inf,
            "step_seconds": None if calls.paused or calls.began is None else time.perf_counter() - calls.began,
            "data_seconds": None if calls.paused else calls.data_seconds,
            "forward_seconds": calls.forward_seconds,
            "backward_seconds": calls.backward_seconds,
            "optimizer_seconds": calls.optimizer_seconds,
            "logger_seconds": calls.logger_seconds,
            "peak_bytes": peak_bytes(self.context.device),
        }
        yield "loop", facts

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Add the steps a fused optimizer left out by itself."""
        found = facts.pop("found_inf")
        if found is not None:
            facts["num_skipped_steps"] += int(found[0] if isinstance(found, list) else found)
        return facts
