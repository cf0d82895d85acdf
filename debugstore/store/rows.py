"""Events to rows and back, one at a time and exactly; which run and segment they belong to is not known here."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from debugstore.errors import EventError
from debugstore.events import EVENT_TYPES, Event, decode
from debugstore.store import envelopes, texts
from debugstore.store.fields import Columns, Fields, fields_of, join, split
from debugstore.store.parts import PARTS, PartRow, Parts

UNKNOWN = "events"
"""Name of the plan, and of the table, of events that the contract does not know."""

_RANKS = range(2**31)


class Identity(NamedTuple):
    """What the row of an event says before the event's own fields."""

    run_id: str
    rank: int
    seq: int
    timestamp: float | None
    segment_key: str | None
    """The key that the first event of a native segment names; None where the log names none."""


class Row(NamedTuple):
    """One event as rows. `plan` is its type, or `UNKNOWN`; `values` lack run, segment and rank."""

    plan: str
    values: tuple[Any, ...]
    parts: list[PartRow]


class Plan(NamedTuple):
    """How one type of event becomes a row."""

    table: str
    fields: Fields
    parts: Parts | None


PLANS: dict[str, Plan] = {
    name: Plan(kind.table, fields_of(kind), PARTS.get(name)) for name, kind in EVENT_TYPES.items()
}


@cache
def columns_of(plan: str) -> tuple[str, ...]:
    """Return the columns that `Row.values` holds, in its order."""
    own = ("seq", "step", "epoch", "timestamp")
    if plan == UNKNOWN:
        return (*own, "event_type", "data", "envelope")
    return (*own, *(field.name for field in PLANS[plan].fields.all), "nonfinite", "extra", "envelope")


def table_of(plan: str) -> str:
    """Return the name of the table of a plan's rows."""
    return UNKNOWN if plan == UNKNOWN else PLANS[plan].table


def read_event(line: bytes) -> Event:
    """Read one line as an event whose names every engine holds; its envelope keeps them as they came.

    Raises:
        EventError: it is no event.
    """
    event = decode(line)
    event.event_type = texts.made_storable(event.event_type)
    if event.run_id is not None:
        event.run_id = texts.made_name(event.run_id)
    return event


def to_row(event: Event, identity: Identity) -> Row:
    """Make the rows of an event.

    Raises:
        EventError: a known field holds what it cannot mean.
    """
    if identity.rank not in _RANKS:
        raise EventError(f"rank must be from 0 to {_RANKS[-1]}, got {identity.rank}")
    plan = PLANS.get(event.event_type)
    said = _envelope(event.event_type, event.step, event.epoch, identity)
    envelope = envelopes.remainder(event.envelope, said)
    own = (identity.seq, event.step, event.epoch, identity.timestamp)
    if plan is None:
        return Row(UNKNOWN, (*own, event.event_type, texts.dump(event.data), envelope), [])
    data = _without_key(event.data, identity.segment_key) if event.event_type == "fit_start" else event.data
    columns = split(plan.fields, data, plan.parts.lists if plan.parts else frozenset())
    parts = plan.parts.make(data, columns.extra) if plan.parts else []
    nonfinite = texts.dump(columns.nonfinite) if columns.nonfinite else None
    extra = texts.dump(columns.extra) if columns.extra else None
    return Row(event.event_type, (*own, *columns.values, nonfinite, extra, envelope), parts)


def to_line(plan: str, values: Sequence[Any], parts: Sequence[PartRow], identity: Identity) -> dict[str, Any]:
    """Give back the line of an event, in strict form.

    Args:
        values: the row without run, segment and rank.
    """
    _, step, epoch, _, *fields = values
    if plan == UNKNOWN:
        event_type, data, envelope = fields[0], texts.load(fields[1]), fields[2]
    else:
        event_type, envelope = plan, fields[-1]
        data = _data(PLANS[plan], fields, parts)
        if plan == "fit_start" and identity.segment_key is not None and "segment" not in data:
            data["segment"] = identity.segment_key
    line = envelopes.restored(_envelope(event_type, step, epoch, identity), envelope)
    return {**line, "data": data}


def _data(plan: Plan, fields: Sequence[Any], parts: Sequence[PartRow]) -> dict[str, Any]:
    *values, nonfinite, extra, _ = fields
    columns = Columns(values, texts.load(nonfinite) if nonfinite else {}, texts.load(extra) if extra else {})
    data = join(plan.fields, columns)
    if plan.parts and parts:
        data = {**plan.parts.restore(parts), **data}
    return data


def _without_key(data: Mapping[str, Any], key: str | None) -> Mapping[str, Any]:
    """Leave the segment's key out of the data of its first event, where the segment says it exactly."""
    if key is None or data.get("segment") != key:
        return data
    return {name: value for name, value in data.items() if name != "segment"}


def _envelope(event_type: str, step: int, epoch: int | None, identity: Identity) -> dict[str, Any]:
    """Return what the columns say of an envelope, its keys in the contract's order."""
    return {
        "event_type": event_type,
        "timestamp": identity.timestamp,
        "run_id": identity.run_id,
        "rank": identity.rank,
        "seq": identity.seq,
        "step": step,
        "epoch": epoch,
    }
