"""The lines of the README for loops that are not one's own: three a framework, and they work as pasted."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.support.training import batch, events, small_model

pytestmark = pytest.mark.filterwarnings("ignore:(?!debugstore)")

README = Path(__file__).parents[2] / "README.md"
BLOCKS = {
    found[1]: found[0]
    for found in re.findall(
        r"```python\n((?:(?!```).)*?debugstore\.logger\.integrations\.(\w+)(?:(?!```).)*)```", README.read_text(), re.S
    )
}


def prepared_transformers(folder: Path) -> dict[str, Any]:
    """Return the names that a script with a Trainer has."""
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=17, n_positions=8, n_embd=16, n_layer=1, n_head=2)
    args = transformers.TrainingArguments(
        output_dir=str(folder / "out"), max_steps=3, report_to=[], use_cpu=True, disable_tqdm=True, save_strategy="no"
    )
    data = [{"input_ids": row, "labels": row} for row in torch.randint(0, 17, (32, 8))]
    return {"transformers": transformers, "model": transformers.GPT2LMHeadModel(config), "args": args, "data": data}


def prepared_lightning(folder: Path) -> dict[str, Any]:
    """Return the names that a script with Lightning has."""
    del folder
    lightning = pytest.importorskip("lightning")

    class Module(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = small_model()

        def training_step(self, given: Any) -> torch.Tensor:
            return functional.cross_entropy(self.net(given[0]), given[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    class OneEpoch:
        """Lightning, for one epoch: the README's line would train for a thousand."""

        @staticmethod
        def Trainer(**given: Any) -> Any:  # noqa: N802 - the name in the README
            return lightning.Trainer(max_epochs=1, logger=False, enable_checkpointing=False, **given)

    loader = torch.utils.data.DataLoader([batch(step) for step in range(3)], batch_size=None)
    return {"lightning": OneEpoch, "module": Module(), "loader": loader}


def prepared_accelerate(folder: Path) -> dict[str, Any]:
    """Return the names that a script with Accelerate has once it is prepared."""
    del folder
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True)
    model = small_model()
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.1))
    return {"accelerator": accelerator, "model": model, "optimizer": optimizer}


def trained_accelerate(names: dict[str, Any]) -> None:
    """Train as the README says: `log.training_step(...)` as in the plain loop."""
    for step in range(3):
        x, y = batch(step)
        logits = names["model"](x)
        loss = functional.cross_entropy(logits, y)
        names["log"].training_step(loss, logits=logits, labels=y, inputs=x)
        names["accelerator"].backward(loss)
        names["optimizer"].step()
        names["optimizer"].zero_grad()
    names["tracker"].finish()


@pytest.mark.parametrize("name", ["transformers", "lightning", "accelerate"])
def test_three_lines_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Pasted into a script that has a model and data, the README's lines log every step."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    lines = BLOCKS[name].strip().splitlines()
    assert len(lines) == 3
    names = globals()[f"prepared_{name}"](tmp_path)
    exec(compile("\n".join(lines), str(README), "exec"), names)
    if name == "transformers":
        names["trainer"].train()
    if name == "accelerate":
        trained_accelerate(names)
    (path,) = (tmp_path / "logs" / "debug").glob("debug_log_*.jsonl")
    assert [line["step"] for line in events(path, "training_step")] == [0, 1, 2]
    assert len(events(path, "gradient_stats")) == len(events(path, "param_updates")) == 3
    assert events(path, "fit_end")[0]["data"]["status"] == "completed"
    assert not events(path, "logger_error")
