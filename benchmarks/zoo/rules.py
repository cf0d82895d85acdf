"""The baseline: plain threshold rules as debugging tools for trainings have them, on the events of the same runs.

Each rule reads curves alone and may suggest the cause that such tools print beside it. The thresholds are the tools'
own: DeepLocalize (loss and gradients not finite, weights unchanged), AutoTrainer (vanishing and exploding gradients,
dying ReLU, no convergence), UMLAUT (input range, learning-rate range, overfitting, accuracy too good to be true),
CS231n's notes (update ratio about 1e-3, first loss about ln C).
"""

import math
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

from debugstore.events import unmark

Events = list[dict[str, Any]]
Rule = Callable[["Curves"], bool]


class Curves:
    """A run's curves: values by field of one event type, in the order of the log."""

    def __init__(self, events: Events) -> None:
        self._by_type: dict[str, list[dict[str, Any]]] = {}
        for event in events:
            self._by_type.setdefault(event["event_type"], []).append(unmark(event["data"]))

    def of(self, event_type: str, field: str) -> list[float]:
        """Return a field's values; None is left out."""
        found = (data.get(field) for data in self._by_type.get(event_type, ()))
        return [float(value) for value in found if value is not None]

    def modules(self, field: str) -> list[float]:
        """Return a field's values over all modules and times."""
        events = self._by_type.get("activations", ())
        found = (facts.get(field) for data in events for facts in (data.get("modules") or {}).values())
        return [float(value) for value in found if value is not None]


def _finite(values: Iterable[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _ends(values: list[float]) -> tuple[float, float] | None:
    """Return the medians of the first and the last tenth."""
    finite = _finite(values)
    size = max(len(finite) // 10, 1)
    return (median(finite[:size]), median(finite[-size:])) if len(finite) >= 10 else None


def _not_falling(curves: Curves) -> bool:
    ends = _ends(curves.of("training_step", "loss"))
    return ends is not None and ends[1] > 0.95 * ends[0]


def _overfitting(curves: Curves) -> bool:
    train, val = _ends(curves.of("training_step", "loss")), curves.of("validation", "loss")
    return train is not None and bool(val) and val[-1] > 1.2 * train[1] and val[-1] > min(val)


def _too_good(curves: Curves) -> bool:
    return any(value > 0.95 for value in curves.of("validation", "accuracy"))


def _no_gain(curves: Curves) -> bool:
    ends = _ends(curves.of("training_step", "accuracy"))
    return ends is not None and ends[1] - ends[0] < 0.05


def _first_loss(curves: Curves) -> bool:
    losses, classes = curves.of("training_step", "loss"), curves.of("fit_start", "num_classes")
    return bool(losses and classes) and losses[0] > 1.5 * math.log(classes[0])


RULES: dict[str, tuple[Rule, tuple[str, ...]]] = {
    "loss not finite": (
        lambda curves: len(_finite(curves.of("training_step", "loss"))) < len(curves.of("training_step", "loss")),
        ("learning-rate-too-high", "nonfinite-loss"),
    ),
    "loss does not fall": (_not_falling, ("loss-flat",)),
    "accuracy does not rise": (_no_gain, ("loss-flat",)),
    "gradient vanishes (total norm < 1e-4)": (
        lambda curves: any(value < 1e-4 for value in curves.of("gradient_stats", "total_norm")),
        ("vanishing-gradients",),
    ),
    "gradient explodes (total norm > 70)": (
        lambda curves: any(value > 70 for value in curves.of("gradient_stats", "total_norm")),
        ("exploding-gradients", "learning-rate-too-high"),
    ),
    "weights unchanged": (
        lambda curves: any(value == 0 for value in curves.of("param_updates", "update_norm")),
        ("no-parameter-updates", "learning-rate-zero"),
    ),
    "update ratio < 1e-4": (
        lambda curves: any(value < 1e-4 for value in curves.of("param_updates", "update_ratio")),
        ("learning-rate-too-low",),
    ),
    "update ratio > 1e-2": (
        lambda curves: any(value > 1e-2 for value in curves.of("param_updates", "update_ratio")),
        ("learning-rate-too-high",),
    ),
    "learning rate outside 1e-7..1e-2": (
        lambda curves: any(not 1e-7 <= value <= 1e-2 for value in curves.of("training_step", "learning_rate")),
        ("learning-rate-too-high", "learning-rate-too-low", "learning-rate-zero"),
    ),
    "inputs outside -1..1": (
        lambda curves: any(value > 1 for value in curves.of("training_step", "input_abs_max")),
        ("inputs-out-of-scale",),
    ),
    "more than half of a layer inactive": (
        lambda curves: any(value > 0.5 for value in curves.modules("inactive_share")),
        ("dead-units",),
    ),
    "first loss > 1.5 ln C": (_first_loss, ("initial-loss-too-high",)),
    "validation loss rises above training loss": (_overfitting, ("overfitting",)),
    "validation accuracy > 0.95": (_too_good, ("train-validation-overlap",)),
}


def fired(events: Events) -> tuple[str, ...]:
    """Return the names of the rules that fire on a run."""
    curves = Curves(events)
    return tuple(name for name, (rule, _) in RULES.items() if rule(curves))


def named(names: Iterable[str]) -> frozenset[str]:
    """Return every code that the fired rules suggest."""
    return frozenset(code for name in names for code in RULES[name][1])
