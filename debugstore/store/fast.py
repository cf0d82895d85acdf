"""The fast path: lines exactly as our logger writes them, decoded straight to the values of their row.

It takes only lines whose row gives them back without `extra`, `envelope` or `nonfinite`, and says None to any other,
which then takes the exact path of `rows`; a test holds that both make the same rows. Typed decode spares the dictionary
of every event, and the kinds of an event's values are judged once for each combination of kinds that occurs.
"""

from collections.abc import Callable, Collection
from math import copysign
from operator import itemgetter
from typing import Annotated, Any, NamedTuple, Union

import msgspec
from msgspec import UNSET, Meta

from debugstore.events import EVENT_TYPES
from debugstore.store import texts
from debugstore.store.fields import Field, fields_of
from debugstore.store.parts import NUMBER_LISTS

_Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_Rank = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_Number = int | float
_TYPES: dict[str, Any] = {"real": _Number, "whole": _Whole, "flag": bool, "text": str, "json": Any}

_LABEL = Annotated[int, Meta(ge=-(2**53), le=2**53)] | float
"""A number usually written as an integer; larger ones have no double."""

_MANY = 4096
_ONLY_FLOATS = {float}
_ABSOLUTE = 1e6
"""A timestamp below this is relative: another path's business."""

_TAKEN = frozenset(EVENT_TYPES) - {"fit_start", "activations"}
"""Event types that come often enough to matter; `fit_start` opens segments and is left to the exact path."""


FastRow = tuple[str, int, str, tuple[Any, ...], tuple[dict[str, float] | None, ...]]
"""A native event: its run and rank, its type, the values of its row, and its lists of numbers by parameter."""


class _Verdict(NamedTuple):
    """What is left to do with the values of one combination of kinds."""

    floats: Callable[[tuple[Any, ...]], tuple[float, ...]]
    """Picks the floats: a row cannot say -0.0."""

    texts: Callable[[tuple[Any, ...]], tuple[str, ...]]
    """Picks the texts: a row cannot say NUL."""

    json: tuple[int, ...]
    """Places of values that become JSON texts."""

    labels: tuple[int, ...]
    """Places of floats that must not be whole: a whole number there is taken to have been written as an integer."""


class _Plan:
    """How one type of event is judged."""

    def __init__(self, fields: tuple[Field, ...], num_lists: int) -> None:
        self.fields = fields
        self.num_lists = num_lists
        self.verdicts: dict[tuple[type, ...], _Verdict | None] = {}

    def verdict(self, kinds: tuple[type, ...]) -> _Verdict | None:
        """Return what `judge` says of these kinds, judged once."""
        try:
            return self.verdicts[kinds]
        except KeyError:
            if len(self.verdicts) >= _MANY:
                self.verdicts.clear()
            made = self.verdicts[kinds] = self.judge(kinds)
            return made

    def judge(self, kinds: tuple[type, ...]) -> _Verdict | None:
        """Return what to do with values of these kinds; None if their row would not say them exactly."""
        typed = list(enumerate(zip(self.fields, kinds, strict=True)))
        for _, (field, kind) in typed:
            if field.kind == "json" and kind is type(None):
                return None
            if field.kind == "real" and kind is int and not field.written_whole:
                return None
        floats = [index for index, (field, kind) in typed if field.kind == "real" and kind is float]
        return _Verdict(
            floats=_picker(floats),
            texts=_picker([index for index, (field, kind) in typed if field.kind == "text" and kind is str]),
            json=tuple(index for index, (field, _) in typed if field.kind == "json"),
            labels=tuple(index for index in floats if self.fields[index].written_whole),
        )


def _picker(places: list[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    return (lambda values: (values[places[0]],)) if places else (lambda _: ())


def _line_type(event_type: str) -> type[msgspec.Struct]:
    """Return the exact form of a line of one type: every key of the envelope, no field that is not known."""
    fields = [
        (
            field.name,
            _LABEL if field.written_whole else _TYPES[field.kind],
            UNSET if field.kind == "json" else None,
        )  # where null is a value, absence is not
        for field in fields_of(EVENT_TYPES[event_type])
    ]
    lists = [(name, dict[str, _Number], None) for name in NUMBER_LISTS.get(event_type, ())]
    strict: dict[str, Any] = {"forbid_unknown_fields": True, "gc": False}
    envelope = [
        ("timestamp", _Number),
        ("run_id", Annotated[str, Meta(min_length=1)]),
        ("rank", _Rank),
        ("seq", _Whole),
        ("step", _Whole),
        ("epoch", _Whole | None),
        ("data", msgspec.defstruct(f"{event_type}_data", [*fields, *lists], **strict)),
    ]
    return msgspec.defstruct(event_type, envelope, tag_field="event_type", tag=event_type, **strict)


_LINES = {event_type: _line_type(event_type) for event_type in sorted(_TAKEN)}
_PLANS = {
    line: (event_type, _Plan(fields_of(EVENT_TYPES[event_type]), len(NUMBER_LISTS.get(event_type, ()))))
    for event_type, line in _LINES.items()
}
_decode: Callable[[bytes], Any] = msgspec.json.Decoder(Union[tuple(_LINES.values())]).decode  # noqa: UP007
_astuple = msgspec.structs.astuple


def read(line: bytes) -> FastRow | None:
    """Return the row of a line; None if the exact path must read it."""
    try:
        event = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    event_type, plan = _PLANS[type(event)]
    values = _astuple(event.data)
    numbers: tuple[Any, ...] = ()
    if plan.num_lists:
        numbers, values = values[-plan.num_lists :], values[: -plan.num_lists]
        if event_type == "gradient_stats" and not _agree(*numbers):
            return None
    verdict = plan.verdict(tuple(map(type, values)))
    timestamp, run_id = event.timestamp, event.run_id
    if verdict is None or type(timestamp) is not float or timestamp < _ABSOLUTE or not _plain(numbers):
        return None
    if _negative_zero(verdict.floats(values)) or "\0" in run_id.join(verdict.texts(values)) or "\0" in run_id:
        return None
    if verdict.json or verdict.labels:
        if any(values[index].is_integer() for index in verdict.labels):
            return None
        changed = list(values)
        for index in verdict.json:
            changed[index] = None if values[index] is UNSET else texts.dump(values[index])
        values = tuple(changed)
    row = (event.seq, event.step, event.epoch, timestamp, *values, None, None, None)
    return run_id, event.rank, event_type, row, numbers


def _negative_zero(floats: Collection[float]) -> bool:
    return 0.0 in floats and any(value == 0 and copysign(1, value) < 0 for value in floats)


def _plain(numbers: tuple[dict[str, float] | None, ...]) -> bool:
    """Say whether rows of parameters give these lists back exactly."""
    for found in numbers:
        if found is None:
            continue
        values = found.values()
        if set(map(type, values)) != _ONLY_FLOATS or _negative_zero(values) or "\0" in "".join(found):
            return False
    return True


def _agree(first: dict[str, float] | None, second: dict[str, float] | None) -> bool:
    """Say whether a parameter in both lists of norms has one number; its row has one place."""
    if not first or not second or first.keys().isdisjoint(second):
        return True
    return all(first[name] == second[name] for name in first.keys() & second.keys())
