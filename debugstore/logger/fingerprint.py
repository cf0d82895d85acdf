"""64-bit fingerprints of tensors: equal bits give equal fingerprints, whatever the device or the number of threads.

The bits are read as 32-bit words, in rows (see `rows`). To each word its upper half is added, so that no bit counts in
the top bits alone; then it is multiplied with an odd constant that belongs to its place, modulo 2^32. The products of a
row are summed two at a time, as 64-bit numbers modulo 2^64, and the sums of the rows, each with an odd constant, again.
Integer sums do not depend on their order, so neither threads nor devices change the answer, and exchanging two words
does. It tells changes from equality; it is no defence against whoever wants a collision.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from debugstore.logger.rows import ROW, rows, scratch

_GOLDEN, _MIX_A, _MIX_B = (n - (1 << 64) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_BYTES_TO_WORD = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int32}
_MOST_ROWS = 1 << 12
_factors: dict[tuple[int, torch.dtype, torch.device], Tensor] = {}


def mixed(places: Tensor) -> Tensor:
    """Return an odd 64-bit constant for each of some places (splitmix64): no random numbers are drawn for it."""
    value = (places + 1) * _GOLDEN
    for shift, factor in ((30, _MIX_A), (27, _MIX_B)):
        value = (value ^ _shifted(value, shift)) * factor
    return (value ^ _shifted(value, 31)) | 1


def _shifted(value: Tensor, by: int) -> Tensor:
    """Shift right, filling with zeros; torch's own shift repeats the sign."""
    return (value >> by) & ((1 << (64 - by)) - 1)


FIRST = int(mixed(torch.tensor(0)))
"""The constant of the first row."""


def factors(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the odd constants of `size` places, cut to the dtype; made once."""
    key = size, dtype, device
    if key not in _factors:
        _factors[key] = mixed(torch.arange(size)).to(dtype).to(device)
    return _factors[key]


def words(tensor: Tensor) -> Tensor:
    """Return a dense tensor's bits as a flat tensor of words: 32 bits each, fewer for small dtypes."""
    flat = tensor.reshape(-1)
    flat = flat.view(torch.uint8) if flat.dtype is torch.bool else flat
    if flat.is_complex():
        flat = torch.view_as_real(flat).reshape(-1)
    return flat.view(_BYTES_TO_WORD[flat.element_size()])


def fingerprint(tensors: Iterable[Tensor]) -> Tensor | None:
    """Return one fingerprint of dense tensors in their order, as an int64 device scalar; None for none.

    Cost: four integer operations a word, in a row that fits a processor's cache.
    """
    found = [_sum(row) for row in rows(map(words, tensors))]
    if not found:
        return None
    if len(found) == 1:
        return found[0] * FIRST
    home = found[0].device
    known = factors(max(_MOST_ROWS, len(found)), torch.int64, home)[: len(found)]
    return (torch.stack([one.to(home) for one in found]) * known).sum()


def _sum(row: Tensor) -> Tensor:
    size, device = row.numel(), row.device
    if row.dtype is not torch.int32:
        row = scratch("wide", size, torch.int32, device).copy_(row)
    even = size + size % 2
    pairs = scratch("mixed", even, torch.int32, device)
    products = pairs
    if even != size:
        pairs[size:] = 0
        products = pairs[:size]
    torch.bitwise_right_shift(row, 16, out=products).add_(row).mul_(factors(ROW, torch.int32, device)[:size])
    return pairs.view(torch.int64).sum()


def per_sample(batch: Tensor, most: int) -> Tensor:
    """Return (N,) fingerprints of the first dimension's samples, each over `most` of its words at fixed even places."""
    flat = batch.reshape(batch.shape[0], -1)
    if flat.shape[1] > most:
        flat = flat[:, torch.arange(most, device=flat.device) * flat.shape[1] // most]
    bits = words(flat.contiguous()).reshape(flat.shape[0], -1).long()
    return (bits * factors(most * 2, torch.int64, flat.device)[: bits.shape[1]]).sum(1)


def text(number: int) -> str:
    """Return a fingerprint as 16 hex digits."""
    return f"{number & 0xFFFFFFFFFFFFFFFF:016x}"
