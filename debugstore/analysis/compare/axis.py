"""Runs along one axis: their losses at equal steps, or in equal slices of tokens or of seconds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from debugstore.analysis.compare.numbers import true_loss
from debugstore.analysis.compare.values import EqualPoint, Metrics, RunLabel
from debugstore.analysis.queries import Row, shipped
from debugstore.errors import ArgumentError

if TYPE_CHECKING:
    from sqlalchemy import Connection

AXES = ("step", "tokens", "seconds")
CURVE_SLICES = 32
"""Means that a drawn curve is made of at most: beside a name and two numbers they fit into 80 characters."""
DENSE_ROWS = 4
"""Logged steps beyond the cadence at the start of a run, which fill no slice of their own."""
POINT_SLICES = 8
"""Means that stand side by side in the table of a run's tokens or seconds."""

Losses = tuple[float | None, ...]
Aligned = tuple[float | None, tuple[EqualPoint, ...], dict[str, Losses]]


def align(connection: "Connection", told: Sequence[RunLabel], metrics: Sequence[Metrics], by: str) -> Aligned:
    """Return how far the axis goes, the runs side by side along it, and each run's curve.

    By step the axis goes as far as the longest run, and only two runs stand side by side, at steps that both logged. By
    tokens or seconds it goes as far as every run came.

    Raises:
        ArgumentError: a run logged neither tokens nor times.
    """
    if by == "step":
        return _by_step(connection, told, metrics)
    reaches = [getattr(one, by) for one in metrics]
    for run, reached in zip(told, reaches, strict=True):
        if not reached:
            raise ArgumentError(f"run '{run.label}' did not log its {by}: align by step")
    reach = min(reaches)
    columns = [_slices(connection, run, by, reach, POINT_SLICES) for run in told]
    points = tuple(
        EqualPoint(at=reach * (index + 1) / POINT_SLICES, loss=losses)
        for index, losses in enumerate(zip(*columns, strict=True))
    )
    return reach, points, {run.run_id: _slices(connection, run, by, reach, CURVE_SLICES) for run in told}


def _by_step(connection: "Connection", told: Sequence[RunLabel], metrics: Sequence[Metrics]) -> Aligned:
    ask = shipped("compare")
    firsts = [one.first_step for one in metrics if one.first_step is not None]
    lasts = [one.last_step for one in metrics if one.last_step is not None]
    if not firsts or not lasts:
        return None, (), {}
    slices = _filled_slices(metrics, max(lasts) - min(firsts) + 1)
    span = {"first_step": min(firsts), "last_step": max(lasts), "slices": slices}
    curves = {run.run_id: _losses(ask["curve"].rows(connection, run=run.run, **span), slices) for run in told}
    points: tuple[EqualPoint, ...] = ()
    if len(told) == 2:
        rows = ask["equal_steps"].rows(connection, run=told[0].run, other=told[1].run)
        points = tuple(_point(row) for row in rows)
    return float(max(lasts)), points, curves


def _filled_slices(metrics: Sequence[Metrics], steps: int) -> int:
    """Return into how many slices the steps can be cut for the run that logs most rarely to fill each of its own."""
    shares = [max(1, one.num_logged - DENSE_ROWS) / one.steps for one in metrics if one.steps]
    return max(2, min(CURVE_SLICES, int(min(shares) * steps)))


def _slices(connection: "Connection", run: RunLabel, by: str, reach: float, slices: int) -> Losses:
    rows = shipped("compare")[f"curve_by_{by}"].rows(connection, run=run.run, reach=reach, slices=slices)
    return _losses(rows, slices)


def _losses(rows: Sequence[Row], slices: int) -> Losses:
    """Return a loss for each slice: None where nothing was logged, NaN where a loss in it is not finite."""
    made: list[float | None] = [None] * slices
    for row in rows:
        made[row["slice"]] = float("nan") if row["num_nonfinite"] else row["loss"]
    return tuple(made)


def _point(row: Row) -> EqualPoint:
    return EqualPoint(
        at=row["step"],
        loss=(true_loss(row["a_loss"], row["a_marks"]), true_loss(row["b_loss"], row["b_marks"])),
        total_norm=(row["a_total_norm"], row["b_total_norm"]),
        update_ratio=(row["a_update_ratio"], row["b_update_ratio"]),
    )
