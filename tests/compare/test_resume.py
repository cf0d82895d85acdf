"""Whether a resumed run goes on where it stopped: each way of losing something is told from going on."""

from pathlib import Path
from typing import Any

import pytest

from debugstore.analysis.compare import State
from debugstore.analysis.compare.values import Comparison
from debugstore.errors import ArgumentError
from debugstore.store.database import Database
from tests.compare.asked import compared, stored
from tests.support.logs import ABSENT, Run

WHOLE = Run("a", steps=120)


def resumed(memory: Database, folder: Path, at: int = 60, first_steps: int = 60, **second: Any) -> Comparison:
    """Compare a run of two segments with itself."""
    first = Run("a", steps=first_steps, planned_steps=120, segment="s0", status=None)
    settings = {"start_step": at, "steps": 120 - at, "planned_steps": 120, "segment": "s1", "started_at": 1.8e9}
    stored(memory, folder, [first, Run("a", **{**settings, **second})])
    return compared(memory, ["a"])


def states(made: Comparison) -> dict[str, State]:
    """Return what the one resume did with each thing."""
    (resume,) = made.resumes
    return {state.thing: state.state for state in resume.states}


def test_a_resume_with_everything_goes_on(memory: Database, tmp_path: Path) -> None:
    """Steps logged twice are equal, the optimizer has seen its steps: the run continues."""
    made = resumed(memory, tmp_path, at=50)
    assert states(made)["optimizer"] is State.CONTINUED
    assert states(made)["schedule"] is State.CONTINUED
    assert states(made)["data"] is State.CONTINUED
    assert states(made)["weights"] is State.CONTINUED
    assert made.equal


def test_weights_are_those_after_the_last_update(memory: Database, tmp_path: Path) -> None:
    """A fingerprint at the start that is that after the step before proves the weights."""
    (resume,) = resumed(memory, tmp_path, at=51, first_steps=51).resumes
    weights = resume.states[-1]
    assert (weights.state, weights.because) == (State.CONTINUED, "they are those after step 50")


@pytest.mark.parametrize(
    ("thing", "bend", "because"),
    [
        ("optimizer", {"fit_start": {"optimizer_step_count": 0}}, "seen 0 steps where 50 were expected"),
        ("schedule", {"training_step": {"learning_rate": 0.001}}, "same at 0 of 1 steps logged twice"),
        ("data", {"training_step": {"batch_fingerprint": "00"}}, "same at 0 of 1 steps logged twice"),
        (
            "weights",
            {"fit_start": {"parameter_fingerprint": WHOLE.events()[0]["data"]["parameter_fingerprint"]}},
            "began",
        ),
    ],
)
def test_what_is_lost_is_named(
    memory: Database, tmp_path: Path, thing: str, bend: dict[str, Any], because: str
) -> None:
    """Each thing a resume can lose is named alone."""
    made = resumed(memory, tmp_path, at=50, bend=bend)
    (resume,) = made.resumes
    lost = {state.thing: state.because for state in resume.states if state.state is State.LOST}
    assert list(lost) == [thing]
    assert because in lost[thing]
    assert made.verdict.startswith(f"The resume at step 50 lost its {thing}: ")
    assert not made.equal


def test_batches_from_the_beginning_are_told(memory: Database, tmp_path: Path) -> None:
    """A resume whose first batches are the run's first begins its data anew."""
    fingerprints = {
        event["step"]: event["data"]["batch_fingerprint"]
        for event in WHOLE.events()
        if event["event_type"] == "training_step"
    }
    bend = {"training_step": {"batch_fingerprint": lambda step: fingerprints.get(step - 60, "00")}}
    made = resumed(memory, tmp_path, bend=bend)
    assert states(made)["data"] is State.LOST


def test_a_schedule_that_goes_on_is_told_without_common_steps(memory: Database, tmp_path: Path) -> None:
    """A learning rate that goes on as it went is a schedule that does."""
    assert states(resumed(memory, tmp_path))["schedule"] is State.CONTINUED


def test_a_warm_up_done_again_is_a_lost_schedule(memory: Database, tmp_path: Path) -> None:
    """A learning rate that goes back to where the run began is a lost schedule."""
    assert states(resumed(memory, tmp_path, learning_rate=lambda step: 1e-3 * (step - 60)))["schedule"] is State.LOST


def test_what_was_not_logged_is_unknown(memory: Database, tmp_path: Path) -> None:
    """Without the facts nothing is claimed."""
    bare = {
        "fit_start": {"optimizer_step_count": ABSENT, "parameter_fingerprint": ABSENT},
        "training_step": {"batch_fingerprint": ABSENT, "learning_rate": ABSENT},
    }
    made = resumed(memory, tmp_path, bend=bare)
    assert set(states(made).values()) == {State.UNKNOWN}


def test_a_run_never_resumed_has_nothing_to_compare(memory: Database, tmp_path: Path) -> None:
    """One run of one segment is refused with what to do."""
    stored(memory, tmp_path, [WHOLE])
    with pytest.raises(ArgumentError, match="'a' was never resumed: name another run"):
        compared(memory, ["a"])
