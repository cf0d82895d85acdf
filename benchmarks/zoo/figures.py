"""What the page says, as numbers, and the small pieces of Markdown it is put together from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.zoo.effects import Place
from benchmarks.zoo.run import Job
from benchmarks.zoo.score import Judged, share


@dataclass
class Figures:
    """Everything the page says."""

    judged: list[Judged]
    gains: Mapping[Place, float]
    early: list[Judged] = field(default_factory=list)
    sparse: list[Judged] = field(default_factory=list)
    cuts: Mapping[str, list[Judged]] = field(default_factory=dict)
    """Healthy runs by the name of the cut that their logs were given."""
    baseline: Mapping[Job, tuple[str, ...]] = field(default_factory=dict)
    ablation: Mapping[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    command: str = "python -m benchmarks.diagnosis"
    """What made the page."""
    num_stale: int = 0
    """Logs that were written by another revision of the code."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines] + [""]


def percent(part: int, whole: int) -> str:
    """Return a share as text with its counts; of nothing it is a dash."""
    return f"{100 * share(part, whole):.1f} % ({part} of {whole})" if whole else "-"


def short(part: int, whole: int) -> str:
    """Return a share as text."""
    return f"{100 * share(part, whole):.1f} %" if whole else "-"


def codes(codes: Iterable[str]) -> str:
    """Return finding codes as Markdown."""
    return ", ".join(f"`{code}`" for code in codes) or "-"


def scored(judged: Iterable[Judged]) -> list[Judged]:
    """Return the answers on families that no threshold was chosen on."""
    return [one for one in judged if not one.tuned]


def counted(counts: Counter[str]) -> str:
    """Return what was counted, most frequent first."""
    return ", ".join(f"`{code}` {count}" for code, count in counts.most_common())
