"""The logger inside the loops of others: a file each, loaded only when named, each needing its own package.

Here is what they share: a step's facts out of whatever a framework has at hand.
"""

from collections.abc import Mapping
from typing import Any

NO_FACTS: dict[str, Any] = dict.fromkeys(("logits", "labels", "inputs", "accuracy", "learning_rate"))


def facts(**known: Any) -> dict[str, Any]:
    """Return what `Session.training_step` takes, with None for what is not known."""
    return {**NO_FACTS, **known}


def metrics(values: Mapping[str, Any], *prefixes: str) -> dict[str, Any]:
    """Return the metrics that carry one of some prefixes, without it: `eval_loss` and `val/loss` are `loss`."""
    found = {}
    for name, value in values.items():
        prefix = next((prefix for prefix in prefixes if name.startswith(prefix)), None)
        if prefix is not None:
            plain = name.removeprefix(prefix)
            found["accuracy" if plain == "acc" else plain] = value
    return found
