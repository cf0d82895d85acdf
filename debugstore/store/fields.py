"""One field of an event's data and its column: what the column holds, and whether that says the value exactly.

A column always holds the best value it can: the number that a text spells, the float nearest to a large integer. What
it cannot give back exactly goes to `extra` under the field's own name, which then speaks for the field.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec

from debugstore.errors import EventError
from debugstore.events import codec
from debugstore.events.nonfinite import KEY, WORDS
from debugstore.events.types import ALIASES
from debugstore.store import texts

ABSENT: Any = object()
"""Stands for a key that a line has not."""

_WRITTEN_WHOLE = frozenset({"label_min", "label_max"})
"""Fields of real numbers that are nearly always written as integers: class labels."""

_EXACT = 2**53
"""Up to here a double holds every integer."""


class Field(NamedTuple):
    """A field that has a column."""

    name: str
    kind: str
    """real, whole, flag, text or json."""

    aliases: tuple[str, ...] = ()
    written_whole: bool = False


class Columns(NamedTuple):
    """The columns of some fields, the marks of those not finite, and what the columns cannot say."""

    values: list[Any]
    nonfinite: dict[str, Any]
    extra: dict[str, Any]


class Fields:
    """Some fields in the order of their columns."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self.all = tuple(fields)
        self.places = {field.name: place for place, field in enumerate(self.all)}
        self.aliased = tuple((place, field) for place, field in enumerate(self.all) if field.aliases)
        self.aliases = frozenset(alias for _, field in self.aliased for alias in field.aliases)


def fields_of(kind: type[msgspec.Struct]) -> Fields:
    """Return the fields of a struct of the contract that have a column."""
    hints = get_type_hints(kind)
    kinds = {name: kind_of(hints[name]) for name in kind.__struct_fields__ if name not in (KEY, "segment")}
    return Fields(
        Field(name, found, ALIASES.get(name, ()), name in _WRITTEN_WHOLE) for name, found in kinds.items() if found
    )


def kind_of(annotation: Any) -> str | None:
    """Return the kind of a field's column: real, flag, whole, text or json; None if it has rows of its own."""
    if annotation is Any:
        return "json"
    named = {float: "real", bool: "flag", int: "whole", str: "text"}
    return next((kind for made, kind in named.items() if made in get_args(annotation)), None)


def split(fields: Fields, data: Mapping[str, Any], lists: frozenset[str] = frozenset()) -> Columns:
    """Split `data` into columns and the rest; keys in `lists` have rows of their own and are left alone.

    Raises:
        EventError: a field holds what it cannot mean; the reason names it.
    """
    values: list[Any] = [None] * len(fields.all)
    columns = Columns(values, {}, {})
    given = data.get(KEY, ABSENT)
    marks = given if isinstance(given, dict) else {}
    has_alias = False
    for key, value in data.items():
        place = fields.places.get(key)
        if place is None:
            if key != KEY and key not in lists:
                columns.extra[key] = value
                has_alias = has_alias or key in fields.aliases
            continue
        try:
            values[place], word, exact = read_value(fields.all[place], value, marks.get(key))
        except TypeError as error:
            raise EventError(f"{key} must be {error}") from None
        if word is not None:
            columns.nonfinite[key] = word
        if not exact:
            columns.extra[key] = value
    hidden = _read_aliases(fields, data, marks, columns) if has_alias else frozenset()
    said = {name: word for name, word in columns.nonfinite.items() if name not in columns.extra and name not in hidden}
    if (given is not ABSENT and given != said) or given == {}:
        columns.extra[KEY] = given
    return columns


def _read_aliases(fields: Fields, data: Mapping[str, Any], marks: Mapping[str, Any], columns: Columns) -> set[str]:
    """Fill the columns of fields that a line says by another name, and return these fields.

    An alias in `extra` hides its field when data is given back, so a field that is there too stands in `extra` as well.
    """
    hidden = set()
    for place, field in fields.aliased:
        alias = next((alias for alias in field.aliases if alias in data), None)
        if alias is None:
            continue
        if field.name in data:
            columns.extra[field.name] = data[field.name]
            continue
        hidden.add(field.name)
        try:
            columns.values[place], word, _ = read_value(field, data[alias], marks.get(alias))
        except TypeError:  # another logger's field that only has this name
            continue
        if word is not None:
            columns.nonfinite[field.name] = word
    return hidden


def join(fields: Fields, columns: Columns) -> dict[str, Any]:
    """Give back the data that `split` was given."""
    values, nonfinite, extra = columns
    data: dict[str, Any] = {}
    said = {}
    for field, value in zip(fields.all, values, strict=True):
        name = field.name
        if name in extra or any(alias in extra for alias in field.aliases):
            continue
        if value is not None:
            data[name] = _give_back(field, value)
        elif name in nonfinite:
            data[name] = None
        if name in nonfinite:
            said[name] = nonfinite[name]
    if said:
        data[KEY] = said
    data.update(extra)
    return data


def read_value(field: Field, value: Any, mark: Any) -> tuple[Any, Any, bool]:
    """Return what the column holds, the mark of a value that is not finite, and whether these say the value exactly.

    Raises:
        TypeError: the value is none of this kind; the text continues "must be".
    """
    if type(value) is float and value and field.kind == "real" and not field.written_whole:
        return value, None, True
    if value is None:
        word = mark if isinstance(mark, str) and mark in WORDS else None
        return None, word, word is not None
    if field.kind == "json":
        return texts.dump(value), mark, True
    return _READERS[field.kind](value, field.written_whole)


def _read_real(value: Any, written_whole: bool) -> tuple[Any, Any, bool]:
    read = codec.real(value)
    if isinstance(read, str):
        return None, read, False
    if isinstance(value, float):
        return read, None, not (value == 0 and math.copysign(1, value) < 0) and not (written_whole and _whole(value))
    return read, None, written_whole and isinstance(value, int) and abs(value) <= _EXACT


def _whole(value: float) -> bool:
    return abs(value) <= _EXACT and value.is_integer()


def _read_whole(value: Any, _: bool) -> tuple[Any, Any, bool]:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"an integer, got {codec.shown(value)}")
    if isinstance(value, int):
        fits = -(2**63) <= value < 2**63
        return (value if fits else None), None, fits
    if isinstance(value, float):
        if not value.is_integer():
            raise TypeError(f"an integer, got {codec.shown(value)}")
        return _read_whole(int(value), False)[0], None, False
    if value not in codec.WORDS_OF_OTHERS:
        raise TypeError(f"an integer, got {codec.shown(value)}")
    return None, codec.WORDS_OF_OTHERS[value], False


def _read_flag(value: Any, _: bool) -> tuple[Any, Any, bool]:
    if isinstance(value, bool):
        return value, None, True
    if isinstance(value, int) and value in (0, 1):
        return bool(value), None, False
    raise TypeError(f"true or false, got {codec.shown(value)}")


def _read_text(value: Any, _: bool) -> tuple[Any, Any, bool]:
    if not isinstance(value, str):
        raise TypeError(f"a text, got {codec.shown(value)}")
    made = texts.made_storable(value)
    return made, None, made == value


_READERS = {"real": _read_real, "whole": _read_whole, "flag": _read_flag, "text": _read_text}


def _give_back(field: Field, value: Any) -> Any:
    if field.kind == "json":
        return texts.load(value)
    if field.kind == "flag":
        return bool(value)
    if field.written_whole and _whole(value):
        return int(value)
    return value
