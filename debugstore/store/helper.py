"""Another Python that decodes files while this one writes: started when it is worth it, used when it is there."""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from debugstore.store import elsewhere
from debugstore.store.batches import Decoded, Position
from debugstore.store.sources import Source

_PIPE = 1 << 20
"""Bytes between the two processes."""

_START = f"import gc, sys; gc.disable(); sys.path[:] = {{}}; from {elsewhere.__name__} import main; main()"
"""What the other process runs, with the path it finds modules by: that saves it the search for what is installed. It
looks for no garbage among what it imports."""

_popen: Callable[..., Any] = subprocess.Popen


class Helper:
    """The other process: asked for files, which it decodes in that order."""

    ended = False
    """Whether it came to the end of the file that was asked for first."""

    def __init__(self) -> None:
        self._process: Any = None
        self._num_known = 0
        """Parameters that it was told of."""

    def start(self) -> None:
        """Start it if it was not started before and there is a Python to start."""
        if self._process is not None or not sys.executable:
            return
        start = _START.format([str(Path(__file__).parents[2]), *sys.path])
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = _popen([sys.executable, "-S", "-c", start], **pipes)
        with suppress(ImportError, AttributeError, OSError):  # Linux: fewer turns between two processes
            import fcntl

            fcntl.fcntl(self._process.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        self._listener = ThreadPoolExecutor(max_workers=1)
        self._sender = ThreadPoolExecutor(max_workers=1)
        self._ready = self._coming = self._listener.submit(self._load)

    def ask(self, source: Source, position: Position, known: Mapping[str, int]) -> bool:
        """Have it decode a file from `position` on, if it is there by now; say whether it is.

        Args:
            known: ids of parameters, to which more come between two files.
        """
        if self._process is None or not self._ready.done() or self._ready.result() is None:
            return False
        new = dict(islice(known.items(), self._num_known, None))
        self._num_known += len(new)
        asked = pickle.dumps((source, msgspec.json.encode(position), new))
        # By a thread: it may be waiting to hand over what it decoded before, and takes nothing until then.
        self._sender.submit(self._send, asked)
        if self._coming is self._ready:
            self._coming = self._listener.submit(self._load)
        return True

    def batches(self) -> Iterator[Decoded]:
        """Yield what it decodes of the file that was asked for first: to its end, or as far as it came."""
        self.ended = False
        while (found := self._coming.result()) is not None:
            self._coming = self._listener.submit(self._load)  # while this one is written
            if found in (elsewhere.END, elsewhere.FAILED):
                self.ended = found == elsewhere.END
                return
            batch, done = found
            yield batch, done
        self._ready = self._coming  # it is no longer there

    def _load(self) -> Any:
        try:
            return pickle.load(self._process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            return None

    def _send(self, asked: bytes) -> None:
        with suppress(OSError):  # it is seen by what does not come
            self._process.stdin.write(asked)
            self._process.stdin.flush()

    def close(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.kill()
        self._listener.shutdown()
        self._sender.shutdown()
        with suppress(OSError), self._process:  # what it was not sent is lost
            pass
