"""Who writes: the run's id, the rank, the file, the machine."""

import os
import platform
import re
import secrets
import socket
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch

_named: Counter[str] = Counter()


def rank_and_world() -> tuple[int, int]:
    """Return this process's rank and the number of processes: torch.distributed's word, else the launcher's."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return _from_environment("RANK", 0), _from_environment("WORLD_SIZE", 1)


def _from_environment(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else default


def new_run_id(run_name: str | None) -> str:
    """Return `<name>-<8 hex digits>`, the same on every rank of one training.

    The ranks agree through the key-value store of torch.distributed: the first to ask decides. Nobody waits for
    another rank, so a logger on rank 0 alone cannot hang. Before `init_process_group` each rank is on its own.
    """
    name = re.sub(r"[^\w.+-]+", "-", run_name).strip("-") if run_name else "run"
    name = name or "run"
    own = f"{name}-{secrets.token_hex(4)}"
    _named[name] += 1  # the n-th run of a name in this process is the n-th of every other rank
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return own
    try:
        store = distributed.distributed_c10d._get_default_store()
        return bytes(store.compare_set(f"debugstore/{name}/{_named[name]}", "", own)).decode()
    except Exception:
        return own


def open_path(folder: Path, rank: int, now: float) -> tuple[Path, str]:
    """Return a path no log has yet and its stamp: `debug_log_<stamp>.jsonl`, `debug_log_<stamp>_rank<k>.jsonl`."""
    suffix = f"_rank{rank}" if rank else ""
    attempt = 1
    while True:
        stamp = f"{int(now)}{f'-{attempt}' if attempt > 1 else ''}{suffix}"
        path = folder / f"debug_log_{stamp}.jsonl"
        if not path.exists():
            return path, stamp
        attempt += 1


def environment(device: torch.device | None) -> dict[str, Any]:
    """Return what this training runs on; nothing secret: no variables, no arguments."""
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "script": Path(sys.argv[0]).name if sys.argv and sys.argv[0] else None,
        "commit": _commit(Path.cwd()),
        "device": str(device) if device is not None else None,
        "cuda": torch.version.cuda,
        "num_threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }
    if device is not None and device.type == "cuda":
        facts["device_name"] = torch.cuda.get_device_name(device)
    return facts


def _commit(folder: Path) -> str | None:
    """Return the commit checked out around `folder`, read from git's files: no process is started for it."""
    try:
        root = next(place / ".git" for place in (folder, *folder.parents) if (place / ".git").exists())
        if root.is_file():  # a worktree: the file points to the real place
            root = (root.parent / root.read_text().removeprefix("gitdir:").strip()).resolve()
        head = (root / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        common = root / "commondir"
        base = (root / common.read_text().strip()).resolve() if common.exists() else root
        if (base / name).exists():
            return (base / name).read_text().strip()
        packed = (base / "packed-refs").read_text().splitlines()
        return next(line.split()[0] for line in packed if line.endswith(f" {name}"))
    except (OSError, StopIteration, IndexError, UnicodeDecodeError):
        return None
