"""`DebugLogger`: two lines in a training loop, and the log is written."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from debugstore.errors import MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from debugstore.analysis.findings import Finding
    from debugstore.logger.session import Session


class DebugLogger:
    """Write what a training does into a JSONL file; never stop, change or slow it.

    The one call per step is `training_step`, before backward. What follows it (backward, clipping, the optimizer's
    step, whether gradients were cleared) is caught by hooks. After construction nothing here raises, but for what
    `alert="raise"` asks for: what fails is one warning and a `logger_error` event, and that part is off from then on.

    Example::

        with DebugLogger(model, optimizer, log_dir="logs/debug", run_name="baseline") as log:
            for epoch in range(epochs):
                log.epoch_start(epoch)
                for x, y in loader:
                    logits = model(x)
                    loss = criterion(logits, y)
                    log.training_step(loss, logits=logits, labels=y, inputs=x)
                    loss.backward()
                    optimizer.step()
                    optimizer.zero_grad()
                log.validation(loss=val_loss)
    """

    def __init__(
        self,
        model: "nn.Module",
        optimizer: "Optimizer | Sequence[Optimizer]",
        *,
        log_dir: str | Path = "logs/debug",
        run_name: str | None = None,
        run_id: str | None = None,
        config: Any = None,
        num_classes: int | None = None,
        ignore_index: int = -100,
        scheduler: Any = None,
        scaler: Any = None,
        total_steps: int | None = None,
        store: str | Path | None = None,
        enabled: bool = True,
        rank: int | None = None,
        accumulation_steps: int = 1,
        start_step: int = 0,
        step_every: int = 10,
        grad_every: int = 10,
        update_every: int = 50,
        buffer_events: int = 100,
        probes: Sequence[str] | None = None,
        alert: 'Literal["warn", "raise"] | Callable[[Finding], None] | None' = None,
    ) -> None:
        """Open the log and listen.

        Args:
            model: the module that is trained; a DDP, FSDP or compiled one as the loop calls it.
            optimizer: one, or a list of those that train parts of it.
            log_dir: folder of the log; made if missing.
            run_name: what people call the run.
            run_id: what joins the files of one run: give the same to continue a run, or on every rank. Made up if None.
            config: whatever describes the run: a mapping, a namespace, a dataclass.
            num_classes: classes the labels may name; None leaves that check out.
            ignore_index: the label that the loss leaves out.
            scheduler: the learning-rate scheduler, or a list.
            scaler: the gradient scaler of mixed precision.
            total_steps: optimizer steps planned.
            store: a database path or URL that also gets the events, as they are flushed.
            enabled: False costs nothing: no file, no hook.
            rank: this process's rank; None asks torch.distributed, then the variable `RANK`.
            accumulation_steps: `training_step` calls per optimizer step.
            start_step: number of the first step; of a resumed run, the next one to do.
            step_every: steps between two `training_step` events.
            grad_every: steps between two `gradient_stats` events.
            update_every: steps between two `param_updates` events.
            buffer_events: events that may wait in memory; the file gets them every two seconds at the latest.
            probes: names of the probes wanted; with a minus, all but those. None is all.
            alert: ask the diagnoses while the training runs, at most once a second and for at most one percent of its
                time: "warn" warns of findings, "raise" also ends the training at one of severity `error`, a function
                is called with each finding, in another thread. None does not ask.

        Raises:
            ArgumentError: an argument is wrong; nothing is raised later.
            MissingExtraError: torch is not installed.
        """
        given = {key: value for key, value in locals().items() if key != "self"}
        self._session: Session | None = None
        if enabled:
            try:
                from debugstore.logger import session
            except ModuleNotFoundError as error:
                if error.name != "torch":
                    raise
                raise MissingExtraError("torch", "torch", "DebugLogger") from error
            self._session = session.Session(given)

    @property
    def path(self) -> Path | None:
        """The log's file; None when not enabled."""
        return self._session.log.path if self._session is not None else None

    @property
    def run_id(self) -> str | None:
        """The run's id; None when not enabled."""
        return self._session.log.run_id if self._session is not None else None

    def fit_start(self) -> None:
        """Write `fit_start` now; without this call the first event does it."""
        if self._session is not None:
            self._session.run("fit_start", self._session.recorder.start)

    def epoch_start(self, epoch: int) -> None:
        """Say that an epoch begins."""
        if self._session is not None:
            self._session.run("epoch_start", self._session.recorder.epoch_start, epoch)

    def training_step(
        self,
        loss: "Tensor | float",
        *,
        logits: "Tensor | None" = None,
        labels: "Tensor | None" = None,
        inputs: Any = None,
        accuracy: "Tensor | float | None" = None,
        learning_rate: float | None = None,
        step: int | None = None,
    ) -> None:
        """Take the loss of one forward pass, before backward; nothing is kept of it after this call.

        Args:
            loss: the scalar that backward will start from.
            logits: the model's output, (N, C), (N, C, ...) or (N, ..., C).
            labels: (N) or (N, ...); arrays will do as well as tensors, here and elsewhere.
            inputs: what the model was given: a tensor, or a mapping or list of some, of which the first is looked at.
            accuracy: 0..1; computed from logits and labels if None.
            learning_rate: the optimizer's first group's if None.
            step: number of this step; counted if None. The same number again is a further micro-step.
        """
        if self._session is not None:
            given = {
                "logits": logits,
                "labels": labels,
                "inputs": inputs,
                "accuracy": accuracy,
                "learning_rate": learning_rate,
            }
            self._session.training_step(loss, given, step)

    def validation(self, **metrics: Any) -> None:
        """Write one validation's metrics: `loss`, `accuracy` and any other."""
        if self._session is not None:
            self._session.run("validation", self._session.recorder.validation, metrics)

    def log(self, event_type: str, data: Any) -> None:
        """Write an event of your own; `data` is a mapping."""
        if self._session is not None:
            self._session.run(event_type, self._session.recorder.custom, event_type, data)

    def close(self, status: str = "completed") -> None:
        """Write `fit_end` and the summary, take all hooks back; a second call does nothing."""
        if self._session is not None:
            self._session.end(status, None)

    def __enter__(self) -> "DebugLogger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            self._session.ended_by(raised)

    def __reduce__(self) -> tuple[Callable[[], "DebugLogger"], tuple[()]]:
        """Make a pickled or copied logger one that is not enabled: a file has one writer."""
        return _not_enabled, ()


def _not_enabled() -> DebugLogger:
    return DebugLogger(None, (), enabled=False)  # type: ignore[arg-type]
