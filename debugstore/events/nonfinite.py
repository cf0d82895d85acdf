"""The non-finite rule: how NaN and infinity travel through strict JSON.

The key holds ``null`` and the same object says under ``nonfinite`` what it was::

    {"loss": null, "nonfinite": {"loss": "nan"}}

Inside an array the mark is an object keyed by index: ``{"v": [1.0, null], "nonfinite": {"v": {"1": "inf"}}}``.
An object inside carries its own ``nonfinite``. `mark` makes the strict form, `unmark` takes it back.
"""

import math
from collections.abc import Mapping
from typing import Any

KEY = "nonfinite"
WORDS: Mapping[str, float] = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def word(value: float) -> str:
    """Name a non-finite number: ``nan``, ``inf`` or ``-inf``."""
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def mark(value: Any) -> Any:
    """Return `value` with every non-finite float replaced by None and marked; finite parts are shared, not copied.

    Raises:
        ValueError: a number outside any object has no place for a mark, or an object with a non-finite number
            already uses the key ``nonfinite`` for something else.
    """
    strict, top = _mark(value)
    if top is not None:
        raise ValueError("a non-finite number needs an object around it to carry its mark")
    return strict


def _mark(value: Any) -> tuple[Any, Any]:
    """Return the strict form and the mark that the enclosing object must carry, None when there is none."""
    if isinstance(value, float):
        return (value, None) if math.isfinite(value) else (None, word(value))
    if isinstance(value, dict):
        return _mark_object(value), None
    if isinstance(value, list | tuple):
        return _mark_array(value)
    return value, None


def _mark_object(value: dict[str, Any]) -> dict[str, Any]:
    pairs = {key: _mark(item) for key, item in value.items()}
    marks = {key: made for key, (_, made) in pairs.items() if made is not None}
    if not marks and all(item is value[key] for key, (item, _) in pairs.items()):
        return value
    strict = {key: item for key, (item, _) in pairs.items()}
    if marks:
        own = strict.get(KEY, {})
        if not isinstance(own, dict):
            raise ValueError(f"the key '{KEY}' is reserved for marks of non-finite numbers, it holds {own!r}")
        strict[KEY] = {**own, **marks}
    return strict


def _mark_array(value: list[Any] | tuple[Any, ...]) -> tuple[list[Any] | tuple[Any, ...], dict[str, Any] | None]:
    pairs = [_mark(item) for item in value]
    marks = {str(index): made for index, (_, made) in enumerate(pairs) if made is not None}
    if not marks and all(item is value[index] for index, (item, _) in enumerate(pairs)):
        return value, None
    return [item for item, _ in pairs], marks or None


def unmark(value: Any) -> Any:
    """Return `value` with every marked None turned back into its number, and the used marks removed.

    A mark that fits nothing (the key is absent or not null) is data and stays.
    """
    if isinstance(value, list):
        return [unmark(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {key: unmark(item) for key, item in value.items() if key != KEY}
    if KEY in value:
        left = _restore(plain, value[KEY])
        if left or not isinstance(value[KEY], dict) or not value[KEY]:
            plain[KEY] = left if left else unmark(value[KEY])
    return plain


def _restore(holder: dict[str, Any] | list[Any], marks: Any) -> dict[str, Any]:
    """Put marked numbers into `holder` in place; return the marks that fitted nothing."""
    if not isinstance(marks, dict):
        return {}
    left = {}
    for key, made in marks.items():
        place: Any = _index(key, len(holder)) if isinstance(holder, list) else (key if key in holder else None)
        if place is None:
            left[key] = made
        elif isinstance(made, str) and made in WORDS and holder[place] is None:
            holder[place] = WORDS[made]
        elif isinstance(made, dict) and isinstance(holder[place], list):
            inner = _restore(holder[place], made)
            if inner:
                left[key] = inner
        else:
            left[key] = made
    return left


def _index(key: str, length: int) -> int | None:
    """Return the index that a mark's key names, None when it names no element."""
    return int(key) if key.isascii() and key.isdecimal() and str(int(key)) == key and int(key) < length else None
