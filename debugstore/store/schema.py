"""The tables. Those of known events are made from the event contract: a field of `events.types` is a column here.

A column named after another table's row holds that row's `id`: `run` is `runs.id`, `segment` is `segments.id`,
`param` is `params.id`. The texts people type stay in one place each: `runs.run_id`, `segments.key`, `params.name`.

Every event row is keyed by (`run`, `segment`, `seq`) and clustered by it, so that a run's rows lie together and a
table can be distributed by `run`. `extra` and `envelope` hold what the typed columns cannot give back exactly. Foreign
keys lead with the run too, and stop at the event tables: the rows of a part table are written with their event, in one
transaction.
"""

from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

from debugstore.events.types import EVENT_TYPES, EventData, ModuleActivation
from debugstore.store.fields import fields_of

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _identity() -> list[Any]:
    """Return the columns that every event row starts with."""
    return [
        Column("run", Integer, nullable=False),
        Column("segment", Integer, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("rank", Integer, nullable=False),
        Column("step", BigInteger, nullable=False),
        Column("epoch", BigInteger),
        Column("timestamp", Double),
    ]


def _of_segment() -> ForeignKeyConstraint:
    """Return the constraint that an event's segment exists and is its run's."""
    return ForeignKeyConstraint(["run", "segment"], ["segments.run", "segments.id"], ondelete="CASCADE")


def _remainder() -> list[Any]:
    """Return the columns that every event row ends with: JSON texts, NULL on nearly every row."""
    return [Column("nonfinite", Text), Column("extra", Text), Column("envelope", Text)]


_TYPES: dict[str, TypeEngine[Any]] = {
    "real": Double(),
    "whole": BigInteger(),
    "flag": Boolean(),
    "text": Text(),
    "json": Text(),
}
"""The column of each kind of field."""


def _fields(kind: type[msgspec.Struct]) -> list[Any]:
    return [Column(field.name, _TYPES[field.kind]) for field in fields_of(kind).all]


def _keyed(name: str, *parts: Any, key: tuple[str, ...]) -> Table:
    """Return a table clustered by its key, which starts with the run."""
    return Table(name, metadata, *parts, PrimaryKeyConstraint(*key), sqlite_with_rowid=False)


def _event_table(kind: type[EventData]) -> Table:
    parts = (*_identity(), *_fields(kind), *_remainder(), _of_segment())
    return _keyed(kind.table, *parts, key=("run", "segment", "seq"))


def _part_table(name: str, *parts: Any, key: str) -> Table:
    """Return a table whose rows are parts of one event, such as one parameter of it."""
    identity = _identity()[:3]
    return _keyed(name, *identity, *parts, key=("run", "segment", "seq", key))


runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True, doc="what other tables call `run`"),
    Column("run_id", Text, nullable=False, doc="the id that its logs say, or the name of the file where they say none"),
    Column("name", Text, doc="what people call it: `run_name`, or the one given by `debugstore runs rename`"),
    Column(
        "status", Text, doc="how its last segment ended: completed, failed or interrupted; NULL if that is not known"
    ),
    Column("started_at", Double, doc="moment of the first event, in seconds since 1970"),
    Column("config", Text, doc="JSON: the user's config, as the last start says it"),
    Column("optimizer", Text, doc="JSON: the parameter groups, as the last start says them"),
    Column("environment", Text, doc="JSON: python, torch, device, commit"),
    Column("trainable_params", BigInteger, doc="elements that require a gradient"),
    Column("frozen_params", BigInteger, doc="elements that do not"),
    Column("total_params", BigInteger, doc="elements of all parameters"),
    Column("world_size", BigInteger, doc="processes of the training"),
    Column("tags", Text, doc="JSON: a list of texts"),
    Column("notes", Text, doc="a text of `debugstore runs note`"),
    UniqueConstraint("run_id"),
)

