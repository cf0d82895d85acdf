"""Real trainings that part: every component is named, at the start and in the middle, on two model families."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from debugstore.analysis.compare import Level
from debugstore.analysis.compare.values import Divergence
from debugstore.store.database import Database, open_database
from debugstore.store.ingest import ingest
from tests.compare.asked import compared
from tests.compare.trainings import FAMILIES, train

COMPONENTS = ("data", "learning_rate", "forward", "backward", "optimizer")


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    """The name of a model family."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def healthy(family: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store in memory with an undisturbed training."""
    folder = tmp_path_factory.mktemp(family)
    train(folder, family, "healthy")
    with open_database(None) as made:
        ingest(made, [folder])
        yield made


def parted(healthy: Database, folder: Path, family: str, changed: str, at: int = 0) -> Divergence:
    """Train with a component made another from a step on, and return where it parts from the undisturbed training."""
    name = f"{changed}-{at}"
    train(folder, family, name, changed, at=at)
    ingest(healthy, [folder])
    return compared(healthy, ["healthy", name], findings=False).divergences[0]


def test_the_same_training_is_bit_identical(healthy: Database, tmp_path: Path, family: str) -> None:
    """A training repeated is equal in every fact, and said to be so."""
    made = parted(healthy, tmp_path, family, "nothing")
    assert made.level is Level.IDENTICAL
    assert made.component == "none"
    assert made.sentence.startswith("Bit-identical")


@pytest.mark.parametrize("component", ["config", "init", *COMPONENTS])
def test_what_parts_at_the_start_is_named(healthy: Database, tmp_path: Path, family: str, component: str) -> None:
    """A component that is another from step 0 on is named, exactly."""
    made = parted(healthy, tmp_path, family, component)
    assert (made.component, made.first_step, made.exact) == (component, 0, True)
    assert made.suspects == ()


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_parts_at_a_logged_step_is_named(healthy: Database, tmp_path: Path, family: str, component: str) -> None:
    """A component that is another from a step of the cadence on is named; the weights show an update's at the next."""
    made = parted(healthy, tmp_path, family, component, at=20)
    assert made.component == component
    assert made.first_step == (30 if component == "optimizer" else 20)
    assert made.exact is (component in ("forward", "backward"))
    assert made.last_equal_step == made.first_step - 10


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_parts_unlogged_is_bounded(healthy: Database, tmp_path: Path, family: str, component: str) -> None:
    """Of what happens between logged steps the verdict says between which, and leaves the true component open."""
    made = parted(healthy, tmp_path, family, component, at=23)
    assert (made.last_equal_step, made.first_step, made.exact) == (20, 30, False)
    assert component in (made.component, *made.suspects)
    assert "between step 20 and step 30" in made.sentence


def test_every_step_logged_names_the_very_step(healthy: Database, tmp_path: Path, family: str) -> None:
    """With everything logged at every step the optimizer is named at the step it parts."""
    every = {"step_every": 1, "grad_every": 1, "update_every": 1}
    for name, changed in (("dense", "nothing"), ("dense-parted", "optimizer")):
        train(tmp_path, family, name, changed, at=13, steps=16, **every)
    ingest(healthy, [tmp_path])
    made = compared(healthy, ["dense", "dense-parted"], findings=False).divergences[0]
    assert (made.component, made.first_step, made.exact) == ("optimizer", 13, True)
