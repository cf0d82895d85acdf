"""Copies of parameters for the length of a step."""

import gc
from pathlib import Path

import pytest
import torch
from torch import Tensor

from debugstore.logger import copies as module
from debugstore.logger.copies import copies


def tensors() -> list[Tensor]:
    """Return tensors of several dtypes and sizes, an empty one and a scalar among them."""
    torch.manual_seed(3)
    wide = torch.randn(700, 3001)
    half, none, scalar = torch.randn(33, 3).bfloat16(), torch.randn(0, 4), torch.tensor(2.5)
    return [wide, wide[:5].double(), half, none, scalar, wide[0].long()]


@pytest.mark.parametrize("least", [0, 1 << 40])
def test_copies_are_equal_and_their_own(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    """In one block or one by one: the same bits, dtype and shape, and a change of the original does not reach them."""
    monkeypatch.setattr(module, "LEAST_BYTES", least)
    originals = tensors()
    wanted = [tensor.clone() for tensor in originals]
    made = copies(originals)
    for tensor in originals:
        tensor.zero_()
    for copy, want in zip(made, wanted, strict=True):
        assert (copy.dtype, copy.shape) == (want.dtype, want.shape)
        assert torch.equal(copy, want)


def test_what_is_not_in_order_is_copied_as_it_lies() -> None:
    """A tensor whose memory is not in order keeps its strides: what compares bits reads both alike."""
    original = torch.randn(64, 64, 64, 64)[:, :, ::2].transpose(1, 2)
    (copy,) = copies([original])
    assert torch.equal(copy, original)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_the_memory_goes_with_the_last_copy() -> None:
    """A block of large pages is given back when its copies are dropped."""

    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    original = torch.ones(1 << 23)
    copies([original])
    gc.collect()
    before = held()
    made = copies([original])
    assert held() - before > 16 << 20
    del made
    assert held() - before < 8 << 20
