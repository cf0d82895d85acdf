"""The norm of a sample of the weights: which numbers are read, and when what was prepared for it is made anew."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from debugstore import DebugLogger
from tests.support.training import events


def by_hand(parameters: list[Tensor]) -> float:
    """Add up the squares of the numbers that count, one by one."""
    squares = 0.0
    for parameter in parameters:
        numbers = parameter.detach().flatten().tolist()
        size = len(numbers)
        apart = size // 32 - 1 + size // 32 % 2
        spread = [place * apart + inner for place in range(32) for inner in range(32)]
        squares += sum(numbers[place] ** 2 for place in (range(size) if size < 2048 else spread))
    return squares**0.5


def model(kind: torch.memory_format = torch.contiguous_format) -> nn.Module:
    """Return a model with small parameters and large ones, of which one may lie in memory in another order."""
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(16, 33, 3), nn.Flatten(), nn.Linear(33, 77), nn.Linear(77, 3))
    return made.to(memory_format=kind)


@pytest.mark.parametrize("kind", [torch.contiguous_format, torch.channels_last])
def test_the_sample_is_of_places_spread_over_each_parameter(tmp_path: Path, kind: torch.memory_format) -> None:
    """Small parameters count whole, of larger ones 32 times 32 numbers; the order in memory makes no difference."""
    net = model(kind)
    with DebugLogger(net, torch.optim.SGD(net.parameters(), 0.1), log_dir=tmp_path) as log:
        log.training_step(torch.tensor(1.0))
    (step,) = events(log, "training_step")
    assert step["data"]["weight_sample_norm"] == pytest.approx(by_hand(list(net.parameters())), rel=1e-6)
    whole = sum(parameter.square().sum().item() for parameter in net.parameters()) ** 0.5
    assert step["data"]["weight_norm"] == pytest.approx(whole, rel=1e-6)
    assert abs(step["data"]["weight_sample_norm"] - whole) > 0.01


def test_it_follows_the_parameters_wherever_they_lie(tmp_path: Path) -> None:
    """A change in place, new memory, a frozen layer: each step's sample is of what is trained then, as it is then."""
    net = model()
    told = []
    with DebugLogger(net, torch.optim.SGD(net.parameters(), 0.1), log_dir=tmp_path) as log, torch.no_grad():
        for change in ("nothing", "in place", "memory", "frozen", "order"):
            if change == "in place":
                net[2].weight.mul_(1.5)
            if change == "memory":
                net[3].weight.data = net[3].weight * 2
            if change == "frozen":
                net[0].requires_grad_(False)
            if change == "order":
                net[2].weight.data = net[2].weight.t().contiguous().t()
            told.append(by_hand([parameter for parameter in net.parameters() if parameter.requires_grad]))
            log.training_step(torch.tensor(1.0))
    logged = [event["data"]["weight_sample_norm"] for event in events(log, "training_step")]
    assert logged == pytest.approx(told, rel=1e-6)


def test_a_small_change_of_a_small_parameter_shows(tmp_path: Path) -> None:
    """One bias beside large weights, moved by a millionth of itself, moves the norm of the sample of all."""
    net = model()
    told = []
    with DebugLogger(net, torch.optim.SGD(net.parameters(), 0.1), log_dir=tmp_path) as log, torch.no_grad():
        net[0].weight.mul_(1000)
        for _ in range(3):
            log.training_step(torch.tensor(1.0))
            told.append(by_hand(list(net.parameters())))
            net[3].bias[0] *= 1 + 1e-6
    logged = [event["data"]["weight_sample_norm"] for event in events(log, "training_step")]
    assert len(set(logged)) == 3
    assert [b - a for a, b in pairwise(logged)] == pytest.approx([b - a for a, b in pairwise(told)], rel=0.1)


def test_samples_of_many_parameters_are_joined_in_parts(tmp_path: Path) -> None:
    """More parameters than are read as one, of two dtypes and both kinds of sample: each counts once."""
    torch.manual_seed(0)
    net = nn.ModuleList(nn.Linear(47, 45) for _ in range(70))
    for layer in net[::3]:
        layer.double()
    with DebugLogger(net, torch.optim.SGD(net.parameters(), 0.1), log_dir=tmp_path) as log:
        log.training_step(torch.tensor(1.0))
    (step,) = events(log, "training_step")
    assert step["data"]["weight_sample_norm"] == pytest.approx(by_hand(list(net.parameters())), rel=1e-12)
