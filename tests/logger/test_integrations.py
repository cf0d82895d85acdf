"""The integrations inside the real libraries: what they log is what a plain loop over the same training shows."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from debugstore.errors import MissingExtraError
from debugstore.logger import exits
from debugstore.logger.event_log import LoggerWarning
from tests.support.training import batch, events, small_model

pytestmark = pytest.mark.filterwarnings("ignore:(?!debugstore)")


def log_of(folder: Path) -> list[dict[str, Any]]:
    """Return the events of the one log in a folder."""
    (path,) = folder.glob("debug_log_*.jsonl")
    return events(path)


def of(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the data of one kind of event."""
    return [line["data"] for line in lines if line["event_type"] == kind]


@pytest.fixture
def hf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that trains a tiny real causal model with the Trainer and our callback."""
    transformers = pytest.importorskip("transformers")
    from debugstore.logger.integrations.transformers import DebugLoggerCallback

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(
        spoil: bool = False, logs: str = "logs", own: Any = None, **arguments: Any
    ) -> tuple[list[dict[str, Any]], Any]:
        torch.manual_seed(0)
        config = transformers.GPT2Config(vocab_size=17, n_positions=8, n_embd=16, n_layer=1, n_head=2)
        model = transformers.GPT2LMHeadModel(config)
        ids = torch.randint(0, 17, (48, 8))
        if spoil:
            with torch.no_grad():
                model.lm_head.weight[0, 0] = math.nan
        own = own or {}
        kind = type("Own", (transformers.Trainer,), {key: own[key] for key in own if key == "compute_loss"})
        trainer = kind(
            model=model,
            args=transformers.TrainingArguments(
                output_dir=str(tmp_path / "out"),
                per_device_train_batch_size=4,
                num_train_epochs=1,
                report_to=[],
                use_cpu=True,
                disable_tqdm=True,
                logging_steps=2,
                save_strategy="no",
                seed=1,
                **arguments,
            ),
            train_dataset=[{"input_ids": row, "labels": row} for row in ids],
            eval_dataset=[{"input_ids": row, "labels": row} for row in ids[:8]],
            callbacks=[DebugLoggerCallback(log_dir=tmp_path / logs, num_classes=17)],
            **{key: own[key] for key in own if key != "compute_loss"},
        )
        trainer.train()
        return log_of(tmp_path / logs), trainer

    return run


def test_the_transformers_callback_logs_the_raw_loss(hf: Any) -> None:
    """Steps, losses and gradients of a Trainer; the mean of logged losses is what the Trainer itself reports."""
    lines, trainer = hf(eval_strategy="epoch")
    steps = [line for line in lines if line["event_type"] == "training_step"]
    assert [line["step"] for line in steps] == [0, 1, 2, 3, 4, 10]
    reported = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert sum(line["data"]["loss"] for line in steps[:2]) / 2 == pytest.approx(reported[0], abs=2e-4)
    norms = [entry["grad_norm"] for entry in trainer.state.log_history if "grad_norm" in entry]
    assert of(lines, "gradient_stats")[1]["total_norm"] == pytest.approx(norms[0], rel=1e-3)
    assert steps[0]["data"]["accuracy"] is not None
    assert steps[0]["data"]["target_shape"] == [4, 7, 17]
    assert of(lines, "fit_start")[0]["scheduler_type"] == "LambdaLR"
    assert of(lines, "loop")[1]["num_scheduler_steps"] == 1
    assert of(lines, "validation")[0]["loss"] > 0
    assert of(lines, "fit_end")[0] | {"status": "completed", "steps": 12} == of(lines, "fit_end")[0]
    assert not of(lines, "logger_error")
    assert of(lines, "wiring")[0]["num_trainable_not_in_optimizer"] == 0


def test_the_transformers_callback_follows_accumulation(hf: Any) -> None:
    """With three micro-steps a step, a step's loss is the Trainer's own, and gradients are read at the last."""
    lines, trainer = hf(gradient_accumulation_steps=3)
    assert of(lines, "fit_end")[0]["steps"] == 4
    losses = [data["loss"] for data in of(lines, "training_step")]
    reported = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert sum(losses[:2]) / 2 == pytest.approx(reported[0], abs=2e-4)
    assert trainer.state.global_step == 4
    assert [data["num_backward"] for data in of(lines, "loop")] == [3] * 4
    assert [data["entry_norm"] for data in of(lines, "gradient_stats")] == [0] * 4
    assert [data["loss_gradient"] for data in of(lines, "gradient_stats")] == pytest.approx([1 / 3] * 4)


def test_the_transformers_callback_shows_a_nan_that_the_trainer_hides(hf: Any) -> None:
    """The Trainer's filter replaces NaN losses by a mean; the log says NaN."""
    lines, trainer = hf(spoil=True)
    assert all(math.isfinite(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry)
    assert {data["nonfinite"]["loss"] for data in of(lines, "training_step")} == {"nan"}


def test_the_transformers_callback_reads_a_compiled_model(hf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under torch_compile steps, gradients and updates are logged as without, numbers included."""
    plain, _ = hf()
    compiled, trainer = hf(torch_compile=True, torch_compile_backend="aot_eager", logs="compiled")
    assert hasattr(trainer.model_wrapped, "_orig_mod")
    for kind in ("training_step", "gradient_stats", "param_updates"):
        assert len(of(plain, kind)) == len(of(compiled, kind)) > 4
    for field, kind in (("loss", "training_step"), ("total_norm", "gradient_stats"), ("update_norm", "param_updates")):
        values = [[data[field] for data in of(lines, kind)] for lines in (plain, compiled)]
        assert values[0] == pytest.approx(values[1], rel=1e-4)
    monkeypatch.setenv("ACCELERATE_DYNAMO_USE_FULLGRAPH", "true")
    lines, _ = hf(torch_compile=True, torch_compile_backend="aot_eager", logs="full")
    losses = [data["loss"] for data in of(lines, "training_step")]
    assert losses == pytest.approx([data["loss"] for data in of(plain, "training_step")], rel=1e-4)
    assert "target_shape" not in of(lines, "training_step")[0]


@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize("way", ["smoothing", "function", "override"])
def test_the_transformers_callback_logs_the_loss_that_the_trainer_computes(
    hf: Any, way: str, accumulation: int
) -> None:
    """Label smoothing, `compute_loss_func`, a Trainer's own `compute_loss`: the loss is what backward starts from."""
    from accelerate import Accelerator

    own = {}
    if way == "function":
        own["compute_loss_func"] = lambda output, labels, num_items_in_batch: (
            functional.cross_entropy(output.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
            * 3
            / num_items_in_batch
        )
    if way == "override":
        own["compute_loss"] = lambda _, model, given, num_items_in_batch=None, **__: (
            model(**given, num_items_in_batch=num_items_in_batch).loss * 3
        )
    before = Accelerator.backward
    smoothing = {"label_smoothing_factor": 0.3} if way == "smoothing" else {}
    lines, trainer = hf(own=own, gradient_accumulation_steps=accumulation, **smoothing)
    losses = [data["loss"] for data in of(lines, "training_step")]
    reported = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert sum(losses[:2]) / 2 == pytest.approx(reported[0], abs=2e-4)
    assert of(lines, "fit_end")[0]["steps"] == 12 / accumulation
    assert {data["call_order"] for data in of(lines, "loop")} == {"FB" * accumulation + "SLZ"}
    assert of(lines, "training_step")[0]["target_shape"][-1] == 17
    assert Accelerator.backward is before


def test_the_transformers_callback_leaves_other_trainings_alone(hf: Any, tmp_path: Path) -> None:
    """A training that ended without a word does not log the losses of the next one in the process."""

    def fails(_: Any, model: Any, given: Any, **__: Any) -> Tensor:
        model(**given)
        raise ValueError("bad batch")

    with pytest.raises(ValueError, match="bad batch"):
        hf(own={"compute_loss": fails}, logs="first")
    lines, _ = hf(logs="second")
    assert len(of(lines, "training_step")) == 6
    (left,) = exits._process.open
    left.end("failed", None)
    first = log_of(tmp_path / "first")
    assert of(first, "fit_start")
    assert not of(first, "training_step")


def lightning_parts() -> tuple[Any, Any]:
    """Return Lightning and our callback."""
    lightning = pytest.importorskip("lightning.pytorch")
    from debugstore.logger.integrations.lightning import DebugLoggerCallback

    return lightning, DebugLoggerCallback


def lightning_run(folder: Path, fail_at: int | None = None, **options: Any) -> tuple[list[dict[str, Any]], list[float]]:
    """Train a small module with Lightning and our callback; return the log and the losses the module made."""
    lightning, callback = lightning_parts()
    losses: list[float] = []

    class Module(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = small_model()

        def training_step(self, given: Any, batch_idx: int) -> Tensor:
            if batch_idx == fail_at:
                raise ValueError("bad batch")
            x, y = given
            self.debug_logits = self.net(x)
            loss = functional.cross_entropy(self.debug_logits, y)
            losses.append(loss.item())
            return loss

        def validation_step(self, given: Any, batch_idx: int) -> None:
            del batch_idx
            self.log("val_loss", functional.cross_entropy(self.net(given[0]), given[1]))

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), 0.1)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]

    data = [batch(step) for step in range(8)]
    trainer = lightning.Trainer(
        **{"max_epochs": 2, **options},
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[callback(log_dir=folder / "logs", num_classes=5)],
        default_root_dir=folder,
    )
    loaders = [torch.utils.data.DataLoader(data, batch_size=None) for _ in range(2)]
    if fail_at is None:
        trainer.fit(Module(), *loaders)
    else:
        with pytest.raises(ValueError, match="bad batch"):
            trainer.fit(Module(), *loaders)
    return log_of(folder / "logs"), losses


def test_the_lightning_callback_logs_what_the_module_made(tmp_path: Path) -> None:
    """Losses, predictions, clipped norms, epochs, validations and the scheduler of a Lightning training."""
    lines, losses = lightning_run(tmp_path, gradient_clip_val=0.05)
    steps = [line for line in lines if line["event_type"] == "training_step"]
    assert [line["step"] for line in steps] == [0, 1, 2, 3, 4, 10]
    assert [line["data"]["loss"] for line in steps] == pytest.approx([losses[line["step"]] for line in steps])
    assert [line["epoch"] for line in steps] == [0, 0, 0, 0, 0, 1]
    grads = of(lines, "gradient_stats")
    assert all(data["total_norm"] > 0.05 for data in grads)
    assert [data["clipped_norm"] for data in grads[:5]] == pytest.approx([0.05] * 5, rel=1e-3)
    assert [data["num_params_updated"] for data in of(lines, "param_updates")] == [4] * 5
    assert len(of(lines, "validation")) == 2
    assert of(lines, "validation")[0]["num_train_mode_forwards"] == 0
    assert steps[0]["data"]["accuracy"] is not None
    assert of(lines, "fit_end")[0]["status"] == "completed"
    assert not of(lines, "logger_error")


def test_the_lightning_callback_follows_accumulation(tmp_path: Path) -> None:
    """Lightning divides each micro-step's loss; a step's loss is their sum, the mean of what the module made."""
    lines, losses = lightning_run(tmp_path, accumulate_grad_batches=2, max_epochs=6)
    steps = {line["step"]: line["data"]["loss"] for line in lines if line["event_type"] == "training_step"}
    assert list(steps) == [0, 1, 2, 3, 4, 10, 20]
    assert list(steps.values()) == pytest.approx([(losses[2 * i] + losses[2 * i + 1]) / 2 for i in steps])
    assert {data["call_order"] for data in of(lines, "loop")} == {"FBFBSZ", "FBFBSLZ"}
    assert {data["loss_gradient"] for data in of(lines, "gradient_stats")} == {0.5}
    assert of(lines, "fit_end")[0]["steps"] == 24


def test_the_lightning_callback_sees_validation_batches(tmp_path: Path) -> None:
    """Forwards of a module that has no forward of its own are counted, and their samples compared."""
    lines, _ = lightning_run(tmp_path)
    assert [data["num_forwards"] for data in of(lines, "validation")] == [8, 8]
    assert [data["overlap_share"] for data in of(lines, "validation")] == [5 / 8, 5 / 8]  # five batches were logged
    assert all(data["data_seconds"] >= 0 for data in of(lines, "loop")[1:5])


def test_the_lightning_callback_takes_a_batch_for_a_step_in_manual_optimization(tmp_path: Path) -> None:
    """Two losses, two optimizers and a clipping a batch are one step; clearing through Lightning's wrappers counts."""
    lightning, callback = lightning_parts()
    losses = []

    class Pair(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 5)

        def training_step(self, given: Any, batch_idx: int) -> None:
            del batch_idx
            for place, optimizer in enumerate(self.optimizers()):
                loss = functional.cross_entropy(self.second(self.first(given[0])), given[1])
                if place == 0:
                    losses.append(loss.item())
                optimizer.zero_grad()
                self.manual_backward(loss)
                self.clip_gradients(optimizer, gradient_clip_val=0.1, gradient_clip_algorithm="norm")
                optimizer.step()

        def configure_optimizers(self) -> Any:
            return [torch.optim.SGD(part.parameters(), 0.1) for part in (self.first, self.second)]

    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    loader = torch.utils.data.DataLoader([batch(step) for step in range(8)], batch_size=None)
    checkpoint = None
    for epochs in (2, 3):
        trainer = lightning.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            enable_checkpointing=False,
            callbacks=[callback(log_dir=tmp_path / str(epochs), num_classes=5)],
            default_root_dir=tmp_path,
            **quiet,
        )
        trainer.fit(Pair(), loader, ckpt_path=checkpoint)
        lines = log_of(tmp_path / str(epochs))
        steps = {line["step"]: line["data"]["loss"] for line in lines if line["event_type"] == "training_step"}
        assert list(steps) == ([0, 1, 2, 3, 4, 10] if epochs == 2 else [16, 17, 18, 19, 20])
        assert list(steps.values()) == pytest.approx([losses[step] for step in steps])
        assert {data["call_order"] for data in of(lines, "loop")} == {"FBSZSZ"}
        assert of(lines, "fit_end")[0]["steps"] == (16 if epochs == 2 else 8)
        assert of(lines, "fit_start")[0]["start_step"] == (0 if epochs == 2 else 16)
        checkpoint = tmp_path / "last.ckpt"
        trainer.save_checkpoint(checkpoint)


