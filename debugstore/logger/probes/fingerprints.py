"""Fingerprints of the batch, the gradients, the parameters and the buffers: where two runs part shows in them."""

from collections.abc import Iterable

from torch import Tensor
from torch.optim import Optimizer

from debugstore.logger.context import local
from debugstore.logger.fingerprint import fingerprint, text
from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.schedule import Plan


class Fingerprints(Probe):
    """64 bits each: of the batch at logged steps, of gradients and parameters at the first ones and every 500."""

    name = "fingerprints"
    cost = "one integer pass over what is fingerprinted"

    def begin(self, plan: Plan) -> bool:
        """Forget the step before."""
        self._plan = plan
        self._gradients: Tensor | None = None
        self._after: Facts = {}
        return plan.gradient_fingerprint or plan.parameter_fingerprint

    def fit_facts(self) -> Facts:
        """Fingerprint what the training starts from."""
        return self._state()

    def step_facts(self, batch: Batch) -> Facts:
        """Fingerprint the inputs of a logged step."""
        if batch.inputs is None:
            return {}
        return {"batch_fingerprint": fingerprint([local(batch.inputs)])}

    def backward_ended(self) -> None:
        """Fingerprint the gradients before anything clips them."""
        if self._plan.gradient_fingerprint:
            self._gradients = fingerprint(self.context.gradients()[1])

    def optimizer_left(self, optimizer: Optimizer) -> None:  # noqa: ARG002
        """Fingerprint what the optimizer left, before a later forward changes buffers."""
        if self._plan.parameter_fingerprint:
            self._after = self._state()

    def more_facts(self, event_type: str) -> Facts:
        """Add to the events that other probes make."""
        if event_type == "gradient_stats" and self._gradients is not None:
            return {"gradient_fingerprint": self._gradients}
        return self._after if event_type == "param_updates" else {}

    def _state(self) -> Facts:
        made = {
            "parameter_fingerprint": fingerprint(local(p) for _, p in self.context.named if not p.is_meta),
            "buffer_fingerprint": fingerprint(self._buffers()),
        }
        return {key: value for key, value in made.items() if value is not None}

    def _buffers(self) -> Iterable[Tensor]:
        return (local(buffer) for buffer in self.context.model.buffers())

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Write each as text."""
        return {key: text(value) for key, value in facts.items()}
