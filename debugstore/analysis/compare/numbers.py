"""Numbers as the log has them: a loss that is NULL may be marked as NaN or infinite."""

import json

from debugstore.events import nonfinite


def true_loss(value: float | None, marks: str | None) -> float | None:
    """Return a loss, or the number that its event's marks say it is; None where it was not logged."""
    return value if value is not None or not marks else nonfinite.WORDS.get(str(json.loads(marks).get("loss")))
