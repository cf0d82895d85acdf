"""The fast path: lines exactly as our logger writes them, decoded and made into rows in bulk.

It takes only lines whose rows give them back without `extra`, `envelope` or `nonfinite`; any other takes the exact path
of `rows`, and a test holds that both make the same rows. Typed decode spares the dictionary of every event; the kinds
of an event's values are judged once for each combination that occurs; what can only be seen in a value (a negative
zero, a NUL) is looked for in whole columns, and a block that has one takes the exact path as a whole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Annotated, Any, Union

import msgspec
from msgspec import UNSET, Meta, UnsetType

from debugstore.events import EVENT_TYPES
from debugstore.store.fields import Field, fields_of
from debugstore.store.numbers import OddError, refuse_odd_numbers
from debugstore.store.parts import NUMBER_LISTS
from debugstore.store.shapes import Shape, shape

_Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_Rank = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_Number = int | float
_Label = Annotated[int, Meta(ge=-(2**53), le=2**53)] | float
_TYPES: dict[str, Any] = {"real": _Number, "whole": _Whole, "flag": bool, "text": str, "json": Any}

_ABSOLUTE = 1e6
"""A timestamp below this is relative: another path's business."""

_MANY = 4096
"""Combinations of kinds after which they are forgotten: no log has so many."""

_ENVELOPE = ("seq", "step", "epoch", "timestamp")
_TAKEN = sorted(EVENT_TYPES.keys() - {"fit_start", "epoch_start", "activations"})
"""Types that come often and whose parts, if any, are lists of numbers; `fit_start` opens segments: the exact path."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What to do with the values of one combination of kinds. Told from others by identity."""

    shape: Shape
    pick: Callable[[Sequence[Any]], tuple[Any, ...]]
    """From all values of an event to those that have a column with a value."""

    num_fields: int
    """Fields that have a column; lists of numbers follow them."""

    has_lists: bool
    texts: tuple[int, ...]
    json: tuple[int, ...]
    """Places in the row by kind."""

    labels: tuple[int, ...]
    """Places among all values of floats where a whole number would be taken for an integer."""

    def finish(self, flat: list[Any]) -> None:
        """Look at the values of many events once more, and make JSON texts of those that are to be.

        Raises:
            OddError: there is a value that the rows would not say.
        """
        moments = flat[3 :: self.shape.width]
        columns = self.shape.columns_of
        odd = (
            set(map(type, moments)) != {float}
            or min(moments) < _ABSOLUTE
            or any("\0" in "".join(texts) for texts in columns(flat, self.texts))
        )
        if odd:
            raise OddError
        refuse_odd_numbers(self.shape, flat)
        for place in self.json:
            flat[place :: self.shape.width] = [text.decode() for text in map(_encode, flat[place :: self.shape.width])]


class _Line:
    """One type of event: how its lines are decoded, and the forms they have."""

    def __init__(self, event_type: str) -> None:
        self.event_type = event_type
        self.fields = fields_of(EVENT_TYPES[event_type]).all
        self.lists = NUMBER_LISTS.get(event_type, ())
        self.type = self._type()
        self._forms: dict[tuple[type, ...], Form | None] = {}

    def _type(self) -> type[msgspec.Struct]:
        fields = [
            # Where null could be a value, absence is told from it.
            (
                field.name,
                _Label if field.written_whole else _TYPES[field.kind],
                UNSET if field.kind == "json" else None,
            )
            for field in self.fields
        ]
        lists = [(name, dict[str, _Number], None) for name in self.lists]
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

    def form(self, kinds: tuple[type, ...]) -> Form | None:
        """Return the form of an event whose values have these kinds, None if the exact path must read it."""
        try:
            return self._forms[kinds]
        except KeyError:
            if len(self._forms) >= _MANY:
                self._forms.clear()
            made = self._forms[kinds] = self._judge(kinds)
            return made

    def _judge(self, kinds: tuple[type, ...]) -> Form | None:
        present: list[tuple[int, Field]] = []
        for place, (field, kind) in enumerate(zip(self.fields, kinds, strict=False)):
            if (kind is type(None) and field.kind == "json") or (_is_real(field) and kind is int):
                return None
            if kind not in (type(None), UnsetType):
                present.append((place, field))
        columns = (*_ENVELOPE, *(field.name for _, field in present))
        row = list(enumerate(present, len(_ENVELOPE)))
        floats = tuple(at for at, (place, _) in row if kinds[place] is float)
        return Form(
            shape=shape(self.event_type, EVENT_TYPES[self.event_type].table, columns, floats=floats),
            pick=_picker([place for place, _ in present]),
            num_fields=len(self.fields),
            has_lists=dict in kinds[len(self.fields) :],
            texts=tuple(at for at, (_, field) in row if field.kind == "text"),
            json=tuple(at for at, (_, field) in row if field.kind == "json"),
            labels=tuple(place for at, (place, field) in row if at in floats and field.written_whole),
        )


def _is_real(field: Field) -> bool:
    return field.kind == "real" and not field.written_whole


def _picker(places: list[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    return (lambda values: (values[places[0]],)) if places else (lambda _: ())


_LINES = {line.type: line for line in map(_Line, _TAKEN)}
_decode: Callable[[bytes], Any] = msgspec.json.Decoder(Union[tuple(_LINES)]).decode  # noqa: UP007
_encode = msgspec.json.Encoder().encode
_astuple = msgspec.structs.astuple


def read(line: bytes) -> tuple[str, int, Form, tuple[Any, ...], Sequence[dict[str, float] | None]] | None:
    """Return whose event a line is, the form of its row and the row, and its lists; None if it is not for this path.

    The values are still to be checked, by `Form.check` and `check_numbers`.
    """
    try:
        event = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    values = _astuple(event.data)
    form = _LINES[type(event)].form(tuple(map(type, values)))
    if form is None:
        return None
    if any(values[place].is_integer() for place in form.labels):
        return None
    row = (event.seq, event.step, event.epoch, event.timestamp, *form.pick(values))
    return event.run_id, event.rank, form, row, values[form.num_fields :] if form.has_lists else ()
