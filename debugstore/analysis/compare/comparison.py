"""Compare runs: ask the questions of `sql/compare/` and put the answers side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from debugstore.analysis.compare.axis import AXES, align
from debugstore.analysis.compare.divergence import diverge
from debugstore.analysis.compare.groups import diff_groups
from debugstore.analysis.compare.metrics import read_metrics, sort_key
from debugstore.analysis.compare.parting import Search
from debugstore.analysis.compare.resume import read_resumes
from debugstore.analysis.compare.select import key_reader
from debugstore.analysis.compare.sentences import shown_value
from debugstore.analysis.compare.setups import RunSetup, diff_setups, labels, read_setup
from debugstore.analysis.compare.values import (
    Comparison,
    Divergence,
    FindingDiff,
    GroupDiff,
    Metrics,
    ParamDiff,
    RunLabel,
)
from debugstore.analysis.digest import Digest, digested
from debugstore.analysis.digest_rows import Size
from debugstore.analysis.findings import Finding, diagnose
from debugstore.analysis.queries import shipped
from debugstore.errors import ArgumentError

if TYPE_CHECKING:
    from sqlalchemy import Connection

FEW = 12
"""Runs up to which everything is compared: each costs passes over all its rows and a question a diagnosis, and more do
not fit side by side."""


def compare(
    connection: "Connection",
    runs: Sequence[int],
    *,
    baseline: int | None = None,
    group: str | None = None,
    by: str = "step",
    sort: str | None = None,
    to_loss: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    findings: bool | None = None,
    all_rows: bool = False,
    size: Size | None = None,
) -> Comparison:
    """Compare runs with the first of them, or with `baseline`; one run alone with itself, segment by segment.

    Args:
        runs: ids of the runs (`runs.id`).
        baseline: the run to compare with; it need not be among `runs`.
        group: a key such as ``config.lr`` or ``name``; runs with the same value are seeds of one group, and groups are
            compared with the baseline's.
        by: what losses are aligned by: ``step``, ``tokens`` or ``seconds``.
        sort: a metric, best first; None sorts three runs or more by their validation loss, or their loss at the end.
        to_loss: also say when the smoothed loss is down to this.
        rtol: relative difference that still is equal; None asks for equal bits, and tells drift from real differences.
        atol: absolute difference, the same.
        findings: ask the diagnoses of every run; None does so for a few runs.
        all_rows: read every row of long runs too, which are read as digests else; see `digest`.
        size: how much of a long run is read.

    Raises:
        ArgumentError: an argument is wrong, or one run has nothing to compare it with.
    """
    chosen = _chosen(runs, baseline)
    _check(by, rtol, atol)
    if len(chosen) == 1:
        return _alone(connection, chosen[0])
    few = len(chosen) <= FEW
    search = Search(connection, chosen if few else ())
    with digested(
        connection, chosen, size=size, parts=len(chosen) == 2, all_rows=all_rows or not few, windows=search.windows
    ) as digest:
        return _compared(
            digest,
            chosen,
            group=group,
            by=by,
            sort=sort,
            to_loss=to_loss,
            rtol=rtol,
            atol=atol,
            findings=few if findings is None else findings,
            alike=search.alike,
        )


def _compared(
    digest: Digest,
    chosen: Sequence[int],
    *,
    group: str | None,
    by: str,
    sort: str | None,
    to_loss: float | None,
    rtol: float | None,
    atol: float | None,
    findings: bool,
    alike: bool,
) -> Comparison:
    connection, few = digest.connection, len(chosen) <= FEW
    setups = [read_setup(connection, run) for run in chosen]
    metrics = [read_metrics(connection, one.run, one.run_id, brief=not few, to_loss=to_loss) for one in setups]
    metrics = [_totalled(digest, setup.run, one) for setup, one in zip(setups, metrics, strict=True)]
    first = setups[0]
    setups, metrics = _sorted(setups, metrics, sort)
    told = labels(setups)
    base = setups.index(first)
    divergences = _divergences(connection, told, setups, metrics, base, rtol=rtol, atol=atol) if few else ()
    reach, points, curves = align(connection, told, metrics, by) if few else (None, (), {})
    return Comparison(
        runs=told,
        baseline=told[base],
        config=diff_setups(setups),
        metrics=tuple(metrics),
        divergences=divergences,
        axis=by,
        reach=reach,
        equal_points=points,
        curves=MappingProxyType(curves),
        findings=_findings(connection, told) if findings else None,
        params=_params(connection, told) if len(told) == 2 else (),
        groups=_groups(setups, metrics, base, group) if group is not None else (),
        rtol=rtol,
        atol=atol,
        to_loss=to_loss,
        notes=tuple(_notes(digest, told, alike)),
    )


def _totalled(digest: Digest, run: int, metrics: Metrics) -> Metrics:
    """Return a run's metrics with the counts and means of all its rows."""
    if run not in digest.long:
        return metrics
    (row,) = shipped("totals")["metrics"].rows(digest.connection, run=run)
    return replace(metrics, **row)


