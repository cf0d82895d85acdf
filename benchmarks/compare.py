"""How long comparisons take, beside one plain pass over the same losses in the same database.

    python -m benchmarks.compare [--steps 10000] [--every 10]

200 runs of one log, each under a name of its own: what is in the rows does not matter to the time, how many there are
does.
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from debugstore.analysis.compare import compare
from debugstore.store.database import open_database
from debugstore.store.ingest import ingest
from tests.support.logs import Run

RUNS = 200
REPEATS = 3
NAME = "compared-run-000"


def main() -> None:
    """Make a store, measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000, help="steps of each run")
    parser.add_argument("--every", type=int, default=10, help="cadence of steps and gradients")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "compare.db"
        _fill(path, Path(folder), asked.steps, asked.every)
        with open_database(path, read_only=True) as database, database.read() as connection:
            few = range(1, 13)
            rows = {
                "one plain pass over the losses of all": _least(lambda: _plain_pass(path)),
                f"compare {RUNS} runs": _least(lambda: compare(connection, range(1, RUNS + 1))),
                "compare 12 runs, findings left out": _least(lambda: compare(connection, few, findings=False)),
                "compare 2 runs, findings left out": _least(lambda: compare(connection, [1, 2], findings=False)),
            }
    base = next(iter(rows.values()))
    print(f"{RUNS} runs of {asked.steps} steps, one in {asked.every} logged")
    print(f"{'':<42}{'least s':>10}{'passes':>10}")
    for name, seconds in rows.items():
        print(f"{name:<42}{seconds:>10.2f}{seconds / base:>10.1f}")


def _fill(path: Path, folder: Path, steps: int, every: int) -> None:
    log = Run(NAME, steps=steps, step_every=every, grad_every=every, update_every=5 * every).lines()
    logs = folder / "logs"
    logs.mkdir()
    with open_database(path, create=True) as database:
        for index in range(RUNS):
            name = f"compared-run-{index + 1:03}"
            file = logs / f"{name}.jsonl"
            file.write_bytes(log.replace(NAME.encode(), name.encode()))
            ingest(database, [file])
            file.unlink()


def _plain_pass(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("SELECT run, COUNT(*), MIN(loss), MAX(step) FROM steps GROUP BY run").fetchall()


def _least(do: Callable[[], object]) -> float:
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
