"""The report as text: within the width asked for, true to its values in every format, plain without colour."""

import csv
import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from debugstore.analysis.report import Report, report
from debugstore.errors import ArgumentError
from debugstore.render.report import render
from debugstore.store.database import Database
from debugstore.store.ingest import ingest
from tests.analysis.bends import Logs, bent, from_step, grown, ranks, resumed
from tests.analysis.fires import FIRES
from tests.analysis.silent import HEALTHY
from tests.support.logs import Run, write_logs

Reported = Callable[..., Report]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def reported(memory: Database, tmp_path: Path) -> Reported:
    """Ingest the logs of one run and report on it."""

    def ask(*logs: Run) -> Report:
        ingest(memory, write_logs(tmp_path, logs))
        with memory.read() as connection:
            return report(connection, 1)

    return ask


RUNS: dict[str, Logs] = {
    **HEALTHY,
    "nan": bent(loss=from_step(150, math.nan, 2.0)),
    "all nan": bent(loss=lambda _: math.nan),
    "too high": bent(loss=grown(20), updates={"update_ratio": 0.3}),
    "many epochs": (Run(epochs=50, steps=1000),),
    "long names": (Run(params=tuple(f"model.layers.{i}.attention.projection.weight" for i in range(30))),),
    "failed": FIRES["training-failed"],
    "resumed over": resumed(start_step=150, steps=250),
    "drifting ranks": ranks(step={"loss": 3.0}),
    "no step": FIRES["no-training-steps"],
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(reported: Reported, name: str, width: int) -> None:
    """Whatever the run, 80 columns hold its report; only words that cannot be broken may be longer."""
    made = render(reported(*RUNS[name]), width=width)
    assert made
    assert [line for line in made.splitlines() if len(line) > width] == []
    assert not any(line != line.rstrip() for line in made.splitlines())


def test_it_opens_with_the_conclusion_then_the_findings(reported: Reported) -> None:
    """The verdict comes first, then what was found, then the figures in their sections."""
    made = render(reported(*RUNS["too high"]))
    places = [
        made.index(words)
        for words in (
            "Not learning because the learning rate is too high",
            "DIAGNOSIS",
            "ERROR learning-rate-too-high",
            "TRAINING PROGRESSION",
            "IMPROVEMENT CHECK",
            "GRADIENT ANALYSIS",
            "PARAMETER UPDATES",
            "DATA",
            "RUN",
        )
    ]
    assert places == sorted(places)


def test_a_finding_says_what_why_and_what_to_do(reported: Reported) -> None:
    """Numbers seen, why it matters, the remedy, the rows to look at and what it explains are all there."""
    made = reported(*RUNS["too high"])
    finding = made.findings[0]
    text = " ".join(render(made).split())
    for part in (finding.message, finding.why, finding.remedy, finding.evidence_sql, "explains loss-diverging"):
        assert " ".join(part.split()) in text


def test_colour_changes_nothing_but_colour(reported: Reported) -> None:
    """Painted text is the plain text with marks around it, and an error is red."""
    made = reported(*RUNS["too high"])
    painted = render(made, color=True)
    assert ESCAPE.sub("", painted) == render(made, color=False)
    assert "\x1b[1;31mERROR learning-rate-too-high" in painted
    assert "\x1b" not in render(made, color=False)


def test_a_loss_that_is_not_finite_is_marked(reported: Reported) -> None:
    """The curve has a mark under what is NaN, and says what the mark is."""
    made = render(reported(*RUNS["nan"]))
    assert "▲▲▲" in made
    assert "▲ not finite" in made
    assert "NaN" in made


def test_many_epochs_are_cut_in_the_middle(reported: Reported) -> None:
    """A table of fifty epochs shows the first and the last ones; the JSON has all."""
    made = reported(*RUNS["many epochs"])
    rows = re.findall(r"^  (\d+|…) +(?:\d+|…) ", render(made), re.MULTILINE)
    assert rows == ["0", "1", "2", "3", "4", "5", "…", "44", "45", "46", "47", "48", "49"]
    assert len(json.loads(render(made, format="json"))["progression"]) == 50


def test_markdown_holds_the_same(reported: Reported) -> None:
    """Markdown has the sections as headings, tables as tables and SQL as code."""
    made = render(reported(*RUNS["too high"]), format="markdown")
    assert made.startswith("# baseline\n")
    assert "**Not learning because the learning rate is too high**" in made
    assert "## TRAINING PROGRESSION" in made
    assert "| epoch" in made
    assert "```sql" in made


def test_json_is_strict_and_whole(reported: Reported) -> None:
    """JSON is the report's values; a number that is not finite is null and marked."""
    made = reported(*RUNS["nan"])
    value = json.loads(render(made, format="json"), parse_constant=pytest.fail)
    row = value["progression"][1]
    assert row["loss_last"] is None
    assert row["nonfinite"] == {"loss_last": "nan"}
    assert value["conclusion"]["line"] == made.conclusion.line
    assert [finding["code"] for finding in value["findings"]] == [finding.code for finding in made.findings]


def test_csv_has_a_value_a_line(reported: Reported) -> None:
    """CSV names the section, the row and the field of every value."""
    made = reported(Run())
    rows = list(csv.DictReader(io.StringIO(render(made, format="csv"))))
    found = {(row["section"], row["row"], row["name"]): row["value"] for row in rows}
    assert float(found["progression", "2", "loss_mean"]) == made.progression[2]["loss_mean"]
    assert found["run", "0", "run_id"] == "baseline"
    assert found["conclusion", "0", "state"] == "learning"


def test_a_format_that_is_none(reported: Reported) -> None:
    """A wrong format says which there are."""
    with pytest.raises(ArgumentError, match="choose table, json, csv, markdown"):
        render(reported(Run(steps=20)), format="yaml")
