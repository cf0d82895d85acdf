"""Modes, activations, validation and the start, each against a slow computation; probes that are switched off."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from debugstore import DebugLogger
from tests.support.training import CLASSES, batch, events, small_model


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


def test_what_a_module_only_passes_on_is_not_looked_at(tmp_path: Path) -> None:
    """Dropout, a flattening and an identity have no entry right after a module; of a sum they have one."""

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5), nn.Identity(), nn.Flatten(), nn.ReLU())
            self.sum, self.last = nn.Dropout(0.5), nn.Linear(6, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            """Add what the first layers make to their input."""
            made: Tensor = self.last(self.sum(x + self.first(x)))
            return made

    model = Residual()
    with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path) as log:
        log.fit_start()
        log.training_step(model(torch.randn(8, 6)).sum())
    (line,) = events(log, "activations")
    assert list(line["data"]["modules"]) == ["first.0", "first.4", "sum", "last"]


@pytest.mark.parametrize("shape", [(3, 700, 96), (9, 4, 60, 60)])
def test_of_large_outputs_the_first_rows_are_looked_at(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Rows of channels or whole samples, up to 2^16 numbers for ranges and 2^14 for the spread, one at least."""
    torch.manual_seed(2)
    x = torch.randn(shape)
    images = len(shape) == 4
    model = nn.Conv2d(4, 6, 1) if images else nn.Linear(96, 96)
    made = model(x).detach()
    rows = made if images else made.flatten(0, 1)
    wide, narrow = (rows[: max(1, most // rows[0].numel())] for most in (2**16, 2**14))
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
