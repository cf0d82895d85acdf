"""What differs between configs: keys, types, and which of them can be a cause."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debugstore.analysis.compare.config import ABSENT, KeyDiff, diff, flat, same

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.", max_size=3), inner, max_size=3),
    max_leaves=12,
)


def differing(a: Any, b: Any) -> dict[str, tuple[Any, ...]]:
    """Return the keys that differ between two configs."""
    return {key.key: key.values for key in diff("config", [flat(a), flat(b)]) if key.differs}


@pytest.mark.parametrize(
    ("left", "right"),
    [(1, 1.0), (1, "1"), (1, True), (0, False), (None, "null"), (0.0, None), ([1], [1.0]), ({"a": 1}, {"a": True})],
)
def test_values_of_another_type_differ(left: Any, right: Any) -> None:
    """1 is not 1.0, not "1" and not true."""
    assert not same(left, right)


def test_absent_is_not_null() -> None:
    """A key without a value is not a key with the value null."""
    assert differing({"a": None}, {}) == {"a": (None, ABSENT)}


def test_nested_keys_are_dotted() -> None:
    """Objects, and lists of objects, are told key by key; any other list is one value."""
    a = {"model": {"width": 8, "layers": [{"heads": 2}, {"heads": 4}]}, "betas": [0.9, 0.99]}
    b = {"model": {"width": 9, "layers": [{"heads": 2}, {"heads": 5}]}, "betas": [0.9, 0.95]}
    assert differing(a, b) == {
        "model.width": (8, 9),
        "model.layers.1.heads": (4, 5),
        "betas": ([0.9, 0.99], [0.9, 0.95]),
    }


def test_an_empty_object_is_a_value() -> None:
    """A key that holds an empty object differs from no such key."""
    assert differing({"extra": {}}, {}) == {"extra": ({}, ABSENT)}


def test_a_marked_number_is_itself() -> None:
    """A NaN of a log, marked because JSON has none, equals itself and differs from null."""
    nan = {"clip": None, "nonfinite": {"clip": "nan"}}
    assert differing(nan, nan) == {}
    assert list(differing(nan, {"clip": None})) == ["clip"]


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_a_config_never_differs_from_itself(config: dict[str, Any]) -> None:
    """The diff of anything with itself is empty."""
    assert differing(config, config) == {}


@pytest.mark.parametrize(
    "key", ["log_dir", "saving_path", "run_name", "debug_log_dir", "output-dir", "log.every", "tags"]
)
def test_where_results_go_is_no_cause(key: str) -> None:
    """A key that names where results go is shown and not blamed."""
    assert not KeyDiff("config", key, ("a", "b")).is_cause


@pytest.mark.parametrize(
    "key", ["lr", "data_path", "metapath", "name", "path", "batch_size", "save_data", "model.name"]
)
def test_what_trains_is_a_cause(key: str) -> None:
    """A key with any other word in it may have made the training another."""
    assert KeyDiff("config", key, ("a", "b")).is_cause


def test_the_machine_and_the_logged_rate_are_no_cause() -> None:
    """The environment differs between any two machines, and the learning rate is followed step by step."""
    assert not KeyDiff("environment", "host", ("a", "b")).is_cause
    assert not KeyDiff("optimizer", "0.lr", (0.1, 0.2)).is_cause
    assert KeyDiff("optimizer", "0.weight_decay", (0.1, 0.2)).is_cause
