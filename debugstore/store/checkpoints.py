"""Checkpoints beside a load: what SQLite's log of writes holds is copied into its file while the next rows are made.

Left to itself SQLite copies within a commit, every thousand pages, and who writes waits for the disk. A process killed
at any moment loses nothing: the log stays until all of it is in the file.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from sqlalchemy.pool import StaticPool

from debugstore.store.database import Database

_EVERY = 1 << 22
"""Bytes of logs that are read between two checkpoints; half as many are written."""

_MOST_PAGES = 8000
"""Pages of SQLite's log, 64 MB, from which on a commit copies what is left all the same, so that it begins anew."""


def _keeps_log(database: Database) -> bool:
    """Say whether a store is a file of SQLite: a server makes its own checkpoints, memory needs none."""
    return database.is_sqlite and not isinstance(database.engine.pool, StaticPool)


class Checkpoints:
    """Makes checkpoints in a thread, over a connection of its own, once a load proves large enough for that."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted = 0
        self._opened = ExitStack()
        self._running: Future[Any] | None = None

    def note(self, read_bytes: int) -> None:
        """Say how much more was read: begin a checkpoint if that is much by now and none is running."""
        self._noted += read_bytes
        if self._noted < _EVERY or not _keeps_log(self._database):
            return
        self._noted = 0
        if self._running is None:
            self._connection, self._thread = self._open()
        if self._running is None or self._running.done():  # one that failed is left to a commit
            self._running = self._thread.submit(self._copy)

    def _open(self) -> tuple[Any, ThreadPoolExecutor]:
        with self._database.bare() as writer:
            (usual,) = writer.execute("PRAGMA wal_autocheckpoint").fetchone()
            writer.execute(f"PRAGMA wal_autocheckpoint = {_MOST_PAGES}")
            connection = self._opened.enter_context(self._database.bare())
        self._opened.callback(self._leave, usual)
        return connection, self._opened.enter_context(ThreadPoolExecutor(max_workers=1))

    def _copy(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _leave(self, pages: int) -> None:
        """Have commits make checkpoints as before; the other connection is still in use, so this is the writer's."""
        with self._database.bare() as writer:
            writer.execute(f"PRAGMA wal_autocheckpoint = {pages}")

    def close(self) -> None:
        """Wait for the one that is running."""
        self._opened.close()
