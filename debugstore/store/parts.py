"""Parts of an event that have rows of their own: parameters, modules, parameter groups.

A list is given back from its rows where they say it exactly; otherwise it also stands whole in the event's `extra`, and
its rows are the best that can be made of it. Rows here lack the key of their event (run, segment, seq), which the
writer puts before them; a parameter is its name, which the writer turns into its id.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from debugstore.errors import EventError
from debugstore.events import codec
from debugstore.events.nonfinite import KEY
from debugstore.events.types import ModuleActivation
from debugstore.store import texts
from debugstore.store.fields import Columns, Field, fields_of, join, read_value, split

LARGEST, SMALLEST = 1, 2
"""Values of `grad_norms.listed`; their sum says both."""

NUMBER_LISTS = {
    "gradient_stats": ("top_10_grad_norms", "bottom_10_grad_norms"),
    "param_updates": ("top_10_param_changes", "top_10_update_ratios"),
}
"""Lists of numbers by parameter."""

PartRow = tuple[Any, ...]
Data = Mapping[str, Any]


class Parts(NamedTuple):
    """How the lists of one type of event become rows, and rows these lists again."""

    table: str
    columns: tuple[str, ...]
    """Those of a `PartRow`; one named `param` holds a parameter's id."""

    lists: frozenset[str]
    make: Callable[[Data, dict[str, Any]], list[PartRow]]
    """From an event's data to rows; puts a list that its rows do not say exactly into the second argument."""
    restore: Callable[[Sequence[PartRow]], dict[str, Any]]
    """From rows to the lists they say."""


_NUMBER = Field("number", "real")
_MODULE = fields_of(ModuleActivation)
_GROUP = (
    Field("optimizer_idx", "whole"),
    Field("group_idx", "whole"),
    Field("type", "text"),
    Field("lr", "real"),
    Field("weight_decay", "real"),
    Field("eps", "real"),
    Field("momentum", "real"),
    Field("maximize", "flag"),
    Field("num_params", "whole"),
)
"""What of a parameter group has a column."""


def _named(data: Data, name: str) -> Mapping[str, Any]:
    """Return the object that a list is, empty where it is absent or null."""
    value = data.get(name)
    if value is not None and not isinstance(value, dict):
        raise EventError(f"{name} must be an object, got {codec.shown(value)}")
    return value or {}


def _numbers(data: Data, name: str, extra: dict[str, Any]) -> dict[str, tuple[float | None, str | None]]:
    """Return number and mark by parameter of one list; put the list into `extra` where these do not say it."""
    listed = _named(data, name)
    marks = listed.get(KEY)
    marks = marks if isinstance(marks, dict) else {}
    found = {}
    exact = bool(listed) and all(key in listed and listed[key] is None for key in marks)
    for key, value in listed.items():
        if key == KEY and isinstance(value, dict):
            exact = exact and bool(marks)
            continue
        try:
            number, word, said = read_value(_NUMBER, value, marks.get(key))
        except TypeError:
            raise EventError(f"{name}: {key} must be a number, got {codec.shown(value)}") from None
        stored = texts.made_name(key)
        found[stored] = (number, word)
        exact = exact and said and stored == key
    if name in data and not exact:
        extra[name] = data[name]
    return found


def _marks(**words: str | None) -> str | None:
    """Return the text of a row's column `nonfinite`."""
    marks = {column: word for column, word in words.items() if word is not None}
    return texts.dump(marks) if marks else None


def _mark(marks: str | None, column: str) -> str | None:
    return texts.load(marks).get(column) if marks else None


def _object(pairs: list[tuple[str, float | None, str | None]]) -> dict[str, Any]:
    """Return numbers by parameter as the object a log has, marks included."""
    made: dict[str, Any] = {name: number for name, number, _ in pairs}
    marks = {name: word for name, _, word in pairs if word is not None}
    return {**made, KEY: marks} if marks else made


def _make_grad_norms(data: Data, extra: dict[str, Any]) -> list[PartRow]:
    rows: dict[str, PartRow] = {}
    for name, (norm, word) in _numbers(data, "top_10_grad_norms", extra).items():
        rows[name] = (name, norm, LARGEST, _marks(norm=word))
    for name, (norm, word) in _numbers(data, "bottom_10_grad_norms", extra).items():
        listed = LARGEST + SMALLEST if name in rows else SMALLEST
        row = (name, norm, listed, _marks(norm=word))
        if name not in rows or (*rows[name][:2], listed, rows[name][3]) == row:
            rows[name] = row
        else:  # one parameter, two norms: the row keeps the first
            extra["bottom_10_grad_norms"] = data["bottom_10_grad_norms"]
    return list(rows.values())


