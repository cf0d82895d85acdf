"""Wiring and the order of the loop: each fault of these kinds leaves its own numbers in the first two steps."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from debugstore import DebugLogger
from tests.support.training import CLASSES, WIDTH, batch, events, small_model


def wiring(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, loss: Callable[[], Any], **options: Any
) -> dict[str, Any]:
    """Log one step; return its `wiring`."""
    with DebugLogger(model, optimizer, log_dir=folder, **options) as log:
        log.training_step(loss())
    data: dict[str, Any] = events(log, "wiring")[0]["data"]
    return data


def counts(data: dict[str, Any]) -> dict[str, int]:
    """Return the set sizes that are not zero."""
    names = [name for name in data if "_not_" in name and name.startswith("num_")]
    return {name: data[name] for name in names if data[name]}


def loss_of(model: nn.Module) -> Tensor:
    """Return the loss of the first batch."""
    x, y = batch(0)
    return functional.cross_entropy(model(x), y)


def test_a_healthy_wiring_has_no_difference(tmp_path: Path) -> None:
    """Loss, model and optimizer hold the same four tensors."""
    model = small_model()
    data = wiring(tmp_path, model, torch.optim.SGD(model.parameters(), 0.1), lambda: loss_of(model))
    assert counts(data) == {}
    assert [data[f"num_{name}"] for name in ("model_params", "trainable", "in_optimizer", "reached")] == [4, 4, 4, 4]
    assert (data["loss_is_leaf"], data["loss_function"], data["param_dtypes"]) == (
        False,
        "NllLossBackward0",
        {"float32": 4},
    )


def test_a_stale_optimizer_holds_copies(tmp_path: Path) -> None:
    """An optimizer built before the model was copied holds tensors of the same shapes that are not the model's."""
    old = small_model()
    model = copy.deepcopy(old)
    data = wiring(tmp_path, model, torch.optim.SGD(old.parameters(), 0.1), lambda: loss_of(model))
    assert counts(data) == {
        "num_trainable_not_in_optimizer": 4,
        "num_optimizer_not_in_model": 4,
        "num_reached_not_in_optimizer": 4,
    }
    assert data["num_optimizer_same_shape"] == 4


def test_missing_parameters_are_named(tmp_path: Path) -> None:
    """Parameters no optimizer holds are counted and named."""
    model = small_model()
    data = wiring(tmp_path, model, torch.optim.SGD(model[2].parameters(), 0.1), lambda: loss_of(model))
    assert counts(data) == {"num_trainable_not_in_optimizer": 2, "num_reached_not_in_optimizer": 2}
    assert data["trainable_not_in_optimizer"] == ["0.weight", "0.bias"]


def test_a_cut_graph_names_the_last_module_that_ran(tmp_path: Path) -> None:
    """After a detach the parameters before it are not reached, though their module ran."""
    model = small_model()
    x, y = batch(0)
    cut = lambda: functional.cross_entropy(model[2](model[1](model[0](x)).detach()), y)  # noqa: E731
    data = wiring(tmp_path, model, torch.optim.SGD(model.parameters(), 0.1), cut)
    assert counts(data) == {"num_trainable_not_reached": 2, "num_not_reached_used": 2}
    assert (data["trainable_not_reached"], data["last_used_module"]) == (["0.weight", "0.bias"], "0")


