"""Which schema a store is at and which one this debugstore needs, without alembic: it is slow to import.

A revision is a file of the migrations folder whose name starts with its number; the last one is what is needed.
"""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from debugstore.errors import NotAStoreError, StoreVersionError

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIGRATIONS = "debugstore_migrations"
_REVISION = re.compile(r"(\d{4})_\w+\.py")


@cache
def migrations_folder() -> Path:
    """Return the folder that the migrations were installed to, without importing them."""
    spec = find_spec(MIGRATIONS)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{MIGRATIONS} is missing: install debugstore again")
    return Path(next(iter(spec.submodule_search_locations)))


@cache
def revisions() -> tuple[str, ...]:
    """Return all revisions, oldest first."""
    found = (_REVISION.fullmatch(path.name) for path in (migrations_folder() / "versions").iterdir())
    return tuple(sorted(name[1] for name in found if name))


def head() -> str:
    """Return the revision that this debugstore works with."""
    return revisions()[-1]


def found_revision(connection: "Connection", where: str) -> str | None:
    """Return the revision a database is at, None where it holds nothing yet.

    Raises:
        NotAStoreError: it holds tables, and not ours.
    """
    from sqlalchemy import inspect, text

    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None or "runs" not in tables:
            return found
    if tables:
        shown = ", ".join(sorted(tables)[:3]) + (", ..." if len(tables) > 3 else "")
        raise NotAStoreError(where, f"a database with other tables ({shown})")
    return None


def check(found: str | None, where: str) -> None:
    """Refuse a store that this debugstore cannot work with.

    Raises:
        StoreVersionError: it is older (the message says how to upgrade it) or newer.
        NotAStoreError: it is an empty database.
    """
    if found is None:
        raise NotAStoreError(where, "an empty database; 'debugstore ingest' makes a store of it")
    check_known(found, where)
    if found != head():
        raise StoreVersionError(where, found, head())


def check_known(found: str, where: str) -> None:
    """Refuse a store that a newer debugstore made.

    Raises:
        StoreVersionError: it is at a revision that this debugstore does not know.
    """
    if found not in revisions():
        raise StoreVersionError(where, found, head(), newer=True)
