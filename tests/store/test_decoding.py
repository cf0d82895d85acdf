"""A large file is decoded in another process, and that makes no difference."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from debugstore.errors import NoLogsError
from debugstore.events import encode
from debugstore.store import decoding, sources
from debugstore.store.database import Database, open_database
from debugstore.store.ingest import ingest
from tests.support.content import Content, content
from tests.support.logs import Run

LOG = Run(steps=400)


class Elsewhere:
    """Have every file decoded in another process from its second block on; count what came from there."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.batches = 0
        begin, take = decoding._Process.begin, decoding._Process.take

        def begin_when_ready(process: decoding._Process, *asked: Any) -> bool:
            process._coming.result()
            return begin(process, *asked)

        def counted_take(process: decoding._Process) -> decoding.Decoded | None:
            found = take(process)
            self.batches += found is not None
            return found

        patch.setattr(decoding, "LARGE", 1)
        patch.setattr(sources, "_BLOCK", 1 << 15)
        patch.setattr(decoding._Process, "begin", begin_when_ready)
        patch.setattr(decoding._Process, "take", counted_take)

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
    monkeypatch.setattr(decoding, "_START", "import time; time.sleep(60) # {}")
    file = LOG.write(tmp_path / "log.jsonl")
    found = stored(file)
    monkeypatch.undo()
    assert stored(file) == found


FIRST_ONLY = (
    "import sys; sys.path[:] = {}; import debugstore.store.elsewhere as e, os\n"
    "def one(packed, send=e.send): send(packed); e.send = two\n"
    "def two(packed, send=e.send): send(packed); os._exit(1)\n"
    "e.send = one; e.main()"
)
"""A process that dies after its first batch."""


@pytest.mark.parametrize(("start", "taken"), [("raise SystemExit(1) # {}", 0), (FIRST_ONLY, 1)])
def test_a_process_that_fails_is_replaced(elsewhere: Elsewhere, tmp_path: Path, start: str, taken: int) -> None:
    """Where the other process cannot start, or dies, this one goes on after what it got."""
    file = LOG.write(tmp_path / "log.jsonl")
    elsewhere.patch.setattr(decoding, "_START", start)
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
    elsewhere.patch.setattr(decoding, "_START", FIRST_ONLY)
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
    elsewhere.patch.setattr(decoding, "_START", FIRST_ONLY)
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


def test_large_files_are_read_in_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the blocks, the store ends the same."""
    file = LOG.write(tmp_path / "log.jsonl")
    found = stored(file)
    monkeypatch.setattr(sources, "_BLOCK", 1000)
    assert stored(file) == found
