"""64-bit fingerprints of tensors: equal bits give equal fingerprints, whatever the device or the number of threads.

The bits are read as 32-bit words, in rows (see `rows`). Word i of row r is multiplied with two odd constants that
belong to its place, and all is summed modulo 2^64. Integer sums do not depend on their order, so neither threads nor
devices change the answer, and exchanging two words does. It tells changes from equality; it is no defence against
whoever wants a collision.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from debugstore.logger.rows import ROW, rows, scratch

_GOLDEN, _MIX_A, _MIX_B = (n - (1 << 64) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_BYTES_TO_WORD = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int32}
_factors: dict[torch.device, Tensor] = {}


def mixed(places: Tensor) -> Tensor:
    """Return an odd 64-bit constant for each of some places (splitmix64): no random numbers are drawn for it."""
    value = (places + 1) * _GOLDEN
    for shift, factor in ((30, _MIX_A), (27, _MIX_B)):
        value = (value ^ _shifted(value, shift)) * factor
    return (value ^ _shifted(value, 31)) | 1


def _shifted(value: Tensor, by: int) -> Tensor:
    """Shift right, filling with zeros; torch's own shift repeats the sign."""
    return (value >> by) & ((1 << (64 - by)) - 1)


def factors(device: torch.device) -> Tensor:
    """Return the odd constants of the places in a row, then those of as many rows; a megabyte, made once a device."""
    if device not in _factors:
        _factors[device] = mixed(torch.arange(2 * ROW)).to(device)
    return _factors[device]


def words(tensor: Tensor) -> Tensor:
    """Return a dense tensor's bits as a flat tensor of words: 32 bits each, fewer for small dtypes."""
    flat = tensor.reshape(-1)
    flat = flat.view(torch.uint8) if flat.dtype is torch.bool else flat
    if flat.is_complex():
        flat = torch.view_as_real(flat).reshape(-1)
    return flat.view(_BYTES_TO_WORD[flat.element_size()])


def fingerprint(tensors: Iterable[Tensor]) -> Tensor | None:
    """Return one fingerprint of dense tensors in their order, as an int64 device scalar; None for none.

    Cost: one integer pass.
    """
    found = [_dot(_wide(row), factors(row.device)[: row.numel()]) for row in rows(map(words, tensors))]
    if not found:
        return None
    home = found[0].device
    known = factors(home)[ROW : ROW + len(found)] if len(found) <= ROW else mixed(torch.arange(len(found))).to(home)
    return _dot(torch.stack([one.to(home) for one in found]), known)


def _wide(row: Tensor) -> Tensor:
    return scratch("wide", row.numel(), torch.int64, row.device).copy_(row)


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return torch.dot(left, right) if left.device.type == "cpu" else (left * right).sum()


def per_sample(batch: Tensor, most: int) -> Tensor:
    """Return (N,) fingerprints of the first dimension's samples, each over `most` of its words at fixed even places."""
    flat = batch.reshape(batch.shape[0], -1)
    if flat.shape[1] > most:
        flat = flat[:, torch.arange(most, device=flat.device) * flat.shape[1] // most]
    bits = words(flat.contiguous()).reshape(flat.shape[0], -1).long()
    return (bits * factors(flat.device)[: bits.shape[1]]).sum(1)


def text(number: int) -> str:
    """Return a fingerprint as 16 hex digits."""
    return f"{number & 0xFFFFFFFFFFFFFFFF:016x}"
