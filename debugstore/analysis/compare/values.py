"""What a comparison says, as frozen values; `Comparison.to_dict` is its JSON. Nothing is computed or drawn here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from debugstore.analysis.compare.config import ABSENT, KeyDiff


class Level(StrEnum):
    """How far two runs are apart."""

    IDENTICAL = "identical"
    """Every fact that both logged is equal, bit for bit."""
    DRIFT = "drift"
    """Facts differ, and every number stays within the tolerances."""
    REAL = "real"
    UNKNOWN = "unknown"
    """There is no fact that both logged at the same step."""


class State(StrEnum):
    """What a resume did with one thing: the optimizer's state, the schedule, the data position, the weights."""

    CONTINUED = "continued"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RunLabel:
    """A compared run: its integer and its text id, its name, and `label`, the shortest of them that is its own."""

    run: int
    run_id: str
    name: str | None
    label: str


@dataclass(frozen=True, slots=True)
class Metrics:
    """One run's numbers, of its lowest rank; None where nothing was logged, NaN or infinite where the log says so.

    `last_tenth` are means over the last tenth of the steps, `final` the last logged step's. `loss_area` is the mean
    loss over the steps, by trapezoids. Seconds leave out pauses between segments.
    """

    run: str
    steps: int | None = None
    first_step: int | None = None
    last_step: int | None = None
    num_logged: int = 0
    num_nonfinite_loss: int = 0
    loss_first: float | None = None
    loss_final: float | None = None
    loss_last_tenth: float | None = None
    loss_best: float | None = None
    loss_best_step: int | None = None
    loss_area: float | None = None
    accuracy_final: float | None = None
    accuracy_last_tenth: float | None = None
    accuracy_best: float | None = None
    accuracy_best_step: int | None = None
    validation_loss_final: float | None = None
    validation_loss_best: float | None = None
    validation_loss_best_step: int | None = None
    validation_accuracy_final: float | None = None
    validation_accuracy_best: float | None = None
    validation_accuracy_best_step: int | None = None
    total_norm_mean: float | None = None
    total_norm_max: float | None = None
    num_nonfinite_gradients: int | None = None
    update_ratio_mean: float | None = None
    update_ratio_max: float | None = None
    tokens: float | None = None
    seconds: float | None = None
    step_to_loss: int | None = None
    seconds_to_loss: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One fact that both runs logged, over their common steps; the differences of a fingerprint are None.

    Relative differences are of the larger of the two numbers: 0..2.
    """

    name: str
    component: str
    common: int
    differing: int
    first_step: int | None
    first_rank: int | None
    last_equal_step: int | None
    first_beyond_step: int | None
    max_abs_diff: float | None
    max_abs_diff_step: int | None
    max_rel_diff: float | None
    max_rel_diff_step: int | None


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where a run parts from the baseline, and what parted first.

    The first fact that differs is `fact`, at `first_step`, and shows `effect`, the component it is of. `component` is
    that one too, unless the configs differ in what can be a cause: then it is ``config``. Every fact that both logged
    is equal up to `last_equal_step`. `exact` says that `effect` parted at this very step; otherwise it did since
    `last_equal_step`, and `suspects` are the other components that may have parted unlogged before it.
    `first_beyond_step` is the first step with a number beyond the tolerances. `same_extent` says that the runs begin
    and end at the same steps.
    """

    baseline: str
    run: str
    level: Level
    component: str
    effect: str | None
    fact: str | None
    first_step: int | None
    first_rank: int | None
    last_equal_step: int | None
    first_beyond_step: int | None
    exact: bool
    suspects: tuple[str, ...]
    common_steps: int
    same_extent: bool
    sentence: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class EqualPoint:
    """The runs' numbers side by side at one place of their axis: a step, or the end of a slice of tokens or seconds."""

    at: float
    loss: tuple[float | None, ...]
    total_norm: tuple[float | None, ...] = ()
    update_ratio: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class ParamDiff:
    """One parameter whose gradient norms or update ratios differ between two runs, at the steps where both list it."""

    quantity: str
    name: str
    common: int
    first_step: int
    baseline_mean: float
    run_mean: float
    max_abs_diff: float
    max_rel_diff: float | None


@dataclass(frozen=True, slots=True)
class FindingDiff:
    """A finding that some of the runs have and others have not: `steps` is its first step, by run, where it has it."""

    code: str
    severity: str
    title: str
    steps: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class GroupDiff:
    """One metric of a group of runs against the baseline group's: the difference of the means and its interval.

    `real` is True where the interval leaves zero out, False where it holds it, None where there is none: a group of
    fewer than three runs, a loss that is not finite, or resamples without any spread.
    """

    metric: str
    baseline: str
    group: str
    baseline_runs: tuple[str, ...]
    runs: tuple[str, ...]
    baseline_mean: float
    mean: float
    difference: float
    interval: tuple[float, float] | None
    confidence: float
    real: bool | None


