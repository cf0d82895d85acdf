"""Batches of files, decoded in this process, or in one of its own while this one writes.

Much to read is worth the tenth of a second that another Python takes to start: decoding and writing each need a core.
Until it is there, and should it fail for whatever reason, this process decodes too and says what is wrong.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from debugstore.store.batches import Batch, Decoded, Decoder, Position
from debugstore.store.files import Opened
from debugstore.store.helper import Helper
from debugstore.store.sources import Lines, Source

LARGE = 1 << 24
"""Bytes still to be read from which on a process is worth its start."""

_TRIED = 1 << 21
"""Bytes of small files that are decoded here first: where the same files come again, there is little to be read."""


class Decoding:
    """Decodes the files of an ingest, one after the other; closed at its end."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sizes = {source.name: source.size() for source in sources}
        self._later = sum(self._sizes.values())
        """Bytes of the files whose turn did not come yet."""

        self._decoded = 0
        self._helper = Helper()
        self._handed: Opened | None = None
        """The file that the helper got before its turn."""

    def batches(
        self, file: Opened, known: Mapping[str, int], following: Callable[[], Opened | None]
    ) -> Iterator[Decoded]:
        """Yield the batches of what is to be read of a file.

        Args:
            known: ids of parameters; those that come to it are used as long as this process decodes.
            following: gives the file whose turn is next, if it can be read meanwhile.

        Raises:
            NoLogsError: the file holds no log.
        """
        lines, position = file.lines, file.position
        self._later -= self._sizes.pop(lines.source.name, 0)
        if self._handed is not file:
            self._start_helper(lines, position)
            read = position.read_bytes
            for batch, done in Decoder(position, lines.source.name, known).batches(lines):
                if batch is not None:
                    self._decoded, read = self._decoded + batch.read_bytes - read, batch.read_bytes
                    position = _behind(batch)
                    self._start_helper(lines, position)
                begun = batch is not None and self._ask(lines, position, known)
                yield batch, done
                # It may have come meanwhile; its first block is small, so that this process does not wait for long.
                if begun or (batch is not None and self._ask(lines, position, known)):
                    break
            else:
                return
        self._hand_over(following, known)
        for batch, done in self._helper.batches():
            if batch is not None:
                position = _behind(batch)
            yield batch, done
        if not self._helper.ended:
            yield from Decoder(position, lines.source.name, known).batches(lines)

    def _start_helper(self, lines: Lines, position: Position) -> None:
        """Start the helper if what is left of a file, or that with all after it, is worth it."""
        left = max(0, (lines.total_bytes or 0) - position.read_bytes)
        if left >= LARGE or (self._decoded >= _TRIED and left + self._later >= LARGE):
            self._helper.start()

    def _ask(self, lines: Lines, position: Position, known: Mapping[str, int]) -> bool:
        """Ask the helper for a file, if it can be opened a second time; say whether it decodes it."""
        return not lines.source.is_pipe and self._helper.ask(lines.source, position, known)

    def _hand_over(self, following: Callable[[], Opened | None], known: Mapping[str, int]) -> None:
        """Give the helper the file whose turn is next, so that it goes on when it is through with this one."""
        self._handed = None
        if (file := following()) is not None and self._ask(file.lines, file.position, known):
            self._handed = file

    def close(self) -> None:
        """End the helper."""
        self._helper.close()


def _behind(batch: Batch) -> Position:
    return msgspec.json.decode(batch.state, type=Position)
