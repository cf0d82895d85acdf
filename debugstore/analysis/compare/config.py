"""What differs between the set-ups of runs: a flat diff of JSON objects, types respected. Knows no database.

1 is not 1.0, neither is "1" or true; a key that is absent is not a key that holds null.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from debugstore.events import nonfinite


class Absent(Enum):
    """The one value of a key that a run does not have; null is another thing."""

    ABSENT = "absent"

    def __bool__(self) -> bool:
        return False


ABSENT = Absent.ABSENT

OUTPUT_NOUNS = frozenset(
    re.findall(
        r"\w+",
        "checkpoint checkpoints ckpt comment debug exp experiment log logger logging logs note notes out output outputs"
        " project run save saving tag tags tensorboard title wandb",
    )
)
OUTPUT_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "date dir directory enable every file folder id interval name path prefix time timestamp uuid verbose version",
    )
)
"""A config key made of such words alone, one noun at least (`log_dir`, `saving_path`, `run_name`), says where results
go or what they are called. It is shown where it differs and not blamed: `data_path` has a word that is not here, and
is."""


WITHOUT_EFFECT = ("start_step",)
"""Keys of the set-up that are no cause: another first step is no other training."""
RATES = ("lr", "initial_lr")
"""Keys of an optimizer's group that are the learning rate, which is followed step by step."""


@dataclass(frozen=True, slots=True)
class KeyDiff:
    """One key of the runs' set-ups: a value for each run, in their order; ABSENT where a run has no such key."""

    section: str
    key: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        return any(not same(self.values[0], value) for value in self.values[1:])

    @property
    def path(self) -> str:
        """The key as `--where` reads it: `config.lr`."""
        return f"{self.section}.{self.key}"

    @property
    def names_output(self) -> bool:
        """Whether the key says where results go or what they are called, which trains nothing."""
        words = set(re.split(r"[._\-\s]+", self.key.lower()))
        return words <= OUTPUT_NOUNS | OUTPUT_FILLERS and not words.isdisjoint(OUTPUT_NOUNS)

    @property
    def is_cause(self) -> bool:
        """Whether another value can make the training another. Where it ran can too, but every run ran somewhere."""
        if self.section == "config":
            return not self.names_output
        if self.section == "optimizer":
            return self.key.rpartition(".")[2] not in RATES
        return self.section == "setup" and self.key not in WITHOUT_EFFECT


def same(left: Any, right: Any) -> bool:
    """Say whether two JSON values are equal, types respected; NaN is itself, as in a log."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def flat(value: Any) -> dict[str, Any]:
    """Return the leaves of a JSON object by dotted key; a list of objects counts them, any other list is a leaf.

    An empty object is a leaf: it is not the absence of its keys' parent. A dot within a key stays as it is.
    """
    return dict(_leaves(nonfinite.unmark(value), ""))


def _leaves(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        parts = value.items()
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        parts = {str(index): item for index, item in enumerate(value)}.items()
    else:
        if prefix:
            yield prefix, value
        return
    for key, item in parts:
        yield from _leaves(item, f"{prefix}.{key}" if prefix else str(key))


def diff(section: str, setups: Sequence[Mapping[str, Any]]) -> list[KeyDiff]:
    """Return every key of the flat set-ups, those that differ and those that do not, in the order first seen."""
    keys = dict.fromkeys(key for setup in setups for key in setup)
    return [KeyDiff(section, key, tuple(setup.get(key, ABSENT) for setup in setups)) for key in keys]
