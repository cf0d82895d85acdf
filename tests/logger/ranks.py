"""Trainings of several processes over gloo, for `test_distributed`; a module of its own so that spawn can import it."""

import os
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from debugstore import DebugLogger
from tests.support.training import batch, small_model


def join(rank: int, world_size: int, folder: Path) -> None:
    """Join the group through a file: no port to collide on."""
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(world_size))
    dist.init_process_group("gloo", init_method=f"file://{folder / 'rendezvous'}", rank=rank, world_size=world_size)


def train(log: DebugLogger, model: nn.Module, optimizer: torch.optim.Optimizer, rank: int, steps: int) -> None:
    """Train on a different batch each rank."""
    for step in range(steps):
        x, y = batch(100 * rank + step)
        logits = model(x)
        loss = functional.cross_entropy(logits, y)
        log.training_step(loss, logits=logits, labels=y, inputs=x)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def ddp(rank: int, folder: Path, logged: bool) -> None:
    """Train under DDP; write the parameters that came out."""
    model = DistributedDataParallel(small_model())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=folder, run_name="ddp", enabled=logged) as log:
        train(log, model, optimizer, rank, 6)
    torch.save(model.module.state_dict(), folder / f"rank{rank}.pt")


def only_first(rank: int, folder: Path) -> None:
    """Log on rank 0 alone: nobody may wait for the other."""
    model = DistributedDataParallel(small_model())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=folder, enabled=rank == 0) as log:
        train(log, model, optimizer, rank, 3)


def fsdp(rank: int, folder: Path) -> None:
    """Train under FSDP2 on the CPU; write this rank's true shard norms."""
    model = small_model()
    fully_shard(model, mesh=init_device_mesh("cpu", (dist.get_world_size(),)))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    seen: dict[str, Any] = {}
    with DebugLogger(model, optimizer, log_dir=folder, run_name="fsdp") as log:
        for step in range(2):
            x, y = batch(100 * rank + step)
            loss = functional.cross_entropy(model(x), y)
            log.training_step(loss, inputs=x, labels=y)
            loss.backward()
            shards = [p.grad.to_local().flatten() for p in model.parameters()]
            seen["norm"] = torch.cat(shards).norm().item()
            optimizer.step()
            optimizer.zero_grad()
    torch.save(seen, folder / f"rank{rank}.pt")


def everything(rank: int, world_size: int, folder: Path) -> None:
    """Do all of it in one pair of processes: starting them takes longer than the trainings."""
    join(rank, world_size, folder)
    for name in ("bare", "logged", "first", "fsdp"):
        (folder / name).mkdir(exist_ok=True)
    ddp(rank, folder / "bare", logged=False)
    ddp(rank, folder / "logged", logged=True)
    only_first(rank, folder / "first")
    fsdp(rank, folder / "fsdp")
    dist.destroy_process_group()
