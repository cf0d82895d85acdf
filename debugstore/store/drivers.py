"""What the database drivers say, as errors of ours; and how each engine is set up."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from debugstore.errors import (
    MissingExtraError,
    NotAStoreError,
    StoreBusyError,
    StoreError,
    StoreFailedError,
    StoreFullError,
    StoreReadOnlyError,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

BUSY_SECONDS = 60.0
"""How long a write waits for another process's; eight writers at once need a few seconds each."""

_PAGE_BYTES = 8192
"""Page of a new SQLite file: half as many are split as of the usual 4096, a third of the time of narrow rows."""

_CACHE_KIB = 16_384

SERVERS = ("postgres", "postgresql")
"""How a URL names the database servers that can keep a store."""

_DISK_FULL = "53100"
_BUSY = {"55P03", "40P01", "40001"}
_READ_ONLY = {"25006", "42501"}


@contextmanager
def translated(where: str, seconds: float = BUSY_SECONDS) -> Iterator[None]:
    """Turn a driver's error into the one of ours that says what to do."""
    try:
        yield
    except DBAPIError as error:
        raise _meaning(error.orig, where, seconds) from error
    except sqlite3.Error as error:
        raise _meaning(error, where, seconds) from error
    except Exception as error:
        if type(error).__module__.split(".")[0] != "psycopg":
            raise
        raise _meaning(error, where, seconds) from error


def _meaning(error: BaseException | None, where: str, seconds: float) -> StoreError:
    if isinstance(error, sqlite3.Error):
        return _meaning_sqlite(error, where, seconds)
    state = getattr(error, "sqlstate", None)
    if state == _DISK_FULL:
        return StoreFullError(where)
    if state in _READ_ONLY:
        return StoreReadOnlyError(where)
    if state in _BUSY:
        return StoreBusyError(where, seconds)
    return StoreFailedError(where, str(error))


def _meaning_sqlite(error: sqlite3.Error, where: str, seconds: float) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusyError(where, seconds)
    if code == sqlite3.SQLITE_FULL:
        return StoreFullError(where)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return StoreReadOnlyError(where)
    if code == sqlite3.SQLITE_NOTADB:
        return NotAStoreError(where, "not an SQLite database")
    if code == sqlite3.SQLITE_CORRUPT:
        return NotAStoreError(where, "the file is damaged: bring back a backup, or ingest the logs into a new store")
    return StoreFailedError(where, str(error))


def sqlite_file(path: Path, mode: str, seconds: float) -> Engine:
    """Return an engine on an SQLite file.

    Args:
        mode: `rw`, `rwc` (make it), `ro`, or `immutable` (read-only, on a file system that cannot hold a lock file).
        seconds: how long a statement waits for another process.
    """
    query = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    uri = f"file:{quote(str(path))}?{query}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=seconds, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
        if mode in ("rw", "rwc"):
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        return connection

    return _transactional(create_engine("sqlite://", creator=connect, poolclass=QueuePool))


def sqlite_memory() -> Engine:
    """Return an engine on a database of one connection, in memory."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    return _transactional(create_engine("sqlite://", creator=connect, poolclass=StaticPool))


def server(url: URL, read_only: bool) -> Engine:
    """Return an engine on a database server; PostgreSQL is the one that is tested.

    Raises:
        MissingExtraError: its driver is not installed.
    """
    if url.drivername in SERVERS:
        url = url.set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(url)
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "postgres", f"a store at {url.drivername}") from error
    return engine.execution_options(postgresql_readonly=True) if read_only else engine


@contextmanager
def scratch(connection: "Connection") -> "Iterator[Connection]":
    """Give a connection to the same store on which temporary tables can be made, also where a store is only read.

    On PostgreSQL it is another one, with a snapshot of its own: a transaction that only reads makes no table there.
    """
    if connection.dialect.name == "sqlite":
        yield connection
        return
    with connection.engine.connect() as other:
        yield other.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=False)


def _transactional(engine: Engine) -> Engine:
    """Begin transactions ourselves: the driver would leave DDL out of them, and take the write lock too late."""

    @event.listens_for(engine, "begin")
    def begin(connection: "Connection") -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
