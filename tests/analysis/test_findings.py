"""From rows to findings: severity, explaining away, thresholds, and diagnoses of one's own."""

from pathlib import Path

import pytest

from debugstore.errors import ArgumentError, QueryError, QueryFileError
from tests.analysis.conftest import Synthetic
from tests.analysis.stores import Asked, ask

HEADER = """-- title: A thing was seen
-- severity: {severity}
-- needs: steps.loss
-- why: It is said here.
-- remedy: Do this.
{more}SELECT {step} AS step, 'thing' AS subject, 1.5 AS observed, 1.0 AS threshold{alone} WHERE :run > 0
"""


def own(folder: Path, code: str, *more: str, severity: str = "error", step: int = 10, alone: str = "") -> None:
    """Write a diagnosis that is found in every run."""
    lines = "".join(f"-- {line}\n" for line in more)
    (folder / f"{code}.sql").write_text(HEADER.format(severity=severity, more=lines, step=step, alone=alone))


def asked(synthetic: Synthetic, folder: Path, name: str = "healthy plain", **options: object) -> Asked:
    database, keys = synthetic
    return ask(database, keys[name], diagnoses_dir=folder, **options)


def test_an_effect_is_listed_under_its_cause(synthetic: Synthetic, tmp_path: Path) -> None:
    """What a cause explains is not beside it but under it, over any number of links."""
    own(tmp_path, "a-cause", "stage: wiring", "explains: b-link")
    own(tmp_path, "b-link", "explains: c-effect")
    own(tmp_path, "c-effect")
    answer = asked(synthetic, tmp_path)
    assert [root.code for root in answer.findings] == ["a-cause"]
    assert answer.findings[0].explains == ("b-link", "c-effect")
    assert [effect.code for effect in answer.findings[0].explained] == ["b-link", "c-effect"]
    assert answer.checks["c-effect"].verdict == "found"


def test_an_effect_tied_to_its_step_does_not_come_before_its_cause(synthetic: Synthetic, tmp_path: Path) -> None:
    """A spike at step 10 has no cause that starts at step 20."""
    own(tmp_path, "a-cause", "explains: b-effect", step=20)
    own(tmp_path, "b-effect", "moment: step", step=10)
    assert {root.code for root in asked(synthetic, tmp_path).findings} == {"a-cause", "b-effect"}
    own(tmp_path, "b-effect", "moment: step", step=20)
    assert {root.code for root in asked(synthetic, tmp_path).findings} == {"a-cause"}


def test_a_symptom_may_be_worth_less_where_nothing_explains_it(synthetic: Synthetic, tmp_path: Path) -> None:
    """Alone it is as severe as its row says; under a cause it is the effect that its header says it is."""
    own(tmp_path, "b-effect", severity="warning", alone=", 'note' AS alone")
    assert [root.severity for root in asked(synthetic, tmp_path).findings] == ["note"]
    own(tmp_path, "a-cause", "explains: b-effect", "without-effect: note")
    (root,) = asked(synthetic, tmp_path).findings
    assert (root.code, root.severity, root.explains) == ("a-cause", "error", ("b-effect",))
    own(tmp_path, "b-effect", severity="warning", alone=", NULL AS alone")
    (tmp_path / "a-cause.sql").unlink()
    assert [root.severity for root in asked(synthetic, tmp_path).findings] == ["warning"]


def test_of_two_that_explain_each_other_the_earlier_one_is_the_cause(synthetic: Synthetic, tmp_path: Path) -> None:
    """An effect named `later` must start after its cause, so that the first of two comes first."""
    own(tmp_path, "a-thing", "moment: step", "explains: b-thing", step=20)
    own(tmp_path, "b-thing", "moment: step", "explains: later a-thing", step=10)
    assert [root.code for root in asked(synthetic, tmp_path).findings] == ["b-thing"]
    own(tmp_path, "b-thing", "moment: step", "explains: later a-thing", step=20)
    assert [root.code for root in asked(synthetic, tmp_path).findings] == ["a-thing"]


