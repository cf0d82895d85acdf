"""Labels, outputs, inputs, modes, activations, validation and the start, each against a slow computation."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from debugstore import DebugLogger
from tests.support.training import CLASSES, batch, events, small_model


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


def test_modes_are_counted_where_something_trains(tmp_path: Path) -> None:
    """Dropout and norm modules in eval mode count, but not a frozen norm, and not a dropout of zero."""
    model = nn.Sequential(
        nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Dropout(0.0), nn.BatchNorm1d(8), nn.Linear(8, 5)
    )
    for parameter in model[4].parameters():
        parameter.requires_grad_(False)
    found = {}
    for mode in (True, False):
        model.train(mode)
        with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path) as log:
            log.training_step(model(batch(0)[0]).sum())
        data = events(log, "training_step")[0]["data"]
        found[mode] = (data["num_eval_modules"], data["num_mode_modules"])
    assert found == {True: (0, 3), False: (2, 3)}
    assert events(log, "fit_start")[0]["data"]["max_dropout"] == 0.5


def test_activations_are_those_of_a_plain_forward(tmp_path: Path) -> None:
    """Spread, extremes and never active units over the first five steps agree with a forward by hand."""
    model = small_model()
    with torch.no_grad():
        model[0].bias[:4] = -50.0
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    active = torch.zeros(12, dtype=torch.bool)
    with DebugLogger(model, optimizer, log_dir=tmp_path, num_classes=CLASSES) as log:
        for step in range(8):
            x, y = batch(step)
            hidden = model[1](model[0](x)).detach() if step < 5 else None
            if step == 0:
                log.fit_start()
            loss = functional.cross_entropy(model(x), y)
            log.training_step(loss)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if hidden is not None:
                active |= (hidden != 0).any(0)
                last = hidden
    lines = events(log, "activations")
    assert [line["step"] for line in lines] == [0, 1, 2, 3, 4]
    relu = lines[-1]["data"]["modules"]["1"]
    assert (relu["type"], relu["forward_idx"], relu["num_nonfinite"]) == ("ReLU", 1, 0)
    assert relu["std"] == pytest.approx(last.std(correction=0).item(), rel=1e-5)
    assert relu["abs_max"] == last.abs().max().item()
    assert relu["inactive_share"] == pytest.approx(1 - active.float().mean().item())
    assert lines[-1]["data"]["modules"]["2"]["input_inactive_share"] == relu["inactive_share"] > 0.3


@pytest.mark.parametrize("shape", [(3, 700, 96), (9, 4, 80, 80)])
def test_of_large_outputs_the_first_rows_are_looked_at(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Rows of channels or whole samples, up to 2^17 numbers for ranges and 2^14 for the spread, one at least."""
    torch.manual_seed(2)
    x = torch.randn(shape)
    images = len(shape) == 4
    model = nn.Conv2d(4, 6, 1) if images else nn.Linear(96, 96)
    made = model(x).detach()
    rows = made if images else made.flatten(0, 1)
    wide, narrow = (rows[: max(1, most // rows[0].numel())] for most in (2**17, 2**14))
    assert len(narrow) < len(wide) < len(rows)
    with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path) as log:
        log.training_step(model(x).sum())
    data = events(log, "activations")[0]["data"]["modules"][""]
    assert data["abs_max"] == pytest.approx(wide.abs().max().item(), rel=1e-5)
    assert data["std"] == pytest.approx(narrow.std(correction=0).item(), rel=1e-4)
    assert (data["inactive_share"], data["num_nonfinite"]) == (0, 0)


def test_saturated_units_are_counted(tmp_path: Path) -> None:
    """The share of tanh outputs beyond 0.99 is that of a forward by hand."""
    model = nn.Sequential(nn.Linear(8, 30), nn.Tanh(), nn.Linear(30, CLASSES))
    with torch.no_grad():
        model[0].weight.mul_(10)
    x, y = batch(0)
    share = (model[:2](x).abs() > 0.99).float().mean().item()
    with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path) as log:
        log.training_step(functional.cross_entropy(model(x), y))
    modules = events(log, "activations")[0]["data"]["modules"]
    assert modules["1"]["saturated_share"] == pytest.approx(share, abs=1e-6)
    assert 0.1 < share < 1
    assert "saturated_share" not in modules["0"]


def test_activations_come_back_rarely(tmp_path: Path) -> None:
    """After the first steps a window of four steps ends at the hundredth, and between them no module has a hook."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    hooked = []
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        for step in range(102):
            x, y = batch(step)
            hooked.append(bool(model[0]._forward_hooks))
            loss = functional.cross_entropy(model(x), y)
            log.training_step(loss)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert [line["step"] for line in events(log, "activations")] == [0, 1, 2, 3, 4, 100]
    assert [step for step, armed in enumerate(hooked) if armed] == [0, 1, 2, 3, 4, 97, 98, 99, 100]


def test_validation_forwards_are_counted_by_mode_and_compared_with_training(tmp_path: Path) -> None:
    """Forwards without gradient count since the last validation; samples seen in logged batches overlap."""
    model = nn.Sequential(nn.Linear(8, 12), nn.Dropout(0.1), nn.Linear(12, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        x, y = batch(0)
        log.training_step(functional.cross_entropy(model(x), y), inputs=x)
        fresh = batch(77)[0]
        with torch.no_grad():
            model(torch.cat([x[:4], fresh[:12]]))
        log.validation(loss=1.0)
        model.eval()
        with torch.no_grad():
            model(fresh)
            model(fresh + 1)
        log.validation(loss=2.0, accuracy=0.5, f1=0.25)
    first, second = (line["data"] for line in events(log, "validation"))
    assert (first["num_forwards"], first["num_train_mode_forwards"], first["overlap_share"]) == (1, 1, 0.25)
    assert (second["num_forwards"], second["num_train_mode_forwards"], second["overlap_share"]) == (2, 0, 0)
    seen = torch.cat([fresh, fresh + 1])
    assert second["input_mean"] == pytest.approx(seen.mean().item(), rel=1e-4)
    assert second["input_std"] == pytest.approx(seen.std(correction=0).item(), rel=1e-4)
    assert (second["loss"], second["accuracy"], second["f1"]) == (2.0, 0.5, 0.25)


def test_samples_without_a_label_do_not_overlap(tmp_path: Path) -> None:
    """Of a batch with fewer labels than samples nobody knows which were trained: none of them counts as seen."""
    model = small_model()
    with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path) as log:
        for labelled in (15, 16):
            x, y = batch(0)
            loss = functional.cross_entropy(model(x)[:labelled], y[:labelled])
            log.training_step(loss, labels=y[:labelled], inputs=x)
            with torch.no_grad():
                model(x)
            log.validation(loss=1.0)
    assert [line["data"].get("overlap_share") for line in events(log, "validation")] == [None, 1]


def test_the_start_knows_constant_weights_and_what_was_resumed(tmp_path: Path) -> None:
    """Zero and constant matrices, the optimizer's and the scheduler's steps are counted before the first step."""
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, CLASSES))
    nn.init.zeros_(model[1].weight)
    nn.init.constant_(model[2].weight, 0.01)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    for step in range(7):
        if step == 3:
            with DebugLogger(model, optimizer, log_dir=tmp_path, scheduler=scheduler, start_step=3) as log:
                log.fit_start()
        functional.cross_entropy(model(batch(step)[0]), batch(step)[1]).backward()
        optimizer.step()
        scheduler.step()
    data = events(log, "fit_start")[0]["data"]
    assert (data["optimizer_step_count"], data["num_params_with_state"], data["scheduler_step_count"]) == (3, 6, 3)
    assert (data["num_zero_params"], data["num_constant_params"]) == (0, 0)
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, CLASSES))
    nn.init.zeros_(model[1].weight)
    nn.init.constant_(model[2].weight, 0.01)
    with DebugLogger(model, torch.optim.Adam(model.parameters()), log_dir=tmp_path) as log:
        log.fit_start()
    data = events(log, "fit_start")[0]["data"]
    assert (data["num_zero_params"], data["num_constant_params"], data["optimizer_step_count"]) == (1, 2, 0)


@pytest.mark.parametrize(
    ("make", "steps", "restarts"),
    [
        (lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 90), 90, False),
        (lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=80), 80, True),
        (lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [10, 70]), 70, False),
        (lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda _: 1.0), None, False),
        (
            lambda o: torch.optim.lr_scheduler.SequentialLR(
                o,
                [
                    torch.optim.lr_scheduler.LinearLR(o, total_iters=10),
                    torch.optim.lr_scheduler.CosineAnnealingLR(o, 50),
                ],
                [10],
            ),
            60,
            False,
        ),
    ],
    ids=["cosine", "one-cycle", "multi-step", "lambda", "sequential"],
)
def test_the_schedule_says_its_length_where_its_class_knows_it(
    tmp_path: Path, make: Any, steps: int | None, restarts: bool
) -> None:
    """`scheduler_steps` is the step at which the schedule has run its course; null where there is none."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=tmp_path, scheduler=make(optimizer)) as log:
        log.fit_start()
    data = events(log, "fit_start")[0]["data"]
    assert (data["scheduler_steps"], data["scheduler_restarts"]) == (steps, restarts)


def test_any_probe_can_be_switched_off(tmp_path: Path) -> None:
    """A name with a minus is left out, names without one are the only ones, and neither touches the rest."""

    def kinds(probes: list[str]) -> set[str]:
        model = small_model()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        x, y = batch(0)
        with DebugLogger(model, optimizer, log_dir=tmp_path, probes=probes) as log:
            loss = functional.cross_entropy(model(x), y)
            log.training_step(loss, labels=y, inputs=x)
            loss.backward()
            optimizer.step()
        return {line["event_type"] for line in events(log)}

    base = {"fit_start", "training_step", "fit_end"}
    assert kinds(["gradients"]) == base | {"gradient_stats"}
    assert kinds(["-gradients", "-activations", "-wiring"]) == base | {"data_sanity_check", "param_updates", "loop"}


def test_every_probe_states_its_cost() -> None:
    """A probe has a name that is its file's, and says what it takes."""
    from debugstore.logger.probes import CLASSES as KINDS

    for kind in KINDS:
        assert kind.__module__.rpartition(".")[2] == kind.name
        assert len(kind.cost) > 10
    assert len({kind.name for kind in KINDS}) == len(KINDS)
