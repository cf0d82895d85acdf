"""`debugstore ingest`: what is said of each file, and of what is no log."""

import gzip
import json
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import FAULTY, HEALTHY, Type, start

EVENT = b'{"event_type":"training_step","step":%d,"data":{"loss":1.5}}\n'


def counts(out: str) -> dict[str, list[int]]:
    """Return new, known and rejected by the first word of each line of the table."""
    rows = [line.split() for line in out.splitlines()[2:]]
    return {row[0].rsplit("/", 1)[-1]: [int(cell) for cell in row if cell.isdigit()][-3:] for row in rows}


def test_a_line_a_file_and_a_total(empty_folder: Path, type_: Type) -> None:
    """Each file is a line with what was new, known and rejected; several have a total; the store is made."""
    logs = empty_folder / "logs"
    logs.mkdir()
    healthy, faulty = HEALTHY.write(logs), FAULTY.write(logs)
    first = counts(type_("ingest", "logs").done())
    size = len(HEALTHY.events())
    assert first == {healthy.name: [size, 0, 0], faulty.name: [size, 0, 0], "2": [2 * size, 0, 0]}
    again = counts(type_("ingest", healthy, "logs/*.jsonl").done())
    assert again == {healthy.name: [0, size, 0], faulty.name: [0, size, 0], "2": [0, 2 * size, 0]}
    assert (empty_folder / "debugstore.db").exists()


def test_rejects_are_kept_and_strict_fails(empty_folder: Path, type_: Type) -> None:
    """A line that is no event is counted and kept with the reason; --strict makes it exit code 2."""
    log = empty_folder / "run.jsonl"
    log.write_bytes(EVENT % 1 + b"not json\n" + b'{"event_type":"training_step","step":"12a","data":{}}\n' + EVENT % 2)
    outcome = type_("ingest", log, "--strict")
    assert outcome.code == 2
    assert counts(outcome.out) == {"run.jsonl": [2, 0, 2]}
    assert "2 lines are no events" in outcome.err
    rows = json.loads(type_("sql", "SELECT line_number, reason FROM rejects ORDER BY 1", "--format", "json").done())
    assert [row["line_number"] for row in rows] == [2, 3]
    assert "step must be an integer, got '12a'" in rows[1]["reason"]
    assert type_("ingest", log).code == 0


@pytest.mark.parametrize(
    "given", ["empty", "nothing.jsonl", "binary.jsonl empty.jsonl", "prose.txt", "short.txt", "no-file"]
)
def test_without_a_log_no_store_is_made(empty_folder: Path, type_: Type, given: str) -> None:
    """Where no file given holds a log, one sentence says so and nothing is left behind."""
    (empty_folder / "empty").mkdir()
    for name, content in (("nothing", b""), ("empty", b"\n"), ("binary", bytes(9000))):
        (empty_folder / f"{name}.jsonl").write_bytes(content)
    for name, times in (("prose", 1000), ("short", 3)):
        (empty_folder / f"{name}.txt").write_bytes(b"once upon a time\n" * times)
    assert "no " in type_("ingest", *given.split()).failed()
    assert not list(empty_folder.glob("debugstore.db*"))


@pytest.mark.parametrize("sent", [b"", bytes(9000)])
def test_without_a_log_on_standard_input_no_store_is_made(empty_folder: Path, sent: bytes) -> None:
    """Neither of a command that wrote nothing, nor of a binary one."""
    with start("ingest", "-", cwd=empty_folder, stdin=subprocess.PIPE, text=False) as process:
        _, said = process.communicate(sent, timeout=30)
    assert process.returncode == 2
    assert said.startswith(b"debugstore: no debug log in -: it is ")
    assert not list(empty_folder.iterdir())


def test_one_log_among_other_files_makes_the_store(empty_folder: Path, type_: Type) -> None:
    """The others are told, each on its line."""
    (empty_folder / "binary.jsonl").write_bytes(bytes(9000))
    HEALTHY.write(empty_folder / "z.jsonl")
    assert "a binary file" in type_("ingest", "binary.jsonl", "z.jsonl").done()
    assert (empty_folder / "debugstore.db").exists()


