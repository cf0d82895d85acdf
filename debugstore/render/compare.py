"""A comparison as text: for a terminal, as markdown, as JSON, as CSV. The figures come from `analysis.compare`.

Two runs stand side by side (`compare_pair`), more are a row each (`compare_many`); here is what both have.
"""

import math
from collections.abc import Sequence
from itertools import groupby

from debugstore.analysis.compare.config import ABSENT
from debugstore.analysis.compare.values import Comparison, Level, Metrics, State
from debugstore.analysis.findings import number
from debugstore.errors import ArgumentError
from debugstore.render import compare_many, compare_pair
from debugstore.render.compare_cells import LABEL_ROOM, Sheet, cut, labels, rate, shown_keys
from debugstore.render.curve import MARK, Point, draw
from debugstore.render.page import MarkdownPage, TerminalPage
from debugstore.render.style import Look
from debugstore.render.tables import printable, render_rows, strict_json

FORMATS = ("table", "json", "csv", "markdown")
NARROWEST = 80
UNLIMITED = 10_000
"""Width of a page that cuts nothing."""
FINDING_ROOM = 48
"""Characters that a finding's name and severity take."""
SIDE_BY_SIDE = 3
"""Runs whose findings have a column each."""

_LOOKS = {Level.IDENTICAL: Look.GOOD, Level.DRIFT: Look.NOTE, Level.REAL: Look.WARNING, Level.UNKNOWN: Look.WARNING}
_REAL = {True: "real", False: "within noise", None: "cannot tell"}
_STATES = {State.CONTINUED: Look.GOOD, State.LOST: Look.ERROR, State.UNKNOWN: Look.WARNING}


def render(
    comparison: Comparison, *, format: str = "table", color: bool = False, width: int = 80, all_keys: bool = False
) -> str:
    """Return a comparison as text without a last line end.

    Args:
        format: ``table`` for a terminal, ``markdown`` with the same content to paste into a pull request, ``json`` with
            everything, ``csv`` with a row a run: where it parts, its numbers, the config keys that differ.
        color: paint ``table`` for a terminal.
        width: characters a line of ``table`` may have.
        all_keys: show the config keys that are equal too.

    Raises:
        ArgumentError: the format is none of these.
    """
    if format == "json":
        return strict_json(comparison.to_dict(all_keys=all_keys), indent=2)
    if format == "csv":
        return _csv(comparison, all_keys)
    names = labels([run.label for run in comparison.runs])
    if format == "table":
        width = max(width, NARROWEST)
        return _written(Sheet(comparison, TerminalPage(width, color), width, names, all_keys))
    if format == "markdown":
        return _written(Sheet(comparison, MarkdownPage(), UNLIMITED, names, all_keys))
    raise ArgumentError(f"a comparison has no format '{format}': choose {', '.join(FORMATS)}")


def _written(sheet: Sheet) -> str:
    """Write a comparison, what differs first."""
    told, page = sheet.told, sheet.page
    page.title(*map(printable, _title(sheet)))
    page.gap()
    if told.resumes:
        _write_resumes(sheet)
    elif len(told.runs) == 2:
        (parting,) = told.divergences
        page.line(printable(parting.sentence), _LOOKS[parting.level])
        _write_curves(sheet)
        compare_pair.write_keys(sheet)
        _write_findings(sheet)
        compare_pair.write_differences(sheet, parting)
    else:
        _write_curves(sheet)
        compare_many.write_runs(sheet)
        compare_many.write_partings(sheet)
        _write_findings(sheet)
    _write_groups(sheet)
    for note in told.notes:
        page.gap()
        page.line(f"{note[0].upper()}{note[1:]}.", Look.FAINT)
    return page.text()


def _title(sheet: Sheet) -> tuple[str, str]:
    told = sheet.told
    if len(told.runs) == 1:
        return told.runs[0].label, f"resumed {'once' if len(told.resumes) == 1 else f'{len(told.resumes)} times'}"
    if len(told.runs) > 2:
        return f"{len(told.runs)} runs", f"compared with {told.baseline.label}"
    ids = " and ".join(run.run_id for run in told.runs if run.run_id != run.label)
    room = (sheet.width - len(" and ")) // 2
    return " and ".join(cut(run.label, room) for run in told.runs), ids


