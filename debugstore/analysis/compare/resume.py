"""Whether each resume of a run goes on where the segment before it stopped: optimizer, schedule, data, weights."""

from typing import TYPE_CHECKING

from debugstore.analysis.compare.values import Resume, ResumeState, State
from debugstore.analysis.queries import Row, shipped

if TYPE_CHECKING:
    from sqlalchemy import Connection

RATE_SLACK = 2.0
"""Times faster than before that the learning rate may move over a resume, and still go on: schedules bend."""


def read_resumes(connection: "Connection", run: int) -> tuple[Resume, ...]:
    """Return a run's resumes in order, rank by rank."""
    return tuple(_resume(row) for row in shipped("compare")["resume"].rows(connection, run=run))


def _resume(row: Row) -> Resume:
    return Resume(
        rank=row["rank"],
        old_segment=row["old_key"],
        segment=row["key"],
        old_last_step=row["old_last_step"],
        first_step=row["first_step"],
        loss_before=row["loss_before"],
        loss_after=row["loss_after"],
        states=(_optimizer(row), _schedule(row), _data(row), _weights(row)),
    )


def _optimizer(row: Row) -> ResumeState:
    found, expected = row["optimizer_step_count"], row["expected_step_count"]
    if found is None or expected is None:
        return ResumeState("optimizer", State.UNKNOWN, "the optimizer's step count was not logged")
    if found >= expected - (row["num_skipped_steps"] or 0):
        return ResumeState("optimizer", State.CONTINUED, f"its state has seen {found} steps")
    return ResumeState("optimizer", State.LOST, f"its state has seen {found} steps where {expected} were expected")


def _schedule(row: Row) -> ResumeState:
    rate, before = row["learning_rate"], row["learning_rate_before"]
    common, same = row["num_overlapping_learning_rates"], row["num_same_learning_rates"]
    if common:
        state = State.CONTINUED if same == common else State.LOST
        return ResumeState("schedule", state, f"the learning rate is the same at {same} of {common} steps logged twice")
    if row["scheduler_step_count"] == 0 and row["first_step"] > 0:
        return ResumeState("schedule", State.LOST, "its scheduler has done 0 steps")
    if rate is None or before is None:
        return ResumeState("schedule", State.UNKNOWN, "the learning rate was not logged")
    return _movement(row, rate, before)


def _movement(row: Row, rate: float, before: float) -> ResumeState:
    """Judge a learning rate at the first step by the one before and by how fast it moved."""
    room = RATE_SLACK * (row["learning_rate_pace"] or 0.0) * row["steps_between"]
    told = f"the learning rate goes from {before:.4g} to {rate:.4g}"
    if abs(rate - before) <= max(room, 1e-9 * abs(before)):
        return ResumeState("schedule", State.CONTINUED, told)
    if rate == row["first_learning_rate"]:
        told += ", which is where the run began"
    if rate > before or rate == row["first_learning_rate"]:
        return ResumeState("schedule", State.LOST, told)
    return ResumeState("schedule", State.UNKNOWN, f"{told}, as a schedule in stairs may")


def _data(row: Row) -> ResumeState:
    common, same = row["num_overlapping_batches"], row["num_same_batches"]
    again = row["num_batches_of_first_start"]
    if common:
        state = State.CONTINUED if same == common else State.LOST
        told = f"the batch is the same at {same} of {common} steps logged twice"
        return ResumeState(
            "data", state, f"{told}, and the first batches of the run come again" if again and same < common else told
        )
    if again:
        return ResumeState("data", State.LOST, f"{again} of its first batches are the first of the run")
    return ResumeState("data", State.UNKNOWN, "no step was logged twice, and the run's first batches do not come again")


def _weights(row: Row) -> ResumeState:
    found, old, first = (row[name] for name in _FINGERPRINTS)
    if found is not None and found == old:
        return ResumeState("weights", State.CONTINUED, f"they are those after step {row['first_step'] - 1}")
    if found is not None and found == first:
        return ResumeState("weights", State.LOST, "they are those the run began with")
    if found is not None and old is not None:
        return ResumeState("weights", State.LOST, f"they are not those after step {row['first_step'] - 1}")
    if row["num_same_losses"]:
        return ResumeState("weights", State.CONTINUED, "the loss is the same at a step logged twice")
    return ResumeState(
        "weights", State.UNKNOWN, f"no fingerprint of the weights after step {row['first_step'] - 1} was logged"
    )


_FINGERPRINTS = ("parameter_fingerprint", "old_parameter_fingerprint", "first_parameter_fingerprint")
