"""Conditions on runs: what they mean, what they refuse."""

from pathlib import Path
from typing import Any

import pytest

from debugstore.analysis.compare.select import condition, key_reader, select_runs
from debugstore.analysis.compare.setups import SECTIONS, RunSetup
from debugstore.errors import ArgumentError
from debugstore.store.database import Database
from tests.compare.asked import stored
from tests.support.logs import Run


def setup(**config: Any) -> RunSetup:
    """Return a run's set-up with this config."""
    sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    sections["config"] = config
    sections["optimizer"] = {"0.weight_decay": 0.01}
    return RunSetup(1, "run-1", "base", "completed", ("sweep", "night"), sections)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("config.lr > 1e-4", True),
        ("config.lr == 0.001", True),
        ("config.lr > 1e-4 and config.seed == 1", False),
        ("config.lr > 1 or not config.amp", True),
        ("1e-4 < config.lr <= 0.001", True),
        ("config.model.width == 64", True),
        ('config["model.width"] != 64', False),
        ("config.depth == 3.0", True),
        ("config.depth == true", False),
        ("config.amp == false", True),
        ("config.note == null", True),
        ('config.name in ["a", "b"]', True),
        ('"base" in name', True),
        ('tags == "night"', True),
        ('"sweep" in tags and "day" not in tags', True),
        ('optimizer["0.weight_decay"] < -0.5', False),
        ("config.seed > -1", True),
    ],
)
def test_a_condition_means_what_it_says(text: str, fits: bool) -> None:
    """Comparisons, their joints, dotted keys, flags, tags and the run's own names."""
    run = setup(lr=1e-3, seed=0, amp=False, depth=3, note=None, name="a", **{"model.width": 64})
    assert condition(text)(run) is fits


@pytest.mark.parametrize("text", ["config.gone > 1", "config.gone != 1", "config.gone == null", "config.gone in [1]"])
def test_an_absent_key_fits_nothing(text: str) -> None:
    """A run without the key is in no answer, whatever is asked of the key."""
    assert not condition(text)(setup())


def test_texts_and_numbers_have_no_order() -> None:
    """A comparison across types is false, not an error: runs of a store have all kinds of configs."""
    assert not condition("config.lr > 1")(setup(lr="2"))
    assert not condition('config.lr > "1"')(setup(lr=2))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "config.lr.__class__() > 1",
        "[x for x in config]",
        "config.lr > (lambda: 1)()",
        "(1).__class__ == 2",
        "config[1:2] == 3",
        "loss < 2",
        "config",
        "config.lr >",
        "config.lr = 1",
        "",
        "not " * 5000 + "config.a",
        "(" * 3000 + "1" + ")" * 3000,
        "f'{config}' == 'a'",
        "config.lr ** 2 > 1",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """What is no comparison of keys and values is one clear error, and nothing of it runs."""
    with pytest.raises(ArgumentError) as raised:
        condition(text)
    assert "\n" not in str(raised.value)


def test_a_name_without_comparison_is_a_flag() -> None:
    """A key alone asks whether it is true."""
    assert condition("config.amp")(setup(amp=True))
    assert not condition("config.amp")(setup(amp=1))


def test_a_key_is_read_from_a_set_up() -> None:
    """The key of a group is read like the key of a condition."""
    assert key_reader("config.lr")(setup(lr=3)) == 3
    assert key_reader("name")(setup()) == "base"
    with pytest.raises(ArgumentError, match="is no key"):
        key_reader("config.")


def test_runs_are_selected(database: Database, tmp_path: Path) -> None:
    """The runs that fit come in the order they came, on each engine."""
    stored(database, tmp_path, [Run(f"r{rate}", steps=5, peak_lr=rate) for rate in (1e-4, 1e-3, 1e-2)])
    with database.read() as connection:
        assert len(select_runs(connection)) == 3
        assert select_runs(connection, where="config.lr >= 0.001") == select_runs(connection)[1:]
        assert select_runs(connection, tag="nothing") == ()