def _restore_grad_norms(rows: Sequence[PartRow]) -> dict[str, Any]:
    lists = {}
    for name, bit in zip(NUMBER_LISTS["gradient_stats"], (LARGEST, SMALLEST), strict=True):
        found = [(param, norm, _mark(marks, "norm")) for param, norm, listed, marks in rows if listed & bit]
        if found:
            lists[name] = _object(found)
    return lists


_CHANGE_LISTS = dict(zip(("change", "ratio"), NUMBER_LISTS["param_updates"], strict=True))


def _make_param_changes(data: Data, extra: dict[str, Any]) -> list[PartRow]:
    found = [_numbers(data, name, extra) for name in _CHANGE_LISTS.values()]
    rows = []
    for name in dict.fromkeys([*found[0], *found[1]]):
        pairs = [numbers.get(name, (None, None)) for numbers in found]
        (change, change_word), (ratio, ratio_word) = pairs
        rows.append((name, change, ratio, _marks(change=change_word, ratio=ratio_word)))
    return rows


def _restore_param_changes(rows: Sequence[PartRow]) -> dict[str, Any]:
    lists = {}
    for index, (column, name) in enumerate(_CHANGE_LISTS.items()):
        pairs = [(row[0], row[1 + index], _mark(row[3], column)) for row in rows]
        pairs = [pair for pair in pairs if pair[1] is not None or pair[2] is not None]
        if pairs:
            lists[name] = _object(pairs)
    return lists


def _make_modules(data: Data, extra: dict[str, Any]) -> list[PartRow]:
    modules = _named(data, "modules")
    rows = {}
    exact = bool(modules)
    for name, facts in modules.items():
        if not isinstance(facts, dict):
            raise EventError(f"modules: {name} must be an object, got {codec.shown(facts)}")
        try:
            columns = split(_MODULE, facts)
        except EventError as error:
            raise EventError(f"modules: {name}: {error.reason}") from None
        stored = texts.made_name(name)
        rows[stored] = (stored, *columns.values, _marks(**columns.nonfinite))
        exact = exact and not columns.extra and stored == name
    if "modules" in data and not exact:
        extra["modules"] = data["modules"]
    return list(rows.values())


def _restore_modules(rows: Sequence[PartRow]) -> dict[str, Any]:
    modules = {
        name: join(_MODULE, Columns(values, texts.load(marks) if marks else {}, {})) for name, *values, marks in rows
    }
    return {"modules": modules} if modules else {}


def _make_groups(name: str) -> Callable[[Data, dict[str, Any]], list[PartRow]]:
    """Return what makes rows of a list of parameter groups, whose event keeps the list itself too."""

    def make(data: Data, _: dict[str, Any]) -> list[PartRow]:
        groups = data.get(name)
        if not isinstance(groups, list):
            return []
        return [
            (index, *map(_of_group(group), _GROUP)) for index, group in enumerate(groups) if isinstance(group, dict)
        ]

    return make


def _of_group(group: Data) -> Callable[[Field], Any]:
    def column(field: Field) -> Any:
        try:
            return read_value(field, group.get(field.name), None)[0]
        except TypeError:
            return None

    return column


def _groups(name: str) -> Parts:
    """Return the rows of a list of parameter groups, which the event itself keeps too."""
    columns = ("idx", *(field.name for field in _GROUP))
    return Parts("optimizer_groups", columns, frozenset(), _make_groups(name), lambda _: {})


PARTS: dict[str, Parts] = {
    "gradient_stats": Parts(
        "grad_norms",
        ("param", "norm", "listed", KEY),
        frozenset(NUMBER_LISTS["gradient_stats"]),
        _make_grad_norms,
        _restore_grad_norms,
    ),
    "param_updates": Parts(
        "param_changes",
        ("param", *_CHANGE_LISTS, KEY),
        frozenset(NUMBER_LISTS["param_updates"]),
        _make_param_changes,
        _restore_param_changes,
    ),
    "activations": Parts(
        "module_activations",
        ("module", *(field.name for field in _MODULE.all), KEY),
        frozenset({"modules"}),
        _make_modules,
        _restore_modules,
    ),
    "fit_start": _groups("optimizer"),
    "epoch_start": _groups("optimizer_state"),
}
"""Parts by type of event."""
