"""Fixtures of the analysis tests: the synthetic runs in one store, on each engine."""

from collections.abc import Iterator

import pytest

from debugstore.store.database import Database, open_database
from tests.analysis.fires import FIRES
from tests.analysis.silent import HEALTHY
from tests.analysis.stores import Asked, ask, fill

Synthetic = tuple[Database, dict[str, int]]


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synthetic]:
    """Ingest every synthetic run into SQLite; return the store and the runs' keys by name."""
    with open_database(None) as database:
        yield database, fill(database, tmp_path_factory.mktemp("logs"))


@pytest.fixture(scope="session")
def synthetic_postgres(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synthetic]:
    """The same on PostgreSQL."""
    with open_database(postgres_server, create=True) as database:
        yield database, fill(database, tmp_path_factory.mktemp("logs"))


@pytest.fixture(scope="session")
def answers(synthetic: Synthetic) -> dict[str, Asked]:
    """What every diagnosis says of every synthetic run."""
    database, keys = synthetic
    return {name: ask(database, key) for name, key in keys.items()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a `code` on every diagnosis, what asks for a `regime` on every healthy one."""
    if "code" in metafunc.fixturenames:
        metafunc.parametrize("code", sorted(FIRES))
    if "regime" in metafunc.fixturenames:
        metafunc.parametrize("regime", sorted(HEALTHY))
