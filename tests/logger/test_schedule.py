"""When what is due, step by step."""

from pathlib import Path

import pytest

from debugstore.events import EVENT_TYPES
from debugstore.events.types import close_fields
from debugstore.logger.schedule import NOTHING, Schedule
from tests.support.training import events, train


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
    assert [step for step in range(1601) if schedule.in_window(step)] == [*range(5), *windows]


@pytest.mark.parametrize(
    ("cadence", "close", "gradient_fingerprint", "parameter_fingerprint"),
    [
        ((10, 10, 50), (50, *range(100, 1201, 100)), (500, 1000), (500, 1000)),
        (
            (7, 1, 50),
            (56, 105, *(-(-step // 7) * 7 for step in range(200, 1200, 100))),
            (500, 1000),
            (500, 1000),
        ),
        ((100, 300, 30), range(100, 1201, 100), (600, 1200), (510, 1020)),
    ],
)
def test_what_tells_little_between_is_asked_rarer(
    cadence: tuple[int, ...], close: range, gradient_fingerprint: range, parameter_fingerprint: range
) -> None:
    """Close steps come as often as updates, fingerprints every 500 steps, each at the next step of its event."""
    schedule = Schedule(*cadence)
    for what, steps in (
        ("close", close),
        ("gradient_fingerprint", gradient_fingerprint),
        ("parameter_fingerprint", parameter_fingerprint),
    ):
        assert due(schedule, 1202, what) == [*range(5), *steps], what


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


def test_close_fields_come_at_close_steps_alone(tmp_path: Path) -> None:
    """What the contract says of a field's moment is what the log holds: the other fields come at every logged step."""
    _, lines = train(tmp_path, steps=31, step_every=5, grad_every=5, update_every=10)
    for event_type in ("training_step", "gradient_stats"):
        found = {line["step"]: line["data"].keys() for line in events(lines, event_type)}
        close = {step: keys for step, keys in found.items() if step < 5 or step % 10 == 0}
        others = {step: keys for step, keys in found.items() if step not in close}
        rare = set.union(*map(set, close.values())) - set.union(*map(set, others.values()))
        said = close_fields(EVENT_TYPES[event_type])
        assert said & set.intersection(*map(set, close.values())) == said & rare
        assert rare - said <= {"max_grad", "min_grad", "gradient_fingerprint"}
        assert set.union(*map(set, others.values())).isdisjoint(said)
        assert len(others) == 3