@pytest.mark.parametrize("called", ["inside", "directly"])
def test_modules_without_gradient_in_a_training_step_are_used(tmp_path: Path, called: str) -> None:
    """A body under no_grad ran, be it inside of the model's forward or called by itself."""

    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(WIDTH, 8), nn.Linear(8, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                hidden = self.body(x)
            made: Tensor = self.head(hidden)
            return made

    model = Cut()
    x, y = batch(0)
    data = wiring(
        tmp_path,
        model,
        torch.optim.SGD(model.parameters(), 0.1),
        lambda: functional.cross_entropy(model(x) if called == "inside" else Cut.forward(model, x), y),
    )
    assert counts(data) == {"num_trainable_not_reached": 2, "num_not_reached_used": 2}
    assert data["last_used_module"] == "body"


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_modules_of_a_validation_before_the_first_step_are_not_used(tmp_path: Path, mode: bool, whole: bool) -> None:
    """A validation, of the whole model or of a part in eval mode, says nothing about what a training step uses."""
    model = small_model()
    model.aux = nn.Linear(CLASSES, CLASSES)
    x, y = batch(0)

    def loss() -> Tensor:
        model.train(mode and whole)
        with torch.no_grad():
            model(x) if whole else model.aux(torch.zeros(1, CLASSES))
        model.train()
        return functional.cross_entropy(model[2](model[1](model[0](x))), y)

    data = wiring(tmp_path, model, torch.optim.SGD(model.parameters(), 0.1), loss)
    assert counts(data) == {"num_trainable_not_reached": 2}


def test_an_unused_module_did_not_run(tmp_path: Path) -> None:
    """A module that is never called is not reached and not used."""
    model = small_model()
    model.aux = nn.Linear(3, 3)
    x, y = batch(0)
    body = lambda: functional.cross_entropy(model[2](model[1](model[0](x))), y)  # noqa: E731
    data = wiring(tmp_path, model, torch.optim.SGD(model.parameters(), 0.1), body)
    assert counts(data) == {"num_trainable_not_reached": 2}
    assert data["last_used_module"] is None


def test_layers_in_a_list_are_not_the_model_s(tmp_path: Path) -> None:
    """The loss reaches parameters that the model does not own."""
    model = small_model()
    hidden = [nn.Linear(8, 8), nn.Linear(8, 8)]
    x, y = batch(0)
    loss = lambda: functional.cross_entropy(model(hidden[1](hidden[0](x))), y)  # noqa: E731
    data = wiring(tmp_path, model, torch.optim.SGD(model.parameters(), 0.1), loss)
    assert counts(data) == {"num_reached_not_in_model": 4, "num_reached_not_in_optimizer": 4}


def test_a_loss_made_anew_reaches_nothing(tmp_path: Path) -> None:
    """A loss wrapped again is a leaf, and no parameter is reached."""
    model = small_model()
    again = lambda: loss_of(model).detach().requires_grad_()  # noqa: E731
    data = wiring(tmp_path, model, torch.optim.SGD(model.parameters(), 0.1), again)
    assert (data["loss_is_leaf"], data["num_reached"], data["num_trainable_not_reached"]) == (True, 0, 4)


def test_frozen_parameters_and_ties_are_counted_by_identity(tmp_path: Path) -> None:
    """A tied tensor counts once; a frozen one that the optimizer holds is said."""
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 5))
    model[1].weight = model[0].weight
    model[2].bias.requires_grad_(False)
    data = wiring(tmp_path, model, torch.optim.SGD(model.parameters(), 0.1), lambda: loss_of(model))
    assert counts(data) == {}
    assert (data["num_model_params"], data["num_trainable"], data["num_frozen"], data["num_frozen_in_optimizer"]) == (
        5,
        4,
        1,
        1,
    )


