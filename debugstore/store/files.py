"""The files of an ingest, each opened at its turn, or one turn before so that it can be decoded meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

from debugstore.errors import DebugstoreError
from debugstore.store.batches import Position
from debugstore.store.database import Database
from debugstore.store.placing import Placing
from debugstore.store.resume import resume
from debugstore.store.sources import Lines, Source


@dataclass(frozen=True, slots=True)
class Opened:
    """A file, and the state to read it on from."""

    lines: Lines
    position: Position
    placing: Placing

    def close(self) -> None:
        """Close the file."""
        self.lines.close()


class Files:
    """Opens the files of an ingest, in their order."""

    def __init__(self, database: Database, sources: Sequence[Source]) -> None:
        self._database = database
        self._sources = sources
        self._next = 0
        self._ahead: Opened | None = None

    def take(self) -> Opened:
        """Open the file whose turn it is; the caller closes it.

        Raises:
            InputNotFoundError: it is not there any more.
            NoLogsError: it cannot be read.
            StoreError: the store refused.
        """
        self._next += 1
        opened, self._ahead = self._ahead or self._open(self._next - 1), None
        return opened

    def ahead(self) -> Opened | None:
        """Return the file whose turn is next; None if there is none or it does not open: its turn will say why."""
        if self._ahead is None and self._next < len(self._sources):
            try:
                self._ahead = self._open(self._next)
            except DebugstoreError:
                return None
        return self._ahead

    def _open(self, place: int) -> Opened:
        source = self._sources[place]
        lines = Lines(source)
        try:
            with self._database.read() as connection:
                return Opened(lines, *resume(connection, source, lines))
        except BaseException:
            lines.close()
            raise

    def close(self) -> None:
        """Close the file that was opened before its turn."""
        if self._ahead is not None:
            self._ahead.close()
