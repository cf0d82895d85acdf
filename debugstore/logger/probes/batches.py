"""The inputs of a batch: their dtype, their spread, what is not finite."""

import torch

from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.tensors import finite_range, sample_std, wide


class Batches(Probe):
    """Input fields of `training_step`; of inputs that are not floating only the dtype."""

    name = "batches"
    cost = "four passes over floating inputs"

    def step_facts(self, batch: Batch) -> Facts:
        """Describe the inputs."""
        inputs = batch.inputs
        if inputs is None:
            return {}
        facts: Facts = {"input_dtype": str(inputs.dtype).removeprefix("torch.")}
        if not inputs.is_floating_point() or inputs.is_sparse or inputs.numel() == 0:
            return facts
        values = inputs.detach()
        values = values.to(wide(values))
        low, high, num_nonfinite = finite_range(values)
        std, mean = torch.std_mean(values, correction=0)
        facts |= {
            "input_mean": mean,
            "input_std": std,
            "input_abs_max": torch.maximum(-low, high),
            "num_nonfinite_inputs": num_nonfinite,
        }
        if values.dim() > 1 and values.shape[0] > 1:
            facts["input_sample_std"] = sample_std(values)
        return facts
