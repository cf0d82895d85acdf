"""The process around the training: memory, and the size of the autograd graph."""

import os
import resource
import sys

import torch
from torch import Tensor

from debugstore.logger.graph import count_nodes
from debugstore.logger.probes.base import Batch, Facts, Probe

STATM = "/proc/self/statm"
PAGE_BYTES = resource.getpagesize()


class System(Probe):
    """`allocated_bytes` and, at the first steps and with every update, `graph_nodes` of `training_step`."""

    name = "system"
    cost = "reads one number of the allocator or of /proc; a walk over at most 10,000 graph nodes at close steps"

    def step_facts(self, batch: Batch) -> Facts:
        """Read the memory and count the graph."""
        facts: Facts = {"allocated_bytes": allocated_bytes(self.context.device)}
        if batch.plan.close and isinstance(batch.loss, Tensor):
            facts["graph_nodes"] = count_nodes(batch.loss)
        return facts


def allocated_bytes(device: torch.device | None) -> int | None:
    """Return the memory held now: by CUDA's allocator, else by the process; None where the system does not say."""
    if device is not None and device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    try:
        file = os.open(STATM, os.O_RDONLY)
        try:
            return int(os.read(file, 100).split()[1]) * PAGE_BYTES
        finally:
            os.close(file)
    except (OSError, ValueError, IndexError):
        return None


def peak_bytes(device: torch.device | None) -> int:
    """Return the most memory held so far: by CUDA's allocator, else by the process."""
    if device is not None and device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
