"""Listen to a method of one object without leaving anything on the object.

The method is replaced on its class, and a call on any other object of that class goes straight through. So a pickled,
copied or saved object carries no trace of the logger: a scheduler's `state_dict()` would save a wrapped method of its
own. The class gets its method back when nobody listens any more.

A wrapper stands for what it wraps: a method called on it counts as called on that.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from debugstore.logger.context import unwrap

Listener = Callable[[str], None]

_listeners: dict[tuple[type, str, int], list[tuple[Any, Listener]]] = {}
_replaced: dict[tuple[type, str], tuple[Any, bool]] = {}


class Tap:
    """A listener to `method` of `target`: told "enter" before each call and "leave" after it, also when it raises.

    `kind` is the class on which calls are heard, where it is not the target's own: that of a wrapper.
    """

    def __init__(self, target: Any, method: str, listener: Listener, kind: type | None = None) -> None:
        target, kind = _meant(target), kind or type(target)
        self._key = (kind, method, id(target))
        self._entry = (target, listener)  # holds the target: its id stays its own
        if (kind, method) not in _replaced:
            _replace(kind, method)
        _listeners.setdefault(self._key, []).append(self._entry)

    def remove(self) -> None:
        """Stop listening; twice does nothing."""
        entries = _listeners.get(self._key, [])
        if self._entry in entries:
            entries.remove(self._entry)
        if not entries:
            _listeners.pop(self._key, None)
            kind, method, _ = self._key
            if not any(key[:2] == (kind, method) for key in _listeners):
                _give_back(kind, method)


def _replace(kind: type, method: str) -> None:
    original = getattr(kind, method)

    @functools.wraps(original)
    def tapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        if torch.compiler.is_compiling():
            return original(self, *args, **kwargs)
        entries = _listeners.get((kind, method, id(_meant(self))))
        if entries is None:
            return original(self, *args, **kwargs)
        for _, listener in tuple(entries):
            listener("enter")
        try:
            return original(self, *args, **kwargs)
        finally:
            for _, listener in tuple(entries):
                listener("leave")

    own = method in vars(kind)
    setattr(kind, method, tapped)
    _replaced[kind, method] = (original, own)


def _give_back(kind: type, method: str) -> None:
    original, own = _replaced.pop((kind, method), (None, False))
    if original is None:
        return
    if own:
        setattr(kind, method, original)
    else:
        delattr(kind, method)


def _meant(target: Any) -> Any:
    """Return what a wrapper stands for: DDP's and torch.compile's modules, Lightning's optimizers."""
    return unwrap(target) if isinstance(target, nn.Module) else getattr(target, "_optimizer", target)
