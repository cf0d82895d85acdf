"""`transformers.Trainer`: a callback that reads the loss where its backward begins, before the Trainer filters it."""

import functools
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from debugstore.errors import MissingExtraError
from debugstore.logger.debug_logger import DebugLogger
from debugstore.logger.event_log import warn
from debugstore.logger.forwards import ForwardHook
from debugstore.logger.integrations import facts, metrics

try:
    from accelerate import Accelerator  # type: ignore[import-untyped, import-not-found, unused-ignore]
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


class _Backwards:
    """Tells of the losses that `Accelerator.backward` is given: whoever computes them, the Trainer hands them there.

    Only the newest listener is told: an older one belongs to a training that ended without a word.
    """

    def __init__(self) -> None:
        self._listeners: list[Callable[[Tensor], None]] = []
        self._original: Any = None

    def listen(self, tell: Callable[[Tensor], None]) -> None:
        """Begin to tell; the method is replaced with the first listener."""
        if not self._listeners:
            original = self._original = Accelerator.backward

            @functools.wraps(original)
            def backward(accelerator: Any, loss: Any, **options: Any) -> Any:
                self._listeners[-1](loss)
                return original(accelerator, loss, **options)

            Accelerator.backward = backward
        self._listeners.append(tell)

    def leave(self, tell: Callable[[Tensor], None]) -> None:
        """Tell no more; with the last listener the method is given back. Twice does nothing."""
        if tell in self._listeners:
            self._listeners.remove(tell)
            if not self._listeners:
                Accelerator.backward = self._original


_backwards = _Backwards()


class DebugLoggerCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Log a `Trainer`'s training: `Trainer(..., callbacks=[DebugLoggerCallback(log_dir="logs/debug")])`.

    The loss of every micro-step is the one its backward starts from, be it the model's, that of `compute_loss_func` or
    of a Trainer's own `compute_loss`; a NaN that `logging_nan_inf_filter` hides is there. Logits and labels are taken
    from the model's call. Under `torch_compile` the compiled graph ends where the model does and they are read behind
    it; where the graph may not end (`ACCELERATE_DYNAMO_USE_FULLGRAPH`) they are left out.
    """

    def __init__(self, **options: Any) -> None:
        """Take the options of `DebugLogger`, but for the model, the optimizer and what the Trainer knows itself."""
        self.options = options
        self.debug_logger: DebugLogger | None = None
        self._hook: Any = None
        self._step = 0
        self._seen = False
        self._is_causal = False
        self._known: dict[str, Any] | None = None
        self._blind = False  # the model's forward is not seen

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
        if self.debug_logger._session is not None:
            self.debug_logger._session.recorder.context.sum_losses = args.gradient_accumulation_steps > 1
            _backwards.listen(self._backward_entered)
        self._blind = args.torch_compile and _is_full_graph()
        hook = _BehindTheGraph if args.torch_compile and not self._blind else ForwardHook
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
        """Say so, once, if no loss was seen."""
        del args, state, control
        if not self._seen and self.debug_logger is not None:
            self._seen = True
            warn("the Trainer did not call Accelerator.backward: steps are not logged")

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
        _backwards.leave(self._backward_entered)
        self._known = None
        if self.debug_logger is not None:
            self.debug_logger.close(status)
            self.debug_logger = None

    def _forward_left(self, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        """Keep what a training forward took and made, until its loss is there."""
        if not module.training or not torch.is_grad_enabled():
            return
        logits, labels = getattr(output, "logits", None), kwargs.get("labels")
        inputs = kwargs.get("input_ids", kwargs.get("pixel_values", args[0] if args else None))
        if self._is_causal and isinstance(logits, Tensor) and isinstance(labels, Tensor):
            logits, labels = logits[:, :-1], labels[:, 1:]
        self._known = facts(logits=logits, labels=labels, inputs=inputs)

    def _backward_entered(self, loss: Any) -> None:
        """Log the micro-step whose backward begins, if it is of this training: the model was called for it."""
        known, self._known = self._known, None
        session = self.debug_logger._session if self.debug_logger is not None else None
        if session is not None and isinstance(loss, Tensor) and (known is not None or self._blind):
            self._seen = True
            session.training_step(loss, known or facts(), self._step)


def _metrics(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics(values, "eval_").items() if isinstance(value, int | float)}


def _config(model: Any) -> Any:
    config = getattr(model, "config", None)
    return config.to_dict() if config is not None and hasattr(config, "to_dict") else None