def test_for_programs(empty_folder: Path, type_: Type) -> None:
    """JSON has every field of each file and no total."""
    log = HEALTHY.write(empty_folder)
    (row,) = json.loads(type_("ingest", log, "--format", "json").done())
    assert row["new"] == len(HEALTHY.events())
    assert row["runs"] == ["baseline"]
    assert row["source"] == str(log)


def test_standard_input_and_packed_files(empty_folder: Path, type_: Type) -> None:
    """`-` reads standard input, .gz is unpacked; both are the events that the file holds."""
    packed = empty_folder / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(HEALTHY.lines()))
    type_("ingest", packed).done()
    process = start("--db", "other.db", "ingest", "-", stdin=-1, text=False, cwd=empty_folder)
    out, _ = process.communicate(HEALTHY.lines(), timeout=60)  # type: ignore[call-overload]
    assert process.returncode == 0, out
    for name in ("debugstore.db", "other.db"):
        lines = type_("--db", name, "export", "baseline").done().splitlines()
        assert [json.loads(line) for line in lines] == HEALTHY.events()


def test_a_torn_last_line_waits(empty_folder: Path, type_: Type) -> None:
    """A last line that is cut is no reject: it is said, and read when it is complete."""
    log = empty_folder / "run.jsonl"
    log.write_bytes(EVENT % 1 + (EVENT % 2)[:20])
    out = type_("ingest", log).done()
    assert counts(out) == {"run.jsonl": [1, 0, 0]}
    assert "not complete yet" in out
    log.write_bytes(EVENT % 1 + EVENT % 2)
    assert counts(type_("ingest", log).done()) == {"run.jsonl": [1, 1, 0]}


def missing(_: Path) -> str:
    return "nowhere.jsonl"


def empty(folder: Path) -> str:
    (folder / "empty.jsonl").touch()
    return "empty.jsonl"


def without_logs(folder: Path) -> str:
    (folder / "bare").mkdir()
    return "bare"


def binary(folder: Path) -> str:
    (folder / "picture.jsonl").write_bytes(bytes(range(256)) * 64)
    return "picture.jsonl"


def picture(folder: Path) -> str:
    start = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"  # its first line has no zero byte
    (folder / "plot.jsonl").write_bytes(start + bytes(range(256)) * 8)
    return "plot.jsonl"


def prose(folder: Path) -> str:
    (folder / "prose.jsonl").write_text("It was a dark and stormy night.\n" * 2000)
    return "prose.jsonl"


def near(folder: Path) -> str:
    (folder / "debug_log_1.jsonl").write_bytes(EVENT % 1)
    return "debug_log_2.jsonl"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (missing, "no such file, folder or pattern: nowhere.jsonl"),
        (empty, "empty.jsonl"),
        (without_logs, "no debug log in bare"),
        (binary, "picture.jsonl"),
        (picture, "plot.jsonl: it is a binary file"),
        (prose, "prose.jsonl"),
        (near, "did you mean debug_log_1.jsonl?"),
    ],
)
def test_what_is_no_log_is_one_sentence(make, says: str, empty_folder: Path, type_: Type) -> None:  # type: ignore[no-untyped-def]
    """A path without a log is one line that names it."""
    assert says in type_("ingest", make(empty_folder)).failed()


def test_one_bad_file_among_good_ones(empty_folder: Path, type_: Type) -> None:
    """A file without a log among others is said in its line, and the others are read."""
    HEALTHY.write(empty_folder)
    empty(empty_folder)
    out = type_("ingest", ".").done()
    assert "empty.jsonl" in out
    assert "baseline" in type_("runs").done()


