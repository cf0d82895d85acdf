"""The sections of a report, one function each: from the figures of `analysis.report` to a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from debugstore.analysis.report import FEW_LOSSES, Report
from debugstore.render.page import Page
from debugstore.render.report_cells import counted, difference, gain, of, percent, rate, sentence, share, short, total
from debugstore.render.style import Look

SHOWN_EPOCHS = 12
SHOWN_PARAMS = 5


def write_progression(report: Report, page: Page) -> None:
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
                short(row["epoch"]),
                short(row["steps"]),
                *(short(row[key]) for key in ("loss_first", "loss_last", "loss_mean")),
                *(share(row[key]) for key in ("accuracy_first", "accuracy_last")),
                *(rate(row[key]) for key in ("learning_rate_first", "learning_rate_last")),
            ]
            for row in rows
        ],
    )
    if report.validations:
        shown = report.validations[-SHOWN_PARAMS:]
        page.gap()
        page.table(
            ("validation at", "loss", "accuracy"),
            [[f"step {row['step']}", short(row["loss"]), share(row["accuracy"])] for row in shown],
        )


def write_improvement(report: Report, page: Page) -> None:
    page.heading("IMPROVEMENT CHECK")
    row = report.improvement
    if not row["num_losses"]:
        page.note("No finite loss is logged.")
        return
    rows = [["loss", short(row["loss_first"]), short(row["loss_last"]), gain(row["loss_first"], row["loss_last"])]]
    if row["accuracy_first"] is not None:
        change = difference(row["accuracy_first"], row["accuracy_last"])
        rows.append(["accuracy", share(row["accuracy_first"]), share(row["accuracy_last"]), change])
    page.table(("", f"first {row['num_first']} logged", f"last {row['num_last']} logged", "change"), rows)
    page.note(f"Best loss {short(row['loss_best'])} at step {row['loss_best_step']}.")
    if row["num_losses"] < FEW_LOSSES:
        page.note(f"{row['num_losses']} losses are too few for a trend.")


def write_gradients(report: Report, page: Page) -> None:
    page.heading("GRADIENT ANALYSIS")
    row = report.gradients
    if not row["steps"]:
        page.note("No gradient is logged.")
        return
    keys = ("total_norm_min", "total_norm_median", "total_norm_mean", "total_norm_max")
    cells = [short(row[key]) for key in (*keys, "total_norm_first", "total_norm_last")]
    page.table(("", "min", "median", "mean", "max", "first 10", "last 10"), [["total norm", *cells]])
    facts = [
        of("tensors have a gradient", row["num_params_with_grad_min"], row["num_params_total"]),
        f"clipped in {percent(row['clipped_share'])} of the steps" if row["clipped_share"] is not None else "",
        f"zero in {row['num_zero_steps']} steps" if row["num_zero_steps"] else "",
        f"not finite in {row['num_nonfinite_steps']} of {row['steps']} steps" if row["num_nonfinite_steps"] else "",
    ]
    page.note(sentence(facts))
    _write_params(page, row["params"], ("norm_mean",), ("L2 of the gradient, lately",))


def write_updates(report: Report, page: Page) -> None:
    page.heading("PARAMETER UPDATES")
    row = report.updates
    if not row["steps"]:
        page.note("No optimizer step is measured.")
        return
    if row["update_ratio_mean"] is not None:
        keys = ("update_ratio_min", "update_ratio_mean", "update_ratio_max", "update_ratio_last")
        page.table(("", "min", "mean", "max", "last"), [["update ratio", *(rate(row[key]) for key in keys)]])
    facts = [
        of("tensors changed in the last measured step", row["num_params_updated_last"], row["num_params_total"]),
        f"nothing changed in {row['num_still_steps']} of {row['steps']} measured steps"
        if row["num_still_steps"]
        else "",
    ]
    page.note(sentence(facts))
    _write_params(page, row["params"], ("change_mean", "ratio_mean"), ("mean |change|", "update ratio, lately"))


def _write_params(page: Page, params: Sequence[Mapping[str, Any]], keys: Sequence[str], names: Sequence[str]) -> None:
    if not params:
        return
    page.gap()
    shown = params[:SHOWN_PARAMS]
    page.table(
        (f"largest of {len(params)}", *names), [[row["name"], *(rate(row[key]) for key in keys)] for row in shown]
    )


def write_data(report: Report, page: Page) -> None:
    page.heading("DATA")
    label, batch = report.sanity, report.batches
    facts = []
    if label:
        classes = f" of {label['expected_max'] + 1} classes" if label["expected_max"] is not None else ""
        facts.append(f"labels {short(label['label_min'])} to {short(label['label_max'])}{classes}")
        facts.append(f"{label['num_out_of_range']} out of range" if label["num_out_of_range"] else "")
        facts.append(of("ignored", label["num_ignored"], total(label["num_valid"], label["num_ignored"])))
        facts.append(f"entropy {short(label['label_entropy'])} nats" if label["label_entropy"] is not None else "")
    if batch["input_std"] is not None:
        facts.append(f"inputs {short(batch['input_mean'])} ± {short(batch['input_std'])}")
    if batch["num_fingerprints"]:
        facts.append(of("logged batches distinct", batch["num_distinct_fingerprints"], batch["num_fingerprints"]))
    page.note(sentence(facts) if any(facts) else "Nothing about the batches is logged.")


def write_run(report: Report, page: Page) -> None:
    run, cost = report.run, report.cost
    page.heading("RUN")
    if len(report.segments) > 1:
        page.table(
            ("segment", "rank", "steps", "ended", "superseded from"),
            [
                [
                    str(row["segment"]),
                    short(row["rank"]),
                    f"{short(row['first_step'])} to {short(row['last_step'])}",
                    row["status"] or "not said",
                    short(row["superseded_from"]),
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
            [[str(row["rank"]), short(row["steps"]), *(short(row[key]) for key in keys)] for row in report.ranks],
        )
        page.gap()
    errors = [row["error"] for row in report.segments if row["error"]]
    for error in errors:
        page.note(f"It ended with: {error}", Look.ERROR)
    step = cost["step_seconds_mean"]
    shares = [
        f"{name} {percent(cost[key] / step)}"
        for name, key in (("data", "data_seconds_mean"), ("backward", "backward_seconds_mean"))
        if step and cost[key] is not None
    ]
    facts = [
        f"{short(cost['seconds'])} s in all" if cost["seconds"] is not None else "",
        f"a step takes {short(step * 1000)} ms" + (f" ({', '.join(shares)})" if shares else "") if step else "",
        f"the logger took {percent(cost['logger_share'])} of the time" if cost["logger_share"] is not None else "",
        f"peak memory {counted(cost['peak_bytes'])}B" if cost["peak_bytes"] else "",
        f"{run['num_logger_errors']} errors inside the logger" if run["num_logger_errors"] else "",
    ]
    page.note(sentence(facts) if any(facts) else "Nothing about time or memory is logged.")
