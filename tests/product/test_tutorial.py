"""The tutorial prints what it says it prints."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def replay() -> Any:
    """The script that runs a tutorial's commands."""
    spec = importlib.util.spec_from_file_location("replay", ROOT / "docs" / "replay.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tutorial_prints_what_it_says(replay: Any) -> None:
    """Every command of the page, run for real in a new folder, prints the words that stand below it."""
    page = replay.PAGE.read_text("utf-8")
    assert replay.differences(page, replay.replayed(page)) == []


def test_another_word_is_a_difference(replay: Any) -> None:
    """The comparison sees words and their order, and does not see numbers and drawings."""
    page = replay.PAGE.read_text("utf-8")
    assert replay.differences(page, page.replace("4.635", "4.701").replace("█", "▁")) == []
    assert replay.differences(page, page.replace("double-softmax", "loss-flat"))
