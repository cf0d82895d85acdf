"""What holds for every command: help, exit codes, one line for an error, quiet ends, cheap starts."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.main import get_command

import debugstore
from debugstore.errors import DebugstoreError
from debugstore_cli.main import app, run
from tests.cli.conftest import Type, start

ESCAPE = "\x1b"


def commands(command: object, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the words of every command and group."""
    inner = getattr(command, "commands", {})
    return [words, *(found for name, one in inner.items() for found in commands(one, (*words, name)))]


COMMANDS = [words for words in commands(get_command(app)) if words]
READING = [words for words in COMMANDS if words not in (("ingest",), ("db",))]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...], type_: Type) -> None:
    """Every command has a help with an example, no wider than 80 characters."""
    for flag in ("--help", "-h"):
        text = type_(*words, flag).done()
        assert "Usage: debugstore " + " ".join(words) in text
        assert "Example" in text
        assert f"debugstore {' '.join(words)}" in text.split("Example", 1)[1]
        assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_refuses_what_it_does_not_know(words: tuple[str, ...], type_: Type, empty_folder: Path) -> None:
    """A wrong option is one line on stderr that says where the help is, and exit code 2."""
    said = type_(*words, "--no-such-option").failed()
    assert "--no-such-option" in said
    assert said.endswith("--help'")
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize("words", [("runs",), ("report",), ("sql",), ("db", "check")], ids=" ".join)
def test_a_choice_that_is_none_names_the_choices(words: tuple[str, ...], type_: Type) -> None:
    """The sentence says what was typed and what may be, without the word of whatever found it wrong."""
    said = type_(*words, "--format", "xml").failed()
    assert "Invalid value for '--format' / '-f': 'xml' is not one of 'table', 'json'" in said


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading_makes_no_store(words: tuple[str, ...], type_: Type, empty_folder: Path) -> None:
    """A command that needs a store says so in one line where there is none, and leaves no file behind."""
    said = type_(*words, *arguments_of(words)).failed()
    assert "no store at debugstore.db" in said
    assert list(empty_folder.iterdir()) == []


def arguments_of(words: tuple[str, ...]) -> list[str]:
    """Return arguments with which a command gets as far as its store."""
    return {
        ("show",): ["--around", "3"],
        ("sql",): ["SELECT 1"],
        ("compare",): ["a", "b"],
        ("runs", "rm"): ["a", "--yes"],
        ("runs", "tag"): ["a", "b"],
        ("runs", "rename"): ["a", "b"],
        ("runs", "note"): ["a", "b"],
        ("runs", "prune"): ["--older-than", "30d", "--yes"],
        ("db", "backup"): ["copy.db"],
    }.get(words, [])


def test_no_command_shows_the_help(type_: Type) -> None:
    """`debugstore` alone says what there is, on stderr, and is an error."""
    outcome = type_()
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Commands:" in outcome.err


@pytest.mark.parametrize(("arguments", "near"), [(["reprot"], "reprot"), (["show"], "--around"), (["ingest"], "FILE")])
def test_usage_errors_name_what_is_wrong(arguments: list[str], near: str, type_: Type) -> None:
    """A command that does not exist or lacks an argument is one line that names it."""
    assert near in type_(*arguments).failed()


def test_version(type_: Type) -> None:
    """`--version` is the package's."""
    assert type_("--version").done() == f"debugstore {debugstore.__version__}\n"


