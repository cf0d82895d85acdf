"""How long a command keeps a person waiting before it does anything, beside a bare typer program of the same run.

    python -m benchmarks.cold_start [--out PAGE]

Each command is a whole process, started in turn with the bare ones so that a machine that slows down slows all of them.
Processor time is what the command costs wherever it runs; wall time is what a person waits on this machine today.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import pages
from tests.support.logs import Run

RUNS = 15
BARE = """
import typer
app = typer.Typer()
@app.command()
def one(name: str = "x") -> None:
    "Say a name."
    print(name)
@app.command()
def two() -> None:
    "Say nothing."
app()
"""
LOADED = """
import sys
from debugstore_cli.main import run
code = run({arguments!r})
print(sorted(sys.modules))
sys.exit(code)
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, help="file to write the page to")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bare, database = Path(folder) / "bare.py", Path(folder) / "debugstore.db"
        bare.write_text(BARE)
        log = Run().write(Path(folder))
        ours = [sys.executable, "-m", "debugstore", "--db", str(database)]
        subprocess.run([*ours, "ingest", str(log)], check=True, capture_output=True)
        commands = {
            "bare typer program, --help": [sys.executable, str(bare), "--help"],
            "debugstore --help": [*ours, "--help"],
            "bare typer program, a command": [sys.executable, str(bare), "one"],
            "debugstore runs": [*ours, "runs"],
            "debugstore report": [*ours, "report"],
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(RUNS + 1):
            for name, command in commands.items():
                taken[name].append(timed(command))
        rows = []
        wall_bare = cpu_bare = 0.0
        for name, pairs in taken.items():
            wall, cpu = (statistics.median(column) for column in zip(*pairs[1:], strict=True))
            if name.startswith("bare"):
                wall_bare, cpu_bare = wall, cpu
            figures = (wall, wall - wall_bare, cpu, cpu - cpu_bare)
            rows.append((name, *(f"{figure:.3f}" for figure in figures)))
        imports = [
            f"`debugstore {word}` imports {', '.join(heavy([*ours[3:], word])) or 'nothing heavy'}."
            for word in ("--help", "runs")
        ]
    heads = (f"median of {RUNS}", "wall s", "over bare", "cpu s", "over bare")
    read = f"{AIM} {' '.join(imports)}"
    pages.write(asked.out, "Cold start", pages.machine(), pages.table(heads, rows), read)


AIM = (
    "The aim is 0.15 s over a bare typer program. Wall time is what a person waits on this machine; processor time is"
    " what the command costs wherever it runs. Of the packages torch, alembic, SQLAlchemy, NumPy, rich and msgspec,"
)


def timed(command: list[str]) -> tuple[float, float]:
    """Return the wall seconds and the processor seconds of one process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "NO_COLOR": "1"})
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def heavy(arguments: list[str]) -> list[str]:
    """Return the packages worth naming that a command imports."""
    program = LOADED.format(arguments=arguments)
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = ran.stdout.splitlines()[-1]
    return [name for name in ("torch", "alembic", "sqlalchemy", "numpy", "rich", "msgspec") if f"'{name}'" in loaded]


if __name__ == "__main__":
    main()
