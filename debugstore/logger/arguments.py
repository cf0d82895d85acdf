"""The arguments of `DebugLogger`, checked once: what is wrong raises here and nowhere later."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from debugstore.errors import ArgumentError
from debugstore.logger import alerts
from debugstore.logger.context import Context, Settings
from debugstore.logger.plain import plain

_CHECKED_APART = ("log_dir", "config", "probes", "alert", "store")


def check(model: Any, optimizer: Any, scheduler: Any, scaler: Any, given: Mapping[str, Any]) -> Context:
    """Return the context of checked arguments.

    Raises:
        ArgumentError: an argument has a wrong type or value; the sentence names it and what was given.
    """
    if not isinstance(model, nn.Module):
        raise _wrong("model", "a torch.nn.Module", model)
    optimizers = [_optimizer(item) for item in (optimizer if isinstance(optimizer, Sequence) else [optimizer])]
    if not optimizers:
        raise ArgumentError("optimizer must be an optimizer or a list of them, got an empty list")
    if scaler is not None and not (hasattr(scaler, "is_enabled") and hasattr(scaler, "step")):
        raise _wrong("scaler", "a torch.amp.GradScaler", scaler)
    _hold_numbers(model, optimizers)
    schedulers = _schedulers(scheduler)
    for name in ("step_every", "grad_every", "update_every", "buffer_events", "accumulation_steps"):
        _whole(name, given[name], at_least=1)
    for name, least in (("start_step", 0), ("num_classes", 1), ("total_steps", 1), ("rank", 0), ("ignore_index", None)):
        if given[name] is not None:
            _whole(name, given[name], least)
    for name in ("run_name", "run_id", "store"):
        value = given[name] if name != "store" or not isinstance(given[name], Path) else str(given[name])
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise _wrong(name, "a text that is not empty", given[name])
    settings = Settings(
        log_dir=_folder(given["log_dir"]),
        config=plain(given["config"]),
        probes=_probes(given["probes"]),
        alert=alerts.check(given["alert"]),
        store=str(given["store"]) if given["store"] is not None else None,
        **{name: given[name] for name in Settings.__slots__ if name not in _CHECKED_APART},
    )
    return Context(settings, model, optimizers, schedulers, scaler)


def _wrong(name: str, wanted: str, got: Any) -> ArgumentError:
    shown = repr(got)
    kind = type(got).__name__ if len(shown) > 60 or "\n" in shown else shown
    return ArgumentError(f"{name} must be {wanted}, got {kind}")


def _whole(name: str, value: Any, at_least: int | None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or (at_least is not None and value < at_least):
        wanted = "a whole number" if at_least is None else f"a whole number of at least {at_least}"
        raise _wrong(name, wanted, value)


def _optimizer(optimizer: Any) -> torch.optim.Optimizer:
    """Return the torch optimizer itself: a wrapper that runs it (Accelerate's, say) has no hooks of its own."""
    inner = optimizer
    while not hasattr(inner, "_optimizer_step_pre_hooks") and hasattr(inner, "optimizer"):
        inner = inner.optimizer
    if not isinstance(inner, torch.optim.Optimizer):
        raise _wrong("optimizer", "a torch.optim.Optimizer or a list of them", optimizer)
    return inner


def _hold_numbers(model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> None:
    """Refuse an optimizer of parameters without memory; frozen ones may be elsewhere between two calls of the model."""
    held = {id(p) for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        if parameter.is_meta and id(parameter) in held:
            raise ArgumentError(
                f"model must hold numbers, got {name} on the meta device: "
                "call model.to_empty(device=...) and load or initialise it before its optimizer is made"
            )


def _schedulers(scheduler: Any) -> list[Any]:
    """Return the schedulers themselves, out of wrappers and a list."""
    if scheduler is None:
        return []
    found = []
    for item in scheduler if isinstance(scheduler, Sequence) else [scheduler]:
        inner = item
        while not hasattr(inner, "optimizer") and hasattr(inner, "scheduler"):
            inner = inner.scheduler
        if not callable(getattr(inner, "step", None)):
            raise _wrong("scheduler", "a learning-rate scheduler or a list of them", item)
        found.append(inner)
    return found


def _probes(probes: Any) -> tuple[str, ...] | None:
    from debugstore.logger.probes import NAMES

    if probes is None:
        return None
    if isinstance(probes, str) or not isinstance(probes, Sequence):
        raise _wrong("probes", "a list of names", probes)
    for name in probes:
        if not isinstance(name, str) or name.removeprefix("-") not in NAMES:
            raise ArgumentError(f"no probe named {name!r}; there are: {', '.join(NAMES)}")
    return tuple(probes)


def _folder(log_dir: Any) -> str:
    if not isinstance(log_dir, str | Path) or not str(log_dir).strip():
        raise _wrong("log_dir", "a path", log_dir)
    folder = Path(log_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"log_dir {folder} cannot be made: {error.strerror or error}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ArgumentError(f"log_dir {folder} cannot be written: check its permissions")
    return str(folder)
