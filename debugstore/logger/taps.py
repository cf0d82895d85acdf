"""Listen to a method of one object without leaving anything on the object.

The method is replaced on its class, and a call on any other object of that class goes straight through. So a pickled,
copied or saved object carries no trace of the logger: a scheduler's `state_dict()` would save a wrapped method of its
own. The class gets its method back when nobody listens any more.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch

Listener = Callable[[str], None]

_listeners: dict[tuple[type, str, int], list[tuple[Any, Listener]]] = {}
_replaced: dict[tuple[type, str], tuple[Any, bool]] = {}


class Tap:
    """A listener to `method` of `target`: told "enter" before each call and "leave" after it, also when it raises."""

    def __init__(self, target: Any, method: str, listener: Listener) -> None:
        self._key = (type(target), method, id(target))
        self._entry = (target, listener)  # holds the target: its id stays its own
        kind = type(target)
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
        entries = _listeners.get((kind, method, id(self)))
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
