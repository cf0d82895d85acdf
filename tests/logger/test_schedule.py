"""When what is due, step by step."""

import pytest

from debugstore.logger.schedule import NOTHING, Schedule


def due(schedule: Schedule, last: int, what: str) -> list[int]:
    """Return the steps up to `last` at which something is due."""
    return [step for step in range(last + 1) if getattr(schedule.plan(step), what)]


def test_each_cadence_is_kept_and_the_first_steps_are_dense() -> None:
    """Losses, gradients and updates come at their multiples, and all of them in the first five steps."""
    schedule = Schedule(step_every=10, grad_every=3, update_every=25)
    for what, every in (("steps", 10), ("gradients", 3), ("updates", 25)):
        assert due(schedule, 60, what) == [step for step in range(61) if step < 5 or step % every == 0]


def test_activations_come_at_a_hundred_and_then_rarely() -> None:
    """Windows of four steps end at 100 and at the multiples of 500; each is reported at its end."""
    schedule = Schedule()
    assert due(schedule, 1600, "activations") == [*range(5), 100, 500, 1000, 1500]
    windows = {step: schedule.plan(step).window for step in range(5, 1601) if schedule.plan(step).window is not None}
    assert windows == {end - 3 + place: place for end in (100, 500, 1000, 1500) for place in range(4)}


@pytest.mark.parametrize("cadence", [(10, 10, 50), (7, 3, 11), (1000, 1000, 1000), (1, 1, 1), (400, 30, 99999)])
@pytest.mark.parametrize("first", [0, 3, 98, 1234])
def test_quiet_until_names_the_next_step_that_is_asked_for_something(cadence: tuple[int, ...], first: int) -> None:
    """From any step that nothing is asked of, all before the one named are like it, and that one is not."""
    schedule = Schedule(*cadence)
    asked = [schedule.plan(step) is not NOTHING for step in range(first, first + 1200)]
    for place, busy in enumerate(asked):
        if busy or place > 700:
            continue
        until = schedule.quiet_until(first + place) - first
        assert not any(asked[place : min(until, 1200)])
        assert until >= 1200 or asked[until]
