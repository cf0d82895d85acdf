"""Groups of seeds: what is noise and what is real."""

import math
import random
from collections.abc import Sequence

from debugstore.analysis.compare.groups import diff_groups, studentized_interval
from debugstore.analysis.compare.values import GroupDiff, Metrics


def of_losses(losses: Sequence[float]) -> list[Metrics]:
    """Return a group's metrics: a run each with this loss."""
    return [Metrics(run=f"r{index}", loss_last_tenth=loss) for index, loss in enumerate(losses)]


def one(a: Sequence[float], b: Sequence[float]) -> GroupDiff:
    """Return the one difference of two groups of losses."""
    (made,) = diff_groups({"a": of_losses(a), "b": of_losses(b)})
    return made


def test_a_clear_difference_is_real() -> None:
    """Groups far apart for their spread leave zero out of the interval."""
    made = one([2.00, 2.01, 2.02, 1.99], [1.50, 1.51, 1.49, 1.52])
    assert made.real is True
    assert made.interval is not None
    assert made.interval[0] < made.difference < made.interval[1] < 0


def test_seeds_alone_are_noise() -> None:
    """A difference within the spread of the seeds is not called real."""
    assert one([2.0, 2.4, 1.8, 2.2], [1.9, 2.1, 2.3, 1.7]).real is False


def test_false_alarms_are_rarer_than_claimed() -> None:
    """Three seeds a side of one and the same training are called different in at most 5 of 100 trials."""
    rng = random.Random(1)
    alarms = 0
    for _ in range(200):
        a, b = ([rng.gauss(2, 0.1) for _ in range(3)] for _ in range(2))
        interval = studentized_interval(a, b, resamples=400)
        alarms += interval is not None and not interval[0] <= 0 <= interval[1]
    assert alarms <= 10


def test_two_runs_say_nothing() -> None:
    """With fewer than three runs a side no interval is given and nothing is called real."""
    made = one([2.0, 2.0], [1.0, 1.0, 1.0])
    assert made.interval is None
    assert made.real is None
    assert made.difference == -1.0


def test_equal_runs_differ_by_nothing() -> None:
    """Seeds without any spread and without difference are not a real difference."""
    made = one([2.0] * 3, [2.0] * 3)
    assert made.interval == (0.0, 0.0)
    assert made.real is False


def test_a_run_that_diverged_gives_no_interval() -> None:
    """A loss that is not finite has no mean to compare."""
    made = one([2.0, 2.1, 2.2], [2.0, math.nan, 2.1])
    assert made.interval is None
    assert math.isnan(made.mean)


def test_a_metric_that_a_run_lacks_is_left_out() -> None:
    """What not every run logged is not compared."""
    assert diff_groups({"a": of_losses([1, 2, 3]), "b": [Metrics(run="r")]}) == ()
