"""The totals of a segment, for `debug_summary_<stamp>.json`; no line is kept, only counts and extremes."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from debugstore.events import nonfinite


class Range:
    """First, last, smallest and largest of a series; what is not finite is only counted."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.last: float | None = None
        self.smallest: float | None = None
        self.largest: float | None = None
        self.num_finite = 0
        self.num_nonfinite = 0

    def add(self, value: Any) -> None:
        """Take one number; None is no number."""
        if not isinstance(value, int | float):
            return
        if self.first is None:
            self.first = value
        self.last = value
        if not math.isfinite(value):
            self.num_nonfinite += 1
            return
        self.num_finite += 1
        self.smallest = value if self.smallest is None else min(self.smallest, value)
        self.largest = value if self.largest is None else max(self.largest, value)


class Summary:
    """Counts what goes by."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.first_step: int | None = None
        self.last_step = 0
        self.loss = Range()
        self.accuracy = Range()
        self.total_norm = Range()
        self.validation_loss = Range()
        self.num_updates = 0
        self.num_without_update = 0
        self.errors: list[str] = []

    def count(self, event_type: str, step: int, data: dict[str, Any]) -> None:
        """Take one event."""
        self.events[event_type] += 1
        if self.first_step is None:
            self.first_step = step
        self.last_step = step
        if event_type == "training_step":
            self.loss.add(data.get("loss"))
            self.accuracy.add(data.get("accuracy"))
        elif event_type == "gradient_stats":
            self.total_norm.add(data.get("total_norm"))
        elif event_type == "param_updates":
            self.num_updates += 1
            self.num_without_update += bool(data.get("no_updates"))
        elif event_type == "validation":
            self.validation_loss.add(data.get("loss"))
        elif event_type == "logger_error":
            self.errors.append(f"{data.get('part')}: {data.get('error')}")

    def write(self, path: Path, more: dict[str, Any]) -> None:
        """Write the summary as one strict JSON object; `more` is what the log itself cannot know."""
        facts = {
            **more,
            "events": dict(self.events),
            "total_events": self.events.total(),
            "first_step": self.first_step,
            "last_step": self.last_step if self.first_step is not None else None,
            "loss_first": self.loss.first,
            "loss_last": self.loss.last,
            "loss_best": self.loss.smallest,
            "num_finite_losses": self.loss.num_finite,
            "num_nonfinite_losses": self.loss.num_nonfinite,
            "accuracy_first": self.accuracy.first,
            "accuracy_last": self.accuracy.last,
            "accuracy_best": self.accuracy.largest,
            "validation_loss_best": self.validation_loss.smallest,
            "total_norm_min": self.total_norm.smallest,
            "total_norm_max": self.total_norm.largest,
            "num_nonfinite_total_norms": self.total_norm.num_nonfinite,
            "num_update_events": self.num_updates,
            "num_update_events_without_change": self.num_without_update,
            "logger_errors": self.errors,
        }
        path.write_text(json.dumps(nonfinite.mark(facts), indent=2, allow_nan=False) + "\n", encoding="utf-8")
