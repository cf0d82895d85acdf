"""`param_updates` of large parameters, of which a sample is looked at: against all their numbers, in double."""

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from debugstore import DebugLogger
from debugstore.logger.samples import MANY, sampled
from tests.support.training import events

Stepped = tuple[dict[str, Any], dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]


class Tagger(nn.Module):
    """An embedding, a recurrent layer and a convolution: matrices of three kinds, large and small tensors."""

    def __init__(self, words: int = 3000) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.embed = nn.Embedding(words, 48)
        self.recurrent = nn.GRU(48, 90, batch_first=True)
        self.mix = nn.Conv1d(90, 120, 3, padding=1)
        self.head = nn.Linear(120, 31)

    def forward(self, words: Tensor) -> Tensor:
        """Return (N, T, 31) logits of (N, T) words."""
        states, _ = self.recurrent(self.embed(words))
        return self.head(self.mix(states.transpose(1, 2)).relu().transpose(1, 2))


def stepped(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, words: Tensor) -> Stepped:
    """Do one logged step; return its `param_updates`, and parameters before, after and their gradients, in double."""
    labels = words % 31
    with DebugLogger(model, optimizer, log_dir=folder, num_classes=31) as log:
        logits = model(words)
        loss = functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())
        log.training_step(loss, logits=logits, labels=labels, inputs=words)
        loss.backward()
        before = {name: parameter.detach().double() for name, parameter in model.named_parameters()}
        before = {name: values.clone() for name, values in before.items()}
        grads = {n: p.grad.to_dense().double() for n, p in model.named_parameters() if p.grad is not None}
        optimizer.step()
    after = {name: parameter.detach().double() for name, parameter in model.named_parameters()}
    return events(log, "param_updates")[0]["data"], before, after, grads


def one_step(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, loss_of: Callable[[], Tensor]) -> Any:
    """Do one logged step on a loss; return its `param_updates`."""
    with DebugLogger(model, optimizer, log_dir=folder) as log:
        loss = loss_of()
        log.training_step(loss)
        loss.backward()
        optimizer.step()
    return events(log, "param_updates")[0]["data"]


def flat(values: Iterable[Tensor]) -> Tensor:
    """Return tensors as one vector."""
    return torch.cat([value.flatten() for value in values])


OPTIMIZERS: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "sgd": lambda model: torch.optim.SGD(model.parameters(), 0.3),
    "sgd with decay": lambda model: torch.optim.SGD(model.parameters(), 0.1, weight_decay=0.01),
    "adamw": lambda model: torch.optim.AdamW(model.parameters(), 1e-3),
    "rmsprop": lambda model: torch.optim.RMSprop(model.parameters(), 1e-3),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_sample_tells_how_far_large_parameters_moved(tmp_path: Path, name: str, dtype: torch.dtype) -> None:
    """What comes from all numbers is exact; what comes from the sample is within a few per cent of that."""
    model = Tagger().to(dtype)
    words = torch.randint(0, 3000, (24, 40), generator=torch.Generator().manual_seed(1))
    data, before, after, grads = stepped(tmp_path, model, OPTIMIZERS[name](model), words)
    moved = flat(after.values()) - flat(before.values())
    assert data["weight_norm"] == pytest.approx(flat(before.values()).norm().item(), rel=1e-5)
    assert data["update_norm"] == pytest.approx(moved.norm().item(), rel=0.05)
    assert data["update_ratio"] == pytest.approx((moved.norm() / flat(before.values()).norm()).item(), rel=0.05)
    cosine = functional.cosine_similarity(moved, -flat(grads.values()), dim=0).item()
    assert data["update_gradient_cosine"] == pytest.approx(cosine, abs=0.03)
    changes = {n: (after[n] - before[n]).abs().mean().item() for n in before}
    largest = sorted(changes.values(), reverse=True)[:10]
    assert sorted(data["top_10_param_changes"].values(), reverse=True) == pytest.approx(largest, rel=0.2, abs=1e-9)
    for param, change in data["top_10_param_changes"].items():
        small = before[param].numel() < 8192
        assert change == pytest.approx(changes[param], rel=2e-3 if small else 0.2, abs=1e-9), param
    shares = {n: (after[n] != before[n]).double().mean().item() for n in before}
    surely, at_all = (sum(share > least for share in shares.values()) for least in (0.01, 0))
    assert surely <= data["num_params_updated"] <= at_all  # of one in ten thousand a sample may see none
    assert (data["num_params_total"], data["num_nonfinite_params"]) == (len(before), 0)
    touched = flat(grads.values()) != 0
    changed = (moved != 0)[touched].float().mean().item()
    assert data["share_entries_changed"] == pytest.approx(changed, abs=0.03)


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_outside_the_sample_count_as_moved_if_anything_else_moved(tmp_path: Path, sparse: bool) -> None:
    """An embedding of which one row is used: a step of plain gradient descent leaves most blocks of it as they were."""
    torch.manual_seed(0)
    embed, head = nn.Embedding(200_000, 8, sparse=sparse), nn.Linear(8, 31)
    model = nn.Sequential(embed, head)
    unseen = torch.full((1, 1), 100_003)
    for folder, rate, updated in (("moves", 0.5, 3), ("stays", 0.0, 0)):
        optimizer = torch.optim.SGD(model.parameters(), rate)
        data, before, after, _ = stepped(tmp_path / folder, model, optimizer, unseen)
        assert bool((after["0.weight"] != before["0.weight"]).any()) == (rate > 0)
        assert "0.weight" not in data["top_10_param_changes"] or data["top_10_param_changes"]["0.weight"] == 0
        assert (data["num_params_updated"], data["no_updates"]) == (updated, updated == 0)
        optimizer.zero_grad()


