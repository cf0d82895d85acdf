"""A store is opened, made, refused: each with one clear sentence."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import event

from debugstore.errors import (
    ArgumentError,
    NotAStoreError,
    StoreBusyError,
    StoreFailedError,
    StoreFullError,
    StoreNotFoundError,
    StoreReadOnlyError,
    StoreVersionError,
)
from debugstore.store import upkeep, versions, views
from debugstore.store.database import Database, open_database
from debugstore.store.ingest import ingest
from debugstore.store.upgrade import config
from tests.support.content import content
from tests.support.logs import Run

LOG = Run(steps=40)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Do as a user who may write nothing that is not theirs: permissions do not bind root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that other users can read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_a_store_is_made_once(store_url: str) -> None:
    """It is not there until something is to be written; then it is, at the newest schema."""
    if "://" not in store_url:
        with pytest.raises(StoreNotFoundError, match="no store at"):
            open_database(store_url)
    with open_database(store_url, create=True) as made:
        assert made.upgrade() == (versions.head(), versions.head())
    with open_database(store_url) as again:
        assert upkeep.check(again) == ()


def test_a_store_that_only_reads_refuses_writes(store_url: str, tmp_path: Path) -> None:
    """Opened read-only, a store can be read and not changed, on each engine."""
    with open_database(store_url, create=True) as made:
        ingest(made, [LOG.write(tmp_path / "log.jsonl")])
        before = content(made)
    with open_database(store_url, read_only=True) as store:
        assert content(store) == before
        with pytest.raises(StoreReadOnlyError, match="cannot be written"), store.write() as connection:
            connection.exec_driver_sql("DELETE FROM steps")


def text_file(path: Path) -> str:
    path.write_text("not a database")
    return "a file that is no SQLite database"


def empty_file(path: Path) -> str:
    path.touch()
    return "an empty file"


def folder(path: Path) -> str:
    path.mkdir()
    return "a folder"


def other_database(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    return "a database with other tables (theirs)"


@pytest.mark.parametrize("make", [text_file, empty_file, folder, other_database])
def test_what_is_no_store_is_left_alone(tmp_path: Path, make: Callable[[Path], str]) -> None:
    """Something else at that path is named, and not changed."""
    path = tmp_path / "store.db"
    said = make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(NotAStoreError) as caught:
        open_database(path)
    assert str(caught.value) == f"{path} is not a debugstore: {said}"
    assert before is None or path.read_bytes() == before


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """A file that was only reserved may be used."""
    path = tmp_path / "store.db"
    path.touch()
    with open_database(path, create=True) as made:
        assert upkeep.check(made) == ()


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    """A store is not made in a folder that is not there."""
    with pytest.raises(StoreNotFoundError, match=r"there is no folder \S+$"):
        open_database(tmp_path / "missing" / "store.db", create=True)


def test_no_url_is_no_url() -> None:
    """What can be neither a path nor a URL is a wrong argument."""
    with pytest.raises(ArgumentError, match="no path and no database URL"):
        open_database("://")


def test_a_server_that_is_not_there_is_said_without_its_password() -> None:
    """The message names the server as it was given, and hides the password."""
    with pytest.raises(StoreFailedError) as caught:
        open_database("postgresql://me:secret@127.0.0.1:1/db")
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_old_store_names_the_command_that_upgrades_it(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of an older schema is refused; one of a newer schema too, and that is no matter of upgrading it."""
    open_database(store_url, create=True).close()
    newest = versions.head()
    monkeypatch.setattr(versions, "revisions", lambda: (newest, "9998"))
    with pytest.raises(StoreVersionError, match=f"is at schema {newest}, this debugstore needs 9998: run 'debugstore"):
        open_database(store_url, create=True)
    monkeypatch.setattr(versions, "revisions", lambda: ("0000",))
    with pytest.raises(StoreVersionError, match="needs 0000: upgrade debugstore"):
        open_database(store_url)


