"""`debugstore report`: formats, exit codes, which run is meant, what can be changed."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import FAULTY, HEALTHY, Type

SECTIONS = (
    "DIAGNOSIS",
    "TRAINING PROGRESSION",
    "IMPROVEMENT CHECK",
    "GRADIENT ANALYSIS",
    "PARAMETER UPDATES",
    "DATA",
)
KEYS = {"run", "progression", "improvement", "gradients", "updates", "sanity", "findings", "checks"}
FINDING = {"code", "severity", "title", "first_step", "last_step", "count", "subject", "observed", "threshold"} | {
    "why",
    "remedy",
    "evidence_sql",
    "explains",
}


def of_faulty(type_: Type, *arguments: str) -> dict[str, dict[str, object]]:
    """Return the findings of the faulty run by code."""
    report = json.loads(type_("report", "lr-2", "--format", "json", *arguments).out)
    return {finding["code"]: finding for finding in report["findings"]}


@pytest.mark.usefixtures("folder")
class TestReport:
    """On a store with a healthy and a faulty run."""

    def test_sections(self, type_: Type) -> None:
        """The report has its six sections, and says the verdict before any of them."""
        out = type_("report", "lr-2").done()
        places = [out.index(section) for section in SECTIONS]
        assert out.index("Not learning because") < min(places)

    def test_json(self, type_: Type) -> None:
        """The JSON has the keys that programs rely on."""
        report = json.loads(type_("report", "lr-2", "--format", "json").done())
        assert set(report) >= KEYS
        assert all(set(finding) >= FINDING for finding in report["findings"])
        assert report["findings"][0]["code"] == "learning-rate-too-high"
        assert {check["verdict"] for check in report["checks"]} <= {"found", "clear", "not_applicable"}

    def test_markdown_and_csv(self, type_: Type) -> None:
        """Markdown has headings, CSV is a table of section, row, name and value."""
        assert "## DIAGNOSIS" in type_("report", "baseline", "--format", "markdown").done()
        rows = list(csv.DictReader(io.StringIO(type_("report", "baseline", "--format", "csv").done())))
        assert {"section": "run", "row": "0", "name": "run_id", "value": "baseline"} in rows

    @pytest.mark.parametrize("format", ["nl", "arrays", "tsv"])
    def test_a_report_is_no_rows(self, format: str, type_: Type) -> None:
        """A format that a report cannot have is refused, and those it has are listed."""
        assert "'table', 'json', 'csv', 'markdown'" in type_("report", "--format", format).failed()

    def test_fail_on(self, type_: Type) -> None:
        """--fail-on is exit code 1 on a finding that bad or worse, and the report is printed all the same."""
        assert type_("report", "baseline", "--fail-on", "note").code == 0
        outcome = type_("report", "lr-2", "--fail-on", "error")
        assert outcome.code == 1
        assert "DIAGNOSIS" in outcome.out
        assert outcome.err == ""
        assert type_("report", "lr-2", "--only", "loss-flat", "--fail-on", "error").code == 0
        assert type_("report", "lr-2", "--only", "loss-flat", "--fail-on", "warning").code == 1

    def test_only(self, type_: Type) -> None:
        """--only asks the named diagnoses and no other; a code of nobody's lists those near it."""
        assert list(of_faulty(type_, "--only", "loss-flat", "--only", "labels-constant")) == ["loss-flat"]
        assert "did you mean" in type_("report", "--only", "loss-flt").failed()

    def test_since_step(self, type_: Type) -> None:
        """Steps before --since-step are in no section."""
        report = json.loads(type_("report", "lr-2", "--since-step", "200", "--format", "json").done())
        assert sum(epoch["steps"] for epoch in report["progression"]) == 20
        assert all(finding["first_step"] >= 200 for finding in report["findings"])

    def test_threshold(self, type_: Type) -> None:
        """--threshold changes a number of a diagnosis and the report says so; a wrong one is refused."""
        assert "learning-rate-too-high" not in of_faulty(
            type_, "--threshold", "learning-rate-too-high.ratio=100", "--threshold", "learning-rate-too-high.rate=100"
        )
        out = type_("report", "lr-2", "--threshold", "loss-spike.ratio=3").done()
        assert "loss-spike.ratio = 3" in out
        for wrong in ("loss-spike.ratio", "loss-spike.ratio=much", "loss-spike.nothing=3", "nothing.ratio=3"):
            type_("report", "lr-2", "--threshold", wrong).failed()

    def test_explain(self, type_: Type) -> None:
        """--explain prints what a diagnosis means, without a store."""
        out = type_("--db", "nowhere.db", "report", "--explain", "loss-flat").done()
        assert "why" in out
        assert "improvement = 0.01" in out
        assert "did you mean loss-flat?" in type_("report", "--explain", "loss-flt").failed()

    def test_evidence_runs_as_printed(self, type_: Type) -> None:
        """The query under a finding is taken by `debugstore sql` as it is."""
        for finding in of_faulty(type_).values():
            assert json.loads(type_("sql", finding["evidence_sql"], "--format", "json").done())

    @pytest.mark.parametrize("asked", ["baseline", "base", "latest"])
    def test_which_run(self, asked: str, type_: Type) -> None:
        """A run is meant by its name, a unique prefix, or as the latest."""
        report = json.loads(type_("report", asked, "--format", "json").done())
        assert report["run"]["run_id"] == ("lr-2" if asked == "latest" else "baseline")

    def test_an_unknown_run(self, type_: Type) -> None:
        """A run that is not there is answered with those that are."""
        said = type_("report", "baselin3").failed()
        assert "no run named 'baselin3'" in said
        assert "baseline" in said

    def test_an_ambiguous_prefix(self, type_: Type, folder: Path) -> None:
        """A prefix of several runs is answered with them."""
        HEALTHY.__class__(run_id="baseline-2").write(folder)
        type_("ingest", "debug_log_baseline-2-s0.jsonl").done()
        said = type_("report", "base").failed()
        assert "baseline, baseline-2" in said
        assert type_("report", "baseline").code == 0