def test_a_cause_is_as_severe_as_its_effect_is_seen(synthetic: Synthetic, tmp_path: Path) -> None:
    """With `without-effect` a finding is an error only beside one of its effects, and may be nothing at all."""
    own(tmp_path, "a-cause", "explains: b-effect", "without-effect: note")
    assert asked(synthetic, tmp_path).findings[0].severity == "note"
    own(tmp_path, "b-effect")
    assert asked(synthetic, tmp_path).findings[0].severity == "error"
    own(tmp_path, "a-cause", "explains: c-effect", "without-effect: clear")
    answer = asked(synthetic, tmp_path)
    assert [root.code for root in answer.findings] == ["b-effect"]
    assert answer.checks["a-cause"].verdict == "clear"


def test_worse_comes_first_then_the_earlier_stage(synthetic: Synthetic, tmp_path: Path) -> None:
    """Errors lead; among equals the stage nearer to the root, then the earlier step."""
    own(tmp_path, "a-note", severity="note")
    own(tmp_path, "b-model", "stage: model")
    own(tmp_path, "c-wiring", "stage: wiring")
    own(tmp_path, "d-wiring", "stage: wiring", step=5)
    codes = [root.code for root in asked(synthetic, tmp_path).findings]
    assert codes == ["d-wiring", "c-wiring", "b-model", "a-note"]


def test_a_circle_of_causes_is_refused(synthetic: Synthetic, tmp_path: Path) -> None:
    """Two diagnoses that explain each other without an order in time are a mistake of their authors."""
    own(tmp_path, "a-thing", "explains: b-thing")
    own(tmp_path, "b-thing", "explains: a-thing")
    with pytest.raises(QueryFileError, match="a-thing -> b-thing -> a-thing"):
        asked(synthetic, tmp_path)


def test_one_of_the_same_name_takes_the_place_of_ours(synthetic: Synthetic, tmp_path: Path) -> None:
    """A team may replace a shipped diagnosis."""
    own(tmp_path, "loss-flat")
    answer = asked(synthetic, tmp_path)
    assert [root.title for root in answer.findings] == ["A thing was seen"]


def test_either_signal_will_do(synthetic: Synthetic, tmp_path: Path) -> None:
    """`a | b` in `needs` is satisfied by one of them; a missing signal is named as it is written."""
    own(tmp_path, "a-thing")
    path = tmp_path / "a-thing.sql"
    text = path.read_text()
    path.write_text(text.replace("steps.loss", "loops.step_seconds | steps.loss"))
    assert asked(synthetic, tmp_path, "healthy the loss alone").checks["a-thing"].verdict == "found"
    path.write_text(text.replace("steps.loss", "loops.step_seconds | grads.total_norm, steps.loss"))
    check = asked(synthetic, tmp_path, "healthy the loss alone").checks["a-thing"]
    assert check.verdict == "not_applicable"
    assert check.missing == ("loops.step_seconds | grads.total_norm",)


def test_a_value_that_is_not_finite_is_a_signal(synthetic: Synthetic, tmp_path: Path) -> None:
    """A column that only ever held NaN is there."""
    own(tmp_path, "a-thing")
    assert asked(synthetic, tmp_path, "fires nonfinite-loss").checks["a-thing"].verdict == "found"


@pytest.mark.parametrize("need", ["steps.los", "stepss.loss"])
def test_a_signal_that_cannot_be_is_refused(synthetic: Synthetic, tmp_path: Path, need: str) -> None:
    """A typing error in `needs` is no missing signal."""
    own(tmp_path, "a-thing")
    path = tmp_path / "a-thing.sql"
    path.write_text(path.read_text().replace("steps.loss", need))
    with pytest.raises(QueryError, match=need):
        asked(synthetic, tmp_path)


