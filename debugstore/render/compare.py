"""A comparison as text: for a terminal, as markdown, as JSON, as CSV. The figures come from `analysis.compare`."""

import math
from collections.abc import Sequence
from itertools import groupby

from debugstore.analysis.compare.config import ABSENT, KeyDiff
from debugstore.analysis.compare.metrics import better
from debugstore.analysis.compare.sentences import COMPONENT_WORDS, shown_value
from debugstore.analysis.compare.values import Comparison, Divergence, Level, Metrics, State
from debugstore.analysis.findings import number
from debugstore.errors import ArgumentError
from debugstore.render.curve import MARK, Point, draw
from debugstore.render.page import MarkdownPage, Page, TerminalPage
from debugstore.render.style import Look
from debugstore.render.tables import render_rows, strict_json

FORMATS = ("table", "json", "csv", "markdown")
NARROWEST = 80
LABEL_ROOM = 13
"""Characters of a run's name in a table; two runs' figures with their differences fit side by side at 80."""
SHOWN_SERIES = 12
SHOWN_PARAMS = 5
FACTOR_FROM = 2.0
"""Change from which a factor is told and not a share."""

_LOOKS = {Level.IDENTICAL: Look.GOOD, Level.DRIFT: Look.NOTE, Level.REAL: Look.WARNING, Level.UNKNOWN: Look.WARNING}
_NOWHERE = {Level.IDENTICAL: "nowhere", Level.UNKNOWN: "no step in common"}
_SHORT_FACTS = {
    "initial_parameter_fingerprint": "initial weights",
    "initial_buffer_fingerprint": "initial buffers",
}
_REAL = {True: "real", False: "within noise", None: "too few runs"}
_VERDICTS = {True: "better", False: "worse", None: ""}
_STATES = {State.CONTINUED: Look.GOOD, State.LOST: Look.ERROR, State.UNKNOWN: Look.WARNING}
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
_COLUMNS = {
    "loss_last_tenth": "loss",
    "loss_best": "best",
    "validation_loss_best": "val. loss",
    "accuracy_last_tenth": "accuracy",
    "validation_accuracy_best": "val. acc.",
    "last_step": "last step",
    "step_to_loss": "to loss",
}


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
    if format == "table":
        width = max(width, NARROWEST)
        return _Writer(comparison, TerminalPage(width, color), width).written(all_keys)
    if format == "markdown":
        return _Writer(comparison, MarkdownPage(), 10_000).written(all_keys)
    raise ArgumentError(f"a comparison has no format '{format}': choose {', '.join(FORMATS)}")


