"""Processes that ingest, started fast and killed at any moment: forks of one process that has imported all it needs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import debugstore

_SCRIPT = """
import json, os, sys
from debugstore.store import checkpoints, decoding, sources, upgrade
from debugstore.store.database import open_database
from debugstore.store.ingest import ingest

def work(task):
    sources._BLOCK = checkpoints._EVERY = task["block"]
    if task["helped"]:
        decoding.LARGE = 1
    with open_database(task["store"], create=True, busy_seconds=120) as store:
        ingest(store, task["files"])

for line in sys.stdin:
    task = json.loads(line)
    if "wait" in task:
        print(os.waitstatus_to_exitcode(os.waitpid(task["wait"], 0)[1]), flush=True)
        continue
    made = os.fork()
    if not made:
        try:
            work(task)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    print(made, flush=True)
"""


class Ingesters:
    """Starts processes that ingest."""

    def __init__(self, parent: "subprocess.Popen[str]") -> None:
        self._parent = parent

    def start(self, store: str | Path, files: Sequence[Path], block: int = 1 << 21, helped: bool = False) -> int:
        """Start one and return its number; it reads so many bytes for each transaction, with help if it is told."""
        names = [str(file) for file in files]
        return self._ask({"store": str(store), "files": names, "block": block, "helped": helped})

    def wait(self, number: int) -> int:
        """Wait until one ends and return its exit code, negative for the signal that ended it."""
        return self._ask({"wait": number})

    def kill(self, number: int) -> int:
        """Kill one, give it no chance to tidy up, and return its exit code."""
        os.kill(number, signal.SIGKILL)
        return self.wait(number)

    def _ask(self, task: dict[str, object]) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(task) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


@contextmanager
def ingesters() -> Iterator[Ingesters]:
    """Give what starts processes that ingest."""
    folder = Path(debugstore.__file__).parent.parent
    command = [sys.executable, "-c", _SCRIPT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as parent:
        yield Ingesters(parent)
