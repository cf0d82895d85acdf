"""The score: each answer judged against its case, and the sums that the page prints."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.zoo.answers import Answer
from benchmarks.zoo.effects import Effect, Place, effect
from benchmarks.zoo.families import TUNING
from benchmarks.zoo.run import Job
from debugstore.analysis.diagnosis import read_diagnoses

PAIRS: tuple[tuple[str, ...], ...] = (
    ("W01", "W02"),
    ("W05", "W15"),
    ("W06", "W07", "W08", "W09"),
    ("W10", "W13", "W32"),
    ("W11", "M03", "D05"),
    ("G02", "G13", "W03"),
    ("L01", "D04"),
    ("D04", "D06", "D10", "M01", "M04"),
    ("R02", "R03", "R04"),
    ("S04", "S04b"),
)
"""Faults that look alike on curves."""


class Result(StrEnum):
    """How an answer to a fault was."""

    FIRST = "first"
    """The cause is the first finding."""
    LISTED = "listed"
    """The cause is shown, another finding comes first."""
    SYMPTOM = "symptom only"
    ABSTAINED = "nothing found"
    FALSE_CAUSE = "another cause"


@dataclass(frozen=True)
class Judged:
    """An answer and what it is worth."""

    job: Job
    answer: Answer
    effect: Effect
    result: Result

    @property
    def tuned(self) -> bool:
        """Whether thresholds may have been chosen on this family."""
        return self.job.family in TUNING

    @property
    def quiet(self) -> bool:
        """Whether nothing more than a note was found; what no log can show may have its symptoms named."""
        return not (causes(self.answer) if self.job.case.kind == "invisible" else self.answer.alarms)


def judge(job: Job, answer: Answer, gains: Mapping[Place, float]) -> Judged:
    """Judge the answer to one job."""
    gain = gains.get((job.case.id, job.family), 0.0)
    return Judged(job, answer, effect(job.case, gain), _result(job.case.codes, answer))


def _result(codes: tuple[str, ...], answer: Answer) -> Result:
    if answer.first in codes:
        return Result.FIRST
    if answer.listed & set(codes):
        return Result.LISTED
    if not answer.alarms:
        return Result.ABSTAINED
    return Result.FALSE_CAUSE if causes(answer) else Result.SYMPTOM


SYMPTOMS = frozenset({"prior", "symptom", "generalization"})
"""Stages whose findings say what happens and not why."""


def causes(answer: Answer) -> list[str]:
    """Return the codes of the findings, more than notes, that name a cause."""
    known = read_diagnoses()
    return [code for code in answer.alarms if known[code].stage not in SYMPTOMS]


def faults(judged: Iterable[Judged]) -> list[Judged]:
    """Return the answers to injections that do harm, or are faults by fact."""
    return [one for one in judged if one.job.case.kind == "fault" and one.effect is Effect.FAULT]


def to_leave_alone(judged: Iterable[Judged]) -> list[Judged]:
    """Return the answers that must be quiet: healthy regimes, harmless injections, what no log can show."""
    return [
        one
        for one in judged
        if one.job.case.kind in {"healthy", "invisible"}
        or (one.job.case.kind == "fault" and one.effect is Effect.HARMLESS)
    ]


def results(judged: Iterable[Judged]) -> Counter[Result]:
    """Count the results."""
    return Counter(one.result for one in judged)


def share(part: int, whole: int) -> float:
    """Return a share of a count; of nothing it is 0."""
    return part / whole if whole else 0.0


def confusion(judged: Iterable[Judged]) -> Counter[tuple[str, str]]:
    """Count expected code against the first found, where they differ."""
    return Counter(
        (one.job.case.codes[0], one.answer.first or "nothing") for one in judged if one.result is not Result.FIRST
    )


def told_apart(judged: Iterable[Judged], group: tuple[str, ...]) -> tuple[int, int]:
    """Return how many answers to a group of look-alikes are right, and their number; a healthy member must be quiet."""
    members = [one for one in judged if one.job.case.id in group]
    wrong = faults(members)
    healthy = [one for one in members if one.job.case.kind == "healthy"]
    right = sum(one.result is Result.FIRST for one in wrong) + sum(one.quiet for one in healthy)
    return right, len(wrong) + len(healthy)
