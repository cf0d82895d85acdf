"""The zoo itself: its cases, its loop, and how it keeps score."""

import math

import pytest

pytest.importorskip("sklearn", reason="the zoo's images and tables ship with scikit-learn")

import torch

from benchmarks.zoo import ablation, effects, loop, rules
from benchmarks.zoo.answers import CUTS, Answer, Found
from benchmarks.zoo.cases import Case, all_cases
from benchmarks.zoo.effects import Effect
from benchmarks.zoo.families import FAMILIES, TUNING
from benchmarks.zoo.figures import Figures
from benchmarks.zoo.page import page
from benchmarks.zoo.run import Job
from benchmarks.zoo.score import Result, judge, told_apart
from benchmarks.zoo.training import Training
from debugstore.analysis.diagnosis import read_diagnoses
from debugstore.events.types import EVENT_TYPES
from debugstore.store.schema import part_tables

CASES = all_cases()


def _case(name: str) -> Case:
    return next(case for case in CASES if case.id == name)


def _answer(*codes: str, severity: str = "error", explains: tuple[str, ...] = ()) -> Answer:
    return Answer(tuple(Found(code, severity, explains) for code in codes))


def test_the_zoo_is_as_large_as_it_claims() -> None:
    """At least 60 faults, 40 healthy regimes, and four families that no threshold is tuned on."""
    kinds = [case.kind for case in CASES]
    assert kinds.count("fault") >= 60
    assert kinds.count("healthy") >= 40
    assert len(set(FAMILIES) - set(TUNING)) >= 4


def test_every_expected_code_is_a_diagnosis() -> None:
    """A fault that no diagnosis could name would be a miss that nobody can mend."""
    known = set(read_diagnoses())
    assert [case.id for case in CASES if case.codes and not known & set(case.codes)] == []


def test_every_case_says_what_is_wrong() -> None:
    """The page prints one sentence for each case."""
    assert [case.id for case in CASES if not case.says.endswith(".") and not case.says.endswith(":")] == []


@pytest.mark.parametrize("case", [case for case in CASES if case.kind != "healthy"], ids=lambda case: case.id)
def test_every_injection_changes_the_training(case: Case) -> None:
    """An injection replaces a part, the data or the parameters; one that does nothing would be scored as a fault."""
    family = FAMILIES[case.families[0]]
    plain, changed = Training(family, 0), Training(family, 0)
    case.inject(changed)
    assert _differences(plain, changed)


def _differences(plain: Training, changed: Training) -> list[str]:
    replaced = [
        name
        for name in vars(plain)
        if callable(getattr(plain, name)) and _code(getattr(plain, name)) != _code(getattr(changed, name))
    ]
    simple = [
        name
        for name in vars(plain)
        if isinstance(getattr(plain, name), int | str | frozenset | dict | None)
        and getattr(plain, name) != getattr(changed, name)
    ]
    data = [name for name in ("train", "val") if not _same(getattr(plain, name), getattr(changed, name))]
    model = [] if str(plain.model) == str(changed.model) and _same_model(plain, changed) else ["model"]
    return replaced + simple + data + model


def _code(part: object) -> object:
    return getattr(part, "__code__", None)


def _same(one: tuple[torch.Tensor, ...], other: tuple[torch.Tensor, ...]) -> bool:
    return all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(one, other, strict=True))


def _same_model(plain: Training, changed: Training) -> bool:
    one, other = plain.model.state_dict(), changed.model.state_dict()
    frozen = [parameter.requires_grad for parameter in changed.model.parameters()]
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one) and all(frozen)


def test_an_order_is_cut_at_its_brackets() -> None:
    """What stands in brackets is the micro-step."""
    assert loop._cut("Z(FB)CSL") == ("Z", "FB", "CSL")
    assert loop._cut("(ZFB)S") == ("", "ZFB", "S")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_that_never_looks_has_the_quality_of_the_prior(name: str) -> None:
    """Quality is measured against the most frequent label, or the mean."""
    training = Training(FAMILIES[name], 0)
    labels = training.val.y
    if training.family.regression:
        training.forward = lambda _model, x: labels.mean(0).expand(len(x), -1)
    else:
        most = int(labels.flatten().bincount().argmax())
        training.predict = lambda _out: torch.full_like(labels, most)
    assert loop.quality(training, training.model) == pytest.approx(loop.prior(training), abs=1e-6)


