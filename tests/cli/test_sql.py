"""`debugstore sql`: it only reads, says what it cut, and prints as other tools do."""

import io
import json
import sqlite3
import time
from pathlib import Path

import pytest

from tests.cli.conftest import HEALTHY, Type

pytestmark = pytest.mark.usefixtures("folder")

LOSSES = "SELECT step, loss FROM current_steps WHERE run = :run ORDER BY step LIMIT 2"


def test_a_question(type_: Type) -> None:
    """The answer is a table of the query's columns."""
    lines = type_("sql", "SELECT run_id FROM runs ORDER BY run_id").done().splitlines()
    assert [lines[0].strip(), *lines[2:]] == ["run_id", "baseline", "lr-2"]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM runs",
        "INSERT INTO runs (run_id) VALUES ('x')",
        "DROP TABLE runs",
        "CREATE TABLE x (y)",
        "WITH x AS (SELECT 1) DELETE FROM runs",
        "ATTACH DATABASE 'other.db' AS other",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA writable_schema = 1",
        "VACUUM INTO 'copy.db'",
        "SELECT load_extension('x')",
        "BEGIN; DELETE FROM runs",
        "SELECT 1; DELETE FROM runs",
    ],
)
def test_it_only_reads(query: str, type_: Type, folder: Path) -> None:
    """What would write, or reach outside the store, is refused in one line, and nothing has changed."""
    before = {path.name for path in folder.iterdir()}
    type_("sql", query).failed()
    assert "baseline" in type_("runs").done()
    assert {path.name for path in folder.iterdir()} <= before | {"debugstore.db-wal", "debugstore.db-shm"}


@pytest.mark.parametrize(
    "query",
    [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM n",
        "EXPLAIN QUERY PLAN SELECT 1",
        "PRAGMA table_info(runs)",
        "VALUES (1), (2)",
        "/* a comment */\n  -- and another\n  select 1;",
        "SELECT 'DELETE FROM runs; :x' AS text",
    ],
)
def test_what_reads_is_allowed(query: str, type_: Type) -> None:
    """Recursion, plans, pragmas that only show, comments and texts that look dangerous are no harm."""
    assert type_("sql", query).done()


def test_parameters(type_: Type) -> None:
    """--param binds numbers, texts and null; a run's name is its key; what is missing or too much is said."""
    rows = json.loads(type_("sql", LOSSES, "-p", "run=baseline", "--format", "json").done())
    steps = [event for event in HEALTHY.events() if event["event_type"] == "training_step"]
    assert [row["loss"] for row in rows] == [event["data"]["loss"] for event in steps[:2]]
    query = "SELECT :a AS a, :b AS b, :c AS c, :d AS d, :e AS e"
    given = [word for pair in ("a=1", "b=2.5", "c=text=1", "d=null", 'e="3"') for word in ("--param", pair)]
    assert json.loads(type_("sql", query, *given, "--format", "json").done()) == [
        {"a": 1, "b": 2.5, "c": "text=1", "d": None, "e": "3"}
    ]
    assert "--param run=VALUE" in type_("sql", LOSSES).failed()
    assert ":x" in type_("sql", "SELECT 1", "-p", "x=1").failed()
    assert "NAME=VALUE" in type_("sql", "SELECT :x", "-p", "x").failed()
    assert "no run named 'basement'" in type_("sql", LOSSES, "-p", "run=basement").failed()


def test_named_queries(type_: Type) -> None:
    """--list shows what is shipped, and a name is asked with its defaults and parameters."""
    listed = type_("sql", "--list").done()
    assert "report/progression" in listed
    assert "diagnoses/loss-flat" in listed
    rows = json.loads(type_("sql", "report/progression", "-p", "run=latest", "--format", "json").done())
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    assert json.loads(type_("sql", "diagnoses/loss-flat", "-p", "run=lr-2", "--format", "json").done())
    assert "did you mean report/progression" in type_("sql", "report/progressions").failed()


