"""Logs into a store, and the comparison of runs in it, as the tests ask for them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from debugstore.analysis.compare import Comparison, compare
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from debugstore.store.runs import resolve
from tests.support.logs import Run, write_logs


def stored(database: Database, folder: Path, runs: Iterable[Run]) -> Database:
    """Write the runs' logs and put them into a store."""
    ingest(database, write_logs(folder, runs))
    return database


def compared(database: Database, names: Sequence[str], **options: Any) -> Comparison:
    """Compare runs by name."""
    if "baseline" in options:
        options["baseline"] = _ids(database, [options["baseline"]])[0]
    with database.read() as connection:
        return compare(connection, _ids(database, names), **options)


def _ids(database: Database, names: Sequence[str]) -> list[int]:
    with database.read() as connection:
        return [resolve(connection, name) for name in names]
