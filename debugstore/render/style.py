"""Looks of text on a terminal. Whether there is a terminal that wants colour is the caller's to know."""

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.style import Style


class Look(StrEnum):
    """What a piece of text is; the value is how rich spells its look."""

    ERROR = "bold red"
    WARNING = "bold yellow"
    NOTE = "cyan"
    GOOD = "bold green"
    HEADING = "bold"
    FAINT = "dim"
    CURVE = "blue"
    SQL = "dim"


def paint(text: str, look: Look | None, color: bool) -> str:
    """Return `text` in its look, or as it is without colour."""
    if not color or look is None or not text:
        return text
    from rich.color import ColorSystem

    return _style(look).render(text, color_system=ColorSystem.STANDARD)


@cache
def _style(look: Look) -> "Style":
    from rich.style import Style  # a quarter of a tenth of a second: only where something is painted

    return Style.parse(look)
