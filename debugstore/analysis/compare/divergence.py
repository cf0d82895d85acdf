"""Where a run parts from another, and which component parted first: from the rows of `facts.sql` to a verdict.

A step goes in causal order: data, learning rate, forward, backward, optimizer; before it stand the config and the
initial weights. The first fact that differs names the component. It is the cause itself only where nothing unlogged
lies before it; where something does, the verdict says between which steps and what else it may be. How it is said is
in `sentences`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from debugstore.analysis.compare.config import KeyDiff
from debugstore.analysis.compare.sentences import tell
from debugstore.analysis.compare.values import Divergence, Level, Metrics, RunLabel, Series
from debugstore.analysis.queries import Row, shipped

if TYPE_CHECKING:
    from sqlalchemy import Connection

STEP_COMPONENTS = ("data", "learning_rate", "forward", "backward", "optimizer")
"""What can part within a step, in causal order; `config` and `init` stand before the first step."""
AT_START = ("weight_sample_norm", "weight_norm")
"""Facts of the weights as the optimizer left them in the steps before."""


@dataclass(frozen=True, slots=True)
class _Fact:
    """A series, and what was logged of it around the step where the runs part."""

    series: Series
    last_step_before: int | None
    at_parting: bool
    common_steps: int


def diverge(
    connection: "Connection",
    baseline: RunLabel,
    run: RunLabel,
    keys: Sequence[KeyDiff],
    metrics: tuple[Metrics, Metrics],
    *,
    rtol: float | None = None,
    atol: float | None = None,
) -> Divergence:
    """Say where `run` parts from `baseline`.

    Args:
        keys: the two runs' set-ups, two values a key.
        metrics: the two runs', for where they begin and end.
        rtol: relative difference up to which numbers are drift; None takes the default of `facts.sql`.
        atol: absolute difference, the same.
    """
    query = shipped("compare")["facts"]
    given = {"rtol": rtol, "atol": atol}
    tolerances = {name: value for name, value in given.items() if value is not None}
    facts = [_fact(row) for row in query.rows(connection, run=baseline.run, other=run.run, **tolerances)]
    made = _judge(facts, [key for key in keys if key.differs and key.is_cause])
    ends = [(one.first_step, one.last_step) for one in metrics]
    made = replace(made, baseline=baseline.run_id, run=run.run_id, same_extent=ends[0] == ends[1])
    return replace(made, sentence=tell(made, (baseline, run), keys, metrics))


def _fact(row: Row) -> _Fact:
    series = Series(
        name=row["fact"],
        component=row["component"],
        common=row["num_common"],
        differing=row["num_differing"],
        first_step=row["first_step"],
        first_rank=row["first_rank"],
        last_equal_step=row["last_equal_step"],
        first_beyond_step=row["first_beyond_step"],
        max_abs_diff=row["max_abs_diff"],
        max_abs_diff_step=row["max_abs_diff_step"],
        max_rel_diff=row["max_rel_diff"],
        max_rel_diff_step=row["max_rel_diff_step"],
    )
    return _Fact(series, row["last_step_before_parting"], row["num_at_parting"] > 0, row["num_common_steps"])


def _judge(facts: Sequence[_Fact], causes: Sequence[KeyDiff]) -> Divergence:
    """Return the verdict of the facts, which come in causal order; the runs' names are not known here."""
    parted = [fact for fact in facts if fact.series.first_step is not None]
    culprit = min(parted, key=lambda fact: fact.series.first_step or 0, default=None)
    beyond = [fact.series.first_beyond_step for fact in facts if fact.series.first_beyond_step is not None]
    logged = [fact for fact in facts if fact.series.component != "init"]
    level = Level.REAL if beyond else Level.DRIFT if culprit else Level.IDENTICAL if logged else Level.UNKNOWN
    around = _Around(facts, culprit) if culprit else None
    exact, suspects = around.bound() if around else (False, ())
    effect = around.component if around else None
    component = "config" if causes and (culprit or level is Level.UNKNOWN) else effect or "none"
    return Divergence(
        baseline="",
        run="",
        level=level,
        component=component,
        effect=effect,
        fact=culprit.series.name if culprit else None,
        first_step=culprit.series.first_step if culprit else None,
        first_rank=culprit.series.first_rank if culprit else None,
        last_equal_step=around.last_equal_step if around else None,
        first_beyond_step=min(beyond, default=None),
        exact=exact,
        suspects=suspects,
        common_steps=max((fact.common_steps for fact in logged), default=0),
        same_extent=True,
        sentence="",
        series=tuple(fact.series for fact in facts),
    )


