"""What a comparison looks like, in every format."""

import csv
import io
import json
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from debugstore.analysis.compare import Comparison
from debugstore.errors import ArgumentError
from debugstore.render.compare import render
from debugstore.store.database import Database, open_database
from tests.compare.asked import compared, stored
from tests.support.logs import Run

LONG = "a-run-with-a-name-that-goes-on-and-on"
RUNS = [
    Run("baseline", steps=120),
    Run("lr-3e-3", steps=90, planned_steps=120, peak_lr=3e-3, floor=0.3, config={"note": "a|b", "clip": None}),
    Run("same", steps=120),
    Run("sick", steps=120, loss=lambda step: math.nan if step > 60 else 2.0),
    Run(f"{LONG}-1", steps=120, seed=1),
    Run(f"{LONG}-2", steps=120, seed=2, config={"an_unusually_long_key.inside_another": "x" * 60}),
    Run("hostile\x1b[31m\n", steps=20, config={"key\r\x1b[2J": "\x1b]0;title\x07"}),
    Run("resumed", steps=60, planned_steps=120, segment="s0", status=None),
    Run("resumed", start_step=50, steps=70, planned_steps=120, segment="s1", started_at=1.8e9),
]
ASKED: dict[str, tuple[list[str], dict[str, Any]]] = {
    "two": (["baseline", "lr-3e-3"], {"to_loss": 1.0}),
    "identical": (["baseline", "same"], {}),
    "nan": (["baseline", "sick"], {}),
    "long": ([f"{LONG}-1", f"{LONG}-2"], {}),
    "tokens": (["baseline", "lr-3e-3"], {"by": "tokens"}),
    "many": (["baseline", "lr-3e-3", "same", "sick", f"{LONG}-1", f"{LONG}-2"], {}),
    "hostile": (["baseline", "hostile\x1b[31m\n"], {}),
    "groups": (["baseline", "same", "sick", f"{LONG}-1", "lr-3e-3"], {"group": "config.lr"}),
    "resume": (["resumed"], {}),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store with the runs."""
    with open_database(None) as made:
        yield stored(made, tmp_path_factory.mktemp("logs"), RUNS)


@pytest.fixture(scope="module", params=ASKED)
def comparison(request: pytest.FixtureRequest, store: Database) -> Comparison:
    """Each comparison in turn."""
    names, options = ASKED[request.param]
    return compared(store, names, **options)


def test_no_line_is_wider_than_the_terminal(comparison: Comparison) -> None:
    """Everything fits into 80 columns, whatever runs and keys are called."""
    wide = [line for line in render(comparison, width=80).splitlines() if len(line) > 80]
    assert not wide


def test_colour_only_paints(comparison: Comparison) -> None:
    """With colour the text is the same, and without there is no escape in it."""
    plain = render(comparison, color=False)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", render(comparison, color=True)) == plain


def test_json_is_strict_and_complete(comparison: Comparison) -> None:
    """The JSON has the keys it promises, and no NaN in it."""
    told = json.loads(render(comparison, format="json"), parse_constant=pytest.fail)
    assert {"config_diff", "metrics", "findings", "divergence"} <= told.keys()
    assert [one["run"] for one in told["metrics"]] == [one["run_id"] for one in told["runs"]]
    if told["divergence"]:
        assert {"first_step", "component", "series"} <= told["divergence"].keys()
        assert {"name", "first_step", "max_abs_diff", "max_abs_diff_step"} <= told["divergence"]["series"][0].keys()


def test_csv_has_a_row_a_run(comparison: Comparison) -> None:
    """A row a run under columns whose names are all different."""
    header, *rows = csv.reader(io.StringIO(render(comparison, format="csv")))
    assert len(set(header)) == len(header)
    assert [row[0] for row in rows] == [run.run_id for run in comparison.runs]


def test_markdown_tables_are_whole(comparison: Comparison) -> None:
    """Every line of a table has the cells of its header: a bar in a value is escaped."""
    lines = render(comparison, format="markdown").splitlines()
    counts = [len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0 for line in lines]
    assert all(a == b or 0 in (a, b) for a, b in pairwise(counts))
    assert not any("\x1b" in line for line in lines)


def test_what_differs_comes_first(store: Database) -> None:
    """The verdict, the two curves and the config come before any number."""
    text = render(compared(store, *_first("two")))
    places = [text.index(part) for part in ("The configs differ", "loss  lr-3e-3", "CONFIG", "NUMBERS", "FACTS")]
    assert places == sorted(places)
    assert "other keys are equal." in text


def test_identical_runs_are_said_to_be_so(store: Database) -> None:
    """Two equal runs get one sentence and no table of equal numbers."""
    text = render(compared(store, *_first("identical")))
    assert "Bit-identical" in text
    assert "NUMBERS" not in text


def test_a_loss_that_is_not_finite_is_drawn(store: Database) -> None:
    """The curve marks where a loss is NaN, and the table says it."""
    text = render(compared(store, *_first("nan")))
    assert "▲" in text
    assert "nan" in text
    assert "losses not finite" in text


def test_long_names_stay_apart(store: Database) -> None:
    """Two long names that differ at their end alone are not shortened into one."""
    text = render(compared(store, *_first("long")))
    labels = re.findall(r"loss  (\S+)", text)
    assert len(set(labels)) == 2


def test_all_keys_are_shown_on_demand(store: Database) -> None:
    """Equal keys appear where they are asked for, in the text and in the JSON."""
    made = compared(store, *_first("two"))
    assert "batch_size" not in render(made)
    assert "batch_size" in render(made, all_keys=True)
    told = json.loads(render(made, format="json", all_keys=True))
    assert "batch_size" in {key["key"] for key in told["config_diff"]}


def test_absent_is_shown_apart_from_null(store: Database) -> None:
    """A key that a run has not is absent, in the JSON by having no value."""
    made = compared(store, *_first("two"))
    told = json.loads(render(made, format="json"))
    values = {key["key"]: key["values"] for key in told["config_diff"]}
    assert values["clip"] == {"lr-3e-3": None}
    line = next(line for line in render(made).splitlines() if line.strip().startswith("clip"))
    assert line.split() == ["clip", "absent", "null"]


def test_an_unknown_format_is_refused(store: Database) -> None:
    """The error lists the formats there are."""
    with pytest.raises(ArgumentError, match="choose table, json, csv, markdown"):
        render(compared(store, *_first("identical")), format="xml")


def _first(case: str) -> tuple[list[str]]:
    return (ASKED[case][0],)
