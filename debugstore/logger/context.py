"""What every probe may look at: the model, the optimizers, the settings. Holds no tensor of a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from debugstore.logger.calls import Calls

PLAIN = (Tensor, nn.Parameter)


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked arguments of a `DebugLogger`."""

    log_dir: str
    run_name: str | None
    run_id: str | None
    config: Any
    num_classes: int | None
    ignore_index: int
    total_steps: int | None
    store: str | None
    rank: int | None
    accumulation_steps: int
    start_step: int
    step_every: int
    grad_every: int
    update_every: int
    buffer_events: int
    probes: Sequence[str] | None
    alert: Any


@dataclass(slots=True)
class Context:
    """The training as the user handed it over."""

    settings: Settings
    root: nn.Module
    optimizers: list[torch.optim.Optimizer]
    schedulers: list[Any]
    scaler: Any
    model: nn.Module = field(init=False)
    named: list[tuple[str, Tensor]] = field(init=False)
    matrices: frozenset[str] = field(init=False)
    calls: Calls = field(default_factory=Calls)
    ran: dict[str, int] | None = None  # modules that ran for the first step, in order; None when not watched
    in_closure: bool = False  # the optimizer was given a closure that runs forward and backward
    sum_losses: bool = False  # a framework divided each micro-step's loss by their number already
    unscaled: bool = False  # the scaler has divided its scale out of this step's gradients

    def __post_init__(self) -> None:
        self.model = unwrap(self.root)
        self.refresh()

    def refresh(self) -> None:
        """Read the model's parameters anew; a tied one counts once, under its first name."""
        self.named = [(clean(name), parameter) for name, parameter in self.model.named_parameters()]
        self.matrices = frozenset(name for name, parameter in self.named if parameter.dim() >= 2)

    def trainable(self) -> list[tuple[str, Tensor]]:
        """Return the parameters that require a gradient now, in model order."""
        return [pair for pair in self.named if pair[1].requires_grad]

    def gradients(self) -> tuple[list[str], list[Tensor]]:
        """Return the gradients of trainable parameters that exist now, as local dense numbers, after their names."""
        names, grads = [], []
        for name, parameter in self.named:
            grad = parameter.grad
            if grad is not None and parameter.requires_grad:
                names.append(name)
                grads.append(local(grad))
        return names, grads

    @property
    def device(self) -> torch.device | None:
        """The first parameter's device."""
        return self.named[0][1].device if self.named else None

    def scale(self) -> Tensor | None:
        """Return the gradient scaler's scale as a device scalar; None when there is none in use."""
        if self.scaler is None or not self.scaler.is_enabled():
            return None
        scale = getattr(self.scaler, "_scale", None)
        return scale if isinstance(scale, Tensor) else None

    def configured(self, *names: str) -> int | None:
        """Return the first of `names` that the config holds as a whole number."""
        config = self.settings.config
        if not isinstance(config, Mapping):
            return None
        for name in names:
            value = config.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        return None


def unwrap(model: nn.Module) -> nn.Module:
    """Return the user's own module out of what wraps it: DDP, DataParallel, torch.compile."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and type(model).__name__ in ("DistributedDataParallel", "DataParallel"):
            inner = getattr(model, "module", None)
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def clean(name: str) -> str:
    """Return a parameter's name without what wrappers of submodules add to it."""
    for wrapper in ("_orig_mod.", "_checkpoint_wrapped_module.", "_fsdp_wrapped_module."):
        name = name.replace(wrapper, "")
    return name


def local(tensor: Tensor) -> Tensor:
    """Return the dense numbers this process holds: of a sharded tensor its own shard, of a sparse one its values."""
    if tensor.layout is torch.strided and type(tensor) in PLAIN and not tensor.dtype.is_complex:
        return tensor
    tensor = getattr(tensor, "_local_tensor", tensor).detach()
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
