"""Several processes over gloo: one file a rank, one run, and numbers of the synchronised gradients."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp

from tests.logger import ranks
from tests.support.training import events


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run every training as two ranks; what raises there raises here."""
    folder = tmp_path_factory.mktemp("ranks")
    mp.start_processes(ranks.everything, args=(2, folder), nprocs=2, start_method="spawn")
    return folder


def logs(folder: Path) -> list[list[dict[str, Any]]]:
    """Return the events of each rank's file, rank 0 first."""
    paths = sorted(folder.glob("debug_log_*.jsonl"), key=lambda path: "_rank" in path.name)
    return [events(path) for path in paths]


def of(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the data of one kind of event."""
    return [line["data"] for line in lines if line["event_type"] == kind]


def test_ddp_is_one_run_with_a_file_a_rank_and_the_same_training(trained: Path) -> None:
    """Two ranks agree on the run's id; gradients are those after synchronisation; parameters are bit-identical."""
    for rank in range(2):
        bare, logged_state = (torch.load(trained / name / f"rank{rank}.pt") for name in ("bare", "logged"))
        assert all(torch.equal(bare[key], logged_state[key]) for key in bare)
    first, second = logs(trained / "logged")
    assert {line["run_id"] for line in first} == {line["run_id"] for line in second}
    assert ({line["rank"] for line in first}, {line["rank"] for line in second}) == ({0}, {1})
    assert of(first, "fit_start")[0]["world_size"] == 2
    assert of(first, "fit_start")[0]["segment"] != of(second, "fit_start")[0]["segment"]
    for key in ("gradient_fingerprint", "total_norm"):
        assert [d[key] for d in of(first, "gradient_stats")] == [d[key] for d in of(second, "gradient_stats")]
    parameters = [[d["parameter_fingerprint"] for d in of(lines, "param_updates")] for lines in (first, second)]
    assert parameters[0] == parameters[1]
    batches = [[d["batch_fingerprint"] for d in of(lines, "training_step")] for lines in (first, second)]
    assert not set(batches[0]) & set(batches[1])
    assert set(of(first, "gradient_stats")[0]["top_10_grad_norms"]) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert of(first, "wiring")[0]["num_trainable_not_reached"] == 0
    assert not of(first, "logger_error") + of(second, "logger_error")


def test_a_logger_on_one_rank_waits_for_nobody(trained: Path) -> None:
    """Only rank 0 logs: the training ends, and there is one file."""
    (lines,) = logs(trained / "first")
    assert of(lines, "fit_end")[0]["status"] == "completed"


def test_fsdp_measures_its_own_shard_and_says_so(trained: Path) -> None:
    """Sharded parameters: norms are of the rank's shard, said in `is_sharded`; what the loss reaches is left out."""
    for rank, lines in enumerate(logs(trained / "fsdp")):
        assert of(lines, "fit_start")[0]["is_sharded"] is True
        norm = torch.load(trained / "fsdp" / f"rank{rank}.pt")["norm"]
        assert of(lines, "gradient_stats")[-1]["total_norm"] == pytest.approx(norm, rel=1e-5)
        assert of(lines, "param_updates")[-1]["num_params_updated"] == 4
        assert "num_reached" not in of(lines, "wiring")[0]
        assert not of(lines, "logger_error")
