"""Batches of a file, decoded in this process, or in one of its own while this one writes.

A large file is worth the tenth of a second that another Python takes to start: decoding and writing each need a core.
Until it is there, and should it fail for whatever reason, this process decodes too and says what is wrong.
"""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec

from debugstore.store import elsewhere
from debugstore.store.batches import Decoded, Decoder, Position
from debugstore.store.sources import Lines, Source

LARGE = 1 << 24
"""Bytes still to be read from which on a process is worth its start."""

_PIPE = 1 << 20
"""Bytes between the two processes."""

_START = f"import gc, sys; gc.disable(); sys.path[:] = {{}}; from {elsewhere.__name__} import main; main()"
"""What the other process runs, with the path it finds modules by: that saves it the search for what is installed. It
looks for no garbage among what it imports."""


def decoded(lines: Lines, position: Position, known: Mapping[str, int]) -> Iterator[Decoded]:
    """Yield the batches of a file from `position` on.

    Args:
        known: ids of parameters; those that come to it are used as long as this process decodes.

    Raises:
        NoLogsError: the file holds no log.
    """
    if lines.source.path is None or (lines.total_bytes or 0) - position.read_bytes < LARGE or not sys.executable:
        yield from Decoder(position, lines.source.name, known).batches(lines)
        return
    with closing(_Process()) as process:
        for batch, done in Decoder(position, lines.source.name, known).batches(lines):
            if batch is not None:
                position = msgspec.json.decode(batch.state, type=Position)
            begun = batch is not None and process.begin(lines.source, position, known)
            yield batch, done
            # It may have come meanwhile; its first block is small, so that this process does not wait for long.
            if begun or (batch is not None and process.begin(lines.source, position, known)):
                break
        else:
            return
        while (found := process.take()) is not None:
            batch, done = found
            if batch is not None:
                position = msgspec.json.decode(batch.state, type=Position)
            yield batch, done
    if not process.ended:
        yield from Decoder(position, lines.source.name, known).batches(lines)


_popen: Callable[..., Any] = subprocess.Popen


class _Process:
    """Another Python that decodes: started at once, used when it is there."""

    ended = False
    """Whether it came to the end of its file."""

    def __init__(self) -> None:
        start = _START.format([str(Path(__file__).parents[2]), *sys.path])
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = _popen([sys.executable, "-S", "-c", start], **pipes)
        with suppress(ImportError, AttributeError, OSError):  # Linux: fewer turns between two processes
            import fcntl

            fcntl.fcntl(self._process.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        self._listener = ThreadPoolExecutor(max_workers=1)
        self._coming = self._listener.submit(self._load)

    def begin(self, source: Source, position: Position, known: Mapping[str, int]) -> bool:
        """Have it decode a file from `position` on, if it is there by now; say whether it is."""
        if not self._coming.done() or self._coming.result() is None:
            return False
        try:
            pickle.dump((str(source.path), msgspec.json.encode(position), known), self._process.stdin)
            self._process.stdin.close()
        except OSError:
            return False
        self._coming = self._listener.submit(self._load)
        return True

    def take(self) -> Decoded | None:
        """Return the next that it decoded; None if there is no more, or if it failed."""
        found: Any = self._coming.result()
        self.ended = found == elsewhere.END
        if self.ended or found is None:
            return None
        self._coming = self._listener.submit(self._load)  # while this one is written
        batch, done = found
        return batch, done

    def _load(self) -> Any:
        try:
            return pickle.load(self._process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            return None

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._listener.shutdown()
        with suppress(OSError), self._process:  # what it was not sent is lost
            pass
