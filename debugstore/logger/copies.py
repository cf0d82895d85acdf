"""Copies of many tensors for the length of one step.

Memory fresh from the system costs a page fault every four kilobytes, several times the copying. Large pages make it a
fault every two megabytes; where the system has none, the copies are ordinary ones.
"""

import mmap
from collections.abc import Sequence

import torch
from torch import Tensor

from debugstore.logger.context import local

LEAST_BYTES = 1 << 23
PAGE_BYTES = 1 << 21
ALIGNMENT = 64


def copies(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return a copy of each tensor's local numbers; the memory goes with the last of them."""
    dense = [local(tensor).detach() for tensor in tensors]
    offsets, total = [], 0
    for tensor in dense:
        offsets.append(total)
        total += -(-tensor.nbytes // ALIGNMENT) * ALIGNMENT
    in_place = total >= LEAST_BYTES and all(tensor.is_cpu and tensor.is_contiguous() for tensor in dense)
    block = _block(total) if in_place else None
    if block is None:
        return [tensor.clone() for tensor in dense]
    made = []
    for tensor, offset in zip(dense, offsets, strict=True):
        room = block[offset : offset + tensor.nbytes].view(tensor.dtype).view(tensor.shape)
        made.append(room.copy_(tensor))
    return made


def _block(size: int) -> Tensor | None:
    """Return bytes of memory in large pages; None where the system has none to give."""
    advice = getattr(mmap, "MADV_HUGEPAGE", None)
    if advice is None:
        return None
    try:
        memory = mmap.mmap(-1, size + PAGE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(advice)
    except OSError:
        return None
    return torch.frombuffer(memory, dtype=torch.uint8)
