"""What `debugstore runs` lists, and how it is read without SQLAlchemy, whose import takes longer than all the rest."""

import math
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from debugstore.events.nonfinite import WORDS
from debugstore.store import texts, versions

QUERY = "SELECT * FROM run_summary ORDER BY started_at IS NULL, started_at DESC, run DESC"
"""Every run, the newest first."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run as `debugstore runs` lists it. Losses may be NaN or infinite; None where none was logged."""

    run: int
    run_id: str
    name: str | None
    status: str | None
    started_at: float | None
    tags: tuple[str, ...]
    notes: str | None
    num_ranks: int
    num_segments: int
    num_events: int
    num_steps: int
    first_step: int | None
    last_step: int | None
    first_loss: float | None
    last_loss: float | None
    best_validation_loss: float | None


def summary(row: Any) -> RunSummary:
    """Return a row of `run_summary`, by column name, as a value."""
    return RunSummary(
        run=row["run"],
        run_id=row["run_id"],
        name=row["name"],
        status=row["status"],
        started_at=row["started_at"],
        tags=tuple(texts.load(row["tags"])) if row["tags"] else (),
        notes=row["notes"],
        num_ranks=int(row["num_ranks"] or 0),
        num_segments=int(row["num_segments"] or 0),
        num_events=int(row["num_events"] or 0),
        num_steps=int(row["num_steps"] or 0),
        first_step=row["first_step"],
        last_step=row["last_step"],
        first_loss=_number(row["first_loss"], row["first_nonfinite"]),
        last_loss=_number(row["last_loss"], row["last_nonfinite"]),
        best_validation_loss=row["best_validation_loss"],
    )


def _number(value: float | None, nonfinite: str | None) -> float | None:
    """Return a loss, which a row keeps as NULL and a mark where it is not finite."""
    if value is not None or nonfinite is None:
        return value
    word = texts.load(nonfinite).get("loss")
    return WORDS.get(word, math.nan) if word is not None else None


def glance(path: Path) -> tuple[RunSummary, ...] | None:
    """Return the runs of an SQLite store that is as it should be; None where anything else has to be said of it."""
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.expanduser()))}?mode=ro", uri=True)
        with closing(connection):
            if connection.execute("SELECT version_num FROM alembic_version").fetchall() != [(versions.head(),)]:
                return None
            connection.row_factory = sqlite3.Row
            return tuple(map(summary, connection.execute(QUERY)))
    except sqlite3.Error:
        return None
