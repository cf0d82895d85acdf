"""The diagnoses of a training that is still running: one log, followed, its rows in memory."""

from collections.abc import Mapping
from pathlib import Path

from debugstore.analysis.diagnosis import Severity
from debugstore.analysis.findings import Finding, diagnose
from debugstore.analysis.queries import Number
from debugstore.store.database import open_database
from debugstore.store.ingest import ingest
from debugstore.store.runs import LATEST, resolve

_SEVERITIES = tuple(Severity)


class LiveDiagnosis:
    """Ask a growing log, look after look, what is new.

    The store is in memory and read on from where the last look stopped: about 4 MB for ten thousand events. One thread
    at a time may look.
    """

    def __init__(
        self, log: Path, *, thresholds: Mapping[str, Number] | None = None, diagnoses_dir: Path | None = None
    ) -> None:
        self._log = log
        self._thresholds = thresholds
        self._diagnoses_dir = diagnoses_dir
        self._database = open_database(None)
        self._said: dict[str, Severity] = {}

    def look(self) -> tuple[Finding, ...]:
        """Return the findings that are new since the last look or worse than they were, root causes first."""
        ingest(self._database, [self._log])
        with self._database.read() as connection:
            findings, _ = diagnose(
                connection,
                resolve(connection, LATEST),
                thresholds=self._thresholds,
                diagnoses_dir=self._diagnoses_dir,
            )
        return tuple(finding for finding in findings if self._is_news(finding))

    def _is_news(self, finding: Finding) -> bool:
        severity = Severity(finding.severity)
        said = self._said.get(finding.code)
        if said is not None and _SEVERITIES.index(said) <= _SEVERITIES.index(severity):
            return False
        self._said[finding.code] = severity
        return True

    def close(self) -> None:
        """Let go of the rows."""
        self._database.close()
