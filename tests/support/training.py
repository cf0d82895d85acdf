"""A small real training with a logger on it, for tests."""

import json
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn
from torch.nn import functional

from debugstore.events import EVENT_TYPES, unmark
from debugstore.logger.debug_logger import DebugLogger

CLASSES, WIDTH, BATCH = 5, 8, 16


def small_model(seed: int = 0) -> nn.Sequential:
    """Return a two-layer classifier with the same weights for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(WIDTH, 12), nn.ReLU(), nn.Linear(12, CLASSES))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the learnable batch of a step: (16, 8) inputs, (16) labels in 0..4."""
    x = torch.randn(BATCH, WIDTH, generator=torch.Generator().manual_seed(1000 + step))
    return x, x[:, :CLASSES].argmax(1)


def train(
    folder: Path,
    steps: int = 12,
    model: nn.Module | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    clip: float | None = None,
    **options: Any,
) -> tuple[nn.Module, DebugLogger]:
    """Train for some steps with the plain loop; return the model and its closed logger."""
    model = small_model() if model is None else model
    optimizer = torch.optim.SGD(model.parameters(), 0.1) if optimizer is None else optimizer
    with DebugLogger(model, optimizer, log_dir=folder, num_classes=CLASSES, **options) as log:
        log.epoch_start(0)
        for step in range(steps):
            x, y = batch(step)
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            optimizer.zero_grad()
    return model, log


def do_step(log: DebugLogger, model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Do one step of the plain loop on the batch of `step`, with the loss alone shown to the logger."""
    x, y = batch(step)
    loss = functional.cross_entropy(model(x), y)
    log.training_step(loss)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def events(log: DebugLogger | Path, kind: str | None = None) -> list[dict[str, Any]]:
    """Return a log's events in order, all or of one kind; a known event must hold only what the contract names."""
    path = log if isinstance(log, Path) else log.path
    assert path is not None
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        known = EVENT_TYPES.get(line["event_type"])
        if known is not None and line["event_type"] not in ("validation",):
            msgspec.convert(unmark(line["data"]), known)
    return [line for line in lines if kind is None or line["event_type"] == kind]


def assert_same_bits(left: Any, right: Any) -> None:
    """Assert that two nested states are equal in every bit."""
    if isinstance(left, torch.Tensor):
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        assert torch.equal(*(part.detach().contiguous().reshape(-1).view(torch.uint8) for part in (left, right)))
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_same_bits(left[key], right[key])
    elif isinstance(left, list | tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same_bits(one, other)
    else:
        assert left == right


def by_step(log: DebugLogger, kind: str) -> dict[int, dict[str, Any]]:
    """Return the data of one kind of event by step."""
    return {line["step"]: line["data"] for line in events(log, kind)}
