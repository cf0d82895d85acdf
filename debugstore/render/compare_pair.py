"""Two runs side by side: set-up, numbers, losses at equal steps, the facts and parameters that differ."""

from debugstore.analysis.compare.values import Divergence, Level
from debugstore.analysis.findings import number
from debugstore.render.compare_cells import (
    Sheet,
    amount,
    change,
    cut,
    difference,
    fact_name,
    key_name,
    key_value,
    many,
    percent,
    rate,
    shown_keys,
    with_step,
)
from debugstore.render.style import Look

SHOWN_SERIES = 12
SHOWN_PARAMS = 5
_AXES = {"step": "steps", "tokens": "tokens", "seconds": "seconds"}

_METRICS = {
    "loss_first": "loss, first logged",
    "loss_last_tenth": "loss, last tenth",
    "loss_final": "loss, last logged",
    "loss_best": "loss, best",
    "loss_area": "loss, mean of all",
    "num_nonfinite_loss": "losses not finite",
    "accuracy_last_tenth": "accuracy, last tenth",
    "accuracy_final": "accuracy, last logged",
    "accuracy_best": "accuracy, best",
    "validation_loss_final": "val. loss, last",
    "validation_loss_best": "val. loss, best",
    "validation_accuracy_best": "val. accuracy, best",
    "total_norm_mean": "grad. norm, mean",
    "total_norm_max": "grad. norm, max",
    "update_ratio_mean": "update ratio, mean",
    "last_step": "last logged step",
    "tokens": "tokens",
    "seconds": "seconds",
    "step_to_loss": "step at asked loss",
    "seconds_to_loss": "seconds to it",
}
_COUNTS = ("step_to_loss", "last_step", "num_nonfinite_loss")
"""Metrics whose difference in per cent says nothing."""


def write_differences(sheet: Sheet, parting: Divergence) -> None:
    """Write the numbers and facts that differ, the numbers only where something does."""
    if parting.level is not Level.IDENTICAL:
        _write_numbers(sheet)
        _write_points(sheet)
    _write_series(sheet, parting)
    _write_params(sheet)


def write_keys(sheet: Sheet) -> None:
    shown, equal = shown_keys(sheet.told, sheet.all_keys)
    sheet.page.heading("CONFIG")
    if shown:
        room = max(10, (sheet.width - 4 - max(len(key_name(key)) for key in shown)) // len(sheet.labels) - 2)
        sheet.page.table(
            ("", *sheet.labels),
            [[key_name(key), *(key_value(value, room) for value in key.values)] for key in shown],
        )
    if not sheet.all_keys and equal:
        others = many(equal, "other key" if shown else "key")
        said = f"{others} {'is' if equal == 1 else 'are'} equal."
        sheet.page.note(said if shown else f"Nothing differs: {said}", Look.FAINT)


def _write_numbers(sheet: Sheet) -> None:
    a, b = sheet.told.metrics
    sheet.page.heading("NUMBERS")
    rows = []
    for name, title in _METRICS.items():
        left, right = getattr(a, name), getattr(b, name)
        if (left is None and right is None) or (name == "num_nonfinite_loss" and not left and not right):
            continue
        moved = [difference(left, right), "" if name in _COUNTS else change(name, left, right)]
        rows.append([title, *(with_step(one, name) for one in (a, b)), *moved])
    if sheet.told.to_loss is not None and a.step_to_loss is None and b.step_to_loss is None:
        rows.append([f"step at loss {number(sheet.told.to_loss)}", "never", "never", "", ""])
    sheet.page.table(("", *sheet.labels, "difference", ""), rows)


def _write_points(sheet: Sheet) -> None:
    points = sheet.told.equal_points
    if not points:
        return
    a, b = (cut(label, 9) for label in sheet.labels)
    sheet.page.heading(f"LOSS AT EQUAL {_AXES[sheet.told.axis].upper()}")
    if sheet.told.axis != "step":
        sheet.page.table(
            (_AXES[sheet.told.axis], a, b, "difference"),
            [[f"to {amount(p.at)}", *map(number, p.loss), difference(p.loss[0], p.loss[1])] for p in points],
        )
        return
    norms = any(value is not None for point in points for value in point.total_norm)
    ratios = any(value is not None for point in points for value in point.update_ratio)
    headers = ["step", a, b, "difference", *(["gradient", "norm"] * norms), *(["update", "ratio"] * ratios)]
    rows = [
        [
            str(point.at),
            *map(number, point.loss),
            difference(point.loss[0], point.loss[1]),
            *(map(rate, point.total_norm) if norms else ()),
            *(map(rate, point.update_ratio) if ratios else ()),
        ]
        for point in points
    ]
    sheet.page.table(headers, rows)


def _write_series(sheet: Sheet, part: Divergence) -> None:
    parted = [series for series in part.series if series.differing]
    if not parted:
        return
    sheet.page.heading("FACTS THAT DIFFER")
    rows = [
        [
            fact_name(series.name),
            f"{series.differing} of {series.common}",
            str(series.first_step),
            number(series.max_abs_diff),
            number(series.max_abs_diff_step),
            percent(series.max_rel_diff),
        ]
        for series in sorted(parted, key=lambda one: one.first_step or 0)[:SHOWN_SERIES]
    ]
    sheet.page.table(("fact", "rows", "first at", "max |diff|", "at step", "relative"), rows)
    equal = len(part.series) - len(parted)
    if equal:
        sheet.page.note(f"The other {many(equal, 'fact')} logged are equal throughout.", Look.FAINT)


def _write_params(sheet: Sheet) -> None:
    if not sheet.told.params:
        return
    sheet.page.heading("PARAMETERS THAT DIFFER MOST")
    a, b = (cut(label, 12) for label in sheet.labels)
    room = max(22, sheet.width - 58)
    rows = [
        [
            f"{cut(one.name, room)}, {one.quantity}",
            *map(rate, (one.baseline_mean, one.run_mean)),
            f"step {one.first_step}",
        ]
        for one in sheet.told.params[:SHOWN_PARAMS]
    ]
    sheet.page.table(("mean over common steps", a, b, "first at"), rows)
