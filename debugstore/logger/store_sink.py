"""`store=`: what was flushed also goes into a store, through the same code as `debugstore ingest`.

Runs in the writer's thread, reads the log's own file from where it last stopped, and is loaded only when asked for. A
store that is busy is tried again at the next flush; one that fails in any other way is left alone, said once: the file
is the truth, and a later `debugstore ingest` brings what is missing.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from debugstore.errors import StoreBusyError
from debugstore.logger.event_log import warn

if TYPE_CHECKING:
    from debugstore.store.database import Database


class StoreSink:
    """Keeps one store level with one log."""

    def __init__(self, where: str, log: Path) -> None:
        self._where = where
        self._log = log
        self._database: Database | None = None
        self._given_up = False

    def catch_up(self) -> None:
        """Ingest what the log holds and the store does not."""
        if self._given_up:
            return
        try:
            from debugstore.store.database import open_database
            from debugstore.store.ingest import ingest

            if self._database is None:
                self._database = open_database(self._where, create=True)
            ingest(self._database, [self._log])
        except StoreBusyError:
            return
        except Exception as error:
            self._given_up = True
            self.close()
            warn(
                f"the store {self._where} is left alone; bring it level with 'debugstore ingest {self._log}' ({error})"
            )

    def close(self) -> None:
        """Let go of the store."""
        database, self._database = self._database, None
        if database is not None:
            database.close()
