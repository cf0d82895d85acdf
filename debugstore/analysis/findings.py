"""Findings: what the diagnoses say of a run, which are less severe for want of an effect, and which explains which.

No row of a diagnosis is `clear`, a signal of its `needs` that the run does not have is `not_applicable`. An effect that
is found is listed under its cause and not beside it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from debugstore.analysis.diagnosis import (
    ALONE,
    COLUMNS,
    PLACE,
    RANK,
    Diagnosis,
    Severity,
    read_diagnoses,
    unknown_diagnosis,
)
from debugstore.analysis.queries import Number, plain, substitute
from debugstore.analysis.ranks import RunRanks
from debugstore.analysis.signals import Signals
from debugstore.errors import ArgumentError, QueryFileError

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Verdict(StrEnum):
    """What a diagnosis says of a run."""

    FOUND = "found"
    CLEAR = "clear"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnosis's answer for a run.

    `first_step`, `last_step` and `count` are of all its rows, `subject`, `observed` and `threshold` of the row shown.
    `ranks` show it and `first_ranks` are those that show it at `first_step`; both are empty where the run has one rank,
    where all show it from the first step on, and where its rows stand for all ranks together.
    `explains` are the codes of the findings it explains away, which are `explained`.
    """

    code: str
    severity: str
    title: str
    message: str
    confidence: str
    first_step: int
    last_step: int
    count: int
    subject: str | None
    observed: float | None
    threshold: float | None
    why: str
    remedy: str
    evidence_sql: str
    ranks: tuple[int, ...] = ()
    first_ranks: tuple[int, ...] = ()
    explains: tuple[str, ...] = ()
    explained: tuple["Finding", ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """What one diagnosis said: the signals it misses where it is not applicable, the thresholds the user changed."""

    code: str
    verdict: str
    missing: tuple[str, ...] = ()
    thresholds: Mapping[str, Number] = field(default_factory=lambda: MappingProxyType({}))


def diagnose(
    connection: "Connection",
    run: int,
    *,
    only: Collection[str] | None = None,
    since_step: int | None = None,
    thresholds: Mapping[str, Number] | None = None,
    diagnoses_dir: Path | None = None,
) -> tuple[tuple[Finding, ...], tuple[Check, ...]]:
    """Ask the diagnoses about a run; return its findings, root causes first, and what every diagnosis said.

    Args:
        only: codes to ask; None asks all.
        since_step: rows before this step are not looked at once a diagnosis has answered.
        thresholds: values by ``code.name``, in place of the defaults.
        diagnoses_dir: a folder of diagnoses of one's own.

    Raises:
        ArgumentError: there is no such code or threshold.
    """
    known = read_diagnoses(diagnoses_dir)
    changed = _thresholds(known, thresholds or {})
    asked = _asked(known, only)
    signals = Signals(connection, run, {need for code in asked for need in known[code].needs})
    ranks = RunRanks(connection, run)
    checks: dict[str, Check] = {}
    found: dict[str, Finding] = {}
    alone: dict[str, Severity] = {}
    for code in asked:
        values = changed.get(code, {})
        missing = signals.missing(known[code].needs)
        finding, worth = (None, None) if missing else _ask(ranks, known[code], values, since_step)
        verdict = Verdict.NOT_APPLICABLE if missing else Verdict.FOUND if finding else Verdict.CLEAR
        checks[code] = Check(code, verdict, missing, MappingProxyType(values))
        if finding is not None:
            found[code] = finding
        if worth is not None:
            alone[code] = worth
    judged = _judge_effects(known, found)
    if only is not None:
        judged = {code: finding for code, finding in judged.items() if code in only}
        checks = {code: check for code, check in checks.items() if code in only}
    dropped = [code for code in checks if checks[code].verdict is Verdict.FOUND and code not in judged]
    checks.update({code: replace(checks[code], verdict=Verdict.CLEAR) for code in dropped})
    return _explain_away(known, judged, alone), tuple(checks[code] for code in sorted(checks))


def number(value: float | None) -> str:
    """Return a number as a person reads it in a sentence: four significant digits."""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _ask(
    ranks: RunRanks, diagnosis: Diagnosis, values: Mapping[str, Number], since_step: int | None
) -> tuple[Finding | None, Severity | None]:
    """Return what a diagnosis finds, None if nothing, and how severe that is alone, None for as the header says."""
    run = ranks.run
    columns, rows = diagnosis.query.fetch(ranks.connection, run=run, **values)
    if columns not in [(*COLUMNS, *more) for more in ((), (RANK,), (ALONE,), (RANK, ALONE))]:
        raise QueryFileError(diagnosis.query.path, f"its columns are {', '.join(COLUMNS)}, got {', '.join(columns)}")
    if since_step is not None:
        rows = [row for row in rows if row[0] >= since_step]
    if not rows:
        return None, None
    step, subject, observed, threshold = map(plain, rows[0][: len(COLUMNS)])
    steps = [row[0] for row in rows]
    of = ranks.told((row[0], row[columns.index(RANK)]) for row in rows if RANK in columns)
    worth = rows[0][columns.index(ALONE)] if ALONE in columns else None
    facts = {
        "step": step,
        "subject": subject,
        "observed": observed,
        "threshold": threshold,
        "first_step": min(steps),
        "last_step": max(steps),
        "count": len(rows),
    }
    names = {**{name: param.default for name, param in diagnosis.query.params.items()}, **values, **facts, "run": run}
    finding = Finding(
        code=diagnosis.code,
        severity=diagnosis.severity,
        title=diagnosis.title,
        message=of.sentence + PLACE.sub(lambda place: str(_shown(facts[place[1]])), diagnosis.message),
        confidence=diagnosis.confidence,
        first_step=facts["first_step"],
        last_step=facts["last_step"],
        count=facts["count"],
        subject=subject,
        observed=observed,
        threshold=threshold,
        why=diagnosis.why,
        remedy=PLACE.sub(lambda place: str(_shown(facts.get(place[1], place[0]))), diagnosis.remedy),
        evidence_sql=substitute(of.of_rows(diagnosis.evidence), names)
        if diagnosis.evidence
        else diagnosis.query.literal(run=run, **values),
        ranks=of.shown,
        first_ranks=of.first,
    )
    return finding, Severity(worth) if worth is not None else None


def _shown(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else "" if value is None else str(value)


def _judge_effects(known: Mapping[str, Diagnosis], found: Mapping[str, Finding]) -> dict[str, Finding]:
    """Lower or drop the findings whose effects are not there; effects first, so that a dropped one is no effect.

    A note does no harm, so it is no effect either.
    """
    judged: dict[str, Finding] = {}
    for code in _effects_first(known, found):
        diagnosis, finding = known[code], found[code]
        effects = [judged[effect] for effect in diagnosis.explains if effect in judged]
        if any(effect.severity != Severity.NOTE and _causes(known, finding, effect) for effect in effects):
            judged[code] = finding
        elif not diagnosis.needs_effect:
            judged[code] = replace(finding, severity=diagnosis.without_effect or diagnosis.severity)
    return judged


def _effects_first(known: Mapping[str, Diagnosis], codes: Iterable[str]) -> list[str]:
    """Return the codes so that each comes after all it explains, but for what it explains only later."""
    done: dict[str, None] = {}

    def visit(code: str, above: tuple[str, ...]) -> None:
        if code in above:
            raise QueryFileError(known[code].query.path, f"it explains itself: {' -> '.join((*above, code))}")
        for effect, later in known[code].explains.items():
            if effect in known and not later:
                visit(effect, (*above, code))
        done[code] = None

    wanted = set(codes)
    for code in sorted(wanted):
        visit(code, ())
    return [code for code in done if code in wanted]


def _causes(known: Mapping[str, Diagnosis], cause: Finding, effect: Finding) -> bool:
    later = known[cause.code].explains.get(effect.code)
    if later is None:
        return False
    if later:
        return cause.first_step < effect.first_step
    return not known[effect.code].of_step or cause.first_step <= effect.first_step


def _explain_away(
    known: Mapping[str, Diagnosis], found: Mapping[str, Finding], alone: Mapping[str, Severity]
) -> tuple[Finding, ...]:
    """Return the findings that nothing explains, worst and root causes first, each with what it explains."""
    severities = list(Severity)

    def place(finding: Finding) -> tuple[int, int, int]:
        return severities.index(Severity(finding.severity)), known[finding.code].rank, finding.first_step

    ordered = sorted(found.values(), key=place)
    effects = {cause.code: [other for other in ordered if _causes(known, cause, other)] for cause in ordered}
    explained = {effect.code for of_one in effects.values() for effect in of_one}
    taken: set[str] = set()

    def below(cause: Finding) -> list[Finding]:
        made = []
        for effect in effects[cause.code]:
            if effect.code not in taken:
                taken.add(effect.code)
                made += [effect, *below(effect)]
        return made

    roots = []
    for root in ordered:
        if root.code not in explained:
            under = tuple(below(root))
            severity = alone.get(root.code, root.severity)
            roots.append(replace(root, severity=severity, explains=tuple(one.code for one in under), explained=under))
    return tuple(sorted(roots, key=place))


def _asked(known: Mapping[str, Diagnosis], only: Collection[str] | None) -> Sequence[str]:
    """Return the codes to ask: those wanted, and the effects that decide how severe they are."""
    if only is None:
        return tuple(known)
    for code in only:
        if code not in known:
            raise unknown_diagnosis(code, known)
    wanted = dict.fromkeys(only)
    for code in list(wanted):
        wanted.update(dict.fromkeys(effect for effect in known[code].explains if effect in known))
    return tuple(wanted)


def _thresholds(known: Mapping[str, Diagnosis], given: Mapping[str, Number]) -> dict[str, dict[str, Number]]:
    """Return the changed thresholds by code."""
    changed: dict[str, dict[str, Number]] = {}
    for key, value in given.items():
        code, _, name = key.partition(".")
        if code not in known:
            raise unknown_diagnosis(code, known, f", as in the threshold '{key}'")
        params = known[code].query.params
        if name not in params:
            raise ArgumentError(f"diagnosis '{code}' has no threshold '{name}': it has {', '.join(params) or 'none'}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ArgumentError(f"threshold '{key}' must be a number, got {value!r}")
        changed.setdefault(code, {})[name] = value
    return changed
