"""When an event is due: the first steps of a segment always, then every so many steps."""

from dataclasses import dataclass
from typing import NamedTuple

DENSE_STEPS = 5
FINGERPRINT_EVERY = 500
SETTLED = 100
ACTIVATIONS_EVERY = 500
ACTIVATIONS_WINDOW = 4


class Plan(NamedTuple):
    """What one step is asked for.

    `window` is the place of the step in a window of steps whose activations are looked at together, None outside;
    `activations` says that the window is reported: at its end, and at each of the first steps. What tells little
    between is asked rarer than the event it belongs to: `close` is a `training_step` that also describes the form of
    the outputs, as often as updates are looked at, half as often after step 100; fingerprints come at most every 500
    steps, since the bits of norms tell as much at the others.
    """

    step: int
    first: int  # of the segment
    steps: bool
    close: bool
    gradients: bool
    gradient_fingerprint: bool
    updates: bool
    parameter_fingerprint: bool
    window: int | None
    activations: bool

    @property
    def anything(self) -> bool:
        """Whether any event of this step is due after its start."""
        return self.steps or self.gradients or self.updates


NOTHING = Plan(-1, 0, False, False, False, False, False, False, None, False)
"""What most steps are asked for; its step is nobody's."""


@dataclass(slots=True)
class Schedule:
    """Cadences, in steps. `first` is the first step of the segment, known when it begins."""

    step_every: int = 10
    grad_every: int = 10
    update_every: int = 50
    first: int | None = None

    def plan(self, step: int) -> Plan:
        """Return what step number `step` is asked for; the first call fixes where the dense steps begin."""
        if self.first is None:
            self.first = step
        return self.coming(step)

    def coming(self, step: int) -> Plan:
        """Return what a step to come would be asked for; before the first, it is taken for the first.

        Of nine steps in ten nothing is asked: they share one plan.
        """
        first = step if self.first is None else self.first
        dense = 0 <= step - first < DENSE_STEPS
        end = _window_end(step)
        window = step - first if dense else step - (end - ACTIVATIONS_WINDOW + 1)
        steps, gradients, updates = (
            dense or step % every == 0 for every in (self.step_every, self.grad_every, self.update_every)
        )
        if window < 0 and not (steps or gradients or updates):
            return NOTHING
        return Plan(
            step=step,
            first=first,
            steps=steps,
            close=dense
            or (steps and _first_of(step, self.step_every, self.update_every * (1 if step <= SETTLED else 2))),
            gradients=gradients,
            gradient_fingerprint=dense or (gradients and _first_of(step, self.grad_every, FINGERPRINT_EVERY)),
            updates=updates,
            parameter_fingerprint=dense or (updates and _first_of(step, self.update_every, FINGERPRINT_EVERY)),
            window=window if window >= 0 else None,
            activations=dense or step == end,
        )

    def in_window(self, step: int) -> bool:
        """Whether a step to come is one of those whose activations are looked at."""
        first = step if self.first is None else self.first
        return 0 <= step - first < DENSE_STEPS or _window_end(step) - step < ACTIVATIONS_WINDOW

    def quiet_until(self, step: int) -> int:
        """Return the first step after `step`, one that is asked for nothing, that is asked for something."""
        every = (self.step_every, self.grad_every, self.update_every)
        return min(_window_end(step) - ACTIVATIONS_WINDOW + 1, *(step + n - step % n for n in every))


def _first_of(step: int, every: int, rarely: int) -> bool:
    """Whether a multiple of `every` is the first one at or after a multiple of `rarely`."""
    return step % max(rarely, every) < every


def _window_end(step: int) -> int:
    """Return the last step of the window that `step` lies in or that comes next: 100, then multiples of 500."""
    return SETTLED if step <= SETTLED else -(-step // ACTIVATIONS_EVERY) * ACTIVATIONS_EVERY