@dataclass(frozen=True, slots=True)
class ResumeState:
    """What a resume did with one thing, and the numbers that say so."""

    thing: str
    state: State
    because: str


@dataclass(frozen=True, slots=True)
class Resume:
    """One resume of a run: the segment before, the one that goes on, and what it took over."""

    rank: int
    old_segment: str
    segment: str
    old_last_step: int
    first_step: int
    loss_before: float | None
    loss_after: float | None
    states: tuple[ResumeState, ...]

    @property
    def continues(self) -> bool:
        return all(state.state is not State.LOST for state in self.states)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs side by side. The first run is the baseline unless another was named.

    With two runs or a few, `divergences` has one for each run but the baseline; with many it is empty, and `notes` say
    so. `curves` are losses in equal slices of `axis`, for drawing.
    """

    runs: tuple[RunLabel, ...]
    baseline: RunLabel
    config: tuple[KeyDiff, ...]
    metrics: tuple[Metrics, ...]
    divergences: tuple[Divergence, ...] = ()
    axis: str = "step"
    reach: float | None = None
    equal_points: tuple[EqualPoint, ...] = ()
    curves: Mapping[str, tuple[float | None, ...]] = field(default_factory=lambda: MappingProxyType({}))
    findings: tuple[FindingDiff, ...] | None = None
    params: tuple[ParamDiff, ...] = ()
    groups: tuple[GroupDiff, ...] = ()
    resumes: tuple[Resume, ...] = ()
    rtol: float | None = None
    atol: float | None = None
    to_loss: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether the runs are equal: bit for bit, or within the tolerances where one was given; and equally long."""
        if self.resumes:
            return all(resume.continues for resume in self.resumes)
        accepted = {Level.IDENTICAL} if self.rtol is None and self.atol is None else {Level.IDENTICAL, Level.DRIFT}
        return bool(self.divergences) and all(part.level in accepted and part.same_extent for part in self.divergences)

    @property
    def divergence(self) -> Divergence | None:
        """The first of the divergences that is one, else the first of all."""
        parted = [part for part in self.divergences if part.level is not Level.IDENTICAL or not part.same_extent]
        return next(iter(parted or self.divergences), None)

    @property
    def verdict(self) -> str:
        """One line: where the first run that parts does so, or that they are equal; or what a resume lost."""
        if self.resumes:
            lost = [(resume, state) for resume in self.resumes for state in resume.states if state.state is State.LOST]
            if not lost:
                return "Every resume continues, as far as was logged."
            resume, state = lost[0]
            return f"The resume at step {resume.first_step} lost its {state.thing}: {state.because}."
        part = self.divergence
        if part is None:
            return "Where the runs part was not asked: there are too many of them."
        return part.sentence if len(self.divergences) == 1 else f"{part.run}: {part.sentence}"

    def to_dict(self, *, all_keys: bool = False) -> dict[str, Any]:
        """Return the JSON of the comparison; a number that is not finite is itself, for the encoder to mark.

        Args:
            all_keys: `config_diff` holds the keys that are equal too.
        """
        return {
            "runs": [asdict(run) for run in self.runs],
            "baseline": self.baseline.run_id,
            "verdict": self.verdict,
            "equal": self.equal,
            "config_diff": [self._key(key) for key in self.config if all_keys or key.differs],
            "metrics": [asdict(metrics) for metrics in self.metrics],
            "findings": None if self.findings is None else [_finding(one) for one in self.findings],
            "divergence": None if self.divergence is None else asdict(self.divergence),
            "divergences": [asdict(part) for part in self.divergences],
            "axis": self.axis,
            "reach": self.reach,
            "equal_points": [asdict(point) for point in self.equal_points],
            "params": [asdict(param) for param in self.params],
            "groups": [asdict(group) for group in self.groups],
            "resumes": [{**asdict(resume), "continues": resume.continues} for resume in self.resumes],
            "notes": list(self.notes),
        }

    def _key(self, key: KeyDiff) -> dict[str, Any]:
        values = {run.run_id: value for run, value in zip(self.runs, key.values, strict=True) if value is not ABSENT}
        return {"section": key.section, "key": key.key, "values": values}


def _finding(one: FindingDiff) -> dict[str, Any]:
    return {"code": one.code, "severity": one.severity, "title": one.title, "steps": dict(one.steps)}
