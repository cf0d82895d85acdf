"""The loops people have: accumulation, several optimizers, closures, mixed precision, odd losses."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from debugstore import DebugLogger
from debugstore.logger.event_log import LoggerWarning
from tests.support.training import batch, by_step, events, small_model, train


def test_accumulation_is_one_step(tmp_path: Path) -> None:
    """Four micro-steps make one step: its loss is their mean, its gradient that of the whole batch."""
    model, whole = small_model(), small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    losses, norms = [], []
    with DebugLogger(model, optimizer, log_dir=tmp_path, accumulation_steps=4, num_classes=5) as log:
        for step in range(3):
            x, y = batch(step)
            for part in range(4):
                loss = functional.cross_entropy(model(x[part::4]), y[part::4])
                log.training_step(loss, labels=y[part::4])
                (loss / 4).backward()
            whole.load_state_dict(model.state_dict())
            whole.zero_grad()
            full = functional.cross_entropy(whole(x), y)
            full.backward()
            losses.append(full.item())
            norms.append(torch.cat([p.grad.flatten() for p in whole.parameters()]).norm().item())
            optimizer.step()
            optimizer.zero_grad()
    steps = by_step(log, "training_step")
    assert list(steps) == [0, 1, 2]
    assert [data["loss"] for data in steps.values()] == pytest.approx(losses, rel=1e-5)
    grads = by_step(log, "gradient_stats")
    assert [data["total_norm"] for data in grads.values()] == pytest.approx(norms, rel=1e-4)
    assert {data["loss_gradient"] for data in grads.values()} == {0.25}
    assert {data["entry_norm"] for data in grads.values()} == {0}
    loops = by_step(log, "loop")
    assert loops[0]["call_order"] == "FBFBFBFBSZ"
    assert (loops[1]["num_backward"], loops[1]["num_optimizer_steps"]) == (4, 1)
    assert events(log, "fit_end")[0]["data"]["steps"] == 3


def test_an_optimizer_step_ends_a_short_accumulation(tmp_path: Path) -> None:
    """When the loop steps after fewer micro-steps, the next call is the next step."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=tmp_path, accumulation_steps=4) as log:
        for step in range(3):
            for _ in range(2):
                x, y = batch(step)
                loss = functional.cross_entropy(model(x), y)
                log.training_step(loss)
                loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert list(by_step(log, "training_step")) == [0, 1, 2]
    assert [data["num_params_with_grad"] for data in by_step(log, "gradient_stats").values()] == [4, 4, 4]


