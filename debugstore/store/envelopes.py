"""The envelope of an event against its row: what the identity columns do not give back.

A native line has the seven keys of the contract, each equal to its column, and needs nothing more. Otherwise the column
`envelope` holds ``{"absent": [keys the line has not], "as_written": {keys that differ or are not ours}}``.
"""

import math
from typing import Any

from debugstore.events import ENVELOPE_KEYS
from debugstore.store import texts

_MISSING = object()


def remainder(envelope: dict[str, Any], row: dict[str, Any]) -> str | None:
    """Return what `row`, the columns by key, does not say of a line's `envelope`; None where it says all."""
    absent = [key for key in ENVELOPE_KEYS if key not in envelope]
    as_written = {key: value for key, value in envelope.items() if not _same(value, row.get(key, _MISSING))}
    if not absent and not as_written:
        return None
    made: dict[str, Any] = {}
    if absent:
        made["absent"] = absent
    if as_written:
        made["as_written"] = as_written
    return texts.dump(made)


def restored(row: dict[str, Any], remainder: str | None) -> dict[str, Any]:
    """Give back a line's envelope, its keys in the contract's order."""
    if remainder is None:
        return row
    made = texts.load(remainder)
    absent = made.get("absent", ())
    return {**{key: value for key, value in row.items() if key not in absent}, **made.get("as_written", {})}


def _same(value: Any, column: Any) -> bool:
    """Say whether a column gives a value back exactly: 1 is not 1.0, and 0.0 is not -0.0."""
    if type(value) is not type(column) or value != column:
        return False
    return not isinstance(value, float) or math.copysign(1, value) == math.copysign(1, column)