segments = Table(
    "segments",
    metadata,
    Column("id", Integer, primary_key=True, doc="what other tables call `segment`"),
    Column("run", Integer, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, doc="the run it is of"),
    Column("rank", Integer, nullable=False, doc="index of the process that wrote it"),
    Column("key", Text, nullable=False, doc="what tells it from others of its run and rank"),
    Column("kind", Text, nullable=False, doc="native, foreign or piece"),
    Column("source", Text, doc="file it was first read from"),
    Column("started_at", Double, doc="moment of its first event, in seconds since 1970"),
    Column("first_step", BigInteger, doc="least step of its events"),
    Column("last_step", BigInteger, doc="greatest step of its events"),
    Column("first_seq", BigInteger, nullable=False, doc="least number of its events"),
    Column("next_seq", BigInteger, nullable=False, doc="one more than the greatest"),
    Column("num_events", BigInteger, nullable=False, doc="events that the store has of it"),
    Column("num_steps", BigInteger, nullable=False, doc="of these, logged training steps"),
    Column("superseded_from", BigInteger, doc="step from which a later segment did its work again"),
    UniqueConstraint("run", "rank", "key"),
    UniqueConstraint("run", "id"),
    Index(None, "key"),
)
"""`kind` is `native` (its first event names the key), `foreign` (a log without run and seq: the key is a fingerprint of
its first line) or `piece` (a native log whose beginning was not seen). A row of an event counts in the `current_` views
while its step is below `superseded_from`, the first step of a later segment of its rank."""

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("host", Text, nullable=False, doc="machine that read it"),
    Column("path", Text, nullable=False, doc="absolute path, `-` for standard input"),
    Column("read_bytes", BigInteger, nullable=False, doc="bytes of it that were read, after unpacking"),
    Column("read_lines", BigInteger, nullable=False, doc="lines of it that were read"),
    Column("num_events", BigInteger, nullable=False, doc="events among them"),
    Column("num_rejects", BigInteger, nullable=False, doc="lines among them that are no event"),
    Column("head_digest", Text, nullable=False, doc="digest of the first bytes read"),
    Column("tail_digest", Text, nullable=False, doc="digest of the last bytes read"),
    Column("state", Text, nullable=False, doc="JSON: what reading on needs to know"),
    UniqueConstraint("host", "path"),
)
"""How far each file was read: `read_bytes` of it, which begin and end as the digests say."""

params = Table(
    "params",
    metadata,
    Column("id", Integer, primary_key=True, doc="what other tables call `param`"),
    Column("name", Text, nullable=False, doc="name of a parameter, as the model says it"),
    UniqueConstraint("name"),
)

event_tables: dict[str, Table] = {kind.event_type: _event_table(kind) for kind in EVENT_TYPES.values()}

events = _keyed(
    "events",
    *_identity(),
    Column("event_type", Text, nullable=False, doc="type of the event"),
    Column("data", Text, nullable=False, doc="JSON: its data, as it came"),
    Column("envelope", Text),
    _of_segment(),
    key=("run", "segment", "seq"),
)

grad_norms = _part_table(
    "grad_norms",
    Column("param", Integer, nullable=False, doc="the parameter"),
    Column("norm", Double, doc="L2 of its gradient"),
    Column("listed", Integer, nullable=False, doc="1 among the largest, 2 among the smallest, 3 in both lists"),
    Column("nonfinite", Text),
    key="param",
)
"""`listed` says in which list the parameter stood: 1 among the largest, 2 among the smallest, 3 in both."""

param_changes = _part_table(
    "param_changes",
    Column("param", Integer, nullable=False, doc="the parameter"),
    Column("change", Double, doc="mean absolute change by one optimizer step"),
    Column("ratio", Double, doc="norm of the change over the norm of the weights"),
    Column("nonfinite", Text),
    key="param",
)

module_activations = _part_table(
    "module_activations",
    Column("module", Text, nullable=False, doc="name of the module"),
    *_fields(ModuleActivation),
    Column("nonfinite", Text),
    key="module",
)

