"""Small real trainings of two model families, with one thing in them made another from a step on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from debugstore.logger.debug_logger import DebugLogger

CLASSES = 7
BATCH = 12
STEPS = 35
TINY = 1.001
"""Factor that makes a number another, and no training a bad one."""


class Tokens(nn.Module):
    """A one-layer causal transformer over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(CLASSES, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        logits: Tensor = self.head(self.layer(self.embed(x), src_mask=mask, is_causal=True))
        return logits.flatten(0, 1)


@dataclass(frozen=True)
class Family:
    """A model, its optimizer and its data."""

    model: Callable[[], nn.Module]
    optimizer: Callable[[nn.Module], torch.optim.Optimizer]
    batch: Callable[[torch.Generator], tuple[Tensor, Tensor]]


def _images(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x = torch.randn(BATCH, 1, 6, 6, generator=generator)
    return x, x.flatten(1)[:, :CLASSES].argmax(1)


def _sentences(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x = torch.randint(CLASSES, (BATCH, 8), generator=generator)
    return x, ((x + x.roll(1, 1)) % CLASSES).flatten()


def _convolutions() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, CLASSES))


FAMILIES: Mapping[str, Family] = {
    "convolutions": Family(_convolutions, lambda m: torch.optim.SGD(m.parameters(), 0.05, momentum=0.9), _images),
    "tokens": Family(Tokens, lambda m: torch.optim.AdamW(m.parameters(), 1e-3), _sentences),
}


def train(
    folder: Path,
    family: str,
    name: str,
    changed: str = "nothing",
    *,
    at: int = 0,
    steps: int = STEPS,
    **options: Any,
) -> None:
    """Train with a logger on; `changed` names the component that is another from step `at` on."""
    torch.set_num_threads(1)
    made = FAMILIES[family]
    torch.manual_seed(0)
    model = made.model()
    optimizer = made.optimizer(model)
    batches = _batches(made, changed, at, steps)
    now = 0

    def active(component: str) -> bool:
        return changed == component and now >= at

    def after_step(*_: Any) -> None:
        if active("optimizer"):
            with torch.no_grad():
                next(model.parameters()).mul_(TINY)

    if changed == "init":
        with torch.no_grad():
            next(model.parameters()).mul_(TINY)
    next(model.parameters()).register_hook(lambda grad: grad * TINY if active("backward") else grad)
    optimizer.register_step_post_hook(after_step)
    config = {"seed": 0, "weight_decay": 0.1 if changed == "config" else 0.0, "log_dir": str(folder)}
    if changed == "config":
        optimizer.param_groups[0]["weight_decay"] = 0.1
    settings = {
        "log_dir": folder,
        "run_name": name,
        "run_id": name,
        "num_classes": CLASSES,
        "config": config,
        **options,
    }
    with DebugLogger(model, optimizer, **settings) as log:
        for now, (x, y) in enumerate(batches):  # noqa: B007 - `active` reads it
            if active("learning_rate"):
                optimizer.param_groups[0]["lr"] *= TINY
            logits = model(x)
            loss = functional.cross_entropy(logits * TINY if active("forward") else logits, y)
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()


def _batches(family: Family, changed: str, at: int, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    for step in range(steps):
        other = 1_000 if changed == "data" and step >= at else 0
        yield family.batch(torch.Generator().manual_seed(step + other))
