"""Labels, outputs and inputs of a batch, each against a slow computation."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from debugstore import DebugLogger
from tests.support.training import events, small_model


def one_step(
    folder: Path, logits: Tensor, labels: Tensor | None, inputs: Tensor | None = None, **options: Any
) -> dict[str, Any]:
    """Log one step that shows these tensors; return its `training_step` data."""
    model = small_model()
    with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=folder, **options) as log:
        log.training_step(logits.float().sum(), logits=logits, labels=labels, inputs=inputs)
    assert not events(log, "logger_error")
    return {**events(log, "training_step")[0]["data"], "log": log}


def entropy(labels: list[int]) -> float:
    """Return the entropy of a histogram in nats, by counting."""
    return -sum(n / len(labels) * math.log(n / len(labels)) for n in Counter(labels).values())


@pytest.mark.parametrize("form", ["flat", "last", "second"])
def test_predictions_follow_either_convention_of_shapes(tmp_path: Path, form: str) -> None:
    """(N, C), (N, T, C) and (N, C, T) logits give the same accuracy, predictions and cross entropy."""
    torch.manual_seed(3)
    logits, labels = torch.randn(4, 6, 7), torch.randint(0, 7, (4, 6))
    labels[0, :3] = -100
    shaped = {"flat": logits.reshape(-1, 7), "last": logits, "second": logits.transpose(1, 2)}[form]
    data = one_step(tmp_path, shaped, labels.reshape(-1) if form == "flat" else labels, num_classes=7)
    valid = labels.reshape(-1) != -100
    chosen = logits.reshape(-1, 7).argmax(1)
    assert data["accuracy"] == pytest.approx((chosen == labels.reshape(-1))[valid].float().mean().item())
    assert data["sample_predictions"] == chosen[:10].tolist()
    assert data["sample_labels"] == labels.reshape(-1)[:10].tolist()
    assert data["cross_entropy"] == pytest.approx(
        functional.cross_entropy(logits.reshape(-1, 7), labels.reshape(-1)).item(), rel=1e-5
    )
    assert data["top_prediction_share"] == pytest.approx(max(Counter(chosen.tolist()).values()) / 24)
    assert data["target_shape"] == list(shaped.shape)


def test_labels_are_counted_as_by_hand(tmp_path: Path) -> None:
    """Range, entropy, majority share and ignored count leave out what is ignored."""
    labels = torch.tensor([3, 1, 1, -100, 4, 1, -100, 0])
    data = one_step(tmp_path, torch.randn(8, 5), labels, num_classes=5)
    valid = [3, 1, 1, 4, 1, 0]
    assert (data["label_min"], data["label_max"], data["num_valid_tokens"], data["num_ignored"]) == (0, 4, 6, 2)
    assert data["label_entropy"] == pytest.approx(entropy(valid), rel=1e-5)
    assert data["label_majority_share"] == pytest.approx(0.5)
    sanity = events(data["log"], "data_sanity_check")[0]["data"]
    assert (sanity["labels_valid"], sanity["num_out_of_range"], sanity["expected_max"]) == (True, 0, 4)
    assert (sanity["num_valid"], sanity["num_ignored"]) == (6, 2)


@pytest.mark.parametrize("ignored", [0, 3, 12])
def test_labels_and_outputs_are_described_alike_where_the_host_cannot_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: int
) -> None:
    """On the host labels are counted by histogram, elsewhere by a sort, and sums are put together otherwise."""
    torch.manual_seed(9)
    logits, labels = torch.randn(12, 7), torch.randint(2, 7, (12,))
    labels[:ignored] = -100
    found = []
    for on_host in (True, False):
        monkeypatch.setattr(torch.Tensor, "is_cpu", on_host)
        data = one_step(tmp_path / str(on_host), logits.relu(), labels, num_classes=7)
        left_out = ("log", "allocated_bytes")
        found.append({key: value for key, value in data.items() if key not in left_out})
    assert found[0].keys() == found[1].keys()
    for key, value in found[0].items():
        assert found[1][key] == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value), key


def test_labels_out_of_range_are_counted(tmp_path: Path) -> None:
    """Labels below zero and from num_classes on are out of range; ignored ones are not."""
    labels = torch.tensor([5, -1, -100, 2])
    sanity = events(one_step(tmp_path, torch.randn(4, 5), labels, num_classes=5)["log"], "data_sanity_check")[0]["data"]
    assert (sanity["labels_valid"], sanity["num_out_of_range"]) == (False, 2)
    assert (sanity["label_min"], sanity["label_max"]) == (-1, 5)


def test_a_batch_without_a_valid_label_has_no_range(tmp_path: Path) -> None:
    """All labels ignored: counts say so, what has no value is null."""
    data = one_step(tmp_path, torch.randn(4, 5), torch.full((4,), -100), num_classes=5)
    assert (data["num_valid_tokens"], data["num_ignored"]) == (0, 4)
    assert (data["label_min"], data["label_entropy"], data["accuracy"]) == (None, None, None)


def test_without_num_classes_the_range_is_not_judged(tmp_path: Path) -> None:
    """No number of classes, no verdict: null, not true."""
    log = one_step(tmp_path, torch.randn(4, 5), torch.tensor([0, 1, 2, 3]))["log"]
    sanity = events(log, "data_sanity_check")[0]["data"]
    assert (sanity["labels_valid"], sanity["expected_max"], sanity["num_out_of_range"]) == (None, None, None)
    assert (sanity["label_min"], sanity["label_max"]) == (0, 3)


def test_real_labels_have_a_variance(tmp_path: Path) -> None:
    """Regression targets have a range and a variance, and no accuracy."""
    labels = torch.tensor([1.0, 2.0, 4.0, 9.0])
    data = one_step(tmp_path, torch.randn(4, 1), labels)
    assert data["label_variance"] == pytest.approx(labels.var(correction=0).item())
    assert (data["label_min"], data["label_max"], data["accuracy"]) == (1, 9, None)
    assert (data["target_shape"], data["labels_shape"]) == ([4, 1], [4])


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4), (2, 1)])
def test_the_variance_of_real_labels_is_what_the_best_constant_answer_leaves(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    """Each output has its own mean: the variance is over samples, its mean over outputs."""
    torch.manual_seed(5)
    labels = torch.randn(shape) + 100 * torch.arange(shape[1]).reshape(1, -1, *[1] * (len(shape) - 2))
    data = one_step(tmp_path, torch.zeros(shape), labels)
    columns = list(zip(*(sample.flatten().tolist() for sample in labels), strict=True))
    left = [sum((value - sum(column) / len(column)) ** 2 for value in column) / len(column) for column in columns]
    assert data["label_variance"] == pytest.approx(sum(left) / len(left), rel=1e-3)


@pytest.mark.parametrize(
    ("outputs", "labels"), [((6, 3), (6, 3)), ((6, 1), (6,)), ((6,), (6, 1)), ((6,), (6,)), ((2, 3, 4), (2, 3, 4))]
)
def test_the_error_of_real_outputs_pairs_each_with_its_label(
    tmp_path: Path, outputs: tuple[int, ...], labels: tuple[int, ...]
) -> None:
    """The mean squared error is over pairs; (N, 1) outputs meet (N,) labels one by one and are not broadcast."""
    torch.manual_seed(6)
    made, wanted = torch.randn(outputs), torch.randn(labels)
    data = one_step(tmp_path, made, wanted)
    pairs = list(zip(made.flatten().tolist(), wanted.flatten().tolist(), strict=True))
    assert data["mean_squared_error"] == pytest.approx(sum((a - b) ** 2 for a, b in pairs) / len(pairs), rel=1e-5)


@pytest.mark.parametrize("labels", [torch.randn(6, 2), torch.randn(3), torch.zeros(6, dtype=torch.long)])
def test_outputs_without_labels_of_their_shape_have_no_error(tmp_path: Path, labels: Tensor) -> None:
    """Other shapes, or classes for labels: there is no squared error to speak of."""
    assert "mean_squared_error" not in one_step(tmp_path, torch.randn(6, 3), labels)


def test_the_sums_of_columns_are_over_all_samples(tmp_path: Path) -> None:
    """A softmax over the batch is seen in (N, T, C) outputs, and in more rows than the other facts look at."""
    torch.manual_seed(7)
    tall = torch.randn(40, 3, 1000)
    for name, logits in (("wide", torch.randn(4, 6, 5)), ("tall", tall), ("turned", tall.transpose(1, 2))):
        labels = torch.zeros(logits.shape[:2] if name != "turned" else (40, 3), dtype=torch.long)
        data = one_step(tmp_path / name, logits.softmax(0), labels)
        assert data["column_sum_error"] < 1e-5 < data["row_sum_error"]
    data = one_step(tmp_path / "plain", torch.ones(4, 6, 5), torch.zeros(4, 6, dtype=torch.long))
    assert data["column_sum_error"] == pytest.approx(3.0)


def test_the_form_of_the_outputs(tmp_path: Path) -> None:
    """Range, spread, zeros, row and column sums agree with plain tensor calls; a softmax has row sums of one."""
    logits = torch.randn(6, 5).relu()
    data = one_step(tmp_path / "a", logits, torch.zeros(6, dtype=torch.long))
    assert data["output_min"] == logits.min().item()
    assert data["output_max"] == logits.max().item()
    assert data["output_std"] == pytest.approx(logits.std(correction=0).item(), rel=1e-5)
    assert data["output_sample_std"] == pytest.approx(logits.std(0, correction=0).mean().item(), rel=1e-5)
    assert data["output_zero_share"] == pytest.approx((logits == 0).float().mean().item())
    assert data["row_sum_error"] == pytest.approx((1 - logits.sum(1)).abs().mean().item(), rel=1e-5)
    assert data["column_sum_error"] == pytest.approx((1 - logits.sum(0)).abs().mean().item(), rel=1e-5)
    assert data["output_width"] == 5
    rows = one_step(tmp_path / "b", logits.softmax(1), torch.zeros(6, dtype=torch.long))
    columns = one_step(tmp_path / "c", logits.softmax(0), torch.zeros(6, dtype=torch.long))
    assert rows["row_sum_error"] < 1e-6 < rows["column_sum_error"]
    assert columns["column_sum_error"] < 1e-6 < columns["row_sum_error"]


def test_nonfinite_outputs_do_not_spoil_the_range(tmp_path: Path) -> None:
    """NaN and infinite logits are counted; the smallest and largest finite ones stay."""
    logits = torch.tensor([[1.0, math.nan], [-2.0, math.inf]])
    data = one_step(tmp_path, logits, torch.tensor([0, 0]))
    assert (data["num_nonfinite_outputs"], data["output_min"], data["output_max"]) == (2, -2.0, 1.0)


def test_inputs_are_described(tmp_path: Path) -> None:
    """Mean, spread, largest entry and what is not finite of floating inputs; only the dtype of others."""
    inputs = torch.randn(6, 3, 4) * 7 + 2
    data = one_step(tmp_path / "a", torch.randn(6, 2), None, inputs)
    assert data["input_mean"] == pytest.approx(inputs.mean().item(), rel=1e-4)
    assert data["input_std"] == pytest.approx(inputs.std(correction=0).item(), rel=1e-4)
    assert data["input_abs_max"] == inputs.abs().max().item()
    assert data["input_sample_std"] == pytest.approx(inputs.std(0, correction=0).mean().item(), rel=1e-4)
    assert (data["num_nonfinite_inputs"], data["input_dtype"]) == (0, "float32")
    inputs[0, 0, 0] = math.nan
    data = one_step(tmp_path / "b", torch.randn(6, 2), None, inputs)
    assert data["num_nonfinite_inputs"] == 1
    assert data["input_abs_max"] > 0
    data = one_step(tmp_path / "c", torch.randn(6, 2), None, torch.ones(6, 3, dtype=torch.uint8))
    assert data["input_dtype"] == "uint8"
    assert "input_mean" not in data


def test_labels_that_are_the_inputs_match(tmp_path: Path) -> None:
    """Targets of a language model that were not shifted equal the inputs."""
    ids = torch.arange(12).reshape(2, 6)
    data = one_step(tmp_path, torch.randn(2, 6, 12), ids, ids)
    assert data["label_input_match"] == 1


def test_how_much_labels_depend_on_inputs(tmp_path: Path) -> None:
    """It is what sets of pairs count, over the labels that are valid as they are and half a batch away."""
    rng = torch.Generator().manual_seed(3)
    ids = torch.randint(0, 5, (8, 16), generator=rng)
    labels = (ids + torch.randint(0, 2, ids.shape, generator=rng)) % 5
    labels[torch.rand(labels.shape, generator=rng) < 0.2] = -100
    data = one_step(tmp_path / "a", torch.randn(8, 16, 5), labels, ids)
    x, y = ids.flatten().tolist(), labels.flatten().tolist()
    away = y[64:] + y[:64]
    counted = [i for i in range(128) if y[i] != -100 != away[i]]
    pairs, by_chance = ({(x[i], other[i]) for i in counted} for other in (y, away))
    # torch counts where a sorted list changes: the pairs left out are one more kind of pair, on both sides
    assert data["label_input_dependence"] == pytest.approx((len(by_chance) - len(pairs)) / len(counted), abs=1e-6)
    assert data["label_input_dependence"] > 0.05
    labels[4:] = -100
    assert one_step(tmp_path / "b", torch.randn(8, 16, 5), labels, ids)["label_input_dependence"] is None
