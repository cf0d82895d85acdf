"""The pages: generated ones are fresh, links lead somewhere, recipes run as they stand."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.logs import Run

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
JQ = """#!{python}
# jq, for a machine without one: the same library
import sys, jq
program, *files = sys.argv[1:]
text = "".join(open(file).read() for file in files) if files else sys.stdin.read()
for line in jq.compile(program).input_text(text).text().splitlines():
    print(line)
"""


def test_generated_pages_are_fresh() -> None:
    """What is made from the code is as the code says: `make docs` would change nothing."""
    command = [sys.executable, "docs/generate.py", "--check"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file of the project names one, and its part after # a heading in it."""
    text = BLOCK.sub("", page.read_text())
    for target in LINK.findall(text):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        if heading:
            assert heading in anchors(file), target


def test_every_page_is_on_a_list() -> None:
    """A page of `docs` is linked from its README, a decision from that of the decisions."""
    for folder in (ROOT / "docs", ROOT / "docs" / "decisions"):
        linked = set(LINK.findall((folder / "README.md").read_text()))
        assert {page.name for page in folder.glob("*.md")} - {"README.md"} <= linked


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the language and the text of every code block of a page."""
    return BLOCK.findall(page.read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two logs below `logs/debug`, one of which ends in NaN, and a jq on its path."""
    made = tmp_path_factory.mktemp("recipes")
    logs = made / "logs" / "debug"
    logs.mkdir(parents=True)
    Run(run_id="baseline").write(logs)
    lost = replace(Run(run_id="lost", steps=100), loss=lambda step: float("nan") if step > 50 else 1.0)
    replace(lost, started_at=1.7e9, bend={"gradient_stats": {"total_norm": 1e-5}}).write(logs)
    programs = made / "bin"
    programs.mkdir()
    if shutil.which("jq") is None:
        (programs / "jq").write_text(JQ.format(python=sys.executable))
        (programs / "jq").chmod(0o755)
    return made


@pytest.mark.parametrize(("language", "text"), blocks(ROOT / "docs" / "recipes.md"))
def test_recipes_run_as_they_stand(language: str, text: str, folder: Path) -> None:
    """Every block of the recipes runs in a folder with logs, and prints something or writes the file it names."""
    env = {**os.environ, "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    env["PATH"] = f"{folder / 'bin'}:{Path(sys.executable).parent}:{env['PATH']}"
    command = {"python": [sys.executable, "-c", text], "sh": ["sh", "-eu", "-c", text]}[language]
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    writes = re.findall(r"[\w.]+\.(?:png|csv|json)\b", text)
    assert ran.stdout or all((folder / name).stat().st_size for name in writes)
    assert ran.stdout or writes


def test_jq_sees_what_was_logged(folder: Path) -> None:
    """The three programs that people know give the numbers of the log."""
    env = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    events = Run(run_id="baseline").events()

    def ask(program: str) -> list[str]:
        ran = subprocess.run(
            ["jq", "-c", program, *(folder / "logs" / "debug").glob("*baseline*")],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.splitlines()

    losses = [event["data"]["loss"] for event in events if event["event_type"] == "training_step"]
    assert list(map(float, ask('select(.event_type=="training_step") | .data.loss'))) == losses
    assert ask('select(.event_type=="gradient_stats" and .data.total_norm < 0.001)') == []
    assert len(ask("{step: .step, lr: .data.learning_rate}")) == len(events)
