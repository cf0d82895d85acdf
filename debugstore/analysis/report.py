"""The report of a run: its figures by section, and what the diagnoses say. Values only; `render` draws them."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from debugstore.analysis.digest import Digest, digested
from debugstore.analysis.digest_rows import Size
from debugstore.analysis.findings import Check, Finding, diagnose, number
from debugstore.analysis.queries import Number, Row, shipped
from debugstore.errors import RunNotFoundError

if TYPE_CHECKING:
    from sqlalchemy import Connection

FEW_LOSSES = 12
"""Logged losses below which no trend is read: the least that the diagnoses of trends take."""
LEAST_GAIN = 0.02
"""Share of the loss that has to go for a run to count as learning: two means of ten noisy batches differ by as much."""
STARTS_ANYWHERE = -(2**63)
"""The step from which a report counts when none is given."""

_NOT_LEARNING = frozenset(
    {
        "loss-flat",
        "loss-diverging",
        "nonfinite-loss",
        "nonfinite-parameters",
        "no-parameter-updates",
        "zero-gradients",
        "only-prior-learned",
        "worse-than-guessing",
    }
)
"""Codes each of which means that the run does not learn."""
_WORDS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}


class State(StrEnum):
    """Whether a run learns."""

    LEARNING = "learning"
    NOT_LEARNING = "not learning"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The answer to the first question of a reader, in one line."""

    state: str
    because: str

    @property
    def line(self) -> str:
        joint = ": " if self.state == State.LEARNING else " because "
        return f"{self.state}{joint}{self.because}" if self.because else self.state


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a report says. The rows of a section have the columns of its `.sql` file in `sql/report/`."""

    conclusion: Conclusion
    run: Row
    segments: tuple[Row, ...]
    ranks: tuple[Row, ...]
    curve: tuple[Row, ...]
    progression: tuple[Row, ...]
    validations: tuple[Row, ...]
    improvement: Row
    gradients: Row
    updates: Row
    sanity: Row
    batches: Row
    cost: Row
    reading: Row
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]

    def worst(self) -> str | None:
        """Return the severity of the worst finding, None without any."""
        return self.findings[0].severity if self.findings else None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as its JSON says it; numbers that are not finite are still floats."""
        plain = {name: _plain(getattr(self, name)) for name in self.__slots__}
        plain["conclusion"]["line"] = self.conclusion.line
        return plain


def report(
    connection: "Connection",
    run: int,
    *,
    only: Collection[str] | None = None,
    since_step: int | None = None,
    thresholds: Mapping[str, Number] | None = None,
    diagnoses_dir: Path | None = None,
    all_rows: bool = False,
    size: Size | None = None,
) -> Report:
    """Report on a run; a long one is read as a digest, see `digest`.

    Args:
        run: `runs.id`.
        only: codes of the diagnoses to ask; None asks all.
        since_step: steps before it do not count.
        thresholds: values of diagnosis parameters by ``code.name``.
        diagnoses_dir: a folder of diagnoses of one's own.
        all_rows: read every row of a long run too.
        size: how much of a long run is read.

    Raises:
        RunNotFoundError: there is no such run.
        ArgumentError: there is no such code or threshold.
    """
    with digested(connection, [run], size=size, since_step=since_step, all_rows=all_rows) as digest:
        return _report(
            digest, run, only=only, since_step=since_step, thresholds=thresholds, diagnoses_dir=diagnoses_dir
        )


def _report(
    digest: Digest,
    run: int,
    *,
    only: Collection[str] | None,
    since_step: int | None,
    thresholds: Mapping[str, Number] | None,
    diagnoses_dir: Path | None,
) -> Report:
    start = STARTS_ANYWHERE if since_step is None else since_step
    connection = digest.connection

    def rows(name: str) -> tuple[Row, ...]:
        query = shipped("report")[name]
        values = {"run": run, "since_step": start}
        asked = query.rows(connection, **{key: values[key] for key in values if key in query.names})
        return tuple(map(_with_numbers, digest.totalled(name, run, asked)))

    def row(name: str) -> Row:
        return next(iter(rows(name)), MappingProxyType({}))

    about = row("run")
    if not about:
        raise RunNotFoundError(str(run), (), 0)
    ranks = rows("ranks")
    improvement = row("improvement")
    findings, checks = diagnose(
        connection, run, only=only, since_step=since_step, thresholds=thresholds, diagnoses_dir=diagnoses_dir
    )
    return Report(
        conclusion=conclude(improvement, findings),
        run=_with_json(about),
        segments=rows("segments"),
        ranks=ranks if len(ranks) > 1 else (),
        curve=rows("curve"),
        progression=rows("progression"),
        validations=rows("validations"),
        improvement=improvement,
        gradients=MappingProxyType({**row("gradients"), "params": rows("gradient_params")}),
        updates=MappingProxyType({**row("updates"), "params": rows("update_params")}),
        sanity=row("sanity"),
        batches=row("batches"),
        cost=row("cost"),
        reading=digest.reading(run),
        findings=findings,
        checks=checks,
    )


def conclude(improvement: Row, findings: tuple[Finding, ...]) -> Conclusion:
    """Say whether the run learns, from its findings and, where they are silent, from its loss."""
    stopping = next((root for root in findings if _NOT_LEARNING & {root.code, *root.explains}), None)
    if stopping is not None:
        return Conclusion(State.NOT_LEARNING, _lowered(stopping.title))
    harm = next((root for root in findings if root.severity == "error"), None)
    but = f", but {_lowered(harm.title)}" if harm else ""
    losses = improvement.get("num_losses", 0)
    if losses < FEW_LOSSES:
        return Conclusion(State.CANNOT_TELL, f"{losses} losses are logged, a trend needs {FEW_LOSSES}{but}")
    first, last = improvement["loss_first"], improvement["loss_last"]
    if last is None or first is None or first - last <= LEAST_GAIN * abs(first):
        if harm is not None:
            return Conclusion(State.NOT_LEARNING, _lowered(harm.title))
        return Conclusion(
            State.CANNOT_TELL, f"the loss went from {number(first)} to {number(last)}, and no diagnosis says why"
        )
    return Conclusion(State.LEARNING, f"the loss fell from {number(first)} to {number(last)}{but}")


def _lowered(title: str) -> str:
    """Return a title as a part of a sentence; a word in capitals, as NaN, stays."""
    return title[0].lower() + title[1:] if title[1:2].islower() or title[1:2] == " " else title


def _with_numbers(row: Row) -> Row:
    """Return a row with the words of its ``..._word`` columns put back as numbers."""
    words = {key.removesuffix("_word"): value for key, value in row.items() if key.endswith("_word")}
    kept = {key: value for key, value in row.items() if not key.endswith("_word")}
    return MappingProxyType({**kept, **{key: _WORDS[word] for key, word in words.items() if word is not None}})


def _with_json(row: Row) -> Row:
    """Return the run's row with its JSON columns parsed."""
    read = {key: json.loads(row[key]) for key in ("config", "optimizer", "environment") if isinstance(row[key], str)}
    return MappingProxyType({**row, **read})


def _plain(value: Any) -> Any:
    """Return a frozen value as dictionaries and lists."""
    if isinstance(value, Finding | Check | Conclusion):
        return {key: _plain(getattr(value, key)) for key in value.__slots__}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