def _notes(digest: Digest, told: Sequence[RunLabel], alike: bool) -> Iterator[str]:
    """Yield what a reader has to know of how the comparison was made."""
    if len(told) > FEW:
        yield f"where runs part, their curves and gradient norms are compared for {FEW} runs at most"
    elif digest.long:
        yield (
            "the first step that differs was looked for in all rows"
            if alike
            else "the runs were logged differently: where they part was looked for in the rows read"
        )
    for run in told:
        reading = digest.reading(run.run)
        if reading:
            yield (
                f"{run.label} is read from {reading['steps_read']:,} of {reading['steps']:,} logged steps: the first,"
                f" the last, what stands out, and every {reading['every']:,}th step between; --all-rows reads all"
            )


def _chosen(runs: Sequence[int], baseline: int | None) -> list[int]:
    if not runs:
        raise ArgumentError("there is no run to compare: name one, or give a condition that runs fit")
    if baseline is None:
        return list(runs)
    return [baseline, *(run for run in runs if run != baseline)]


def _check(by: str, rtol: float | None, atol: float | None) -> None:
    if by not in AXES:
        raise ArgumentError(f"runs are aligned by {', '.join(AXES)}, got '{by}'")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value is not None and not 0 <= value < float("inf"):
            raise ArgumentError(f"{name} is a number from 0 on, got {value}")


def _alone(connection: "Connection", run: int) -> Comparison:
    """Compare a run's segments."""
    setup = read_setup(connection, run)
    resumes = read_resumes(connection, run)
    if not resumes:
        raise ArgumentError(f"run '{setup.run_id}' was never resumed: name another run to compare it with")
    (label,) = labels([setup])
    return Comparison(
        runs=(label,),
        baseline=label,
        config=diff_setups([setup]),
        metrics=(read_metrics(connection, run, setup.run_id),),
        resumes=resumes,
    )


def _sorted(setups: list[RunSetup], metrics: list[Metrics], sort: str | None) -> tuple[list[RunSetup], list[Metrics]]:
    if sort is None:
        if len(setups) == 2:
            return setups, metrics
        validated = all(one.validation_loss_best is not None for one in metrics)
        sort = "validation_loss_best" if validated else "loss_last_tenth"
    key = sort_key(sort)
    order = sorted(range(len(setups)), key=lambda index: key(metrics[index]))
    return [setups[index] for index in order], [metrics[index] for index in order]


def _divergences(
    connection: "Connection",
    told: Sequence[RunLabel],
    setups: Sequence[RunSetup],
    metrics: Sequence[Metrics],
    base: int,
    *,
    rtol: float | None,
    atol: float | None,
) -> tuple[Divergence, ...]:
    return tuple(
        diverge(
            connection,
            told[base],
            told[index],
            diff_setups([setups[base], setups[index]]),
            (metrics[base], metrics[index]),
            rtol=rtol,
            atol=atol,
        )
        for index in range(len(told))
        if index != base
    )


def _findings(connection: "Connection", told: Sequence[RunLabel]) -> tuple[FindingDiff, ...]:
    """Return the findings that some runs have and others have not, in the order of the first run that has one."""
    by_run = {run.run_id: _codes(diagnose(connection, run.run)[0]) for run in told}
    seen = {code: finding for found in by_run.values() for code, finding in found.items()}
    return tuple(
        FindingDiff(
            code=code,
            severity=finding.severity,
            title=finding.title,
            steps=MappingProxyType({run: found[code].first_step for run, found in by_run.items() if code in found}),
        )
        for code, finding in seen.items()
        if any(code not in found for found in by_run.values())
    )


def _codes(findings: Sequence[Finding]) -> dict[str, Finding]:
    """Return findings by code, those that others explain too."""
    return {one.code: one for finding in findings for one in (finding, *finding.explained)}


def _params(connection: "Connection", told: Sequence[RunLabel]) -> tuple[ParamDiff, ...]:
    rows = shipped("compare")["params"].rows(connection, run=told[0].run, other=told[1].run)
    return tuple(
        ParamDiff(
            quantity=row["quantity"],
            name=row["name"],
            common=row["num_common"],
            first_step=row["first_step"],
            baseline_mean=row["a_mean"],
            run_mean=row["b_mean"],
            max_abs_diff=row["max_abs_diff"],
            max_rel_diff=row["max_rel_diff"],
        )
        for row in rows
    )


def _groups(setups: Sequence[RunSetup], metrics: Sequence[Metrics], base: int, group: str) -> tuple[GroupDiff, ...]:
    """Compare groups of runs with the group of the baseline.

    Raises:
        ArgumentError: all runs have the same value.
    """
    read = key_reader(group)
    values = [shown_value(read(setup)) for setup in setups]
    names = [values[base], *(value for value in values if value != values[base])]
    groups = {name: [one for one, value in zip(metrics, values, strict=True) if value == name] for name in names}
    if len(groups) == 1:
        raise ArgumentError(
            f"all {len(setups)} runs have the same {group} ({values[base]}): there are no groups to compare"
        )
    return diff_groups(groups)
