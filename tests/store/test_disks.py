"""Disks that are full or read-only, real ones: one sentence, nothing half written, and a store that goes on."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from debugstore.errors import ArgumentError, StoreFullError, StoreReadOnlyError
from debugstore.store import upkeep
from debugstore.store.database import open_database
from debugstore.store.ingest import ingest
from tests.support.content import content
from tests.support.logs import Run
from tests.support.stores import ENGINES

LOG = Run(steps=1500, step_every=1, grad_every=1, update_every=1)


def mount(folder: Path, options: str) -> bool:
    """Mount a file system in memory, or mount it anew with other options; say whether that is allowed here."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        allowed = mount(folder, "size=1m")
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(disk: Path, tmp_path: Path) -> None:
    """What was written before stays whole, and the same command goes on when there is space."""
    file, where = LOG.write(tmp_path / "log.jsonl"), disk / "store.db"
    with pytest.raises(StoreFullError, match="no space left"), open_database(where, create=True) as store:
        ingest(store, [file])
    with open_database(where) as store:
        assert upkeep.check(store) == ()
    assert mount(disk, "remount,size=200m")
    with open_database(where) as store, open_database(None) as other:
        ingest(store, [file])
        ingest(other, [file])
        assert upkeep.check(store) == ()
        assert content(store) == content(other)


def test_a_disk_that_is_read_only(disk: Path, tmp_path: Path) -> None:
    """A store on it can be read, refuses to be written in one sentence, and no other can be made there."""
    assert mount(disk, "remount,size=200m")
    file, where = LOG.write(tmp_path / "log.jsonl"), disk / "store.db"
    with open_database(where, create=True) as store:
        ingest(store, [file])
        before = content(store)
    assert mount(disk, "remount,ro")
    with open_database(where, read_only=True) as store:
        assert content(store) == before
    with pytest.raises(StoreReadOnlyError), open_database(where) as store:
        ingest(store, [Run(run_id="other").write(tmp_path / "other.jsonl")])
    with pytest.raises(StoreReadOnlyError), open_database(disk / "new.db", create=True):
        pass


@pytest.mark.parametrize("engine", ENGINES)
def test_a_backup_that_has_no_room(disk: Path, tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> None:
    """A backup to a full or a read-only disk fails in one sentence that names the backup, and leaves nothing there."""
    where = tmp_path / "store.db" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    target = disk / "backup.db"
    with open_database(where, create=True) as store:
        ingest(store, [LOG.write(tmp_path / "log.jsonl")])
        with pytest.raises(StoreFullError, match=re.escape(str(target))):
            upkeep.backup(store, target)
        assert not list(disk.iterdir())
        assert mount(disk, "remount,ro")
        with pytest.raises(StoreReadOnlyError, match=re.escape(str(target))):
            upkeep.backup(store, target)
        with pytest.raises(ArgumentError, match="there is no folder"):
            upkeep.backup(store, tmp_path / "nowhere" / "backup.db")
