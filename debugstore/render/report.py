"""A report as text: for a terminal, as markdown, as JSON, as CSV. The figures come from `analysis.report`."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from debugstore.analysis.findings import Check, Finding, Verdict
from debugstore.analysis.queries import Row
from debugstore.analysis.report import Report, State
from debugstore.errors import ArgumentError
from debugstore.render import report_sections as sections
from debugstore.render.curve import MARK, Point, draw
from debugstore.render.page import MarkdownPage, Page, TerminalPage
from debugstore.render.report_cells import counted, short
from debugstore.render.style import Look
from debugstore.render.tables import strict_json

FORMATS = ("table", "json", "csv", "markdown")
CURVE_HEIGHT = 5
NARROWEST = 40
MOST_NAMED = 12
_LOOKS = {"error": Look.ERROR, "warning": Look.WARNING, "note": Look.NOTE}
_STATES = {State.LEARNING: Look.GOOD, State.NOT_LEARNING: Look.ERROR, State.CANNOT_TELL: Look.WARNING}


def render(report: Report, *, format: str = "table", color: bool = False, width: int = 80) -> str:
    """Return a report as text without a last line end.

    Args:
        format: ``table`` for a terminal, ``markdown`` with the same content, ``json`` with everything, ``csv`` with
            every value on a line of its own (`section`, `row`, `name`, `value`).
        color: paint ``table`` for a terminal.
        width: characters a line of ``table`` may have.

    Raises:
        ArgumentError: the format is none of these.
    """
    if format == "json":
        return strict_json(report.to_dict(), indent=2)
    if format == "csv":
        return _csv(report)
    if format == "table":
        return _written(report, TerminalPage(max(width, NARROWEST), color), max(width, NARROWEST))
    if format == "markdown":
        return _written(report, MarkdownPage(), 80)
    raise ArgumentError(f"a report has no format '{format}': choose {', '.join(FORMATS)}")


def _written(report: Report, page: Page, width: int) -> str:
    page.title(*_title(report))
    page.gap()
    conclusion = report.conclusion.line
    page.line(conclusion[0].upper() + conclusion[1:], _STATES[State(report.conclusion.state)])
    if report.reading:
        page.note(_told(report.reading))
    _draw_loss(report, page, width)
    _write_findings(report, page)
    sections.write_progression(report, page)
    sections.write_improvement(report, page)
    sections.write_gradients(report, page)
    sections.write_updates(report, page)
    sections.write_data(report, page)
    sections.write_run(report, page)
    return page.text()


def _title(report: Report) -> tuple[str, str]:
    run = report.run
    parts = [run["name"] if run["name"] not in (None, run["run_id"]) else None, run["status"]]
    if run["last_step"] is not None:
        parts.append(f"steps {run['first_step']} to {run['last_step']}, {run['num_logged_steps']} logged")
    if run["num_ranks"] > 1:
        parts.append(f"{run['num_ranks']} ranks")
    if run["num_segments"] > run["num_ranks"]:
        parts.append(f"{run['num_segments']} segments")
    if run["trainable_params"] is not None:
        parts.append(f"{counted(run['trainable_params'])} trainable parameters")
    return str(run["run_id"]), " · ".join(part for part in parts if part)


def _told(reading: Row) -> str:
    """Say what of a long run was read."""
    return (
        f"Read from {reading['steps_read']:,} of {reading['steps']:,} logged steps: the first, the last, what stands"
        f" out, and every {reading['every']:,}th step between. Counts, means and extremes of loss, gradient norm and"
        " update are of all. --all-rows reads all."
    )


def _draw_loss(report: Report, page: Page, width: int) -> None:
    points = [Point(row["loss_mean"], row["num_nonfinite"] > 0) for row in report.curve]
    curve = draw(points, width=width - 14, height=CURVE_HEIGHT) if len(points) > 1 else None
    if curve is None:
        return
    page.gap()
    first, last = report.curve[0]["first_step"], report.curve[-1]["last_step"]
    unit = "loss, height logarithmic, " if curve.logarithmic else "loss, "
    marks = f", {MARK} not finite" if curve.marks else ""
    page.curve(curve, short(curve.lowest), short(curve.highest), f"{unit}step {first}{marks}", f"step {last}")


def _write_findings(report: Report, page: Page) -> None:
    page.heading("DIAGNOSIS")
    for finding in report.findings:
        _write_finding(finding, page)
    by_verdict = {verdict: [check for check in report.checks if check.verdict == verdict] for verdict in Verdict}
    clear, silent = by_verdict[Verdict.CLEAR], by_verdict[Verdict.NOT_APPLICABLE]
    if not report.findings:
        page.line(
            f"No finding: {len(clear)} of {len(report.checks)} diagnoses are clear.", Look.GOOD if clear else None
        )
    else:
        page.line(f"{len(clear)} of {len(report.checks)} diagnoses are clear.", Look.FAINT)
    for text in _not_applicable(silent):
        page.line(text, Look.FAINT)
    changed = [
        f"{check.code}.{name} = {value:g}" for check in report.checks for name, value in check.thresholds.items()
    ]
    if changed:
        page.line(f"Changed thresholds: {', '.join(changed)}.", Look.FAINT)


def _not_applicable(checks: Sequence[Check]) -> Iterator[str]:
    """Say which diagnoses could not be asked; of many only how many, and what the log has nothing of."""
    if len(checks) > MOST_NAMED:
        tables = sorted({check.missing[0].split(".")[0] for check in checks})
        yield f"{len(checks)} cannot be asked of this log: it lacks signals in {', '.join(tables)}."
    elif checks:
        yield f"{len(checks)} cannot be asked of this log: {', '.join(check.code for check in checks)}."


def _write_finding(finding: Finding, page: Page) -> None:
    since = f"step {finding.first_step}"
    if finding.last_step != finding.first_step:
        since += f" to {finding.last_step}"
    page.line(f"{finding.severity.upper()} {finding.code}: {finding.title}", _LOOKS[finding.severity])
    page.labelled("seen", f"{finding.message} ({since}; {finding.confidence})")
    page.labelled("why", finding.why)
    page.labelled("do", finding.remedy)
    page.labelled("rows", finding.evidence_sql, sql=True)
    for effect in finding.explained:
        page.labelled("explains", f"{effect.code}: {effect.message}")
    page.gap()


def _csv(report: Report) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("section", "row", "name", "value"))
    for section, value in report.to_dict().items():
        for row, part in enumerate(value if isinstance(value, list) else [value]):
            writer.writerows((section, row, name, cell) for name, cell in _flat(part, ""))
    return text.getvalue().removesuffix("\n")


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the plain values inside a value under dotted names."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flat(item, f"{name}.{index}")
    else:
        yield name, value
