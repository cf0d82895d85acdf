"""Lightning: a callback that logs between the loss and its backward pass."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from debugstore.errors import MissingExtraError
from debugstore.logger.debug_logger import DebugLogger
from debugstore.logger.integrations import facts, metrics

try:
    from lightning.pytorch.callbacks import Callback  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    try:
        from pytorch_lightning.callbacks import Callback  # type: ignore[import-not-found, assignment, unused-ignore]
    except ImportError as error:
        raise MissingExtraError("lightning", "lightning", "the Lightning callback") from error

Unpack = Callable[[Any], dict[str, Any]]


def pair(batch: Any) -> dict[str, Any]:
    """Return inputs and labels of a batch that is a pair of them; nothing of any other."""
    if isinstance(batch, tuple | list) and len(batch) == 2 and all(isinstance(part, Tensor) for part in batch):
        return {"inputs": batch[0], "labels": batch[1]}
    return {}


class DebugLoggerCallback(Callback):  # type: ignore[misc, unused-ignore]
    """Log a Lightning training: `Trainer(callbacks=[DebugLoggerCallback(log_dir="logs/debug")])`.

    `unpack` says what of a batch is `inputs` and `labels`. Logits are not to be had here; a module that wants them
    logged sets `self.debug_logits = logits` in its `training_step`.

    A step is a batch, or as many as Lightning accumulates. With manual optimization the loss of a batch is that whose
    backward comes first, however many losses and optimizers follow: of a GAN that of the network trained first.
    """

    def __init__(self, *, unpack: Unpack = pair, **options: Any) -> None:
        """Take the options of `DebugLogger`, but for the model, the optimizers and what the Trainer knows itself."""
        super().__init__()
        self.options = options
        self.unpack = unpack
        self.debug_logger: DebugLogger | None = None
        self._batch: Any = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Open the log."""
        self._end(None)
        steps = trainer.estimated_stepping_batches
        known = {
            "config": dict(pl_module.hparams) or None,
            "scheduler": [config.scheduler for config in trainer.lr_scheduler_configs] or None,
            "scaler": getattr(trainer.precision_plugin, "scaler", None),
            "accumulation_steps": trainer.accumulate_grad_batches,
            "total_steps": steps if isinstance(steps, int) and steps > 0 else None,
            "start_step": _num_steps(trainer),
            "rank": trainer.global_rank,
        }
        self.debug_logger = DebugLogger(pl_module, trainer.optimizers, **{**known, **self.options})
        if self.debug_logger._session is not None:
            self.debug_logger._session.recorder.context.sum_losses = trainer.accumulate_grad_batches > 1

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin an epoch."""
        del pl_module
        if self.debug_logger is not None:
            self.debug_logger.epoch_start(trainer.current_epoch)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Keep the batch until its loss is there."""
        del trainer, pl_module, batch_idx
        self._batch = batch
        self._forward(None)

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Tensor) -> None:
        """Log the step: the loss as the module returned it, though Lightning may have scaled it by now."""
        batch, self._batch = self._batch, None
        session = self.debug_logger._session if self.debug_logger is not None else None
        if session is None or batch is None:
            return
        logits = getattr(pl_module, "debug_logits", None)
        if logits is not None:
            pl_module.debug_logits = None
        known = facts(logits=logits, **self.unpack(batch))
        scale = session.recorder.context.scale()
        value = loss if scale is None else loss.detach() / scale
        session.training_step(value, known, None, watched=loss)
        del trainer

    def on_validation_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Note a forward pass without gradient, where the module has none of its own to be watched."""
        del trainer, batch_idx, dataloader_idx
        if not _has_forward(pl_module):
            self._forward(self.unpack(batch).get("inputs"))

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Log a validation, but not the one that only checks that validation works."""
        del pl_module
        if self.debug_logger is not None and not trainer.sanity_checking:
            self.debug_logger.validation(
                **metrics(trainer.callback_metrics, "val_", "val/", "validation_", "validation/")
            )

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Close the log of a training that failed."""
        del trainer, pl_module
        self._end(exception)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Close the log."""
        del trainer, pl_module
        self._end(None)

    def _forward(self, inputs: Any) -> None:
        if self.debug_logger is not None and self.debug_logger._session is not None:
            self.debug_logger._session.forward_entered(inputs)

    def _end(self, raised: BaseException | None) -> None:
        self._batch = None
        if self.debug_logger is not None and self.debug_logger._session is not None:
            self.debug_logger._session.ended_by(raised)
        self.debug_logger = None


def _num_steps(trainer: Any) -> int:
    """Return the batches so far after which an optimizer stepped, as Lightning's own loggers count."""
    loop = getattr(trainer.fit_loop, "epoch_loop", None)
    return int(getattr(loop, "_batches_that_stepped", trainer.global_step))


def _has_forward(module: Any) -> bool:
    base: Any = next(kind for kind in type(module).__mro__ if kind.__name__ == "LightningModule")
    return type(module).forward is not base.forward
