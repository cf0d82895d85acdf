"""The verdict on two runs in one sentence, and the words for components and facts."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from debugstore.analysis.compare.config import ABSENT, KeyDiff
from debugstore.analysis.compare.values import Divergence, Level, Metrics, RunLabel

COMPONENT_WORDS: Mapping[str, str] = {
    "config": "config",
    "init": "initial weights",
    "data": "data",
    "learning_rate": "learning rate",
    "forward": "forward pass",
    "backward": "backward pass",
    "optimizer": "optimizer step",
}
FACT_WORDS: Mapping[str, str] = {
    "total_params": "the number of parameters",
    "initial_parameter_fingerprint": "the fingerprint of the initial weights",
    "initial_buffer_fingerprint": "the fingerprint of the initial buffers",
    "batch_fingerprint": "the fingerprint of the batch",
    "sample_labels": "the first labels of the batch",
    "num_valid_tokens": "the number of valid labels",
    "label_entropy": "the entropy of the labels",
    "input_mean": "the mean of the inputs",
    "input_std": "the spread of the inputs",
    "learning_rate": "the learning rate",
    "learning_rates": "the learning rate of a parameter group",
    "weight_sample_norm": "the norm of a sample of the weights",
    "weight_norm": "the norm of the weights",
    "loss": "the loss",
    "accuracy": "the accuracy",
    "sample_predictions": "the first predictions",
    "buffer_fingerprint": "the fingerprint of the buffers",
    "gradient_fingerprint": "the fingerprint of the gradients",
    "total_norm": "the gradient norm",
    "clipped_norm": "the gradient norm after clipping",
    "parameter_fingerprint": "the fingerprint of the updated weights",
    "update_norm": "the norm of the update",
    "update_ratio": "the update ratio",
    "validation_loss": "the validation loss",
    "validation_accuracy": "the validation accuracy",
}
CERTAIN: Mapping[str, str] = {
    "initial weights": "initial_parameter_fingerprint",
    "data": "batch_fingerprint",
    "gradients": "gradient_fingerprint",
    "weights": "parameter_fingerprint",
}
"""What only a fingerprint can prove equal."""
SHOWN_KEYS = 3
"""Config keys named in the sentence; the rest are counted."""


def tell(
    parted: Divergence, runs: tuple[RunLabel, RunLabel], keys: Sequence[KeyDiff], metrics: tuple[Metrics, Metrics]
) -> str:
    """Return the verdict as one sentence, a second one where the runs are not equally long or a proof is missing."""
    if parted.level is Level.UNKNOWN:
        return (
            f"{runs[0].label} and {runs[1].label} have no logged step in common: nothing can be compared step by step."
        )
    if parted.level is Level.IDENTICAL:
        said = [f"Bit-identical: all that both runs logged is equal, at all {_steps(parted.common_steps)} in common."]
        if any(key.differs and key.is_cause for key in keys):
            said.append(f"The configs differ ({_named(keys)}), without an effect that was logged.")
        missing = [what for what, name in CERTAIN.items() if all(series.name != name for series in parted.series)]
        if missing:
            said.append(f"No fingerprint tells of: {', '.join(missing)}.")
    else:
        said = [_parting(parted, keys)]
    if not parted.same_extent:
        said.append(_extents(runs, metrics))
    return " ".join(said)


def _parting(parted: Divergence, keys: Sequence[KeyDiff]) -> str:
    where = where_parted(parted)
    rank = f" on rank {parted.first_rank}" if parted.first_rank else ""
    effect = COMPONENT_WORDS[parted.effect or "config"]
    fact = FACT_WORDS[parted.fact or "loss"]
    if parted.component == "config":
        text = f"The configs differ ({_named(keys)}), and the runs part {where}{rank}: {fact} differs first"
    else:
        text = f"The runs part {where}{rank}, in the {effect}: {fact} differs first"
    if parted.suspects:
        others = " or ".join(f"the {COMPONENT_WORDS[one]}" for one in parted.suspects)
        text += f", while {others} may have parted unlogged before it"
    if parted.level is Level.DRIFT:
        return f"{text}. It is drift: every number stays within the tolerance."
    if parted.first_beyond_step is not None and parted.first_beyond_step != parted.first_step:
        return f"{text}. Numbers differ by more than rounding from step {parted.first_beyond_step} on."
    return f"{text}."


def where_parted(parted: Divergence) -> str:
    """Say at which step, or between which."""
    if parted.exact:
        return f"at step {parted.first_step}"
    if parted.last_equal_step is None:
        return f"at step {parted.first_step} or before" if parted.first_step else "at step 0"
    return f"between step {parted.last_equal_step} and step {parted.first_step}"


def _named(keys: Sequence[KeyDiff]) -> str:
    """Name the first keys that differ and can be a cause, with their values."""
    causes = [key for key in keys if key.differs and key.is_cause]
    shown = [f"{key.key} {shown_value(key.values[0])} → {shown_value(key.values[1])}" for key in causes[:SHOWN_KEYS]]
    rest = [f"{len(causes) - SHOWN_KEYS} more"] if len(causes) > SHOWN_KEYS else []
    return ", ".join([*shown, *rest])


def shown_value(value: Any, room: int = 24) -> str:
    """Return a config value as a person reads it: text without quotes unless it looks like another type."""
    if value is ABSENT:
        return "absent"
    if isinstance(value, str) and value and value not in ("null", "true", "false", "absent") and not _numeric(value):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= room else text[: room - 1] + "…"


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _extents(runs: tuple[RunLabel, RunLabel], metrics: tuple[Metrics, Metrics]) -> str:
    a, b = metrics
    if a.first_step != b.first_step:
        return f"{runs[0].label} logs from step {a.first_step}, {runs[1].label} from step {b.first_step}."
    return f"{runs[0].label} ends at step {a.last_step}, {runs[1].label} at step {b.last_step}."


def _steps(count: int) -> str:
    return f"{count} logged step" if count == 1 else f"{count} logged steps"
