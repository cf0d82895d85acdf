"""Ingest against what a user would pick instead: `sqlite-utils insert --nl` and DuckDB's `read_json`, in the same run.

One file of native events with ten gradient norms each goes into our typed tables, a row for every norm, and as it is
into one raw table of each peer. The peers are installed into a folder of their own. Run::

    python -m benchmarks.ingest [--out PAGE]            # SQLite
    python -m benchmarks.ingest --db URL [--writers 4]  # a PostgreSQL database, and no peers

Prints medians of the rounds: events per second, CPU seconds, and the ratios within a round, since the machine's speed
changes between rounds; peak memory of all processes together, of a round of its own that is not timed; the size of the
result. Ours is timed from opening a store that is there to closing it, and as the command that a person types, which
imports and makes the store too; DuckDB from connecting to closing; `sqlite-utils` as a command.
"""

import argparse
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import pages
from debugstore.events import encode
from debugstore.store.database import open_database

EVENTS = 110_000
NORMS = 10
PEERS = Path(".benchmarks") / "peers"
OURS, SWEEP, COMMAND = "debugstore", "debugstore, 20 logs", "debugstore ingest"
"""Our ways: into a store that is open, from one log and from a folder of many; and as a command into a new one."""
LOGS = 20
"""Logs of the folder, which hold as many events together as the one."""

_OURS = """
import sys, time
from debugstore.store.database import open_database
from debugstore.store.ingest import ingest
begun = time.perf_counter()
with open_database(sys.argv[2]) as store:
    ingest(store, [sys.argv[1]])
print(time.perf_counter() - begun)
"""
_DUCKDB = """
import sys, time, duckdb
begun = time.perf_counter()
connection = duckdb.connect(sys.argv[2])
connection.execute(f"CREATE TABLE raw AS SELECT * FROM read_json('{sys.argv[1]}', format = 'newline_delimited')")
connection.close()
print(time.perf_counter() - begun)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to load the file, once."""

    seconds: float
    cpu_seconds: float
    result_bytes: int


