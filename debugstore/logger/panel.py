"""The probes of one log: asks those that have something to do at a moment, and puts off the ones that fail."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch._C import _set_grad_enabled

from debugstore.logger.event_log import EventLog, warn
from debugstore.logger.probes.base import Facts, Probe, overridden


class _Unrecorded(AbstractContextManager[None]):
    """Does as `torch.no_grad()` does where autograd records, in a third of its time."""

    __slots__ = ()

    def __enter__(self) -> None:
        _set_grad_enabled(False)

    def __exit__(self, *raised: object) -> None:
        _set_grad_enabled(True)


_UNRECORDED = _Unrecorded()
_AS_IT_IS = nullcontext()


def unrecorded() -> AbstractContextManager[None]:
    """Return what keeps autograd from recording; where it does not record anyway, entering is dear for nothing."""
    return _UNRECORDED if torch.is_grad_enabled() else _AS_IT_IS


class Panel:
    """All probes that are on; `active` are those that want the later moments of the step under way.

    Lists are replaced, never changed: a loop over one goes on when a probe fails, whichever thread it fails in.
    """

    def __init__(self, probes: Iterable[Probe], log: EventLog, here: Callable[[], int]) -> None:
        self.active: list[Probe] = []
        self.watching: list[Probe] = []  # the modules of the forward pass to come
        self._log = log
        self._here = here
        self._set(list(probes))

    def _set(self, probes: list[Probe]) -> None:
        self._probes = probes
        self._by_name = {probe.name: probe for probe in probes}
        moments: dict[str, list[Probe]] = {}
        for probe in probes:
            for moment in overridden(probe):
                moments.setdefault(moment, []).append(probe)
        self._by_moment = moments

    def at(self, moment: str) -> list[Probe]:
        """Return the probes that have something to do at a moment."""
        return self._by_moment.get(moment, [])

    def tell(self, moment: str, *args: Any, among: Sequence[Probe] | None = None) -> None:
        """Show a moment to all probes that have something to do at it, or to some of them."""
        told = self.at(moment)
        if told and (among is None or among):
            with unrecorded():
                for probe in told:
                    if among is None or probe in among:
                        self.guard(probe, getattr(probe, moment), *args)

    def ask(self, moment: str, *args: Any) -> dict[str, Facts]:
        """Return each probe's facts of a moment, by its name; none of those that have none."""
        with unrecorded():
            asked = {probe.name: self.guard(probe, getattr(probe, moment), *args) for probe in self.at(moment)}
        return {name: facts for name, facts in asked.items() if facts}

    def events(self, probe: Probe, function: Callable[..., Any], *args: Any) -> list[tuple[str, Facts]]:
        """Return the events that a probe makes, none if it fails on the way."""
        with unrecorded():
            return self.guard(probe, lambda: list(function(*args))) or []

    def finished(self, name: str, event_type: str, facts: Facts) -> Facts:
        """Return a probe's numbers as the fields of an event; what no probe made is left as it is."""
        probe = self._by_name.get(name)
        return facts if probe is None else self.guard(probe, probe.finish, event_type, facts) or {}

    def guard(self, probe: Probe, function: Callable[..., Any], *args: Any) -> Any:
        """Call a probe; one that raises is off from then on, said once."""
        try:
            return function(*args)
        except Exception as error:
            self.active = [other for other in self.active if other is not probe]
            self.watching = [other for other in self.watching if other is not probe]
            self._set([other for other in self._probes if other is not probe])
            self.failed(probe.name, error)
            return None

    def failed(self, part: str, error: BaseException) -> None:
        """Say once that a part failed: a warning and a `logger_error` event."""
        step, text = self._here(), f"{type(error).__name__}: {error}"
        warn(f"'{part}' failed at step {step} and is left out; the training goes on ({text})")
        self._log.emit("logger_error", step, {"part": part, "error": text, "num_lost": 0})
