"""Forward passes without gradient between validations: the mode they ran in, and whether training saw their samples."""

import math
from typing import Any

import torch
from torch import Tensor

from debugstore.logger.context import Context
from debugstore.logger.fingerprint import per_sample
from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.probes.modes import mode_modules

MOST_TRAINED = 1 << 16
MOST_VALIDATED = 1 << 12
MOST_WORDS = 64
MOST_FORWARDS = 64


class Validation(Probe):
    """Fields of `validation`: forwards in train mode, overlap with sampled training batches, input statistics.

    Samples are compared by fingerprints of 64 of their words. Of training only the logged steps are sampled, so
    `overlap_share` is a lower bound; a sample that training never saw never counts. Nor does a batch with fewer labels
    than samples: in a graph that is one input, some nodes are for training and others for validation.
    """

    name = "validation"
    cost = "a count a forward; fingerprints of logged batches, and of 64 validation batches at most; 0.5 MB of memory"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._modules = [module for module, _ in mode_modules(context.model)]
        self._trained: Tensor | None = None
        self._next = 0
        self._full = False
        self._forget()

    def _forget(self) -> None:
        self._num_forwards = 0
        self._num_train_mode = 0
        self._num_seen = 0
        self._seen: list[Tensor] = []
        self._sums: list[Tensor] = []
        self._squares: list[Tensor] = []
        self._num_values = 0

    def step_facts(self, batch: Batch) -> Facts:
        """Remember the samples of a logged training batch."""
        inputs = batch.inputs
        if inputs is not None and comparable(inputs) and labelled(inputs, batch.labels):
            self._remember(per_sample(inputs, MOST_WORDS)[:MOST_TRAINED])
        return {}

    def _remember(self, marks: Tensor) -> None:
        """Write into a ring on the device; a batch that does not fit its end begins it anew."""
        if self._trained is None or self._trained.device != marks.device:
            self._trained, self._next, self._full = marks.new_zeros(MOST_TRAINED), 0, False
        if self._next + marks.numel() > MOST_TRAINED:
            self._next, self._full = 0, True
        self._trained[self._next : self._next + marks.numel()] = marks
        self._next += marks.numel()

    def forward_entered(self, inputs: Any) -> None:
        """Count a forward without gradient, and look at its inputs."""
        if torch.is_grad_enabled():
            return
        self._num_forwards += 1
        self._num_train_mode += any(module.training for module in self._modules)
        if self._num_forwards > MOST_FORWARDS or not isinstance(inputs, Tensor) or not comparable(inputs):
            return
        if self._num_seen < MOST_VALIDATED:
            marks = per_sample(inputs, MOST_WORDS)
            self._num_seen += marks.numel()
            self._seen.append(marks)
        if inputs.is_floating_point():
            values = inputs.detach().float()
            self._sums.append(values.sum())
            self._squares.append((values * values).sum())
            self._num_values += values.numel()

    def validation_facts(self) -> Facts:
        """Return what was seen since the validation before, and begin anew."""
        facts: Facts = {"num_forwards": self._num_forwards, "num_train_mode_forwards": self._num_train_mode}
        if self._seen and self._trained is not None:
            known = self._trained if self._full else self._trained[: self._next]
            facts["overlap_share"] = torch.isin(torch.cat(self._seen), known).float().mean()
        if self._num_values:
            facts |= {"sums": self._sums, "squares": self._squares, "num_values": self._num_values}
        self._forget()
        return facts

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Combine the batches' sums."""
        count = facts.pop("num_values", None)
        if count is None:
            return facts
        mean = math.fsum(facts.pop("sums")) / count
        variance = math.fsum(facts.pop("squares")) / count - mean * mean
        return {**facts, "input_mean": mean, "input_std": math.sqrt(max(variance, 0.0))}


def comparable(inputs: Tensor) -> bool:
    """Whether a tensor is a batch of samples that can be told apart."""
    return inputs.dim() >= 2 and inputs.numel() > 0 and inputs.layout is torch.strided


def labelled(inputs: Tensor, labels: Tensor | None) -> bool:
    """Whether there may be a label for each sample of a batch, or none are known."""
    return labels is None or labels.numel() >= inputs.shape[0]
