"""A run's numbers against a slow computation, and many runs sorted and judged by them."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from debugstore.analysis.compare import FEW
from debugstore.analysis.compare.metrics import better, sort_key
from debugstore.analysis.compare.values import Metrics
from debugstore.errors import ArgumentError
from debugstore.store.database import Database
from tests.compare.asked import compared, stored
from tests.support.logs import ABSENT, Run


def logged(run: Run, kind: str) -> list[dict[str, Any]]:
    """Return the events of one kind."""
    return [event for event in run.events() if event["event_type"] == kind]


def of(memory: Database, folder: Path, run: Run, **options: Any) -> Metrics:
    """Return one run's metrics."""
    stored(memory, folder, [run, Run("beside-it", steps=20)])
    return next(one for one in compared(memory, [run.run_id, "beside-it"], **options).metrics if one.run == run.run_id)


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def test_metrics_are_those_of_the_log(memory: Database, tmp_path: Path) -> None:
    """First, last, best and mean numbers equal what a plain loop over the log's lines gives."""
    run = Run("a", steps=237, noise=0.2)
    made = of(memory, tmp_path, run, to_loss=1.2)
    steps = logged(run, "training_step")
    losses = [event["data"]["loss"] for event in steps]
    last = steps[-1]["step"]
    tail = [event["data"]["loss"] for event in steps if event["step"] >= last - 0.1 * last]
    areas = [(b["data"]["loss"] + a["data"]["loss"]) / 2 * (b["step"] - a["step"]) for a, b in pairwise(steps)]
    assert made.num_logged == len(steps)
    assert (made.first_step, made.last_step, made.steps) == (0, last, last + 1)
    assert made.loss_first == losses[0]
    assert made.loss_final == losses[-1]
    assert made.loss_best == min(losses)
    assert made.loss_best_step == steps[losses.index(min(losses))]["step"]
    assert made.loss_last_tenth == pytest.approx(mean(tail))
    assert made.loss_area == pytest.approx(sum(areas) / last)
    assert made.accuracy_best == max(event["data"]["accuracy"] for event in steps)
    assert made.total_norm_mean == pytest.approx(mean([e["data"]["total_norm"] for e in logged(run, "gradient_stats")]))
    assert made.update_ratio_max == max(event["data"]["update_ratio"] for event in logged(run, "param_updates"))
    assert made.validation_loss_best == min(event["data"]["loss"] for event in logged(run, "validation"))
    assert made.seconds == pytest.approx(steps[-1]["timestamp"] - steps[0]["timestamp"])
    assert made.tokens == 64 * (last + 1)
    arrived = next(i for i in range(len(losses)) if mean(losses[max(0, i - 9) : i + 1]) <= 1.2)
    assert made.step_to_loss == steps[arrived]["step"]


def test_a_loss_that_is_never_reached_has_no_step(memory: Database, tmp_path: Path) -> None:
    """Where the smoothed loss never is down to the value, there is no step and no time."""
    made = of(memory, tmp_path, Run("a", steps=50), to_loss=0.001)
    assert made.step_to_loss is None
    assert made.seconds_to_loss is None


def test_a_pause_between_segments_is_no_time(memory: Database, tmp_path: Path) -> None:
    """A run resumed after a day took the seconds of its segments."""
    parts = [
        Run("a", steps=50, planned_steps=100, status=None, segment="s0"),
        Run("a", start_step=50, steps=50, planned_steps=100, segment="s1", started_at=1_732_086_400.0),
    ]
    stored(memory, tmp_path, [*parts, Run("b", steps=20)])
    made = compared(memory, ["a", "b"]).metrics[0]
    assert made.seconds == pytest.approx(1.6 + 1.6)


def test_a_loss_that_is_not_finite_is_told(memory: Database, tmp_path: Path) -> None:
    """A run whose loss became NaN ends with NaN, and its best is the best finite one."""
    made = of(memory, tmp_path, Run("a", steps=100, loss=lambda step: math.nan if step > 60 else 3 - step / 100))
    assert made.loss_final is not None
    assert math.isnan(made.loss_final)
    assert made.loss_last_tenth is not None
    assert math.isnan(made.loss_last_tenth)
    assert (made.loss_best, made.loss_best_step) == (2.4, 60)
    assert made.num_nonfinite_loss == 3


def test_what_was_not_logged_is_absent(memory: Database, tmp_path: Path) -> None:
    """A log of losses alone has no accuracy, no gradients, no validation, and that is no error."""
    bend = {"training_step": {"accuracy": ABSENT, "num_valid_tokens": ABSENT}}
    bare = Run("a", steps=30, bend=bend, without=("gradient_stats", "param_updates", "validation", "fit_start"))
    made = of(memory, tmp_path, bare)
    assert made.loss_best is not None
    absent = ("accuracy_best", "total_norm_mean", "update_ratio_mean", "validation_loss_best", "tokens")
    assert [getattr(made, name) for name in absent] == [None] * len(absent)