def test_the_store_can_be_said_anywhere(folder: Path, type_: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--db` after the command beats `--db` before it, which beats the environment, which beats the default."""
    (folder / "debugstore.db").rename(folder / "other.db")
    type_("runs").failed()
    monkeypatch.setenv("DEBUGSTORE_URL", "other.db")
    assert "baseline" in type_("runs").done()
    assert "no store at nowhere.db" in type_("--db", "nowhere.db", "runs").failed()
    assert "baseline" in type_("--db", "nowhere.db", "runs", "--db", "other.db").done()
    monkeypatch.setenv("DEBUGSTORE_URL", f"sqlite:///{folder}/other.db")
    assert "baseline" in type_("runs").done()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://localhost/x", "kept by SQLite or PostgreSQL, not by 'mysql'"),
        ("postgresql://me:secret@localhost:1/x", "connection"),
        ("://", "no path and no database URL"),
    ],
)
@pytest.mark.usefixtures("empty_folder")
def test_a_store_that_cannot_be_reached(url: str, says: str, type_: Type) -> None:
    """A URL of another database, of a server that is not there, or of nothing is one line, and shows no password."""
    said = type_("--db", url, "runs").failed()
    assert says in said
    assert "secret" not in said


@pytest.mark.usefixtures("folder")
def test_an_error_is_one_line_whatever_it_holds(type_: Type) -> None:
    """A name with line ends and colours in it cannot break the line of an error."""
    assert ESCAPE not in type_("report", "two\nlines\x1b[31m").failed()


def test_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no error of ours is not made to look like one."""
    monkeypatch.setattr("debugstore.api.open_store", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(["runs"])


def test_every_error_fits_a_line() -> None:
    """The tree of errors has a common base that the command line catches."""
    assert issubclass(debugstore.errors.ArgumentError, DebugstoreError)


def test_python_m(folder: Path) -> None:
    """`python -m debugstore` is the same command."""
    process = start("runs", cwd=folder)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "baseline" in out


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    """`| head -1` ends a long output quietly, with the code of a broken pipe."""
    process = start("export", "baseline", cwd=folder)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 141
    process.stderr.close()


def test_a_table_that_nobody_reads(folder: Path) -> None:
    """The same for an output that fits the pipe and meets no reader at the end."""
    reader, writer = os.pipe()
    os.close(reader)
    process = start("runs", cwd=folder, stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"


def test_control_c_ends_with_130(folder: Path) -> None:
    """Ctrl-C stops a long query at once, without a traceback, with the code a shell expects."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell job starts with it ignored
    try:
        process = start("sql", "--timeout", "60", ENDLESS, cwd=folder)
    finally:
        signal.signal(signal.SIGINT, before)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["--help"], {"torch", "alembic", "sqlalchemy", "msgspec", "tabulate", "rich", "numpy"}),
        (["runs", "--help"], {"torch", "alembic", "sqlalchemy", "msgspec", "tabulate", "rich", "numpy"}),
        (["runs"], {"torch", "alembic", "sqlalchemy", "rich", "numpy"}),
        (["report"], {"torch", "alembic", "rich", "numpy"}),
        (["compare", "baseline", "lr-2"], {"torch", "alembic", "rich"}),
        (["sql", "SELECT 1"], {"torch", "alembic", "rich", "numpy"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_imports_what_it_needs(words: list[str], unwanted: set[str], folder: Path) -> None:
    """Help waits for no database, reading for no migration, a pipe for no colour, and nothing for torch."""
    program = (
        f"import sys, json; from debugstore_cli.main import run; run({words}); print(json.dumps(list(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert set(json.loads(ran.stdout.splitlines()[-1])) & unwanted == set()


def seen_on_a_terminal(*arguments: str, cwd: Path, env: dict[str, str]) -> str:
    """Return what a command writes to a terminal of 60 columns."""
    main, terminal = pty.openpty()
    process = start(
        *arguments, cwd=cwd, stdout=terminal, stderr=terminal, env={"COLUMNS": "60", "TERM": "xterm", **env}
    )
    os.close(terminal)
    parts = []
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(main)
    assert process.wait(60) == 0
    return b"".join(parts).decode()


def test_colour_is_for_terminals(folder: Path, type_: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colour unless NO_COLOR is set, a pipe gets none unless FORCE_COLOR is; lines fit the terminal."""
    coloured = seen_on_a_terminal("report", "lr-2", cwd=folder, env={})
    plain = seen_on_a_terminal("report", "lr-2", cwd=folder, env={"NO_COLOR": "1"})
    assert ESCAPE in coloured
    assert ESCAPE not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    report = plain.split("rows ")[0]  # a query is printed as it is, to be copied
    assert max(map(len, report.splitlines())) <= 60
    assert ESCAPE not in type_("report", "lr-2").done()
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert ESCAPE in type_("report", "lr-2").done()


def test_progress_is_for_terminals(folder: Path, type_: Type) -> None:
    """Ingest draws one bar for all files where a person watches, and nothing at all on stderr elsewhere."""
    files = sorted((folder / "logs").iterdir())
    for db in ("new.db", "new.db"):  # also where nothing is new
        seen = re.sub(
            r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen_on_a_terminal("--db", db, "ingest", "logs", cwd=folder, env={})
        )
        bars = [line for line in re.split(r"[\r\n]+", seen) if " kB" in line]
        assert re.fullmatch(rf"{len(files)}/{len(files)} \S+ ━+ ([\d.]+)/\1 kB.*", bars[-1])
    assert type_("--db", "newest.db", "ingest", "logs").done()


def test_any_locale_will_do(folder: Path) -> None:
    """A terminal that cannot show a character does not stop a command."""
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    process = start("report", "baseline", cwd=folder, env=env)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "TRAINING PROGRESSION" in out
