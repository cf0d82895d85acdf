"""Real trainings stopped and resumed from a checkpoint: what was not loaded again is named."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from debugstore.analysis.compare import State
from debugstore.logger.debug_logger import DebugLogger
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from tests.compare.asked import compared
from tests.compare.trainings import FAMILIES

STOP, CHECKPOINT, END = 38, 30, 45
THINGS = ("optimizer", "schedule", "data", "weights")


def train_and_resume(folder: Path, lost: str | None) -> None:
    """Train, lose the process after a checkpoint, and go on from it without one thing."""
    torch.set_num_threads(1)
    family = FAMILIES["tokens"]
    torch.manual_seed(0)
    model = family.model()
    optimizer = family.optimizer(model)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.98**step)
    kept: dict[str, Any] = {}

    def run(start: int, end: int) -> None:
        settings = {"log_dir": folder, "run_id": "resumed", "num_classes": 7, "start_step": start}
        with DebugLogger(model, optimizer, scheduler=scheduler, **settings) as log:
            for step in range(start, end):
                if step == CHECKPOINT and not kept:
                    parts = {"weights": model, "optimizer": optimizer, "schedule": scheduler}
                    kept.update({name: copy.deepcopy(part.state_dict()) for name, part in parts.items()})
                at = step - start if lost == "data" and start else step
                x, y = family.batch(torch.Generator().manual_seed(at))
                logits = model(x)
                loss = functional.cross_entropy(logits, y)
                log.training_step(loss, logits=logits, labels=y, inputs=x)
                loss.backward()
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()

    run(0, STOP)
    torch.manual_seed(0)
    model = family.model()
    optimizer = family.optimizer(model)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.98**step)
    if lost != "weights":
        model.load_state_dict(kept["weights"])
    if lost != "optimizer":
        optimizer.load_state_dict(kept["optimizer"])
    if lost != "schedule":
        scheduler.load_state_dict(kept["schedule"])
        for group, rate in zip(optimizer.param_groups, scheduler.get_last_lr(), strict=True):
            group["lr"] = rate
    else:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] = 1e-3
    run(CHECKPOINT, END)


@pytest.mark.parametrize("lost", [None, *THINGS])
def test_what_a_checkpoint_lacked_is_named(memory: Database, tmp_path: Path, lost: str | None) -> None:
    """A resume with everything continues; without one thing, that one is lost and no other."""
    train_and_resume(tmp_path, lost)
    ingest(memory, [tmp_path])
    (resume,) = compared(memory, ["resumed"]).resumes
    states = {state.thing: state.state for state in resume.states}
    assert resume.first_step == CHECKPOINT
    assert [thing for thing in THINGS if states[thing] is State.LOST] == ([lost] if lost else [])
    assert resume.continues is (lost is None)
    if lost is None:
        assert set(states.values()) == {State.CONTINUED}
