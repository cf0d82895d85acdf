"""Run the commands of a tutorial for real, in a new folder, and put what they print into its page.

python docs/replay.py            write docs/tutorial.md anew
python docs/replay.py --check    say where what is printed has another form than the page says, and exit 1

A block marked `console` holds one command behind `$ ` and what it printed. Numbers differ from machine to machine, so
the check compares the words and their order, not the numbers.
"""

import difflib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

PAGE = Path(__file__).parent / "tutorial.md"
ROOT = PAGE.parent.parent

_BLOCK = re.compile(r"(?<=^```console\n)\$ (?P<command>[^\n]+)\n(?P<output>.*?)(?=^```$)", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"[-+]?\d[\d.,e+-]*")
_DRAWN = re.compile(r"[▁▂▃▄▅▆▇█]+")


def main() -> int:
    """Write the page, or check it; return the exit code."""
    page = PAGE.read_text("utf-8")
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(replayed(page), "utf-8")
        return 0
    found = differences(page, replayed(page))
    print("\n".join(found) or "docs/tutorial.md says what is printed")
    return 1 if found else 0


def replayed(page: str) -> str:
    """Return the page with what its commands print now."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        return _BLOCK.sub(_runner(Path(folder)), page)


def differences(page: str, now: str) -> list[str]:
    """Return the lines whose words differ, as a diff."""
    lines = difflib.unified_diff(_words(page), _words(now), "docs/tutorial.md", "now", lineterm="", n=1)
    return list(lines)


def _words(page: str) -> list[str]:
    """Return the page's lines without numbers, drawings and the blanks that depend on them."""
    bare = (" ".join(_NUMBER.sub("#", _DRAWN.sub("", line)).split()) for line in page.splitlines())
    return [re.sub(r"-{3,}", "---", line) for line in bare if line]


def _runner(folder: Path) -> Callable[[re.Match[str]], str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    unset = {"DEBUGSTORE_URL", "FORCE_COLOR"}
    kept = {key: value for key, value in os.environ.items() if key not in unset}
    environment = kept | {"PATH": path, "OMP_NUM_THREADS": "1"}  # beside other processes, more threads are slower

    def run(block: re.Match[str]) -> str:
        command = block["command"]
        ran = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        if ran.returncode != 0:
            raise SystemExit(f"'{command}' ended with {ran.returncode}: {ran.stderr}")
        return f"$ {command}\n{ran.stdout}"

    return run


if __name__ == "__main__":
    sys.exit(main())
