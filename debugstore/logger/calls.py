"""What the training loop called, in which order and when: integers and clock readings, never a tensor."""

import time
from dataclasses import dataclass, field

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
    paused: bool = False
    skipped: int = 0

    def note(self, kind: str) -> None:
        """Count one call."""
        self.totals[kind] += 1
        self.counts[kind] += 1
        if len(self.order) < MAX_ORDER:
            self.order.append(kind)
        self.last = time.perf_counter()

    def begin(self) -> None:
        """Begin a step."""
        self.counts = dict.fromkeys("FBSZLU", 0)
        self.order = []
        self.began = self.last = time.perf_counter()
        self.backward_seconds = self.optimizer_seconds = self.forward_seconds = 0.0
        self.data_seconds = None
        self.paused = False