def test_the_lightning_callback_says_what_ended_a_training(tmp_path: Path) -> None:
    """An exception in the module is in `fit_end`."""
    lines, _ = lightning_run(tmp_path, fail_at=3)
    assert (of(lines, "fit_end")[0]["status"], of(lines, "fit_end")[0]["error"]) == ("failed", "ValueError: bad batch")


def test_the_accelerate_tracker_watches_a_prepared_training(tmp_path: Path) -> None:
    """Config, losses, gradients, values of `accelerator.log`, and the end."""
    accelerate = pytest.importorskip("accelerate")
    from debugstore.logger.integrations.accelerate import DebugTracker

    tracker = DebugTracker(log_dir=tmp_path, num_classes=5)
    accelerator = accelerate.Accelerator(cpu=True, log_with=tracker, gradient_accumulation_steps=2)
    accelerator.init_trackers("project", config={"lr": 0.1})
    model: nn.Module = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 4)
    model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
    with pytest.warns(LoggerWarning, match="watches no training"):
        accelerator.log({"early": 1})
    log = tracker.watch(model, optimizer, accelerator=accelerator, scheduler=scheduler)
    for step in range(8):
        with accelerator.accumulate(model):
            x, y = batch(step)
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            accelerator.backward(loss)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    accelerator.log({"speed": 3.5, "val_loss": 1.25, "val_acc": 0.5}, step=7)
    accelerator.end_training()
    lines = log_of(tmp_path)
    assert of(lines, "fit_start")[0]["config"] == {"lr": 0.1}
    assert len(of(lines, "training_step")) == len(of(lines, "param_updates")) == 4
    assert {data["loss_gradient"] for data in of(lines, "gradient_stats")} == {0.5}
    assert of(lines, "loop")[0]["num_optimizer_steps"] == 1
    assert (of(lines, "validation")[0]["loss"], of(lines, "validation")[0]["accuracy"]) == (1.25, 0.5)
    assert of(lines, "metrics") == [{"speed": 3.5, "tracker_step": 7}]
    assert of(lines, "fit_end")[0]["status"] == "completed"
    assert not of(lines, "logger_error")


def test_a_missing_package_is_named_with_its_extra() -> None:
    """Importing an integration without its library says what to install."""
    error = MissingExtraError("transformers", "transformers", "the Trainer callback")
    assert str(error) == "the Trainer callback needs transformers: run pip install 'debugstore[transformers]'"
