"""Whether an injection does harm: the share of the clean training's gain in quality that is left."""

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from statistics import fmean
from typing import Any

from benchmarks.zoo.cases import Case
from benchmarks.zoo.run import Job, jobs, outcome

HARMFUL = 0.9
"""Below this share of the clean gain an injection counts as a fault wherever it is not one by fact."""
HARMLESS = 0.97
"""From this share on it counts as harmless. What lies between is too close to call and is not scored."""


class Effect(StrEnum):
    """What an injection does on a family."""

    FAULT = "fault"
    BORDERLINE = "borderline"
    HARMLESS = "harmless"


Place = tuple[str, str]
"""A case's id and a family."""


def gains(scored: Iterable[Job]) -> dict[Place, float]:
    """Return the share of the clean gain that each case keeps on each family that has a clean run; mean over seeds."""
    clean = _means(jobs(["H-clean"]))
    return {
        (case, family): (quality - prior) / (clean["H-clean", family][0] - clean["H-clean", family][1])
        for (case, family), (quality, prior) in _means(scored).items()
        if ("H-clean", family) in clean
    }


def effect(case: Case, gain: float) -> Effect:
    """Judge a case on a family by the share of the clean gain that it keeps there."""
    if case.by_fact or gain < HARMFUL:
        return Effect.FAULT
    return Effect.HARMLESS if gain >= HARMLESS else Effect.BORDERLINE


def _means(chosen: Iterable[Job]) -> dict[Place, tuple[float, float]]:
    """Return mean quality and prior; a model without an answer has no quality but its prior."""
    found: dict[Place, list[dict[str, Any]]] = defaultdict(list)
    for job in chosen:
        made = outcome(job, stale=True)
        if made is not None:
            found[job.case.id, job.family].append(made)
    return {place: (fmean(map(_quality, made)), made[0]["prior"]) for place, made in found.items()}


def _quality(made: dict[str, Any]) -> float:
    quality, prior = float(made["quality"]), float(made["prior"])
    return quality if quality == quality else prior  # noqa: PLR0124 - NaN: a crash, or outputs that are not finite
