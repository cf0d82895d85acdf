"""The curve: heights in eighths of a line, marks for what is not finite, a logarithm where it is needed."""

import pytest

from debugstore.render.curve import Point, draw


def points(*values: float | None) -> list[Point]:
    return [Point(value, value is None) for value in values]


def test_heights_follow_the_values() -> None:
    """The highest value fills the column, the lowest leaves an eighth, the rest lies between in proportion."""
    made = draw(points(0.0, 1.0, 2.0, 3.0), width=4, height=1)
    assert made is not None
    assert made.lines == ("▁▃▆█",)
    assert (made.lowest, made.highest, made.logarithmic, made.marks) == (0.0, 3.0, False, "")


def test_columns_are_stretched_over_the_width() -> None:
    """Fewer points than columns are drawn wider, never beyond the width."""
    made = draw(points(1.0, 2.0, 3.0), width=11, height=2)
    assert made is not None
    assert len(made.lines) == 2
    assert max(map(len, made.lines)) == 9


def test_what_is_not_finite_is_marked_and_left_blank() -> None:
    """A column without a finite value is empty and has a mark under it."""
    made = draw(points(2.0, None, 1.0), width=3, height=1)
    assert made is not None
    assert made.lines == ("█ ▁",)
    assert made.marks == " ▲"


@pytest.mark.parametrize(("largest", "logarithmic"), [(49.0, False), (51.0, True)])
def test_a_wide_range_is_drawn_by_its_logarithm(largest: float, logarithmic: bool) -> None:
    """From fifty times on the height is the logarithm, so that the small values are still seen."""
    made = draw(points(1.0, largest**0.5, largest), width=3, height=1)
    assert made is not None
    assert made.logarithmic is logarithmic
    assert made.lines[0][1] == ("▅" if logarithmic else "▂")


def test_a_loss_below_zero_has_no_logarithm() -> None:
    """A range that crosses zero is drawn as it is."""
    made = draw(points(-1.0, 100.0), width=2, height=1)
    assert made is not None
    assert not made.logarithmic


def test_equal_values_are_a_line_in_the_middle() -> None:
    """A constant loss is neither high nor low."""
    made = draw(points(1.0, 1.0), width=2, height=1)
    assert made is not None
    assert made.lines == ("▅▅",)


def test_nothing_finite_is_no_curve() -> None:
    """Without a finite value there is nothing to draw."""
    assert draw(points(None, None), width=10, height=3) is None
