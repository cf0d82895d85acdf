"""Where the logger listens: hooks on the loss and the optimizers, taps on methods. All of it is taken back at close.

A hook never raises into the training: whatever goes wrong inside is the recorder's to report.
"""

import contextlib
import inspect
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Variable
from torch.optim import Optimizer

from debugstore.logger import exits
from debugstore.logger.calls import BACKWARD, FORWARD, OPTIMIZER, SCHEDULER, UNSCALE, ZERO_GRAD
from debugstore.logger.context import Context
from debugstore.logger.forwards import Forwards, is_capturing
from debugstore.logger.recorder import Recorder
from debugstore.logger.taps import Tap

OURS = -1  # the key of our hook on a loss: torch numbers the others from 0 on
MOST_NESTED = 4  # steps of an optimizer within one of its own: after more, the outer one must have raised


class Hooks:
    """Everything installed for one recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder: Recorder | None = recorder
        self._handles: list[Any] = []
        self._steps_before = 0
        context = recorder.context
        self._nesting = Nesting(context) if any(map(can_nest, context.optimizers)) else None
        for optimizer in context.optimizers:
            self._handles.append(optimizer.register_step_pre_hook(self._optimizer_entered))
            self._handles.append(optimizer.register_step_post_hook(self._optimizer_left))
            self._tap(optimizer, "zero_grad", ZERO_GRAD)
        for kind in {type(context.root), type(context.model), *wrappers()}:
            self._tap(context.model, "zero_grad", ZERO_GRAD, kind)
        for scheduler in context.schedulers:
            self._tap(scheduler, "step", SCHEDULER)
        if context.scaler is not None:
            self._tap(context.scaler, "unscale_", UNSCALE)
            with contextlib.suppress(TypeError, AttributeError):
                self._handles.append(Tap(context.scaler, "step", self._scaler_stepped))
        self._forwards = Forwards(context.root, context.model, self.forward_entered, self._module_ran)
        self._handles.append(self._forwards)
        context.ran = {} if self._forwards.can_arm else None
        self.watch_modules()

    def remove(self) -> None:
        """Take everything back; twice does nothing."""
        handles, self._handles, self._recorder = self._handles, [], None
        for handle in handles:
            handle.remove()

    def watch_modules(self) -> None:
        """Watch the modules in the coming forward pass, if a probe wants to."""
        if self._forwards.can_arm:
            self._run(self._arm)

    def watch_loss(self, loss: Any) -> None:
        """Listen to the backward pass that starts from `loss`.

        Does as `loss.register_hook` does, without the handle to take it back: that is four fifths of its time.
        """
        made_by = loss.grad_fn if type(loss) is Tensor else None
        register = getattr(made_by, "_register_hook_dict", None)
        if register is not None and loss._backward_hooks is None:
            hooks: OrderedDict[int, Any] = OrderedDict()
            hooks[OURS] = self._backward_entered
            loss._backward_hooks = hooks
            register(loss)
        elif isinstance(loss, Tensor) and loss.requires_grad:
            loss.register_hook(self._backward_entered)  # type: ignore[no-untyped-call]

    def _arm(self, recorder: Recorder) -> None:
        self._forwards.arm(recorder.watches_next())

    def _tap(self, target: Any, method: str, call: str, kind: type | None = None) -> None:
        """Count calls of a method; a class that cannot be changed goes uncounted."""

        def listener(moment: str) -> None:
            if moment == "leave" and not self._passed(call):
                self._run(self._noted, call)

        with contextlib.suppress(TypeError, AttributeError):
            self._handles.append(Tap(target, method, listener, kind))

    def _passed(self, kind: str) -> bool:
        """Count a call in a step that is only counted; return whether this is one."""
        began = time.perf_counter()
        recorder = self._recorder
        if recorder is None or not recorder.idle or kind == UNSCALE:
            return False
        recorder.context.calls.totals[kind] += 1
        recorder.seconds += time.perf_counter() - began
        return True

    def _run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a piece of the logger inside the training: its time is counted, its failure reported, nothing raised."""
        recorder = self._recorder
        if recorder is None or is_capturing():
            return None
        began = time.perf_counter()
        exits.enter()
        try:
            return function(recorder, *args)
        except Exception as error:
            self.remove()
            recorder.panel.failed("hooks", error)
            return None
        finally:
            recorder.seconds += time.perf_counter() - began
            exits.leave()

    def _noted(self, recorder: Recorder, kind: str) -> None:
        recorder.context.calls.note(kind)
        if kind == UNSCALE:
            recorder.context.unscaled = True

    def _scaler_stepped(self, moment: str) -> None:
        """Count a step that the scaler left out: the optimizer was not called."""
        recorder = self._recorder
        if recorder is None:
            return
        calls = recorder.context.calls
        if moment == "enter":
            self._steps_before = calls.totals[OPTIMIZER]
        elif calls.totals[OPTIMIZER] == self._steps_before:
            calls.skipped += 1

    def forward_entered(self, inputs: Any) -> None:
        """Note that the model was called, or its first argument is at hand."""
        began = time.perf_counter()
        recorder = self._recorder
        if recorder is not None and recorder.idle and torch.is_grad_enabled():
            recorder.forward_passed()
            recorder.seconds += time.perf_counter() - began
        else:
            self._run(Recorder.forward_entered, inputs)

    def _module_ran(self, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        self._run(Recorder.module_ran, name, module, inputs, output)

    def _optimizer_entered(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        began = time.perf_counter()
        if self._nesting is not None and self._nesting.enter(optimizer):
            return
        recorder = self._recorder
        alone = len(args) < 2 and not kwargs
        if recorder is not None and recorder.idle and alone and recorder.optimizer_enters(optimizer):
            recorder.seconds += time.perf_counter() - began
            return
        has_closure = any(given is not None and given is not optimizer for given in (*args, *kwargs.values()))
        self._run(Recorder.optimizer_entered, optimizer, has_closure)

    def _optimizer_left(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:  # noqa: ARG002
        began = time.perf_counter()
        if self._nesting is not None and self._nesting.leave(optimizer):
            return
        recorder = self._recorder
        if recorder is not None and recorder.idle:
            recorder.optimizer_passed()
            recorder.seconds += time.perf_counter() - began
        else:
            self._run(Recorder.optimizer_left, optimizer)

    def _backward_entered(self, seed: Tensor) -> None:
        if not self._passed(BACKWARD):
            self._run(self._entered, seed)

    def _entered(self, recorder: Recorder, seed: Tensor) -> None:
        if recorder.backward_entered(seed):
            Variable._execution_engine.queue_callback(self._last_but_one)

    def _last_but_one(self) -> None:
        """Queue once more: what DDP and FSDP queued during this backward finishes the gradients, and must run first."""
        Variable._execution_engine.queue_callback(self._backward_ended)

    def _backward_ended(self) -> None:
        self._run(Recorder.backward_ended)


def can_nest(optimizer: Optimizer) -> bool:
    """Whether a class of the optimizer has a `step` that may call the `step` of another."""
    steps = {inspect.unwrap(vars(kind)["step"]) for kind in type(optimizer).__mro__ if "step" in vars(kind)}
    return len(steps - {Optimizer.step}) > 1


class Nesting:
    """Tells a step within a step of the same optimizer: torch hooks the `step` of a subclass and that of its base.

    Nothing else is told when a step raises; so what follows further forward or backward passes is a step anew, but for
    those of a closure.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._outer: Optimizer | None = None
        self._passes = self._depth = self._num_nested = 0

    def enter(self, optimizer: Optimizer) -> bool:
        """Note that a step begins; return whether it is within one."""
        passes = self._context.calls.totals[FORWARD] + self._context.calls.totals[BACKWARD]
        if self._outer is optimizer and (self._context.in_closure or passes == self._passes):
            self._num_nested += 1
            if self._num_nested <= MOST_NESTED:
                self._depth += 1
                return True
        self._outer, self._passes, self._depth, self._num_nested = optimizer, passes, 0, 0
        return False

    def leave(self, optimizer: Optimizer) -> bool:
        """Note that a step ends; return whether it was within one."""
        if self._outer is optimizer and self._depth:
            self._depth -= 1
            return True
        self._outer = None
        return False


def wrappers() -> list[type[nn.Module]]:
    """Return the classes that a loop may wrap the model in after the logger saw it."""
    dynamo = sys.modules.get("torch._dynamo.eval_frame")  # an import takes a second
    compiled = [dynamo.OptimizedModule] if dynamo is not None else []
    return [nn.DataParallel, nn.parallel.DistributedDataParallel, *compiled]
