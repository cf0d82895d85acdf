"""Many tensors as rows of at most 65,536 numbers: small ones share a row, large ones are cut and not copied.

A row fits a processor's cache, and one operation a row costs less than one a tensor. Rows are made in scratch memory
that stays: memory fresh from the system costs several times the arithmetic, a page fault every four kilobytes.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

ROW = 1 << 16
ALONE = 1 << 13
_scratch: dict[tuple[str, torch.dtype, torch.device], Tensor] = {}


def scratch(purpose: str, size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return memory for `size` numbers of a row; the next call for the same purpose returns the same memory."""
    key = purpose, dtype, device
    if key not in _scratch:
        _scratch[key] = torch.empty(ROW, dtype=dtype, device=device)
    return _scratch[key][:size]


def rows(flats: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield flat tensors as rows, each to be used before the next is asked for; their order follows from the sizes.

    A tensor of `ALONE` numbers or more makes rows of its own, at once; smaller ones wait until a row of them is full.
    A row lies on one device and has one dtype.
    """
    small: list[Tensor] = []
    waiting = 0
    for flat in flats:
        size = flat.numel()
        if size >= ALONE:
            if size <= ROW:
                yield flat
            else:
                yield from torch.split(flat, ROW)
        elif size:
            if small and (waiting + size > ROW or small[0].device != flat.device or small[0].dtype != flat.dtype):
                yield _joined(small)
                small, waiting = [], 0
            small.append(flat)
            waiting += size
    if small:
        yield _joined(small)


def _joined(pieces: list[Tensor]) -> Tensor:
    first = pieces[0]
    if len(pieces) == 1:
        return first
    return torch.cat(pieces, out=scratch("row", sum(piece.numel() for piece in pieces), first.dtype, first.device))