def test_a_scheduler_of_another_optimizer_is_counted(tmp_path: Path) -> None:
    """A scheduler that drives an optimizer which was not given is a mismatch."""
    model = small_model()
    optimizer, other = (torch.optim.SGD(model.parameters(), 0.1) for _ in range(2))
    scheduler = torch.optim.lr_scheduler.StepLR(other, 3)
    data = wiring(tmp_path, model, optimizer, lambda: loss_of(model), scheduler=scheduler)
    assert data["num_scheduler_mismatch"] == 1


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_activation_checkpoints_say_when_they_hide_leaves(tmp_path: Path, reentrant: bool) -> None:
    """A re-entrant checkpoint hides its leaves and that is said; the other kind shows them. Both have gradients."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = batch(0)
    x.requires_grad_()
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        loss = functional.cross_entropy(checkpoint(model, x, use_reentrant=reentrant), y)
        log.training_step(loss)
        loss.backward()
        optimizer.step()
    data = events(log, "wiring")[0]["data"]
    assert data["may_hide_leaves"] is reentrant
    assert data["num_reached"] == (0 if reentrant else 4)
    assert events(log, "gradient_stats")[0]["data"]["num_params_with_grad"] == 4
    assert not events(log, "logger_error")


def loop(folder: Path, body: Callable[..., None], optimizer: str = "SGD", **options: Any) -> list[dict[str, Any]]:
    """Run a loop body for four steps; return the data of `loop`, `gradient_stats` and `param_updates` by step."""
    model = small_model()
    made = getattr(torch.optim, optimizer)(model.parameters(), 0.1)
    with DebugLogger(model, made, log_dir=folder, **options) as log:
        for step in range(4):
            x, y = batch(step)
            body(log, model, made, x, y)
    steps: list[dict[str, Any]] = [{} for _ in range(4)]
    for line in events(log):
        if line["event_type"] in ("loop", "gradient_stats", "param_updates"):
            steps[line["step"]][line["event_type"]] = line["data"]
    return steps


def healthy(log: Any, model: Any, optimizer: Any, x: Tensor, y: Tensor) -> None:
    """Clear at the end."""
    loss = functional.cross_entropy(model(x), y)
    log.training_step(loss)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def clearing_first(log: Any, model: Any, optimizer: Any, x: Tensor, y: Tensor) -> None:
    """Clear at the beginning, through the model."""
    model.zero_grad()
    loss = functional.cross_entropy(model(x), y)
    log.training_step(loss)
    loss.backward()
    optimizer.step()


def never_clearing(log: Any, model: Any, optimizer: Any, x: Tensor, y: Tensor) -> None:
    """Let gradients pile up."""
    loss = functional.cross_entropy(model(x), y)
    log.training_step(loss)
    loss.backward()
    optimizer.step()


def never_stepping(log: Any, model: Any, optimizer: Any, x: Tensor, y: Tensor) -> None:
    """Forget the optimizer."""
    optimizer.zero_grad()
    loss = functional.cross_entropy(model(x), y)
    log.training_step(loss)
    loss.backward()


def clearing_between(log: Any, model: Any, optimizer: Any, x: Tensor, y: Tensor) -> None:
    """Clear what the optimizer was to use."""
    loss = functional.cross_entropy(model(x), y)
    log.training_step(loss)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()


def stepping_first(log: Any, model: Any, optimizer: Any, x: Tensor, y: Tensor) -> None:
    """Step before backward."""
    loss = functional.cross_entropy(model(x), y)
    log.training_step(loss)
    optimizer.zero_grad()
    optimizer.step()
    loss.backward()


@pytest.mark.parametrize(
    ("body", "order"),
    [
        (healthy, "FBSZ"),
        (clearing_first, "FBSZ"),
        (never_clearing, "FBS"),
        (never_stepping, "FBZ"),
        (clearing_between, "FBZS"),
        (stepping_first, "FZSB"),
    ],
)
def test_the_order_of_calls_tells_loops_apart(tmp_path: Path, body: Any, order: str) -> None:
    """Each order of the loop leaves its own string from one `training_step` to the next."""
    steps = loop(tmp_path, body)
    assert [step["loop"]["call_order"] for step in steps[:3]] == [order] * 3
    for kind, letter in (("backward", "B"), ("optimizer_steps", "S"), ("zero_grad", "Z")):
        assert [s["loop"][f"num_{kind}"] for s in steps[:3]] == [order.count(letter)] * 3
    before = 1 if body in (clearing_first, never_stepping) else 0
    assert steps[2]["loop"]["num_total_zero_grad"] == 3 * order.count("Z") + before


@pytest.mark.parametrize("wrap", [lambda model: torch.compile(model, backend="eager"), nn.DataParallel])
@pytest.mark.parametrize("handed_over", ["model", "wrapper"])
def test_clearing_through_a_wrapper_counts(tmp_path: Path, wrap: Any, handed_over: str) -> None:
    """`zero_grad` of a compiled or parallel model is counted once, whichever of the two the logger was given."""
    model = small_model()
    wrapper = wrap(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model if handed_over == "model" else wrapper, optimizer, log_dir=tmp_path) as log:
        for step in range(3):
            loss = loss_of(model)
            log.training_step(loss)
            loss.backward()
            optimizer.step()
            (wrapper if step else model).zero_grad()
            nn.Linear(2, 2).zero_grad()
    assert [line["data"]["call_order"] for line in events(log, "loop")] == ["FBSZ"] * 3
    assert "zero_grad" not in vars(type(wrapper))


def test_gradients_at_backward_entry_tell_piling_up(tmp_path: Path) -> None:
    """Entry norms are zero in both healthy orders, and the norm of the step before where nothing clears."""
    for body in (healthy, clearing_first):
        assert [step["gradient_stats"]["entry_norm"] for step in loop(tmp_path, body)] == [0] * 4
    steps = [step["gradient_stats"] for step in loop(tmp_path, never_clearing)]
    assert steps[0]["entry_norm"] == 0
    assert [s["entry_norm"] for s in steps[1:]] == [s["total_norm"] for s in steps[:-1]]


def test_cleared_gradients_reach_no_optimizer(tmp_path: Path) -> None:
    """Backward left gradients, the optimizer saw none, nothing changed."""
    for body in (clearing_between, stepping_first):
        for step in loop(tmp_path, body)[:3]:
            assert step["gradient_stats"]["total_norm"] > 0
            assert step["gradient_stats"]["clipped_norm"] == 0
            assert step["param_updates"]["no_updates"] is True


def test_decay_alone_moves_cleared_parameters(tmp_path: Path) -> None:
    """With zeroed gradients AdamW still decays: every tensor changes, by as much as decay explains."""

    def body(log: Any, model: Any, optimizer: Any, x: Tensor, y: Tensor) -> None:
        loss = functional.cross_entropy(model(x), y)
        log.training_step(loss)
        loss.backward()
        optimizer.zero_grad(set_to_none=False)
        optimizer.step()

    update = loop(tmp_path, body, "AdamW")[1]["param_updates"]
    assert update["num_params_updated"] == 4
    assert update["update_norm"] == pytest.approx(update["decay_norm"], rel=1e-3)


def test_seconds_are_within_the_step(tmp_path: Path) -> None:
    """The parts of a step are not negative and not longer than the step; the last step's length is unknown."""
    steps = [step["loop"] for step in loop(tmp_path, healthy)]
    for data in steps[:-1]:
        parts = [data[f"{name}_seconds"] for name in ("data", "forward", "backward", "optimizer", "logger")]
        assert min(parts) >= 0
        assert max(parts) <= data["step_seconds"]
        assert data["peak_bytes"] > 1e6
    assert steps[-1]["step_seconds"] is None
