"""Many tensors as one stream of numbers, a row of 65,536 at a time: small ones share a row, large ones are not copied.

A row fits a processor's cache, and one operation a row costs less than one a tensor. Rows are made in scratch memory
that stays: memory fresh from the system costs several times the arithmetic, a page fault every four kilobytes.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

ROW = 1 << 16
_scratch: dict[tuple[str, torch.dtype, torch.device], Tensor] = {}


def scratch(purpose: str, size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return memory for `size` numbers of a row; the next call for the same purpose returns the same memory."""
    key = purpose, dtype, device
    if key not in _scratch:
        _scratch[key] = torch.empty(ROW, dtype=dtype, device=device)
    return _scratch[key][:size]


def rows(flats: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield the rows of flat tensors in their order, each to be used before the next is asked for.

    A row lies on one device and has one dtype, so it may be shorter.
    """
    pieces: list[Tensor] = []
    room = ROW
    for flat in flats:
        if pieces and (pieces[0].device != flat.device or pieces[0].dtype != flat.dtype):
            yield _joined(pieces)
            pieces, room = [], ROW
        start, size = 0, flat.numel()
        while start < size:
            piece = flat[start : start + room] if start or size > room else flat
            pieces.append(piece)
            start += piece.numel()
            room -= piece.numel()
            if room == 0:
                yield _joined(pieces)
                pieces, room = [], ROW
    if pieces:
        yield _joined(pieces)


def _joined(pieces: list[Tensor]) -> Tensor:
    first = pieces[0]
    if len(pieces) == 1:
        return first
    return torch.cat(pieces, out=scratch("row", sum(piece.numel() for piece in pieces), first.dtype, first.device))
