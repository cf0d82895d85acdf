"""How long the questions take on a store of many runs and on runs of a million logged steps, each in a new process.

    python -m benchmarks.queries              # 1,000 runs of 10,000 logged steps, three of a million: 7 GB, kept
    python -m benchmarks.queries --runs 100   # the same with fewer
    python -m benchmarks.queries --publish    # and write docs/benchmarks/queries.md

The store is made once, in `.benchmarks`; see `queries_store`.
"""

import argparse
import os
import platform
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.queries_store import MILLION, STEPS_OF_MANY, make, runs_of
from debugstore.store import versions

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".benchmarks"
PAGE = ROOT / "docs" / "benchmarks" / "queries.md"
REPEATS = 3


@dataclass(frozen=True)
class Asked:
    """One command that is timed, and the seconds that it may take; None where no aim was set."""

    what: str
    aim: float | None
    command: tuple[str, ...]


@dataclass(frozen=True)
class Took:
    """What one command took: seconds on the clock, the median and the least, and of the processor, the least."""

    asked: Asked
    median: float
    least: float
    processor: float


ASKED = (
    Asked("`runs`", 0.5, ("runs",)),
    Asked("`report` of a million logged steps", 2.0, ("report", "million-0")),
    Asked("`report` of 100,000, a hundred parameters in the lists", 3.0, ("report", "hundred-params")),
    Asked("`report` of 10,000, every row read", None, ("report", "many-0")),
    Asked("`compare` of two of a million", 4.0, ("compare", "million-0", "million-1")),
    Asked("`compare` of two of a million that are equal in every row", None, ("compare", "million-0", "million-again")),
)


def main() -> None:
    """Make the store if it is not there, time the commands, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="runs of ten thousand logged steps")
    parser.add_argument("--million", type=int, default=MILLION, help="logged steps of the long runs")
    parser.add_argument("--make", action="store_true", help="make the store and ask nothing")
    parser.add_argument("--publish", action="store_true", help="write the page of the documentation")
    asked = parser.parse_args()
    store = FOLDER / f"queries-{asked.runs}-{asked.million}.db"
    if not store.exists() or not _is_current(store):
        make(store, runs_of(asked.runs, asked.million))
    if asked.make:
        return
    taken = [measured(store, one) for one in ASKED]
    lines = list(page(store, asked.runs, asked.million, taken))
    print("\n".join(lines))
    if asked.publish:
        PAGE.write_text("\n".join(lines) + "\n", "utf-8")


def measured(store: Path, asked: Asked) -> Took:
    """Ask a few times, each in a process of its own, and return what it took."""
    walls, processors = zip(*(timed(store, asked.command) for _ in range(REPEATS)), strict=True)
    return Took(asked, statistics.median(walls), min(walls), min(processors))


def timed(store: Path, command: tuple[str, ...]) -> tuple[float, float]:
    """Return the seconds of one command, on the clock and of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-m", "debugstore", "--db", str(store), *command], check=False, capture_output=True, text=True
    )
    wall = time.perf_counter() - started
    if ran.returncode == 2:
        raise SystemExit(ran.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def page(store: Path, num_runs: int, million: int, taken: list[Took]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Questions at scale"
    yield ""
    yield "Written by `python -m benchmarks.queries --publish`, which also makes the store."
    yield ""
    yield (
        f"{num_runs:,} runs of {STEPS_OF_MANY:,} logged steps, three of {million:,} and one of 100,000, in one SQLite"
        f" file of {store.stat().st_size / 1e9:.1f} GB; a logged step has its gradients and its loop, every fifth its"
        f" update, with lists of parameters. {os.cpu_count()} processors ({_processor()}), Python"
        f" {platform.python_version()}, SQLite {sqlite3.sqlite_version}. Every command runs in a new process,"
        f" {REPEATS} times; the pages of the file may be in the system's memory. Other work kept"
        f" {max(0.0, os.getloadavg()[1] - 1):.1f} processors busy meanwhile: of an idle machine the last column tells."
    )
    yield ""
    yield "| command | aim, s | median, s | least, s | of the processor, s |"
    yield "|---|---|---|---|---|"
    for took in taken:
        aim = took.asked.aim or ""
        yield f"| {took.asked.what} | {aim} | {took.median:.2f} | {took.least:.2f} | {took.processor:.2f} |"
    yield ""
    yield (
        "A run of more than 20,000 logged steps is read as a digest"
        " ([0010](../decisions/0010-long-runs-are-read-as-digests.md)); `--all-rows` reads all. Two runs that are equal"
        " are read whole, row beside row: that is what it takes to say so."
    )


def _processor() -> str:
    names = [line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text("utf-8").splitlines() if path.exists() else []


def _is_current(store: Path) -> bool:
    with closing(sqlite3.connect(store)) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return bool(found == (versions.head(),))


if __name__ == "__main__":
    main()
