"""Batches of a file, decoded in this process, or in one of its own while this one writes.

A large file is worth the tenth of a second that another Python takes to start: decoding and writing each need a core.
Until it is there, and should it fail for whatever reason, this process decodes too and says what is wrong.
"""

import gc
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from debugstore.store.batches import Batch, Decoder, Position
from debugstore.store.sources import Lines, Source

LARGE = 1 << 24
"""Bytes still to be read from which on a process is worth its start."""

_PIPE = 1 << 20
"""Bytes between the two processes."""

Decoded = tuple[Batch | None, int]
"""A batch, None for a last line that was cut; and the bytes of the file that were read by then."""

_START = f"import sys; sys.path[:] = {{}}; from {__name__} import main; main()"
"""What the other process runs, with the path it finds modules by: that saves it the search for what is installed."""


def decoded(lines: Lines, position: Position) -> Iterator[Decoded]:
    """Yield the batches of a file from `position` on.

    Raises:
        NoLogsError: the file holds no log.
    """
    if lines.source.path is None or (lines.total_bytes or 0) - position.read_bytes < LARGE or not sys.executable:
        yield from _here(lines, position)
        return
    with closing(_Process()) as process:
        for batch, done in _here(lines, position):
            if batch is not None:
                position = msgspec.json.decode(batch.state, type=Position)
            begun = batch is not None and process.begin(lines.source, position)
            yield batch, done
            if begun or (batch is not None and process.begin(lines.source, position)):  # it may have come meanwhile
                break
        else:
            return
        while (found := process.take()) is not None:
            batch, done = found
            if batch is not None:
                position = msgspec.json.decode(batch.state, type=Position)
            yield batch, done
    if not process.ended:
        yield from _here(lines, position)


def _here(lines: Lines, position: Position) -> Iterator[Decoded]:
    decoder = Decoder(position, lines.source.name)
    for block in lines.blocks(position.read_bytes, position.read_lines):
        yield decoder.decode(block), lines.done_bytes


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
        self._ready = self._listener.submit(self._load)

    def begin(self, source: Source, position: Position) -> bool:
        """Have it decode a file from `position` on, if it is there by now; say whether it is."""
        if not self._ready.done() or self._ready.result() is None:
            return False
        try:
            pickle.dump((str(source.path), msgspec.json.encode(position)), self._process.stdin)
            self._process.stdin.close()
        except OSError:
            return False
        return True

    def take(self) -> Decoded | None:
        """Return the next that it decoded; None if there is no more, or if it failed."""
        found = self._load()
        self.ended = found == _END
        return None if self.ended else found

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


_SELDOM = 100_000
"""Objects that are made between two searches for garbage."""


@contextmanager
def seldom_searched() -> Iterator[None]:
    """Search for cyclic garbage seldom: rows are no cycles, and looking through them took a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(before[0] and max(before[0], _SELDOM), *before[1:])  # 0 is: never
    try:
        yield
    finally:
        gc.set_threshold(*before)


_READY, _END = "ready", "end"


def main() -> None:
    """Make the batches that the process which started this one asks for, one ahead of what it takes."""
    to = sys.stdout.buffer
    _send(to, pickle.dumps(_READY))
    path, state = pickle.load(sys.stdin.buffer)
    source = Source(path, Path(path))
    with seldom_searched(), closing(Lines(source)) as lines, ThreadPoolExecutor(max_workers=1) as sender:
        sent: Future[None] | None = None
        for found in _here(lines, msgspec.json.decode(state, type=Position)):
            packed = pickle.dumps(found, protocol=5)
            if sent is not None:
                sent.result()
            sent = sender.submit(_send, to, packed)
        if sent is not None:
            sent.result()
        _send(to, pickle.dumps(_END))


def _send(to: IO[bytes], packed: bytes) -> None:
    to.write(packed)
    to.flush()
