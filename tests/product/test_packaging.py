"""What is installed: every package of the checkout, in a wheel that works on its own, without torch."""

import json
import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.logs import Run

ROOT = Path(__file__).parents[2]
FOLDERS = {"debugstore": "debugstore", "cli": "debugstore_cli", "migrations": "debugstore_migrations"}
SHIPPED = (".py", ".sql", ".mako", ".ini", ".typed")


def sources() -> dict[str, Path]:
    """Return every file that the wheel must hold, by its place in it."""
    found = {}
    for folder, package in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in SHIPPED or path.name == "py.typed":
                found[f"{package}/{path.relative_to(ROOT / folder).as_posix()}"] = path
    return found


def test_every_package_is_listed() -> None:
    """A folder with an `__init__.py` is in the list of packages of pyproject.toml, and every listed one is there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    there = {
        place.removesuffix("/__init__.py").replace("/", ".") for place in sources() if place.endswith("__init__.py")
    }
    assert set(project["tool"]["setuptools"]["packages"]) == there


def test_versions_agree() -> None:
    """The version of the package is the version of the project."""
    import debugstore

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == debugstore.__version__


def test_constraints_pin_every_requirement() -> None:
    """What the project asks for by name has one version in constraints.txt, with no path and no local suffix."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(line.count("==") == 1 and "+" not in line and "@" not in line for line in lines)
    pinned = {line.split("==")[0].lower().replace("_", "-").replace(".", "-") for line in lines}
    for requirement in asked:
        name = requirement.split(";")[0]
        for mark in "[<>=!~ ":
            name = name.split(mark)[0]
        if name != "debugstore":
            assert name.lower().replace("_", "-").replace(".", "-") in pinned, requirement


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as anybody would."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_everything(wheel: Path) -> None:
    """Every module, query and migration is in the wheel, and nothing called `cli` or `migrations` is."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(sources()) <= names
    assert {name.split("/")[0] for name in names} <= {
        *FOLDERS.values(),
        f"{wheel.name[: -len('-py3-none-any.whl')]}.dist-info",
    }


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty environment outside the checkout; return its folder of programs."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "env", with_pip=True)
    programs = folder / "env" / "bin"
    command = ["pip", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt"), str(wheel)]
    subprocess.run([programs / "python", "-m", *command], check=True, capture_output=True)
    return programs


def run(programs: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of that environment, which knows nothing of this one."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "DEBUGSTORE", "VIRTUAL"))}
    command = [str(programs / str(arguments[0])), *map(str, arguments[1:])]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_the_wheel_works_alone(installed: Path, tmp_path: Path) -> None:
    """Outside the checkout and without torch every command passes, and so does Python."""
    for name in ("one", "two"):
        Run(run_id=name).write(tmp_path)
    for arguments in (
        ["ingest", "."],
        ["runs"],
        ["report", "one"],
        ["compare", "one", "two"],
        ["sql", "report/progression", "-p", "run=one"],
        ["db", "upgrade"],
        ["--version"],
    ):
        ran = run(installed, "debugstore", *arguments, cwd=tmp_path)
        assert (ran.returncode, ran.stderr) == (0, ""), arguments
    asked = "import debugstore; print([run.run_id for run in debugstore.open_store('debugstore.db').runs()])"
    assert "'one'" in run(installed, "python", "-c", asked, cwd=tmp_path).stdout
    packages = json.loads(run(installed, "python", "-m", "pip", "list", "--format", "json", cwd=tmp_path).stdout)
    assert not {"torch", "numpy", "psycopg", "pandas"} & {package["name"] for package in packages}


def test_the_logger_says_what_it_lacks(installed: Path, tmp_path: Path) -> None:
    """Without torch the logger says what to install; switched off it needs nothing."""
    made = run(installed, "python", "-c", "import debugstore; debugstore.DebugLogger(None, None)", cwd=tmp_path)
    assert "pip install 'debugstore[torch]'" in made.stderr.splitlines()[-1]
    off = "import debugstore; debugstore.DebugLogger(None, None, enabled=False).close()"
    assert run(installed, "python", "-c", off, cwd=tmp_path).returncode == 0
