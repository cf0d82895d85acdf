"""The place of the largest number of each row, against `argmax`."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from debugstore.logger.largest import FEWEST, largest
from debugstore.logger.rows import ROW

VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-40, 3e38, float("inf"), float("-inf"), float("nan")])


@given(st.data(), st.integers(1, 5), st.integers(FEWEST - 1, FEWEST + 2))
def test_it_is_argmax_whatever_the_numbers(data: st.DataObject, num_rows: int, size: int) -> None:
    """Ties, zeros of either sign, infinities and NaN: the first largest, as `argmax` says."""
    row = st.lists(VALUES, min_size=size, max_size=size)
    values = torch.tensor(data.draw(st.lists(row, min_size=num_rows, max_size=num_rows)))
    assert largest(values, 1).tolist() == values.argmax(1).tolist()


@pytest.mark.parametrize(
    ("shape", "dim"),
    [((700, 1000), 1), ((3, 40, 64), 2), ((3, 64, 40), 1), ((2, ROW), 1), ((2, ROW + 1), 1), ((64,), 0), ((0, 64), 1)],
)
@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16])
def test_it_is_argmax_whatever_the_shape(shape: tuple[int, ...], dim: int, kind: torch.dtype) -> None:
    """Blocks of rows, other dimensions, other dtypes, no rows, rows longer than a block."""
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(kind)
    for given_values in (values, _strided(values)):
        assert largest(given_values, dim).tolist() == values.argmax(dim).reshape(-1).tolist()


def _strided(values: Tensor) -> Tensor:
    """Return the same numbers in memory that is not in order."""
    return values.transpose(0, -1).contiguous().transpose(0, -1)
