"""What the tests of the command line share: logs, a store made of them, and a way to type a command."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from debugstore_cli.main import run
from tests.support.logs import Run

HEALTHY = Run(run_id="baseline", config={"note": "first"})
FAULTY = Run(run_id="lr-2", seed=3, peak_lr=2.0, loss=lambda step: 2.3 + 0.1 * step, started_at=1_732_100_000.0)


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    def failed(self) -> str:
        """Return the one line on stderr of a command that failed."""
        assert self.code == 2, (self.code, self.out, self.err)
        assert self.out == ""
        assert self.err.startswith("debugstore"), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()

    def done(self) -> str:
        """Return what a command that was done put on stdout, which said nothing on stderr."""
        assert (self.code, self.err) == (0, ""), (self.code, self.err)
        return self.out


Type = Callable[..., Outcome]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the logs of a healthy and of a faulty run and a store of both; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    logs = folder / "logs"
    logs.mkdir()
    HEALTHY.write(logs)
    FAULTY.write(logs)
    assert run(["--db", str(folder / "debugstore.db"), "ingest", str(logs)]) == 0
    return folder


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, whatever the environment says."""
    monkeypatch.chdir(tmp_path)
    for name in ("DEBUGSTORE_URL", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def folder(made: Path, empty_folder: Path) -> Path:
    """Work in a copy of the logs and the store."""
    shutil.copytree(made, empty_folder, dirs_exist_ok=True)
    return empty_folder


@pytest.fixture
def type_(capsys: pytest.CaptureFixture[str]) -> Type:
    """Return what types a command in this process."""

    def typed(*arguments: Any) -> Outcome:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return typed


def start(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    options["env"] = {**os.environ, **options.get("env", {})}
    return subprocess.Popen([sys.executable, "-m", "debugstore", *map(str, arguments)], **options)
