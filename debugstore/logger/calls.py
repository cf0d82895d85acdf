"""What the training loop called, in which order and when: integers and clock readings."""

import time
from dataclasses import dataclass, field

from torch import Tensor

MAX_ORDER = 64
FORWARD, BACKWARD, OPTIMIZER, ZERO_GRAD, SCHEDULER, UNSCALE = "F", "B", "S", "Z", "L", "U"


@dataclass(slots=True)
class Calls:
    """Counts since the start (`totals`) and since the step began (`counts`), the order and the seconds of the step."""

    totals: dict[str, int] = field(default_factory=lambda: dict.fromkeys("FBSZLU", 0))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys("FBSZLU", 0))
    order: list[str] = field(default_factory=list)
    began: float | None = None
    last: float | None = None
    backward_seconds: float = 0.0
    optimizer_seconds: float = 0.0
    forward_seconds: float = 0.0
    data_seconds: float | None = None
    logger_seconds: float = 0.0
    forward_began: float | None = None
    backward_began: float | None = None
    optimizer_began: float | None = None
    paused: bool = False
    skipped: int = 0  # optimizer steps that a gradient scaler left out
    found_inf: Tensor | None = None  # those a fused optimizer left out by itself: a count on the device

    def note(self, kind: str) -> None:
        """Count one call."""
        self.totals[kind] += 1
        self.counts[kind] += 1
        if len(self.order) < MAX_ORDER:
            self.order.append(kind)
        self.last = time.perf_counter()

    def forward_entered(self) -> None:
        """Note that the model begins a forward pass with gradients: what lay between was the loop's, loading data."""
        if self.forward_began is None:
            self.forward_began = time.perf_counter()
            if self.last is not None:
                self.data_seconds = (self.data_seconds or 0.0) + self.forward_began - self.last

    def forward_left(self) -> None:
        """Note that the loss is there: `training_step` is called."""
        if self.forward_began is not None:
            self.forward_seconds += time.perf_counter() - self.forward_began
            self.forward_began = None

    def backward_left(self) -> None:
        """Add the time since backward was entered."""
        if self.backward_began is not None:
            self.backward_seconds += time.perf_counter() - self.backward_began
            self.backward_began = None

    def optimizer_left(self) -> None:
        """Add the time since an optimizer was entered."""
        if self.optimizer_began is not None:
            self.optimizer_seconds += time.perf_counter() - self.optimizer_began
            self.optimizer_began = None

    def count_found_inf(self, found: Tensor | None) -> None:
        """Count, on the device, a step that a fused optimizer will leave out for the scaler."""
        if found is not None:
            self.found_inf = found.detach().clone() if self.found_inf is None else self.found_inf + found

    def begin(self) -> None:
        """Begin a step."""
        self.counts = dict.fromkeys("FBSZLU", 0)
        self.order = []
        self.began = self.last = time.perf_counter()
        self.backward_seconds = self.optimizer_seconds = self.forward_seconds = self.logger_seconds = 0.0
        self.data_seconds = None
        self.paused = False
