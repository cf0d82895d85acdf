"""What the user shows of a batch, as tensors: arrays become tensors, of several inputs the first is looked at."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from debugstore.logger.event_log import warn

NAMES = ("logits", "labels", "inputs")


class Shown:
    """Turns what `training_step` is given into tensors; what cannot be is left out, said once a name."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def tensors(self, given: dict[str, Any]) -> list[Tensor | None]:
        """Return logits, labels and inputs, each a tensor or None."""
        return [self._tensor(name, given[name]) for name in NAMES]

    def _tensor(self, name: str, value: Any) -> Tensor | None:
        if value is None or isinstance(value, Tensor):
            return value
        found = first(value) if name == "inputs" else None
        if found is None and hasattr(value, "__array__"):
            try:
                found = torch.as_tensor(value)
            except (TypeError, ValueError):
                found = None
        if found is None and name not in self._said:
            self._said.add(name)
            warn(f"{name} is of type {type(value).__name__}, not a tensor: it is left out")
        return found


def first(inputs: Any) -> Tensor | None:
    """Return the first tensor of a mapping or a sequence."""
    parts = inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, list | tuple) else ()
    return next((part for part in parts if isinstance(part, Tensor)), None)
