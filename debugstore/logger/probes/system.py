"""The process around the training: memory, and the size of the autograd graph."""

import os
import resource
import sys
import weakref
from pathlib import Path

import torch
from torch import Tensor

from debugstore.logger.context import Context
from debugstore.logger.graph import count_nodes
from debugstore.logger.probes.base import Batch, Facts, Probe

STATM = "/proc/self/statm"
PAGE_BYTES = resource.getpagesize()


class System(Probe):
    """`allocated_bytes` and, at close steps, `graph_nodes` of `training_step`."""

    name = "system"
    cost = "reads one number of the allocator or of /proc; a walk over at most 10,000 graph nodes at close steps"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._sizes: int | None = None  # the open file of them: opening it takes several times as long as reading
        if Path(STATM).exists():
            self._sizes = os.open(STATM, os.O_RDONLY | os.O_CLOEXEC)
            weakref.finalize(self, os.close, self._sizes)

    def step_facts(self, batch: Batch) -> Facts:
        """Read the memory and count the graph."""
        facts: Facts = {"allocated_bytes": self._allocated_bytes()}
        if batch.plan.close and isinstance(batch.loss, Tensor):
            facts["graph_nodes"] = count_nodes(batch.loss)
        return facts

    def _allocated_bytes(self) -> int | None:
        """Return the memory held now: by CUDA's allocator, else by the process; None where the system does not say."""
        device = self.context.device
        if device is not None and device.type == "cuda":
            return torch.cuda.memory_allocated(device)
        return None if self._sizes is None else int(os.pread(self._sizes, 100, 0).split()[1]) * PAGE_BYTES


def peak_bytes(device: torch.device | None) -> int:
    """Return the most memory held so far: by CUDA's allocator, else by the process."""
    if device is not None and device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
