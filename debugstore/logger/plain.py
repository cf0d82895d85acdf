"""Any Python value as plain JSON values: for configs, metrics and the user's own events."""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

MAX_ITEMS = 10_000
MAX_DEPTH = 20


def plain(value: Any, depth: int = 0) -> Any:
    """Return `value` as JSON says it: namespace and dataclass as objects, small tensors as numbers, the rest as text.

    Never raises: what cannot even say its name becomes the name of its class.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float) and not isinstance(value, enum.Enum):
        return value if type(value) in (int, float) else (int(value) if isinstance(value, int) else float(value))
    try:
        return _plain_object(value, depth)
    except Exception:
        return f"<{type(value).__name__}>"


def _plain_object(value: Any, depth: int) -> Any:  # noqa: PLR0911 - one return a kind of value
    if depth >= MAX_DEPTH:
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, enum.Enum):
        return value.name
    if hasattr(value, "tolist") and hasattr(value, "shape"):  # a tensor or an array
        return plain(value.tolist(), depth + 1) if _size(value) <= MAX_ITEMS else str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), depth + 1) for field in dataclasses.fields(value)}
    if isinstance(value, AbstractSet):
        return [plain(item, depth + 1) for item in sorted(value, key=str)]
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item, depth + 1) for item in value]
    if type(value).__name__ == "Namespace":
        return plain(vars(value), depth + 1)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return str(value)


def _size(value: Any) -> int:
    size = 1
    for part in value.shape:
        size *= int(part)
    return size