class _Writer:
    """Writes one comparison on one page, what differs first."""

    def __init__(self, comparison: Comparison, page: Page, width: int) -> None:
        self.told = comparison
        self.page = page
        self.width = width
        self.labels = _labels([run.label for run in comparison.runs])
        self.base = comparison.runs.index(comparison.baseline)

    def written(self, all_keys: bool) -> str:
        told = self.told
        self.page.title(*self._title())
        self.page.gap()
        if told.resumes:
            self._resumes()
            return self.page.text()
        pair = len(told.runs) == 2
        for part in told.divergences if pair else ():
            self.page.line(part.sentence, _LOOKS[part.level])
        self._curves()
        if pair:
            self._keys(all_keys)
            self._findings()
            if told.divergences[0].level is not Level.IDENTICAL:
                self._numbers()
                self._points()
            self._series(told.divergences[0])
            self._params()
        else:
            self._table(all_keys)
            self._partings()
            self._findings()
        self._groups()
        for note in told.notes:
            self.page.gap()
            self.page.line(f"{note[0].upper()}{note[1:]}.", Look.FAINT)
        return self.page.text()

    def _title(self) -> tuple[str, str]:
        told = self.told
        if len(told.runs) == 1:
            return told.runs[0].label, f"resumed {'once' if len(told.resumes) == 1 else f'{len(told.resumes)} times'}"
        if len(told.runs) > 2:
            return f"{len(told.runs)} runs", f"compared with {told.baseline.label}"
        ids = " and ".join(run.run_id for run in told.runs if run.run_id != run.label)
        room = (self.width - len(" and ")) // 2
        names = " and ".join(_cut(run.label, room) for run in told.runs)
        return names, ids if len(names) + 2 + len(ids) <= self.width else ""

    def _curves(self) -> None:
        """Draw every run's loss as one line, all at one scale."""
        curves = [self.told.curves.get(run.run_id, ()) for run in self.told.runs]
        size = max(map(len, curves), default=0)
        if not size or len(self.told.runs) > 12:
            return
        room = max(map(len, self.labels))
        step = max(1, -(-size // max(8, min(size, self.width - room - 32))))
        points = [point for curve in curves for point in _points(curve, step)]
        drawn = draw(points, width=len(points), height=1)
        if drawn is None:
            return
        self.page.gap()
        share = len(points) // len(curves)
        line, marks = drawn.lines[0].ljust(len(points)), drawn.marks.ljust(len(points))
        rows = []
        for index, (label, metrics) in enumerate(zip(self.labels, self.told.metrics, strict=True)):
            part = slice(index * share, (index + 1) * share)
            shape = "".join(mark if mark == MARK else cell for cell, mark in zip(line[part], marks[part], strict=True))
            ends = f"{number(metrics.loss_first)} → {number(metrics.loss_last_tenth)}"
            rows.append((f"loss  {label:<{room}}  ", shape, f"  {ends}"))
        self.page.drawing(rows)

    def _keys(self, all_keys: bool) -> None:
        shown, equal = _shown_keys(self.told, all_keys)
        self.page.heading("CONFIG")
        if shown:
            room = max(10, (self.width - 4 - max(len(_key_name(key)) for key in shown)) // len(self.labels) - 2)
            self.page.table(
                ("", *self.labels),
                [[_key_name(key), *(shown_value(value, room) for value in key.values)] for key in shown],
            )
        if not all_keys and equal:
            others = f"The other {_many(equal, 'key')} are equal." if shown else f"All {_many(equal, 'key')} are equal."
            self.page.note(others, Look.FAINT)

    def _numbers(self) -> None:
        a, b = self.told.metrics
        self.page.heading("NUMBERS")
        rows = []
        for name, title in _METRICS.items():
            left, right = getattr(a, name), getattr(b, name)
            if (left is None and right is None) or (name == "num_nonfinite_loss" and not left and not right):
                continue
            change = [_difference(left, right), "" if name in _COUNTS else _change(name, left, right)]
            rows.append([title, *(_with_step(one, name) for one in (a, b)), *change])
        if self.told.to_loss is not None and a.step_to_loss is None and b.step_to_loss is None:
            rows.append([f"step at loss {number(self.told.to_loss)}", "never", "never", "", ""])
        self.page.table(("", *self.labels, "difference", ""), rows)

    def _points(self) -> None:
        points = self.told.equal_points
        if not points:
            return
        a, b = (_cut(label, 9) for label in self.labels)
        self.page.heading(f"LOSS AT EQUAL {_AXES[self.told.axis].upper()}")
        if self.told.axis != "step":
            self.page.table(
                (_AXES[self.told.axis], a, b, "difference"),
                [[f"to {_amount(p.at)}", *map(number, p.loss), _difference(p.loss[0], p.loss[1])] for p in points],
            )
            return
        norms = any(value is not None for point in points for value in point.total_norm)
        ratios = any(value is not None for point in points for value in point.update_ratio)
        headers = ["step", a, b, "difference", *(["gradient", "norm"] * norms), *(["update", "ratio"] * ratios)]
        rows = [
            [
                str(point.at),
                *map(number, point.loss),
                _difference(point.loss[0], point.loss[1]),
                *(map(_rate, point.total_norm) if norms else ()),
                *(map(_rate, point.update_ratio) if ratios else ()),
            ]
            for point in points
        ]
        self.page.table(headers, rows)

    def _table(self, all_keys: bool) -> None:
        """Write one row a run: the number it is judged by, what differs in its config, then its other numbers."""
        told = self.told
        keys, equal = _shown_keys(told, all_keys)
        judged = self._judged()
        rows = [("* " if index == self.base else "") + label for index, label in enumerate(self.labels)]
        marks = [
            _VERDICTS[better(judged, getattr(told.metrics[self.base], judged), getattr(one, judged))]
            for one in told.metrics
        ]
        columns = [("run", rows), self._column(judged), ("", marks)]
        free = self.width - 2 - sum(_room(*column) for column in columns)
        left_out = 0
        for key in keys:
            column = (_key_name(key), [shown_value(value, 12) for value in key.values])
            fits = _room(*column) <= free
            left_out += not fits
            if fits:
                free -= _room(*column)
                columns.append(column)
        for name in _COLUMNS:
            column = self._column(name)
            if name != judged and any(column[1]) and _room(*column) <= free:
                free -= _room(*column)
                columns.append(column)
        self.page.heading("RUNS")
        headers, cells = zip(*columns, strict=True)
        self.page.table(headers, [list(row) for row in zip(*cells, strict=True)])
        facts = [
            f"* the baseline, by whose {_COLUMNS[judged]} the others are better or worse",
            f"{_many(equal, 'key')} equal",
        ]
        if left_out:
            facts.append(f"{left_out} more that differ do not fit here: see --format csv")
        self.page.note(f"{'; '.join(facts)}.", Look.FAINT)

    def _column(self, name: str) -> tuple[str, list[str]]:
        return _COLUMNS[name], [number(getattr(one, name)) for one in self.told.metrics]

    def _judged(self) -> str:
        """Return the metric that runs are judged by: the validation loss where every run has one."""
        validated = all(one.validation_loss_best is not None for one in self.told.metrics)
        return "validation_loss_best" if validated else "loss_last_tenth"

    def _partings(self) -> None:
        if not self.told.divergences:
            return
        labels = {run.run_id: label for run, label in zip(self.told.runs, self.labels, strict=True)}
        self.page.heading("WHERE THEY PART FROM THE BASELINE")
        rows = []
        for part in self.told.divergences:
            where = _NOWHERE.get(part.level, str(part.first_step))
            if part.fact and not part.exact and part.last_equal_step is not None:
                where = f"{part.last_equal_step} to {part.first_step}"
            what = COMPONENT_WORDS.get(part.component, "")
            rows.append([labels[part.run], part.level.value, where, what, _fact_name(part.fact)])
        self.page.table(("run", "level", "at step", "what", "first fact"), rows)

    def _groups(self) -> None:
        if not self.told.groups:
            return
        for pair, of_pair in groupby(self.told.groups, key=lambda one: (one.baseline, one.group)):
            rows = list(of_pair)
            a, b = (
                f"{name} (n={len(runs)})"
                for name, runs in zip(pair, (rows[0].baseline_runs, rows[0].runs), strict=True)
            )
            self.page.heading(f"{b} AGAINST {a}")
            self.page.table(
                ("metric", "means", f"difference, {rows[0].confidence:.0%}", ""),
                [
                    [
                        one.metric.replace("_", " "),
                        f"{number(one.baseline_mean)} → {number(one.mean)}",
                        "" if one.interval is None else " to ".join(map(_rate, one.interval)),
                        _REAL[one.real],
                    ]
                    for one in rows
                ],
            )
        self.page.note(
            "Intervals are studentized bootstraps over runs; where one leaves zero out the difference is real."
        )

    def _findings(self) -> None:
        told = self.told
        if told.findings is None:
            return
        self.page.heading("FINDINGS THAT DIFFER")
        if not told.findings:
            self.page.note("None: the diagnoses say the same of every run.", Look.FAINT)
            return
        headers = ("finding", "severity", *self.labels) if len(told.runs) <= 3 else ("finding", "severity", "found in")
        rows = []
        for one in told.findings:
            steps = [f"step {one.steps[run.run_id]}" if run.run_id in one.steps else "-" for run in told.runs]
            having = [label for label, run in zip(self.labels, told.runs, strict=True) if run.run_id in one.steps]
            rows.append([one.code, one.severity, *(steps if len(told.runs) <= 3 else [", ".join(having)])])
        self.page.table(headers, rows)

    def _series(self, part: Divergence) -> None:
        parted = [series for series in part.series if series.differing]
        if not parted:
            return
        self.page.heading("FACTS THAT DIFFER")
        rows = [
            [
                _fact_name(series.name),
                f"{series.differing} of {series.common}",
                str(series.first_step),
                number(series.max_abs_diff),
                number(series.max_abs_diff_step),
                _percent(series.max_rel_diff),
            ]
            for series in sorted(parted, key=lambda one: one.first_step or 0)[:SHOWN_SERIES]
        ]
        self.page.table(("fact", "rows", "first at", "max |diff|", "at step", "relative"), rows)
        equal = len(part.series) - len(parted)
        if equal:
            self.page.note(f"The other {_many(equal, 'fact')} logged are equal throughout.", Look.FAINT)

    def _params(self) -> None:
        if not self.told.params:
            return
        self.page.heading("PARAMETERS THAT DIFFER MOST")
        a, b = (_cut(label, 12) for label in self.labels)
        room = max(22, self.width - 58)
        rows = [
            [
                f"{_cut(one.name, room)}, {one.quantity}",
                *map(_rate, (one.baseline_mean, one.run_mean)),
                f"step {one.first_step}",
            ]
            for one in self.told.params[:SHOWN_PARAMS]
        ]
        self.page.table(("mean over common steps", a, b, "first at"), rows)

    def _resumes(self) -> None:
        for index, resume in enumerate(self.told.resumes):
            if index:
                self.page.gap()
            rank = f" on rank {resume.rank}" if resume.rank else ""
            self.page.line(
                f"Resumed at step {resume.first_step}{rank}: segment {resume.old_segment} had come to step"
                f" {resume.old_last_step}, {resume.segment} goes on.",
                Look.GOOD if resume.continues else Look.WARNING,
            )
            if resume.loss_before is not None and resume.loss_after is not None:
                self.page.note(f"loss {number(resume.loss_before)} before, {number(resume.loss_after)} after")
            for state in resume.states:
                self.page.note(f"{state.thing:<10} {state.state.value:<10} {state.because}", _STATES[state.state])


def _csv(comparison: Comparison, all_keys: bool) -> str:
    """Return one row a run."""
    keys, _ = _shown_keys(comparison, all_keys)
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


def _shown_keys(comparison: Comparison, all_keys: bool) -> tuple[list[KeyDiff], int]:
    """Return the keys to show and how many are left out because they are equal."""
    shown = [key for key in comparison.config if all_keys or key.differs]
    return shown, sum(not key.differs for key in comparison.config)


def _key_name(key: KeyDiff) -> str:
    return key.key if key.section == "config" else key.path


def _points(curve: Sequence[float | None], step: int) -> list[Point]:
    """Return a curve's points, `step` of its slices each."""
    made = []
    for start in range(0, len(curve), step):
        part = [value for value in curve[start : start + step] if value is not None]
        finite = [value for value in part if math.isfinite(value)]
        made.append(Point(sum(finite) / len(finite) if finite else None, len(finite) < len(part)))
    return made


def _difference(left: float | None, right: float | None) -> str:
    """Return right - left with its sign."""
    if left is None or right is None:
        return ""
    if right == left:
        return "="
    return f"{right - left:+d}" if isinstance(left, int) and isinstance(right, int) else f"{right - left:+.4g}"


def _change(name: str, left: float | None, right: float | None) -> str:
    """Return by what share of the left a metric changed, or by what factor, and whether that is better."""
    if left is None or right is None or left == right:
        return ""
    share = (right - left) / abs(left) if left else math.nan
    verdict = _VERDICTS[better(name, left, right)]
    if not math.isfinite(share):
        return verdict
    size = f"{right / left:.3g}x" if abs(share) >= FACTOR_FROM else f"{abs(share):.1%}" if verdict else f"{share:+.1%}"
    return f"{size} {verdict}".rstrip()


def _with_step(metrics: Metrics, name: str) -> str:
    """Return a metric; of one that is the best of a run, also its step."""
    step = getattr(metrics, f"{name}_step", None)
    return number(getattr(metrics, name)) + (f" @{step}" if step is not None else "")


def _fact_name(name: str | None) -> str:
    return _SHORT_FACTS.get(name or "", (name or "").replace("_", " "))


def _amount(value: float) -> str:
    """Return a number of tokens or seconds, all its digits before the point."""
    return f"{value:.0f}" if value >= 1000 else number(value)


def _percent(value: float | None) -> str:
    return "" if not value else f"{value:.2%}" if value >= 1e-4 else f"{value:.1e}"


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _room(header: str, cells: Sequence[str]) -> int:
    """Return the characters a column takes, with the gap behind it."""
    return max(len(header), *map(len, cells)) + 2


def _labels(names: Sequence[str]) -> list[str]:
    """Return names that fit a column; those that are alike when cut get their place in the row."""
    cut = [_cut(name, LABEL_ROOM) for name in names]
    return [
        label if cut.count(label) == 1 or label == name else f"{_cut(name, LABEL_ROOM - 3)} {index + 1}"
        for index, (label, name) in enumerate(zip(cut, names, strict=True))
    ]


def _cut(text: str, room: int) -> str:
    """Cut a name in its middle: names of a sweep are alike at one end."""
    if len(text) <= room:
        return text
    head = (room - 1) // 2
    return f"{text[:head]}…{text[len(text) - (room - 1 - head) :]}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
