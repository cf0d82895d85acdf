"""Fingerprints: equal bits, equal fingerprint; any change of a bit or of a place, another."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from debugstore.logger import fingerprint as module
from debugstore.logger.fingerprint import fingerprint, mixed, per_sample, text
from debugstore.logger.rows import ALONE, ROW, rows
from tests.support.training import events, small_model, train


def slow(tensors: list[Tensor]) -> int:
    """Compute the fingerprint of float32 tensors in plain Python integers; the small ones must fit one row."""
    small = [word for tensor in tensors if tensor.numel() < ALONE for word in words(tensor)]
    cut = [
        words(tensor)[i : i + ROW]
        for tensor in tensors
        if tensor.numel() >= ALONE
        for i in range(0, tensor.numel(), ROW)
    ]
    place = mixed(torch.arange(ROW)).tolist()
    total = 0
    for row, found in enumerate([*cut, small] if small else cut):
        products = [(word + (word >> 16)) * place[i] % 2**32 for i, word in enumerate(found)]
        upper = [product - 2**32 * (product >> 31) for product in products[1::2]]
        total += (sum(products[::2]) + 2**32 * sum(upper)) * place[row]
    return total & (2**64 - 1)


def words(tensor: Tensor) -> list[int]:
    """Return a float32 tensor's bits as signed integers."""
    numbers: list[int] = tensor.reshape(-1).view(torch.int32).tolist()
    return numbers


def of(*tensors: Tensor) -> str:
    """Return a fingerprint's text."""
    found = fingerprint(tensors)
    assert found is not None
    return text(int(found.tolist()))


def test_it_is_the_sum_that_it_says(tmp_path: Path) -> None:
    """Rows, small tensors put together and large ones cut give what plain integers give."""
    del tmp_path
    tensors = [torch.randn(7), torch.randn(300, 301), torch.randn(()), torch.randn(2, 3)]
    assert int(of(*tensors), 16) == slow(tensors)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 300), st.integers(0, 10**6), st.integers(0, 31))
def test_one_bit_or_two_places_change_it(size: int, seed: int, bit: int) -> None:
    """Flipping any one bit, or exchanging two different words, gives another fingerprint."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(size, generator=generator)
    flipped = values.clone()
    place = seed % size
    flipped.view(torch.int32)[place] ^= (1 << bit) if bit < 31 else -(1 << 31)
    assert of(flipped) != of(values)
    other = (place + 1) % size
    swapped = values.clone()
    swapped[place], swapped[other] = values[other], values[place]
    assert (of(swapped) != of(values)) or bool(values[place] == values[other])


def test_signs_are_seen_however_many_change() -> None:
    """Negating everything, or two entries, or a zero, gives another fingerprint."""
    values = torch.randn(64)
    two = values.clone()
    two[1::2][:2] *= -1
    assert len({of(values), of(-values), of(two)}) == 3
    assert of(torch.zeros(3)) != of(-torch.zeros(3))


def test_neither_shape_nor_threads_nor_memory_layout_matter() -> None:
    """The same numbers in another shape, on more threads or not contiguous have the same fingerprint."""
    values = torch.randn(400, 401)
    known = of(values)
    torch.set_num_threads(2)
    try:
        assert of(values) == known
    finally:
        torch.set_num_threads(1)
    assert of(values.reshape(-1)) == of(values.reshape(401, 400)) == of(values.t().contiguous().t()) == known


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int16, torch.int64, torch.bfloat16, torch.float64, torch.bool, torch.complex64]
)
def test_every_dtype_has_one(dtype: torch.dtype) -> None:
    """Whatever a batch is made of has a fingerprint that tells it from another."""
    values = torch.arange(50) % 2
    assert of(values.to(dtype)) != of((1 - values).to(dtype))


def test_samples_are_told_apart() -> None:
    """Equal samples have equal fingerprints whatever their place, others not, also where only some words are read."""
    batch = torch.randn(5, 3, 200)
    batch[3] = batch[0]
    marks = per_sample(batch, 64).tolist()
    assert marks[0] == marks[3]
    assert len(set(marks)) == 4
    assert per_sample(batch[2:4], 64).tolist() == marks[2:4]


def test_no_random_number_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making the constants leaves the generator as it was."""
    monkeypatch.setattr(module, "_factors", {})
    before = torch.get_rng_state()
    of(torch.randn(3, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(before, torch.get_rng_state())


def test_rows_hold_every_number_once() -> None:
    """Large tensors are cut and not copied, small ones share a row, and no number is lost or doubled."""
    sizes = (5, ROW, 3, 2 * ROW + 1, 0, 9, ALONE, *[ALONE - 1] * 9)
    start = [sum(sizes[:i]) for i in range(len(sizes))]
    flats = [torch.arange(first, first + size) for first, size in zip(start, sizes, strict=True)]
    found = [row.clone() for row in rows(flats)]
    assert max(row.numel() for row in found) <= ROW
    assert len(found) == 1 + 3 + 1 + 2
    assert torch.equal(torch.cat(found).sort().values, torch.arange(sum(sizes)))


def test_two_runs_have_the_same_until_they_part(tmp_path: Path) -> None:
    """Equal seeds give equal fingerprints of batches, gradients and parameters; another weight gives others."""
    logs = [
        train(tmp_path / name, steps=3, model=small_model(seed))[1] for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    fields = [("fit_start", "parameter_fingerprint"), ("training_step", "batch_fingerprint")]
    fields += [("gradient_stats", "gradient_fingerprint"), ("param_updates", "parameter_fingerprint")]
    for kind, field in fields:
        first, same, other = ([line["data"][field] for line in events(log, kind)] for log in logs)
        assert first == same
        assert (first == other) is (field == "batch_fingerprint")
        assert len(set(first)) == len(first)
