"""Lines to a file: buffered, whole, in order, and never at the training's expense.

A line waits in memory until `buffer_events` of them wait, or `FLUSH_SECONDS` have passed (a daemon thread looks), or
the log is flushed. It waits as what makes it: many lines made one after the other take a fraction of what each takes
when the training has emptied the processor's caches. What is flushed goes to the file in one write of whole lines; no
fsync. A write that fails (a full disk) leaves the file at its last whole line, keeps the lines, and is tried again at
the next flush; past `MAX_WAITING_BYTES` the oldest are given up and counted.
"""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

FLUSH_SECONDS = 2.0
MAX_WAITING_BYTES = 16 * 1024 * 1024


class LineWriter:
    """Append whole lines to a new file; safe to call from several threads.

    `seconds` is the processor time that its own thread has spent. `on_written` is called after lines reached the file,
    in a thread that is not the training's own (or at close). `on_trouble` is told once when writing fails,
    `on_recovery` when it works again: how many were lost.
    """

    def __init__(
        self,
        path: Path,
        buffer_events: int = 100,
        on_trouble: Callable[[OSError], None] | None = None,
        on_recovery: Callable[[OSError, int], None] | None = None,
        on_written: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._limit = buffer_events
        self._on_trouble = on_trouble
        self._on_recovery = on_recovery
        self._on_written = on_written
        self.seconds = 0.0
        self._unmade: deque[Callable[[], bytes]] = deque()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._written_bytes = 0
        self._lost = 0
        self._trouble: OSError | None = None
        self._unseen = False  # lines reached the file that `on_written` was not told of
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def write(self, make_line: Callable[[], bytes]) -> None:
        """Take what makes one line, its line end included; flush when enough wait. A closed writer takes nothing."""
        if self._closed:
            return
        self._unmade.append(make_line)
        if len(self._unmade) >= self._limit:
            self.flush()
        if self._thread is None:
            self._start()

    def flush(self) -> None:
        """Make and write what waits now."""
        with self._lock:
            self._make_waiting()
            self._write_waiting()

    def close(self) -> None:
        """Write what waits, hand it on, close the file; a second call does nothing."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=10.0)
        with self._lock:
            if self._closed:
                return
            self.flush()
            self.flush()  # what the first has to say of itself
            self._closed = True
            with contextlib.suppress(OSError):
                os.close(self._file)
        self._hand_on()

    def abandon(self) -> None:
        """Forget everything without writing: what a forked child does with its parent's log."""
        self._closed = True
        self._lock = threading.RLock()
        self._thread = None
        self._unmade.clear()
        self._waiting.clear()
        self._unseen = False
        with contextlib.suppress(OSError):
            os.close(self._file)

    def _make_waiting(self) -> None:
        """Make the lines; of too many that cannot be written the oldest go."""
        while self._unmade:
            line = self._unmade.popleft()()
            self._waiting.append(line)
            self._waiting_bytes += len(line)
        while self._waiting_bytes > MAX_WAITING_BYTES and len(self._waiting) > 1:
            self._waiting_bytes -= len(self._waiting.popleft())
            self._lost += 1

    def _write_waiting(self) -> None:
        """Write all waiting lines in one go; on failure cut the file back to its last whole line and keep them."""
        if not self._waiting or self._closed:
            return
        block = b"".join(self._waiting)
        try:
            done = 0
            while done < len(block):
                done += os.write(self._file, block[done:])
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._written_bytes)
            first = self._trouble is None
            self._trouble = error
            if first and self._on_trouble is not None:
                self._on_trouble(error)
            return
        self._written_bytes += len(block)
        self._unseen = True
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._trouble is not None:
            past, lost = self._trouble, self._lost
            self._trouble, self._lost = None, 0
            if self._on_recovery is not None:
                self._on_recovery(past, lost)

    def _hand_on(self) -> None:
        unseen, self._unseen = self._unseen, False
        if unseen and self._on_written is not None:
            self._on_written()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="debugstore-writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            self.flush()
            self.seconds = time.thread_time()
            self._hand_on()
