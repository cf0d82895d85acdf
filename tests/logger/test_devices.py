"""Tensors without numbers: on the `meta` device by mistake, or because a framework keeps frozen weights elsewhere."""

from pathlib import Path

import pytest
import torch
from torch import nn

from debugstore import DebugLogger
from debugstore.errors import ArgumentError
from debugstore.logger.event_log import LoggerWarning
from tests.support.training import batch, events, small_model, train


def test_a_model_on_the_meta_device_is_refused(tmp_path: Path) -> None:
    """What an optimizer cannot train has nothing to log: construction says so, and which parameter it is."""
    model = small_model().to("meta")
    with pytest.raises(ArgumentError, match=r"0\.weight on the meta device"):
        DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path)


def test_frozen_weights_may_be_elsewhere(tmp_path: Path) -> None:
    """A frozen part whose weights are on the meta device between calls is counted, and the rest is measured."""
    model = small_model()
    model.add_module("elsewhere", nn.Linear(3, 3, device="meta").requires_grad_(False))
    model.forward = lambda x: model[2](model[1](model[0](x)))  # type: ignore[method-assign]
    _, log = train(tmp_path, steps=3, model=model, optimizer=torch.optim.SGD(list(model.parameters())[:4], 0.1))
    assert not events(log, "logger_error")
    assert events(log, "fit_start")[0]["data"]["frozen_params"] == 12
    assert len({line["data"]["parameter_fingerprint"] for line in events(log, "param_updates")}) == 3


def test_numbers_that_cannot_be_read_do_not_hide_the_end(tmp_path: Path) -> None:
    """A pending event that cannot be read, as after a fault of a device, is lost alone: how it ended is written."""
    model = small_model()
    log = DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path, accumulation_steps=2)

    def training() -> None:
        with log:
            log.training_step(model(batch(0)[0]).sum().to("meta"))
            raise ValueError("device lost")

    with pytest.raises(ValueError, match="lost"), pytest.warns(LoggerWarning, match="failed at step 0") as caught:
        training()
    assert len(caught) == 1
    assert len(events(log, "logger_error")) == 1
    assert events(log)[-1]["event_type"] == "fit_end"
    end = events(log, "fit_end")[0]["data"]
    assert (end["status"], end["error"]) == ("failed", "ValueError: device lost")
