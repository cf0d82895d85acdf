"""How long the questions take on a store of many runs and on a run of a million logged steps, each in a new process.

    python -m benchmarks.queries              # 1,000 runs of 10,000 logged steps and two of a million: 4 GB, kept
    python -m benchmarks.queries --runs 100   # the same with fewer

The store is made once, in `.benchmarks`, by the database itself: the rows are of the shape a logger writes at its
default cadence (a step and its gradients each, ten parameters' norms, a validation every thousand), the numbers are
invented.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import Connection, text

from debugstore.store.database import open_database

FOLDER = Path(__file__).parent.parent / ".benchmarks"
STEPS_OF_MANY = 10_000
STEPS_OF_ONE = 1_000_000
NUM_NORMS = 10
REPEATS = 3

AIMS = {
    "runs": (0.5, ["runs"]),
    "report of a million steps": (2.0, ["report", "million-0", "--format", "json"]),
    "report of ten thousand steps": (None, ["report", "many-0", "--format", "json"]),
    "compare of two of a million": (4.0, ["compare", "million-0", "million-1", "--format", "json"]),
}
"""Seconds wanted, and the command, by what is measured."""

_NUMBERS = (
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count), "
    "v AS (SELECT i, i * 10 AS step, abs(random() % 1000) / 1000.0 AS noise, 3.0 / (1 + i * 20.0 / :count) AS fall"
    " FROM n)"
)
_KEY = "run, segment, seq, rank, step, epoch, timestamp"
_ROWS = {
    "steps": (
        "loss, accuracy, learning_rate, num_valid_tokens, batch_idx, batch_fingerprint, input_mean, input_std,"
        " label_min, label_max, label_entropy, output_min, output_max, output_std, top_prediction_share, cross_entropy",
        "fall + noise / 50, 1 - fall / 3, 0.001, 4096, i, hex(randomblob(8)), noise / 9, 1 + noise / 9, 0, 9,"
        " 2.2 + noise / 99, -3 - noise, 3 + noise, 1 + noise, 0.2 + noise / 99, fall + noise / 50",
    ),
    "grads": (
        "total_norm, clipped_norm, entry_norm, max_grad, min_grad, num_params_with_grad, num_params_total,"
        " num_zero_grad, num_nonfinite, first_param_norm, last_param_norm, gradient_fingerprint",
        "0.5 + noise, 0.5 + noise, 0.0, noise, noise / 1e9, 50, 50, 0, 0, noise / 9, noise / 8, hex(randomblob(8))",
    ),
}


def main() -> None:
    """Make the store if it is not there, time the commands, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="runs of ten thousand logged steps")
    parser.add_argument("--million", type=int, default=STEPS_OF_ONE, help="logged steps of the two long runs")
    asked = parser.parse_args()
    store = FOLDER / f"queries-{asked.runs}-{asked.million}.db"
    if not store.exists():
        make(store, asked.runs, asked.million)
    held = f"{asked.runs} runs of {STEPS_OF_MANY:,} and 2 of {asked.million:,} steps"
    print(f"{store.stat().st_size / 1e9:.2f} GB, {held}\n")
    print(f"{'what':<32}{'median s':>10}{'least s':>10}{'aim s':>8}")
    for what, (aim, command) in AIMS.items():
        taken = [timed(store, command) for _ in range(REPEATS)]
        print(f"{what:<32}{statistics.median(taken):>10.2f}{min(taken):>10.2f}{aim or '':>8}", flush=True)


def timed(store: Path, command: list[str]) -> float:
    """Return the wall seconds of one command in a process of its own."""
    started = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-m", "debugstore", "--db", str(store), *command], check=False, capture_output=True, text=True
    )
    if ran.returncode == 2:
        raise SystemExit(ran.stderr)
    return time.perf_counter() - started


def make(store: Path, num_runs: int, steps_of_one: int) -> None:
    """Make the store, whole or not at all."""
    FOLDER.mkdir(exist_ok=True)
    unfinished = store.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    counts = {f"million-{index}": steps_of_one for index in range(2)}
    counts |= {f"many-{index}": STEPS_OF_MANY for index in range(num_runs)}
    with open_database(unfinished, create=True) as database:
        with database.write() as connection:
            names = [{"id": index, "name": f"layers.{index}.weight"} for index in range(1, NUM_NORMS + 1)]
            connection.execute(text("INSERT INTO params (id, name) VALUES (:id, :name)"), names)
        for run, (name, count) in enumerate(counts.items(), 1):
            with database.write() as connection:
                _add_run(connection, run, name, count)
            print(f"\r{run} of {len(counts)} runs made", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    unfinished.rename(store)


def _add_run(connection: Connection, run: int, name: str, count: int) -> None:
    """Write one run of one segment: its row is its run's, `seq` counts steps, then gradients, then validations."""
    values = {"run": run, "name": name, "count": count}
    segment = (
        "INSERT INTO segments (id, run, rank, key, kind, started_at, first_step, last_step, first_seq, next_seq,"
        " num_events, num_steps) VALUES (:run, :run, 0, :name, 'native', 1.7e9 + :run, 0, :count * 10, 0, :count * 3,"
        " :count * 2, :count)"
    )
    started = (
        "INSERT INTO runs (id, run_id, name, status, started_at) VALUES (:run, :name, :name, 'completed', 1.7e9 + :run)"
    )
    for statement in (started, segment):
        connection.execute(text(statement), values)
    for offset, (table, (columns, expressions)) in enumerate(_ROWS.items()):
        key = f":run, :run, i * 2 + {offset}, 0, step, i * 10 / :count, 1.7e9 + i"
        connection.execute(
            text(f"INSERT INTO {table} ({_KEY}, {columns}) {_NUMBERS} SELECT {key}, {expressions} FROM v"), values
        )
    norms = (
        "INSERT INTO grad_norms (run, segment, seq, param, norm, listed) SELECT g.run, g.segment, g.seq, p.id,"
        " g.total_norm / p.id, 1 FROM grads AS g CROSS JOIN params AS p WHERE g.run = :run"
    )
    validations = (
        f"INSERT INTO validations ({_KEY}, loss, accuracy) {_NUMBERS} SELECT :run, :run, 2 * :count + i, 0, step,"
        " i * 10 / :count, 1.7e9 + i, fall, 1 - fall / 3 FROM v WHERE i % 1000 = 999"
    )
    connection.execute(text(norms), {"run": run})
    connection.execute(text(validations), values)


if __name__ == "__main__":
    main()
