"""The figures of a report's cells."""

import pytest

from debugstore.render.report_cells import counted, percent, rate


@pytest.mark.parametrize(
    ("share", "says"),
    [(0.0, "0 %"), (0.0053, "0.53 %"), (0.0999, "10 %"), (0.625, "62.5 %"), (0.999, "99.9 %"), (1, "100 %")],
)
def test_a_share_never_reads_as_a_power_of_ten(share: float, says: str) -> None:
    """A share of all is 100 %, and what is almost all is not."""
    assert percent(share) == says


@pytest.mark.parametrize(("value", "says"), [(0.0, "0"), (0.107, "0.107"), (1.1e-4, "1.1e-04"), (None, "-")])
def test_small_rates_keep_their_digits(value: float | None, says: str) -> None:
    """A learning rate below a thousandth is told with its power of ten."""
    assert rate(value) == says


@pytest.mark.parametrize(("number", "says"), [(12, "12"), (1064704, "1.06 M"), (4.66e8, "466 M"), (3e15, "3e+03 T")])
def test_counts_are_told_in_thousands(number: float, says: str) -> None:
    """A count has three digits and a letter."""
    assert counted(number) == says