def test_a_log_never_ingested(empty_folder: Path, type_: Type) -> None:
    """A log is reported on without a store, plain or packed, and no store is made."""
    log = FAULTY.write(empty_folder)
    packed = empty_folder / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    texts = [type_("report", path, "--format", "json").done() for path in (log, packed)]
    assert json.loads(texts[0])["findings"] == json.loads(texts[1])["findings"] != []
    assert not (empty_folder / "debugstore.db").exists()


def test_a_folder_of_logs(empty_folder: Path, type_: Type) -> None:
    """A folder whose logs are of one run is that run; of several, they are listed."""
    logs = empty_folder / "logs"
    logs.mkdir()
    HEALTHY.write(logs)
    HEALTHY.__class__(run_id="baseline", rank=1).write(logs)
    report = json.loads(type_("report", "./logs", "--format", "json").done())
    assert report["run"]["num_ranks"] == 2
    FAULTY.write(logs)
    assert "holds 2 runs (baseline, lr-2)" in type_("report", "./logs").failed()


def test_a_log_that_is_not_there(empty_folder: Path, type_: Type) -> None:
    """The name of a log that does not exist is a missing file, not a missing run."""
    assert "no such file" in type_("report", "nowhere.jsonl").failed()
    assert list(empty_folder.iterdir()) == []


OWN = """-- title: The loss is above one
-- severity: warning
-- needs: steps.loss
-- param: limit = 1.0  -- our models start below it
-- why: House rule.
-- remedy: Ask the team.
SELECT step, 'loss' AS subject, loss AS observed, :limit AS threshold
FROM current_steps WHERE run = :run AND loss > :limit ORDER BY step
"""


def test_a_teams_own_diagnoses(folder: Path, type_: Type) -> None:
    """A folder of .sql files is asked like ours, and a broken file in it is one line."""
    own = folder / "own"
    own.mkdir()
    (own / "house-rule.sql").write_text(OWN)
    report = json.loads(type_("report", "baseline", "--diagnoses", "own", "--format", "json").done())
    assert [finding["code"] for finding in report["findings"]] == ["house-rule"]
    assert "House rule." in type_("report", "--explain", "house-rule", "--diagnoses", "own").done()
    (own / "house-rule.sql").write_text(OWN.replace("-- why: House rule.\n", ""))
    assert "house-rule.sql" in type_("report", "baseline", "--diagnoses", "own").failed()
    assert "nowhere" in type_("report", "baseline", "--diagnoses", "nowhere").failed()


def test_a_projects_settings(folder: Path, type_: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyproject.toml changes thresholds and names a folder, also from below it; what is typed beats it."""
    (folder / "own").mkdir()
    (folder / "own" / "house-rule.sql").write_text(OWN)
    (folder / "pyproject.toml").write_text(
        '[tool.debugstore]\ndiagnoses_dir = "own"\n[tool.debugstore.diagnoses]\nhouse-rule.limit = 100\n'
    )
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    report = ["--db", "../debugstore.db", "report", "baseline", "--only", "house-rule", "--fail-on", "warning"]
    assert type_(*report).code == 0
    assert type_(*report, "--threshold", "house-rule.limit=1").code == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.debugstore]\ndiagnose = 1", "no key 'diagnose'"),
        ("[tool.debugstore]\ndiagnoses_dir = 1", "must be a path"),
        ("[tool.debugstore.diagnoses]\nloss-spike = 3", "holds thresholds"),
        ("[tool.debugstore.diagnoses]\nloss-spike.ratio = true", "must be a number"),
        ("[tool.debugstore.diagnoses]\nloss-spik.ratio = 3", "did you mean loss-spike"),
    ],
)
def test_wrong_settings(text: str, says: str, folder: Path, type_: Type) -> None:
    """A setting that cannot be meant is one line that says which."""
    (folder / "pyproject.toml").write_text(text)
    assert says in type_("report", "baseline").failed()


def test_a_broken_pyproject_is_somebody_elses(folder: Path, type_: Type) -> None:
    """A pyproject.toml that is no TOML, or has no section of ours, does not concern a report."""
    for text in ("= = =", "[tool.other]\nx = 1", "tool = 3"):
        (folder / "pyproject.toml").write_text(text)
        type_("report", "baseline").done()
