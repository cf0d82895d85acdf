"""How a log ends when the process does: signals, interpreter exit, forks.

One set of handlers for all open logs of the process, installed with the first and removed with the last. A handler that
was there before is called after ours; the default one is restored and the signal sent again, so that the process dies
as it would have died. A forked child writes nothing to its parent's logs.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, Protocol


class Ender(Protocol):
    """What an open log must be able to do when the process ends."""

    def end(self, status: str, error: str | None) -> None:
        """Write `fit_end` and close."""

    def flush(self) -> None:
        """Write what waits."""

    def abandon(self) -> None:
        """Forget everything: this is a forked child."""


class _Process:
    """The open logs of this process, and what was installed for them."""

    def __init__(self) -> None:
        self.open: list[Ender] = []
        self.previous: Any = None
        self.installed = False
        self.inside = 0
        self.delayed: int | None = None
        self.last_value: object = None


_process = _Process()


def watch(log: Ender) -> None:
    """End `log` when the process ends."""
    if not _process.open:
        _install()
    _process.open.append(log)


def unwatch(log: Ender) -> None:
    """Forget a log that is closed; with the last, what was installed goes too."""
    if log in _process.open:
        _process.open.remove(log)
        if not _process.open:
            _restore()


def enter() -> None:
    """Say that the training's thread is inside the logger: a signal that comes now waits until it leaves."""
    _process.inside += 1


def leave() -> None:
    """Say that it is out again, and handle a signal that waited."""
    _process.inside -= 1
    if _process.delayed is not None and _process.inside <= 0:
        number, _process.delayed = _process.delayed, None
        _on_signal(number, None)


def _install() -> None:
    _process.last_value = getattr(sys, "last_value", None)
    atexit.register(_at_exit)
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may set handlers; the flush every few seconds remains
    _process.previous = signal.getsignal(signal.SIGTERM)
    if _process.previous is not None:  # None: a handler of C code that we could not call
        signal.signal(signal.SIGTERM, _on_signal)
        _process.installed = True


def _restore() -> None:
    atexit.unregister(_at_exit)
    if _process.installed:
        _process.installed = False
        with contextlib.suppress(ValueError):  # closed in another thread than the main one
            if signal.getsignal(signal.SIGTERM) is _on_signal:
                signal.signal(signal.SIGTERM, _process.previous)


def _on_signal(number: int, frame: FrameType | None) -> None:
    if _process.inside > 0:
        _process.delayed = number
        return
    previous = _process.previous
    if callable(previous):
        for log in list(_process.open):
            log.flush()
        previous(number, frame)
    elif previous is signal.SIG_IGN:
        for log in list(_process.open):
            log.flush()
    else:
        for log in list(_process.open):
            log.end("interrupted", signal.Signals(number).name)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _at_exit() -> None:
    status, error = "completed", None
    raised = getattr(sys, "last_value", None)
    if raised is not None and raised is not _process.last_value:
        status, error = outcome(raised)
    for log in list(_process.open):
        log.end(status, error)


def outcome(raised: BaseException) -> tuple[str, str | None]:
    """Return the status and the error text of a training that `raised` ended."""
    if isinstance(raised, KeyboardInterrupt):
        return "interrupted", "KeyboardInterrupt"
    if isinstance(raised, SystemExit) and raised.code in (None, 0):
        return "completed", None
    text = str(raised).strip()
    return "failed", f"{type(raised).__name__}: {text}" if text else type(raised).__name__


def _in_child() -> None:
    for log in _process.open:
        log.abandon()
    _process.open.clear()
    _process.inside = 0
    _process.delayed = None
    _restore()


os.register_at_fork(after_in_child=_in_child)
