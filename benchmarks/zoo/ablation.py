"""What each probe is worth: its fields are taken out of the logs, and the causes that collapse are listed.

Which fields a probe writes is not listed by hand: short trainings are logged with the probe switched off, and what is
missing from their logs is its own.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.zoo.answers import Answer, Edit, Event, answers, each_log, events_of
from benchmarks.zoo.run import Job, jobs, train
from benchmarks.zoo.score import Judged, Result
from benchmarks.zoo.training import Training
from debugstore.analysis.diagnosis import read_diagnoses
from debugstore.events.types import EVENT_TYPES
from debugstore.logger.probes import NAMES

Field = tuple[str, str]
"""An event type and a field of it; an empty field is the whole event."""

SAMPLES = (("H-clean", "mlp"), ("H-clean", "regression"), ("H-scaler", "cnn"), ("H-resume", "transformer"))
"""Trainings that between them make every probe write."""


PARTS = {
    "fit_start": "optimizer_groups",
    "epoch_start": "optimizer_groups",
    "gradient_stats": "grad_norms",
    "param_updates": "param_changes",
    "activations": "module_activations",
}
"""The table that holds the parts of an event."""


def fields_of(probe: str, folder: Path) -> frozenset[Field]:
    """Return the fields that are missing when a probe is off."""
    missing: set[Field] = set()
    for case, family in SAMPLES:
        (job,) = jobs([case], [family], 1)
        missing |= _written(job, None, folder) - _written(job, probe, folder)
    whole = {kind for kind, field in missing if not field}
    return frozenset((kind, field) for kind, field in missing if not field or kind not in whole)


def _written(job: Job, without: str | None, folder: Path) -> set[Field]:
    """Return what a training writes, with one probe off."""
    inject = job.case.inject

    def injected(training: Training) -> None:
        inject(training)
        training.steps = 12
        if without is not None:
            training.logger = {**training.logger, "probes": [f"-{without}"]}

    logs = folder / (without or "all")
    altered = replace(job, case=replace(job.case, inject=injected))
    if not altered.folder(logs).exists():
        train(altered, logs)
    events = [event for path in altered.folder(logs).glob("*.jsonl") for event in events_of(path)]
    return {(event["event_type"], field) for event in events for field in ("", *event["data"])}


def without(probe: str, fields: frozenset[Field]) -> Edit:
    """Return the edit that takes a probe's fields out of a log."""

    def change(events: list[Event]) -> list[Event]:
        left = [event for event in events if (event["event_type"], "") not in fields]
        return [{**event, "data": cut(event["event_type"], event["data"])} for event in left]

    def cut(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        marks = {name: mark for name, mark in data.get("nonfinite", {}).items() if (kind, name) not in fields}
        left = {name: value for name, value in data.items() if (kind, name) not in fields}
        return {**left, "nonfinite": marks} if "nonfinite" in left else left

    return Edit(f"without-{probe}", each_log(change))


def readers(fields: frozenset[Field]) -> frozenset[str]:
    """Return the codes of the diagnoses whose query reads one of some fields."""
    words = {field or EVENT_TYPES[kind].table for kind, field in fields}
    words |= {PARTS[kind] for kind, field in fields if not field and kind in PARTS}
    word = re.compile(r"\b(current_)?(" + "|".join(sorted(map(re.escape, words))) + r")\b")
    return frozenset(code for code, one in read_diagnoses().items() if words and word.search(one.query.sql))


def collapses(judged: Iterable[Judged], workers: int) -> dict[str, Counter[tuple[str, str]]]:
    """Return, by probe, the causes found with it that are no longer first without it, and what is first instead.

    Only runs whose cause is named by a diagnosis that reads the probe's fields are asked again.
    """
    named = [one for one in judged if one.result is Result.FIRST and one.job.seed == 0]
    made: dict[str, Counter[tuple[str, str]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        fields = {probe: fields_of(probe, Path(folder)) for probe in NAMES}
    for probe in NAMES:
        touched = readers(fields[probe])
        asked = [one.job for one in named if one.answer.first in touched]
        blind: dict[Job, Answer] = answers(asked, without(probe, fields[probe]), workers)
        made[probe] = Counter(
            (job.case.codes[0], answer.first or "nothing")
            for job, answer in blind.items()
            if answer.first not in job.case.codes
        )
    return made
