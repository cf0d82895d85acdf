"""The figures of a report against the same figures counted from the log, and what it concludes."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest

from debugstore.analysis.report import Report, State, report
from debugstore.errors import RunNotFoundError
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from tests.analysis.bends import Logs, bent, flat, from_step, grown, ranks, resumed
from tests.analysis.fires import FIRES
from tests.analysis.silent import HEALTHY
from tests.support.logs import Run, write_logs

Reported = Callable[..., Report]


@pytest.fixture
def reported(memory: Database, tmp_path: Path) -> Reported:
    """Ingest the logs of one run and report on it."""

    def ask(*logs: Run, **options: Any) -> Report:
        ingest(memory, write_logs(tmp_path, logs))
        with memory.read() as connection:
            return report(connection, 1, **options)

    return ask


def facts(run: Run, event_type: str, field: str) -> list[Any]:
    """Return a field of every such event of a log."""
    return [event["data"].get(field) for event in run.events() if event["event_type"] == event_type]


def test_progression_is_by_epoch(reported: Reported) -> None:
    """Each epoch has its first, last and mean loss, accuracy and learning rate."""
    run = Run()
    made = reported(run).progression
    steps = [event for event in run.events() if event["event_type"] == "training_step"]
    assert [row["epoch"] for row in made] == [0, 1, 2, 3]
    for row in made:
        of_epoch = [event["data"] for event in steps if event["epoch"] == row["epoch"]]
        assert row["steps"] == len(of_epoch)
        assert row["num_nonfinite"] == 0
        for name in ("loss", "accuracy"):
            values = [data[name] for data in of_epoch]
            assert (row[f"{name}_first"], row[f"{name}_last"]) == (values[0], values[-1])
            assert row[f"{name}_mean"] == pytest.approx(fmean(values))
        assert row["learning_rate_first"] == of_epoch[0]["learning_rate"]
        assert row["learning_rate_last"] == of_epoch[-1]["learning_rate"]


def test_a_loss_that_is_not_finite_stays_one(reported: Reported) -> None:
    """An epoch that ends in NaN says NaN, counts how often, and its mean is that of the others."""
    made = reported(*bent(loss=from_step(150, math.nan, 2.0))).progression
    assert math.isnan(made[1]["loss_last"])
    assert made[1]["num_nonfinite"] == 5
    assert made[1]["loss_mean"] == 2.0
    assert made[3]["loss_mean"] is None


def test_improvement_compares_ten_with_ten(reported: Reported) -> None:
    """The means of the first and the last ten logged steps, and the best loss and where it was."""
    run = Run()
    losses = facts(run, "training_step", "loss")
    accuracies = facts(run, "training_step", "accuracy")
    steps = [event["step"] for event in run.events() if event["event_type"] == "training_step"]
    made = reported(run).improvement
    assert (made["num_first"], made["num_last"], made["num_losses"]) == (10, 10, len(losses))
    assert made["loss_first"] == pytest.approx(fmean(losses[:10]))
    assert made["loss_last"] == pytest.approx(fmean(losses[-10:]))
    assert made["accuracy_last"] == pytest.approx(fmean(accuracies[-10:]))
    assert made["loss_best"] == min(losses)
    assert made["loss_best_step"] == steps[losses.index(min(losses))]


@pytest.mark.parametrize(("steps", "side"), [(1, 1), (2, 1), (3, 1), (5, 2), (60, 5)])
def test_a_short_run_is_halved(reported: Reported, steps: int, side: int) -> None:
    """With fewer than twenty logged steps no step stands on both sides."""
    made = reported(Run(steps=steps)).improvement
    assert (made["num_first"], made["num_last"]) == (side, side)


def test_gradients_are_counted(reported: Reported) -> None:
    """Range, mean, median and ends of the total norm are those of the log; so are the parameters' means."""
    run = Run()
    norms = facts(run, "gradient_stats", "total_norm")
    clipped = facts(run, "gradient_stats", "clipped_norm")
    made = reported(run).gradients
    assert (made["total_norm_min"], made["total_norm_max"]) == (min(norms), max(norms))
    assert made["total_norm_mean"] == pytest.approx(fmean(norms))
    assert made["total_norm_median"] == pytest.approx(median(norms))
    assert made["total_norm_first"] == pytest.approx(fmean(norms[:10]))
    assert made["total_norm_last"] == pytest.approx(fmean(norms[-10:]))
    share = sum(one < 0.999 * other for one, other in zip(clipped, norms, strict=True)) / len(norms)
    assert made["clipped_share"] == pytest.approx(share)
    lists = facts(run, "gradient_stats", "top_10_grad_norms")
    by_name = {row["name"]: row["norm_mean"] for row in made["params"]}
    assert by_name["head.weight"] == pytest.approx(fmean(one["head.weight"] for one in lists))
    assert list(by_name.values()) == sorted(by_name.values(), reverse=True)


def test_updates_are_counted(reported: Reported) -> None:
    """Ratios, weights and parameters are those of the measured steps."""
    run = Run()
    ratios = facts(run, "param_updates", "update_ratio")
    made = reported(run).updates
    assert (made["update_ratio_min"], made["update_ratio_max"]) == (min(ratios), max(ratios))
    assert made["update_ratio_last"] == ratios[-1]
    assert made["steps"] == len(ratios)
    assert made["num_still_steps"] == 1  # the warm-up starts at zero
    assert {row["name"] for row in made["params"]} == set(run.params)


