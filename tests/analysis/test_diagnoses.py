"""Every diagnosis: it is documented, finds its fault, leaves the look-alikes alone, says when it cannot know."""

import re

import pytest

from debugstore.analysis import adhoc
from debugstore.analysis.diagnosis import GROUPS, Severity, read_diagnoses
from debugstore.store.schema import metadata
from tests.analysis.conftest import Synthetic
from tests.analysis.fires import FIRES
from tests.analysis.silent import HEALTHY, SILENT
from tests.analysis.stores import Asked, ask

KNOWN = read_diagnoses()

CAUSE_AND_EFFECT = {
    "zero-initialization": ("num_zero_params", "num_zero_grad"),
    "resume-lost-weights": ("start_step", "loss"),
    "optimizer-eps-too-large": ("eps", "update_norm"),
    "loss-negative": ("cross_entropy", "loss"),
}
"""What the rows of an error that is only likely are made of."""

LATER_ROOTS = {"majority-class-only": "only-prior-learned"}
"""Symptoms whose own run cannot but show a cause."""


def test_every_diagnosis_has_a_case() -> None:
    """No diagnosis ships without a run that it must find."""
    assert set(FIRES) == set(KNOWN)
    assert set(SILENT) <= set(KNOWN)


def test_it_is_found(code: str, answers: dict[str, Asked]) -> None:
    """A run with the fault has the finding, as the first one or under the one that explains it."""
    answer = answers[f"fires {code}"]
    assert answer.checks[code].verdict == "found"
    assert answer.findings[0].code == LATER_ROOTS.get(code, code)
    assert code in answer.listed


@pytest.mark.parametrize(("code_of", "name"), [(code, name) for code in SILENT for name in SILENT[code]])
def test_a_look_alike_is_clear(code_of: str, name: str, answers: dict[str, Asked]) -> None:
    """What only looks like the fault, or stays just under the threshold, is not found."""
    assert answers[f"silent {code_of} {name}"].checks[code_of].verdict != "found"


def test_a_healthy_run_has_no_alarm(regime: str, answers: dict[str, Asked]) -> None:
    """On a healthy regime nothing above a note is said."""
    assert answers[f"healthy {regime}"].alarms == []


def test_a_signal_that_is_missing_is_named(code: str, answers: dict[str, Asked]) -> None:
    """On a log of the loss alone a diagnosis answers if that is all it needs, else it names what it misses."""
    check = answers["healthy the loss alone"].checks[code]
    assert (check.verdict == "not_applicable") == bool(check.missing)
    if check.missing:
        assert set(check.missing) <= set(KNOWN[code].needs)


def test_it_is_documented(code: str) -> None:
    """The header says in whole sentences what, why and what to do, and gives a reason for every threshold."""
    diagnosis = KNOWN[code]
    assert diagnosis.title[0].isupper()
    assert not diagnosis.title.endswith(".")
    for sentence in (diagnosis.why, diagnosis.remedy):
        assert sentence[0].isupper()
        assert sentence[-1] in ".`)"
    for param in diagnosis.query.params.values():
        assert len(param.reason) > 8, param.name


def test_an_error_has_seen_its_effect(code: str) -> None:
    """An error that is only likely is less without an effect, or its rows hold both; a certain one is the harm."""
    diagnosis = KNOWN[code]
    if diagnosis.severity is Severity.ERROR and diagnosis.without_effect is None and not diagnosis.needs_effect:
        words = set(re.findall(r"\w+", diagnosis.query.sql))
        assert diagnosis.confidence == "certain" or set(CAUSE_AND_EFFECT[code]) <= words


def test_its_signals_are_columns(code: str) -> None:
    """What it needs exists in the store."""
    for several in KNOWN[code].needs:
        for need in several.split("|"):
            table, _, column = need.strip().partition(".")
            assert column in metadata.tables[table].c


def test_what_it_explains_exists(code: str) -> None:
    """An effect is a diagnosis, and no group hides a wrong name."""
    assert set(KNOWN[code].explains) <= set(KNOWN)
    assert {effect for group in GROUPS.values() for effect in group} <= set(KNOWN)


def test_the_evidence_runs_as_printed(code: str, synthetic: Synthetic, answers: dict[str, Asked]) -> None:
    """The SQL of a finding runs without a parameter and shows rows."""
    database, _ = synthetic
    found = {root.code: root for root in answers[f"fires {code}"].findings}
    found |= {effect.code: effect for root in found.values() for effect in root.explained}
    sql = found[code].evidence_sql
    assert not re.search(r"(?<![:\w]):[a-z]", sql)
    with database.read() as connection:
        assert adhoc.ask(connection, sql).rows


def test_both_engines_agree(code: str, synthetic: Synthetic, synthetic_postgres: Synthetic) -> None:
    """The same rows give the same finding on SQLite and on PostgreSQL."""
    name = f"fires {code}"
    here, there = (ask(database, keys[name], only=[code]) for database, keys in (synthetic, synthetic_postgres))
    assert here.checks == there.checks
    assert len(here.findings) == len(there.findings) == 1
    one, other = here.findings[0], there.findings[0]
    assert one.message == other.message
    assert (one.severity, one.first_step, one.last_step, one.count) == (
        other.severity,
        other.first_step,
        other.last_step,
        other.count,
    )


def test_healthy_runs_agree_on_both_engines(synthetic: Synthetic, synthetic_postgres: Synthetic) -> None:
    """Every diagnosis answers on PostgreSQL too, and says the same of healthy runs."""
    for regime in HEALTHY:
        name = f"healthy {regime}"
        here, there = (ask(database, keys[name]) for database, keys in (synthetic, synthetic_postgres))
        assert here.checks == there.checks