def test_strange_lines(empty_folder: Path, type_: Type) -> None:
    """Invalid UTF-8 and a wrong type are rejected, an event of an unknown type is kept; the rest of the file counts."""
    lines = [
        EVENT % 0,
        b'{"event_type":"training_step","step":1,"data":{"note":"\xff"}}\n',
        b'{"event_type":"mine","step":2,"data":{"x":[1,2]}}\n',
        b'{"event_type":"training_step","step":3,"data":{"loss":"much"}}\n',
        EVENT % 4,
    ]
    (empty_folder / "run.jsonl").write_bytes(b"".join(lines))
    assert counts(type_("ingest", "run.jsonl").done()) == {"run.jsonl": [3, 0, 2]}
    reasons = type_("sql", "SELECT reason FROM rejects", "--csv").done()
    assert "not UTF-8 at byte 55" in reasons
    assert "loss must be a number, got 'much'" in reasons
    assert "mine" in type_("sql", "SELECT event_type FROM events", "--csv").done()


def test_a_line_of_fifty_megabytes(empty_folder: Path, type_: Type) -> None:
    """A huge line is an event like any other, and comes back whole."""
    text = b"x" * 50_000_000
    (empty_folder / "run.jsonl").write_bytes(
        b'{"event_type":"note","step":1,"data":{"text":"' + text + b'"}}\n' + EVENT % 2
    )
    assert counts(type_("ingest", "run.jsonl").done()) == {"run.jsonl": [2, 0, 0]}
    answer = type_("sql", "SELECT LENGTH(data) FROM events", "--csv", "--no-headers").done()
    assert int(answer) >= 50_000_000


def no_database(folder: Path) -> str:
    (folder / "notes.db").write_text("shopping list")
    return "a file that is no SQLite database"


def other_tables(folder: Path) -> str:
    with sqlite3.connect(folder / "notes.db") as connection:
        connection.execute("CREATE TABLE shopping (item TEXT)")
    connection.close()
    return "a database with other tables (shopping)"


def a_folder(folder: Path) -> str:
    (folder / "notes.db").mkdir()
    return "a folder"


@pytest.mark.parametrize("make", [no_database, other_tables, a_folder])
def test_what_is_no_store_is_left_alone(make, empty_folder: Path, type_: Type) -> None:  # type: ignore[no-untyped-def]
    """A file that is no store is refused in one line by reading and by writing, and is not changed."""
    HEALTHY.write(empty_folder)
    said = make(empty_folder)
    store = empty_folder / "notes.db"
    before = store.read_bytes() if store.is_file() else b""
    for arguments in (["ingest", "."], ["runs"], ["report"], ["sql", "SELECT 1"]):
        assert said in type_("--db", "notes.db", *arguments).failed()
    assert (store.read_bytes() if store.is_file() else b"") == before


def test_a_store_of_another_version(folder: Path, type_: Type) -> None:
    """A store of a newer debugstore is refused with what to do, by every kind of command."""
    with sqlite3.connect(folder / "debugstore.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for arguments in (["ingest", "logs"], ["runs"], ["report"], ["sql", "SELECT 1"]):
        assert "upgrade debugstore" in type_(*arguments).failed()


def test_a_damaged_store(folder: Path, type_: Type) -> None:
    """A store whose pages were overwritten is an error in one line, not a traceback."""
    store = folder / "debugstore.db"
    content = bytearray(store.read_bytes())
    for place in range(8192, len(content), 4096):
        content[place : place + 512] = b"\xa5" * 512
    store.write_bytes(content)
    for arguments in (["runs"], ["report", "baseline"], ["export", "baseline"]):
        outcome = type_(*arguments)
        assert outcome.code == 2, (arguments, outcome)
        assert outcome.err.count("\n") == 1


def test_a_folder_that_is_not_there(empty_folder: Path, type_: Type) -> None:
    """A store cannot be made where there is no folder."""
    HEALTHY.write(empty_folder)
    assert "no folder nowhere" in type_("--db", "nowhere/x.db", "ingest", ".").failed()
