"""Packed logs: .gz and .zst say what they pack, also when they grow, are torn, or are several joined."""

import gzip
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from backports import zstd

from debugstore.errors import MissingExtraError, NoLogsError
from debugstore.store.database import Database, open_database
from debugstore.store.ingest import ingest
from tests.support.content import Content, content
from tests.support.logs import Run

LOG = Run(steps=1000)
"""Long enough for several blocks of zstd, which unpacks nothing of a part of one."""

PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstd.compress}


@pytest.fixture(params=sorted(PACKERS))
def ending(request: pytest.FixtureRequest) -> str:
    """Give each ending of a packed file."""
    return str(request.param)


def plain() -> Content:
    """Return what the log leaves that is not packed."""
    with open_database(None) as database:
        ingest(database, [LOG.write(Path("log.jsonl").absolute())])
        return content(database)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_packed_log_says_the_same(database: Database, ending: str) -> None:
    """The store ends as with the plain file, on each engine; the packed file again adds nothing."""
    packed = Path(f"packed.jsonl{ending}")
    packed.write_bytes(PACKERS[ending](LOG.lines()))
    assert ingest(database, [packed]).new == len(LOG.events())
    assert ingest(database, [packed]).known == len(LOG.events())
    assert content(database) == plain()


def test_a_packed_log_that_grew_goes_on(memory: Database, ending: str) -> None:
    """Packed again with more lines it is read from where the last ingest stopped, also in the middle of a line."""
    packed, lines = Path(f"packed.jsonl{ending}"), LOG.lines()
    for end in (len(lines) // 3, len(lines) // 2, len(lines)):
        packed.write_bytes(PACKERS[ending](lines[:end]))
        ingest(memory, [packed])
    assert content(memory) == plain()


def test_members_that_were_appended_are_read(memory: Database, ending: str) -> None:
    """A file of several packed parts, cut anywhere between lines or within one, is what they make together."""
    packed, lines = Path(f"packed.jsonl{ending}"), LOG.lines()
    cuts = [0, 1000, len(lines) // 2, len(lines)]
    parts = [PACKERS[ending](lines[start:end]) for start, end in pairwise(cuts)]
    for number in range(1, len(parts) + 1):
        packed.write_bytes(b"".join(parts[:number]))
        ingest(memory, [packed])
    assert content(memory) == plain()


def test_a_torn_packed_log_is_completed(memory: Database, ending: str) -> None:
    """What a cut file gives is read without a word of damage; the whole file brings the rest."""
    packed, whole = Path(f"packed.jsonl{ending}"), PACKERS[ending](LOG.lines())
    packed.write_bytes(whole[: len(whole) * 2 // 3])
    found = ingest(memory, [packed])
    assert found.rejected == 0
    assert 0 < found.new < len(LOG.events())
    packed.write_bytes(whole)
    ingest(memory, [packed])
    assert content(memory) == plain()


def test_a_packed_log_without_its_first_line_is_not_called_empty(memory: Database, ending: str) -> None:
    """A file that was cut so early that nothing can be unpacked says so."""
    packed = Path(f"packed.jsonl{ending}")
    packed.write_bytes(PACKERS[ending](LOG.lines())[:20])
    with pytest.raises(NoLogsError, match="cut before its first line"):
        ingest(memory, [packed])


def test_a_damaged_packed_log_is_said(memory: Database, ending: str) -> None:
    """Bytes that were overwritten are one sentence, not the packer's error."""
    packed, whole = Path(f"packed.jsonl{ending}"), PACKERS[ending](LOG.lines())
    packed.write_bytes(whole + b"\x01" * 100)
    with pytest.raises(NoLogsError, match="damaged"):
        ingest(memory, [packed])


def test_without_the_extra_the_sentence_names_it(memory: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .zst file needs a package before Python 3.14, and the message says how it is installed."""
    packed = Path("packed.jsonl.zst")
    packed.write_bytes(zstd.compress(LOG.lines()))
    for name in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"debugstore\[zstd\]"):
        ingest(memory, [packed])
