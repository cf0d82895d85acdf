"""The logger in the loops of different users: it changes nothing, follows them, and finds nothing where all is well."""

import functools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from debugstore import DebugLogger, open_store
from tests.logger import twists, users
from tests.logger.users import Open
from tests.support.training import assert_same_bits, events

LOOPS = (
    users.denoiser,
    users.graph_of_nodes,
    users.reverser,
    users.policy,
    users.contrastive,
    users.student,
    users.experts,
    users.curriculum,
    users.stream,
    twists.averaged,
    twists.average_inside,
    twists.critic,
    twists.sharpness,
    twists.called_by_function,
    twists.mapped,
    twists.a_gradient_a_sample,
    twists.double_precision,
    twists.complex_numbers,
)
USERS: dict[str, Callable[[Open], Any]] = {loop.__name__.replace("_", "-"): loop for loop in LOOPS} | {
    f"{logged}-logged-{first}-first": functools.partial(twists.several_losses, logged=logged, first=first)
    for logged in ("sum", "classes", "number")
    for first in ("classes", "number")
}


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("user", USERS)
def test_a_user_s_training_is_left_as_it_is_and_understood(tmp_path: Path, user: str) -> None:
    """State and random numbers are the same bits with the logger; the loop is followed; nothing is found amiss."""
    torch.set_num_threads(1)
    ends: list[Any] = []
    logs: list[DebugLogger] = []
    for enabled in (False, True):
        torch.manual_seed(0)
        random.seed(0)

        def open_log(*given: Any, enabled: bool = enabled, **options: Any) -> DebugLogger:
            logs.append(DebugLogger(*given, log_dir=tmp_path, enabled=enabled, **options))
            return logs[-1]

        ends.append((USERS[user](open_log), torch.get_rng_state(), random.getstate()))
    assert_same_bits(*ends)
    (log,) = (log for log in logs if log.path is not None)
    assert not events(log, "logger_error")
    assert events(log, "fit_end")[0]["data"]["status"] == "completed"
    losses = [line["data"]["loss"] for line in events(log, "training_step")]
    assert len(losses) == len(events(log, "gradient_stats")) == len(events(log, "loop")) > 10
    assert None not in losses
    assert all(data["num_params_updated"] > 0 for data in (line["data"] for line in events(log, "param_updates")))
    with open_store(":memory:") as store:
        assert [f.code for f in store.report(str(log.path)).findings if f.severity != "note"] == []
