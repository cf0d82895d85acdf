"""What runs were set up with: their labels, and their config, optimizer, environment and model as flat sections."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from debugstore.analysis.compare.config import ABSENT, KeyDiff, diff, flat
from debugstore.analysis.compare.values import RunLabel
from debugstore.analysis.queries import Row, shipped
from debugstore.errors import ArgumentError

if TYPE_CHECKING:
    from sqlalchemy import Connection

SECTIONS = ("config", "optimizer", "setup", "model", "environment")
"""The sections of a run's set-up: the user's config, the optimizers' parameter groups, what else the training was told,
the sizes of the model, and where it ran."""

NOT_COMPARED = ("pid",)
"""Keys of the environment that differ between any two processes."""

_SETUP = (
    "scheduler_type",
    "accumulation_steps",
    "batch_size",
    "max_epochs",
    "total_steps",
    "start_step",
    "num_classes",
    "ignore_index",
    "scaler_enabled",
    "max_dropout",
    "world_size",
)
_MODEL = ("total_params", "trainable_params", "frozen_params")
_FLAGS = ("scaler_enabled",)


@dataclass(frozen=True, slots=True)
class RunSetup:
    """One run's set-up: `sections` holds flat values by section and key; a key that was not logged is absent."""

    run: int
    run_id: str
    name: str | None
    status: str | None
    tags: tuple[str, ...]
    sections: Mapping[str, Mapping[str, Any]]


def read_setup(connection: "Connection", run: int) -> RunSetup:
    """Read one run's set-up.

    Raises:
        ArgumentError: there is no run with this id.
    """
    rows = shipped("compare")["setup"].rows(connection, run=run)
    if not rows:
        raise ArgumentError(f"no run has the id {run}")
    row = rows[0]
    environment = flat(_json(row["environment"]))
    sections = {
        "config": flat(_json(row["config"])),
        "optimizer": flat({"groups": _json(row["optimizer"])} if row["optimizer"] else {}),
        "setup": _present(row, _SETUP),
        "model": _present(row, _MODEL),
        "environment": {key: value for key, value in environment.items() if key not in NOT_COMPARED},
    }
    optimizer = {key.removeprefix("groups."): value for key, value in sections["optimizer"].items()}
    tags = _json(row["tags"])
    return RunSetup(
        run=run,
        run_id=row["run_id"],
        name=row["name"],
        status=row["status"],
        tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
        sections={**sections, "optimizer": optimizer},
    )


def labels(setups: Sequence[RunSetup]) -> tuple[RunLabel, ...]:
    """Return the runs' labels: a name where it is one run's alone, else the id."""
    names = [setup.name for setup in setups]
    return tuple(
        RunLabel(
            run=setup.run,
            run_id=setup.run_id,
            name=setup.name,
            label=setup.name if setup.name and names.count(setup.name) == 1 else setup.run_id,
        )
        for setup in setups
    )


def diff_setups(setups: Sequence[RunSetup]) -> tuple[KeyDiff, ...]:
    """Return every key of the runs' set-ups, those that are equal too, section by section."""
    made = [key for section in SECTIONS for key in diff(section, [setup.sections[section] for setup in setups])]
    return (*made, KeyDiff("run", "status", tuple(setup.status or ABSENT for setup in setups)))


def _json(text: str | None) -> Any:
    return json.loads(text) if text else {}


def _present(row: Row, names: Sequence[str]) -> dict[str, Any]:
    """Return the columns that hold a value; SQLite keeps a flag as 0 or 1."""
    return {name: bool(row[name]) if name in _FLAGS else row[name] for name in names if row[name] is not None}
