"""What the logger costs, in one process and interleaved with what a user would do instead.

The same training step (the model of `make demo`, a causal transformer of about a million parameters, and one of about
ten million) runs bare, with the logger at its default cadence, with gradients at every step, and with each peer:
`torch.utils.tensorboard` histograms, `wandb.watch` offline, a loop of `.item()` a parameter. Rounds of ten steps
alternate between them, so that a slow minute of the machine hits all alike; a peer that is not installed is left out
and said so.

    python -m benchmarks.logger_overhead --out docs/benchmarks/logger.md
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import pages
from debugstore import DebugLogger

VOCABULARY = 256
LENGTH = 64
EVERY = 10
STEPS = 10
FIRST = 96
"""The first step's number: the five first steps, where the logger looks at everything, end at 100."""
ROUNDS = 50
"""The logger's period, five hundred steps: one window of activations, one fingerprint, ten updates."""
PEER_ROUNDS = 15
"""The rounds of what does the same at every tenth step."""


class Transformer(nn.Module):
    """A small causal transformer over bytes."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, width)
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, VOCABULARY)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, T, V) logits of (N, T) tokens."""
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        logits: Tensor = self.head(self.body(self.embed(x), mask=mask, is_causal=True))
        return logits


@dataclass(frozen=True)
class Case:
    """A model and its batches of (batch, LENGTH) tokens."""

    name: str
    make: Callable[[], nn.Module]
    vocabulary: int
    batch: int


def demo_model() -> nn.Module:
    """Return the model of `make demo`."""
    from examples.train import CodecTransformer

    return CodecTransformer(n_codes=1024, length=LENGTH, width=128, layers=4, heads=4, dropout=0.1)


CASES = (
    Case("the model of `make demo`", demo_model, 1024, 16),
    Case("a transformer", lambda: Transformer(160, 3), VOCABULARY, 6),
    Case("a larger one", lambda: Transformer(320, 8), VOCABULARY, 6),
)


class Training:
    """One model with its loop; an observer is called before backward and after it."""

    def __init__(self, case: Case) -> None:
        torch.manual_seed(0)
        self.vocabulary = case.vocabulary
        self.model = case.make()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), 1e-4)
        self.tokens = torch.randint(0, case.vocabulary, (64, case.batch, LENGTH + 1))
        self.number = 0

    def step(self, before: Callable[..., None], after_backward: Callable[[], None]) -> None:
        """Do one step."""
        block = self.tokens[self.number % len(self.tokens)]
        self.number += 1
        x, y = block[:, :-1], block[:, 1:]
        logits = self.model(x)
        loss = functional.cross_entropy(logits.reshape(-1, self.vocabulary), y.reshape(-1))
        before(loss, logits, y, x)
        loss.backward()
        after_backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()


def nothing(*_: Any) -> None:
    """Observe nothing."""


class Bare:
    """The loop itself."""

    name = "bare loop"
    before = staticmethod(nothing)
    after = staticmethod(nothing)

    def __init__(self, training: Training, folder: Path) -> None:
        del training, folder

    def close(self) -> None:
        """Nothing to close."""


class Ours(Bare):
    """The logger at its default cadence, every probe on."""

    name = "debugstore, default cadence"
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, training: Training, folder: Path) -> None:
        super().__init__(training, folder)
        self.log = DebugLogger(
            training.model,
            training.optimizer,
            log_dir=folder,
            num_classes=training.vocabulary,
            start_step=FIRST,
            **self.options,
        )
        self.before = self._before  # type: ignore[method-assign]

    def _before(self, loss: Tensor, logits: Tensor, labels: Tensor, inputs: Tensor) -> None:
        self.log.training_step(loss, logits=logits, labels=labels, inputs=inputs)

    def close(self) -> None:
        """Take the hooks back."""
        self.log.close()


class OursEveryStep(Ours):
    """Gradients at every step."""

    name = "debugstore, gradients every step"
    options: ClassVar[dict[str, Any]] = {"grad_every": 1}


class TensorBoard(Bare):
    """Histograms of parameters and gradients, every tenth step."""

    name = "tensorboard histograms"

    def __init__(self, training: Training, folder: Path) -> None:
        super().__init__(training, folder)
        from torch.utils.tensorboard import SummaryWriter

        self.training, self.writer, self.number = training, SummaryWriter(str(folder)), 0
        self.before = self._before  # type: ignore[method-assign]
        self.after = self._after  # type: ignore[method-assign]

    def _before(self, loss: Tensor, *_: Any) -> None:
        if self.number % EVERY == 0:
            self.writer.add_scalar("loss", loss.item(), self.number)

    def _after(self) -> None:
        if self.number % EVERY == 0:
            for name, parameter in self.training.model.named_parameters():
                self.writer.add_histogram(f"weights/{name}", parameter.detach(), self.number)
                self.writer.add_histogram(f"gradients/{name}", parameter.grad, self.number)
        self.number += 1

    def close(self) -> None:
        """Close the writer."""
        self.writer.close()


class Wandb(Bare):
    """`wandb.watch(log="all", log_freq=10)`, offline."""

    name = "wandb.watch, offline"

    def __init__(self, training: Training, folder: Path) -> None:
        super().__init__(training, folder)
        os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=str(folder))
        import wandb

        self.wandb, self.training, self.number = wandb, training, 0
        self.run = wandb.init(project="overhead", dir=str(folder))
        self.run.watch(training.model, log="all", log_freq=EVERY)
        self.before = self._before  # type: ignore[method-assign]

    def _before(self, loss: Tensor, *_: Any) -> None:
        self.run.log({"loss": loss.item()} if self.number % EVERY == 0 else {})
        self.number += 1

    def close(self) -> None:
        """Stop watching and finish."""
        self.run.unwatch(self.training.model)
        self.run.finish()