def test_a_locked_store_is_said(tmp_path: Path) -> None:
    """A store that another process holds for longer than the wait is busy; nothing is half written."""
    where = tmp_path / "store.db"
    with open_database(where, create=True, busy_seconds=0.1) as store:
        with closing(sqlite3.connect(where, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusyError, match=r"stayed locked by another process for 0\.1 s"):
                ingest(store, [LOG.write(tmp_path / "log.jsonl")])
            assert content(store, "runs")["runs"] == []
        assert ingest(store, [tmp_path / "log.jsonl"]).new == len(LOG.events())


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """What was written before stays, nothing is half written, and the same command goes on when there is space."""
    long = Run(steps=6000, step_every=1, grad_every=1, update_every=1)
    file = long.write(tmp_path / "log.jsonl")
    pages = ["100", "1000000"]
    with open_database(tmp_path / "store.db", create=True) as store:
        event.listen(store.engine, "connect", lambda made, _: made.execute(f"PRAGMA max_page_count = {pages[0]}"))
        store.engine.dispose()
        with pytest.raises(StoreFullError, match="no space left for store"):
            ingest(store, [file])
        assert upkeep.check(store) == ()
        pages.pop(0)
        store.engine.dispose()
        ingest(store, [file])
        found = content(store)
    with open_database(None) as other:
        ingest(other, [file])
        assert content(other) == found


def test_a_file_that_may_not_be_written_is_said(open_folder: Path) -> None:
    """A store of another user is read, and not written, in one sentence."""
    where = open_folder / "store.db"
    with open_database(where, create=True) as made:
        ingest(made, [LOG.write(open_folder / "log.jsonl")])
    other = Run(run_id="other").write(open_folder / "other.jsonl")
    with unprivileged():
        with open_database(where, read_only=True) as store:
            assert upkeep.check(store) == ()
        with pytest.raises(StoreReadOnlyError), open_database(where, create=True) as store:
            ingest(store, [other])
        with pytest.raises(StoreReadOnlyError), open_database(open_folder / "new.db", create=True):
            pass


def test_processes_may_make_a_store_at_once(store_url: str, tmp_path: Path) -> None:
    """Several processes that find no store all succeed, and one store has all their runs."""
    script = (
        "import sys; from debugstore.store.database import open_database; from debugstore.store.ingest import ingest\n"
        "sys.stdin.read()\n"
        "with open_database(sys.argv[1], create=True) as store: ingest(store, [sys.argv[2]])"
    )
    files = [Run(run_id=f"run{number}", steps=20).write(tmp_path / f"{number}.jsonl") for number in range(4)]
    started = [
        subprocess.Popen([sys.executable, "-c", script, store_url, str(file)], stdin=subprocess.PIPE) for file in files
    ]
    for process in started:
        process.stdin.close()  # type: ignore[union-attr]
    assert [process.wait(60) for process in started] == [0] * 4
    with open_database(store_url) as store:
        assert upkeep.check(store) == ()
        assert len(content(store, "runs")["runs"]) == 4


def test_processes_may_upgrade_a_store_at_once(store_url: str, tmp_path: Path) -> None:
    """Several processes that find a store of the first schema all succeed, and none of its rows is lost."""
    with open_database(store_url, create=True) as store:
        ingest(store, [LOG.write(tmp_path / "log.jsonl")])
        before = content(store, "steps", "runs")
    with open_database(store_url, any_version=True) as store, store.write() as connection:
        views.drop(connection)
        command.downgrade(config(connection), versions.revisions()[0])
    script = (
        "import sys; from debugstore.store.database import open_database\n"
        "sys.stdin.read()\n"
        "with open_database(sys.argv[1], any_version=True) as store: store.upgrade()"
    )
    started = [subprocess.Popen([sys.executable, "-c", script, store_url], stdin=subprocess.PIPE) for _ in range(3)]
    for process in started:
        process.stdin.close()  # type: ignore[union-attr]
    assert [process.wait(60) for process in started] == [0] * 3
    with open_database(store_url) as store:
        assert {name: len(rows) for name, rows in content(store, "steps", "runs").items()} == {
            name: len(rows) for name, rows in before.items()
        }
        assert ingest(store, [tmp_path / "log.jsonl"]).known == len(LOG.events())


def test_reading_imports_no_alembic(tmp_path: Path) -> None:
    """Alembic is slow to import; what only reads a store does without."""
    open_database(tmp_path / "store.db", create=True).close()
    script = (
        "import sys; from debugstore.store.database import open_database; from debugstore.store.runs import list_runs\n"
        "with open_database(sys.argv[1]) as store, store.read() as connection: list_runs(connection)\n"
        "print(sorted({'alembic', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "store.db")], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


def test_a_store_in_memory_is_like_one_on_file(memory: Database, tmp_path: Path) -> None:
    """The tables made at once are those that the migrations make, to the word."""

    def tables(database: Database) -> set[tuple[str, str]]:
        query = "SELECT name, sql FROM sqlite_schema WHERE name <> 'alembic_version' AND sql IS NOT NULL"
        with database.read() as connection:
            return {(name, " ".join(sql.split())) for name, sql in connection.exec_driver_sql(query)}

    with open_database(tmp_path / "store.db", create=True) as store:
        assert {name for name, _ in tables(store)} == {name for name, _ in tables(memory)}