def _write_curves(sheet: Sheet) -> None:
    """Draw every run's loss as one line, all at one scale."""
    curves = [sheet.told.curves.get(run.run_id, ()) for run in sheet.told.runs]
    size = max(map(len, curves), default=0)
    if not size:
        return
    room = max(map(len, sheet.labels))
    step = max(1, -(-size // max(8, min(size, sheet.width - room - 32))))
    points = [point for curve in curves for point in _points(curve, step)]
    drawn = draw(points, width=len(points), height=1)
    if drawn is None:
        return
    sheet.page.gap()
    share = len(points) // len(curves)
    line, marks = drawn.lines[0].ljust(len(points)), drawn.marks.ljust(len(points))
    rows = []
    for index, (label, metrics) in enumerate(zip(sheet.labels, sheet.told.metrics, strict=True)):
        part = slice(index * share, (index + 1) * share)
        shape = "".join(mark if mark == MARK else cell for cell, mark in zip(line[part], marks[part], strict=True))
        ends = f"{number(metrics.loss_first)} → {number(metrics.loss_last_tenth)}"
        rows.append((f"loss  {label:<{room}}  ", shape, f"  {ends}"))
    sheet.page.drawing(rows)


def _write_findings(sheet: Sheet) -> None:
    told = sheet.told
    if told.findings is None:
        return
    sheet.page.heading("FINDINGS THAT DIFFER")
    if not told.findings:
        sheet.page.note("None: the diagnoses say the same of every run.", Look.FAINT)
        return
    side_by_side = len(told.runs) <= SIDE_BY_SIDE
    headers = ("finding", "severity", *sheet.labels) if side_by_side else ("finding", "severity", "found in")
    rows = []
    for one in told.findings:
        steps = [f"step {one.steps[run.run_id]}" if run.run_id in one.steps else "-" for run in told.runs]
        having = [label for label, run in zip(sheet.labels, told.runs, strict=True) if run.run_id in one.steps]
        found_in = cut(", ".join(having), max(LABEL_ROOM, sheet.width - FINDING_ROOM))
        rows.append([one.code, one.severity, *(steps if side_by_side else [found_in])])
    sheet.page.table(headers, rows)


def _write_groups(sheet: Sheet) -> None:
    if not sheet.told.groups:
        return
    for pair, of_pair in groupby(sheet.told.groups, key=lambda one: (one.baseline, one.group)):
        rows = list(of_pair)
        a, b = (
            f"{name} (n={len(runs)})" for name, runs in zip(pair, (rows[0].baseline_runs, rows[0].runs), strict=True)
        )
        sheet.page.heading(f"{b} AGAINST {a}")
        sheet.page.table(
            ("metric", "means", f"difference, {rows[0].confidence:.0%}", ""),
            [
                [
                    one.metric.replace("_", " "),
                    f"{number(one.baseline_mean)} → {number(one.mean)}",
                    "" if one.interval is None else " to ".join(map(rate, one.interval)),
                    _REAL[one.real],
                ]
                for one in rows
            ],
        )
    sheet.page.note("Intervals are studentized bootstraps over runs; where one leaves zero out the difference is real.")


def _write_resumes(sheet: Sheet) -> None:
    for index, resume in enumerate(sheet.told.resumes):
        if index:
            sheet.page.gap()
        rank = f" on rank {resume.rank}" if resume.rank else ""
        sheet.page.line(
            f"Resumed at step {resume.first_step}{rank}: segment {resume.old_segment} had come to step"
            f" {resume.old_last_step}, {resume.segment} goes on.",
            Look.GOOD if resume.continues else Look.WARNING,
        )
        if resume.loss_before is not None and resume.loss_after is not None:
            sheet.page.note(f"loss {number(resume.loss_before)} before, {number(resume.loss_after)} after")
        for state in resume.states:
            sheet.page.note(f"{state.thing:<10} {state.state.value:<10} {state.because}", _STATES[state.state])


def _csv(comparison: Comparison, all_keys: bool) -> str:
    """Return one row a run."""
    keys, _ = shown_keys(comparison, all_keys)
    parts = {part.run: part for part in comparison.divergences}
    names = [name for name in Metrics.__dataclass_fields__ if name != "run"]
    columns = ["run_id", "name", "level", "component", "parts_at_step", *names, *(key.path for key in keys)]
    rows = []
    for index, (run, metrics) in enumerate(zip(comparison.runs, comparison.metrics, strict=True)):
        part = parts.get(run.run_id)
        parted = [None] * 3 if part is None else [part.level.value, part.component, part.first_step]
        values = [None if key.values[index] is ABSENT else key.values[index] for key in keys]
        rows.append([run.run_id, run.name, *parted, *(getattr(metrics, name) for name in names), *values])
    return render_rows(rows, columns, "csv")


def _points(curve: Sequence[float | None], step: int) -> list[Point]:
    """Return a curve's points, `step` of its slices each."""
    made = []
    for start in range(0, len(curve), step):
        part = [value for value in curve[start : start + step] if value is not None]
        finite = [value for value in part if math.isfinite(value)]
        made.append(Point(sum(finite) / len(finite) if finite else None, len(finite) < len(part)))
    return made
