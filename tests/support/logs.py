"""Synthetic logs: the events of a training as the logger would write them, with any field bent into a fault.

The healthy run is a classifier of ten classes: loss from ln 10 down to its floor, warm-up and cosine decay to zero,
AdamW, dense first steps, then the default cadence. `bend` replaces fields: a value, a function of step, or `ABSENT`.
"""

import hashlib
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debugstore.events import encode

ABSENT = object()
"""As a value in `bend`: the field is not in the event, as in a log of an older or foreign logger."""

DENSE_STEPS = 5
PARAMS = ("body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias", "head.weight", "head.bias")
Bend = Mapping[str, Mapping[str, Any]]
"""Field replacements by event type: a value, or a function from the step to the value."""


@dataclass(frozen=True)
class Run:
    """What a synthetic training is like; `events` are its log.

    `loss`, `learning_rate` are functions of the step. `without` names event types that are not written.
    """

    run_id: str = "baseline"
    steps: int = 400
    start_step: int = 0
    segment: str = "s0"
    rank: int = 0
    world_size: int = 1
    seed: int = 0
    epochs: int = 4
    num_classes: int = 10
    batch_size: int = 64
    peak_lr: float = 1e-3
    warmup: int = 40
    noise: float = 0.03
    floor: float = 0.35
    params: tuple[str, ...] = PARAMS
    started_at: float = 1_732_000_000.0
    status: str | None = "completed"
    error: str | None = None
    step_every: int = 10
    grad_every: int = 10
    update_every: int = 50
    planned_steps: int | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    bend: Bend = field(default_factory=dict)
    without: tuple[str, ...] = ()
    loss: Callable[[int], float] | None = None
    learning_rate: Callable[[int], float] | None = None

    @property
    def total_steps(self) -> int:
        """Steps of the whole plan, which shapes schedule and loss; a resumed segment has the plan of the first."""
        return self.planned_steps or self.start_step + self.steps

    def lr(self, step: int) -> float:
        if self.learning_rate is not None:
            return self.learning_rate(step)
        if step < self.warmup:
            return self.peak_lr * step / self.warmup
        done = (step - self.warmup) / max(1, self.total_steps - self.warmup)
        return self.peak_lr * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def true_loss(self, step: int) -> float:
        if self.loss is not None:
            return self.loss(step)
        rng = random.Random(self.seed * 1_000_003 + step)
        falling = (math.log(self.num_classes) - self.floor) * math.exp(-4 * step / self.total_steps)
        return (self.floor + falling) * (1 + rng.gauss(0, self.noise))

    def events(self) -> list[dict[str, Any]]:
        """Return the log's events, envelope and all, in the order of their lines."""
        rows = [row for row in self._all() if row[0] not in self.without]
        return [
            {
                "event_type": kind,
                "timestamp": round(self.started_at + 0.04 * (step - self.start_step), 3),
                "run_id": self.run_id,
                "rank": self.rank,
                "seq": seq,
                "step": step,
                "epoch": self._epoch(step),
                "data": self._bent(kind, step, data),
            }
            for seq, (kind, step, data) in enumerate(rows)
        ]

    def lines(self) -> bytes:
        return b"".join(encode(event) for event in self.events())

    def write(self, path: Path) -> Path:
        """Write the log to `path`, a file, or a folder to name it in as the logger would; return the file."""
        if path.is_dir():
            suffix = f"_rank{self.rank}" if self.rank else ""
            path = path / f"debug_log_{self.run_id}-{self.segment}{suffix}.jsonl"
        path.write_bytes(self.lines())
        return path

    def _epoch(self, step: int) -> int:
        return min(self.epochs - 1, step * self.epochs // max(1, self.total_steps))

    def _bent(self, kind: str, step: int, data: dict[str, Any]) -> dict[str, Any]:
        bends = self.bend.get(kind, {})
        made = {name: value(step) if callable(value) else value for name, value in bends.items()}
        return {name: value for name, value in {**data, **made}.items() if value is not ABSENT}

    def _all(self) -> Iterator[tuple[str, int, dict[str, Any]]]:
        end = self.start_step + self.steps
        epoch = None
        yield "fit_start", self.start_step, self._fit_start()
        for step in range(self.start_step, end):
            if self._epoch(step) != epoch:
                if epoch is not None:
                    yield "validation", step, self._validation(step)
                epoch = self._epoch(step)
                yield "epoch_start", step, {"optimizer_state": [self._group(step)]}
            dense = step < self.start_step + DENSE_STEPS
            if step == self.start_step:
                yield "data_sanity_check", step, self._sanity()
                yield "wiring", step, self._wiring()
            if dense or step % self.step_every == 0:
                yield "training_step", step, self._step(step)
            if dense or step % self.grad_every == 0:
                yield "gradient_stats", step, self._grads(step)
            if dense or step % self.update_every == 0:
                yield "param_updates", step, self._updates(step)
                yield "activations", step, self._activations()
            if dense or step % self.step_every == 0:
                yield "loop", step, self._loop(step)
        yield "validation", end - 1, self._validation(end - 1)
        if self.status is not None:
            yield (
                "fit_end",
                end - 1,
                {
                    "status": self.status,
                    "error": self.error,
                    "steps": self.steps,
                    "seconds": 0.04 * self.steps,
                    "logger_seconds": 0.0002 * self.steps,
                },
            )

    def _group(self, step: int) -> dict[str, Any]:
        return {
            "optimizer_idx": 0,
            "group_idx": 0,
            "type": "AdamW",
            "lr": self.lr(step),
            "betas": [0.9, 0.999],
            "weight_decay": 0.01,
            "eps": 1e-8,
            "num_params": len(self.params),
        }

    def _fit_start(self) -> dict[str, Any]:
        return {
            "schema_version": 1,
            "segment": self.segment,
            "run_name": self.run_id,
            "trainable_params": 10_000 * len(self.params),
            "frozen_params": 0,
            "total_params": 10_000 * len(self.params),
            "frozen_modules": [],
            "max_epochs": self.epochs,
            "total_steps": self.total_steps,
            "batch_size": self.batch_size,
            "config": {"lr": self.peak_lr, "batch_size": self.batch_size, "seed": self.seed, **self.config},
            "optimizer": [self._group(self.start_step)],
            "scheduler_type": "LambdaLR",
            "scheduler_restarts": False,
            "scaler_enabled": False,
            "max_dropout": 0.1,
            "environment": {"python": "3.11.7", "torch": "2.13.0", "device": "cpu", "host": "box"},
            "num_classes": self.num_classes,
            "ignore_index": -100,
            "accumulation_steps": 1,
            "world_size": self.world_size,
            "start_step": self.start_step,
            "step_every": self.step_every,
            "grad_every": self.grad_every,
            "update_every": self.update_every,
            "optimizer_step_count": self.start_step,
            "parameter_fingerprint": self._fingerprint("params", self.start_step),
            "num_zero_params": 0,
            "num_constant_params": 0,
        }

    def _fingerprint(self, what: str, step: int, *more: Any) -> str:
        return hashlib.blake2b(repr((what, self.seed, step, *more)).encode(), digest_size=8).hexdigest()

    def _sanity(self) -> dict[str, Any]:
        return {
            "label_min": 0.0,
            "label_max": float(self.num_classes - 1),
            "expected_max": self.num_classes - 1,
            "labels_valid": True,
            "num_out_of_range": 0,
            "num_valid": self.batch_size,
            "num_ignored": 0,
            "label_entropy": 0.97 * math.log(self.num_classes),
        }

    def _wiring(self) -> dict[str, Any]:
        count = len(self.params)
        zero = (
            "num_trainable_not_in_optimizer",
            "num_optimizer_not_in_model",
            "num_optimizer_same_shape",
            "num_reached_not_in_model",
            "num_reached_not_in_optimizer",
            "num_trainable_not_reached",
            "num_not_reached_used",
            "num_frozen",
            "num_frozen_in_optimizer",
            "num_scheduler_mismatch",
        )
        return {
            "loss_is_leaf": False,
            "loss_function": "NllLossBackward0",
            "graph_nodes": 5 * count,
            "num_model_params": count,
            "num_trainable": count,
            "num_in_optimizer": count,
            "num_reached": count,
            **dict.fromkeys(zero, 0),
            "trainable_not_in_optimizer": [],
            "trainable_not_reached": [],
            "last_used_module": None,
            "param_dtypes": {"float32": count},
        }

    def _step(self, step: int) -> dict[str, Any]:
        rng = random.Random(self.seed * 7_919 + step)
        loss = self.true_loss(step)
        accuracy = min(1.0, max(0.0, math.exp(-loss) + rng.gauss(0, 0.02))) if math.isfinite(loss) else 0.1
        labels = [rng.randrange(self.num_classes) for _ in range(10)]
        predictions = [label if rng.random() < accuracy else rng.randrange(self.num_classes) for label in labels]
        steps_per_epoch = max(1, self.total_steps // self.epochs)
        return {
            "loss": loss,
            "accuracy": accuracy,
            "learning_rate": self.lr(step),
            "sample_predictions": predictions,
            "sample_labels": labels,
            "target_shape": [self.batch_size, self.num_classes],
            "labels_shape": [self.batch_size],
            "num_valid_tokens": self.batch_size,
            "batch_idx": step % steps_per_epoch,
            "batch_fingerprint": self._fingerprint("batch", step, self.rank),
            "input_dtype": "float32",
            "input_mean": rng.gauss(0, 0.02),
            "input_std": 1 + rng.gauss(0, 0.02),
            "input_abs_max": 3.5 + rng.random(),
            "input_sample_std": 1 + rng.gauss(0, 0.02),
            "num_nonfinite_inputs": 0,
            "label_min": 0.0,
            "label_max": float(self.num_classes - 1),
            "label_entropy": (0.95 + 0.03 * rng.random()) * math.log(self.num_classes),
            "label_majority_share": 0.18 + 0.04 * rng.random(),
            "num_ignored": 0,
            "label_input_match": 0.0,
            "output_min": -2.0 - 6 * step / self.total_steps,
            "output_max": 2.0 + 6 * step / self.total_steps,
            "output_std": 0.6 + 2 * step / self.total_steps,
            "output_sample_std": 0.5 + 1.5 * step / self.total_steps,
            "output_zero_share": 0.0,
            "output_width": self.num_classes,
            "num_nonfinite_outputs": 0,
            "row_sum_error": 1.5,
            "column_sum_error": 8.0,
            "top_prediction_share": 0.2 + 0.05 * rng.random(),
            "cross_entropy": loss,
            "num_eval_modules": 0,
            "graph_nodes": 5 * len(self.params),
            "allocated_bytes": 50_000_000,
        }

    def _grads(self, step: int) -> dict[str, Any]:
        rng = random.Random(self.seed * 104_729 + step)
        norm = (0.3 + 0.5 * math.exp(-3 * step / self.total_steps)) * math.exp(rng.gauss(0, 0.15))
        share = math.sqrt(1 / len(self.params))
        norms = {name: norm * share * math.exp(rng.gauss(0, 0.2)) for name in self.params}
        largest = sorted(norms, key=norms.__getitem__, reverse=True)
        return {
            "total_norm": norm,
            "clipped_norm": min(norm, 1.0),
            "entry_norm": 0.0,
            "max_grad": norm * 0.2,
            "min_grad": norm * 1e-8,
            "num_params_with_grad": len(self.params),
            "num_params_total": len(self.params),
            "num_zero_grad": 0,
            "num_nonfinite": 0,
            "first_nonfinite_param": None,
            "first_param_norm": norms[self.params[0]],
            "last_param_norm": norms[self.params[-2]],
            "gradient_fingerprint": self._fingerprint("gradients", step),
            "top_10_grad_norms": {name: norms[name] for name in largest[:10]},
            "bottom_10_grad_norms": {name: norms[name] for name in largest[-10:]},
        }

    def _updates(self, step: int) -> dict[str, Any]:
        rng = random.Random(self.seed * 15_485_863 + step)
        lr, weight_norm = self.lr(step), 20.0
        ratio = 3.0 * lr * math.exp(rng.gauss(0, 0.1))
        moved = len(self.params) if lr > 0 else 0
        ratios = {name: ratio * math.exp(rng.gauss(0, 0.2)) for name in self.params}
        return {
            "num_params_updated": moved,
            "num_params_total": len(self.params),
            "no_updates": moved == 0,
            "update_norm": ratio * weight_norm,
            "weight_norm": weight_norm,
            "update_ratio": ratio,
            "share_entries_changed": 0.999 if moved else 0.0,
            "decay_norm": lr * 0.01 * weight_norm,
            "update_gradient_cosine": 0.5 if moved else None,
            "num_nonfinite_params": 0,
            "first_nonfinite_param": None,
            "parameter_fingerprint": self._fingerprint("params", step + 1),
            "top_10_param_changes": {name: 0.05 * value for name, value in list(ratios.items())[:10]},
            "top_10_update_ratios": dict(list(ratios.items())[:10]),
        }

    def _activations(self) -> dict[str, Any]:
        facts = {"abs_max": 4.0, "saturated_share": 0.0, "num_nonfinite": 0}
        return {
            "modules": {
                "body.0": {"forward_idx": 0, "type": "Linear", "std": 0.6, "inactive_share": 0.0, **facts},
                "body.1": {"forward_idx": 1, "type": "ReLU", "std": 0.4, "inactive_share": 0.03, **facts},
                "head": {"forward_idx": 2, "type": "Linear", "std": 0.8, "inactive_share": 0.0, **facts},
            }
        }

    def _loop(self, step: int) -> dict[str, Any]:
        done = step - self.start_step + 1
        return {
            "call_order": "FBSLZ",
            "num_backward": 1,
            "num_zero_grad": 1,
            "num_optimizer_steps": 1,
            "in_closure": False,
            "num_scheduler_steps": 1,
            "num_skipped_steps": 0,
            "num_total_backward": done,
            "num_total_zero_grad": done,
            "num_total_optimizer_steps": done,
            "num_total_scheduler_steps": done,
            "step_seconds": 0.04,
            "data_seconds": 0.004,
            "backward_seconds": 0.02,
            "optimizer_seconds": 0.004,
            "logger_seconds": 0.0002,
            "peak_bytes": 60_000_000,
        }

    def _validation(self, step: int) -> dict[str, Any]:
        loss = self.floor + (math.log(self.num_classes) - self.floor) * math.exp(-3.5 * step / self.total_steps)
        return {
            "loss": loss,
            "accuracy": math.exp(-loss),
            "num_forwards": 8,
            "num_train_mode_forwards": 0,
            "overlap_share": 0.0,
            "input_mean": 0.0,
            "input_std": 1.0,
        }


def write_logs(folder: Path, runs: Iterable[Run]) -> list[Path]:
    """Write one file a run (or rank, or segment) into `folder`."""
    return [run.write(folder) for run in runs]