def test_the_user_s_step_numbers_are_kept(tmp_path: Path) -> None:
    """Steps passed are the events' steps; the same number again is a micro-step; dense steps begin at the first."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        for step in range(203, 225):
            for _ in range(2):
                x, y = batch(step)
                loss = functional.cross_entropy(model(x), y)
                log.training_step(loss, step=step)
                loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert list(by_step(log, "training_step")) == [203, 204, 205, 206, 207, 210, 220]
    assert list(by_step(log, "gradient_stats")) == [203, 204, 205, 206, 207, 210, 220]


def test_a_learning_rate_in_a_tensor_is_read_with_the_rest(tmp_path: Path) -> None:
    """A learning rate kept in a tensor, as capturable optimizers do, is logged as it was at the step."""
    model = small_model()
    rate = torch.tensor(0.1)
    optimizer = torch.optim.AdamW(model.parameters(), rate, capturable=False, foreach=False)
    with DebugLogger(model, optimizer, log_dir=tmp_path, start_step=7) as log:
        log.epoch_start(2)
        for step in range(3):
            x, y = batch(step)
            loss = functional.cross_entropy(model(x), y)
            log.training_step(loss)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            rate.mul_(0.5)
    rates = [data["learning_rate"] for data in by_step(log, "training_step").values()]
    assert rates == pytest.approx([0.1, 0.05, 0.025])
    updates = [data["decay_norm"] / data["weight_norm"] for data in by_step(log, "param_updates").values()]
    assert updates == pytest.approx([0.001, 0.0005, 0.00025], rel=1e-4)
    assert list(by_step(log, "training_step")) == [7, 8, 9]
    assert events(log, "epoch_start")[0]["step"] == 7


def test_two_optimizers_are_one_step(tmp_path: Path) -> None:
    """A GAN's two optimizers both count, and one update covers what both changed."""
    torch.manual_seed(0)
    model = nn.ModuleDict({"generator": nn.Linear(4, 8), "critic": nn.Linear(8, 1)})
    optimizers = [torch.optim.SGD(model[name].parameters(), 0.1) for name in ("critic", "generator")]
    with DebugLogger(model, optimizers, log_dir=tmp_path) as log:
        for _ in range(3):
            optimizers[0].zero_grad()
            made = model["generator"](torch.randn(16, 4))
            critic_loss = model["critic"](made.detach()).mean() - model["critic"](torch.randn(16, 8)).mean()
            log.training_step(critic_loss)
            critic_loss.backward()
            optimizers[0].step()
            (-model["critic"](made).mean()).backward()
            optimizers[1].step()
            optimizers[1].zero_grad()
    loops = by_step(log, "loop")
    assert (loops[1]["call_order"], loops[1]["num_optimizer_steps"]) == ("FBSSZZ", 2)
    update = by_step(log, "param_updates")[1]
    assert (update["num_params_total"], update["num_params_updated"]) == (4, 3)  # the critic's bias cancels out
    assert [group["optimizer_idx"] for group in events(log, "fit_start")[0]["data"]["optimizer"]] == [0, 1]
    assert by_step(log, "training_step")[0]["learning_rates"] == [0.1, 0.1]


class Scaled:
    """A loop with a CPU gradient scaler; `spoil` makes the gradients of a step overflow."""

    def __init__(self, folder: Path, scale: float = 1024.0, fused: bool = False) -> None:
        self.model = small_model()
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-2, fused=fused)
        self.scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=1000)
        self.log = DebugLogger(self.model, self.optimizer, log_dir=folder, scaler=self.scaler)
        self.true_norms: list[float] = []

    def run(
        self, steps: int, *, spoil: int = -1, unscale: bool = True, clip: float | None = None, number: bool = False
    ) -> None:
        """Train, clipping after `unscale_` (or, wrongly, before it); the loss may be logged as a plain number."""
        with self.log:
            for step in range(steps):
                x, y = batch(step)
                with torch.autocast("cpu", torch.bfloat16):
                    loss = functional.cross_entropy(self.model(x).float(), y) * (math.inf if step == spoil else 1.0)
                grads = torch.autograd.grad(loss, list(self.model.parameters()), retain_graph=True)
                self.true_norms.append(torch.cat([g.flatten() for g in grads]).norm().item())
                self.log.training_step(loss.item() if number else loss)
                self.scaler.scale(loss).backward()
                if unscale:
                    self.scaler.unscale_(self.optimizer)
                if clip is not None:
                    nn.utils.clip_grad_norm_(self.model.parameters(), clip)
                self.scaler.step(self.optimizer)
                self.scaler.update()
                self.optimizer.zero_grad()


def test_norms_are_unscaled_under_a_gradient_scaler(tmp_path: Path) -> None:
    """The total norm is the true one, the scale is said, and the optimizer saw the clipped one."""
    training = Scaled(tmp_path)
    training.run(3, clip=0.05)
    for step, data in by_step(training.log, "gradient_stats").items():
        assert data["total_norm"] == pytest.approx(training.true_norms[step], rel=2e-2)
        assert data["loss_scale"] == data["loss_gradient"] == 1024
        assert data["clipped_norm"] == pytest.approx(0.05, rel=1e-3)
    assert by_step(training.log, "loop")[0]["call_order"] == "FBUSZ"
    assert events(training.log, "fit_start")[0]["data"]["scaler_enabled"] is True


