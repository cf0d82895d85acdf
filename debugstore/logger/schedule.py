"""When an event is due: the first steps of a segment always, then every so many steps."""

from dataclasses import dataclass

DENSE_STEPS = 5
FINGERPRINT_EVERY = 10
ACTIVATIONS_EVERY = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What one step is asked for.

    `fingerprints` is kept apart from `gradients`: a run that logs its gradients every step takes their fingerprint
    at most every tenth, since it costs more than all other facts of them together.
    """

    step: int
    dense: bool
    steps: bool
    gradients: bool
    updates: bool
    activations: bool
    fingerprints: bool

    @property
    def anything(self) -> bool:
        """Whether any event of this step is due."""
        return self.steps or self.gradients or self.updates


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
        dense = 0 <= step - self.first < DENSE_STEPS
        return Plan(
            step=step,
            dense=dense,
            steps=dense or step % self.step_every == 0,
            gradients=dense or step % self.grad_every == 0,
            updates=dense or step % self.update_every == 0,
            activations=dense or step % max(ACTIVATIONS_EVERY, self.step_every) == 0,
            fingerprints=dense or step % max(FINGERPRINT_EVERY, self.grad_every) == 0,
        )
