"""Watch forward passes: each call of the model, and for a few steps each of its modules.

A hook that sits on a module is copied and pickled with it. So ours is an object that becomes nothing then: the
copy of a model is not watched, and a saved model loads where this package is not installed.
"""

import contextlib
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import nn

from debugstore.logger.context import clean

MAX_MODULES = 128
CAN_CAPTURE: bool = torch.backends.cuda.is_built()  # type: ignore[no-untyped-call]


class ForwardHook:
    """A hook on one module.

    Silent while torch.compile or torch.jit traces it, when backward repeats a forward, and inside of a function
    transform (`vmap`, `grad`): what passes there has no numbers to look at.
    """

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell

    def __call__(self, module: nn.Module, inputs: Any, *output: Any) -> None:
        if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
            return
        transformed = torch._C._functorch.maybe_current_level() is not None
        if not transformed and torch._C._current_graph_task_id() == -1:
            self._tell(module, inputs, *output)

    def __reduce__(self) -> Any:
        # A standard function that takes anything and returns None: `nullcontext().__exit__`.
        return getattr, (contextlib.nullcontext(), "__exit__")


def is_capturing() -> bool:
    """Whether a CUDA graph is being captured: then nothing may wait for the device, not even to measure."""
    return CAN_CAPTURE and torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()  # type: ignore[no-untyped-call]


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
        self._module = root
        self._hook = ForwardHook(lambda _, inputs: entered(_first(inputs)))
        self._root: Any = root.register_forward_pre_hook(self._hook)
        self._scripting = Scripting(self)
        self._armed: dict[str, Any] = {}
        self._fired: set[str] = set()
        self._wanted = False

    @property
    def can_arm(self) -> bool:
        """Whether modules can be watched: those of a compiled model are not run one by one."""
        return bool(self._modules)

    def arm(self, wanted: bool) -> None:
        """Watch the modules, or stop watching them."""
        if self._root is None:
            self._root = self._module.register_forward_pre_hook(self._hook)
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
        self._scripting.remove()
        self.let_go()

    def let_go(self) -> None:
        """Take the hooks back until the modules are armed again."""
        self._fired.update(self._armed)
        self._wanted = True
        self.arm(False)
        if self._root is not None:
            self._root.remove()
            self._root = None

    def _teller(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def tell(module: nn.Module, inputs: Any, output: Any) -> None:
            self._fired.add(name)
            self._ran(name, module, _first(inputs), output)

        return tell


class Scripting:
    """Takes the hooks off a model before `torch.jit.script` reads it, which would compile them.

    `torch.jit.script` asks every module for `__prepare_scriptable__`, meant for modules that stand in for another; as
    long as logs are open, `nn.Module` has one that answers with the module itself. The hooks come back with the next
    step that is logged.
    """

    _open: ClassVar[list["Scripting"]] = []

    def __init__(self, forwards: "Forwards") -> None:
        self._forwards = forwards
        self._open.append(self)
        nn.Module.__prepare_scriptable__ = _prepare  # type: ignore[attr-defined]

    def remove(self) -> None:
        """Stop looking; with the last one, the method goes."""
        if self in self._open:
            self._open.remove(self)
            if not self._open:
                del nn.Module.__prepare_scriptable__  # type: ignore[attr-defined]

    @classmethod
    def prepare(cls) -> None:
        """Take all hooks off."""
        for scripting in cls._open:
            scripting._forwards.let_go()


def _prepare(module: nn.Module) -> nn.Module:
    Scripting.prepare()
    return module


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