def test_an_untouched_large_parameter_does_not_count_as_moved(tmp_path: Path) -> None:
    """One that has no gradient, and one whose gradient is zero, stay; what moves is told from them."""
    model = nn.ModuleDict({name: nn.Linear(200, 200, bias=False) for name in ("used", "silent", "unused")})
    x = torch.randn(8, 200)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    data = one_step(tmp_path, model, optimizer, lambda: (model["used"](x) + 0 * model["silent"](x)).square().mean())
    assert (data["num_params_updated"], data["num_params_total"]) == (1, 3)


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_one_sick_entry_outside_every_sample_is_counted_and_named(tmp_path: Path, poison: float) -> None:
    """All numbers are looked at for that; the first in model order is named, though large ones are measured apart."""
    model = nn.Sequential(nn.Linear(300, 300), nn.Linear(300, 300), nn.Linear(300, 5))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    place = 300 * 150 + 150
    large, small = model[1].weight, model[2].bias
    samples = sampled(torch.arange(large.numel()), MANY)
    assert place not in samples

    def spoil(*_: Any) -> None:
        large.data.view(-1)[place] = poison
        small.data[3] = poison

    optimizer.register_step_post_hook(spoil)  # before the logger's, which is registered later
    data = one_step(tmp_path, model, optimizer, lambda: model(torch.ones(2, 300)).sum())
    assert (data["num_nonfinite_params"], data["first_nonfinite_param"]) == (2, "1.weight")
    assert data["num_params_updated"] == 6
    assert data["update_norm"] is None  # NaN or infinite: the small one is looked at whole


def test_numbers_whose_squares_overflow_have_finite_norms(tmp_path: Path) -> None:
    """Large parameters of 1e25 move by 1e24: far beyond what single precision can square."""
    layer = nn.Linear(200, 200, bias=False)
    layer.weight.data.fill_(1e25)
    optimizer = torch.optim.SGD([layer.weight], 0.1)
    with DebugLogger(layer, optimizer, log_dir=tmp_path) as log:
        log.training_step(torch.tensor(1.0))
        layer.weight.grad = torch.full_like(layer.weight, 1e25)
        optimizer.step()
    data = events(log, "param_updates")[0]["data"]
    assert data["update_norm"] == pytest.approx(200 * 1e24, rel=1e-3)
    assert data["weight_norm"] == pytest.approx(200 * 1e25, rel=1e-5)


def test_a_parameter_whose_memory_is_in_another_order_is_looked_at_whole(tmp_path: Path) -> None:
    """A large convolution in channels-last: every fact is exact."""
    torch.manual_seed(0)
    model = nn.Conv2d(64, 64, 3).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    x = torch.randn(2, 64, 8, 8)
    before = flat(parameter.detach().double() for parameter in model.parameters()).clone()
    data = one_step(tmp_path, model, optimizer, lambda: model(x).square().mean())
    moved = flat(parameter.detach().double() for parameter in model.parameters()) - before
    assert data["update_norm"] == pytest.approx(moved.norm().item(), rel=1e-4)


def test_an_optimizer_that_holds_nothing_trainable_updates_nothing(tmp_path: Path) -> None:
    """Its step is still one, and says so."""
    model, other = nn.Linear(4, 2), nn.Linear(4, 2)
    optimizer = torch.optim.SGD(other.parameters(), 0.1)
    data = one_step(tmp_path, model, optimizer, lambda: model(torch.ones(1, 4)).sum())
    assert (data["num_params_updated"], data["num_params_total"], data["no_updates"]) == (0, 2, True)
    assert data["update_norm"] == 0
