"""Accelerate: a tracker beside TensorBoard and the others, that also watches the training once it is prepared."""

from typing import Any

from debugstore.errors import MissingExtraError
from debugstore.logger.debug_logger import DebugLogger
from debugstore.logger.event_log import warn
from debugstore.logger.integrations import metrics

try:
    from accelerate.tracking import GeneralTracker  # type: ignore[import-untyped, import-not-found, unused-ignore]
except ImportError as error:
    raise MissingExtraError("accelerate", "accelerate", "the Accelerate tracker") from error

VALIDATION = ("val_", "val/", "eval_", "eval/", "validation_", "validation/")


class DebugTracker(GeneralTracker):  # type: ignore[misc, unused-ignore]
    """Log a training driven by Accelerate.

    Example::

        tracker = DebugTracker(log_dir="logs/debug")
        accelerator = Accelerator(log_with=tracker)
        accelerator.init_trackers("project", config=config)
        model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
        log = tracker.watch(model, optimizer, accelerator=accelerator)
        ...
        log.training_step(loss, logits=logits, labels=y, inputs=x)
        accelerator.backward(loss)

    What goes through `accelerator.log` is kept too: values whose names begin with `val_` or `eval_` are a `validation`,
    others an event `metrics`.
    """

    name = "debugstore"
    requires_logging_directory = False
    main_process_only = False

    def __init__(self, **options: Any) -> None:
        """Take the options of `DebugLogger`, but for the model and the optimizer."""
        super().__init__()
        self.options = options
        self.debug_logger: DebugLogger | None = None
        self._config: dict[str, Any] = {}
        self._warned = False

    @property
    def tracker(self) -> DebugLogger | None:
        """The logger, once `watch` was called."""
        return self.debug_logger

    def watch(self, model: Any, optimizer: Any, *, accelerator: Any = None, scheduler: Any = None) -> DebugLogger:
        """Open the log of a prepared model and optimizer, and return its logger."""
        known: dict[str, Any] = {"config": self._config or None, "scheduler": scheduler}
        if accelerator is not None:
            known["scaler"] = accelerator.scaler
            known["accumulation_steps"] = accelerator.gradient_accumulation_steps
            known["rank"] = accelerator.process_index
        self.debug_logger = DebugLogger(model, optimizer, **{**known, **self.options})
        return self.debug_logger

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        """Keep the config for the log's first event."""
        self._config = dict(values)

    def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
        """Log what the loop gave to `accelerator.log`."""
        if self.debug_logger is None:
            if not self._warned:
                self._warned = True
                warn("the tracker watches no training yet: call its watch(model, optimizer); values are dropped")
            return
        validated = metrics(values, *VALIDATION)
        if validated:
            self.debug_logger.validation(**validated)
        others = {key: value for key, value in values.items() if not key.startswith(VALIDATION)}
        if others:
            self.debug_logger.log("metrics", others if step is None else {**others, "tracker_step": step})

    def finish(self) -> None:
        """Close the log."""
        if self.debug_logger is not None:
            self.debug_logger.close()
