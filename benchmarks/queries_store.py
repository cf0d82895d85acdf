"""The store that `benchmarks.queries` asks: made once, by the database itself, and kept in `.benchmarks`.

The rows are of the shape a logger writes at its default cadence (a step, its gradients and its loop each, an update
every fifth, lists of parameters, a validation every thousand), the numbers are invented: a loss that falls, with noise.
"""

import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from debugstore.store import schema, stretches
from debugstore.store.database import open_database

MILLION = 1_000_000
STEPS_OF_MANY = 10_000
STEPS_OF_WIDE = 100_000
NUM_PARAMS = 100


@dataclass(frozen=True)
class Made:
    """One run to make: how many steps it logs, and how many parameters stand in its lists."""

    name: str
    steps: int
    listed: int
    copy_of: str | None = None


_NUMBERS = (
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count), "
    "v AS (SELECT i, i * 10 AS step, abs(random() % 1000) / 1000.0 AS noise, 3.0 / (1 + i * 20.0 / :count) AS fall"
    " FROM n)"
)
_KEY = "run, segment, seq, rank, step, epoch, timestamp"
_PER_STEP = 4
"""Numbers of events that a logged step takes: itself, its gradients, its loop, its update if it has one."""
_ROWS = {
    "steps": (
        "loss, accuracy, learning_rate, sample_predictions, sample_labels, labels_shape, num_valid_tokens, batch_idx,"
        " batch_fingerprint, input_mean, input_std, label_min, label_max, label_entropy, output_min, output_max,"
        " output_std, top_prediction_share, cross_entropy, weight_norm",
        "fall + noise / 50, 1 - fall / 3, 0.001, '[3, 1, 4, 1, 5, 9, 2, 6, 5, 3]', '[2, 7, 1, 8, 2, 8, 1, 8, 2, 8]',"
        " '[8, 512]', 4096, i, hex(randomblob(8)), noise / 9, 1 + noise / 9, 0, 9, 2.2 + noise / 99, -3 - noise,"
        " 3 + noise, 1 + noise, 0.2 + noise / 99, fall + noise / 50, 30 + noise",
        "",
    ),
    "grads": (
        "total_norm, clipped_norm, entry_norm, max_grad, min_grad, num_params_with_grad, num_params_total,"
        " num_zero_grad, num_nonfinite, first_param_norm, last_param_norm, gradient_fingerprint",
        "0.5 + noise, 0.5 + noise, 0.0, noise, noise / 1e9, 100, 100, 0, 0, noise / 9, noise / 8, hex(randomblob(8))",
        "",
    ),
    "loops": (
        "call_order, num_backward, num_zero_grad, num_optimizer_steps, num_total_backward, num_total_zero_grad,"
        " num_total_optimizer_steps, step_seconds, data_seconds, forward_seconds, backward_seconds, optimizer_seconds,"
        " logger_seconds, peak_bytes",
        "'FLBSZ', 1, 1, 1, step + 1, step + 1, step + 1, 0.1 + noise / 99, 0.01, 0.03, 0.05, 0.01, 0.001, 1000000000",
        "",
    ),
    "param_updates": (
        "num_params_updated, num_params_total, update_norm, weight_norm, update_ratio, share_entries_changed,"
        " decay_norm, num_nonfinite_params, parameter_fingerprint",
        "100, 100, noise / 30, 30 + noise, (1 + noise) / 1000, 1.0, 0.0, 0, hex(randomblob(8))",
        "WHERE i % 5 = 0",
    ),
}
_PARTS = {
    "grad_norms": (
        "grads",
        "param, norm, listed",
        "1 + (e.seq * 7 + p.id * 13) % 100, e.total_norm / p.id, 1 + p.id % 2",
    ),
    "param_changes": (
        "param_updates",
        "param, change, ratio",
        "1 + (e.seq * 7 + p.id * 13) % 100, e.update_norm / p.id, e.update_ratio",
    ),
}


