"""`alert=`: the diagnoses asked while the training runs, so that a doomed one is known early.

Runs in the writer's thread, on rows in memory, with the same `.sql` files as a report; loaded only when asked for.
A look is followed by a pause a hundred times as long, so that all looks together cost one percent at most.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from debugstore.errors import AlertError, ArgumentError
from debugstore.logger.event_log import warn

if TYPE_CHECKING:
    from debugstore.analysis.live import LiveDiagnosis

Alert = Literal["warn", "raise"] | Callable[[Any], None] | None

PAUSE_SECONDS = 1.0
"""Least time between two looks."""
SAID = ("code", "severity", "title", "first_step")
"""What the summary says of a finding."""
SHARE = 0.01
"""Most of the time that looks may take."""


def check(alert: Any) -> Alert:
    """Return a valid `alert`.

    Raises:
        ArgumentError: it is none of None, "warn", "raise" and a callable.
    """
    if alert is None or callable(alert) or alert in ("warn", "raise"):
        return alert  # type: ignore[no-any-return]
    raise ArgumentError(f"alert must be None, 'warn', 'raise' or a function of a finding, got {alert!r}")


class Alerts:
    """Tells of findings of severity `warning` and above, each once."""

    def __init__(self, alert: Alert, log: Path) -> None:
        self._alert = alert
        self._log = log
        self._live: LiveDiagnosis | None = None
        self._next = 0.0
        self._given_up = False
        self._pending: AlertError | None = None
        self._found: dict[str, dict[str, Any]] = {}

    @property
    def findings(self) -> list[dict[str, Any]]:
        """All findings so far, notes too, as the summary says them: each once, at its worst."""
        return list(self._found.values())

    def catch_up(self) -> None:
        """Look at what the log holds now, unless the last look was a moment ago."""
        if time.perf_counter() >= self._next:
            self._look_and_tell()

    def close(self) -> None:
        """Look a last time, whenever the last look was, and let go of the rows."""
        self._look_and_tell()
        self._let_go()

    def raise_pending(self) -> None:
        """Raise what `alert="raise"` found, once.

        Raises:
            AlertError: a finding of severity `error` is there.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            raise pending

    def _look_and_tell(self) -> None:
        if self._given_up:
            return
        began = time.perf_counter()
        try:
            for finding in self._look():
                self._found[finding.code] = {field: getattr(finding, field) for field in SAID}
                if finding.severity != "note":
                    self._tell(finding)
        except Exception as error:
            self._given_up = True
            self._let_go()
            warn(f"alerts are off from here ({type(error).__name__}: {error})")
        ended = time.perf_counter()
        self._next = ended + max(PAUSE_SECONDS, (ended - began) / SHARE)

    def _let_go(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.close()

    def _look(self) -> Any:
        if self._live is None:
            from debugstore.analysis.live import LiveDiagnosis
            from debugstore.project import read_project

            project = read_project()
            self._live = LiveDiagnosis(self._log, thresholds=project.thresholds, diagnoses_dir=project.diagnoses_dir)
        return self._live.look()

    def _tell(self, finding: Any) -> None:
        if callable(self._alert):
            self._alert(finding)
            return
        if self._alert == "raise" and finding.severity == "error":
            self._pending = AlertError(finding.code, finding.title, finding.first_step, finding.remedy)
        warn(f"{finding.severity} {finding.code} since step {finding.first_step}: {finding.title}. {finding.remedy}")
