"""The gradient and update probes against slow computations on copies of the tensors."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from debugstore import DebugLogger
from tests.support.training import batch, do_step, events, small_model, train


class Witness:
    """Copies gradients and parameters by plain loops at the same moments as the logger."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def gradients(self) -> dict[str, Tensor]:
        """Return copies of the gradients in double precision."""
        return {
            n: p.grad.detach().to_dense().double().clone()
            for n, p in self.model.named_parameters()
            if p.grad is not None
        }

    def parameters(self) -> dict[str, Tensor]:
        """Return copies of the parameters."""
        return {n: p.detach().clone() for n, p in self.model.named_parameters()}


def flat(tensors: Any) -> Tensor:
    """Return all entries as one vector."""
    return torch.cat([t.reshape(-1).double() for t in tensors])


def watched_step(
    folder: Path, optimizer: torch.optim.Optimizer, model: nn.Module, clip: float | None = None
) -> dict[str, Any]:
    """Train three steps; return the last step's events and what a witness saw of it."""
    witness = Witness(model)
    seen: dict[str, Any] = {}
    with DebugLogger(model, optimizer, log_dir=folder, num_classes=5) as log:
        for step in range(3):
            x, y = batch(step)
            loss = functional.cross_entropy(model(x), y)
            log.training_step(loss)
            loss.backward()
            seen["raw"] = witness.gradients()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            seen["clipped"] = witness.gradients()
            seen["before"] = witness.parameters()
            optimizer.step()
            seen["after"] = witness.parameters()
            optimizer.zero_grad()
    for kind in ("gradient_stats", "param_updates"):
        seen[kind] = events(log, kind)[-1]["data"]
    return seen


def test_norms_and_extremes_are_those_of_a_slow_computation(tmp_path: Path) -> None:
    """Total, clipped, largest, smallest and per-parameter norms agree with double precision."""
    model = small_model()
    seen = watched_step(tmp_path, torch.optim.SGD(model.parameters(), 0.1), model, clip=0.05)
    data, raw, clipped = seen["gradient_stats"], seen["raw"], seen["clipped"]
    everything = flat(raw.values())
    assert data["total_norm"] == pytest.approx(everything.norm().item(), rel=1e-5)
    assert data["clipped_norm"] == pytest.approx(flat(clipped.values()).norm().item(), rel=1e-5)
    assert data["clipped_norm"] == pytest.approx(0.05, rel=1e-3)
    assert data["max_grad"] == pytest.approx(everything.abs().max().item(), rel=1e-6)
    assert data["min_grad"] == pytest.approx(everything.abs().min().item(), rel=1e-6)
    norms = {name: grad.norm().item() for name, grad in raw.items()}
    assert data["top_10_grad_norms"] == pytest.approx(norms, rel=1e-5)
    assert list(data["top_10_grad_norms"]) == sorted(norms, key=norms.__getitem__, reverse=True)
    assert list(data["bottom_10_grad_norms"]) == sorted(norms, key=norms.__getitem__)
    assert (data["num_params_with_grad"], data["num_params_total"]) == (4, 4)
    assert (data["num_zero_grad"], data["num_nonfinite"]) == (0, 0)
    assert data["entry_norm"] == 0
    assert data["loss_gradient"] == 1


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_updates_are_those_of_a_slow_computation(tmp_path: Path, weight_decay: float) -> None:
    """Norms, ratio, share, cosine and decay of one optimizer step agree with double precision."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, weight_decay=weight_decay)
    seen = watched_step(tmp_path, optimizer, model)
    data, before, after, raw = seen["param_updates"], seen["before"], seen["after"], seen["raw"]
    change = {name: after[name].double() - before[name].double() for name in before}
    weights, moved = flat(before.values()), flat(change.values())
    assert data["weight_norm"] == pytest.approx(weights.norm().item(), rel=1e-5)
    assert data["update_norm"] == pytest.approx(moved.norm().item(), rel=1e-4)
    assert data["update_ratio"] == pytest.approx((moved.norm() / weights.norm()).item(), rel=1e-4)
    assert data["decay_norm"] == pytest.approx(0.1 * weight_decay * weights.norm().item(), rel=1e-5)
    cosine = functional.cosine_similarity(moved, -flat(raw[n] for n in before), dim=0).item()
    assert data["update_gradient_cosine"] == pytest.approx(cosine, abs=1e-4)
    means = {name: c.abs().mean().item() for name, c in change.items()}
    assert data["top_10_param_changes"] == pytest.approx(means, rel=1e-4)
    ratios = {name: (change[name].norm() / before[name].double().norm()).item() for name in before}
    assert data["top_10_update_ratios"] == pytest.approx(ratios, rel=1e-4)
    assert (data["num_params_updated"], data["num_params_total"], data["no_updates"]) == (4, 4, False)
    touched = flat(raw[n] for n in before) != 0
    changed = flat(before.values()) != flat(after.values())
    assert data["share_entries_changed"] == pytest.approx((changed & touched).sum().item() / touched.sum().item())


def test_an_update_too_small_for_the_dtype_is_seen_as_none(tmp_path: Path) -> None:
    """Bits decide what changed: a learning rate of zero changes nothing."""
    model = small_model()
    data = watched_step(tmp_path, torch.optim.SGD(model.parameters(), 0.0), model)["param_updates"]
    assert (data["num_params_updated"], data["no_updates"], data["update_norm"]) == (0, True, 0)
    assert data["share_entries_changed"] == 0
    assert "update_gradient_cosine" not in data


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_sick_gradients_are_counted_and_named(tmp_path: Path, poison: float) -> None:
    """One bad entry is one tensor, named; the largest finite entry is not spoilt, the norm says what it is."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def spoil(grad: Tensor) -> Tensor:
        grad = grad.clone()
        grad.view(-1)[0] = poison
        grad.view(-1)[1] = 123.0
        return grad

    model[2].weight.register_hook(spoil)
    with DebugLogger(model, optimizer, log_dir=tmp_path, num_classes=5) as log:
        for step in range(2):
            do_step(log, model, optimizer, step)
    first = events(log, "gradient_stats")[0]["data"]
    assert (first["num_nonfinite"], first["first_nonfinite_param"]) == (1, "2.weight")
    assert first["max_grad"] == 123.0
    assert first["total_norm"] is None
    assert first["nonfinite"]["total_norm"] == ("nan" if math.isnan(poison) else "inf")
    assert first["top_10_grad_norms"]["2.weight"] is None
    update = events(log, "param_updates")[0]["data"]
    assert (update["num_nonfinite_params"], update["first_nonfinite_param"]) == (1, "2.weight")


