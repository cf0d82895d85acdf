"""A large file is decoded in another process, and that makes no difference."""

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from debugstore.errors import InputNotFoundError, NoLogsError
from debugstore.events import encode
from debugstore.store import decoding, helper, runs, sources
from debugstore.store.batches import Decoded
from debugstore.store.database import Database, open_database
from debugstore.store.helper import Helper
from debugstore.store.ingest import ingest
from tests.support.content import Content, content
from tests.support.logs import Run

LOG = Run(steps=400)


class Elsewhere:
    """Have every file decoded in another process from its second block on; count what came from there."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.batches = 0
        ask, taken = Helper.ask, Helper.batches

        def ask_when_ready(made: Helper, *asked: Any) -> bool:
            made._ready.result()
            return ask(made, *asked)

        def counted(made: Helper) -> Iterator[Decoded]:
            for found in taken(made):
                self.batches += 1
                yield found

        patch.setattr(decoding, "LARGE", 1)
        patch.setattr(sources, "_BLOCK", 1 << 15)
        patch.setattr(Helper, "ask", ask_when_ready)
        patch.setattr(Helper, "batches", counted)

    def end(self) -> None:
        """Decode here again, in blocks as large as ever."""
        self.patch.undo()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """Have every file decoded in another process."""
    return Elsewhere(monkeypatch)


def stored(file: Path) -> Content:
    """Return what an ingest of one file leaves."""
    with open_database(None) as database:
        assert ingest(database, [file]).new == len(LOG.events())
        return content(database)


def test_both_ways_store_the_same(elsewhere: Elsewhere, tmp_path: Path) -> None:
    """What another process decodes is what this one would."""
    file = LOG.write(tmp_path / "log.jsonl")
    found = stored(file)
    assert elsewhere.batches
    elsewhere.end()
    assert stored(file) == found


def test_a_process_that_comes_late_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As long as the other process is not there, this one decodes; a file may end before it comes."""
    monkeypatch.setattr(decoding, "LARGE", 1)
    monkeypatch.setattr(helper, "_START", "import time; time.sleep(60) # {}")
    file = LOG.write(tmp_path / "log.jsonl")
    found = stored(file)
    monkeypatch.undo()
    assert stored(file) == found


WHOLE = helper._START


def dying(answers: int) -> str:
    """Return the start of a process that dies after some answers."""
    return (
        "import sys; sys.path[:] = {}; import debugstore.store.elsewhere as e, os\n"
        f"left = [None] * ({answers} + 1)  # and that it is there\n"
        "def send(packed, send=e.send):\n"
        "    send(packed); left.pop()\n"
        "    if not left: os._exit(1)\n"
        "e.send = send; e.main()"
    )


@pytest.mark.parametrize(("start", "taken"), [("raise SystemExit(1) # {}", 0), (dying(1), 1)])
def test_a_process_that_fails_is_replaced(elsewhere: Elsewhere, tmp_path: Path, start: str, taken: int) -> None:
    """Where the other process cannot start, or dies, this one goes on after what it got."""
    file = LOG.write(tmp_path / "log.jsonl")
    elsewhere.patch.setattr(helper, "_START", start)
    found = stored(file)
    assert elsewhere.batches == taken
    elsewhere.end()
    assert stored(file) == found


