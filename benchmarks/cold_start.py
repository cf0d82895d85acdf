"""How long a command keeps a person waiting before it does anything, beside a bare typer program of the same run.

    python -m benchmarks.cold_start

Each command is a whole process, started in turn with the bare ones so that a machine that slows down slows all of them.
"""

import os
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
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(RUNS + 1):
            for name, command in commands.items():
                seconds[name].append(timed(command))
        print(f"{'command':<32}{'median s':>10}{'least s':>10}{'over bare s':>14}")
        base = 0.0
        for name, taken in seconds.items():
            median = statistics.median(taken[1:])
            base = median if name.startswith("bare") else base
            print(f"{name:<32}{median:>10.3f}{min(taken[1:]):>10.3f}{median - base:>14.3f}")
        for word in ("--help", "runs"):
            print(f"debugstore {word} imports: {', '.join(heavy([*ours[3:], word])) or 'nothing heavy'}")


def timed(command: list[str]) -> float:
    """Return the wall seconds of one process."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "NO_COLOR": "1"})
    return time.perf_counter() - started


def heavy(arguments: list[str]) -> list[str]:
    """Return the packages worth naming that a command imports."""
    program = LOADED.format(arguments=arguments)
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = ran.stdout.splitlines()[-1]
    return [name for name in ("torch", "alembic", "sqlalchemy", "numpy", "rich", "msgspec") if f"'{name}'" in loaded]


if __name__ == "__main__":
    main()