def test_limits_are_said(type_: Type) -> None:
    """An answer that was cut is complete up to the limit, and stderr says so; 0 is no limit."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) SELECT i FROM n"
    cut = type_("sql", numbers, "--csv", "--no-headers", "--limit", "5")
    assert (cut.code, cut.out) == (0, "1\n2\n3\n4\n5\n")
    assert cut.err == "debugstore: there are more than 5 rows: give --limit 0 for all\n"
    assert len(type_("sql", numbers, "--csv", "--no-headers").out.splitlines()) == 10_000
    assert len(type_("sql", numbers, "--csv", "--no-headers", "--limit", "0").done().splitlines()) == 12_000


def test_a_query_that_takes_too_long(type_: Type) -> None:
    """A query is stopped at its time limit, which the message names."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"
    started = time.monotonic()
    assert "stopped after 0.2 s" in type_("sql", endless, "--timeout", "0.2").failed()
    assert time.monotonic() - started < 10


def test_a_mistake_is_one_line(type_: Type) -> None:
    """What the database says of a wrong query is passed on in one line."""
    assert "no such column: los" in type_("sql", "SELECT los FROM steps").failed()
    assert "syntax error" in type_("sql", "SELECT FROM WHERE").failed()
    assert "no query given" in type_("sql").failed()


def test_standard_input(type_: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads a query of several lines from standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1 AS a,\n       2 AS b -- two\n"))
    assert type_("sql", "-", "--csv").done() == "a,b\n1,2\n"


def test_output_conventions(type_: Type) -> None:
    """--nl, --arrays, --csv, --tsv and --no-headers do as they do elsewhere, and JSON is an array of objects."""
    query = "SELECT 1 AS a, 'x,y' AS b, NULL AS c UNION ALL SELECT 2, 'z', 9e999"
    first, second = {"a": 1, "b": "x,y", "c": None}, {"a": 2, "b": "z", "c": None, "nonfinite": {"c": "inf"}}
    assert json.loads(type_("sql", query, "--format", "json").done()) == [first, second]
    assert [json.loads(line) for line in type_("sql", query, "--nl").done().splitlines()] == [first, second]
    assert json.loads(type_("sql", query, "--arrays").done()) == [[1, "x,y", None], [2, "z", "inf"]]
    assert type_("sql", query, "--csv").done() == 'a,b,c\n1,"x,y",\n2,z,inf\n'
    assert type_("sql", query, "--tsv", "--no-headers").done() == "1\tx,y\t\n2\tz\tinf\n"
    assert type_("sql", query, "--format", "markdown").done().startswith("| ")


def test_no_rows(type_: Type) -> None:
    """No row is an answer: an empty array, no line of JSON, the line of names of CSV."""
    query = "SELECT run_id FROM runs WHERE 1 = 0"
    assert type_("sql", query, "--format", "json").done() == "[]\n"
    assert type_("sql", query, "--nl").done() == ""
    assert type_("sql", query, "--csv").done() == "run_id\n"


def test_explain(type_: Type) -> None:
    """--explain says how the database would answer: over the key of the run."""
    assert "USING" in type_("sql", LOSSES, "-p", "run=baseline", "--explain").done()


def test_a_marked_number_is_strict_json(type_: Type, folder: Path) -> None:
    """A NaN of the log is null in a row, and its mark is the mark of the event."""
    bent = HEALTHY.__class__(
        run_id="nan", bend={"training_step": {"loss": lambda step: float("nan") if step == 3 else 1.0}}
    )
    bent.write(folder)
    type_("ingest", "debug_log_nan-s0.jsonl").done()
    query = "SELECT step, loss, nonfinite FROM current_steps WHERE run = :run AND step = 3"
    assert json.loads(type_("sql", query, "-p", "run=nan", "--format", "json").done()) == [
        {"step": 3, "loss": None, "nonfinite": {"loss": "nan"}}
    ]


def test_a_store_that_cannot_be_written(type_: Type, folder: Path) -> None:
    """Asking needs no right to write: the store may be read-only, and stays as it is."""
    connection = sqlite3.connect(folder / "debugstore.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = (folder / "debugstore.db").read_bytes()
    (folder / "debugstore.db").chmod(0o444)
    assert "baseline" in type_("sql", "SELECT run_id FROM runs").done()
    assert "baseline" in type_("runs").done()
    assert (folder / "debugstore.db").read_bytes() == before
