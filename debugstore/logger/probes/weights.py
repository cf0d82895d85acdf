"""How large the parameters are when a step begins: where two runs' weights part between logged updates shows in it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from debugstore.logger.context import Context, local
from debugstore.logger.norms import norms, total
from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.samples import sampled, sampled_places


class Weights(Probe):
    """`weight_sample_norm` of `training_step`, at close steps also `weight_norm`."""

    name = "weights"
    cost = "reads about 1,024 numbers of each parameter at logged steps; a pass over the parameters at close steps"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places: list[int] = []
        self._views: list[Tensor] = []

    def step_facts(self, batch: Batch) -> Facts:
        """Take the norms of samples of the trainable parameters, at close steps of each of them too."""
        held = [local(parameter) for _, parameter in self.context.trainable()]
        facts: Facts = {"weight_sample_norm": norms(self._samples(held))}
        if batch.plan.close:
            facts["weight_norm"] = norms(held)
        return facts

    def _samples(self, parameters: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return a sample of each parameter: a view, made again where the memory is another.

        To make the views takes longer than to read them.
        """
        if not all(parameter.is_contiguous() for parameter in parameters):
            return [_sample(parameter) for parameter in parameters]
        places = [parameter.data_ptr() for parameter in parameters]
        if places != self._places:
            self._places, self._views = places, [_sample(parameter) for parameter in parameters]
        return self._views

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Combine the norms of tensors to that of all."""
        return {key: total(found) for key, found in facts.items() if found}


def _sample(parameter: Tensor) -> Tensor:
    if parameter.is_contiguous():
        return sampled(parameter)
    return torch.take(parameter, sampled_places(parameter.numel()).to(parameter.device))
