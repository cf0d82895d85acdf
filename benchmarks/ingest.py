"""Ingest against what a user would pick instead: `sqlite-utils insert --nl` and DuckDB's `read_json`, in the same run.

One file of native events with ten gradient norms each goes into our typed tables, a row for every norm, and as it is
into one raw table of each peer. The peers are installed into a folder of their own. Run::

    python -m benchmarks.ingest                 # SQLite
    python -m benchmarks.ingest --db URL        # a PostgreSQL database without tables, and no peers

Prints events per second, peak memory, CPU seconds and the size of the result, best of the rounds, and the ratios.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from debugstore.events import encode

EVENTS = 110_000
NORMS = 10
PEERS = Path(".benchmarks") / "peers"

_OURS = """
import sys, time
from debugstore.store.database import open_database
from debugstore.store.ingest import ingest
with open_database(sys.argv[2], create=True) as store:
    begun = time.perf_counter()
    ingest(store, [sys.argv[1]])
    print(time.perf_counter() - begun)
"""
_DUCKDB = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[2])
begun = time.perf_counter()
connection.execute(f"CREATE TABLE raw AS SELECT * FROM read_json('{sys.argv[1]}', format = 'newline_delimited')")
print(time.perf_counter() - begun)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to load the file, once."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    result_bytes: int


def write_log(path: Path, events: int = EVENTS) -> int:
    """Write the log of one long run, every event with `NORMS` gradient norms; return its bytes."""
    rng = random.Random(0)
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
                data = {"schema_version": 1, "segment": "0123456789abcdef", "config": {"lr": 1e-3}}
            event = {"event_type": "gradient_stats" if seq else "fit_start", "timestamp": started + seq * 0.4}
            event |= {"run_id": "bench-7f3a", "rank": 0, "seq": seq, "step": seq * 10, "epoch": seq // 11_000}
            file.write(encode({**event, "data": data}))
    return path.stat().st_size


def measured(command: Sequence[str], result: Path | None) -> Measured:
    """Run a command to its end and return what it took: a script of ours prints its seconds, a program has all."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        assert process.stdout is not None
        said = process.stdout.read().strip()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed with {process.returncode}")
    seconds = float(said.split()[-1]) if command[1] == "-c" else time.perf_counter() - begun
    size = result.stat().st_size if result is not None else 0
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, size)


def peers() -> Path:
    """Return the folder of programs of an environment with the peers, made at the first call."""
    if not PEERS.is_dir():
        venv.create(PEERS, with_pip=True)
        subprocess.run([PEERS / "bin" / "pip", "install", "-q", "sqlite-utils", "duckdb"], check=True)
    return PEERS / "bin"


def ways(log: Path, folder: Path, url: str | None) -> dict[str, tuple[list[str], Path | None]]:
    """Return by name each way to load the log: its command, and the file it makes."""
    if url is not None:
        return {"debugstore": ([sys.executable, "-c", _OURS, str(log), url], None)}
    ours, raw, duck = folder / "ours.db", folder / "raw.db", folder / "raw.duckdb"
    programs = peers()
    return {
        "debugstore": ([sys.executable, "-c", _OURS, str(log), str(ours)], ours),
        "sqlite-utils insert --nl": (
            [str(programs / "sqlite-utils"), "insert", str(raw), "raw", str(log), "--nl"],
            raw,
        ),
        "DuckDB read_json": ([str(programs / "python"), "-c", _DUCKDB, str(log), str(duck)], duck),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--db", help="a database URL, instead of SQLite files")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "log.jsonl"
        size = write_log(log, asked.events)
        print(f"{asked.events:,} events with {NORMS} norms each, {size / 1e6:.0f} MB; best of {asked.rounds}\n")
        found: dict[str, list[Measured]] = {}
        for _ in range(1 if asked.db else asked.rounds):
            for way, (command, result) in ways(log, folder, asked.db).items():
                for old in folder.glob("*.d*b*"):
                    old.unlink()
                found.setdefault(way, []).append(measured(command, result))
    best = {way: min(several, key=lambda one: one.seconds) for way, several in found.items()}
    print("| | seconds | events/s | ratio | CPU seconds | peak MB | result / log |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    ours = best["debugstore"].seconds
    for way, one in best.items():
        share = f"{one.result_bytes / size:.2f}" if one.result_bytes else ""
        cells = (f"{one.seconds:.2f}", f"{asked.events / one.seconds:,.0f}", f"{one.seconds / ours:.2f}")
        print("|", way, "|", " | ".join((*cells, f"{one.cpu_seconds:.2f}", f"{one.peak_bytes / 1e6:.0f}", share)), "|")


if __name__ == "__main__":
    main()
