"""How large the parameters are when a step begins: where two runs' weights part between logged updates shows in it."""

from debugstore.logger.context import local
from debugstore.logger.norms import norms, total
from debugstore.logger.probes.base import Batch, Facts, Probe


class Weights(Probe):
    """`weight_norm` of `training_step`."""

    name = "weights"
    cost = "one pass over the parameters at logged steps; a twentieth of their fingerprint"

    def step_facts(self, batch: Batch) -> Facts:  # noqa: ARG002
        """Take the norm of each trainable parameter."""
        return {"weight_norm": norms([local(parameter) for _, parameter in self.context.trainable()])}

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Combine them to that of all."""
        return {"weight_norm": total(facts["weight_norm"])} if facts["weight_norm"] else {}
