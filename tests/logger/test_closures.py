"""Optimizers that are given a closure: LBFGS calls it many times, frameworks call it once, with the last micro-step."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from debugstore import DebugLogger, open_store
from tests.support.training import batch, by_step, events, small_model


@pytest.mark.parametrize("inside", [True, False])
def test_a_closure_is_one_step_however_often_it_is_called(tmp_path: Path, inside: bool) -> None:
    """LBFGS calls its closure many times: that is one step, whether the loss is logged inside or before."""
    model = small_model()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
    calls = 0
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        for step in range(3):
            x, y = batch(step)

            def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
                nonlocal calls
                calls += 1
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(x), y)
                if inside:
                    log.training_step(loss)
                loss.backward()
                return loss

            if not inside:
                log.training_step(functional.cross_entropy(model(x), y))
            optimizer.step(closure)
    assert calls > 6
    assert list(by_step(log, "training_step")) == [0, 1, 2]
    assert all(data["num_params_updated"] == 4 for data in by_step(log, "param_updates").values())
    assert len(by_step(log, "param_updates")) == 3
    assert all(data["total_norm"] > 0 for data in by_step(log, "gradient_stats").values())
    assert [data["num_optimizer_steps"] for data in by_step(log, "loop").values()] == [1, 1, 1]
    assert all(data["in_closure"] for data in by_step(log, "loop").values())
    assert not events(log, "logger_error")
    with open_store(":memory:") as store:
        assert not [finding for finding in store.report(str(log.path)).findings if finding.severity != "note"]


def test_the_last_micro_step_may_run_inside_of_the_optimizer(tmp_path: Path) -> None:
    """Accumulation whose last part is a closure: every step has all of its parts, at logged steps and between them."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    losses: dict[int, list[float]] = {}
    with DebugLogger(model, optimizer, log_dir=tmp_path, accumulation_steps=3) as log:
        for step in range(31):
            for part in range(3):
                x, y = batch(3 * step + part)

                def closure(x: Tensor = x, y: Tensor = y, step: int = step) -> Tensor:
                    loss = functional.cross_entropy(model(x), y)
                    losses.setdefault(step, []).append(loss.item())
                    log.training_step(loss)
                    (loss / 3).backward()
                    return loss

                if part < 2:
                    closure()
                else:
                    optimizer.step(closure)
            optimizer.zero_grad()
    found = by_step(log, "training_step")
    assert list(found) == [0, 1, 2, 3, 4, 10, 20, 30]
    assert [data["loss"] for data in found.values()] == pytest.approx([sum(losses[step]) / 3 for step in found])
    assert {data["num_backward"] for data in by_step(log, "loop").values()} == {3}
    assert {data["call_order"] for data in by_step(log, "loop").values()} == {"FBFBFBSZ"}
    assert events(log, "fit_end")[0]["data"]["steps"] == 31


class Outer(torch.optim.SGD):
    """An optimizer of one's own around torch's."""

    fails = False

    def step(self, closure: Any = None) -> Any:
        if self.fails:
            raise RuntimeError("no step")
        loss = closure() if closure is not None else None
        super().step()
        with torch.no_grad():
            for parameter in self.param_groups[0]["params"]:
                parameter.mul_(0.999)
        return loss


@pytest.mark.parametrize("has_closure", [True, False])
def test_a_step_within_a_step_of_the_same_optimizer_is_one(tmp_path: Path, has_closure: bool) -> None:
    """A subclass that calls its base's `step`, which torch hooks as well, steps once; all of it is measured."""
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)  # from now on torch runs the hooks in SGD.step too
    model = small_model()
    optimizer = Outer(model.parameters(), 0.1)
    changes = []
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        for step in range(12):
            x, y = batch(step)

            def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
                loss = functional.cross_entropy(model(x), y)
                log.training_step(loss)
                loss.backward()
                return loss

            before = torch.cat([p.detach().flatten() for p in model.parameters()])
            optimizer.fails = step == 3 and not has_closure  # a step that raises is none, and the next one counts
            if optimizer.fails:
                with pytest.raises(RuntimeError, match="no step"):
                    optimizer.step()
                optimizer.fails = False
            if has_closure:
                optimizer.step(closure)
            else:
                closure()
                optimizer.step()
            optimizer.zero_grad()
            changes.append((torch.cat([p.detach().flatten() for p in model.parameters()]) - before).norm().item())
    loops = by_step(log, "loop")
    assert {data["call_order"] for data in loops.values()} == {"FBSZ"}
    assert loops[10]["num_total_optimizer_steps"] == 11
    updates = by_step(log, "param_updates")
    assert [data["update_norm"] for data in updates.values()] == pytest.approx(changes[:5], rel=1e-4)
