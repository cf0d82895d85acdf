"""The facts of `fit_start` and `epoch_start`: parameter counts, optimizer groups, the schedule."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from debugstore.events import SCHEMA_VERSION
from debugstore.logger.context import Context, clean
from debugstore.logger.identity import environment
from debugstore.logger.plain import plain
from debugstore.logger.probes.base import Facts
from debugstore.logger.tensors import on_device

GROUP_KEYS = ("lr", "betas", "weight_decay", "eps", "momentum", "nesterov", "amsgrad", "maximize", "fused")
RESTARTING = ("CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR")


def facts(context: Context, world_size: int, segment: str) -> Facts:
    """Return everything known before the first step; reads sizes and settings, no tensor."""
    settings = context.settings
    trainable = sum(p.numel() for _, p in context.named if p.requires_grad)
    total = sum(p.numel() for _, p in context.named)
    steps = settings.total_steps or context.configured("total_steps", "max_steps", "num_steps")
    made: Facts = {
        "schema_version": SCHEMA_VERSION,
        "segment": segment,
        "run_name": settings.run_name,
        "trainable_params": trainable,
        "frozen_params": total - trainable,
        "total_params": total,
        "frozen_modules": frozen_modules(context.model),
        "max_epochs": context.configured("max_epochs", "epochs", "num_epochs", "n_epochs", "num_train_epochs"),
        "total_steps": steps,
        "batch_size": context.configured("batch_size", "train_batch_size", "per_device_train_batch_size", "bs"),
        "config": settings.config,
        "optimizer": groups(context),
        "environment": environment(context.device),
        "num_classes": settings.num_classes,
        "ignore_index": settings.ignore_index,
        "accumulation_steps": settings.accumulation_steps,
        "world_size": world_size,
        "start_step": settings.start_step,
        "step_every": settings.step_every,
        "grad_every": settings.grad_every,
        "update_every": settings.update_every,
        "scaler_enabled": context.scaler is not None and bool(context.scaler.is_enabled()),
    }
    if context.schedulers:
        made |= schedule(context.schedulers[0])
    return made


def groups(context: Context, keys: tuple[str, ...] = GROUP_KEYS) -> list[dict[str, Any]]:
    """Return one object a parameter group; a learning rate kept in a tensor is read."""
    return [
        {
            "optimizer_idx": index,
            "group_idx": group_index,
            "type": type(optimizer).__name__,
            **{key: plain(group[key]) for key in keys if key in group},
            "num_params": len(group["params"]),
        }
        for index, optimizer in enumerate(context.optimizers)
        for group_index, group in enumerate(optimizer.param_groups)
    ]


def epoch_groups(context: Context) -> list[dict[str, Any]]:
    """Return what of the groups may change between epochs."""
    keep = ("optimizer_idx", "group_idx", "lr", "betas", "weight_decay", "momentum")
    return [{key: group[key] for key in keep if key in group} for group in groups(context)]


def learning_rates(context: Context) -> list[Any]:
    """Return the learning rate of every group of every optimizer; one kept in a tensor stays on its device."""
    return [on_device(group["lr"]) for optimizer in context.optimizers for group in optimizer.param_groups]


def frozen_modules(model: nn.Module) -> list[str]:
    """Return the names of modules that have parameters of their own, all of them frozen."""
    return [
        clean(name)
        for name, module in model.named_modules()
        if (own := list(module.parameters(recurse=False))) and not any(p.requires_grad for p in own)
    ]


def schedule(scheduler: Any) -> Facts:
    """Return the scheduler's class, and its length in scheduler steps where the class says."""
    return {
        "scheduler_type": type(scheduler).__name__,
        "scheduler_steps": horizon(scheduler),
        "scheduler_restarts": any(type(part).__name__ in RESTARTING for part in _parts(scheduler)),
    }


def _parts(scheduler: Any) -> list[Any]:
    inner = getattr(scheduler, "_schedulers", None)
    return [scheduler, *(inner if isinstance(inner, list | tuple) else [])]


def horizon(scheduler: Any) -> int | None:
    """Return the scheduler steps until the schedule has run its course; None where the class has no end."""
    known: Mapping[str, Any] = vars(scheduler)
    if isinstance(known.get("_milestones"), list) and known.get("_schedulers"):
        last = horizon(known["_schedulers"][-1])
        return None if last is None else known["_milestones"][-1] + last
    if known.get("milestones"):
        return int(max(known["milestones"]))
    for name in ("T_max", "total_steps", "total_iters", "T_0"):
        if isinstance(known.get(name), int):
            return int(known[name])
    return None
