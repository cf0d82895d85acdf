"""How large the parameters are when a step begins: where two runs' weights part between logged updates shows in it."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from debugstore.logger.context import Context, local
from debugstore.logger.norms import joined_norm, norms, total
from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.samples import sampled, sampled_places
from debugstore.logger.tensors import gathered

MOST_JOINED = 64
"""Samples that are read as one: some 65,000 numbers, which take under a megabyte together."""


class Weights(Probe):
    """`weight_sample_norm` of `training_step`, at close steps also `weight_norm`."""

    name = "weights"
    cost = "reads about 1,024 numbers of each parameter at logged steps; a pass over the parameters at close steps"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._places: list[int] = []
        self._samples: list[list[Tensor]] = []

    def step_facts(self, batch: Batch) -> Facts:
        """Take the norm of samples of the trainable parameters, at close steps that of each of them too."""
        held = [local(parameter) for _, parameter in self.context.trainable()]
        facts: Facts = {"weight_sample_norm": gathered([joined_norm(alike) for alike in self._sampled(held)])}
        if batch.plan.close:
            facts["weight_norm"] = norms(held)
        return facts

    def _sampled(self, parameters: Sequence[Tensor]) -> list[list[Tensor]]:
        """Return views of a sample of each parameter, those together that can be joined.

        They are made again where the memory is another: to make them takes longer than to read them.
        """
        if not all(parameter.is_contiguous() for parameter in parameters):
            return _joinable(map(_sample, parameters))
        places = [parameter.data_ptr() for parameter in parameters]
        if places != self._places:
            self._places, self._samples = places, _joinable(map(_sample, parameters))
        return self._samples

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Combine the norms of parts to that of all."""
        return {key: total(found) for key, found in facts.items() if found}


def _sample(parameter: Tensor) -> Tensor:
    if not parameter.is_contiguous():
        return torch.take(parameter, sampled_places(parameter.numel()).to(parameter.device))
    sample = sampled(parameter)
    return parameter.view(-1) if sample is parameter else sample


def _joinable(samples: Iterable[Tensor]) -> list[list[Tensor]]:
    groups: dict[Any, list[Tensor]] = {}
    for sample in samples:
        groups.setdefault((sample.device, sample.dtype, sample.shape[1:]), []).append(sample)
    return [alike[at : at + MOST_JOINED] for alike in groups.values() for at in range(0, len(alike), MOST_JOINED)]
