"""The non-finite rule holds for every value JSON can say."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debugstore.events import mark, unmark
from debugstore.events.nonfinite import KEY

keys = st.text(max_size=6).filter(lambda key: key != KEY)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(keys, values, max_size=5)


def same(left: Any, right: Any) -> bool:
    """Compare with types respected, NaN equal to itself and -0.0 apart from 0.0."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and repr(left) == repr(right)


@given(objects)
def test_a_marked_object_is_strict_json(value: dict[str, Any]) -> None:
    """No NaN or infinity is left after marking."""
    json.dumps(mark(value), allow_nan=False)


@given(objects)
def test_unmark_takes_mark_back(value: dict[str, Any]) -> None:
    """What was marked comes back with its type, sign and payload word."""
    assert same(unmark(mark(value)), value)


@given(st.dictionaries(keys, st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=3), max_size=4))
def test_finite_objects_are_not_copied(value: dict[str, Any]) -> None:
    """The common case costs no copy."""
    assert mark(value) is value


def test_marks_sit_beside_the_value_they_describe() -> None:
    """The form on the line is the documented one."""
    value = {"loss": math.nan, "v": [1.0, math.inf, [-math.inf]], "inner": {"x": math.inf}}
    assert mark(value) == {
        "loss": None,
        "v": [1.0, None, [None]],
        "inner": {"x": None, "nonfinite": {"x": "inf"}},
        "nonfinite": {"loss": "nan", "v": {"1": "inf", "2": {"0": "-inf"}}},
    }


def test_a_mark_that_fits_nothing_is_data() -> None:
    """A user's own key named like the mark is kept as it is."""
    value = {"loss": 1.0, "nonfinite": {"loss": "nan", "gone": "inf"}}
    assert unmark(value) == value
    assert unmark({"nonfinite": 3}) == {"nonfinite": 3}


def test_a_reserved_key_beside_a_nonfinite_number_is_refused() -> None:
    """Two meanings of one key would lose one of them."""
    with pytest.raises(ValueError, match="reserved"):
        mark({"loss": math.nan, "nonfinite": 3})
    with pytest.raises(ValueError, match="object around it"):
        mark([math.nan])
