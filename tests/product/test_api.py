"""The store from Python: what the command line does, as values."""

import math
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from datetime import timedelta
from pathlib import Path

import pytest

import debugstore
from debugstore.errors import ArgumentError, InputNotFoundError, MissingExtraError, RunNotFoundError, StoreNotFoundError
from tests.support.logs import Run

LOST = Run(run_id="lost", steps=100, loss=lambda step: math.nan if step == 3 else math.inf if step == 4 else 1.0)


@pytest.fixture
def store(tmp_path: Path) -> debugstore.Store:
    """Return a store with a healthy run and one that is not finite at two steps."""
    for run in (Run(run_id="healthy"), LOST):
        run.write(tmp_path)
    made = debugstore.open_store(tmp_path / "debugstore.db")
    made.ingest([tmp_path])
    return made


def test_values_are_frozen(store: debugstore.Store) -> None:
    """What a call returns cannot be changed by accident."""
    for value in (store.report("healthy"), store.compare(["healthy", "lost"]), store.runs()[0], store.sql("SELECT 1")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, fields(value)[0].name, None)


def test_an_errors_class_is_the_one_a_caller_guesses(store: debugstore.Store, tmp_path: Path) -> None:
    """An unknown run is a LookupError, a missing store a FileNotFoundError, a wrong argument a ValueError."""
    with pytest.raises(LookupError):
        store.report("nobody")
    with pytest.raises(FileNotFoundError):
        debugstore.open_store(tmp_path / "nowhere.db").runs()
    with pytest.raises(ValueError, match="no table named 'nothing'"):
        store.table("nothing")
    assert issubclass(RunNotFoundError, LookupError)
    assert issubclass(StoreNotFoundError, FileNotFoundError)


def test_a_store_in_memory(tmp_path: Path) -> None:
    """`:memory:` is a store as any other, and leaves no file."""
    log = Run(run_id="healthy").write(tmp_path)
    with debugstore.open_store(":memory:") as store:
        assert store.ingest([log]).new == len(Run().events())
        assert [run.run_id for run in store.runs()] == ["healthy"]
        assert store.report().run["run_id"] == "healthy"
    assert [path.name for path in tmp_path.iterdir()] == [log.name]


def test_a_store_reads_after_it_wrote(store: debugstore.Store, tmp_path: Path) -> None:
    """One object ingests and reads in any order, and can be used again after it was closed."""
    assert len(store.runs()) == 2
    Run(run_id="third").write(tmp_path)
    store.ingest([tmp_path])
    assert len(store.runs()) == 3
    store.close()
    assert len(store.runs()) == 3
    store.remove("third")
    assert {run.run_id for run in store.runs()} == {"healthy", "lost"}


def test_the_quick_list_is_the_list(store: debugstore.Store) -> None:
    """Runs read without SQLAlchemy are those that SQLAlchemy reads."""
    fresh = debugstore.open_store(store.where)
    quick = fresh.runs()
    fresh.report("healthy")
    assert repr(quick) == repr(fresh.runs(where='run_id != ""'))
    fresh.close()


def test_progress_is_reported(tmp_path: Path) -> None:
    """Ingest calls back with the file, the bytes read and its size."""
    log = Run().write(tmp_path)
    seen: list[tuple[str, int, int | None]] = []
    with debugstore.open_store(":memory:") as store:
        store.ingest([log], on_progress=lambda *said: seen.append(said))
    assert seen[-1] == (str(log), log.stat().st_size, log.stat().st_size)


def test_report_and_compare_take_paths(store: debugstore.Store, tmp_path: Path) -> None:
    """A path is a log whether it is a text or a Path; what is no log and no run is one or the other error."""
    log = next(tmp_path.glob("*healthy*"))
    assert store.report(log).run["run_id"] == store.report(str(log)).run["run_id"] == "healthy"
    assert store.compare(["healthy", log]).equal
    with pytest.raises(InputNotFoundError):
        store.report(tmp_path / "nothing")
    with pytest.raises(RunNotFoundError):
        store.report("nothing")


def test_logs_of_others_keep_their_names_beside_ours(tmp_path: Path) -> None:
    """Runs whose lines name none are told apart by their files, also when they are compared with a log."""
    for name, loss in (("first", 1.0), ("second", 2.0), ("third", 3.0)):
        lines = [f'{{"event_type":"training_step","step":{step},"data":{{"loss":{loss}}}}}\n' for step in range(3)]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))
    with debugstore.open_store(tmp_path / "debugstore.db") as store:
        store.ingest([tmp_path / "first.jsonl", tmp_path / "second.jsonl"])
        comparison = store.compare(["first", "second", tmp_path / "third.jsonl"])
    assert {run.run_id for run in comparison.runs} == {"first", "second", "third"}


def test_a_run_named_like_a_folder(store: debugstore.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare word is a run, even where a folder of that name lies about."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "healthy").mkdir()
    assert store.report("healthy").run["run_id"] == "healthy"


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(store: debugstore.Store, library: str) -> None:
    """A table is a frame of either library, with its run's id, flags as flags and numbers that are not finite."""
    frame = store.frame("steps", run="lost", library=library)
    losses = list(frame["loss"])
    assert math.isnan(losses[3])
    assert losses[4] == math.inf
    assert losses[5] == 1.0
    assert set(frame["run_id"]) == {"lost"}
    assert set(store.frame("param_updates", library=library)["no_updates"]) <= {True, False}
    assert len(store.frame("steps", library=library)) > len(frame)
    assert set(store.frame("run_summary", library=library)["run_id"]) == {"healthy", "lost"}


def test_frames_say_what_they_lack(store: debugstore.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a library the error names what to install; another library is refused."""
    with pytest.raises(ArgumentError, match="pandas or polars"):
        store.frame("steps", library="excel")
    monkeypatch.setattr("debugstore.analysis.frames.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'debugstore\[pandas\]'"):
        store.frame("steps")


def test_steps_done_again_are_left_out_of_a_table(tmp_path: Path) -> None:
    """A table of events has each step of a resumed run once."""
    first = Run(run_id="twice", steps=100, planned_steps=150)
    first.write(tmp_path)
    replace(first, segment="s1", start_step=50, started_at=1.8e9).write(tmp_path)
    with debugstore.open_store(":memory:") as store:
        store.ingest([tmp_path])
        steps = [row[store.table("steps").columns.index("step")] for row in store.table("steps", "twice").rows]
    assert len(steps) == len(set(steps))


def test_keeping_house(store: debugstore.Store, tmp_path: Path) -> None:
    """Tags, names, notes, pruning and the care of the store are calls too."""
    assert store.tag("healthy", ["a", "b"], ["b"]) == ("a",)
    store.rename("healthy", "good")
    store.note("good", "a note")
    (run,) = store.find("good")
    assert (run.name, run.notes, run.tags) == ("good", "a note", ("a",))
    assert [run.run_id for run in store.prune(timedelta(days=1), dry_run=True)] == ["lost"]
    assert store.check() == ()
    assert store.backup(tmp_path / "copy.db") > 0
    assert store.info().runs
    assert store.rebuild() == 2
    assert store.upgrade()[0] == store.upgrade()[1]
    store.vacuum()


def test_importing_is_cheap() -> None:
    """Importing and `open_store` import neither torch nor SQLAlchemy; an unknown name is an AttributeError."""
    program = (
        "import sys, debugstore; debugstore.open_store('x.db');"
        "print([name for name in ('torch', 'sqlalchemy', 'alembic', 'msgspec') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        debugstore.nothing  # noqa: B018
    assert {"DebugLogger", "open_store", "Store"} <= set(dir(debugstore))
