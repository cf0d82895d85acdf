"""Long runs, which are read as digests, part where they do when every row is read."""

from pathlib import Path

import pytest

from debugstore.analysis.compare import compare
from debugstore.analysis.compare.values import Comparison, Level
from debugstore.analysis.digest_rows import Size
from debugstore.store import upkeep
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from tests.support.logs import Run, write_logs

SMALL = Size(exact_steps=100, grid_steps=40, first_events=60, last_events=40, jumps=2, odd_stretches=2)
STEPS = 900
PARTED = 637
"""A step of no grid, far from the ends."""


def falling(step: int) -> float:
    return 0.4 + 2.0 / (1 + step / 100)


def parting(step: int) -> float:
    return falling(step) * (1.01 if step >= PARTED else 1.0)


def dense(run_id: str, **changes: object) -> Run:
    often = {"steps": STEPS, "step_every": 1, "grad_every": 1, "update_every": 5, "loss": falling, "noise": 0.0}
    return Run(run_id, **(often | changes))  # type: ignore[arg-type]


@pytest.fixture
def filled(database: Database, tmp_path: Path) -> Database:
    """Ingest four long runs, on each engine."""
    logs = [
        dense("baseline"),
        dense("again"),
        dense("parted", loss=parting),
        dense("sparse", step_every=3, grad_every=3, loss=parting),
    ]
    ingest(database, write_logs(tmp_path, logs))
    upkeep.vacuum(database)  # PostgreSQL plans a join of tables it knows nothing of as if they were small
    return database


def both(database: Database, other: int) -> tuple[Comparison, Comparison]:
    """Compare a run with the first one, read as digests and whole."""
    with database.read() as connection:
        digest = compare(connection, [1, other], size=SMALL, findings=False)
        return digest, compare(connection, [1, other], all_rows=True, findings=False)


def test_the_first_difference_is_exact(filled: Database) -> None:
    """The step, the component and the fact are those of all rows, and so is how sure it is."""
    digest, whole = both(filled, 3)
    one, other = digest.divergence, whole.divergence
    assert one is not None
    assert other is not None
    assert one.first_step == other.first_step == PARTED
    for name in ("component", "fact", "level", "exact", "last_equal_step", "suspects"):
        assert getattr(one, name) == getattr(other, name), name
    assert any("in all rows" in note for note in digest.notes)


def test_equal_runs_are_said_to_be(filled: Database) -> None:
    """Of two runs that are equal in every row nothing else is said."""
    digest, _ = both(filled, 2)
    assert digest.equal
    assert digest.divergence is not None
    assert digest.divergence.level is Level.IDENTICAL


def test_runs_of_other_cadences_meet_at_common_steps(filled: Database) -> None:
    """What was logged differently is compared at steps of both, and the notes say that not all rows were."""
    digest, _ = both(filled, 4)
    assert digest.divergence is not None
    assert digest.divergence.common_steps > 15
    assert digest.divergence.first_step is not None
    assert digest.divergence.first_step >= PARTED
    assert any("logged differently" in note for note in digest.notes)


def test_the_numbers_are_those_of_all_rows(filled: Database) -> None:
    """Counts, best values and where they were reached are exact."""
    digest, whole = both(filled, 3)
    for one, other in zip(digest.metrics, whole.metrics, strict=True):
        for name in ("num_logged", "first_step", "last_step", "loss_best", "loss_best_step", "total_norm_max"):
            assert getattr(one, name) == pytest.approx(getattr(other, name)), name
        for name in ("total_norm_mean", "update_ratio_mean", "seconds", "loss_final"):
            assert getattr(one, name) == pytest.approx(getattr(other, name)), name
