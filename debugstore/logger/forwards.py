"""Watch forward passes: each call of the model, and for a few steps each of its modules.

A hook that sits on a module is copied and pickled with it. So ours is an object that becomes nothing then: the
copy of a model is not watched, and a saved model loads where this package is not installed.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from debugstore.logger.context import clean

MAX_MODULES = 128


class ForwardHook:
    """A hook on one module; silent while torch.compile traces it, and when backward repeats a checkpointed forward."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell

    def __call__(self, module: nn.Module, inputs: Any, *output: Any) -> None:
        if torch.compiler.is_compiling():
            return
        if torch._C._current_graph_task_id() == -1:
            self._tell(module, inputs, *output)

    def __reduce__(self) -> Any:
        # A standard function that takes anything and returns None: `nullcontext().__exit__`.
        return getattr, (contextlib.nullcontext(), "__exit__")


def is_capturing() -> bool:
    """Whether a CUDA graph is being captured: then nothing may wait for the device, not even to measure."""
    return bool(torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing())  # type: ignore[no-untyped-call]


class Forwards:
    """The hooks on the model: one for its calls as long as the log is open, those on its modules while armed.

    A module whose hook never fired though armed is compiled, or not used: its hook stays. Compiled code checks how many
    hooks there are, and would be compiled anew for one that comes or goes.
    """

    def __init__(
        self,
        root: nn.Module,
        model: nn.Module,
        entered: Callable[[Any], None],
        ran: Callable[[str, nn.Module, Any, Any], None],
    ) -> None:
        self._modules = [] if is_compiled(root) or is_compiled(model) else _modules(model)
        self._ran = ran
        self._root = root.register_forward_pre_hook(ForwardHook(lambda _, inputs: entered(_first(inputs))))
        self._armed: dict[str, Any] = {}
        self._fired: set[str] = set()
        self._wanted = False

    @property
    def can_arm(self) -> bool:
        """Whether modules can be watched: those of a compiled model are not run one by one."""
        return bool(self._modules)

    def arm(self, wanted: bool) -> None:
        """Watch the modules, or stop watching them."""
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if wanted:
            for name, module in self._modules:
                if name not in self._armed:
                    self._armed[name] = module.register_forward_hook(ForwardHook(self._teller(name)))
        else:
            for name in self._fired:
                self._armed.pop(name).remove()
            self._fired.clear()

    def remove(self) -> None:
        """Take all hooks back."""
        self._fired.update(self._armed)
        self._wanted = True
        self.arm(False)
        self._root.remove()

    def _teller(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def tell(module: nn.Module, inputs: Any, output: Any) -> None:
            self._fired.add(name)
            self._ran(name, module, _first(inputs), output)

        return tell


def is_compiled(module: nn.Module) -> bool:
    """Whether torch.compile wraps a module or its call."""
    return hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None


def _modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the modules worth watching: those that have no children or parameters of their own, 128 at most."""
    found = [
        (clean(name), module)
        for name, module in model.named_modules()
        if not any(True for _ in module.children()) or any(True for _ in module.parameters(recurse=False))
    ]
    stride = -(-len(found) // MAX_MODULES)
    return found[:: max(stride, 1)]


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, tuple) and values else None