@pytest.mark.parametrize("unscale", [True, False])
def test_norms_are_unscaled_where_only_the_optimizer_shows_them(tmp_path: Path, unscale: bool) -> None:
    """A loss logged as a number shows no backward; gradients read at the optimizer are divided if they are scaled."""
    training = Scaled(tmp_path)
    training.run(3, unscale=unscale, number=True)
    for step, data in by_step(training.log, "gradient_stats").items():
        assert data["total_norm"] == pytest.approx(training.true_norms[step], rel=2e-2)


def test_clipping_before_unscaling_shows(tmp_path: Path) -> None:
    """Clipped while scaled: the optimizer sees the limit divided by the scale."""
    training = Scaled(tmp_path)
    training.run(2, unscale=False, clip=1.0)
    data = by_step(training.log, "gradient_stats")[1]
    assert data["clipped_norm"] == pytest.approx(1 / 1024, rel=1e-3)
    assert data["total_norm"] == pytest.approx(training.true_norms[1], rel=2e-2)


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_the_scaler_skips_is_counted(tmp_path: Path, fused: bool) -> None:
    """An overflow is a skipped step and no update, also where a fused optimizer skips by itself."""
    training = Scaled(tmp_path, fused=fused)
    training.run(4, spoil=1, unscale=not fused)
    loops = by_step(training.log, "loop")
    assert [loops[step]["num_skipped_steps"] for step in range(4)] == [0, 1, 1, 1]
    grads = by_step(training.log, "gradient_stats")
    assert grads[1]["num_nonfinite"] == 4
    if fused:
        assert by_step(training.log, "param_updates")[1]["no_updates"] is True
        assert grads[2]["clipped_norm"] == pytest.approx(grads[2]["total_norm"], rel=1e-3)
    else:
        assert 1 not in by_step(training.log, "param_updates")
        assert "clipped_norm" not in grads[1]


def test_an_optimizer_on_scaled_gradients_shows(tmp_path: Path) -> None:
    """Stepping past the scaler: the optimizer sees the norm times the scale."""
    model = small_model()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    scaler = torch.amp.GradScaler("cpu", init_scale=512.0)
    with DebugLogger(model, optimizer, log_dir=tmp_path, scaler=scaler) as log:
        x, y = batch(0)
        loss = functional.cross_entropy(model(x), y)
        log.training_step(loss)
        scaler.scale(loss).backward()
        optimizer.step()
    data = by_step(log, "gradient_stats")[0]
    assert data["clipped_norm"] / data["total_norm"] == pytest.approx(512, rel=1e-4)


def test_clipping_by_value_shows(tmp_path: Path) -> None:
    """Norms before and after clipping by value differ as by hand."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        x, y = batch(0)
        loss = functional.cross_entropy(model(x), y)
        log.training_step(loss)
        loss.backward()
        before = torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()
        nn.utils.clip_grad_value_(model.parameters(), 0.01)
        after = torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()
        optimizer.step()
    data = by_step(log, "gradient_stats")[0]
    assert (data["total_norm"], data["clipped_norm"]) == pytest.approx((before, after), rel=1e-5)


def test_gradients_put_by_hand_are_measured_at_the_optimizer(tmp_path: Path) -> None:
    """A loop that uses `torch.autograd.grad` has no gradients after backward; what the optimizer sees counts."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    parameters = list(model.parameters())
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        x, y = batch(0)
        loss = functional.cross_entropy(model(x), y)
        log.training_step(loss)
        for parameter, grad in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = grad
        optimizer.step()
    data = by_step(log, "gradient_stats")[0]
    assert data["num_params_with_grad"] == 4
    assert data["total_norm"] == pytest.approx(data["clipped_norm"], rel=1e-6)


