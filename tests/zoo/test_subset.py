"""A fast part of the zoo: real trainings with the real logger, ingested and diagnosed."""

from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the zoo's images and tables ship with scikit-learn")

from benchmarks.zoo import run
from benchmarks.zoo.answers import CUTS, EARLY, FULL, Answer, Edit, ask
from benchmarks.zoo.run import Job, jobs

NAMED = (
    ("W01", "mlp"),
    ("W02", "tabular"),
    ("W09", "mlp"),
    ("W11", "mlp"),
    ("W13", "regression"),
    ("G05", "tabular"),
    ("L01", "mlp"),
    ("L04", "tabular"),
    ("D03", "mlp"),
    ("D07", "regression"),
    ("M01", "mlp"),
    ("M03", "mlp"),
)
EARLY_NAMED = (
    ("W05", "tabular"),
    ("W06", "regression"),
    ("W07", "mlp"),
    ("W08", "mlp"),
    ("W18", "mlp"),
    ("G02", "mlp"),
)
QUIET = (
    ("H-clean", "mlp"),
    ("H-clean", "regression"),
    ("H-clean", "tabular"),
    ("H01", "tabular"),
    ("H03b", "mlp"),
    ("H05", "tabular"),
    ("H21", "mlp"),
    ("H23", "mlp"),
    ("H24", "tabular"),
    ("H14", "mlp"),
    ("H30", "tabular"),
    ("H-resume", "mlp"),
)
GROWING = (("H-clean", "tabular"), ("H-clean", "cnn"), ("H04", "tabular"), ("H21", "lstm"), ("H-resume", "tabular"))
"""Healthy runs of families that no threshold was chosen on."""
ALL = tuple(dict.fromkeys((*NAMED, *EARLY_NAMED, *QUIET, *GROWING)))


def _job(place: tuple[str, str]) -> Job:
    case, family = place
    return next(job for job in jobs([case], [family], 1) if job.case.id == case)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train every run of this file once, in this process."""
    folder = tmp_path_factory.mktemp("zoo")
    for place in ALL:
        run.train(_job(place), folder)
    return folder


@pytest.fixture(scope="module")
def answers(logs: Path) -> dict[tuple[str, str], Answer]:
    """Ask about every run."""
    whole = ask([_job(place) for place in (*NAMED, *QUIET)], FULL, logs)
    cut = ask([_job(place) for place in EARLY_NAMED], EARLY, logs)
    return {(job.case.id, job.family): answer for job, answer in (whole | cut).items()}


@pytest.mark.parametrize("place", NAMED, ids="-".join)
def test_the_cause_is_the_first_finding(answers: dict[tuple[str, str], Answer], place: tuple[str, str]) -> None:
    """The injected cause leads the report."""
    assert answers[place].first in _job(place).case.codes


@pytest.mark.parametrize("place", EARLY_NAMED, ids="-".join)
def test_two_steps_name_wiring_and_order(answers: dict[tuple[str, str], Answer], place: tuple[str, str]) -> None:
    """A fault of wiring or loop order leads the report of a log that ends after two optimizer steps."""
    assert answers[place].first in _job(place).case.codes


@pytest.mark.parametrize("place", QUIET, ids="-".join)
def test_a_healthy_run_has_no_alarm(answers: dict[tuple[str, str], Answer], place: tuple[str, str]) -> None:
    """No finding of a healthy run is more than a note."""
    assert answers[place].alarms == ()


@pytest.mark.parametrize("edit", CUTS, ids=lambda edit: edit.name)
def test_a_healthy_run_has_no_alarm_while_it_runs(logs: Path, edit: Edit) -> None:
    """However early a log of a healthy run is looked at, nothing above a note is said."""
    assert {
        job.run_id: answer.alarms
        for job, answer in ask([_job(place) for place in GROWING], edit, logs).items()
        if answer.alarms
    } == {}


def test_the_logger_changes_no_outcome(tmp_path: Path) -> None:
    """A model's quality is bit for bit the same with the logger and without it."""
    job = _job(("H-clean", "mlp"))
    made = []
    for enabled in (True, False):
        run.train(job, tmp_path / str(enabled), enabled)
        made.append(run.outcome(job, tmp_path / str(enabled)))
    assert made[0] is not None
    assert made[1] is not None
    assert made[0]["quality"] == made[1]["quality"]
