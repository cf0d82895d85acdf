"""What stands in the cells and sentences of a report: figures as a person reads them."""

import math
from collections.abc import Sequence
from typing import Any


def short(value: Any) -> str:
    """Return a figure of a table: four significant digits, a dash for none."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else f"{value:.4g}"
    return str(value)


def rate(value: float | None) -> str:
    """Return a figure that may be small, as a learning rate is: below a thousandth with its power of ten."""
    return "-" if value is None else f"{value:.3g}" if value == 0 or abs(value) >= 1e-3 else f"{value:.1e}"


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def gain(first: float | None, last: float | None) -> str:
    if first is None or last is None or not first:
        return "-"
    return f"{100 * (last - first) / abs(first):+.1f} %"


def difference(first: float | None, last: float | None) -> str:
    return "-" if first is None or last is None else f"{last - first:+.3f}"


def percent(share: float) -> str:
    """Return a share in percent: two significant digits, three from ten percent on."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.3g} %"


def of(what: str, part: int | None, whole: int | None) -> str:
    return "" if part is None or whole is None else f"{part} of {whole} {what}"


def total(part: int | None, other: int | None) -> int | None:
    return None if part is None or other is None else part + other


def sentence(facts: Sequence[str]) -> str:
    """Join facts, those that are empty left out."""
    joined = "; ".join(fact for fact in facts if fact)
    return f"{joined[0].upper()}{joined[1:]}." if joined else ""


def counted(number: float) -> str:
    """Return a count or a size in thousands: 1.2 M."""
    for unit in ("", "K", "M", "G"):
        if abs(number) < 1000:
            return f"{number:.3g} {unit}".rstrip() if not unit else f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} T"
