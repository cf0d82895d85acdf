"""Where synthetic runs part: levels, bounds, alignment."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from debugstore.analysis.compare import Level
from debugstore.analysis.compare.values import Comparison, Divergence, Series
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from tests.compare.asked import compared, stored
from tests.support.logs import ABSENT, Run

FINGERPRINTS = {
    "fit_start": {"parameter_fingerprint": ABSENT},
    "training_step": {"batch_fingerprint": ABSENT, "sample_labels": ABSENT},
    "gradient_stats": {"gradient_fingerprint": ABSENT},
    "param_updates": {"parameter_fingerprint": ABSENT},
}


def bent_from(step: int, healthy: Any, other: Any) -> Callable[[int], Any]:
    """Return a field's value by step: healthy before a step, other from it on."""
    return lambda at: other if at >= step else healthy


def scaled(run: Run, factor: Callable[[int], float]) -> Run:
    """Return a run that is like another one but for its losses."""
    return Run(run.run_id + "-scaled", steps=run.steps, loss=lambda step: run.true_loss(step) * factor(step))


def pair(memory: Database, folder: Path, a: Run, b: Run, **options: Any) -> Comparison:
    """Compare two runs."""
    stored(memory, folder, [a, b])
    return compared(memory, [a.run_id, b.run_id], **options)


def parting(memory: Database, folder: Path, a: Run, b: Run, **options: Any) -> Divergence:
    """Return where two runs part."""
    return pair(memory, folder, a, b, **options).divergences[0]


def series(part: Divergence, name: str) -> Series:
    """Return one fact's series."""
    (found,) = [one for one in part.series if one.name == name]
    return found


def test_a_run_equals_itself(memory: Database, tmp_path: Path) -> None:
    """The comparison of a run with itself shows no difference of any kind."""
    made = pair(memory, tmp_path, Run("a", steps=60), Run("b", steps=60))
    assert made.equal
    assert made.divergences[0].level is Level.IDENTICAL
    assert not [key for key in made.config if key.differs]
    assert made.findings == ()
    assert made.params == ()
    told = made.to_dict()
    assert told["config_diff"] == []
    assert told["divergence"]["component"] == "none"
    assert told["divergence"]["first_step"] is None


def test_the_first_difference_of_the_loss_is_bounded(memory: Database, tmp_path: Path) -> None:
    """The first common step at which the loss differs is named, with the last one where all is equal."""
    a = Run("a", steps=100)
    part = parting(memory, tmp_path, a, scaled(a, bent_from(35, 1.0, 1.01)))
    loss = series(part, "loss")
    assert (part.level, part.component, part.first_step, part.last_equal_step) == (Level.REAL, "forward", 40, 30)
    assert (loss.first_step, loss.last_equal_step, loss.first_beyond_step) == (40, 30, 40)
    assert loss.differing == 6
    assert loss.max_rel_diff == pytest.approx(0.01 / 1.01)
    assert "between step 30 and step 40" in part.sentence


def test_drift_is_told_from_a_real_difference(memory: Database, tmp_path: Path) -> None:
    """Within the tolerances runs drift, beyond them the difference is real; bits are asked for unless one is given."""
    a = Run("a", steps=100)
    stored(memory, tmp_path, [a, scaled(a, bent_from(40, 1.0, 1 + 1e-6))])
    names = ["a", "a-scaled"]
    drift = compared(memory, names)
    assert drift.divergences[0].level is Level.DRIFT
    assert drift.divergences[0].first_step == 40
    assert drift.divergences[0].first_beyond_step is None
    assert not drift.equal
    assert compared(memory, names, rtol=1e-5).equal
    strict = compared(memory, names, rtol=1e-9)
    assert not strict.equal
    assert strict.divergences[0].level is Level.REAL
    assert compared(memory, names, rtol=0.0, atol=1e-3).equal


def test_where_drift_becomes_real_is_told_apart(memory: Database, tmp_path: Path) -> None:
    """The step where bits differ and the step where numbers do are two steps."""
    a = Run("a", steps=100)
    part = parting(memory, tmp_path, a, scaled(a, lambda step: 1 + 1e-7 * 10 ** (step / 20)))
    assert part.level is Level.REAL
    assert part.first_step == 0
    assert part.first_beyond_step == 50
    assert "from step 50 on" in part.sentence


