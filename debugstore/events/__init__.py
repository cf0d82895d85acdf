"""The event contract: types, encode, decode, the non-finite rule. Imports neither torch nor SQLAlchemy."""

from debugstore.events.codec import ENVELOPE_KEYS, Event, decode, encode, parse
from debugstore.events.nonfinite import mark, unmark
from debugstore.events.types import ALIASES, EVENT_TYPES, SCHEMA_VERSION, EventData

__all__ = [
    "ALIASES",
    "ENVELOPE_KEYS",
    "EVENT_TYPES",
    "SCHEMA_VERSION",
    "Event",
    "EventData",
    "decode",
    "encode",
    "mark",
    "parse",
    "unmark",
]
