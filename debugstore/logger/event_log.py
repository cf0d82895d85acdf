"""Events to lines: identity, encoding, the summary's totals, and the file they go to."""

import contextlib
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from debugstore.events import encode
from debugstore.logger.summary import Summary
from debugstore.logger.writer import LineWriter


class LoggerWarning(UserWarning):
    """Something the logger could not do; the training goes on."""


def warn(message: str) -> None:
    """Warn once a place, and never raise, whatever the warning filters say."""
    try:
        warnings.warn(f"debugstore: {message}", LoggerWarning, stacklevel=4)
    except Warning:
        with contextlib.suppress(Exception):
            print(f"debugstore: {message}", file=sys.stderr)


class EventLog:
    """One segment: numbers its events and writes them. Knows nothing of torch."""

    def __init__(self, path: Path, run_id: str, rank: int, buffer_events: int, on_written: Any = None) -> None:
        self.path = path
        self.run_id = run_id
        self.rank = rank
        self.epoch: int | None = None
        self.seq = 0
        self.summary = Summary()
        self.writer = LineWriter(path, buffer_events, self._trouble, self._recovered, on_written)

    def emit(self, event_type: str, step: int, data: dict[str, Any]) -> None:
        """Write one event of `step`."""
        line = encode(
            {
                "event_type": event_type,
                "timestamp": time.time(),
                "run_id": self.run_id,
                "rank": self.rank,
                "seq": self.seq,
                "step": step,
                "epoch": self.epoch,
                "data": data,
            }
        )
        self.seq += 1
        self.summary.count(event_type, step, data)
        self.writer.write(line)

    def _trouble(self, error: OSError) -> None:
        warn(f"cannot write {self.path}: {error.strerror or error}; events wait in memory, the training goes on")

    def _recovered(self, error: OSError, lost: int) -> None:
        reason = f"{type(error).__name__}: {error.strerror or error}"
        self.emit("logger_error", self.summary.last_step, {"part": "writer", "error": reason, "num_lost": lost})
