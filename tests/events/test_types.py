"""The contract describes itself and can be read back by typed decoding."""

from typing import get_args, get_type_hints

import msgspec
import pytest

from debugstore.events import ALIASES, EVENT_TYPES, EventData, encode


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=EVENT_TYPES)
def test_every_field_is_described(kind: type[EventData]) -> None:
    """A field without a sentence would leave the reference page blank."""
    hints = get_type_hints(kind, include_extras=True)
    for name in kind.__struct_fields__:
        if name != "nonfinite":
            meta = [part for part in get_args(hints[name])[1:] if isinstance(part, msgspec.Meta)]
            assert len(meta) == 1, name
            assert meta[0].description, name


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=EVENT_TYPES)
def test_absent_null_and_value_are_three_things(kind: type[EventData]) -> None:
    """A field that an event lacks is UNSET, not null."""
    first = next(name for name in kind.__struct_fields__ if name != "nonfinite")
    assert getattr(msgspec.json.decode(b"{}", type=kind), first) is msgspec.UNSET
    assert getattr(msgspec.json.decode(encode({first: None}), type=kind), first) is None


def test_aliases_name_fields_of_the_contract() -> None:
    """An alias for a field that does not exist would never be read."""
    known = {name for kind in EVENT_TYPES.values() for name in kind.__struct_fields__}
    assert set(ALIASES) <= known
    assert not known & {alias for aliases in ALIASES.values() for alias in aliases}
