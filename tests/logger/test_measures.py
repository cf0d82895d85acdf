"""Seconds, memory, the graph, the scaler and fingerprints in the log, against clocks, the system and plain loops."""

import gc
import re
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from debugstore import DebugLogger
from debugstore.logger import tensors
from tests.logger.test_fingerprints import slow
from tests.support.training import batch, by_step, do_step, events, small_model

SLEEP = {"data": 0.05, "forward": 0.04, "backward": 0.03, "optimizer": 0.02}
SLACK = 0.03


class Slow(nn.Module):
    """The small model with a forward and a backward that take their time."""

    def __init__(self) -> None:
        super().__init__()
        self.net = small_model()

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(SLEEP["forward"])
        made: Tensor = self.net(x)
        made.register_hook(lambda _: time.sleep(SLEEP["backward"]))
        return made


class SlowSGD(torch.optim.SGD):
    """SGD that takes its time."""

    def step(self, closure: Any = None) -> Any:
        time.sleep(SLEEP["optimizer"])
        return super().step(closure)


def test_seconds_are_those_of_a_loop_that_sleeps(tmp_path: Path) -> None:
    """Each part of a step takes as long as it sleeps, and the step as long as all of them."""
    model = Slow()
    optimizer = SlowSGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        for step in range(5):
            time.sleep(SLEEP["data"])
            do_step(log, model, optimizer, step)
    loops = by_step(log, "loop")
    for name, slept in SLEEP.items():
        found = sorted(loops[step][f"{name}_seconds"] for step in range(1, 4))
        assert found[0] >= 0.95 * slept
        assert found[0] < slept + SLACK  # the quickest of three: a machine is shared
    assert min(loops[step]["step_seconds"] for step in range(1, 4)) == pytest.approx(sum(SLEEP.values()), abs=2 * SLACK)


def count(node: Any, seen: set[Any]) -> int:
    """Count the nodes behind one, by recursion."""
    if node is None or node in seen:
        return 0
    seen.add(node)
    return 1 + sum(count(following, seen) for following, _ in node.next_functions)


def test_the_graph_and_the_memory_are_as_a_walk_and_the_system_say(tmp_path: Path) -> None:
    """Nodes of the loss's graph, the resident memory now and at its peak, the norm of the weights."""
    model = small_model()
    x, y = batch(0)
    weights = sum(value**2 for p in model.parameters() for value in p.flatten().tolist()) ** 0.5
    with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path) as log:
        loss = functional.cross_entropy(model(x), y) + model[0].weight.square().sum()
        log.training_step(loss)
    step, wiring, loop = (events(log, kind)[0]["data"] for kind in ("training_step", "wiring", "loop"))
    assert step["graph_nodes"] == wiring["graph_nodes"] == count(loss.grad_fn, set())
    assert step["weight_norm"] == pytest.approx(weights, rel=1e-5)
    status = Path("/proc/self/status").read_text()
    now, peak = (int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024 for name in ("VmRSS", "VmHWM"))
    assert step["allocated_bytes"] == pytest.approx(now, rel=0.05)
    assert loop["peak_bytes"] == pytest.approx(peak, rel=0.05)


def test_the_scaler_s_state_is_that_of_the_step(tmp_path: Path) -> None:
    """The scale is logged as it was when the step began, though it grows between steps."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    with DebugLogger(model, optimizer, log_dir=tmp_path, scaler=scaler) as log:
        scales = []
        for step in range(4):
            loss = functional.cross_entropy(model(batch(step)[0]), batch(step)[1])
            log.training_step(loss)
            scales.append(scaler.get_scale())
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
    scales[0] = 8.0
    for kind in ("gradient_stats", "training_step"):
        logged = [data.get("loss_scale") for data in by_step(log, kind).values()]
        assert logged[1:] == scales[1:] == [16.0, 32.0, 64.0]


def test_fingerprints_in_the_log_are_those_of_a_slow_sum(tmp_path: Path) -> None:
    """Of the inputs, the gradients before clipping, the parameters and the buffers after the step."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8, dtype=torch.float32), nn.Linear(8, 5))
    del model[1].num_batches_tracked
    model[1].num_batches_tracked = None
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    first = slow(list(model.parameters()))
    expected: dict[str, list[int]] = {"batch": [], "gradient": [], "parameter": [], "buffer": []}
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        for step in range(3):
            x, y = batch(step)
            loss = functional.cross_entropy(model(x), y)
            log.training_step(loss, inputs=x)
            loss.backward()
            expected["gradient"].append(slow([p.grad for p in model.parameters() if p.grad is not None]))
            nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            optimizer.step()
            expected["batch"].append(slow([x]))
            expected["parameter"].append(slow(list(model.parameters())))
            expected["buffer"].append(slow(list(model.buffers())))
    assert int(events(log, "fit_start")[0]["data"]["parameter_fingerprint"], 16) == first
    kinds = {
        "batch": "training_step",
        "gradient": "gradient_stats",
        "parameter": "param_updates",
        "buffer": "param_updates",
    }
    for name, kind in kinds.items():
        found = [int(data[f"{name}_fingerprint"], 16) for data in by_step(log, kind).values()]
        assert found == expected[name]


@pytest.mark.parametrize("has_numpy", [True, False])
def test_the_largest_is_found_as_torch_finds_it(monkeypatch: pytest.MonkeyPatch, has_numpy: bool) -> None:
    """The first of equals, of NaN if there is one, whatever the dtype and the order in memory."""
    monkeypatch.setattr(tensors, "_has_numpy", lambda: has_numpy)
    torch.manual_seed(0)
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        values = torch.randint(-4, 4, (5, 7, 33)).to(dtype)
        values[0] = values[1] * 0.0
        values[2, :, ::5] = torch.nan
        values[3, 1:, 3] = torch.inf
        values[3, ::2] = -torch.inf
        orders = (values, values.movedim(0, -1), values.movedim(1, 2), values[:, :, ::2], values.requires_grad_())
        for seen in orders:
            for dim in range(3):
                assert torch.equal(tensors.argmax(seen, dim), seen.argmax(dim))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list open files")
def test_no_file_stays_open_after_a_logger(tmp_path: Path) -> None:
    """What a logger opened, its log and the process's sizes, is closed when it is gone."""
    gc.collect()  # those of the tests before
    before = sorted(path.name for path in Path("/proc/self/fd").iterdir())
    for number in range(3):
        model = small_model()
        log = DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path / str(number))
        log.training_step(torch.tensor(1.0))
        assert len(list(Path("/proc/self/fd").iterdir())) > len(before)
        log.close()
        del log, model
        gc.collect()
    assert sorted(path.name for path in Path("/proc/self/fd").iterdir()) == before
