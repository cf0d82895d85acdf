"""Checkpoints are made while rows are written, and leave the store as it was."""

from pathlib import Path

import pytest

from debugstore.store import checkpoints, sources
from debugstore.store.database import open_database
from debugstore.store.ingest import ingest
from tests.support.content import content
from tests.support.logs import Run

LOG = Run(steps=400)


def test_a_load_with_checkpoints_beside_stores_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A load that copies SQLite's log at every block leaves the same rows, and commits that copy it as before."""
    file = LOG.write(tmp_path / "log.jsonl")
    with open_database(tmp_path / "plain.db", create=True) as database:
        ingest(database, [file])
        expected = content(database)
    monkeypatch.setattr(checkpoints, "_EVERY", 1)
    monkeypatch.setattr(sources, "_BLOCK", 1 << 14)
    copied = []
    copy = checkpoints.Checkpoints._copy
    monkeypatch.setattr(checkpoints.Checkpoints, "_copy", lambda made: copied.append(copy(made)))
    with open_database(tmp_path / "beside.db", create=True) as database:
        assert ingest(database, [file]).new == len(LOG.events())
        assert content(database) == expected
        with database.bare() as connection:
            assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (1000,)
    assert copied