def test_other_data_is_real_whatever_the_tolerance(memory: Database, tmp_path: Path) -> None:
    """Other labels are other data, not a rounding; another fingerprint alone may be one."""
    a = Run("a", steps=60)
    labels = Run("b", steps=60, bend={"training_step": {"sample_labels": [1] * 10}})
    print_ = Run("c", steps=60, bend={"training_step": {"batch_fingerprint": "00ff"}})
    stored(memory, tmp_path, [a, labels, print_])
    real, drift = (compared(memory, ["a", name], rtol=1.0).divergences[0] for name in "bc")
    assert (real.level, real.component, real.first_step) == (Level.REAL, "data", 0)
    assert (drift.level, drift.component, drift.first_step) == (Level.DRIFT, "data", 0)


def test_a_run_is_compared_with_itself(memory: Database, tmp_path: Path) -> None:
    """The same run named twice is bit-identical."""
    stored(memory, tmp_path, [Run("a", steps=30)])
    made = compared(memory, ["a", "a"])
    assert made.equal
    assert made.to_dict()["config_diff"] == []


def test_the_first_of_several_that_parts_is_the_verdict(memory: Database, tmp_path: Path) -> None:
    """Of several runs the verdict names one that parts, and the JSON's divergence is that one's."""
    stored(memory, tmp_path, [Run("a", steps=30), Run("b", steps=30), Run("c", steps=30, seed=1)])
    made = compared(memory, ["a", "b", "c"])
    assert made.verdict.startswith("c: The configs differ (seed 0 → 1)")
    assert made.to_dict()["divergence"]["run"] == "c"
    assert not made.equal


def test_the_rate_of_any_group_counts(memory: Database, tmp_path: Path) -> None:
    """A second parameter group's learning rate is a learning rate, though the first one's is equal."""
    rates = {"training_step": {"learning_rates": bent_from(20, [0.1, 0.2], [0.1, 0.3])}}
    same = {"training_step": {"learning_rates": [0.1, 0.2]}}
    part = parting(memory, tmp_path, Run("a", steps=60, bend=same), Run("b", steps=60, bend=rates))
    assert (part.level, part.component, part.first_step) == (Level.REAL, "learning_rate", 20)


def test_a_config_that_differs_comes_first(memory: Database, tmp_path: Path) -> None:
    """The config is the component, with the step of its first effect; where results go is never blamed."""
    a = Run("a", steps=60)
    part = parting(memory, tmp_path, a, Run("b", steps=60, peak_lr=3e-3, config={"saving_path": "x"}))
    assert (part.component, part.effect, part.first_step) == ("config", "learning_rate", 1)
    assert part.sentence.startswith("The configs differ (lr 0.001 → 0.003), and the runs part at step 1")


def test_a_config_without_effect_is_said_to_have_none(memory: Database, tmp_path: Path) -> None:
    """Two runs that are equal in everything but a config key stay bit-identical."""
    made = pair(memory, tmp_path, Run("a", steps=60), Run("b", steps=60, config={"workers": 4}))
    assert made.equal
    assert made.divergences[0].component == "none"
    assert "The configs differ (workers absent → 4), without an effect" in made.verdict


def test_without_fingerprints_nothing_is_proved(memory: Database, tmp_path: Path) -> None:
    """Logs without fingerprints are compared by what they have, and the verdict says what that leaves open."""
    bare = [Run(name, steps=60, bend=FINGERPRINTS) for name in "ab"]
    part = parting(memory, tmp_path, *bare)
    assert part.level is Level.IDENTICAL
    assert "No fingerprint tells of: initial weights, data, gradients, weights." in part.sentence


def test_without_data_facts_data_is_a_suspect(memory: Database, tmp_path: Path) -> None:
    """A loss that differs at the first step may come from other data or other weights where neither was logged."""
    bend = {**FINGERPRINTS, "training_step": {**FINGERPRINTS["training_step"], **_NO_INPUT_FACTS}}
    a = Run("a", steps=30, bend=bend)
    b = Run("b", steps=30, bend=bend, loss=lambda step: a.true_loss(step) + 0.1)
    part = parting(memory, tmp_path, a, b)
    assert (part.component, part.first_step, part.exact) == ("forward", 0, False)
    assert set(part.suspects) == {"init", "data"}


_NO_INPUT_FACTS = dict.fromkeys(("num_valid_tokens", "label_entropy", "input_mean", "input_std"), ABSENT)


