"""A large file is decoded in another process, and that makes no difference."""

from pathlib import Path

import pytest

from debugstore.errors import NoLogsError
from debugstore.store import decoding, sources
from debugstore.store.database import Database, open_database
from debugstore.store.ingest import ingest
from tests.support.content import Content, content
from tests.support.logs import Run

LOG = Run(steps=400)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have every file decoded in another process."""
    monkeypatch.setattr(decoding, "LARGE", 1)
    return monkeypatch


def stored(file: Path) -> Content:
    """Return what an ingest of one file leaves."""
    with open_database(None) as database:
        assert ingest(database, [file]).new == len(LOG.events())
        return content(database)


def test_both_ways_store_the_same(elsewhere: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What another process decodes is what this one would."""
    file = LOG.write(tmp_path / "log.jsonl")
    found = stored(file)
    elsewhere.setattr(decoding, "LARGE", 1 << 40)
    assert stored(file) == found


@pytest.mark.parametrize(
    "start",
    [
        "raise SystemExit(1)",
        # The process dies after its first batch: what it sent counts, the rest is decoded here.
        f"{decoding._START.removesuffix('main()')}import debugstore.store.decoding as d, os\n"
        "def one(*_, send=d._send): send(*_); os._exit(1)\n"
        "d._send = one; main()",
    ],
)
def test_a_process_that_fails_is_replaced(elsewhere: pytest.MonkeyPatch, tmp_path: Path, start: str) -> None:
    """Where the other process cannot start, or dies, this one goes on after what it got."""
    file = LOG.write(tmp_path / "log.jsonl")
    elsewhere.setattr(decoding, "_START", start)
    found = stored(file)
    elsewhere.setattr(decoding, "LARGE", 1 << 40)
    assert stored(file) == found


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
