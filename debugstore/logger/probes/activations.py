"""What each module of the model puts out: over the first steps, then over a few steps, rarely."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd

from debugstore.logger.context import Context
from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.schedule import Plan
from debugstore.logger.tensors import finite_range, number, on_host, wide

MAX_RANGED = 1 << 16
MAX_MEASURED = 1 << 14
BOUNDED = {nn.Tanh: (-0.99, 0.99), nn.Sigmoid: (0.01, 0.99)}
PASSING = (nn.Identity, nn.Flatten, nn.Unflatten, _DropoutNd)
CHANNELS_FIRST = (_ConvNd, _NormBase, nn.GroupNorm)
CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.RNNBase)

Ranges = tuple[Tensor, Tensor]
"""The smallest and the largest number of each unit, (U) both."""


@dataclass(slots=True)
class _Window:
    """What is known of one module since its window began: device scalars, and each unit's range."""

    kind: str
    idx: int
    ranges: Ranges | None = None
    input_ranges: Ranges | None = None
    facts: Facts = field(default_factory=dict)


class Activations(Probe):
    """`activations`: spread, dead and saturated units, what is not finite, by module.

    What a module only passes on of the output just looked at is not looked at again; a sum may be seen there first. An
    output is looked at again as an input: what happens to it between may leave no other trace. The first rows are
    looked at, or the first samples where channels come second, one at least: 2^16 numbers for the units' ranges over a
    window, at its last step 2^14 for spread and saturation.
    """

    name = "activations"
    cost = (
        "two passes over 2^16 numbers of each module's input and output in the first five steps and in four of every "
        "five hundred, three over 2^14 in the last of these"
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._windows: dict[str, _Window] = {}
        self._last_dim = True
        self._reported = False
        self._produced = False
        self._last_made: ref[Tensor] | None = None

    def wants_modules(self, plan: Plan) -> bool:
        """Look at every step of a window; a window that starts forgets the one before."""
        if plan.window == 0:
            self._windows = {}
        self._last_dim, self._produced, self._last_made = True, False, None
        self._reported = plan.activations
        return plan.window is not None

    def module_ran(self, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        """Measure a module's output, and which units of its input are ever active."""
        made = _first_tensor(output)
        known = self._last_made is not None and self._last_made() is inputs
        self._last_made = None if made is None else ref(made)
        if known and isinstance(module, PASSING):
            return
        if made is None or not made.is_floating_point() or made.dim() < 2 or made.numel() == 0:
            return
        if isinstance(module, CHANNELS_FIRST):
            last_before, self._last_dim = self._last_dim, False
        else:
            last_before = self._last_dim
            self._last_dim = isinstance(module, CHANNELS_LAST) or self._last_dim
        window = self._windows.setdefault(name, _Window(type(module).__name__, len(self._windows)))
        values = _first(made, self._last_dim, MAX_RANGED)
        ranges = _ranges(values, self._last_dim)
        window.ranges = _widened(window.ranges, ranges)
        has_weights = next(module.parameters(recurse=False), None) is not None
        if self._produced and has_weights and isinstance(inputs, Tensor) and inputs.is_floating_point():
            window.input_ranges = _widened(
                window.input_ranges, _ranges(_first(inputs, last_before, MAX_RANGED), last_before)
            )
        self._produced = True
        if self._reported:
            window.facts = _measure(module, values, ranges, self._last_dim)

    def start_events(self, batch: Batch) -> Iterable[tuple[str, Facts]]:
        """Return the window so far: at its end, and at each of the first steps."""
        if not batch.plan.activations or not self._windows:
            return
        yield (
            "activations",
            {
                name: {
                    "forward_idx": window.idx,
                    "type": window.kind,
                    **window.facts,
                    **_shares(window),
                }
                for name, window in self._windows.items()
            },
        )

    def finish(self, event_type: str, facts: Facts) -> Facts:  # noqa: ARG002
        """Put the modules under one field."""
        return {"modules": facts}


def _first_tensor(output: Any) -> Tensor | None:
    if isinstance(output, tuple | list) and output:
        output = output[0]
    return output if isinstance(output, Tensor) and not output.is_sparse else None


def _unit(values: Tensor, last_dim: bool) -> int:
    """Return the dimension of channels: the last one, or the second."""
    return values.dim() - 1 if last_dim or values.dim() == 2 else 1


def _ranges(values: Tensor, last_dim: bool) -> Ranges:
    """Return the units' ranges; two passes along memory."""
    unit = _unit(values, last_dim)
    others = [dim for dim in range(values.dim()) if dim != unit]
    return (values.amin(dim=others), values.amax(dim=others)) if others else (values, values)


def _widened(before: Ranges | None, now: Ranges) -> Ranges:
    """Return units' ranges over a window; a unit that was ever other than zero has one that is not (0, 0)."""
    if before is None or before[0].shape != now[0].shape:
        return now
    return torch.minimum(before[0], now[0]), torch.maximum(before[1], now[1])


def _measure(module: nn.Module, values: Tensor, ranges: Ranges, last_dim: bool) -> Facts:
    low, high = ranges[0].amin(), ranges[1].amax()
    facts: Facts = {}
    if on_host(low) and math.isfinite(least := number(low)) and math.isfinite(most := number(high)):
        facts |= {"abs_max": max(-least, most), "num_nonfinite": 0}
    else:
        low, high, num_nonfinite = finite_range(values.float())
        facts |= {"abs_max": torch.maximum(-low, high), "num_nonfinite": num_nonfinite}
    sample = _first(values, last_dim, MAX_MEASURED)
    sample = sample.to(wide(sample))
    facts["std"] = torch.linalg.vector_norm(sample - sample.mean()) / math.sqrt(sample.numel())
    bounds = BOUNDED.get(type(module))
    if bounds is not None:
        facts["saturated_share"] = ((sample < bounds[0]) | (sample > bounds[1])).float().mean()
    return facts


def _first(values: Tensor, last_dim: bool, most: int) -> Tensor:
    """Return the first rows of channels, or the first samples: up to so many numbers, one at least."""
    values = values.detach()
    rows = values.flatten(0, -2) if last_dim and values.dim() > 2 and values.numel() > most else values
    return rows[: max(1, most * rows.shape[0] // rows.numel())] if rows.numel() > most else rows


def _shares(window: _Window) -> Facts:
    ranges = {"inactive_share": window.ranges, "input_inactive_share": window.input_ranges}
    return {
        key: 1 - (known[0].bool() | known[1].bool()).float().mean()
        for key, known in ranges.items()
        if known is not None
    }
