"""Many runs, a row each: what they are judged by, what differs in their config, where they part from the baseline."""

from debugstore.analysis.compare.metrics import better
from debugstore.analysis.compare.sentences import COMPONENT_WORDS
from debugstore.analysis.compare.values import Level
from debugstore.analysis.findings import number
from debugstore.render.compare_cells import VERDICTS, Sheet, fact_name, key_name, key_value, many, room, shown_keys
from debugstore.render.style import Look

_NOWHERE = {Level.IDENTICAL: "nowhere", Level.UNKNOWN: "no step in common"}
_COLUMNS = {
    "loss_last_tenth": "loss",
    "loss_best": "best",
    "validation_loss_best": "val. loss",
    "accuracy_last_tenth": "accuracy",
    "validation_accuracy_best": "val. acc.",
    "last_step": "last step",
    "step_to_loss": "to loss",
}


def write_runs(sheet: Sheet) -> None:
    """Write one row a run: the number it is judged by, what differs in its config, then its other numbers."""
    told = sheet.told
    keys, equal = shown_keys(told, sheet.all_keys)
    judged, base = _judged(sheet), told.runs.index(told.baseline)
    rows = [("* " if index == base else "") + label for index, label in enumerate(sheet.labels)]
    marks = [
        VERDICTS[better(judged, getattr(told.metrics[base], judged), getattr(one, judged))] for one in told.metrics
    ]
    columns = [("run", rows), _column(sheet, judged), ("", marks)]
    free = sheet.width - 2 - sum(room(*column) for column in columns)
    left_out = 0
    for key in keys:
        column = (key_name(key), [key_value(value, 12) for value in key.values])
        fits = room(*column) <= free
        left_out += not fits
        if fits:
            free -= room(*column)
            columns.append(column)
    for name in _COLUMNS:
        column = _column(sheet, name)
        if name != judged and any(column[1]) and room(*column) <= free:
            free -= room(*column)
            columns.append(column)
    sheet.page.heading("RUNS")
    headers, cells = zip(*columns, strict=True)
    sheet.page.table(headers, [list(row) for row in zip(*cells, strict=True)])
    facts = [
        f"* the baseline, by whose {_COLUMNS[judged]} the others are better or worse",
        f"{many(equal, 'key')} equal",
    ]
    if left_out:
        facts.append(f"{left_out} more that differ do not fit here: see --format csv")
    sheet.page.note(f"{'; '.join(facts)}.", Look.FAINT)


def write_partings(sheet: Sheet) -> None:
    if not sheet.told.divergences:
        return
    labels = {run.run_id: label for run, label in zip(sheet.told.runs, sheet.labels, strict=True)}
    sheet.page.heading("WHERE THEY PART FROM THE BASELINE")
    rows = []
    for part in sheet.told.divergences:
        where = _NOWHERE.get(part.level, str(part.first_step))
        if part.fact and not part.exact and part.last_equal_step is not None:
            where = f"{part.last_equal_step} to {part.first_step}"
        what = COMPONENT_WORDS.get(part.component, "")
        rows.append([labels[part.run], part.level.value, where, what, fact_name(part.fact)])
    sheet.page.table(("run", "level", "at step", "what", "first fact"), rows)


def _column(sheet: Sheet, name: str) -> tuple[str, list[str]]:
    return _COLUMNS[name], [number(getattr(one, name)) for one in sheet.told.metrics]


def _judged(sheet: Sheet) -> str:
    """Return the metric that runs are judged by: the validation loss where every run has one."""
    validated = all(one.validation_loss_best is not None for one in sheet.told.metrics)
    return "validation_loss_best" if validated else "loss_last_tenth"