def write_log(path: Path, events: int = EVENTS, run: str = "bench-7f3a") -> int:
    """Write the log of one long run, every event with `NORMS` gradient norms; return its bytes."""
    rng = random.Random(run)
    names = [f"block{block}.{part}.weight" for block in range(12) for part in ("qkv", "out", "up", "down")]
    started = 1_732_000_000.0
    with path.open("wb") as file:
        for seq in range(events):
            norms = sorted((rng.random() for _ in range(NORMS)), reverse=True)
            data: dict[str, object] = {
                "total_norm": rng.random() * 5,
                "max_grad": rng.random(),
                "min_grad": rng.random() * 1e-9,
                "num_params_with_grad": len(names),
                "num_params_total": len(names),
                "num_zero_grad": 0,
                "top_10_grad_norms": dict(zip(rng.sample(names, NORMS), norms, strict=True)),
            }
            if seq == 0:
                data = {"schema_version": 1, "segment": f"of-{run}", "config": {"lr": 1e-3}}
            event = {"event_type": "gradient_stats" if seq else "fit_start", "timestamp": started + seq * 0.4}
            event |= {"run_id": run, "rank": 0, "seq": seq, "step": seq * 10, "epoch": seq // 11_000}
            file.write(encode({**event, "data": data}))
    return path.stat().st_size


def started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start one way to load a log."""
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def finished(process: subprocess.Popen[bytes], begun: float, result: Path | None) -> Measured:
    """Wait for a process and return what it took: a script of ours prints its seconds, a program has all."""
    with process:
        assert process.stdout is not None
        said = process.stdout.read().strip()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    command = [str(part) for part in process.args]  # type: ignore[union-attr]
    if process.returncode:
        raise SystemExit(f"{command[0]} failed with {process.returncode}")
    seconds = float(said.split()[-1]) if command[1] == "-c" else time.perf_counter() - begun
    return Measured(seconds, usage.ru_utime + usage.ru_stime, result.stat().st_size if result is not None else 0)


def measured(command: Sequence[str], result: Path | None) -> Measured:
    """Run a command to its end and return what it took."""
    return finished(started(command), time.perf_counter(), result)


def peak_bytes(command: Sequence[str]) -> int:
    """Run a command and return the most memory that it and its children held together: shared pages count once."""
    peak = 0
    with started(command) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_held, _family(process.pid))))
            time.sleep(0.01)
    return peak


def _family(pid: int) -> list[int]:
    """Return a process and its children."""
    try:
        texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # it has ended
        return []
    return [pid, *(found for text in texts for child in text.split() for found in _family(int(child)))]


def _held(pid: int) -> int:
    """Return the memory of a process in bytes, its share of what it shares."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)


def peers() -> Path:
    """Return the folder of programs of an environment with the peers, made at the first call."""
    if not PEERS.is_dir():
        venv.create(PEERS, with_pip=True)
        subprocess.run([PEERS / "bin" / "pip", "install", "-q", "sqlite-utils", "duckdb"], check=True)
    return PEERS / "bin"


def sweep_of(log: Path) -> Path:
    """Return the folder with as many events as a log, in many."""
    return log.with_suffix("")


def ways(log: Path, folder: Path) -> dict[str, tuple[list[str], Path]]:
    """Return by name each way to load the log: its command, and the file it makes."""
    ours, new, raw, duck = (folder / name for name in ("ours.db", "new.db", "raw.db", "raw.duckdb"))
    programs = peers()
    return {
        OURS: ([sys.executable, "-c", _OURS, str(log), str(ours)], ours),
        SWEEP: ([sys.executable, "-c", _OURS, str(sweep_of(log)), str(ours)], ours),
        COMMAND: ([str(Path(sys.executable).with_name("debugstore")), "ingest", str(log), "--db", str(new)], new),
        "sqlite-utils insert --nl": (
            [str(programs / "sqlite-utils"), "insert", str(raw), "raw", str(log), "--nl"],
            raw,
        ),
        "DuckDB read_json": ([str(programs / "python"), "-c", _DUCKDB, str(log), str(duck)], duck),
    }


def fresh(folder: Path) -> None:
    """Leave an empty store of ours and nothing else."""
    for old in folder.glob("*.d*b*"):
        old.unlink()
    open_database(folder / "ours.db", create=True).close()


def against_peers(log: Path, size: int, events: int, rounds: int) -> str:
    """Return a table of all ways."""
    folder = log.parent
    found: dict[str, list[Measured]] = {}
    peaks = {}
    for number in range(rounds + 1):
        for way, (command, result) in ways(log, folder).items():
            fresh(folder)
            if number == 0:
                peaks[way] = peak_bytes(command)
            else:
                found.setdefault(way, []).append(measured(command, result))
    compared = (f"`{OURS}`, times as fast", f"`{COMMAND}`, times as fast")
    heads = ("", "seconds", "least", "events/s", *compared, "CPU seconds", "peak MB", "result / log")
    rows = []
    for way, several in found.items():
        seconds = statistics.median(one.seconds for one in several)
        rows.append(
            (
                way,
                f"{seconds:.2f}",
                f"{min(one.seconds for one in several):.2f}",
                f"{events / seconds:,.0f}",
                *(over(found[ours], several) for ours in (OURS, COMMAND)),
                f"{statistics.median(one.cpu_seconds for one in several):.2f}",
                f"{peaks[way] / 1e6:.0f}",
                f"{several[0].result_bytes / size:.2f}",
            )
        )
    return pages.table(heads, rows)


def over(ours: Sequence[Measured], several: Sequence[Measured]) -> str:
    """Return how many times as fast ours were, round by round: the median, the least and the most."""
    ratios = [one.seconds / our.seconds for one, our in zip(several, ours, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f})"


def on_server(url: str, logs: Sequence[Path], events: int) -> str:
    """Return a table of several processes that ingest a log each, at once."""
    open_database(url, create=True).close()
    begun = time.perf_counter()
    running = [started([sys.executable, "-c", _OURS, str(log), url]) for log in logs]
    each = [finished(process, begun, None) for process in running]
    seconds = max(one.seconds for one in each)
    cpu = sum(one.cpu_seconds for one in each)
    row = (f"{len(logs)}", f"{seconds:.2f}", f"{len(logs) * events / seconds:,.0f}", f"{cpu:.2f}")
    return pages.table(("processes", "seconds", "events/s in all", "their CPU seconds"), [row])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--db", help="a database URL, instead of SQLite files")
    parser.add_argument("--writers", type=int, default=1, help="processes that ingest a log each, with --db")
    parser.add_argument("--out", type=Path, help="file to write the page to")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        logs = [Path(name) / f"log{number}.jsonl" for number in range(asked.writers if asked.db else 1)]
        size = sum(write_log(log, asked.events, f"{log.stem}-{time.time_ns():x}") for log in logs) // len(logs)
        said = f"A log of {asked.events:,} events with {NORMS} norms each, {size / 1e6:.0f} MB"
        if asked.db:
            parts = [f"{said}, for each process.", on_server(asked.db, logs, asked.events)]
        else:
            sweep_of(logs[0]).mkdir()
            for number in range(LOGS):
                write_log(sweep_of(logs[0]) / f"{number}.jsonl", asked.events // LOGS, f"run-{number}")
            parts = [
                f"{said}; medians of {asked.rounds} rounds, ratios within a round.",
                against_peers(logs[0], size, asked.events, asked.rounds),
                READ,
            ]
    pages.write(asked.out, "Ingest", pages.machine(f"SQLite {sqlite3.sqlite_version}"), *parts)


READ = (
    "Ours are typed tables: one row an event in the table of its type, and one for every norm. The peers' are one raw"
    " table, a row a line, the norms a text or a structure in it. The twenty logs hold as many events together as the"
    " one. `debugstore` and DuckDB are timed from opening the database to closing it, the other two as commands from"
    " start to end, ours with making the store. Peak memory is that of all processes together, of a run that is not"
    " timed."
)


if __name__ == "__main__":
    main()
