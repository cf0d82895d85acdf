"""Runs that must be left alone: look-alikes of a fault, just under the threshold or excused, and healthy regimes."""

import math

from tests.analysis.bends import (
    CHANCE,
    GROUP,
    PLAIN_SGD,
    REAL_LABELS,
    Logs,
    accumulating,
    at,
    bent,
    flat,
    grown,
    held_up_by_turns,
    module,
    modules,
    ranks,
    resumed,
)
from tests.analysis.fires import FIRES
from tests.support.logs import ABSENT, Run

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
        "one of several losses is logged": bent(
            wiring={"num_trainable_not_reached": 2, "num_not_reached_used": 2}, updates={"num_params_updated": 6}
        ),
    },
    "parameters-unused": {
        "experts whose turn comes later": bent(
            wiring={"num_trainable_not_reached": 2, "num_not_reached_used": 0},
            updates={"num_params_updated": lambda step: 6 if step > 2 else 4},
        )
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
    "zero-grad-before-step": {
        "zero_grad first": bent(loop={"call_order": "FZBSL"}),
        "a second backward pass that is not logged": bent(loop={"call_order": "FBZSZ"}),
    },
    "step-before-backward": {"logged late": bent(loop={"call_order": "FSLZB"})},
    "backward-of-another-loss": {
        "logged late": bent(loop={"num_total_backward": 0, "num_total_optimizer_steps": lambda step: step + 2})
    },
    "zero-grad-in-accumulation": {
        "a closure": accumulating(1.0, num_total_zero_grad=lambda step: 4 * (step + 1), in_closure=True)
    },
    "accumulation-not-averaged": {
        "averaged": accumulating(0.25),
        "a closure": accumulating(1.0, in_closure=True),
        "a step that crashed half way": bent(
            loop={"num_total_backward": lambda step: step + 1, "num_total_optimizer_steps": 1},
            grads={"loss_gradient": 1.0},
            steps=2,
        ),
    },
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
    "batch-out-of-scale": {
        "all on one wrong scale": bent(step={"input_std": 1e4, "input_abs_max": 3e4}),
        "a long tail": bent(step={"input_abs_max": at(200, 90.0, 3.5)}),
    },
    "validation-inputs-differ": {"one batch out of scale": bent(step={"input_std": at(200, 1e4, 1.0)})},
    "same-batch-repeated": {
        "shuffled": (Run(),),
        "the logger's pace is the epoch's": bent(
            step={"batch_fingerprint": lambda step: "every tenth" if step % 10 == 0 else f"batch{step}"}
        ),
    },
    "unshuffled-labels": {
        "one class outweighs the others": bent(
            step={"label_min": 1.0, "label_max": lambda step: 9.0 if step % 40 == 0 else 1.0}
        ),
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
        "two classes, not sharp yet": bent(
            step={"output_min": 0.36, "output_max": 0.64, "row_sum_error": 1e-7, "output_width": 2}, num_classes=2
        ),
        "log_softmax": bent(step={"output_min": -9.0, "output_max": 0.0}),
    },
    "loss-target-leak": {
        "padding on both sides": bent(
            step={"labels_shape": [8, 128], "label_majority_share": 0.92, "label_input_match": 0.93}
        )
    },
    "padding-in-loss": {
        "copied from the inputs": bent(
            step={"labels_shape": [8, 128], "label_majority_share": 0.6, "label_input_match": 1.0}
        ),
        "a class an image": bent(step={"label_majority_share": 0.9, "label_input_match": 0.9}),
    },
    "loss-objective-differs": {"a focal loss": bent(loss=lambda step: 1.9 * math.exp(-step / 60))},
    "auxiliary-loss-dominates": {
        "an error of another kind": bent(
            step={**REAL_LABELS, "mean_squared_error": lambda step: 0.1 + step / 1e4},
            wiring={"loss_function": "PoissonNllLossBackward0"},
        )
    },
    "loss-sum-reduction": {
        "an error of another kind": bent(step={**REAL_LABELS, "mean_squared_error": lambda step: 0.1 + step / 1e4}),
        "label smoothing": bent(step={"cross_entropy": lambda step: 2.0 - step / 300}),
    },
    "loss-negative": {"a density": bent(loss=lambda step: 1 - step / 50, step={**REAL_LABELS})},
    "output-width-mismatch": {
        "a padded vocabulary": bent(step={"output_width": 16}),
        "one logit": bent(step={"output_width": 1}, num_classes=2),
    },
    "loss-broadcast": {
        "one that learns": bent(step={**REAL_LABELS, "target_shape": [64, 1], "labels_shape": [64]}),
        "squeezed inside": bent(
            loss=flat(1.0),
            step={**REAL_LABELS, "target_shape": [64, 1], "labels_shape": [64], "mean_squared_error": flat(1.0)},
            wiring={"loss_function": "MseLossBackward0"},
        ),
    },
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
    "vanishing-gradients": {
        "a loss that falls": bent(grads={"total_norm": 1e-5}),
        "without updates once it has converged": bent(
            loss=lambda step: 3.5 if step < 5 else 0.9, updates={"num_params_updated": 0}, grads={"total_norm": 1e-5}
        ),
    },
    "embeddings-too-large": {"as PyTorch makes them": bent(activations=modules(tokens=module("Embedding", std=1.0)))},
    "only-prior-learned": {
        "still falling": bent(loss=lambda step: CHANCE * (1.2 - step / 2000), step={"accuracy": 0.12}),
        "nearly all of one class": bent(
            loss=flat(0.126), step={"label_entropy": 0.056, "label_majority_share": 0.99, "accuracy": 0.99}
        ),
        "by heart on the way to understanding": bent(
            loss=lambda step: CHANCE * (1 - step / 2000),
            step={"label_entropy": CHANCE, "accuracy": 0.12},
            validation={"loss": CHANCE, "accuracy": 0.1},
            planned_steps=1000,
        ),
        "better than guessing": bent(loss=flat(2.1), step={"label_entropy": CHANCE, "accuracy": 0.12}),
    },
    "loss-flat": {
        "learns by two percent": bent(loss=lambda step: 3.5 * (1 - 0.03 * step / 400)),
        "converged": bent(loss=flat(0.3)),
        "warming up": bent(loss=flat(3.5), warmup=1000, planned_steps=4000),
        "pretrained": bent(
            loss=flat(0.9 * CHANCE), step={"label_entropy": CHANCE, "cross_entropy": flat(0.9 * CHANCE)}
        ),
        "too noisy to tell": bent(
            loss=lambda step: 3.5 * (1 - 0.06 * step / 120) * (1 + 0.3 * math.sin(7 * step)), steps=120, warmup=0
        ),
        "two optimizers": bent(loss=flat(3.5), start={"optimizer": [GROUP, {**GROUP, "optimizer_idx": 1}]}),
        "below zero": bent(loss=flat(-3.5)),
    },
    "loss-diverging": {
        "near zero": bent(loss=lambda step: 0.002 if 100 < step < 200 else 0.005),
        "by a tenth": bent(loss=lambda step: 2.3 * (1 + 0.1 * step / 400)),
    },
    "loss-spike": {
        "near zero": bent(loss=lambda step: 0.02 if step in (200, 210, 220) else 0.001),
        "one hard batch": bent(loss=lambda step: 1.9 if step == 200 else 2.3 - 0.01 * min(step, 150)),
        "a restart": bent(
            loss=lambda step: 9.0 if step == 200 else 1.0, learning_rate=lambda step: 1e-3 if step >= 200 else 1e-5
        ),
    },
    "worse-than-guessing": {
        "four labels a batch": bent(
            loss=lambda step: 1.7 - step / 4000, step={"label_entropy": 1.0, "num_valid_tokens": 4}
        ),
        "probabilities whose logarithm is taken": bent(
            step={"output_min": 0.0, "row_sum_error": 1e-7, "cross_entropy": 4.0, "label_entropy": CHANCE}
        ),
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
    "straggler-rank": {
        "the one that waits": ranks(loop={"backward_seconds": 0.035}),
        "a processor that is shared at times": ranks(
            loop={"forward_seconds": lambda step: 0.2 if step % 20 else 0.001, "step_seconds": 0.3}
        ),
        "two ranks held up by turns, as measured": held_up_by_turns(),
    },
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
    "a sequence model on its first plateau": bent(
        loss=flat(), step={"label_entropy": CHANCE, "accuracy": 0.12, "label_input_dependence": 0.1}
    ),
    "cyclic rate": (Run(learning_rate=lambda step: 1e-3 * (0.1 + abs(math.sin(step / 40)))),),
}
