"""`debugstore show` and `debugstore export`: events near a step, and all of them as they came."""

import csv
import gzip
import io
import json
import math
from pathlib import Path

import pytest

from debugstore.events import unmark
from tests.cli.conftest import FAULTY, HEALTHY, Type

pytestmark = pytest.mark.usefixtures("folder")


def test_every_event_near_a_step(type_: Type) -> None:
    """Show gives back every event within the window, whole, in the order of its step."""
    shown = json.loads(type_("show", "baseline", "--around", "100", "--window", "10", "--format", "json").done())
    near = [event for event in HEALTHY.events() if 90 <= event["step"] <= 110]
    assert shown == near != []
    lines = type_("show", "baseline", "--around", "100", "--format", "nl").done().splitlines()
    assert [json.loads(line) for line in lines] == near


def test_a_table_of_events(type_: Type) -> None:
    """For people an event is a line with its plain numbers."""
    out = type_("show", "baseline", "--around", "0", "--window", "0").done()
    assert {"fit_start", "wiring", "training_step", "gradient_stats"} <= set(out.split())
    assert "loss 2.36764" in out


def test_nothing_near(type_: Type) -> None:
    """Where nothing was logged stderr says so, and no line is printed as data."""
    outcome = type_("show", "baseline", "--around", "9999", "--format", "json")
    assert (outcome.code, outcome.out) == (0, "[]\n")
    assert "no event within 10 steps of step 9999" in outcome.err


def test_steps_that_were_done_again_are_shown(type_: Type, folder: Path) -> None:
    """Show hides nothing: a step that a later segment did again is there twice."""
    for segment, start in (("s0", 0), ("s1", 50)):
        HEALTHY.__class__(
            run_id="twice", segment=segment, start_step=start, steps=100, started_at=1.7e9 + 1000 * start
        ).write(folder / f"{segment}.jsonl")
    type_("ingest", "s0.jsonl", "s1.jsonl").done()
    events = json.loads(type_("show", "twice", "--around", "60", "--window", "0", "--format", "json").done())
    steps = [event for event in events if event["event_type"] == "training_step"]
    assert len(steps) == 2


def test_export_gives_back_what_came(type_: Type, folder: Path) -> None:
    """Every event comes back equal to its line, to stdout and to a file, packed or not."""
    lines = type_("export", "baseline").done().splitlines()
    assert [json.loads(line) for line in lines] == HEALTHY.events()
    assert type_("export", "baseline", "-o", "b.jsonl").done() == ""
    assert type_("export", "baseline", "-o", "b.jsonl.gz").done() == ""
    written = [(folder / "b.jsonl").read_bytes(), gzip.decompress((folder / "b.jsonl.gz").read_bytes())]
    assert [text.decode().splitlines() for text in written] == [lines, lines]


def test_a_failed_export_leaves_no_file(type_: Type, folder: Path) -> None:
    """An unknown run or a place that cannot be written leaves what was there."""
    (folder / "kept.jsonl").write_text("kept")
    type_("export", "nobody", "-o", "kept.jsonl").failed()
    assert (folder / "kept.jsonl").read_text() == "kept"
    assert "cannot write nowhere/x.jsonl" in type_("export", "baseline", "-o", "nowhere/x.jsonl").failed()
    assert not list(folder.glob("*.part"))


def test_a_table_as_csv(type_: Type) -> None:
    """One table of a run is a CSV that has the numbers of the log, and those that are not finite by name."""
    rows = list(csv.DictReader(io.StringIO(type_("export", "lr-2", "--format", "csv", "--table", "steps").done())))
    logged = [event["data"]["loss"] for event in FAULTY.events() if event["event_type"] == "training_step"]
    assert [float(row["loss"]) for row in rows] == logged
    assert {row["run_id"] for row in rows} == {"lr-2"}
    assert "no table named 'step'" in type_("export", "--format", "csv", "--table", "step").failed()


def test_parquet(type_: Type, folder: Path) -> None:
    """The same as Parquet, which keeps NaN and null apart; without a file it is refused."""
    polars = pytest.importorskip("polars")
    bend = {"training_step": {"loss": lambda step: math.nan if step == 3 else None if step == 4 else 1.0}}
    HEALTHY.__class__(run_id="nan", bend=bend).write(folder / "nan.jsonl")
    type_("ingest", "nan.jsonl").done()
    type_("export", "nan", "--format", "parquet", "-o", "steps.parquet").done()
    losses = polars.read_parquet(folder / "steps.parquet")["loss"].to_list()
    assert math.isnan(losses[3])
    assert losses[4] is None
    assert losses[5] == 1.0
    assert "-o FILE" in type_("export", "nan", "--format", "parquet").failed()


def test_a_number_that_is_not_finite_is_shown(type_: Type, folder: Path) -> None:
    """A NaN of the log is in the table of events by its word, and back in its place when it is unmarked."""
    bend = {"training_step": {"loss": lambda step: math.nan if step == 3 else 1.0}}
    HEALTHY.__class__(run_id="nan", bend=bend).write(folder / "nan.jsonl")
    type_("ingest", "nan.jsonl").done()
    assert "loss nan" in type_("show", "nan", "--around", "3", "--window", "0").done()
    (line,) = [line for line in type_("export", "nan").done().splitlines() if '"nan"}' in line]
    assert math.isnan(unmark(json.loads(line))["data"]["loss"])