def test_the_curve_has_a_point_a_bucket(reported: Reported) -> None:
    """However long the run, a curve has at most sixty points, and marks what is not finite."""
    made = reported(*bent(steps=2000, loss=from_step(1500, math.nan, 2.0))).curve
    assert len(made) == 60
    assert made[0]["first_step"] == 0
    assert made[-1]["last_step"] == 1990
    assert sum(row["num_nonfinite"] for row in made) == 50


def test_segments_and_superseded_steps(reported: Reported) -> None:
    """A resume that repeats steps shows both segments; only the later one's steps count."""
    first, second = resumed(start_step=150, steps=250)
    made = reported(first, second)
    assert [(row["first_step"], row["status"]) for row in made.segments] == [(0, "interrupted"), (150, "completed")]
    assert made.segments[0]["superseded_from"] == 150
    assert made.run["num_superseded_steps"] == 5
    assert made.run["num_segments"] == 2
    assert made.run["num_logged_steps"] == 5 + 14 + 4 + 25


def test_ranks_side_by_side(reported: Reported) -> None:
    """Two ranks are one run: the means are over both, and each has its own row."""
    logs = ranks(step={"loss": 3.0})
    made = reported(*logs)
    assert [row["rank"] for row in made.ranks] == [0, 1]
    assert made.ranks[1]["loss_mean"] == pytest.approx(3.0)
    of_epoch = facts(logs[0], "training_step", "loss")[: made.progression[0]["steps"]]
    assert made.progression[0]["loss_mean"] == pytest.approx((fmean(of_epoch) + 3.0) / 2)


def test_one_rank_has_no_row(reported: Reported) -> None:
    """A run of one rank is not compared with itself."""
    assert reported(Run()).ranks == ()


def test_cost_is_the_loggers_share(reported: Reported) -> None:
    """What the logger took is said as its share of the time."""
    made = reported(Run()).cost
    assert made["logger_share"] == pytest.approx(0.005)
    assert made["step_seconds_mean"] == pytest.approx(0.04)


def test_since_step_leaves_the_beginning_out(reported: Reported) -> None:
    """Every section counts from that step on."""
    made = reported(Run(), since_step=200)
    assert made.run["first_step"] == 200
    assert [row["epoch"] for row in made.progression] == [2, 3]
    assert made.gradients["steps"] == 20
    assert made.curve[0]["first_step"] == 200
    assert made.improvement["num_losses"] == 20


@pytest.mark.parametrize(
    ("logs", "state", "words"),
    [
        (HEALTHY["plain"], State.LEARNING, "the loss fell from"),
        (HEALTHY["very short"], State.CANNOT_TELL, "3 losses are logged, a trend needs 12"),
        (HEALTHY["cut inside the warm-up"], State.LEARNING, "the loss fell from"),
        (bent(loss=flat(0.3)), State.CANNOT_TELL, "no diagnosis says why"),
        (FIRES["learning-rate-zero"], State.NOT_LEARNING, "the learning rate is zero"),
        (FIRES["nonfinite-loss"], State.NOT_LEARNING, "the loss is NaN or infinite"),
        (FIRES["missing-zero-grad"], State.LEARNING, "but gradients are never cleared"),
        (FIRES["training-failed"], State.LEARNING, "but the training ended by an exception"),
        (bent(loss=grown(20), updates={"update_ratio": 0.3}), State.NOT_LEARNING, "the learning rate is too high"),
        (bent(loss=flat(3.5)), State.NOT_LEARNING, "the loss does not fall"),
    ],
)
def test_it_concludes(reported: Reported, logs: Logs, state: State, words: str) -> None:
    """The first line says whether the run learns, and if not, the root of it."""
    conclusion = reported(*logs).conclusion
    assert conclusion.state == state
    assert words in conclusion.line
    assert conclusion.line.startswith(str(state))


def test_the_json_has_what_is_promised(reported: Reported) -> None:
    """The keys that programs rely on are there, root causes first, and a check for every diagnosis."""
    made = reported(*bent(loss=grown(20), updates={"update_ratio": 0.3})).to_dict()
    assert {"run", "progression", "improvement", "gradients", "updates", "sanity", "findings", "checks"} <= set(made)
    assert made["run"]["run_id"] == "baseline"
    assert made["run"]["config"]["batch_size"] == 64
    finding = made["findings"][0]
    assert finding["code"] == "learning-rate-too-high"
    assert set(finding) >= {
        *("code", "severity", "title", "first_step", "last_step", "count", "subject", "observed", "threshold"),
        *("why", "remedy", "evidence_sql", "explains"),
    }
    assert "loss-diverging" in finding["explains"]
    assert {check["verdict"] for check in made["checks"]} == {"found", "clear", "not_applicable"}
    assert all(check["missing"] for check in made["checks"] if check["verdict"] == "not_applicable")
    json.dumps(made)


def test_a_log_of_the_loss_alone_is_reported(reported: Reported) -> None:
    """What a log does not have is left empty, not an error."""
    made = reported(*HEALTHY["the loss alone"])
    assert made.conclusion.state == State.LEARNING
    assert made.gradients["steps"] == 0
    assert made.sanity == {}


def test_a_log_without_a_step_is_reported(reported: Reported) -> None:
    """A run that never came to a step says so."""
    made = reported(Run(without=("training_step", "gradient_stats", "param_updates", "loop")))
    assert made.conclusion.line == "cannot tell because 0 losses are logged, a trend needs 12"
    assert made.progression == ()


def test_a_run_that_is_not_there(memory: Database) -> None:
    """A wrong key is an error."""
    with memory.read() as connection, pytest.raises(RunNotFoundError):
        report(connection, 7)