class _Around:
    """What is known to be equal around the first fact that differs: at its step, and at the step before."""

    def __init__(self, facts: Sequence[_Fact], culprit: _Fact) -> None:
        self.step = culprit.series.first_step or 0
        self.culprit = culprit.series
        self._facts = facts
        before = [fact.last_step_before for fact in facts if fact.last_step_before is not None]
        self.last_equal_step = max(before, default=None)
        at_first = self.culprit.name in AT_START and self._is_start()
        self.component = "init" if at_first else self.culprit.component

    def bound(self) -> tuple[bool, tuple[str, ...]]:
        """Say whether the culprit's component parted at this very step, and which other components may have before."""
        component = self.component
        if component == "init":
            return True, ()
        if component in ("data", "learning_rate"):  # these come from outside: what the weights did is no cause of them
            return self._is_start() or self._adjacent(component), ()
        if self.culprit.name in AT_START:
            unseen = self._unseen_before()
            return unseen == ("optimizer",), tuple(one for one in unseen if one != "optimizer")
        here = [one for one in _inputs(component) if not self._logged(one)]
        if self._weights_equal() or self._shown_equal(component):
            return not here, tuple(here)
        earlier = [one for one in self._unseen_before() if one != component]
        return False, tuple(dict.fromkeys([*earlier, *here]))

    def _is_start(self) -> bool:
        return self.step == 0 or any(fact.at_parting for fact in self._facts if fact.series.component == "init")

    def _logged(self, component: str) -> bool:
        """Whether a fact of a component, which stands before the culprit, was logged by both at this step."""
        return any(fact.at_parting for fact in self._of(component))

    def _adjacent(self, component: str) -> bool:
        return any(fact.last_step_before == self.step - 1 for fact in self._of(component))

    def _of(self, component: str) -> list[_Fact]:
        return [fact for fact in self._facts if fact.series.component == component and fact.series.name not in AT_START]

    def _weights_equal(self) -> bool:
        """Whether the weights are known to be equal when this step begins."""
        for fact in self._facts:
            at_start = fact.series.name in (*AT_START, "initial_parameter_fingerprint") and fact.at_parting
            updated = fact.series.name == "parameter_fingerprint" and fact.last_step_before == self.step - 1
            if at_start or updated:
                return True
        return False

    def _shown_equal(self, component: str) -> bool:
        """Whether what this step computed before the component is equal, as it would not be from other weights."""
        return component in ("backward", "optimizer") and (
            self._logged("forward") or (component == "optimizer" and self._logged("backward"))
        )

    def _unseen_before(self) -> tuple[str, ...]:
        """Return the components that may have parted since the last step where all that was logged is equal."""
        if self.last_equal_step is None:
            return ("init",) if self._is_start() else ("init", *STEP_COMPONENTS)
        if self.last_equal_step < self.step - 1:
            return STEP_COMPONENTS
        return ("optimizer",) if self._adjacent("backward") else ("backward", "optimizer")


def _inputs(component: str) -> tuple[str, ...]:
    """Return what a component is computed from within its step, besides the weights."""
    return {"forward": ("data",), "backward": ("forward",), "optimizer": ("learning_rate", "backward")}[component]
