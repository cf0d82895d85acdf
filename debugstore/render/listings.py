"""What commands list: ingested files, runs, events, questions. A table for people, all fields for programs."""

import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debugstore.errors import ArgumentError
from debugstore.render.formats import Format
from debugstore.render.tables import cell, printable, render_rows, strict_json
from debugstore.store.summaries import RunSummary

if TYPE_CHECKING:
    from debugstore.analysis.queries import Query
    from debugstore.store.ingest import FileReport, IngestReport
    from debugstore.store.upkeep import StoreInfo

FOR_PEOPLE = (Format.TABLE, Format.MARKDOWN)
TEXT_WIDTH = 80
SMALLEST_TEXT_WIDTH = 20
SHORT_LIST = 4
KEPT_TOGETHER = "\u00a0"
"""Between a field and its value: a line does not end there."""


def render_ingest(report: "IngestReport", *, format: str = Format.TABLE, width: int | None = None) -> str:
    """Return what ingest did, a line a file and, for people, a total of several."""
    if format not in FOR_PEOPLE:
        return _values(type(report.files[0]), report.files, format)
    rows = [
        (_shown_path(file.source), _several(file.runs), file.new, file.known, file.rejected, _remark(file))
        for file in report.files
    ]
    if len(rows) > 1:
        rows.append((f"{len(rows)} files", _several(report.runs), report.new, report.known, report.rejected, ""))
    columns = ["file", "run", "new", "known", "rejected", ""]
    return render_rows(*_without_empty(rows, columns), format, width=width)


def render_problems(problems: Sequence[str], *, format: str = Format.TABLE) -> str:
    """Return what is wrong with a store, a line each; for people also that nothing is."""
    if format == Format.TABLE:
        return "\n".join(map(printable, problems)) or "the store is sound"
    return render_rows([(problem,) for problem in problems], ["problem"], format)


def render_runs(runs: Sequence[RunSummary], *, format: str = Format.TABLE, width: int | None = None) -> str:
    """Return runs, a line each."""
    if format not in FOR_PEOPLE:
        return _values(RunSummary, runs, format)
    rows = [
        (
            run.run_id,
            run.name if run.name != run.run_id else None,
            run.status or "not ended",
            _moment(run.started_at),
            run.last_step,
            run.first_loss,
            run.last_loss,
            run.best_validation_loss,
            ", ".join(run.tags),
            run.notes,
        )
        for run in runs
    ]
    columns = ["run", "name", "status", "started", "last step", "first loss", "last loss", "val. loss", "tags", "notes"]
    return render_rows(*_without_empty(rows, columns), format, width=width)


def render_done(
    told: Sequence[str], columns: Sequence[str], rows: Sequence[Sequence[Any]], *, format: str = Format.TABLE
) -> str:
    """Return what a command did: lines for people, rows for programs."""
    return "\n".join(map(printable, told)) if format == Format.TABLE else render_rows(rows, columns, format)


def render_events(events: Sequence[Mapping[str, Any]], *, format: str = Format.TABLE, width: int | None = None) -> str:
    """Return events: for people their plain fields, wrapped to `width` (80 if None) in a table; for programs whole."""
    if format == Format.JSON:
        return "[" + ",\n ".join(strict_json(event) for event in events) + "]"
    if format == Format.NL:
        return "\n".join(strict_json(event) for event in events)
    if format == Format.TABLE:
        several = len({event.get("rank") for event in events}) > 1
        return "\n".join(_paragraph(event, several, width or TEXT_WIDTH) for event in events)
    columns = ["step", "rank", "event", "data"]
    rows = [(event["step"], event.get("rank"), event["event_type"], _summary(event["data"])) for event in events]
    return render_rows(*_without_empty(rows, columns), format, width=width)


def render_queries(queries: "Mapping[str, Query]", *, format: str = Format.TABLE, width: int | None = None) -> str:
    """Return the named questions, with what each binds."""
    rows = [(name, ", ".join(sorted(query.names)), query.header.get("title", "")) for name, query in queries.items()]
    return render_rows(rows, ["query", "binds", "asks"], format, width=width)


def render_info(info: "StoreInfo", *, format: str = Format.TABLE, width: int | None = None) -> str:
    """Return what a store holds: two tables for people, the largest first; everything for programs as JSON."""
    if format not in FOR_PEOPLE:
        if format != Format.JSON:
            raise ArgumentError("what a store holds has the formats table, markdown and json")
        return strict_json(asdict(info), indent=2)
    tables = sorted(info.tables, key=lambda table: (-(table.bytes or 0), -table.rows, table.name))
    parts = [
        f"{info.where}: {info.engine}, schema {info.revision}, {shown_bytes(info.bytes)}",
        render_rows([(run.run_id, run.events, run.rows, shown_bytes(run.bytes)) for run in info.runs],
                    ["run", "events", "rows", "size"], format, width=width),
        render_rows([(table.name, table.rows, shown_bytes(table.bytes)) for table in tables if table.rows],
                    ["table", "rows", "size"], format, width=width),
    ]  # fmt: skip
    return "\n\n".join(parts)


def shown_bytes(size: int | None) -> str:
    """Return a number of bytes as a person reads it."""
    if size is None:
        return "size unknown"
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} B"


def _values(kind: type, values: Iterable[Any], format: str) -> str:
    """Return dataclass values with every field."""
    columns = [one.name for one in fields(kind)]
    return render_rows([list(asdict(value).values()) for value in values], columns, format)


def _without_empty(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> tuple[list[list[Any]], list[str]]:
    """Return rows and columns without the columns that are empty in all rows."""
    kept = [index for index in range(len(columns)) if not rows or any(row[index] not in (None, "") for row in rows)]
    return [[row[index] for index in kept] for row in rows], [columns[index] for index in kept]


def _shown_path(source: str) -> str:
    """Return a path as seen from here, where that is shorter."""
    try:
        near = os.path.relpath(source)
    except ValueError:
        return source
    return near if len(near) < len(source) and Path(source).is_absolute() else source


def _several(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} runs"


def _remark(file: "FileReport") -> str:
    return file.problem or ("the last line is not complete yet" if file.unfinished else "")


def _moment(seconds: float | None) -> str | None:
    """Return a moment in local time; None for one that no clock shows."""
    try:
        return None if seconds is None else f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return None


def _paragraph(event: Mapping[str, Any], with_rank: bool, width: int) -> str:
    """Return an event as a line that says which it is, and its fields under it."""
    rank = f"  rank {event.get('rank')}" if with_rank else ""
    facts = textwrap.fill(
        _summary(event["data"], KEPT_TOGETHER),
        max(width, SMALLEST_TEXT_WIDTH),
        initial_indent="    ",
        subsequent_indent="    ",
        break_on_hyphens=False,
    ).replace(KEPT_TOGETHER, " ")
    return "\n".join(filter(None, (f"step {event['step']}{rank}  {printable(event['event_type'])}", facts)))


def _summary(data: Mapping[str, Any], between: str = " ") -> str:
    """Return the fields of an event; a number that was not finite by its word, of much how many."""
    marks = data.get("nonfinite")
    words = marks if isinstance(marks, dict) else {}
    shown = {name: words.get(name, value) if value is None else value for name, value in data.items()}
    texts = {name: _shortened(value) for name, value in shown.items() if name != "nonfinite"}
    return ", ".join(f"{name}{between}{text.replace(' ', between)}" for name, text in texts.items() if text)


def _shortened(value: Any) -> str:
    much = isinstance(value, dict) or (isinstance(value, list) and len(value) > SHORT_LIST)
    return f"({len(value)})" if much else cell(value)
