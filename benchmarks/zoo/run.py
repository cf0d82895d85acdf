"""Train the zoo: every case, family and seed in a process of its own, into logs that are kept until their code changes.

`python -m benchmarks.zoo.run` trains what is missing. Logs lie in `.benchmarks/zoo/logs/CASE/FAMILY/SEED/`, beside
`outcome.json`, which says what became of the training and which code made it.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

import debugstore.logger
from benchmarks.zoo import cases, loop
from benchmarks.zoo.cases import Case
from benchmarks.zoo.families import FAMILIES, TUNING
from benchmarks.zoo.parallel import FORK, each
from benchmarks.zoo.training import Training
from debugstore.events import encode, unmark

ROOT = Path(__file__).parents[2]
LOGS = ROOT / ".benchmarks" / "zoo" / "logs"


@dataclass(frozen=True)
class Job:
    """One training of the zoo."""

    case: Case
    family: str
    seed: int

    @property
    def run_id(self) -> str:
        """The run's name in the store."""
        return f"{self.case.id}-{self.family}-{self.seed}"

    def folder(self, logs: Path) -> Path:
        """Return where its log goes."""
        return logs / self.case.id / self.family / str(self.seed)


@cache
def digest(*folders: Path) -> str:
    """Return a digest of the Python and SQL files in some folders."""
    made = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            if path.suffix in {".py", ".sql"}:
                made.update(path.read_bytes())
    return made.hexdigest()[:16]


def version(job: Job) -> str:
    """Return a digest of the code that makes a job's log: the zoo's core, its own file, the logger, the contract."""
    package = Path(debugstore.logger.__file__).parents[1]
    core = [ROOT / "benchmarks" / "zoo" / f"{name}.py" for name in ("data", "models", "families", "training", "loop")]
    own = ROOT / Path(*job.case.module.split(".")).with_suffix(".py")
    return digest(*core, own, package / "logger", package / "events")


def jobs(patterns: Iterable[str] = (), only: Iterable[str] = (), seeds: int = 3) -> list[Job]:
    """Return the trainings of the cases whose id starts with a pattern, on the families named; all by default."""
    patterns, only = tuple(patterns), tuple(only) or tuple(FAMILIES)
    return [
        Job(case, family, seed)
        for case in cases.all_cases()
        if not patterns or case.id.startswith(patterns)
        for family in case.families
        if family in only
        for seed in range(min(seeds, case.seeds))
    ]


def outcome(job: Job, logs: Path = LOGS, stale: bool = False) -> dict[str, Any] | None:
    """Return what became of a training, None when the log is missing or, unless `stale`, its code has changed."""
    path = job.folder(logs) / "outcome.json"
    if not path.exists():
        return None
    found: dict[str, Any] = unmark(json.loads(path.read_bytes()))
    return found if stale or found["version"] == version(job) else None


def train(job: Job, logs: Path = LOGS, enabled: bool = True) -> None:
    """Run one training in this process and leave its log and outcome in its folder."""
    folder = job.folder(logs)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.perf_counter()
    if job.case.world == 1:
        made = _run(job, folder, 0, enabled)
    else:
        with tempfile.TemporaryDirectory() as meeting:
            others = [
                FORK.Process(target=_rank, args=(job, folder, rank, meeting, enabled))
                for rank in range(1, job.case.world)
            ]
            for process in others:
                process.start()
            made = _rank(job, folder, 0, meeting, enabled)
            for process in others:
                process.join()
    seconds = round(time.perf_counter() - started, 3)
    facts = {"version": version(job), "seconds": seconds, **asdict(made)}
    (folder / "outcome.json").write_bytes(encode(facts))


def _run(job: Job, folder: Path, rank: int, enabled: bool) -> loop.Outcome:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fault makes torch warn; that is its own affair
        training = Training(FAMILIES[job.family], job.seed, rank, job.case.world)
        job.case.inject(training)
        return loop.run(training, folder, job.run_id, enabled)


def _rank(job: Job, folder: Path, rank: int, meeting: str, enabled: bool) -> loop.Outcome:
    dist.init_process_group("gloo", init_method=f"file://{meeting}/store", rank=rank, world_size=job.case.world)
    try:
        return _run(job, folder, rank, enabled)
    finally:
        dist.destroy_process_group()


def warm_up(names: Iterable[str]) -> None:
    """Load what every fork would load again: the data, and what torch imports at its first training (two seconds)."""
    for name in names:
        FAMILIES[name].data()
    torch.set_num_threads(1)  # a pool of threads would not survive a fork
    with tempfile.TemporaryDirectory() as folder:
        train(jobs(["H-clean"], TUNING[:1], 1)[0], Path(folder))


def train_all(wanted: list[Job], logs: Path = LOGS, workers: int = 2, stale: bool = False) -> Iterator[Job]:
    """Train what has no log yet, in parallel processes; yield each job as it ends."""
    left = [job for job in wanted if outcome(job, logs, stale) is None]
    if left:
        warm_up({job.family for job in left})
    yield from each(partial(train, logs=logs), left, workers)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose trainings."""
    parser.add_argument("--only", nargs="*", default=(), metavar="ID", help="cases whose id starts with one of these")
    parser.add_argument("--families", nargs="*", default=(), choices=tuple(FAMILIES), help="all by default")
    parser.add_argument("--tuning", action="store_true", help="the tuning families alone")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each case and family (default 3)")
    parser.add_argument("--stale", action="store_true", help="take logs as they are, though their code has changed")
    parser.add_argument("--workers", type=int, default=2, help="processes at once (default 2)")


def chosen(options: argparse.Namespace) -> list[Job]:
    """Return the jobs that the options name."""
    return jobs(options.only, TUNING if options.tuning else options.families, options.seeds)


def main() -> None:
    """Train what is missing and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    options = parser.parse_args()
    wanted, started, count = chosen(options), time.perf_counter(), 0
    for job in train_all(wanted, workers=options.workers, stale=options.stale):
        count += 1
        print(f"\r{count} trained, {job.run_id:40}", end="", file=sys.stderr)
    print(f"\n{len(wanted)} trainings, {count} new, {time.perf_counter() - started:.0f} s: {LOGS}", file=sys.stderr)


if __name__ == "__main__":
    main()
