"""What each diagnosis must say of synthetic runs: those it must find, just over its threshold, and those it must not.

`FIRES` holds a run (several logs, if it has ranks or segments) for every code; `SILENT` the look-alikes of a code, just
under its threshold or excused. `HEALTHY` are regimes on which nothing above a note may be said.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.support.logs import ABSENT, Run

Logs = tuple[Run, ...]
CHANCE = math.log(10)

_EVENTS = {
    "start": "fit_start",
    "epoch": "epoch_start",
    "step": "training_step",
    "grads": "gradient_stats",
    "updates": "param_updates",
    "sanity": "data_sanity_check",
    "wiring": "wiring",
    "loop": "loop",
    "validation": "validation",
    "activations": "activations",
}


def bent(base: Run | None = None, **changes: Any) -> Logs:
    """Return a run with some fields replaced by event, `step={...}`, and its other knobs turned."""
    bend = {_EVENTS[name]: changes.pop(name) for name in list(changes) if name in _EVENTS}
    return (replace(base or Run(), bend=bend, **changes),)


def flat(level: float = CHANCE) -> Callable[[int], float]:
    """Return a loss that stays at a level but for the noise of its batches."""
    return lambda step: level * (1 + 0.01 * math.sin(step))


def grown(limit: float) -> Callable[[int], float]:
    """Return a loss that rises to a limit."""
    return lambda step: min(limit, CHANCE + step / 10)


def from_step(first: int, value: Any, before: Any) -> Callable[[int], Any]:
    """Return a value that holds from a step on."""
    return lambda step: value if step >= first else before


def at(step_of: int, value: Any, other: Any) -> Callable[[int], Any]:
    """Return a value that holds at one step."""
    return lambda step: value if step == step_of else other


def module(kind: str = "ReLU", **facts: Any) -> dict[str, Any]:
    """Return the facts of one module."""
    plain = {"forward_idx": 0, "type": kind, "std": 0.5, "abs_max": 3.0, "inactive_share": 0.0, "num_nonfinite": 0}
    return {**plain, **facts}


def modules(**found: dict[str, Any]) -> dict[str, Any]:
    return {"modules": found}


GROUP: dict[str, Any] = {
    "optimizer_idx": 0,
    "group_idx": 0,
    "type": "AdamW",
    "lr": 1e-3,
    "weight_decay": 0.01,
    "eps": 1e-8,
}
PLAIN_SGD = {**GROUP, "type": "SGD", "momentum": 0.0}
REAL_LABELS = {
    "label_entropy": ABSENT,
    "label_majority_share": ABSENT,
    "cross_entropy": ABSENT,
    "accuracy": ABSENT,
    "label_variance": 1.0,
    "label_min": -2.0,
    "label_max": 2.0,
}
"""Bends of `training_step` that make the task a regression."""


def resumed(second: Mapping[str, Any] | None = None, **knobs: Any) -> Logs:
    """Return a run of two segments, the second of which may be changed: its `bend` and its knobs."""
    first = Run(steps=200, planned_steps=400, status="interrupted")
    later = Run(start_step=200, steps=200, planned_steps=400, segment="s1", started_at=first.started_at + 100)
    start = {"num_params_with_state": 6, "scheduler_step_count": 200}
    bend = {"fit_start": start, **(second or {})}
    return (
        replace(first, bend={"fit_start": {"num_params_with_state": 0, "scheduler_step_count": 0}}),
        replace(later, **{"bend": bend, **knobs}),
    )


def ranks(**second: Any) -> Logs:
    """Return a run of two ranks, the second of which may be bent; their batches differ, their weights do not."""
    other = bent(Run(rank=1, world_size=2), **second)[0]
    return (Run(world_size=2), other)


def _fingerprint(name: str) -> Callable[[int], str]:
    return lambda step: f"{name}{step:08x}"


def _accumulating(loss_gradient: float, **more: Any) -> Logs:
    def times(count: int) -> Callable[[int], int]:
        return lambda step: count * (step + 1)

    loop = {"num_total_backward": times(4), "num_total_optimizer_steps": times(1), "num_total_zero_grad": times(1)}
    return bent(loop={**loop, **more}, grads={"loss_gradient": loss_gradient}, start={"accumulation_steps": 4})


FIRES: dict[str, Logs] = {
    # wiring
    "stale-optimizer": bent(wiring={"num_optimizer_not_in_model": 6, "num_trainable_not_in_optimizer": 6}),
    "parameters-not-in-optimizer": bent(
        wiring={"num_trainable_not_in_optimizer": 1, "num_reached_not_in_optimizer": 1}
    ),
    "parameters-frozen": bent(wiring={"num_frozen": 2, "num_frozen_in_optimizer": 2}),
    "unregistered-parameters": bent(wiring={"num_reached_not_in_model": 4, "num_reached_not_in_optimizer": 4}),
    "graph-detached": bent(wiring={"num_trainable_not_reached": 4, "num_not_reached_used": 4}),
    "loss-detached": bent(wiring={"loss_is_leaf": True}, grads={"num_params_with_grad": 0, "total_norm": 0.0}),
    "parameters-unused": bent(wiring={"num_trainable_not_reached": 2, "num_not_reached_used": 0}),
    "training-failed": bent(status="failed", error="RuntimeError: out of memory"),
    "no-training-steps": bent(
        without=("training_step", "gradient_stats", "param_updates", "loop", "activations", "wiring")
    ),
    # loop
    "missing-zero-grad": bent(
        loop={"call_order": "FBSL", "num_zero_grad": 0, "num_total_zero_grad": 0},
        grads={"entry_norm": lambda step: 0.0 if step == 0 else 0.5},
    ),
    "missing-optimizer-step": bent(
        loop={"call_order": "FBLZ", "num_optimizer_steps": 0, "num_total_optimizer_steps": 0},
        without=("param_updates",),
    ),
    "zero-grad-before-step": bent(loop={"call_order": "FBZSL"}),
    "step-before-backward": bent(loop={"call_order": "FBLZS", "num_total_optimizer_steps": lambda step: step + 2}),
    "zero-grad-in-accumulation": _accumulating(0.25, num_total_zero_grad=lambda step: 4 * (step + 1)),
    "accumulation-not-averaged": _accumulating(1.0),
    "backward-of-another-loss": bent(loop={"num_total_backward": 0}),
    "logged-after-backward": bent(loop={"num_total_backward": 0, "num_total_optimizer_steps": lambda step: step + 2}),
    "eval-mode-in-training": bent(step={"num_eval_modules": 2}),
    "train-mode-in-validation": bent(validation={"num_train_mode_forwards": 5}),
    # hyperparameters
    "learning-rate-zero": bent(learning_rate=lambda _: 0.0, updates={"num_params_updated": 0}, loss=flat()),
    "group-learning-rate-zero": bent(
        start={"optimizer": [GROUP, {**GROUP, "group_idx": 1, "lr": 0.0}]},
        epoch={"optimizer_state": [GROUP, {**GROUP, "group_idx": 1, "lr": 0.0}]},
    ),
    "learning-rate-too-low": bent(loss=flat(), updates={"update_ratio": 9e-6}),
    "learning-rate-too-high": bent(loss=grown(8), updates={"update_ratio": 0.11}),
    "scheduler-not-stepped": bent(loop={"num_total_scheduler_steps": 0}),
    "scheduler-wrong-optimizer": bent(wiring={"num_scheduler_mismatch": 1}),
    "scheduler-wrong-horizon": bent(
        start={"scheduler_type": "StepLR"}, learning_rate=lambda step: 1e-3 * 0.1 ** (step / 40)
    ),
    "clip-too-tight": bent(
        loss=flat(), grads={"clipped_norm": 1e-5, "total_norm": 0.5}, updates={"update_ratio": 1e-6}
    ),
    "weight-decay-dominates": bent(
        loss=flat(),
        updates={"decay_norm": 0.06, "update_norm": 1.0, "weight_norm": lambda step: 20 * math.exp(-step / 100)},
    ),
    "optimizer-eps-too-large": bent(
        start={"optimizer": [{**GROUP, "eps": 1.0}], "trainable_params": 10_000},
        updates={"update_norm": 1e-6},
    ),
    "maximizing-loss": bent(loss=grown(50), start={"optimizer": [{**GROUP, "maximize": True}]}),
    # precision
    "clip-before-unscale": bent(
        loss=flat(), grads={"loss_scale": 65536.0, "total_norm": 0.5, "clipped_norm": 1 / 65536}
    ),
    "scaler-skips-steps": bent(loop={"num_skipped_steps": lambda step: step, "num_total_optimizer_steps": 60}),
    "optimizer-on-scaled-gradients": bent(
        loss=grown(50), grads={"loss_scale": 65536.0, "total_norm": 0.5, "clipped_norm": 32768.0}
    ),
    "low-precision-parameters": bent(wiring={"param_dtypes": {"bfloat16": 6}}),
    "updates-lost-to-rounding": bent(updates={"share_entries_changed": 0.4, "update_norm": 0.1}),
    # data
    "labels-out-of-range": bent(sanity={"label_max": 10.0, "num_out_of_range": 1, "labels_valid": False}),
    "labels-constant": bent(step={"label_min": 3.0, "label_max": 3.0, "label_entropy": 0.0}),
    "labels-all-ignored": bent(
        loss=at(100, math.nan, 2.0), step={"num_valid_tokens": at(100, 0, 64), "num_ignored": at(100, 64, 0)}
    ),
    "class-ignored": bent(start={"ignore_index": 0}, step={"num_ignored": 6}),
    "inputs-nonfinite": bent(loss=from_step(100, math.nan, 2.0), step={"num_nonfinite_inputs": from_step(90, 20, 0)}),
    "inputs-constant": bent(loss=flat(), step={"input_sample_std": 0.0, "input_std": 0.0}),
    "inputs-out-of-scale": bent(loss=grown(30), step={"input_std": 31.0, "input_abs_max": 255.0}),
    "same-batch-repeated": bent(step={"batch_fingerprint": "0123456789abcdef"}),
    "unshuffled-labels": bent(
        step={"label_min": lambda step: float(step // 45), "label_max": lambda step: float(step // 45 + 1)}
    ),
    "epoch-order-repeats": bent(step={"batch_fingerprint": lambda step: f"batch{step % 100}"}),
    "validation-inputs-differ": bent(validation={"input_std": 2.3}),
    "train-validation-overlap": bent(validation={"overlap_share": 0.2}),
    # loss
    "double-softmax": bent(step={"output_min": 0.0, "output_max": 1.0, "row_sum_error": 1e-7, "column_sum_error": 5.0}),
    "softmax-over-batch": bent(
        step={"output_min": 0.0, "output_max": 0.9, "row_sum_error": 0.8, "column_sum_error": 1e-7}
    ),
    "loss-sum-reduction": bent(loss=lambda step: 64 * grown(8)(step), step={"cross_entropy": grown(8)}),
    "loss-negative": bent(loss=lambda step: -CHANCE - step / 50, step={"cross_entropy": CHANCE}),
    "loss-target-leak": bent(step={"label_input_match": 0.95}),
    "relu-on-logits": bent(step={"output_min": 0.0, "output_zero_share": 0.3}),
    "output-width-mismatch": bent(step={"output_width": 9}),
    "loss-broadcast": bent(
        loss=flat(1.0),
        step={**REAL_LABELS, "target_shape": [64, 1], "labels_shape": [64]},
        wiring={"loss_function": "MseLossBackward0"},
    ),
    "loss-objective-differs": bent(step={"cross_entropy": lambda step: 2.0 + step / 100}),
    "auxiliary-loss-dominates": bent(loss=lambda step: 2 + 500 * math.exp(-step / 50), step={"cross_entropy": flat()}),
    # initialization
    "zero-initialization": bent(
        loss=flat(), start={"num_zero_params": 3, "num_constant_params": 3}, grads={"num_zero_grad": 5}
    ),
    "constant-initialization": bent(start={"num_zero_params": 1, "num_constant_params": 3}),
    "initial-loss-too-high": bent(loss=lambda step: 7.0 + step / 20),
    # model
    "dead-units": bent(loss=flat(), activations=modules(relu=module(inactive_share=0.95))),
    "saturated-units": bent(loss=flat(), activations=modules(tanh=module("Tanh", saturated_share=0.9))),
    "vanishing-gradients": bent(loss=flat(), grads={"first_param_norm": 1e-7, "last_param_norm": 0.1}),
    "exploding-activations": bent(
        loss=grown(60),
        activations=modules(**{f"layer{i}": module("Linear", forward_idx=i, std=2.0**i) for i in range(8)}),
    ),
    "dropout-too-high": bent(start={"max_dropout": 0.9}),
    "batch-norm-tiny-batch": bent(step={"num_valid_tokens": 2}, activations=modules(norm=module("BatchNorm2d"))),
    "batch-norm-frozen-statistics": bent(
        updates={"buffer_fingerprint": "0123456789abcdef"}, activations=modules(norm=module("BatchNorm2d"))
    ),
    "softmax-in-hidden-layer": bent(
        loss=flat(),
        activations=modules(mix=module("Softmax", std=0.01), head=module("Linear", forward_idx=1)),
    ),
    # prior and symptoms
    "only-prior-learned": bent(loss=flat(), step={"label_entropy": CHANCE, "accuracy": 0.12}),
    "majority-class-only": bent(loss=flat(), step={"top_prediction_share": 0.98, "accuracy": 0.2}),
    "loss-flat": bent(loss=flat(3.5)),
    "accuracy-flat": bent(step={"accuracy": 0.1}),
    "loss-diverging": bent(loss=grown(20)),
    "loss-spike": bent(loss=lambda step: 9.0 if step == 200 else 2.3 - 0.005 * step),
    "worse-than-guessing": bent(loss=lambda step: 4.0 - step / 1000),
    "nonfinite-loss": bent(loss=from_step(100, math.nan, 2.0)),
    "nonfinite-gradients": bent(
        grads={"num_nonfinite": from_step(100, 2, 0), "total_norm": from_step(100, math.inf, 0.5)}
    ),
    "nonfinite-parameters": bent(updates={"num_nonfinite_params": from_step(100, 2, 0)}),
    "exploding-gradients": bent(grads={"total_norm": at(100, 1001.0, 0.5)}),
    "zero-gradients": bent(grads={"total_norm": 0.0}),
    "no-parameter-updates": bent(updates={"num_params_updated": 0}),
    "gradient-spike": bent(grads={"total_norm": at(300, 6.0, 0.5)}),
    "overfitting": bent(validation={"loss": lambda step: 0.5 + step / 400}),
    # ranks
    "ranks-differ-at-start": ranks(
        start={"parameter_fingerprint": "feedfeedfeedfeed"}, updates={"parameter_fingerprint": _fingerprint("other")}
    ),
    "ranks-not-synchronised": ranks(updates={"parameter_fingerprint": _fingerprint("other")}),
    "rank-hyperparameters-differ": ranks(step={"learning_rate": 2e-3}),
    "ranks-share-data": (
        Run(world_size=2, bend={"training_step": {"batch_fingerprint": _fingerprint("same")}}),
        Run(world_size=2, rank=1, bend={"training_step": {"batch_fingerprint": _fingerprint("same")}}),
    ),
    "straggler-rank": ranks(loop={"data_seconds": 0.02}),
    # resumes
    "resume-lost-optimizer-state": resumed(
        {"fit_start": {"num_params_with_state": 0, "optimizer_step_count": 0, "scheduler_step_count": 200}}
    ),
    "resume-lost-schedule": resumed({"fit_start": {"num_params_with_state": 6, "scheduler_step_count": 0}}),
    "resume-repeats-data": resumed(
        {"training_step": {"batch_fingerprint": lambda step: Run()._fingerprint("batch", step - 200, 0)}}
    ),
    "resume-gap": resumed(start_step=230),
    "resume-step-reset": resumed(
        {"fit_start": {"start_step": 0, "num_params_with_state": 6, "parameter_fingerprint": "feed"}}, start_step=0
    ),
    "resume-lost-weights": resumed(loss=lambda _: 2.2),
    # system
    "data-loading-bound": bent(loop={"data_seconds": 0.021}),
    "memory-growth": bent(step={"allocated_bytes": lambda step: 500_000_000 + 500_000 * step}),
    "graph-growth": bent(step={"graph_nodes": lambda step: 30 + 3 * step}),
    "stalled": bent(loop={"step_seconds": at(200, 61.0, 0.04)}),
}

SILENT: dict[str, dict[str, Logs]] = {
    "stale-optimizer": {"a loss module's parameters": bent(wiring={"num_optimizer_not_in_model": 1})},
    "parameters-not-in-optimizer": {"a copy nobody trains": bent(wiring={"num_trainable_not_in_optimizer": 3})},
    "unregistered-parameters": {"a loss module in the optimizer": bent(wiring={"num_reached_not_in_model": 1})},
    "graph-detached": {
        "a teacher": bent(
            wiring={"num_trainable_not_reached": 3, "num_not_reached_used": 3, "num_trainable_not_in_optimizer": 3}
        ),
        "checkpointing": bent(
            wiring={"num_trainable_not_reached": 3, "num_not_reached_used": 3, "may_hide_leaves": True}
        ),
    },
    "loss-detached": {"detached for logging": bent(wiring={"loss_is_leaf": True})},
    "missing-zero-grad": {
        "cleared by hand": bent(loop={"num_zero_grad": 0}),
        "accumulation": bent(grads={"entry_norm": 0.3}),
    },
    "missing-optimizer-step": {
        "every step skipped so far": bent(
            loop={"num_total_optimizer_steps": 0, "num_skipped_steps": 4}, steps=4, without=("param_updates",)
        )
    },
    "zero-grad-before-step": {"zero_grad first": bent(loop={"call_order": "FZBSL"})},
    "step-before-backward": {"logged late": bent(loop={"call_order": "FSLZB"})},
    "backward-of-another-loss": {
        "logged late": bent(loop={"num_total_backward": 0, "num_total_optimizer_steps": lambda step: step + 2})
    },
    "zero-grad-in-accumulation": {
        "a closure": _accumulating(1.0, num_total_zero_grad=lambda step: 4 * (step + 1), in_closure=True)
    },
    "accumulation-not-averaged": {"averaged": _accumulating(0.25), "a closure": _accumulating(1.0, in_closure=True)},
    "learning-rate-zero": {"warm-up and decay": (Run(),)},
    "group-learning-rate-zero": {
        "warm-up of all groups": bent(start={"optimizer": [{**GROUP, "lr": 0.0}, {**GROUP, "group_idx": 1, "lr": 0.0}]})
    },
    "learning-rate-too-low": {
        "a fine-tuning that learns": bent(updates={"update_ratio": 1e-6}),
        "just enough": bent(loss=flat(), updates={"update_ratio": 1.1e-5}),
    },
    "learning-rate-too-high": {
        "large steps without harm": bent(updates={"update_ratio": 0.2}),
        "just under": bent(loss=grown(8), updates={"update_ratio": 0.09}),
    },
    "scheduler-not-stepped": {
        "no scheduler": bent(start={"scheduler_type": ABSENT}, loop={"num_total_scheduler_steps": 0})
    },
    "clip-too-tight": {
        "harmless under Adam": bent(grads={"clipped_norm": 1e-5}),
        "a sound limit": bent(
            loss=flat(), grads={"clipped_norm": 0.05, "total_norm": 0.5}, updates={"update_ratio": 1e-6}
        ),
    },
    "optimizer-eps-too-large": {
        "large and harmless": bent(start={"optimizer": [{**GROUP, "eps": 1e-3}]}, updates={"update_norm": 0.2})
    },
    "scaler-skips-steps": {"the first search": bent(loop={"num_skipped_steps": lambda step: min(step, 16)})},
    "low-precision-parameters": {"float32": (Run(),)},
    "updates-lost-to-rounding": {"just enough": bent(updates={"share_entries_changed": 0.51})},
    "labels-constant": {"sorted": FIRES["unshuffled-labels"]},
    "labels-all-ignored": {"some ignored": bent(step={"num_ignored": 60, "num_valid_tokens": 4})},
    "class-ignored": {
        "padding of sequences": bent(start={"ignore_index": 0}, step={"num_ignored": 600, "labels_shape": [8, 128]}),
        "the default": bent(step={"num_ignored": 600}),
    },
    "inputs-out-of-scale": {"raw pixels that do no harm": bent(step={"input_std": 70.0, "input_abs_max": 255.0})},
    "same-batch-repeated": {"shuffled": (Run(),)},
    "unshuffled-labels": {
        "small batches": bent(step={"num_valid_tokens": 4, "label_min": 1.0, "label_max": lambda step: step % 9 + 1.0}),
        "a critic's targets that grow": bent(
            step={
                "label_entropy": ABSENT,
                "label_majority_share": ABSENT,
                "label_min": lambda step: step / 45,
                "label_max": lambda step: step / 45 + 1,
            }
        ),
    },
    "double-softmax": {
        "its logarithm is taken": bent(
            step={"output_min": 0.0, "output_max": 1.0, "row_sum_error": 1e-7, "cross_entropy": 1.8}
        ),
        "log_softmax": bent(step={"output_min": -9.0, "output_max": 0.0}),
    },
    "loss-sum-reduction": {"label smoothing": bent(step={"cross_entropy": lambda step: 2.0 - step / 300})},
    "loss-negative": {"a density": bent(loss=lambda step: 1 - step / 50, step={**REAL_LABELS})},
    "output-width-mismatch": {
        "a padded vocabulary": bent(step={"output_width": 16}),
        "one logit": bent(step={"output_width": 1}, num_classes=2),
    },
    "loss-broadcast": {"squeezed inside": bent(step={**REAL_LABELS, "target_shape": [64, 1], "labels_shape": [64]})},
    "zero-initialization": {
        "an adapter": bent(start={"num_zero_params": 3}, grads={"num_zero_grad": lambda step: 3 if step == 0 else 0})
    },
    "constant-initialization": {"only zeros": bent(start={"num_zero_params": 2, "num_constant_params": 2})},
    "initial-loss-too-high": {"just under": bent(loss=lambda step: 6.8 + step / 20)},
    "dead-units": {"some dead": bent(loss=flat(), activations=modules(relu=module(inactive_share=0.6)))},
    "exploding-activations": {
        "one large layer": bent(
            loss=grown(60), activations=modules(a=module("Linear"), b=module("Linear", forward_idx=1, std=50.0))
        )
    },
    "vanishing-gradients": {"converged": bent(grads={"total_norm": 1e-5})},
    "only-prior-learned": {
        "still falling": bent(loss=lambda step: CHANCE * (1.2 - step / 2000), step={"accuracy": 0.12}),
        "a sequence model on its first plateau": bent(
            loss=flat(), step={"label_entropy": CHANCE, "accuracy": 0.12, "label_input_dependence": 0.1}
        ),
        "better than guessing": bent(loss=flat(2.1), step={"label_entropy": CHANCE, "accuracy": 0.12}),
    },
    "loss-flat": {
        "learns by two percent": bent(loss=lambda step: 3.5 * (1 - 0.03 * step / 400)),
        "converged": bent(loss=flat(0.3)),
        "warming up": bent(loss=flat(3.5), warmup=1000, planned_steps=4000),
        "two optimizers": bent(loss=flat(3.5), start={"optimizer": [GROUP, {**GROUP, "optimizer_idx": 1}]}),
        "below zero": bent(loss=flat(-3.5)),
    },
    "loss-diverging": {"by a tenth": bent(loss=lambda step: 2.3 * (1 + 0.1 * step / 400))},
    "loss-spike": {
        "one hard batch": bent(loss=lambda step: 1.9 if step == 200 else 2.3 - 0.01 * min(step, 150)),
        "a restart": bent(
            loss=lambda step: 9.0 if step == 200 else 1.0, learning_rate=lambda step: 1e-3 if step >= 200 else 1e-5
        ),
    },
    "worse-than-guessing": {
        "cut short": bent(loss=lambda step: 4.0 - step / 1000, planned_steps=1000),
        "not much worse": bent(loss=lambda step: 2.9 - step / 1000),
    },
    "nonfinite-gradients": {
        "a scaler that looks for its scale": bent(
            grads={"loss_scale": 65536.0, "num_nonfinite": lambda step: 6 if step < 20 else 0}
        )
    },
    "zero-gradients": {"a loss of zero": bent(loss=lambda _: 0.0, grads={"total_norm": 0.0})},
    "no-parameter-updates": {
        "warm-up and decay": (Run(),),
        "a single skip": bent(updates={"num_params_updated": at(1, 0, 6)}),
    },
    "gradient-spike": {"noise": bent(grads={"total_norm": at(300, 2.0, 0.5)})},
    "ranks-differ-at-start": {"broadcast by the wrapper": ranks(start={"parameter_fingerprint": "feedfeedfeedfeed"})},
    "ranks-not-synchronised": {"replicas": ranks()},
    "straggler-rank": {"the one that waits": ranks(loop={"backward_seconds": 0.035})},
    "resume-lost-optimizer-state": {
        "plain SGD": resumed(
            {
                "fit_start": {"num_params_with_state": 0, "optimizer": [PLAIN_SGD]},
                "epoch_start": {"optimizer_state": [PLAIN_SGD]},
            }
        )
    },
    "resume-gap": {"a few lost events": resumed(start_step=215)},
    "resume-step-reset": {"started anew": resumed({"fit_start": {"start_step": 0}}, start_step=0)},
    "memory-growth": {
        "up and down": bent(step={"allocated_bytes": lambda step: 500_000_000 + 90_000_000 * (step // 10 % 2)})
    },
    "graph-growth": {"lengths vary": bent(step={"graph_nodes": lambda step: 30 + 200 * (step // 10 % 2)})},
    "stalled": {"a checkpoint": bent(loop={"step_seconds": at(200, 30.0, 0.04)})},
}

HEALTHY: dict[str, Logs] = {
    "plain": (Run(),),
    "another seed": (Run(seed=1),),
    "noisy small batches": (Run(noise=0.3, batch_size=4),),
    "cut inside the warm-up": (Run(steps=200, warmup=1000, planned_steps=10_000),),
    "decay to zero": (Run(warmup=0),),
    "constant rate": (Run(learning_rate=lambda _: 1e-3),),
    "converged": (Run(start_step=5000, steps=400, planned_steps=5400),),
    "pretrained": (Run(loss=lambda step: 0.4 - step / 4000),),
    "short": (Run(steps=60, warmup=6),),
    "very short": (Run(steps=3),),
    "resumed": resumed(),
    "two ranks": ranks(),
    "the loss alone": (
        Run(
            without=(
                "gradient_stats",
                "param_updates",
                "data_sanity_check",
                "wiring",
                "loop",
                "activations",
                "validation",
            )
        ),
    ),
    "high floor": (Run(floor=1.8),),
    "cyclic rate": (Run(learning_rate=lambda step: 1e-3 * (0.1 + abs(math.sin(step / 40)))),),
}
