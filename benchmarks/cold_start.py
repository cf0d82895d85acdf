"""How long a command keeps a person waiting before it does anything, beside a bare typer program of the same run.

    python -m benchmarks.cold_start

Each command is a whole process, started in turn with the bare ones so that a machine that slows down slows all of them.
Processor time is what the command costs wherever it runs; wall time is what a person waits on this machine today.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
        print(f"{'median of ' + str(RUNS):<32}{'wall s':>10}{'over bare':>12}{'cpu s':>10}{'over bare':>12}")
        wall_bare = cpu_bare = 0.0
        for name, pairs in taken.items():
            wall, cpu = (statistics.median(column) for column in zip(*pairs[1:], strict=True))
            if name.startswith("bare"):
                wall_bare, cpu_bare = wall, cpu
            print(f"{name:<32}{wall:>10.3f}{wall - wall_bare:>12.3f}{cpu:>10.3f}{cpu - cpu_bare:>12.3f}")
        for word in ("--help", "runs"):
            print(f"debugstore {word} imports: {', '.join(heavy([*ours[3:], word])) or 'nothing heavy'}")


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