@pytest.mark.parametrize(
    ("gain", "by_fact", "expected"),
    [
        (0.5, False, Effect.FAULT),
        (effects.HARMFUL, False, Effect.BORDERLINE),
        (effects.HARMLESS, False, Effect.HARMLESS),
        (1.0, True, Effect.FAULT),
    ],
)
def test_an_injection_counts_where_it_does_harm(gain: float, by_fact: bool, expected: Effect) -> None:
    """A fault by fact counts always, any other by the share of the clean gain that is left."""
    case = next(case for case in CASES if case.kind == "fault" and case.by_fact is by_fact)
    assert effects.effect(case, gain) is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (_answer("learning-rate-zero", "loss-flat"), Result.FIRST),
        (_answer("loss-flat", "learning-rate-zero"), Result.LISTED),
        (_answer("missing-optimizer-step", explains=("learning-rate-zero",)), Result.LISTED),
        (_answer("loss-flat"), Result.SYMPTOM),
        (_answer("loss-flat", "missing-optimizer-step"), Result.FALSE_CAUSE),
        (_answer("missing-optimizer-step", severity="note"), Result.ABSTAINED),
        (_answer(), Result.ABSTAINED),
    ],
)
def test_an_answer_is_judged_by_what_comes_first(answer: Answer, expected: Result) -> None:
    """First, listed, symptom only, another cause, or nothing."""
    assert judge(Job(_case("W09"), "cnn", 0), answer, {}).result is expected


def test_look_alikes_are_told_apart_only_by_the_right_code() -> None:
    """A group's score counts each member's own code, and wants its healthy member quiet."""
    judged = [
        judge(Job(_case("G02"), "cnn", 0), _answer("graph-detached"), {}),
        judge(Job(_case("W03"), "cnn", 0), _answer("graph-detached"), {}),
        judge(Job(_case("G13"), "cnn", 0), _answer("parameters-unused", severity="note"), {}),
    ]
    assert told_apart(judged, ("G02", "G13", "W03")) == (2, 3)


def test_plain_rules_read_curves() -> None:
    """The baseline sees a flat loss and one that is not finite, and nothing in one that falls."""

    def curve(losses: list[float]) -> list[dict[str, object]]:
        return [{"event_type": "training_step", "data": {"loss": loss}} for loss in losses]

    assert rules.fired(curve([1.0] * 20)) == ("loss does not fall",)
    assert rules.fired(curve([1.0, math.nan])) == ("loss not finite",)
    assert rules.fired(curve([2.0 - index / 20 for index in range(20)])) == ()


def test_the_ablation_knows_who_reads_what() -> None:
    """A diagnosis that reads a field, or a part of an event, is asked again when a probe is left out."""
    assert set(ablation.PARTS.values()) == {table.name for table in part_tables}
    assert set(ablation.PARTS) <= set(EVENT_TYPES)
    assert "double-softmax" in ablation.readers(frozenset({("training_step", "row_sum_error")}))
    readers = ablation.readers(frozenset({("activations", "")}))
    assert {"dead-units", "exploding-activations"} <= readers
    assert "double-softmax" not in readers


def test_a_probe_is_left_out_with_its_marks() -> None:
    """A field that is taken out of a log leaves no mark that it was not finite."""
    edit = ablation.without("labels", frozenset({("training_step", "label_max"), ("loop", "")}))
    data = {"loss": None, "label_max": None, "nonfinite": {"loss": "nan", "label_max": "nan"}}
    made = edit.change([[{"event_type": "training_step", "data": data}, {"event_type": "loop", "data": {}}]])
    assert made == [[{"event_type": "training_step", "data": {"loss": None, "nonfinite": {"loss": "nan"}}}]]


def test_a_cut_leaves_what_was_written_by_then() -> None:
    """A log is cut at a moment, over ranks and segments alike."""
    half = next(edit for edit in CUTS if edit.name == "cut-50")
    logs = [[{"timestamp": float(moment)} for moment in moments] for moments in ((0, 1, 2, 3), (2, 3, 4, 5))]
    assert half.change(logs) == [[{"timestamp": 0.0}, {"timestamp": 1.0}, {"timestamp": 2.0}], [{"timestamp": 2.0}]]


def test_the_page_says_what_was_measured() -> None:
    """The page has the goals, a row for the case, and the healthy run's alarm."""
    judged = [
        judge(Job(_case("W09"), "cnn", 0), _answer("learning-rate-zero"), {}),
        judge(Job(_case("H01"), "cnn", 0), _answer("loss-flat", severity="warning"), {}),
    ]
    text = page(Figures(judged=judged, gains={}))
    assert "| the cause is the first finding, families not tuned on | 90 % | 100.0 % (1 of 1) |" in text
    assert "| H01-cnn-0 |" in text