optimizer_groups = _part_table(
    "optimizer_groups",
    Column("idx", Integer, nullable=False, doc="place in the list of the event"),
    Column("optimizer_idx", BigInteger, doc="index of the optimizer"),
    Column("group_idx", BigInteger, doc="index of the group in it"),
    Column("type", Text, doc="class of the optimizer"),
    Column("lr", Double, doc="learning rate"),
    Column("weight_decay", Double, doc="weight decay"),
    Column("eps", Double, doc="epsilon of the adaptive optimizers"),
    Column("momentum", Double, doc="momentum"),
    Column("maximize", Boolean, doc="it climbs instead of descending"),
    Column("num_params", BigInteger, doc="tensors of the group"),
    key="idx",
)

stretches = _keyed(
    "stretches",
    Column("run", Integer, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("low_seq", BigInteger, nullable=False, doc="first number of the stretch, whether or not an event has it"),
    Column("high_seq", BigInteger, nullable=False, doc="number after the last"),
    Column("num_steps", BigInteger, nullable=False, doc="rows of `steps`"),
    Column("first_step", BigInteger, doc="least step of these"),
    Column("last_step", BigInteger, doc="greatest step of these"),
    Column("num_losses", BigInteger, nullable=False, doc="rows of `steps` with a loss that is finite"),
    Column("loss_sum", Double, doc="sum of the losses"),
    Column("least_loss", Double, doc="least loss"),
    Column("greatest_loss", Double, doc="greatest loss"),
    Column("num_accuracies", BigInteger, nullable=False, doc="rows of `steps` with an accuracy"),
    Column("accuracy_sum", Double, doc="sum of the accuracies"),
    Column("greatest_accuracy", Double, doc="greatest accuracy"),
    Column("num_grads", BigInteger, nullable=False, doc="rows of `grads`"),
    Column("num_norms", BigInteger, nullable=False, doc="of these, with a total norm that is finite"),
    Column("norm_sum", Double, doc="sum of the total norms"),
    Column("least_norm", Double, doc="least total norm"),
    Column("greatest_norm", Double, doc="greatest total norm"),
    Column("num_zero_norms", BigInteger, nullable=False, doc="total norms that are zero"),
    Column("greatest_grad", Double, doc="greatest `max_grad`"),
    Column("num_updates", BigInteger, nullable=False, doc="rows of `param_updates`"),
    Column("num_still_updates", BigInteger, nullable=False, doc="of these, with no parameter changed"),
    Column("num_ratios", BigInteger, nullable=False, doc="of these, with an update ratio that is finite"),
    Column("ratio_sum", Double, doc="sum of the update ratios"),
    Column("least_ratio", Double, doc="least update ratio"),
    Column("greatest_ratio", Double, doc="greatest update ratio"),
    _of_segment(),
    key=("run", "segment", "low_seq"),
)
"""What a stretch of a long run's events holds: 1,024 numbers of a segment. Derived from its rows: a question about the
whole run is answered from stretches and a few thousand rows. `db rebuild` makes them anew."""

rejects = Table(
    "rejects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False, doc="file it stood in"),
    Column("line_number", BigInteger, nullable=False, doc="its number there, from 1"),
    Column("reason", Text, nullable=False, doc="why it is no event"),
    Column("raw", Text, nullable=False, doc="the line, cut after 2,000 characters"),
    Column("digest", Text, nullable=False, doc="tells the line wherever a copy of it lies"),
    UniqueConstraint("digest"),
)
"""Lines that are no event. `digest` tells a line by its bytes and by the event before it, wherever a copy lies."""

plan_tables: dict[str, Table] = {**event_tables, "events": events}
"""The table of each plan of `rows`."""

part_tables: tuple[Table, ...] = (grad_norms, param_changes, module_activations, optimizer_groups)
"""The tables that hold parts of events."""
