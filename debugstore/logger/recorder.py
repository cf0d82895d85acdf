"""From the moments of a training loop to events: which step it is, which probes look, what is written when.

The hooks (see `hooks`) tell the recorder what the loop does; nothing here calls torch but through a probe. What a
later moment of a step shows (its gradients, its update, the order of its calls) is written when the step is over:
at the next step, at a validation, at an epoch's start or at the end, always under the step's own number.
"""

import time
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from debugstore.logger import fit_start
from debugstore.logger.calls import BACKWARD, FORWARD, OPTIMIZER
from debugstore.logger.context import Context
from debugstore.logger.event_log import EventLog, warn
from debugstore.logger.panel import Panel, unrecorded
from debugstore.logger.plain import plain
from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.readback import resolve
from debugstore.logger.schedule import NOTHING, Plan, Schedule
from debugstore.logger.shown import Shown
from debugstore.logger.tensors import in_order, scalar


class Recorder:
    """The state of one segment between its first event and its last."""

    def __init__(self, context: Context, log: EventLog, probes: list[Probe], world_size: int, segment: str) -> None:
        settings = context.settings
        self.context = context
        self.log = log
        self.panel = Panel(probes, log, self._here)
        self.seconds = 0.0  # in this logger, all calls of the training's thread but the one under way
        self.call_began = time.perf_counter()
        self.step = settings.start_step - 1
        self.num_steps = 0
        self.idle = False  # nothing is asked of the step under way: its calls are only counted
        self._quiet = range(0)  # steps to come that nothing is asked of either
        self._calls = context.calls
        self._world_size = world_size
        self._segment = segment
        self._schedule = Schedule(settings.step_every, settings.grad_every, settings.update_every)
        self._started: float | None = None
        self._plan: Plan | None = None
        self._micro_steps = 0
        self._batch_idx = -1
        self._losses: list[Any] | None = None
        self._facts: dict[str, Facts] = {}
        self._inside: Optimizer | None = None
        self._begun_inside = False
        self._entered: set[int] = set()
        self._measured: Optimizer | None = None
        self._stepped = False
        self._warned = False
        self._shown = Shown()
        self._without_gradient = False  # the model was called last without gradient, and no validation ended since
        self._seconds_before = 0.0

    # ---- the user's calls

    def start(self) -> None:
        """Write `fit_start`, once."""
        if self._started is not None:
            return
        self._started = time.perf_counter()
        facts = fit_start.facts(self.context, self._world_size, self._segment)
        asked = {"": facts, **self.panel.ask("fit_facts")}
        self._emit("fit_start", self._here(), asked)

    def epoch_start(self, epoch: int) -> None:
        """Write `epoch_start`; the step before is over."""
        self.start()
        self.pause()
        self.log.epoch = epoch
        self._batch_idx = -1
        self.context.refresh()
        self.log.emit("epoch_start", self._here(), {"optimizer_state": fit_start.epoch_groups(self.context)})

    def training_step(self, loss: Any, given: dict[str, Any], step: int | None) -> None:
        """Take the loss of one forward pass: a new step, or a further micro-step of the one under way."""
        self._calls.forward_left()  # of the step before: its length reaches to this call
        self.start()
        if self._is_new(step):
            self.end_step()
            self._begin(self.step + 1 if step is None else int(step))
        self._micro_steps += 1
        self._batch_idx += 1
        self._calls.note(FORWARD)
        plan = self._plan
        if plan is None or not (plan.steps or plan.activations):
            return
        if self._micro_steps == 1:
            logits, *ordered = self._shown.tensors(given)
            labels, inputs = map(in_order, ordered)
            with unrecorded():
                self._look(Batch(loss, logits, labels, inputs, plan, self.num_steps == 1), given)
        if self._losses is not None:
            self._losses.append(self._loss(loss))
            if self._micro_steps >= self.context.settings.accumulation_steps:
                self._write_step()

    def passes(self, step: int | None) -> bool:
        """Take a `training_step` call that nothing is asked of; return False, and do nothing, if this is not one.

        Nine calls in ten are: after each the processor's caches are full of the training, so every line costs.
        """
        coming = self.step + 1 if step is None else step
        if not self.idle or self._inside is not None:
            return False
        if self._is_new(step):
            if type(coming) is not int or coming not in self._quiet:
                return False
            self.step = coming
            self.num_steps += 1
            self._micro_steps = 0
            self._stepped = False
        self._micro_steps += 1
        self._batch_idx += 1
        self._calls.totals[FORWARD] += 1
        return True

    def validation(self, metrics: dict[str, Any]) -> None:
        """Write `validation`; the step before is over."""
        self.start()
        self.pause()
        self._without_gradient = False
        asked = self.panel.ask("validation_facts")
        self._emit("validation", self._here(), {**asked, "": plain(metrics)})

    def custom(self, event_type: str, data: Any) -> None:
        """Write the user's own event."""
        self.start()
        said = plain(data)
        self.log.emit(event_type, self._here(), said if isinstance(said, dict) else {"value": said})

    def finish(self, status: str, error: str | None) -> None:
        """Write what is left and `fit_end`."""
        self.start()
        self.pause()
        totals = self.totals()
        facts = {
            "status": status,
            "error": error,
            **{key: totals[key] for key in ("steps", "seconds", "logger_seconds")},
        }
        self.log.emit("fit_end", self._here(), facts)

    def _here(self) -> int:
        """Return the step under way, before any the first to come: what was said then belongs to it."""
        return self.step if self.num_steps else self.context.settings.start_step

    @property
    def total_seconds(self) -> float:
        """The seconds the logger took: of the training's thread, and the processor's for its own."""
        return self.seconds + self.log.writer.seconds

    def totals(self) -> dict[str, Any]:
        """Return what the summary needs beside the log's own counts."""
        seconds = time.perf_counter() - self._started if self._started is not None else 0.0
        return {
            "steps": self.num_steps,
            "seconds": seconds,
            "logger_seconds": self.total_seconds,
            "logger_share": self.total_seconds / seconds if seconds > 0 else None,
            "num_optimizer_steps": self._calls.totals[OPTIMIZER],
            "num_skipped_steps": self._calls.skipped,
        }

    # ---- what the hooks tell

    def forward_entered(self, inputs: Any) -> None:
        """Note that the model was called."""
        self._without_gradient = not torch.is_grad_enabled()
        if not self._without_gradient:
            self._calls.forward_entered()
            return
        self._calls.paused = True
        self.panel.tell("forward_entered", inputs)

    def forward_passed(self) -> None:
        """Note that the model was called with gradients, in a step that is only counted."""
        self._without_gradient = False

    def optimizer_enters(self, optimizer: Optimizer) -> bool:
        """Note that an optimizer is about to step, in a step that is only counted; False if more is to be noted."""
        if getattr(optimizer, "found_inf", None) is not None:
            return False
        self._inside = optimizer
        return True

    def optimizer_passed(self) -> None:
        """Note that an optimizer stepped, in a step that is only counted."""
        self._inside, self._begun_inside, self._stepped = None, False, True
        self._calls.totals[OPTIMIZER] += 1

    def module_ran(self, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        """Show a module's output to the probes that watch modules; validation is not watched.

        What runs without gradient is validation when the whole model does, or when the module is not in train mode.
        """
        gradient = torch.is_grad_enabled()
        validating = not gradient and (self._without_gradient or not module.training)
        if self.context.ran is not None and self._plan is None and not validating:
            self.context.ran.setdefault(name, len(self.context.ran))
        if gradient:
            self.panel.tell("module_ran", name, module, inputs, output, among=self.panel.watching)

    def watches_next(self) -> bool:
        """Whether any probe wants to see the modules in the forward pass of the coming step."""
        panel = self.panel
        if not self._schedule.in_window(self.step + 1):
            panel.watching = []
            return False
        plan = self._schedule.coming(self.step + 1)
        panel.watching = [p for p in panel.at("wants_modules") if panel.guard(p, p.wants_modules, plan)]
        return bool(panel.watching)

    def backward_entered(self, seed: Tensor) -> bool:
        """Note that backward reached the loss; return whether its end is of interest."""
        self._calls.note(BACKWARD)
        self.panel.tell("backward_entered", seed, among=self.panel.active)
        self._calls.backward_began = time.perf_counter()
        return bool(self.panel.active)

    def backward_ended(self) -> None:
        """Note that all gradients are there; with accumulation, only those of the last micro-step are looked at."""
        self._calls.backward_left()
        if self._micro_steps >= self.context.settings.accumulation_steps:
            self.panel.tell("backward_ended", among=self.panel.active)

    def optimizer_entered(self, optimizer: Optimizer, has_closure: bool) -> None:
        """Note that an optimizer is about to step; a closure will run forward and backward inside of it."""
        self._inside, self._begun_inside = optimizer, False
        self.context.in_closure = has_closure
        with unrecorded():
            if self._losses is not None and not has_closure:
                self._write_step()
            self._calls.count_found_inf(getattr(optimizer, "found_inf", None))
            self._measure_optimizer(optimizer)
        self._calls.optimizer_began = time.perf_counter()

    def _measure_optimizer(self, optimizer: Optimizer) -> None:
        """Look at an optimizer before it changes anything: at the first of its steps within one of ours."""
        if id(optimizer) in self._entered:
            return
        self._entered.add(id(optimizer))
        self._measured = optimizer
        self.panel.tell("optimizer_entered", optimizer, among=self.panel.active)

    def optimizer_left(self, optimizer: Optimizer) -> None:
        """Note that an optimizer stepped."""
        self._calls.optimizer_left()
        self._inside, self._begun_inside = None, False
        self._stepped = True
        self._calls.note(OPTIMIZER)
        if self._measured is optimizer:
            self._measured = None
            if self.context.in_closure:
                self.panel.tell("closure_left", optimizer, among=self.panel.active)
            self.panel.tell("optimizer_left", optimizer, among=self.panel.active)

    # ---- steps

    def _is_new(self, step: int | None) -> bool:
        """Whether a `training_step` call begins a step: else it is a micro-step of the one under way."""
        if self._begun_inside:
            return False  # a closure is called as often as its optimizer likes: all of it is one step
        self._begun_inside = self._inside is not None
        if self._plan is None:
            return True
        if step is not None:
            return step != self.step
        return self._stepped or self._micro_steps >= self.context.settings.accumulation_steps

    def _begin(self, step: int) -> None:
        self.step = step
        self.num_steps += 1
        self._micro_steps = 0
        self._stepped = False
        self.context.unscaled = False
        plan = self._plan = self._schedule.plan(step)
        self.idle = plan is NOTHING and self._inside is None
        # the last of them is not among them: it has to see to what the next one is asked for
        self._quiet = range(step + 1, self._schedule.quiet_until(step) - 1) if self.idle else range(0)
        panel = self.panel
        panel.active = [p for p in panel.at("begin") if panel.guard(p, p.begin, plan)] if plan.anything else []
        self._seconds_before = self._seconds_so_far()
        self._calls.begin()
        self._entered.clear()
        if self._inside is not None:  # a closure: the optimizer was entered before this step was known
            self._measure_optimizer(self._inside)

    def _seconds_so_far(self) -> float:
        return self.total_seconds + time.perf_counter() - self.call_began

    def pause(self) -> None:
        """End the step under way because something else than a step follows: its duration is not known then."""
        self._calls.paused = True
        self.end_step()

    def end_step(self) -> None:
        """Write what the step under way still owes; harmless when nothing is owed."""
        if self._losses is not None:
            self._write_step()
        self._calls.logger_seconds = self._seconds_so_far() - self._seconds_before
        active, self.panel.active = self.panel.active, []
        if not active:
            return
        with unrecorded():
            for probe in active:
                for event_type, facts in self.panel.events(probe, probe.step_events):
                    self._emit(event_type, self.step, {probe.name: facts, **self.panel.ask("more_facts", event_type)})

    def _look(self, batch: Batch, given: dict[str, Any]) -> None:
        """Let the probes see the batch of a step; first the events that only the first steps and windows have."""
        for probe in self.panel.at("start_events") if batch.plan.activations else ():
            for event_type, facts in self.panel.events(probe, probe.start_events, batch):
                self._emit(event_type, self.step, {probe.name: facts})
        if not batch.plan.steps:
            return
        rates = fit_start.learning_rates(self.context)
        own: Facts = {
            "loss": None,
            "accuracy": None,
            "learning_rate": rates[0] if rates else None,
            "batch_idx": self._batch_idx,
        }
        if len(rates) > 1:
            own["learning_rates"] = rates
        scale = self.context.scale()
        if scale is not None:
            own["loss_scale"] = scale.clone()
        told = {name: scalar(given[name]) for name in ("accuracy", "learning_rate") if given[name] is not None}
        self._facts = {"": own, **self.panel.ask("step_facts", batch), "told": told}
        self._losses = []

    def _loss(self, loss: Any) -> Any:
        """Return the loss as one number; say once when it is none."""
        fault = None
        if isinstance(loss, Tensor) and loss.numel() != 1:
            fault = f"loss has shape {tuple(loss.shape)}, not one entry: its mean is logged"
        elif not isinstance(loss, Tensor | int | float):
            fault = f"loss is of type {type(loss).__name__}, not a number: null is logged"
            loss = None
        if fault is not None and not self._warned:
            self._warned = True
            warn(fault)
        return scalar(loss)

    def _write_step(self) -> None:
        losses, self._losses = self._losses, None
        facts, self._facts = self._facts, {}
        self._emit("training_step", self.step, {**facts, "losses": {"losses": losses}})

    # ---- events

    def _emit(self, event_type: str, step: int, asked: dict[str, Facts]) -> None:
        """Write one event out of several probes' facts: one device-to-host copy for all of them."""
        with unrecorded():
            numbers = resolve(asked)
        self.log.emit(event_type, step, partial(self._finished, event_type, numbers))

    def _finished(self, event_type: str, numbers: dict[str, Facts]) -> Facts:
        """Turn the numbers into the event's fields; when its line is made, so that it finds the caches warm."""
        data: Facts = {}
        for name, facts in numbers.items():
            data.update(self.panel.finished(name, event_type, facts))
        losses = data.pop("losses", None)
        if losses is not None:
            known = [loss for loss in losses if loss is not None]
            data["loss"] = sum(known) / (1 if self.context.sum_losses else len(known)) if known else None
        return data
