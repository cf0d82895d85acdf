"""Lines to events and back: strict when writing, lenient when reading others' logs."""

import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from debugstore.errors import EventError
from debugstore.events import nonfinite

MAX_LINE_BYTES = 64 * 1024 * 1024


class Event(msgspec.Struct, kw_only=True):
    """One line of a log, in strict form: non-finite numbers are None and marked (see `nonfinite`).

    Of the envelope only `event_type`, `step` and `data` are required; what a line lacks is None here. `envelope` holds
    the line's own envelope, exactly as it came, without `data`.
    """

    event_type: str
    step: int
    data: dict[str, Any]
    run_id: str | None = None
    rank: int | None = None
    seq: int | None = None
    epoch: int | None = None
    timestamp: float | None = None
    envelope: dict[str, Any] = msgspec.field(default_factory=dict)


ENVELOPE_KEYS = ("event_type", "timestamp", "run_id", "rank", "seq", "step", "epoch")

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()
WORDS_OF_OTHERS = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}


def encode(value: Mapping[str, Any]) -> bytes:
    """Encode one event's mapping as a strict JSON line, with its line end.

    Numbers that are not finite are marked. Tuples become arrays; keys must be strings. What JSON cannot say raises.

    Raises:
        ValueError, TypeError: the mapping holds something JSON cannot say.
    """
    strict = dict(value)
    try:
        line = _ENCODER.encode(strict)
        if line.count(b"null") > _absent(strict):  # the encoder writes what is not finite as null
            line = _ENCODER.encode(nonfinite.mark(strict))
        return line + b"\n"
    except UnicodeEncodeError:  # a lone surrogate: only the escaped form can carry it
        strict = nonfinite.mark(strict)
        return json.dumps(strict, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def _absent(event: dict[str, Any]) -> int:
    """Return how many fields of an event, and of its data, are None: these are null rightly."""
    return sum(
        item is None for holder in (event, event.get("data")) if isinstance(holder, dict) for item in holder.values()
    )


def parse(line: bytes) -> dict[str, Any]:
    """Parse one line to its object in strict form, whoever wrote it.

    Reads bare ``NaN``/``Infinity`` and numbers too large for a double as marked non-finite values, and lone surrogates.

    Raises:
        EventError: the line is no JSON object; the reason says where it breaks.
    """
    try:
        value = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _parse_leniently(line)
    if not isinstance(value, dict):
        raise EventError(f"a line must be a JSON object, got {shown(value)}")
    return value


def _parse_leniently(line: bytes) -> Any:
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EventError(f"not UTF-8 at byte {error.start}") from None
    try:
        return nonfinite.mark(json.loads(text, parse_constant=float))
    except json.JSONDecodeError as error:
        raise EventError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise EventError("not JSON: nested too deeply") from None
    except ValueError as error:
        raise EventError(str(error)) from None


def decode(line: bytes) -> Event:
    """Read one line as an event.

    Raises:
        EventError: it is no event; the reason names the key and what it holds.
    """
    value = parse(line)
    data = value.pop("data", None)
    if not isinstance(data, dict):
        raise EventError(f"data must be an object, got {shown(data)}")
    return Event(
        event_type=_event_type(value),
        step=_required_whole(value, "step"),
        data=data,
        run_id=_run_id(value),
        rank=_whole(value, "rank"),
        seq=_whole(value, "seq"),
        epoch=_whole(value, "epoch"),
        timestamp=_timestamp(value),
        envelope=value,
    )


def real(value: Any) -> float | str | None:
    """Read a number of a known field: a float, the word for a non-finite one, None, or raise `TypeError`."""
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return "inf" if value > 0 else "-inf"
    if isinstance(value, str) and value in WORDS_OF_OTHERS:
        return WORDS_OF_OTHERS[value]
    raise TypeError(f"a number, got {shown(value)}")


def _event_type(value: dict[str, Any]) -> str:
    kind = value.get("event_type")
    if not isinstance(kind, str) or not kind:
        raise EventError(f"event_type must be a name, got {shown(kind)}")
    return kind


def _run_id(value: dict[str, Any]) -> str | None:
    run_id = value.get("run_id")
    if run_id is not None and (not isinstance(run_id, str) or not run_id):
        raise EventError(f"run_id must be a name, got {shown(run_id)}")
    return run_id


def _required_whole(value: dict[str, Any], key: str) -> int:
    number = _whole(value, key)
    if number is None:
        raise EventError(f"{key} is missing")
    return number


def _whole(value: dict[str, Any], key: str) -> int | None:
    number = value.get(key)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if number is None or (isinstance(number, int) and not isinstance(number, bool) and -(2**63) <= number < 2**63):
        return number
    raise EventError(f"{key} must be an integer, got {shown(number)}")


def _timestamp(value: dict[str, Any]) -> float | None:
    stamp = value.get("timestamp")
    if stamp is None or (isinstance(stamp, int | float) and not isinstance(stamp, bool)):
        try:
            return None if stamp is None or not math.isfinite(stamp) else float(stamp)
        except OverflowError:
            return None
    raise EventError(f"timestamp must be a number of seconds, got {shown(stamp)}")


def shown(value: Any) -> str:
    """Name a JSON value for a message, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