def test_a_run_without_steps_is_compared(memory: Database, tmp_path: Path) -> None:
    """A run that died before its first step has a set-up to compare and no numbers."""
    stored(memory, tmp_path, [Run("a", steps=30), Run("dead", steps=30, without=("training_step",))])
    made = compared(memory, ["a", "dead"])
    assert made.metrics[1].num_logged == 0
    assert made.metrics[1].loss_final is None


def test_many_runs_are_sorted_best_first(memory: Database, tmp_path: Path) -> None:
    """Beyond a few runs each is one row, sorted, without the questions that cost a pass a pair; the notes say so."""
    runs = [Run(f"r{index:02}", steps=10, floor=0.3 + 0.01 * (index * 7 % 20)) for index in range(FEW + 3)]
    stored(memory, tmp_path, runs)
    names = [run.run_id for run in runs]
    made = compared(memory, names, baseline="r03", sort="loss_final")
    losses = [one.loss_final or 0.0 for one in made.metrics]
    assert losses == sorted(losses)
    assert made.baseline.run_id == "r03"
    assert [run.run_id for run in made.runs] == [one.run for one in made.metrics]
    assert made.divergences == ()
    assert made.findings is None
    assert made.notes
    assert not made.equal
    with pytest.raises(ArgumentError, match="no metric 'speed': sort by one of"):
        compared(memory, names, sort="speed")


def test_the_baseline_need_not_be_named_twice(memory: Database, tmp_path: Path) -> None:
    """A baseline beside the runs is compared with each of them."""
    stored(memory, tmp_path, [Run(name, steps=20) for name in "abc"])
    made = compared(memory, ["a", "b"], baseline="c")
    assert {part.run for part in made.divergences} == {"a", "b"}
    assert {part.baseline for part in made.divergences} == {"c"}


@pytest.mark.parametrize(
    ("name", "baseline", "value", "verdict"),
    [
        ("loss_final", 1.0, 0.5, True),
        ("loss_final", 1.0, math.nan, False),
        ("loss_final", math.nan, 1.0, True),
        ("loss_final", 1.0, 1.0, None),
        ("accuracy_best", 0.5, 0.6, True),
        ("accuracy_best", None, 0.6, None),
        ("total_norm_mean", 1.0, 2.0, None),
    ],
)
def test_better_is_a_matter_of_the_metric(
    name: str, baseline: float | None, value: float | None, verdict: bool | None
) -> None:
    """A loss improves downwards, an accuracy upwards, NaN is the worst, and a norm is neither."""
    assert better(name, baseline, value) is verdict


def test_missing_numbers_sort_last() -> None:
    """Runs without the metric come last, those where it is NaN just before them."""
    runs = [
        Metrics("none"),
        Metrics("nan", loss_best=math.nan),
        Metrics("two", loss_best=2.0),
        Metrics("one", loss_best=1.0),
    ]
    assert [one.run for one in sorted(runs, key=sort_key("loss_best"))] == ["one", "two", "nan", "none"]


def test_groups_are_runs_with_the_same_value(memory: Database, tmp_path: Path) -> None:
    """Seeds of one setting are a group, compared with the baseline's."""
    runs = [
        Run(f"{rate}-{seed}", steps=60, seed=seed, peak_lr=rate, floor=0.4 if rate > 1e-3 else 0.2, noise=0.01)
        for rate in (1e-3, 2e-3)
        for seed in range(3)
    ]
    stored(memory, tmp_path, runs)
    made = compared(memory, [run.run_id for run in runs], group="config.lr", findings=False)
    losses = next(one for one in made.groups if one.metric == "loss_last_tenth")
    assert (losses.baseline, losses.group) == ("0.001", "0.002")
    assert (len(losses.baseline_runs), len(losses.runs)) == (3, 3)
    assert losses.real is True
    with pytest.raises(ArgumentError, match="all 6 runs have the same config"):
        compared(memory, [run.run_id for run in runs], group="config.batch_size")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "epochs"}, "aligned by step, tokens, seconds, got 'epochs'"),
        ({"rtol": -1.0}, "rtol is a number from 0 on"),
        ({"atol": math.nan}, "atol is a number from 0 on"),
        ({"group": "lr"}, "such as config.lr"),
    ],
)
def test_a_wrong_argument_is_one_sentence(memory: Database, tmp_path: Path, options: dict[str, Any], said: str) -> None:
    """What is asked wrongly is refused with what would be right."""
    stored(memory, tmp_path, [Run("a", steps=10), Run("b", steps=10)])
    with pytest.raises(ArgumentError, match=re.escape(said)):
        compared(memory, ["a", "b"], **options)


def test_no_run_at_all_is_refused(memory: Database) -> None:
    """A condition that no run fits leaves nothing to compare."""
    with pytest.raises(ArgumentError, match="there is no run to compare"):
        compared(memory, [])
