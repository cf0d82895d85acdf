"""A report as text: for a terminal, as markdown, as JSON, as CSV. The figures come from `analysis.report`."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from debugstore.analysis.findings import Check, Finding, Verdict
from debugstore.analysis.report import FEW_LOSSES, Report, State
from debugstore.errors import ArgumentError
from debugstore.render.curve import MARK, Point, draw
from debugstore.render.page import MarkdownPage, Page, TerminalPage
from debugstore.render.style import Look
from debugstore.render.tables import strict_json

FORMATS = ("table", "json", "csv", "markdown")
CURVE_HEIGHT = 5
NARROWEST = 40
SHOWN_EPOCHS = 12
SHOWN_PARAMS = 5
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
    _draw_loss(report, page, width)
    _write_findings(report, page)
    _write_progression(report, page)
    _write_improvement(report, page)
    _write_gradients(report, page)
    _write_updates(report, page)
    _write_data(report, page)
    _write_run(report, page)
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
        parts.append(f"{_counted(run['trainable_params'])} trainable parameters")
    return str(run["run_id"]), " · ".join(part for part in parts if part)


def _draw_loss(report: Report, page: Page, width: int) -> None:
    points = [Point(row["loss_mean"], row["num_nonfinite"] > 0) for row in report.curve]
    curve = draw(points, width=width - 14, height=CURVE_HEIGHT) if len(points) > 1 else None
    if curve is None:
        return
    page.gap()
    first, last = report.curve[0]["first_step"], report.curve[-1]["last_step"]
    unit = "loss, height logarithmic, " if curve.logarithmic else "loss, "
    marks = f", {MARK} not finite" if curve.marks else ""
    page.curve(curve, _short(curve.lowest), _short(curve.highest), f"{unit}step {first}{marks}", f"step {last}")


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


def _write_progression(report: Report, page: Page) -> None:
    page.heading("TRAINING PROGRESSION")
    rows: list[Mapping[str, Any] | None] = list(report.progression)
    if not rows:
        page.note("No training step is logged.")
        return
    if len(rows) > SHOWN_EPOCHS:
        half = SHOWN_EPOCHS // 2
        rows = [*rows[:half], None, *rows[-half:]]
    headers = ("epoch", "steps", "loss first", "last", "mean", "acc. first", "last", "lr first", "last")
    page.table(
        headers,
        [
            ["…"] * len(headers)
            if row is None
            else [
                _short(row["epoch"]),
                _short(row["steps"]),
                *(_short(row[key]) for key in ("loss_first", "loss_last", "loss_mean")),
                *(_share(row[key]) for key in ("accuracy_first", "accuracy_last")),
                *(_rate(row[key]) for key in ("learning_rate_first", "learning_rate_last")),
            ]
            for row in rows
        ],
    )
    if report.validations:
        shown = report.validations[-SHOWN_PARAMS:]
        page.gap()
        page.table(
            ("validation at", "loss", "accuracy"),
            [[f"step {row['step']}", _short(row["loss"]), _share(row["accuracy"])] for row in shown],
        )


def _write_improvement(report: Report, page: Page) -> None:
    page.heading("IMPROVEMENT CHECK")
    row = report.improvement
    if not row["num_losses"]:
        page.note("No finite loss is logged.")
        return
    rows = [["loss", _short(row["loss_first"]), _short(row["loss_last"]), _gain(row["loss_first"], row["loss_last"])]]
    if row["accuracy_first"] is not None:
        gain = _difference(row["accuracy_first"], row["accuracy_last"])
        rows.append(["accuracy", _share(row["accuracy_first"]), _share(row["accuracy_last"]), gain])
    page.table(("", f"first {row['num_first']} logged", f"last {row['num_last']} logged", "change"), rows)
    page.note(f"Best loss {_short(row['loss_best'])} at step {row['loss_best_step']}.")
    if row["num_losses"] < FEW_LOSSES:
        page.note(f"{row['num_losses']} losses are too few for a trend.")


def _write_gradients(report: Report, page: Page) -> None:
    page.heading("GRADIENT ANALYSIS")
    row = report.gradients
    if not row["steps"]:
        page.note("No gradient is logged.")
        return
    keys = ("total_norm_min", "total_norm_median", "total_norm_mean", "total_norm_max")
    cells = [_short(row[key]) for key in (*keys, "total_norm_first", "total_norm_last")]
    page.table(("", "min", "median", "mean", "max", "first 10", "last 10"), [["total norm", *cells]])
    facts = [
        _of("tensors have a gradient", row["num_params_with_grad_min"], row["num_params_total"]),
        f"clipped in {_percent(row['clipped_share'])} of the steps" if row["clipped_share"] is not None else "",
        f"zero in {row['num_zero_steps']} steps" if row["num_zero_steps"] else "",
        f"not finite in {row['num_nonfinite_steps']} of {row['steps']} steps" if row["num_nonfinite_steps"] else "",
    ]
    page.note(_sentence(facts))
    _write_params(page, row["params"], ("norm_mean",), ("L2 of the gradient, lately",))


def _write_updates(report: Report, page: Page) -> None:
    page.heading("PARAMETER UPDATES")
    row = report.updates
    if not row["steps"]:
        page.note("No optimizer step is measured.")
        return
    if row["update_ratio_mean"] is not None:
        keys = ("update_ratio_min", "update_ratio_mean", "update_ratio_max", "update_ratio_last")
        page.table(("", "min", "mean", "max", "last"), [["update ratio", *(_rate(row[key]) for key in keys)]])
    facts = [
        _of("tensors changed in the last measured step", row["num_params_updated_last"], row["num_params_total"]),
        f"nothing changed in {row['num_still_steps']} of {row['steps']} measured steps"
        if row["num_still_steps"]
        else "",
    ]
    page.note(_sentence(facts))
    _write_params(page, row["params"], ("change_mean", "ratio_mean"), ("mean |change|", "update ratio, lately"))


def _write_params(page: Page, params: Sequence[Mapping[str, Any]], keys: Sequence[str], names: Sequence[str]) -> None:
    if not params:
        return
    page.gap()
    shown = params[:SHOWN_PARAMS]
    page.table(
        (f"largest of {len(params)}", *names), [[row["name"], *(_rate(row[key]) for key in keys)] for row in shown]
    )


def _write_data(report: Report, page: Page) -> None:
    page.heading("DATA")
    label, batch = report.sanity, report.batches
    facts = []
    if label:
        classes = f" of {label['expected_max'] + 1} classes" if label["expected_max"] is not None else ""
        facts.append(f"labels {_short(label['label_min'])} to {_short(label['label_max'])}{classes}")
        facts.append(f"{label['num_out_of_range']} out of range" if label["num_out_of_range"] else "")
        facts.append(_of("ignored", label["num_ignored"], _total(label["num_valid"], label["num_ignored"])))
        facts.append(f"entropy {_short(label['label_entropy'])} nats" if label["label_entropy"] is not None else "")
    if batch["input_std"] is not None:
        facts.append(f"inputs {_short(batch['input_mean'])} ± {_short(batch['input_std'])}")
    if batch["num_fingerprints"]:
        facts.append(_of("logged batches distinct", batch["num_distinct_fingerprints"], batch["num_fingerprints"]))
    page.note(_sentence(facts) if any(facts) else "Nothing about the batches is logged.")


def _write_run(report: Report, page: Page) -> None:
    run, cost = report.run, report.cost
    page.heading("RUN")
    if len(report.segments) > 1:
        page.table(
            ("segment", "rank", "steps", "ended", "superseded from"),
            [
                [
                    str(row["segment"]),
                    _short(row["rank"]),
                    f"{_short(row['first_step'])} to {_short(row['last_step'])}",
                    row["status"] or "not said",
                    _short(row["superseded_from"]),
                ]
                for row in report.segments
            ],
        )
        if run["num_superseded_steps"]:
            page.note(
                f"{run['num_superseded_steps']} logged steps were superseded by a later segment and do not count."
            )
        page.gap()
    if report.ranks:
        keys = ("loss_mean", "total_norm_mean", "step_seconds_mean", "data_seconds_mean")
        page.table(
            ("rank", "steps", "loss mean", "total norm", "step s", "data s"),
            [[str(row["rank"]), _short(row["steps"]), *(_short(row[key]) for key in keys)] for row in report.ranks],
        )
        page.gap()
    errors = [row["error"] for row in report.segments if row["error"]]
    for error in errors:
        page.note(f"It ended with: {error}", Look.ERROR)
    step = cost["step_seconds_mean"]
    shares = [
        f"{name} {_percent(cost[key] / step)}"
        for name, key in (("data", "data_seconds_mean"), ("backward", "backward_seconds_mean"))
        if step and cost[key] is not None
    ]
    facts = [
        f"{_short(cost['seconds'])} s in all" if cost["seconds"] is not None else "",
        f"a step takes {_short(step * 1000)} ms" + (f" ({', '.join(shares)})" if shares else "") if step else "",
        f"the logger took {_percent(cost['logger_share'])} of the time" if cost["logger_share"] is not None else "",
        f"peak memory {_counted(cost['peak_bytes'])}B" if cost["peak_bytes"] else "",
        f"{run['num_logger_errors']} errors inside the logger" if run["num_logger_errors"] else "",
    ]
    page.note(_sentence(facts) if any(facts) else "Nothing about time or memory is logged.")


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


def _short(value: Any) -> str:
    """Return a figure of a table: four significant digits, a dash for none."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else f"{value:.4g}"
    return str(value)


def _rate(value: float | None) -> str:
    """Return a figure that may be small, as a learning rate is: below a thousandth with its power of ten."""
    return "-" if value is None else f"{value:.3g}" if value == 0 or abs(value) >= 1e-3 else f"{value:.1e}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _gain(first: float | None, last: float | None) -> str:
    if first is None or last is None or not first:
        return "-"
    return f"{100 * (last - first) / abs(first):+.1f} %"


def _difference(first: float | None, last: float | None) -> str:
    return "-" if first is None or last is None else f"{last - first:+.3f}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _of(what: str, part: int | None, whole: int | None) -> str:
    return "" if part is None or whole is None else f"{part} of {whole} {what}"


def _total(part: int | None, other: int | None) -> int | None:
    return None if part is None or other is None else part + other


def _sentence(facts: Sequence[str]) -> str:
    """Join facts, those that are empty left out."""
    joined = "; ".join(fact for fact in facts if fact)
    return f"{joined[0].upper()}{joined[1:]}." if joined else ""


def _counted(number: float) -> str:
    """Return a count or a size in thousands: 1.2 M."""
    for unit in ("", "K", "M", "G"):
        if abs(number) < 1000:
            return f"{number:.3g} {unit}".rstrip() if not unit else f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} T"
