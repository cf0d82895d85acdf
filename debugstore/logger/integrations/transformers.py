"""`transformers.Trainer`: a callback that reads the loss where the model makes it, before the Trainer filters it."""

import os
from typing import Any

import torch
from torch import Tensor, nn

from debugstore.errors import MissingExtraError
from debugstore.logger.debug_logger import DebugLogger
from debugstore.logger.event_log import warn
from debugstore.logger.forwards import ForwardHook
from debugstore.logger.integrations import facts, metrics

try:
    from transformers import TrainerCallback  # type: ignore[import-not-found, unused-ignore]
except ImportError as error:
    raise MissingExtraError("transformers", "transformers", "the Trainer callback") from error


class _BehindTheGraph(ForwardHook):
    """A hook that torch.compile does not trace but leaves its graph for, with the module's output."""

    @torch.compiler.disable  # type: ignore[untyped-decorator, unused-ignore]
    def __call__(self, module: nn.Module, inputs: Any, *output: Any) -> None:
        super().__call__(module, inputs, *output)


def _is_full_graph() -> bool:
    return os.environ.get("ACCELERATE_DYNAMO_USE_FULLGRAPH", "").lower() in ("1", "true", "yes", "on", "t", "y")


class DebugLoggerCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Log a `Trainer`'s training: `Trainer(..., callbacks=[DebugLoggerCallback(log_dir="logs/debug")])`.

    The loss of every micro-step is taken from the model's own output, so a NaN that `logging_nan_inf_filter` hides is
    there. Under `torch_compile` the compiled graph ends where the model does and the loss is read behind it; where the
    graph may not end (`ACCELERATE_DYNAMO_USE_FULLGRAPH`), and where the Trainer computes the loss itself
    (`compute_loss_func`, label smoothing), there is no output to read: steps are not logged, which is said once.
    """

    def __init__(self, **options: Any) -> None:
        """Take the options of `DebugLogger`, but for the model, the optimizer and what the Trainer knows itself."""
        self.options = options
        self.debug_logger: DebugLogger | None = None
        self._hook: Any = None
        self._step = 0
        self._seen = False
        self._is_causal = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Open the log."""
        del control
        model, optimizer = given["model"], given["optimizer"]
        self._close("failed")  # a training before this one ended without a word
        config = {"arguments": args.to_dict(), "model": _config(model), **dict(self.options.get("config") or {})}
        known = {
            "run_name": args.run_name,
            "scheduler": given.get("lr_scheduler"),
            "scaler": getattr(optimizer, "scaler", None),
            "accumulation_steps": args.gradient_accumulation_steps,
            "total_steps": state.max_steps if state.max_steps > 0 else None,
            "start_step": state.global_step,
        }
        self.debug_logger = DebugLogger(model, optimizer, **{**known, **self.options, "config": config})
        self._is_causal = "CausalLM" in type(model).__name__ or "LMHead" in type(model).__name__
        self._seen = False
        hook = _BehindTheGraph if args.torch_compile and not _is_full_graph() else ForwardHook
        self._hook = model.register_forward_hook(hook(self._forward_left), with_kwargs=True)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin an epoch."""
        del args, control
        if self.debug_logger is not None:
            self.debug_logger.epoch_start(int(state.epoch or 0))

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Learn the number of the step."""
        del args, control
        self._step = state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Say so, once, if the model shows no loss."""
        del args, state, control
        if not self._seen and self.debug_logger is not None:
            self._seen = True
            warn(
                "the model's output shows no loss (a full graph, or a loss the Trainer computes): steps are not logged"
            )

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Log an evaluation."""
        del args, state, control
        if self.debug_logger is not None:
            self.debug_logger.validation(**_metrics(metrics or {}))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the log."""
        del args, state, control
        self._close("completed")

    def _close(self, status: str) -> None:
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        if self.debug_logger is not None:
            self.debug_logger.close(status)
            self.debug_logger = None

    def _forward_left(self, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        """Take the loss and the logits out of the model's output in a training forward."""
        session = self.debug_logger._session if self.debug_logger is not None else None
        loss = getattr(output, "loss", None)
        if session is None or not module.training or not torch.is_grad_enabled() or not isinstance(loss, Tensor):
            return
        self._seen = True
        session.recorder.context.sum_losses = kwargs.get("num_items_in_batch") is not None
        logits, labels = getattr(output, "logits", None), kwargs.get("labels")
        inputs = kwargs.get("input_ids", kwargs.get("pixel_values", args[0] if args else None))
        if self._is_causal and isinstance(logits, Tensor) and isinstance(labels, Tensor):
            logits, labels = logits[:, :-1], labels[:, 1:]
        session.training_step(loss, facts(logits=logits, labels=labels, inputs=inputs), self._step)


def _metrics(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics(values, "eval_").items() if isinstance(value, int | float)}


def _config(model: Any) -> Any:
    config = getattr(model, "config", None)
    return config.to_dict() if config is not None and hasattr(config, "to_dict") else None