def runs_of(num_runs: int, million: int) -> list[Made]:
    """Return the runs of the store: three long ones, the third like the first, one with long lists, many short ones."""
    return [
        Made("million-0", million, 10),
        Made("million-1", million, 10),
        Made("million-again", million, 10, copy_of="million-0"),
        Made("hundred-params", STEPS_OF_WIDE, 20),
        Made("many-0", STEPS_OF_MANY, 4),
        *(Made(f"many-{index}", STEPS_OF_MANY, 4, copy_of="many-0") for index in range(1, num_runs)),
    ]


def make(store: Path, runs: list[Made]) -> None:
    """Make the store, whole or not at all."""
    store.parent.mkdir(exist_ok=True)
    unfinished = store.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    open_database(unfinished, create=True).close()
    keys = {run.name: key for key, run in enumerate(runs, 1)}
    with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -200000"):
            connection.execute(f"PRAGMA {setting}")
        names = [(key, f"layers.{key}.weight") for key in range(1, NUM_PARAMS + 1)]
        connection.executemany("INSERT INTO params (id, name) VALUES (?, ?)", names)
        for run in runs:
            _add_run(connection, keys[run.name], run)
            if run.copy_of is None:
                _make_rows(connection, keys[run.name], run)
            else:
                _copy_rows(connection, keys[run.name], keys[run.copy_of])
            print(f"\r{keys[run.name]} of {len(runs)} runs made", end="", file=sys.stderr, flush=True)
        connection.execute("PRAGMA journal_mode = WAL")
    print(file=sys.stderr)
    with open_database(unfinished) as database:  # as ingest ends
        stretches.complete_runs(database, list(keys))
    unfinished.rename(store)


def _add_run(connection: sqlite3.Connection, key: int, run: Made) -> None:
    values = {"run": key, "name": run.name, "count": run.steps}
    connection.execute(
        "INSERT INTO runs (id, run_id, name, status, started_at)"
        " VALUES (:run, :name, :name, 'completed', 1.7e9 + :run)",
        values,
    )
    connection.execute(
        "INSERT INTO segments (id, run, rank, key, kind, started_at, first_step, last_step, first_seq, next_seq,"
        " num_events, num_steps) VALUES (:run, :run, 0, :name, 'native', 1.7e9 + :run, 0, :count * 10 - 10, 0,"
        f" :count * {_PER_STEP}, :count * 3 + :count / 5 + :count / 1000, :count)",
        values,
    )


def _make_rows(connection: sqlite3.Connection, key: int, run: Made) -> None:
    """Write the rows of one run of one segment, whose row is its run's; `seq` counts as a logger does."""
    values = {"run": key, "count": run.steps, "listed": run.listed}
    for offset, (table, (columns, expressions, where)) in enumerate(_ROWS.items()):
        identity = f":run, :run, i * {_PER_STEP} + {offset}, 0, step, i * 10 / :count, 1.7e9 + i"
        connection.execute(
            f"INSERT INTO {table} ({_KEY}, {columns}) {_NUMBERS} SELECT {identity}, {expressions} FROM v {where}",
            values,
        )
    for table, (parent, columns, expressions) in _PARTS.items():
        connection.execute(
            f"INSERT INTO {table} (run, segment, seq, {columns}) SELECT e.run, e.segment, e.seq, {expressions}"
            f" FROM {parent} AS e CROSS JOIN params AS p WHERE e.run = :run AND p.id <= :listed",
            values,
        )
    connection.execute(
        f"INSERT INTO validations ({_KEY}, loss, accuracy) {_NUMBERS} SELECT :run, :run, i * {_PER_STEP} + 3, 0, step,"
        " i * 10 / :count, 1.7e9 + i, fall, 1 - fall / 3 FROM v WHERE i % 1000 = 999",
        values,
    )


def _copy_rows(connection: sqlite3.Connection, key: int, origin: int) -> None:
    for table in (*schema.plan_tables.values(), *schema.part_tables):
        names = [column.name for column in table.columns]
        picked = ", ".join(str(key) if name in ("run", "segment") else name for name in names)
        connection.execute(
            f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {picked} FROM {table.name} WHERE run = ?", (origin,)
        )