def test_a_gradient_sick_in_every_entry_leaves_the_extremes_of_the_others(tmp_path: Path) -> None:
    """Large gradients that are all NaN or infinite are counted and named, in model order; the others' extremes stay."""
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1200), nn.Linear(1200, 8))
    model[0].weight.register_hook(lambda grad: torch.full_like(grad, 7.0))
    model[1].weight.register_hook(lambda grad: torch.full_like(grad, math.inf))
    model[2].weight.register_hook(lambda grad: torch.full_like(grad, math.nan))
    with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path) as log:
        loss = model(batch(0)[0]).mean()
        log.training_step(loss)
        loss.backward()
    data = events(log, "gradient_stats")[0]["data"]
    assert (data["num_nonfinite"], data["first_nonfinite_param"]) == (2, "1.weight")
    assert (data["max_grad"], data["nonfinite"]["total_norm"]) == (7.0, "nan")


def test_tied_weights_count_once(tmp_path: Path) -> None:
    """A tensor of two names has one norm in the totals, under the first of them."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
    model[2].weight = model[0].weight
    seen = watched_step(tmp_path, torch.optim.SGD(model.parameters(), 0.1), model)
    data, update = seen["gradient_stats"], seen["param_updates"]
    assert set(data["top_10_grad_norms"]) == set(update["top_10_param_changes"]) == {"0.weight", "0.bias", "2.bias"}
    assert data["num_params_total"] == update["num_params_total"] == 3
    assert data["total_norm"] == pytest.approx(flat(seen["raw"].values()).norm().item(), rel=1e-5)
    moved = flat(seen["after"].values()) - flat(seen["before"].values())
    assert update["update_norm"] == pytest.approx(moved.norm().item(), rel=1e-4)


def test_gradients_oftener_than_losses_and_updates_leave_some_facts_to_those(tmp_path: Path) -> None:
    """Gradients at every step: what they held before comes with the loss, what the optimizer saw with updates too."""
    all_steps = {"step_every": 1, "update_every": 1}
    both, rare = (
        train(tmp_path / name, steps=16, grad_every=1, **every)[1]
        for name, every in (("a", all_steps), ("b", {"step_every": 7, "update_every": 9}))
    )
    every = [line["data"] for line in events(both, "gradient_stats")]
    some = [line["data"] for line in events(rare, "gradient_stats")]
    assert len(every) == len(some) == 16
    for field, steps in (
        ("entry_norm", [0, 1, 2, 3, 4, 7, 14]),
        ("clipped_norm", [0, 1, 2, 3, 4, 7, 9, 14]),
        ("max_grad", [0, 1, 2, 3, 4]),
        ("min_grad", [0, 1, 2, 3, 4]),
    ):
        assert {step: data[field] for step, data in enumerate(some) if field in data} == {
            step: every[step][field] for step in steps
        }
    assert all(data["clipped_norm"] > 0 for data in every)
    assert [data["total_norm"] for data in some] == [data["total_norm"] for data in every]


def test_norms_beyond_single_precision_are_not_infinite(tmp_path: Path) -> None:
    """Finite entries of 1e25 have a finite norm, though their squares overflow."""
    model = small_model()
    model[0].weight.register_hook(lambda grad: torch.full_like(grad, 1e25))
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    seen = watched_step(tmp_path, optimizer, model)
    assert seen["gradient_stats"]["num_nonfinite"] == 0
    assert seen["gradient_stats"]["total_norm"] == pytest.approx(1e25 * math.sqrt(96), rel=1e-5)
    assert seen["gradient_stats"]["clipped_norm"] == pytest.approx(1e25 * math.sqrt(96), rel=1e-5)


def test_a_gradient_that_is_zero_is_counted(tmp_path: Path) -> None:
    """A tensor whose every entry is zero counts; one without a gradient does not count as having one."""
    model = small_model()
    model[0].bias.register_hook(torch.zeros_like)
    model[2].bias.requires_grad_(False)
    data = watched_step(tmp_path, torch.optim.SGD(model.parameters(), 0.1), model)["gradient_stats"]
    assert (data["num_zero_grad"], data["num_params_with_grad"], data["num_params_total"]) == (1, 3, 3)


def test_sparse_gradients_are_measured(tmp_path: Path) -> None:
    """A sparse embedding gradient with repeated rows has the norm of its dense form."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.EmbeddingBag(20, 6, sparse=True, mode="sum"), nn.Linear(6, 5))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    ids = torch.tensor([[1, 1, 2], [3, 1, 2], [5, 5, 5]])
    with DebugLogger(model, optimizer, log_dir=tmp_path, num_classes=5) as log:
        for _ in range(2):
            loss = functional.cross_entropy(model(ids), torch.tensor([0, 1, 2]))
            log.training_step(loss, inputs=ids)
            loss.backward()
            dense = flat(Witness(model).gradients().values())
            optimizer.step()
            optimizer.zero_grad()
    data = events(log, "gradient_stats")[-1]["data"]
    assert data["total_norm"] == pytest.approx(dense.norm().item(), rel=1e-5)
    assert events(log, "param_updates")[-1]["data"]["num_params_updated"] == 3
    assert not events(log, "logger_error")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_precisions_are_measured(tmp_path: Path, dtype: torch.dtype) -> None:
    """Norms of half and double precision parameters agree with double precision."""
    model = small_model().to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=tmp_path, num_classes=5) as log:
        x, y = batch(0)
        logits = model(x.to(dtype))
        loss = functional.cross_entropy(logits, y)
        log.training_step(loss, logits=logits, labels=y, inputs=x.to(dtype))
        loss.backward()
        dense = flat(Witness(model).gradients().values())
        optimizer.step()
    data = events(log, "gradient_stats")[0]["data"]
    assert data["total_norm"] == pytest.approx(dense.norm().item(), rel=1e-4)
    assert events(log, "training_step")[0]["data"]["loss"] == loss.item()
    assert events(log, "param_updates")[0]["data"]["update_norm"] > 0
    assert not events(log, "logger_error")


def test_the_path_for_other_devices_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where looking at a number would wait for the device, every gradient is read more often, to the same end."""
    from debugstore.logger import readback
    from debugstore.logger.probes import gradients

    grads = [torch.tensor([1.0, math.nan, -7.0]), torch.tensor([2.0, 3.0]), torch.zeros(3), torch.full((2,), 1e-30)]
    seen = []
    for on_host in (True, False):
        monkeypatch.setattr(torch.Tensor, "is_cpu", on_host)
        facts = readback.resolve(gradients.extremes(grads, gradients.norms(grads)))
        sick, zero = [True, False, False, False], [False, False, True, False]
        assert (list(facts["sick"]), list(facts["zero"])) == (sick, zero)
        seen.append((max(facts["largest"]), min(facts["smallest"])))
    assert seen == [(7.0, 0.0), (7.0, 0.0)]