@pytest.mark.parametrize(("a", "b", "differs"), [(math.nan, math.nan, 0), (math.nan, math.inf, 1), (math.nan, 1.0, 1)])
def test_numbers_that_are_not_finite_are_compared(
    memory: Database, tmp_path: Path, a: float, b: float, differs: int
) -> None:
    """NaN equals NaN and nothing else; it differs from infinity and from any number, beyond any tolerance."""
    values = {"a": a, "b": b}
    runs = [
        Run(name, steps=12, bend={"training_step": {"loss": bent_from(10, 1.0, value)}})
        for name, value in values.items()
    ]
    part = parting(memory, tmp_path, *runs, rtol=10.0)
    assert series(part, "loss").differing == differs
    assert series(part, "loss").first_beyond_step == (10 if differs else None)


def test_a_fact_that_one_run_lacks_is_not_compared(memory: Database, tmp_path: Path) -> None:
    """A fact that only one run logged is no difference: the other has nothing to compare it with."""
    part = parting(
        memory,
        tmp_path,
        Run("a", steps=60),
        Run("b", steps=60, bend={"training_step": {"accuracy": ABSENT}}, without=("gradient_stats",)),
    )
    assert part.level is Level.IDENTICAL
    assert {"accuracy", "total_norm"}.isdisjoint(one.name for one in part.series)


def test_cadences_align_on_common_steps(memory: Database, tmp_path: Path) -> None:
    """Runs of other cadences are compared at the steps that both logged, and the comparison says how many."""
    a, b = Run("a", steps=60), Run("b", steps=60, step_every=15, grad_every=15, update_every=15)
    part = parting(memory, tmp_path, a, b)
    assert part.level is Level.IDENTICAL
    assert part.common_steps == 6  # 0 to 4, and 30
    assert "at all 6 logged steps in common" in part.sentence


def test_a_shorter_run_is_not_equal(memory: Database, tmp_path: Path) -> None:
    """A run that stopped early equals the other on the steps they share, and is not equal to it."""
    made = pair(memory, tmp_path, Run("a", steps=100), Run("b", steps=51, planned_steps=100))
    assert made.divergences[0].level is Level.IDENTICAL
    assert not made.equal
    assert "a ends at step 90, b at step 50." in made.verdict


def test_runs_without_common_steps(memory: Database, tmp_path: Path) -> None:
    """Runs that share no step are neither equal nor different."""
    made = pair(memory, tmp_path, Run("a", steps=5), Run("b", start_step=100, steps=5))
    assert made.divergences[0].level is Level.UNKNOWN
    assert not made.equal
    assert "no logged step in common" in made.verdict


def test_the_rank_that_parts_is_named(memory: Database, tmp_path: Path) -> None:
    """Runs of several ranks are compared rank by rank."""
    bend = {"gradient_stats": {"gradient_fingerprint": bent_from(20, "00", "01")}}
    same = {"gradient_stats": {"gradient_fingerprint": "00"}}
    ranks = [Run("a", steps=30, rank=rank, segment=f"a{rank}", world_size=2, bend=same) for rank in (0, 1)]
    others = [
        Run("b", steps=30, rank=rank, segment=f"b{rank}", world_size=2, bend=bend if rank else same) for rank in (0, 1)
    ]
    stored(memory, tmp_path, [*ranks, *others])
    part = compared(memory, ["a", "b"]).divergences[0]
    assert (part.component, part.first_step, part.first_rank) == ("backward", 20, 1)
    assert "at step 20 on rank 1" in part.sentence


def test_micro_steps_pair_in_their_order(memory: Database, tmp_path: Path) -> None:
    """Rows of one step are compared in the order they came: the first with the first, the second with the second."""
    for name in "ab":
        lines = [
            f'{{"event_type":"training_step","step":{step},"data":{{"loss":{loss + step},"of":"{name}"}}}}\n'
            for step in range(4)
            for loss in (1.0, 2.0)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))
    ingest(memory, [tmp_path])
    part = compared(memory, ["a", "b"]).divergences[0]
    assert part.level is Level.IDENTICAL
    assert series(part, "loss").common == 8


def test_a_superseded_segment_does_not_count(memory: Database, tmp_path: Path) -> None:
    """A resumed run is compared by the rows that count: those its last segment did not repeat."""
    whole = Run("whole", steps=100)
    first = Run(
        "resumed", steps=60, planned_steps=100, segment="s0", status=None, loss=lambda step: _wrong_from(whole, step)
    )
    second = Run("resumed", start_step=45, steps=55, planned_steps=100, segment="s1", started_at=1.9e9)
    stored(memory, tmp_path, [whole, first, second])
    part = compared(memory, ["whole", "resumed"]).divergences[0]
    assert series(part, "loss").differing == 0


def _wrong_from(run: Run, step: int) -> float:
    return run.true_loss(step) + (1.0 if step >= 45 else 0.0)
