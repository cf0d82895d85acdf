"""What each module of the model puts out: over the first steps, then over a few steps rarely."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from debugstore.logger.context import Context
from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.schedule import Plan
from debugstore.logger.tensors import finite_range

BOUNDED = {nn.Tanh: (-0.99, 0.99), nn.Sigmoid: (0.01, 0.99)}
CHANNELS_FIRST = (_ConvNd, _NormBase, nn.GroupNorm)
CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.RNNBase)


@dataclass(slots=True)
class _Window:
    """What is known of one module since its window began: device scalars, and a flag a unit."""

    kind: str
    idx: int
    active: Tensor | None = None
    input_active: Tensor | None = None
    facts: Facts = field(default_factory=dict)


class Activations(Probe):
    """`activations`: spread, dead and saturated units, what is not finite, by module."""

    name = "activations"
    cost = "six passes over every module's output, in the first five steps and in four of every five hundred"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._windows: dict[str, _Window] = {}
        self._last_dim = True
        self._produced = False

    def wants_modules(self, plan: Plan) -> bool:
        """Look at every step of a window; a window that starts forgets the one before."""
        if plan.window == 0:
            self._windows = {}
        self._last_dim, self._produced = True, False
        return plan.window is not None

    def module_ran(self, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        """Measure a module's output, and which units of its input are ever active."""
        made = _first_tensor(output)
        if made is None or not made.is_floating_point() or made.dim() < 2 or made.numel() == 0:
            return
        if isinstance(module, CHANNELS_FIRST):
            last_before, self._last_dim = self._last_dim, False
        else:
            last_before = self._last_dim
            self._last_dim = isinstance(module, CHANNELS_LAST) or self._last_dim
        window = self._windows.setdefault(name, _Window(type(module).__name__, len(self._windows)))
        values = made.detach()
        window.active = _ever(window.active, values, self._last_dim)
        has_weights = next(module.parameters(recurse=False), None) is not None
        if self._produced and has_weights and isinstance(inputs, Tensor) and inputs.is_floating_point():
            window.input_active = _ever(window.input_active, inputs.detach(), last_before)
        self._produced = True
        window.facts = _measure(module, values)

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


def _ever(before: Tensor | None, values: Tensor, last_dim: bool) -> Tensor | None:
    """Return which units were not zero in any sample so far: channels are the last dimension or the second."""
    unit = values.dim() - 1 if last_dim or values.dim() == 2 else 1
    others = [dim for dim in range(values.dim()) if dim != unit]
    now = (values != 0).amax(dim=others) if others else values != 0
    return now if before is None or before.shape != now.shape else before | now


def _measure(module: nn.Module, values: Tensor) -> Facts:
    wide = values.float() if values.dtype in (torch.bfloat16, torch.float16) else values
    low, high, num_nonfinite = finite_range(wide)
    facts: Facts = {"std": wide.std(correction=0), "abs_max": torch.maximum(-low, high), "num_nonfinite": num_nonfinite}
    bounds = BOUNDED.get(type(module))
    if bounds is not None:
        facts["saturated_share"] = ((wide < bounds[0]) | (wide > bounds[1])).float().mean()
    return facts


def _shares(window: _Window) -> Facts:
    flags = {"inactive_share": window.active, "input_inactive_share": window.input_active}
    return {key: 1 - active.float().mean() for key, active in flags.items() if active is not None}