@pytest.mark.parametrize("loss", [1.5, torch.tensor(1.5), torch.tensor([1.5]), math.nan])
def test_a_loss_may_be_a_number(tmp_path: Path, loss: Any) -> None:
    """A float, a tensor without a graph, one of one entry, NaN: logged as it is, without complaint."""
    model = small_model()
    with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path) as log:
        log.training_step(loss)
    data = by_step(log, "training_step")[0]
    if isinstance(loss, float) and math.isnan(loss):
        assert (data["loss"], data["nonfinite"]) == (None, {"loss": "nan"})
    else:
        assert data["loss"] == 1.5
    assert not events(log, "logger_error")


def steps_with(folder: Path, make: Any) -> DebugLogger:
    """Train three steps, logging what `make` returns as the loss."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=folder) as log:
        for step in range(3):
            x, y = batch(step)
            log.training_step(make(functional.cross_entropy(model(x), y, reduction="none")))
            optimizer.step()
    return log


def test_a_loss_that_is_no_scalar_is_one_warning(tmp_path: Path) -> None:
    """Losses per sample: their mean is logged, said once, and the training goes on."""
    means = []
    with pytest.warns(LoggerWarning, match=r"loss has shape \(16,\)") as caught:
        log = steps_with(tmp_path, lambda losses: means.append(losses.mean().item()) or losses)
    assert len(caught) == 1
    assert [data["loss"] for data in by_step(log, "training_step").values()] == pytest.approx(means)


@pytest.mark.parametrize("loss", ["text", None, object()])
def test_a_loss_that_is_no_number_is_one_warning(tmp_path: Path, loss: Any) -> None:
    """What is no loss at all is said once; nothing raises."""
    with pytest.warns(LoggerWarning, match="loss is of type") as caught:
        log = steps_with(tmp_path, lambda _: loss)
    assert len(caught) == 1
    assert [data["loss"] for data in by_step(log, "training_step").values()] == [None] * 3


def test_a_failing_probe_is_off_and_the_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One warning, one `logger_error`, and everything else is logged on."""
    from debugstore.logger.probes.gradients import Gradients

    def broken(_: Any) -> None:
        raise ZeroDivisionError("broken probe")

    monkeypatch.setattr(Gradients, "backward_ended", broken)
    with pytest.warns(LoggerWarning, match="broken probe") as caught:
        _, log = train(tmp_path, steps=4)
    assert len(caught) == 1
    assert [line["data"]["part"] for line in events(log, "logger_error")] == ["gradients"]
    assert len(events(log, "training_step")) == len(events(log, "param_updates")) == 4
    assert not events(log, "gradient_stats")


def test_warnings_made_errors_do_not_stop_a_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Under `-W error` the warning goes to stderr instead of raising."""
    import warnings

    model = small_model()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log = DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path)
        log.training_step(None)
        log.close()
    assert "loss" in capsys.readouterr().err


def test_any_config_and_any_event_of_one_s_own_can_be_said(tmp_path: Path) -> None:
    """Paths, tensors, sets, dtypes and cycles end as JSON; user events keep their name."""
    import argparse

    model = small_model()
    config = argparse.Namespace(
        lr=1e-3, path=Path("a/b"), dtype=torch.float16, tags={"b", "a"}, weights=torch.arange(3)
    )
    cycle: dict[str, Any] = {"inf": math.inf}
    cycle["self"] = cycle
    with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path, config=config) as log:
        log.log("mine", {"values": [1, math.nan], 3: "three", "norm": torch.tensor(2.0)})
        log.log("odd", cycle)
        log.log("bare", 3)
    start = events(log, "fit_start")[0]["data"]["config"]
    assert start == {"lr": 0.001, "path": "a/b", "dtype": "torch.float16", "tags": ["a", "b"], "weights": [0, 1, 2]}
    assert events(log, "mine")[0]["data"] == {
        "values": [1, None],
        "3": "three",
        "norm": 2.0,
        "nonfinite": {"values": {"1": "nan"}},
    }
    assert len(events(log, "odd")) == 1
    assert events(log, "bare")[0]["data"] == {"value": 3}
