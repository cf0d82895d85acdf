"""A run for every diagnosis that it must find, just over its threshold."""

import math

from tests.analysis.bends import (
    CHANCE,
    GROUP,
    REAL_LABELS,
    Logs,
    accumulating,
    at,
    bent,
    fingerprint,
    flat,
    from_step,
    grown,
    module,
    modules,
    ranks,
    resumed,
)
from tests.support.logs import Run

FIRES: dict[str, Logs] = {
    # wiring
    "stale-optimizer": bent(wiring={"num_optimizer_not_in_model": 6, "num_trainable_not_in_optimizer": 6}),
    "parameters-not-in-optimizer": bent(
        wiring={"num_trainable_not_in_optimizer": 1, "num_reached_not_in_optimizer": 1}
    ),
    "parameters-frozen": bent(wiring={"num_frozen": 2, "num_frozen_in_optimizer": 2}),
    "unregistered-parameters": bent(wiring={"num_reached_not_in_model": 4, "num_reached_not_in_optimizer": 4}),
    "graph-detached": bent(
        wiring={"num_trainable_not_reached": 4, "num_not_reached_used": 4}, updates={"num_params_updated": 2}
    ),
    "loss-detached": bent(wiring={"loss_is_leaf": True}, grads={"num_params_with_grad": 0, "total_norm": 0.0}),
    "parameters-unused": bent(
        wiring={"num_trainable_not_reached": 2, "num_not_reached_used": 0}, updates={"num_params_updated": 4}
    ),
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
    "zero-grad-before-step": bent(loop={"call_order": "FBZSL"}, grads={"clipped_norm": 0.0}),
    "step-before-backward": bent(loop={"call_order": "FBLZS", "num_total_optimizer_steps": lambda step: step + 2}),
    "zero-grad-in-accumulation": accumulating(0.25, num_total_zero_grad=lambda step: 4 * (step + 1)),
    "accumulation-not-averaged": accumulating(1.0),
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
    "batch-out-of-scale": bent(step={"input_abs_max": at(200, 1e4, 3.5)}),
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
    "padding-in-loss": bent(
        step={"labels_shape": [8, 128], "label_majority_share": 0.9, "label_input_match": 0.9, "label_entropy": 0.4}
    ),
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
    "embeddings-too-large": bent(activations=modules(tokens=module("Embedding", std=5.1))),
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
        start={"parameter_fingerprint": "feedfeedfeedfeed"}, updates={"parameter_fingerprint": fingerprint("other")}
    ),
    "ranks-not-synchronised": ranks(updates={"parameter_fingerprint": fingerprint("other")}),
    "rank-hyperparameters-differ": ranks(step={"learning_rate": 2e-3}),
    "ranks-share-data": (
        Run(world_size=2, bend={"training_step": {"batch_fingerprint": fingerprint("same")}}),
        Run(world_size=2, rank=1, bend={"training_step": {"batch_fingerprint": fingerprint("same")}}),
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
