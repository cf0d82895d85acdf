"""The fast path: lines exactly as our logger writes them, decoded and made into rows in bulk.

It takes only lines whose rows give them back without `extra`, `envelope` or `nonfinite`; any other takes the exact path
of `rows`, and a test holds that both make the same rows. Typed decode spares the dictionary of every event; what its
types let pass and a row would not say (an integer where a float is due, a negative zero, a NUL) is looked for in whole
columns, and a type of event that has one takes the exact path for as long as a block lasts.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Union

import msgspec
from msgspec import UNSET, Meta, UnsetType

from debugstore.events import EVENT_TYPES
from debugstore.store.fields import Field, fields_of
from debugstore.store.numbers import OddError, Params, number_rows, real_numbers
from debugstore.store.parts import NUMBER_LISTS
from debugstore.store.shapes import Column, Columns, kinds_of, packed, shape

_Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_Rank = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_Number = int | float
_Label = Annotated[int, Meta(ge=-(2**53), le=2**53)] | float
_TYPES: dict[str, Any] = {"real": _Number, "whole": _Whole, "flag": bool, "text": str, "json": Any}

_ABSOLUTE = 1e6
"""A timestamp below this is relative: another path's business."""

_ENVELOPE = ("seq", "step", "epoch", "timestamp")
_TAKEN = sorted(EVENT_TYPES.keys() - {"fit_start", "epoch_start", "activations"})
"""Types that come often and whose parts, if any, are lists of numbers; `fit_start` opens segments: the exact path."""

_NONE = type(None)


class Line:
    """One type of event: how its lines are decoded, and the rows of many of them."""

    def __init__(self, event_type: str) -> None:
        self.event_type = event_type
        self._table = EVENT_TYPES[event_type].table
        self._fields = fields_of(EVENT_TYPES[event_type]).all
        self._lists = NUMBER_LISTS.get(event_type, ())
        self.type = self._type()

    def _type(self) -> type[msgspec.Struct]:
        fields = [
            # Where null could be a value, absence is told from it.
            (
                field.name,
                _Label if field.written_whole else _TYPES[field.kind],
                UNSET if field.kind == "json" else None,
            )
            for field in self._fields
        ]
        lists = [(name, dict[str, _Number], None) for name in self._lists]
        strict: dict[str, Any] = {"forbid_unknown_fields": True, "gc": False}
        envelope = [
            ("timestamp", _Number),
            ("run_id", Annotated[str, Meta(min_length=1)]),
            ("rank", _Rank),
            ("seq", _Whole),
            ("step", _Whole),
            ("epoch", _Whole | None),
            ("data", msgspec.defstruct(f"{self.event_type}_data", [*fields, *lists], **strict)),
        ]
        return msgspec.defstruct(self.event_type, envelope, tag_field="event_type", tag=self.event_type, **strict)

    def rows(self, events: list[Any], params: Params) -> tuple[Columns, Columns]:
        """Return the rows of events, and those of their lists.

        Args:
            params: what stands for parameters.

        Raises:
            OddError: there is a value that the rows would not say.
        """
        moments = [event.timestamp for event in events]
        if kinds_of(moments) != {float} or min(moments) < _ABSOLUTE:
            raise OddError
        seqs = [event.seq for event in events]
        epochs = [event.epoch for event in events]
        names = list(_ENVELOPE)
        columns: list[Column] = [
            packed(seqs, {int}),
            packed([event.step for event in events], {int}),
            packed(epochs, kinds_of(epochs)),
            packed(moments, {float}),
        ]
        values = list(zip(*[_astuple(event.data) for event in events], strict=True))
        for field, column in zip(self._fields, values, strict=False):
            if column[0] is None and field.kind != "json" and column.count(None) == len(column):
                continue
            kinds = kinds_of(column)
            if kinds <= {_NONE, UnsetType}:
                if field.kind == "json" and _NONE in kinds:
                    raise OddError
                continue
            names.append(field.name)
            columns.append(_column(field, column, kinds))
        lists = values[len(self._fields) :]
        parts = number_rows(self.event_type, params, seqs, *lists) if lists else {}
        return {shape(self.event_type, self._table, tuple(names)): columns}, parts


def _column(field: Field, values: Sequence[Any], kinds: set[type]) -> Column:
    """Return what a column holds of a field's values.

    Raises:
        OddError: there is a value that it would not say.
    """
    if field.kind == "json":
        if _NONE in kinds:
            raise OddError
        return [None if value is UNSET else _encode(value).decode() for value in values]
    if field.kind == "text" and "\0" in "".join(filter(None, values)):
        raise OddError
    if field.written_whole:
        if float in kinds and any(type(value) is float and value.is_integer() for value in values):
            raise OddError
    elif field.kind == "real":
        return real_numbers(values, kinds)
    return packed(values, kinds)


LINES = {line.type: line for line in map(Line, _TAKEN)}
"""By the type of what `read` returns."""

_decode: Callable[[bytes], Any] = msgspec.json.Decoder(Union[tuple(LINES)]).decode  # noqa: UP007
_encode = msgspec.json.Encoder().encode
_astuple = msgspec.structs.astuple


def read(lines: Iterable[bytes]) -> list[Any]:
    """Return the event of each line, of one of the types of `LINES`; None where it is for another path.

    Their values are still to be checked, by `Line.rows`.
    """
    events: list[Any] = []
    rest = iter(lines)
    while True:
        try:
            events.extend(map(_decode, rest))
            return events
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            events.append(None)  # those before it were added, and it is no longer in the rest
