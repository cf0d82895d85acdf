"""One open log: puts the parts together, runs each piece of logging so that it cannot hurt, and ends them all."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from debugstore.logger import arguments, exits, identity
from debugstore.logger.alerts import Alerts
from debugstore.logger.event_log import EventLog, warn
from debugstore.logger.forwards import is_capturing
from debugstore.logger.hooks import Hooks
from debugstore.logger.probes import chosen
from debugstore.logger.recorder import Recorder
from debugstore.logger.store_sink import StoreSink

STATUSES = ("completed", "failed", "interrupted")


class Session:
    """What a `DebugLogger` drives while it is open."""

    def __init__(self, given: dict[str, Any]) -> None:
        context = arguments.check(given["model"], given["optimizer"], given["scheduler"], given["scaler"], given)
        settings = context.settings
        rank, world_size = identity.rank_and_world()
        rank = rank if settings.rank is None else settings.rank
        run_id = settings.run_id or identity.new_run_id(settings.run_name)
        path, stamp = identity.open_path(Path(settings.log_dir), rank, time.time())
        self._alerts = Alerts(settings.alert, path) if settings.alert is not None else None
        sink = StoreSink(settings.store, path) if settings.store is not None else None
        self._followers = [follower for follower in (sink, self._alerts) if follower is not None]
        self.log = EventLog(path, run_id, rank, settings.buffer_events, self._written if self._followers else None)
        self.recorder = Recorder(
            context,
            self.log,
            [kind(context) for kind in chosen(settings.probes)],
            max(world_size, rank + 1),
            secrets.token_hex(8),
        )
        self._summary_path = path.with_name(f"debug_summary_{stamp}.json")
        self._hooks = Hooks(self.recorder)
        self._open = True
        self._failed: set[str] = set()  # parts that failed once: said once
        exits.watch(self)

    def training_step(self, loss: Any, given: dict[str, Any], step: int | None, watched: Any = None) -> None:
        """Log one step, then listen to the backward pass of its loss; of `watched`, where a framework scaled it."""
        if self._open and self._passes(loss if watched is None else watched, step):
            return
        if is_capturing():
            return
        self.run("training_step", self.recorder.training_step, loss, given, step)
        if self._open:
            self._hooks.watch_loss(loss if watched is None else watched)
            self._hooks.watch_modules()
        if self._alerts is not None:
            self._alerts.raise_pending()

    def forward_entered(self, inputs: Any) -> None:
        """Note a forward pass that no hook on the model sees; with one that does, the first counts."""
        self._hooks.forward_entered(inputs)

    def _passes(self, watched: Any, step: int | None) -> bool:
        """Count a step that nothing is asked of, and listen to its backward pass; return whether it is one."""
        began = time.perf_counter()
        if self._alerts is not None or not self.recorder.passes(step):
            return False
        self._hooks.watch_loss(watched)
        self.recorder.seconds += time.perf_counter() - began
        return True

    def _written(self) -> None:
        """Let those who follow the log read what reached its file."""
        for follower in self._followers:
            follower.catch_up()

    def run(self, part: str, function: Callable[..., Any], *args: Any) -> None:
        """Run a piece of logging: time counted, its first failure is one warning and an event; nothing raises."""
        if not self._open:
            return
        began = self.recorder.call_began = time.perf_counter()
        exits.enter()
        try:
            function(*args)
        except Exception as error:
            self._fail(part, error)
        finally:
            self.recorder.seconds += time.perf_counter() - began
            exits.leave()

    def _fail(self, part: str, error: Exception) -> None:
        if part in self._failed:
            return
        self._failed.add(part)
        try:
            self.recorder.panel.failed(part, error)
        except Exception as second:
            warn(f"the log {self.log.path} failed: {second}")

    def flush(self) -> None:
        """Write what waits."""
        self.log.writer.flush()

    def ended_by(self, raised: BaseException | None) -> None:
        """End as the exception says that left the `with` block, if one did."""
        status, error = ("completed", None) if raised is None else exits.outcome(raised)
        self.end(status, error)

    def end(self, status: str, error: str | None) -> None:
        """Write `fit_end` and the summary, and let go of the training; a second call does nothing."""
        if not self._open:
            return
        if status not in STATUSES:
            warn(f"status must be one of {', '.join(STATUSES)}, got {status!r}; 'completed' is written")
            status = "completed"
        self.run("fit_start", self.recorder.start)
        self.run("the last step", self.recorder.pause)  # may be lost with its device; the end is told all the same
        self.run("fit_end", self.recorder.finish, status, error)
        self._open = False
        exits.unwatch(self)
        self._hooks.remove()
        try:
            self.log.writer.close()
            for follower in self._followers:
                follower.close()
            more = {"run_id": self.log.run_id, "rank": self.log.rank, "log": self.log.path.name, "status": status}
            findings = self._alerts.findings if self._alerts is not None else None
            self.log.summary.write(
                self._summary_path, {**more, "error": error, **self.recorder.totals(), "findings": findings}
            )
        except Exception as second:
            warn(f"the log {self.log.path} could not be closed: {second}")

    def abandon(self) -> None:
        """Do nothing any more: a forked child leaves its parent's log alone."""
        self._open = False
        self._hooks.remove()
        self.log.writer.abandon()
