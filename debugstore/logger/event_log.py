"""Events to lines: identity, encoding, the summary's totals, and the file they go to."""

import contextlib
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
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

    def emit(self, event_type: str, step: int, data: dict[str, Any] | Callable[[], dict[str, Any]]) -> None:
        """Write one event of `step`: its data, or what makes them when the line is made, later and in any thread."""
        event = {
            "event_type": event_type,
            "timestamp": time.time(),
            "run_id": self.run_id,
            "rank": self.rank,
            "seq": self.seq,
            "step": step,
            "epoch": self.epoch,
        }
        self.seq += 1
        self.writer.write(partial(self._line, event, data))

    def _line(self, event: dict[str, Any], data: Any) -> bytes:
        """Return an event's line; where it cannot be made, the line of an error in its place."""
        try:
            event["data"] = data() if callable(data) else data
            line = encode(event)
        except Exception as error:
            part, said = event["event_type"], f"{type(error).__name__}: {error}"
            warn(f"an event '{part}' of step {event['step']} cannot be written; the training goes on ({said})")
            event |= {"event_type": "logger_error", "data": {"part": part, "error": said, "num_lost": 1}}
            line = encode(event)
        self.summary.count(event["event_type"], event["step"], event["data"])
        return line

    def _trouble(self, error: OSError) -> None:
        warn(f"cannot write {self.path}: {error.strerror or error}; events wait in memory, the training goes on")

    def _recovered(self, error: OSError, lost: int) -> None:
        reason = f"{type(error).__name__}: {error.strerror or error}"
        self.emit("logger_error", self.summary.last_step, {"part": "writer", "error": reason, "num_lost": lost})
