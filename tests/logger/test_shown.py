"""What users show of a batch that is no tensor: arrays, several inputs, and things that say nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from debugstore import DebugLogger
from debugstore.logger.event_log import LoggerWarning
from tests.support.training import CLASSES, batch, events, small_model


def logged(folder: Path, show: Any) -> DebugLogger:
    """Train three steps, showing what `show` makes of logits, labels and inputs."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=folder, num_classes=CLASSES) as log:
        for step in range(3):
            x, y = batch(step)
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            log.training_step(loss, **show(logits, y, x))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert not events(log, "logger_error")
    return log


def facts(log: DebugLogger) -> list[dict[str, Any]]:
    """Return what every step says of its batch."""
    steps = [line["data"] for line in events(log, "training_step")]
    return [{key: step[key] for key in step if key != "allocated_bytes"} for step in steps]


def plainly(logits: Tensor, labels: Tensor, inputs: Tensor) -> dict[str, Any]:
    """Show tensors."""
    return {"logits": logits, "labels": labels, "inputs": inputs}


def arrays(logits: Tensor, labels: Tensor, inputs: Tensor) -> dict[str, Any]:
    """Show arrays."""
    return {"logits": logits.detach().numpy(), "labels": labels.numpy(), "inputs": inputs.numpy()}


def several(logits: Tensor, labels: Tensor, inputs: Tensor) -> dict[str, Any]:
    """Show a mapping of inputs, the first tensor of which is the batch."""
    return {"logits": logits, "labels": labels, "inputs": {"name": "x", "x": inputs, "mask": torch.ones(3)}}


@pytest.mark.parametrize("show", [arrays, several])
def test_arrays_and_the_first_of_several_inputs_are_as_tensors(tmp_path: Path, show: Any) -> None:
    """The log says the same of them, fingerprints included."""
    assert facts(logged(tmp_path / "a", show)) == facts(logged(tmp_path / "b", plainly))


def test_what_is_no_tensor_is_left_out_and_said_once(tmp_path: Path) -> None:
    """One warning a name; no probe fails of it, and gradients and updates are logged as ever."""
    with pytest.warns(LoggerWarning) as caught:
        log = logged(
            tmp_path,
            lambda logits, labels, inputs: {"logits": {"logits": logits}, "labels": [labels], "inputs": inputs.sum},
        )
    said = [str(one.message) for one in caught]
    assert [text.split(" is of type ")[0] for text in said] == [
        f"debugstore: {name}" for name in ("logits", "labels", "inputs")
    ]
    assert "dict, not a tensor" in said[0]
    assert all("target_shape" not in step and "batch_fingerprint" not in step for step in facts(log))
    assert len(events(log, "gradient_stats")) == len(events(log, "param_updates")) == 3
