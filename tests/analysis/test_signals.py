"""A signal is found wherever in a run it is: in its first rows, in its last, or as the mark of a value not finite."""

import math
from pathlib import Path

import pytest

from debugstore.analysis.signals import SAMPLE_ROWS, Signals
from debugstore.errors import QueryError
from debugstore.store import runs
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from tests.support.logs import Run

STEPS = 4 * SAMPLE_ROWS
NAMES = ("steps.loss", "steps.accuracy", "steps.loss_scale", "steps.input_std", "steps.label_entropy")


def late(value: float | None) -> object:
    """Return what a field is: nothing but in the last tenth of the steps."""
    return lambda step: value if step > 0.9 * STEPS else None


def signals(database: Database, folder: Path, **fields: object) -> Signals:
    """Return the signals of a run of which these fields are bent."""
    always = {"accuracy": lambda _: None, "loss_scale": lambda _: None, "input_std": lambda _: None}
    always["label_entropy"] = lambda _: None
    bend = {"training_step": {**always, **fields}}
    other = Run("other", steps=STEPS, step_every=1, bend={"training_step": {"loss_scale": lambda _: 2.0}})
    run = Run("asked", steps=STEPS, step_every=1, bend=bend)
    ingest(database, [other.write(folder / "other.jsonl"), run.write(folder / "asked.jsonl")])
    with database.read() as connection:
        return Signals(connection, runs.resolve(connection, "asked"), NAMES)


def test_values_are_found_in_the_first_rows_and_in_the_last(database: Database, tmp_path: Path) -> None:
    """What only another run has is missing."""
    found = signals(database, tmp_path, accuracy=late(0.5))
    assert found.missing(NAMES) == ("steps.loss_scale", "steps.input_std", "steps.label_entropy")
    assert found.missing(("steps.loss_scale | steps.accuracy",)) == ()


@pytest.mark.parametrize("first", [True, False])
def test_a_mark_is_a_signal(database: Database, tmp_path: Path, first: bool) -> None:
    """A column that is NaN or infinite whenever it is there has no value, and is a signal all the same."""
    fields = {"label_entropy": math.nan, "loss_scale": math.inf}
    found = signals(
        database, tmp_path, **{name: (lambda _, v=v: v) if first else late(v) for name, v in fields.items()}
    )
    assert found.missing(NAMES) == ("steps.accuracy", "steps.input_std")


@pytest.mark.parametrize("name", ["steps.lost", "stairs.loss"])
def test_a_signal_that_no_store_has(memory: Database, name: str) -> None:
    """It is a mistake of the diagnosis that asks for it."""
    with memory.read() as connection, pytest.raises(QueryError, match="no signal"):
        Signals(connection, 1, [name])
