"""Diagnoses: named questions whose rows are problems. Reads and checks their files; `findings` asks them.

A diagnosis is one `.sql` file of `sql/diagnoses/` or of a folder of the user's. Its rows are
``step, subject, observed, threshold``; the first row is the one shown. A further column, ``rank``, may say which rank a
row is of, so that a finding names the ranks that show it where not all do. A last one, ``alone``, may say that it is
less severe where nothing explains it: a symptom that heals by itself unless something keeps it. What a diagnosis
`explains` are its effects. Where an effect is tied to its step (`moment: step`) it must not start before its cause; one
named ``later`` must start after it. A diagnosis with `without-effect` is only as severe as it says when one of its
effects is found.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from debugstore.analysis.queries import Query, read_folder, shipped
from debugstore.errors import ArgumentError, QueryFileError

STAGES = (
    "wiring",
    "loop",
    "hyperparameters",
    "precision",
    "data",
    "loss",
    "initialization",
    "model",
    "prior",
    "symptom",
    "generalization",
    "ranks",
    "resume",
    "system",
)
"""Where a fault can lie, root causes first: of two findings neither of which explains the other, the earlier leads."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "not-learning": (
        *("loss-flat", "accuracy-flat", "loss-diverging"),
        *("only-prior-learned", "majority-class-only", "worse-than-guessing"),
    ),
    "not-finite": ("nonfinite-loss", "nonfinite-gradients", "nonfinite-parameters"),
    "unstable": ("loss-spike", "gradient-spike", "exploding-gradients", "loss-diverging"),
}
"""Names that stand for several effects in `explains`."""

_REQUIRED = ("title", "severity", "needs", "why", "remedy")
_OPTIONAL = ("stage", "moment", "confidence", "message", "explains", "without-effect", "silent-on", "evidence")
PLACE = re.compile(r"\{(\w+)\}")
PLACES = frozenset({"step", "subject", "observed", "threshold", "first_step", "last_step", "count"})
COLUMNS = ("step", "subject", "observed", "threshold")
"""Of a diagnosis's rows, in this order."""
RANK = "rank"
"""A fifth column that there may be: the rank whose row it is, NULL where it stands for several."""
ALONE = "alone"
"""A last column that there may be: the severity where no other finding explains it, NULL for that of the header."""


class Severity(StrEnum):
    """How bad a finding is; `error` only where cause and effect are both in the rows."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One diagnosis file, read and checked."""

    code: str
    query: Query
    title: str
    severity: Severity
    without_effect: Severity | None
    needs_effect: bool
    stage: str
    confidence: str
    needs: tuple[str, ...]
    """Signals without which there is no answer; ``a | b`` is satisfied by either."""
    explains: Mapping[str, bool]
    """Effects by code; True where the effect must start later than the cause."""
    of_step: bool
    """Its rows stand for their steps; else for the run."""
    message: str
    why: str
    remedy: str
    silent_on: str
    evidence: str

    @property
    def rank(self) -> int:
        return STAGES.index(self.stage)


def read_diagnosis(query: Query) -> Diagnosis:
    """Read a query file as a diagnosis.

    Raises:
        QueryFileError: the header lacks a key, has one that is not known, or says something that is not possible.
    """
    header = query.header
    for key in _REQUIRED:
        if not header.get(key):
            raise QueryFileError(query.path, f"the header lacks '-- {key}: ...'")
    unknown = sorted(set(header) - {*_REQUIRED, *_OPTIONAL})
    if unknown:
        raise QueryFileError(query.path, f"the header has no key '{unknown[0]}': {', '.join(_REQUIRED + _OPTIONAL)}")
    undeclared = sorted(query.names - {*query.params, "run"})
    if undeclared:
        raise QueryFileError(query.path, f"the query binds :{undeclared[0]}, which no '-- param:' declares")
    message = header.get("message", "{observed}, expected {threshold}")
    wrong = sorted(set(PLACE.findall(message)) - PLACES)
    if wrong:
        raise QueryFileError(query.path, f"the message has no place '{wrong[0]}': {', '.join(sorted(PLACES))}")
    without = header.get("without-effect")
    return Diagnosis(
        code=query.name,
        query=query,
        title=header["title"],
        severity=_one_of(query, "severity", header["severity"], Severity),
        without_effect=None if without in (None, "clear") else _one_of(query, "without-effect", str(without), Severity),
        needs_effect=without == "clear",
        stage=_one_of(query, "stage", header.get("stage", "symptom"), STAGES),
        confidence=_one_of(query, "confidence", header.get("confidence", "likely"), ("certain", "likely", "possible")),
        needs=_names(header["needs"]),
        explains=MappingProxyType(dict(_effects(header.get("explains", "")))),
        of_step=_one_of(query, "moment", header.get("moment", "run"), ("run", "step")) == "step",
        message=message,
        why=header["why"],
        remedy=header["remedy"],
        silent_on=header.get("silent-on", ""),
        evidence=header.get("evidence", ""),
    )


def read_diagnoses(folder: Path | None = None) -> Mapping[str, Diagnosis]:
    """Return the shipped diagnoses by code, with those of `folder`; one of the same name takes its place."""
    files = {**shipped("diagnoses"), **(read_folder(folder) if folder is not None else {})}
    return MappingProxyType({code: read_diagnosis(query) for code, query in files.items()})


def unknown_diagnosis(code: str, known: Iterable[str], where: str = "") -> ArgumentError:
    """Return the error of a code that names no diagnosis: with those that are near, else with where all are listed."""
    near = difflib.get_close_matches(code, list(known), n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "'debugstore sql --list' lists them all"
    return ArgumentError(f"no diagnosis named '{code}'{where}; {hint}")


def _effects(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the effects that a header names, groups spelt out, and whether each must start later."""
    for name in _names(text):
        effect = name.removeprefix("later ")
        for code in GROUPS.get(effect, (effect,)):
            yield code, name != effect


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _one_of(query: Query, key: str, value: str, choices: Iterable[Any]) -> Any:
    for choice in choices:
        if choice == value:
            return choice
    raise QueryFileError(query.path, f"'{key}' is one of {', '.join(choices)}, got '{value}'")
