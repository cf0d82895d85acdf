"""One run's numbers: how far it came, at best and at the end, and what it cost."""

import math
from typing import TYPE_CHECKING, Any

from debugstore.analysis.compare.numbers import true_loss
from debugstore.analysis.compare.values import Metrics
from debugstore.analysis.queries import shipped
from debugstore.errors import ArgumentError

if TYPE_CHECKING:
    from sqlalchemy import Connection

HIGHER_IS_BETTER = (
    "accuracy_final",
    "accuracy_last_tenth",
    "accuracy_best",
    "validation_accuracy_final",
    "validation_accuracy_best",
)
LOWER_IS_BETTER = (
    "loss_final",
    "loss_last_tenth",
    "loss_best",
    "loss_area",
    "validation_loss_final",
    "validation_loss_best",
    "step_to_loss",
    "seconds_to_loss",
)
"""Metrics by which a run improves on another; of the rest more is neither better nor worse."""
SORTABLE = tuple(name for name in Metrics.__dataclass_fields__ if name != "run")


def read_metrics(
    connection: "Connection", run: int, run_id: str, *, brief: bool = False, to_loss: float | None = None
) -> Metrics:
    """Read one run's metrics.

    Args:
        brief: leave out what needs another pass over the run's rows: gradient norms, tokens, seconds, area. Two passes
            over the steps are made anyway.
        to_loss: also find the step at which the smoothed loss is down to this.
    """
    ask = shipped("compare")
    progress = ask["progress"].rows(connection, run=run)[0]
    made: dict[str, Any] = {name: progress[name] for name in progress if name in Metrics.__dataclass_fields__}
    made["loss_first"] = true_loss(progress["loss_first"], progress["first_marks"])
    made["loss_final"] = true_loss(progress["loss_final"], progress["final_marks"])
    if progress["num_nonfinite_last_tenth"]:
        made["loss_last_tenth"] = float("nan")
    if progress["first_step"] is not None:
        made["steps"] = progress["last_step"] - progress["first_step"] + 1
    asked = ["validation", "updates"] if brief else ["validation", "updates", "gradients", "pace"]
    for name in asked:
        for row in ask[name].rows(connection, run=run):
            made.update(row)
    if made.get("seconds") is not None:
        made["seconds"] = round(made["seconds"], 6)  # a sum of differences: what is below a microsecond is rounding
    if to_loss is not None:
        row = ask["reached"].rows(connection, run=run, to_loss=to_loss)[0]
        made.update(
            step_to_loss=row["step_to_loss"],
            seconds_to_loss=row["seconds_to_loss"] if row["step_to_loss"] is not None else None,
        )
    return Metrics(run=run_id, **made)


def better(name: str, baseline: float | None, value: float | None) -> bool | None:
    """Say whether a metric improved on the baseline's; None where it is equal, missing, or neither can be better."""
    if baseline is None or value is None or name not in HIGHER_IS_BETTER + LOWER_IS_BETTER:
        return None
    sign = 1 if name in HIGHER_IS_BETTER else -1
    a, b = _goodness(baseline, sign), _goodness(value, sign)
    return None if a == b else b > a


def sort_key(name: str) -> Any:
    """Return the key that sorts metrics best first: a missing number last, one that is not a number before it.

    Raises:
        ArgumentError: there is no such metric.
    """
    if name not in SORTABLE:
        raise ArgumentError(f"no metric '{name}': sort by one of {', '.join(SORTABLE)}")
    sign = 1 if name in HIGHER_IS_BETTER else -1

    def key(metrics: Metrics) -> tuple[bool, float]:
        value = getattr(metrics, name)
        return value is None, -_goodness(value, sign) if value is not None else 0.0

    return key


def _goodness(value: float, sign: int) -> float:
    return -math.inf if math.isnan(value) else sign * value
