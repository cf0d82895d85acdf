"""Every synthetic run of `fires` and `silent`, ingested once on each engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, text

from debugstore.analysis.findings import Check, Finding, diagnose
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from tests.analysis.bends import Logs
from tests.analysis.fires import FIRES
from tests.analysis.silent import HEALTHY, SILENT
from tests.support.logs import Run, write_logs


@dataclass(frozen=True)
class Asked:
    """What the diagnoses said of one run."""

    findings: tuple[Finding, ...]
    checks: dict[str, Check]

    @property
    def listed(self) -> set[str]:
        """Codes that the report shows, those explained away included."""
        return {code for root in self.findings for code in (root.code, *root.explains)}

    @property
    def alarms(self) -> list[str]:
        """What is said above a note."""
        return [f"{root.code}: {root.message}" for root in self.findings if root.severity != "note"]


def all_runs() -> Iterator[tuple[str, Logs]]:
    """Yield every run's name and logs."""
    for code, logs in FIRES.items():
        yield f"fires {code}", logs
    for code, cases in SILENT.items():
        for name, logs in cases.items():
            yield f"silent {code} {name}", logs
    for name, logs in HEALTHY.items():
        yield f"healthy {name}", logs


def fill(database: Database, folder: Path) -> dict[str, int]:
    """Ingest every run; return their keys by name."""
    runs: list[Run] = []
    for index, (name, logs) in enumerate(all_runs()):
        runs += [replace(log, run_id=name, segment=f"{index}-{log.segment}") for log in logs]
    ingest(database, write_logs(folder, runs))
    with database.read() as connection:
        return {row.run_id: row.id for row in connection.execute(text("SELECT id, run_id FROM runs"))}


@contextmanager
def reading(database: Database) -> Iterator[Connection]:
    """Read from a store."""
    with database.read() as connection:
        yield connection


def ask(database: Database, run: int, **options: object) -> Asked:
    """Ask the diagnoses about a run."""
    with database.read() as connection:
        findings, checks = diagnose(connection, run, **options)  # type: ignore[arg-type]
    return Asked(findings, {check.code: check for check in checks})