def test_parameters_are_those_of_their_decoder(elsewhere: Elsewhere, tmp_path: Path) -> None:
    """Each process numbers the parameters it meets for itself, and rows get the ids of the right ones all the same."""
    lines = LOG.lines().splitlines(keepends=True)
    turned = [_renamed(line, index // 40) for index, line in enumerate(lines)]
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(turned))
    elsewhere.patch.setattr(helper, "_START", dying(1))
    found = stored(file)
    assert elsewhere.batches == 1
    elsewhere.end()
    assert stored(file) == found


def _renamed(line: bytes, number: int) -> bytes:
    """Return a line whose parameters have names that come in another order every few lines."""
    event = json.loads(line)
    event["data"] = {key: value for key, value in event["data"].items() if value is not None}  # as our logger writes it
    for name in ("top_10_grad_norms", "bottom_10_grad_norms", "top_10_param_changes", "top_10_update_ratios"):
        if name in event["data"]:
            made = {f"{(7 * number) % 10}.{key}": value for key, value in event["data"][name].items()}
            event["data"][name] = made
    return encode(event)


def test_a_packed_file_is_read_to_its_end(memory: Database, elsewhere: Elsewhere, tmp_path: Path) -> None:
    """A process that dies over a packed file is replaced however many bytes of the unpacked were read."""
    file = tmp_path / "log.jsonl.gz"
    file.write_bytes(gzip.compress(LOG.lines()))
    elsewhere.patch.setattr(helper, "_START", dying(1))
    assert ingest(memory, [file]).new == len(LOG.events())
    assert elsewhere.batches == 1


@pytest.mark.usefixtures("elsewhere")
def test_what_is_wrong_with_a_file_is_said_all_the_same(memory: Database, tmp_path: Path) -> None:
    """An error of the other process is this one's error, with its sentence."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"plain text\n" * 2000)
    with pytest.raises(NoLogsError, match="none of its first"):
        ingest(memory, [file])


@pytest.mark.usefixtures("elsewhere")
def test_a_torn_end_is_left_for_later(memory: Database, tmp_path: Path) -> None:
    """A last line that was cut is said, and read when it is whole."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(LOG.lines()[:-40])
    assert ingest(memory, [file]).files[0].unfinished
    file.write_bytes(LOG.lines())
    assert ingest(memory, [file]).new == 1


RUNS = [Run(f"run-{number}", steps=40 + 10 * number) for number in range(6)]


def stored_of_all(files: Sequence[Path]) -> tuple[Content, list[tuple[int, int, bool]]]:
    """Return what an ingest of some files leaves, and what it says of each."""
    with open_database(None) as database:
        said = ingest(database, files).files
        return content(database), [(one.new, one.rejected, one.problem is not None) for one in said]


@pytest.mark.parametrize("start", [WHOLE, "raise SystemExit(1) # {}", *map(dying, range(1, 9))])
def test_files_are_decoded_ahead_of_their_turn(elsewhere: Elsewhere, tmp_path: Path, start: str) -> None:
    """Many files are stored alike whether the other process has them all, none, or dies over one of them.

    Among them are one that is no log, one of a few lines that are no events, an empty one, one that was cut and a
    packed one; each is reported at its turn.
    """
    files = [run.write(tmp_path / f"{number}.jsonl") for number, run in enumerate(RUNS)]
    (tmp_path / "0b.jsonl").write_bytes(b"plain text\n" * 2000)
    (tmp_path / "1b.jsonl").write_bytes(b"")
    (tmp_path / "2b.jsonl").write_bytes(b"plain text\n" * 3)
    files[3].write_bytes(files[3].read_bytes()[:-40])
    (tmp_path / "4b.jsonl.gz").write_bytes(gzip.compress(Run("packed", steps=50).lines()))
    elsewhere.patch.setattr(helper, "_START", start)
    with chdir(tmp_path):
        files = sorted(Path().iterdir())
        found = stored_of_all(files)
    assert elsewhere.batches >= {WHOLE: len(RUNS), dying(8): 2}.get(start, 0)
    elsewhere.end()
    assert stored_of_all([tmp_path / file for file in files]) == found
    assert [problem for *_, problem in found[1]].count(True) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.usefixtures("elsewhere")
def test_what_can_be_read_once_is_read_here(tmp_path: Path) -> None:
    """A named pipe among files is not given to the other process, which would take half of it."""
    files = [run.write(tmp_path / f"{number}.jsonl") for number, run in enumerate(RUNS)]
    pipe = tmp_path / "2b.jsonl"
    os.mkfifo(pipe)
    log = Run("piped", steps=300)
    with ThreadPoolExecutor() as writer, open_database(None) as database:
        writing = writer.submit(pipe.write_bytes, log.lines())
        assert ingest(database, [*files[:3], pipe, *files[3:]]).files[3].new == len(log.events())
        assert writing.result() == len(log.lines())


@pytest.mark.usefixtures("elsewhere")
def test_a_file_that_goes_away_before_its_turn(tmp_path: Path) -> None:
    """It ends the ingest at its turn, after those before it; one that is held open is read all the same."""
    files = [run.write(tmp_path / f"{number}.jsonl") for number, run in enumerate(RUNS)]
    with open_database(None) as database:
        gone: list[str] = []

        def remove_the_last(name: str, _: int, __: int | None) -> None:
            gone.append(name)
            files[-1].unlink(missing_ok=True)

        with pytest.raises(InputNotFoundError, match=files[-1].name):
            ingest(database, files, on_progress=remove_the_last)
        assert set(gone) == {str(file) for file in files[:-1]}
        with database.read() as connection:
            assert len(runs.list_runs(connection)) == len(files) - 1


def test_files_that_bring_little_start_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same files again are found out without help."""
    monkeypatch.setattr(decoding, "LARGE", 1 << 17)
    monkeypatch.setattr(decoding, "_TRIED", 1 << 14)
    started: list[bool] = []
    start = Helper.start
    monkeypatch.setattr(Helper, "start", lambda made: started.append(True) or start(made))
    files = [run.write(tmp_path / f"{number}.jsonl") for number, run in enumerate(RUNS)]
    with open_database(None) as database:
        ingest(database, files)
        assert started
        started.clear()
        assert ingest(database, files).new == 0
        assert not started


def test_large_files_are_read_in_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the blocks, the store ends the same."""
    file = LOG.write(tmp_path / "log.jsonl")
    found = stored(file)
    monkeypatch.setattr(sources, "_BLOCK", 1000)
    assert stored(file) == found