def test_a_threshold_can_be_changed(synthetic: Synthetic) -> None:
    """The value given takes the default's place, in the answer, the evidence and the check."""
    database, keys = synthetic
    run = keys["fires exploding-gradients"]
    answer = ask(database, run, thresholds={"exploding-gradients.limit": 2000})
    assert answer.checks["exploding-gradients"].verdict == "clear"
    assert answer.checks["exploding-gradients"].thresholds == {"limit": 2000}
    answer = ask(database, run, thresholds={"exploding-gradients.limit": 900})
    found = next(root for root in answer.findings if root.code == "exploding-gradients")
    assert found.threshold == 900
    assert "> 900" in found.evidence_sql


@pytest.mark.parametrize(
    ("thresholds", "reason"),
    [
        ({"exploding-gradient.limit": 1}, "did you mean exploding-gradients"),
        ({"exploding-gradients.limits": 1}, "has no threshold 'limits': it has limit"),
        ({"exploding-gradients.limit": "high"}, "must be a number, got 'high'"),
        ({"exploding-gradients.limit": True}, "must be a number, got True"),
    ],
)
def test_a_wrong_threshold_is_refused(synthetic: Synthetic, thresholds: dict[str, object], reason: str) -> None:
    """A threshold that does not exist says which do."""
    database, keys = synthetic
    with pytest.raises(ArgumentError, match=reason):
        ask(database, keys["healthy plain"], thresholds=thresholds)


def test_only_asks_what_is_named(synthetic: Synthetic) -> None:
    """One code gives one check; its severity is still judged by its effects."""
    database, keys = synthetic
    answer = ask(database, keys["fires learning-rate-too-high"], only=["learning-rate-too-high"])
    assert list(answer.checks) == ["learning-rate-too-high"]
    assert [(root.code, root.severity) for root in answer.findings] == [("learning-rate-too-high", "error")]
    with pytest.raises(ArgumentError, match="did you mean learning-rate-too-high"):
        ask(database, keys["healthy plain"], only=["learning-rate-to-high"])


def test_since_step_leaves_earlier_rows_out(synthetic: Synthetic) -> None:
    """A finding counts from the step on that is asked for."""
    database, keys = synthetic
    run = keys["fires nonfinite-loss"]
    found = ask(database, run, since_step=200).findings[0]
    assert (found.code, found.first_step, found.last_step, found.count) == ("nonfinite-loss", 200, 390, 20)
    assert ask(database, keys["fires exploding-gradients"], since_step=200).findings == ()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("stage: nowhere", "'stage' is one of"),
        ("without-effect: sometimes", "'without-effect' is one of"),
        ("message: {nothing} was seen", "no place 'nothing'"),
        ("colour: red", "no key 'colour'"),
        ("confidence: very", "'confidence' is one of"),
    ],
)
def test_a_wrong_header_is_refused(synthetic: Synthetic, tmp_path: Path, more: str, reason: str) -> None:
    """A diagnosis that says something impossible names its file and the reason."""
    own(tmp_path, "a-thing", more)
    with pytest.raises(QueryFileError, match=rf"a-thing\.sql: .*{reason}"):
        asked(synthetic, tmp_path)


def test_a_diagnosis_needs_its_keys_and_columns(synthetic: Synthetic, tmp_path: Path) -> None:
    """Title, severity, needs, why and remedy must be said, parameters declared, and the columns be the four."""
    path = tmp_path / "a-thing.sql"
    own(tmp_path, "a-thing")
    good = path.read_text()
    for wrong, reason in (
        (good.replace("-- remedy: Do this.\n", ""), "lacks '-- remedy"),
        (good.replace(":run > 0", ":run > :much"), "binds :much"),
        (good.replace("1.5 AS observed, ", ""), "its columns are step, subject, observed, threshold"),
    ):
        path.write_text(wrong)
        with pytest.raises(QueryFileError, match=reason):
            asked(synthetic, tmp_path)
