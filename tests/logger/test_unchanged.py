"""The law: a training is bit-identical with and without the logger, every probe on."""

import copy
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from debugstore import DebugLogger
from tests.support.training import assert_same_bits

Batch = tuple[Tensor, Tensor]


def cnn() -> nn.Module:
    """Return a small CNN with batch norm and dropout."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(54, 4),
    )


class Transformer(nn.Module):
    """A one-layer causal transformer over tokens, (N, T) to (N, T, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.head = nn.Linear(16, 12)

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        out: Tensor = self.head(self.layer(self.embed(x), src_mask=mask, is_causal=True))
        return out


class Recurrent(nn.Module):
    """An LSTM classifier over (N, T, 5)."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 12, num_layers=2, dropout=0.2, batch_first=True)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.lstm(x)[0][:, -1])
        return out


def images() -> Batch:
    """Return a random (8, 1, 8, 8) batch and labels."""
    return torch.randn(8, 1, 8, 8), torch.randint(0, 4, (8,))


def tokens() -> Batch:
    """Return a random token batch and its shifted targets."""
    x = torch.randint(0, 12, (4, 9))
    return x[:, :-1], x[:, 1:]


def short_series() -> Batch:
    """Return a random (6, 2, 5) batch and labels: torch.compile unrolls the steps of a series."""
    return torch.randn(6, 2, 5), torch.randint(0, 4, (6,))


def series() -> Batch:
    """Return a random (6, 7, 5) batch and labels."""
    return torch.randn(6, 7, 5), torch.randint(0, 4, (6,))


def run(
    make: Callable[[], nn.Module],
    batches: Callable[[], Batch],
    folder: Path | None,
    steps: int,
    compiling: tuple[str, bool] | None = None,
) -> Any:
    """Train with (folder) or without (None) the logger; return all state that a training has, and the log.

    `compiling` is the backend, and whether the logger is given the compiled model or the one inside.
    """
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    model = make()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    called = model if compiling is None else torch.compile(model, backend=compiling[0])
    log = DebugLogger(
        model if compiling is not None and not compiling[1] else called,
        optimizer,
        log_dir=folder or "none",
        enabled=folder is not None,
        scheduler=scheduler,
        num_classes=12,
        step_every=1,
        grad_every=1,
        update_every=1,
    )
    for step in range(steps):
        x, y = batches()
        logits = called(x)
        loss = functional.cross_entropy(logits.flatten(0, -2), y.flatten())
        log.training_step(loss, logits=logits, labels=y, inputs=x)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        if step % 50 == 49:
            model.eval()
            with torch.no_grad():
                called(x)
            model.train()
            log.validation(loss=1.0)
    log.close()
    drawn = (torch.get_rng_state(), random.random(), np.random.rand())  # the next numbers tell of the state
    modes = [module.training for module in model.modules()]
    state = (model.state_dict(), optimizer.state_dict(), scheduler.state_dict(), drawn, modes)
    return copy.deepcopy(state), log


MODELS = [(cnn, images), (Transformer, tokens), (Recurrent, series)]


@pytest.mark.parametrize(("make", "batches"), MODELS, ids=["cnn", "transformer", "lstm"])
def test_a_training_is_bit_identical(tmp_path: Path, make: Any, batches: Any) -> None:
    """Parameters, buffers, optimizer, scheduler and RNG state are the same after 200 steps, logging at every one."""
    torch.set_num_threads(1)
    bare, _ = run(make, batches, None, 200)
    logged, log = run(make, batches, tmp_path, 200)
    assert_same_bits(bare, logged)
    assert log.path.read_text().count('"param_updates"') == 200
    assert "logger_error" not in log.path.read_text()


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "batches", "compiling", "allow_rnn"),
    [
        (cnn, images, ("inductor", True), True),
        (Transformer, tokens, ("inductor", True), True),
        (Recurrent, short_series, ("inductor", True), True),
        (Recurrent, series, ("inductor", True), False),
        (cnn, images, ("aot_eager", False), True),
    ],
    ids=["cnn", "transformer", "lstm", "lstm-as-torch-leaves-it", "model-handed-over-uncompiled"],
)
def test_a_compiled_training_is_bit_identical(
    tmp_path: Path, make: Any, batches: Any, compiling: tuple[str, bool], allow_rnn: bool
) -> None:
    """The same holds under torch.compile; it compiles as often, and its gradients and updates are measured.

    By default torch.compile runs a model with an LSTM as it is; with `allow_rnn` it compiles that too.
    """
    from torch._dynamo.utils import counters

    torch.set_num_threads(1)
    seen = []
    for folder in (None, tmp_path):
        torch._dynamo.reset()
        counters.clear()
        # oneDNN's kernel of an LSTM: torch compiles it into code that fails
        with (
            torch._dynamo.config.patch(allow_rnn=allow_rnn),
            torch.backends.mkldnn.flags(enabled=make is not Recurrent),
        ):
            state, log = run(make, batches, folder, 200, compiling)
        assert (counters["stats"]["calls_captured"] > 0) is allow_rnn
        seen.append((state, dict(counters["stats"]), dict(counters["graph_break"])))
    assert_same_bits(seen[0][0], seen[1][0])
    assert seen[0][1:] == seen[1][1:]
    text = log.path.read_text()
    assert text.count('"gradient_stats"') == text.count('"param_updates"') == 200
    assert "logger_error" not in text