class Items(Bare):
    """A loop over the parameters with one `.item()` each, at every step: what people write by hand."""

    name = "norm.item() a parameter, every step"

    def __init__(self, training: Training, folder: Path) -> None:
        super().__init__(training, folder)
        self.training, self.norms = training, {}
        self.after = self._after  # type: ignore[method-assign]

    def _after(self) -> None:
        for name, parameter in self.training.model.named_parameters():
            if parameter.grad is not None:
                self.norms[name] = parameter.grad.norm().item()


KINDS: list[type[Bare]] = [Bare, Ours, OursEveryStep, TensorBoard, Wandb, Items]


def installed() -> Iterator[tuple[type[Bare], str | None]]:
    """Yield each kind, and why it is left out."""
    for kind in KINDS:
        module = {"TensorBoard": "tensorboard", "Wandb": "wandb"}.get(kind.__name__)
        try:
            __import__(module or "torch")
            yield kind, None
        except ImportError:
            yield kind, f"{module} is not installed"


@dataclass
class Row:
    """What was measured of one kind of loop."""

    kind: str
    absent: str | None
    num_params: int = 0
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wall_ratios: list[float] = field(default_factory=list)
    cpu_ratios: list[float] = field(default_factory=list)
    own: float | None = None


def measure(case: Case, rounds: int) -> list[Row]:
    """Return a row a kind: seconds a step, and ratios to the bare loop measured in the same round."""
    trainings, observers = {}, {}
    rows = {kind.name: Row(kind.name, absent) for kind, absent in installed()}
    kinds = [kind for kind, absent in installed() if absent is None]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        for kind in kinds:
            training = trainings[kind.name] = Training(case)
            observers[kind.name] = kind(training, Path(folder) / kind.__name__)
            stack.callback(observers[kind.name].close)
            rows[kind.name].num_params = sum(p.numel() for p in training.model.parameters())
            timed(training, observers[kind.name], 101 - FIRST)  # the first are dense: not the cadence asked about
        before = {name: own_seconds(observer) for name, observer in observers.items()}
        for number in range(rounds):
            now = kinds if number < PEER_ROUNDS else [kind for kind in kinds if issubclass(kind, Ours) or kind is Bare]
            order = now if number % 2 == 0 else now[::-1]
            found = {kind.name: timed(trainings[kind.name], observers[kind.name]) for kind in order}
            for name, (wall, cpu) in found.items():
                rows[name].wall.append(wall)
                rows[name].cpu.append(cpu)
                rows[name].wall_ratios.append(wall / found[Bare.name][0] - 1)
                rows[name].cpu_ratios.append(cpu / found[Bare.name][1] - 1)
        for name, observer in observers.items():
            after, start = own_seconds(observer), before[name]
            if after is not None and start is not None:
                rows[name].own = (after - start) / (sum(rows[name].wall) * STEPS)
    return list(rows.values())


def own_seconds(observer: Bare) -> float | None:
    """Return the seconds that the logger says it took, None for anything else."""
    session = observer.log._session if isinstance(observer, Ours) else None
    return session.recorder.total_seconds if session is not None else None


def timed(training: Training, observer: Bare, steps: int = STEPS) -> tuple[float, float]:
    """Return the mean wall and processor seconds of a step, over as many steps as hold one logged one."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        training.step(observer.before, observer.after)
    return (time.perf_counter() - wall) / steps, (time.process_time() - cpu) / steps


def section(case: Case, rows: list[Row]) -> str:
    """Return what was measured of one model."""
    base = rows[0]
    heads = ("loop", "ms a step", "wall time over bare", "processor time over bare", "own clock")
    cells = []
    for row in rows:
        if row.absent is not None:
            cells.append((row.kind, row.absent, "", "", ""))
            continue
        own = f"{row.own:.2%}" if row.own is not None else ""
        wall = f"{statistics.median(row.wall) * 1e3:.2f}"
        cells.append((row.kind, wall, spread(row.wall_ratios), spread(row.cpu_ratios), own))
    size = f"{base.num_params / 1e6:.1f} million parameters, {statistics.median(base.wall) * 1e3:.0f} ms a step"
    return f"## {case.name[0].upper()}{case.name[1:]}, {size}\n\n{pages.table(heads, cells)}"


def spread(ratios: list[float]) -> str:
    """Return the median of ratios and their middle half."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:+.2%} ({low:+.1%} .. {high:+.1%})"


ABOUT = """Ratios compare with the bare loop of the same round of ten steps: the median over rounds, and the middle
half of them. Processor time is that of this process; `wandb` also keeps a second one busy. *Own clock* is the share
of the time that the logger says it took, its writer's thread included: it is the steadiest of the figures. Steps 101 to
600 are measured, one period of the logger: ten times updates are looked at, once activations (in four steps) and
fingerprints. The first five steps, where it looks at everything, are not in them. The peers, which do the same at every
tenth step, are measured in fifteen of the rounds."""


def main() -> None:
    """Run, and print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of ten steps; at least two")
    parser.add_argument("--out", type=Path, help="write the page here")
    parser.add_argument("--only", type=int, help="the number of one model, from 0")
    given = parser.parse_args()
    torch.set_num_threads(1)
    chosen = CASES if given.only is None else (CASES[given.only],)
    sections = [section(case, measure(case, max(2, given.rounds))) for case in chosen]
    load = f"The machine's load over the last five minutes was {os.getloadavg()[1]:.1f}, of which one is this."
    machine = pages.machine(f"torch {torch.__version__}", "one thread")
    pages.write(given.out, "What the logger costs", machine, f"{ABOUT}\n{load}", *sections)


if __name__ == "__main__":
    main()
