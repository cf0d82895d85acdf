"""What the diagnoses say of the zoo's logs: as they are, cut short, at the default cadence, or without a probe.

Logs are ingested into stores of many runs, and each run is reported on. Answers are kept in
`.benchmarks/zoo/answers` until the log or the code that reads it changes.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import debugstore
from benchmarks.zoo.parallel import each
from benchmarks.zoo.run import LOGS, ROOT, Job, digest, outcome
from debugstore.analysis.findings import Finding
from debugstore.events import EVENT_TYPES
from debugstore.events.types import close_fields
from debugstore.logger.schedule import Schedule

ANSWERS = ROOT / ".benchmarks" / "zoo" / "answers"
STORE_RUNS = 60
"""Runs in one store: making a store costs as much as ingesting five of them."""
Event = dict[str, Any]
Logs = list[list[Event]]
"""A run's logs, one of each rank and segment."""


@dataclass(frozen=True)
class Edit:
    """A change to a run's logs before they are ingested, under a name that its answers are kept by."""

    name: str
    change: Callable[[Logs], Logs]


@dataclass(frozen=True)
class Found:
    """One finding, and the codes that it explains."""

    code: str
    severity: str
    explains: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A run's findings, root causes first."""

    findings: tuple[Found, ...]

    @property
    def first(self) -> str | None:
        """The code of the first finding."""
        return self.findings[0].code if self.findings else None

    @property
    def alarms(self) -> tuple[str, ...]:
        """Codes of the findings that are more than a note."""
        return tuple(found.code for found in self.findings if found.severity != "note")

    @property
    def listed(self) -> frozenset[str]:
        """Every code that the report shows, those explained away included."""
        return frozenset(code for found in self.findings for code in (found.code, *found.explains))


def each_log(change: Callable[[list[Event]], list[Event]]) -> Callable[[Logs], Logs]:
    """Return the change that does the same to each log."""
    return lambda logs: [change(events) for events in logs]


def _first_two_steps(events: list[Event]) -> list[Event]:
    return [event for event in events if event["step"] < 2 and event["event_type"] != "fit_end"]


def _cut(percent: int) -> Edit:
    """Return the edit that leaves what was written in the first part of a run's events, over ranks and segments."""

    def change(logs: Logs) -> Logs:
        moments = sorted(event["timestamp"] for events in logs for event in events)
        last = moments[len(moments) * percent // 100]
        return [[event for event in events if event["timestamp"] < last] for events in logs]

    return Edit(f"cut-{percent}", change)


_DEFAULT = {"training_step": 10, "loop": 10, "gradient_stats": 10, "param_updates": 50}


def _at_default_cadence(events: list[Event]) -> list[Event]:
    """Drop what the default cadence would not have written, and let `fit_start` say that cadence."""
    start = events[0]
    first = start["step"]
    says = {**start["data"], "step_every": 10, "grad_every": 10, "update_every": 50}
    kept = [
        event
        for event in events[1:]
        if event["step"] < first + 5 or event["step"] % _DEFAULT.get(event["event_type"], 1) == 0
    ]
    return [{**start, "data": says}, *(_as_often(event, first) for event in kept)]


def _as_often(event: Event, first: int) -> Event:
    """Leave out the fields that only close steps have, if this is none."""
    kind = EVENT_TYPES.get(event["event_type"])
    if kind is None or Schedule(first=first).coming(event["step"]).close:
        return event
    rare = close_fields(kind)
    return {**event, "data": {key: value for key, value in event["data"].items() if key not in rare}}


FULL = Edit("full", lambda logs: logs)
EARLY = Edit("early", each_log(_first_two_steps))
"""What two optimizer steps left."""
SPARSE = Edit("sparse", each_log(_at_default_cadence))
"""What the logger's default cadence would have written."""
CUTS = tuple(_cut(percent) for percent in (10, 25, 50, 75))
"""What a training has written when a part of it is done."""


@cache
def _reader() -> str:
    """Return a digest of the code that reads logs."""
    package = Path(debugstore.__file__).parent
    return digest(package / "analysis", package / "store", package / "events", package / "sql")


def answers(jobs: Iterable[Job], edit: Edit = FULL, workers: int = 2) -> dict[Job, Answer]:
    """Return the answer to each job that has a log."""
    wanted = list(jobs)
    missing = [job for job in wanted if _kept(job, edit) is None]
    if missing:
        ask(missing[:1])  # in this process first: the forks inherit what it imports and compiles
    parts = [missing[first : first + STORE_RUNS] for first in range(0, len(missing), STORE_RUNS)]
    for _ in each(partial(_answer, edit=edit), parts, workers):
        pass
    made = {job: _kept(job, edit) for job in wanted}
    return {job: answer for job, answer in made.items() if answer is not None}


def _path(job: Job, edit: Edit) -> Path:
    return ANSWERS / _reader() / edit.name / f"{job.run_id}.json"


def _of(job: Job) -> str | None:
    """Return the version of the log that an answer is about."""
    made = outcome(job, stale=True)
    return made["version"] if made else None


def _kept(job: Job, edit: Edit) -> Answer | None:
    """Return the answer that was kept, if nothing has changed since."""
    path = _path(job, edit)
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    if kept["of"] != _of(job):
        return None
    return Answer(tuple(Found(code, severity, tuple(explains)) for code, severity, explains in kept["findings"]))


def _answer(jobs: Sequence[Job], edit: Edit) -> None:
    """Ask about some runs and keep the answers."""
    for job, answer in ask(jobs, edit).items():
        rows = [(found.code, found.severity, found.explains) for found in answer.findings]
        _path(job, edit).parent.mkdir(parents=True, exist_ok=True)
        _path(job, edit).write_text(json.dumps({"of": _of(job), "findings": rows}))


def ask(jobs: Sequence[Job], edit: Edit = FULL, logs: Path = LOGS) -> dict[Job, Answer]:
    """Ingest the logs of some jobs into one store and report on each run."""
    with tempfile.TemporaryDirectory() as folder, debugstore.open_store(Path(folder) / "zoo.db") as store:
        store.ingest([path for job in jobs for path in _edited(job, edit, logs, Path(folder))])
        return {job: _read(store.report(job.run_id).findings) for job in jobs}


def _read(findings: Iterable[Finding]) -> Answer:
    return Answer(tuple(Found(one.code, str(one.severity), tuple(one.explains)) for one in findings))


def _edited(job: Job, edit: Edit, logs: Path, folder: Path) -> list[Path]:
    """Return a job's logs, edited copies of them unless they are wanted as they are."""
    written = sorted(job.folder(logs).glob("*.jsonl"))
    if edit is FULL:
        return written
    (folder / job.run_id).mkdir(exist_ok=True)
    made = []
    for path, events in zip(written, edit.change([events_of(path) for path in written]), strict=True):
        copy = folder / job.run_id / path.name
        copy.write_text("".join(json.dumps(event) + "\n" for event in events))
        made += [copy] if events else []
    return made


def events_of(path: Path) -> list[Event]:
    """Return the events of a log."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]
