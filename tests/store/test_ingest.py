"""Ingest: every event once, whatever the order, the names and the cuts of the files."""

import gzip
import io
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from debugstore.errors import InputNotFoundError, NoLogsError
from debugstore.store.database import Database, open_database
from debugstore.store.ingest import FileReport, ingest
from tests.support.content import Content, content
from tests.support.logs import Run

FIRST = Run(steps=40)
RESUMED = Run(steps=30, start_step=30, segment="s1", started_at=1_732_100_000.0)
OTHER_RANK = Run(steps=40, rank=1, segment="s2", seed=1)
OTHER_RUN = Run(run_id="other", steps=20, seed=2, segment="s3")
LOGS = [FIRST, RESUMED, OTHER_RANK, OTHER_RUN]
NO_FILE_LIMIT = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def one(database: Database, *paths: Path | str) -> FileReport:
    """Ingest and return the report of the one file there was."""
    report = ingest(database, list(paths))
    assert len(report.files) == 1
    return report.files[0]


def stored(files: Sequence[Path]) -> Content:
    """Return what files leave in a store, ingested one after the other."""
    with open_database(None) as database:
        for file in files:
            ingest(database, [file])
        return content(database)


def whole(folder: Path) -> list[Path]:
    """Write the logs as they are."""
    return [run.write(folder / f"whole{number}.jsonl") for number, run in enumerate(LOGS)]


def test_every_event_is_new_once(database: Database, tmp_path: Path) -> None:
    """The same file again adds nothing and says so, on each engine."""
    file = FIRST.write(tmp_path / "log.jsonl")
    number = len(FIRST.events())
    assert one(database, file) == FileReport(str(file), number, 0, 0, ("baseline",))
    before = content(database)
    assert one(database, file) == FileReport(str(file), 0, number, 0, ("baseline",))
    assert content(database) == before


def test_a_longer_copy_adds_what_is_new(database: Database, tmp_path: Path) -> None:
    """A file that grew is read from where the last ingest ended; a longer copy elsewhere adds the rest too."""
    lines = FIRST.lines().splitlines(keepends=True)
    grown, copied = tmp_path / "grown.jsonl", tmp_path / "copied.jsonl"
    grown.write_bytes(b"".join(lines[:20]))
    assert one(database, grown).new == 20
    grown.write_bytes(b"".join(lines[:35]))
    assert (one(database, grown).new, one(database, grown).known) == (15, 35)
    copied.write_bytes(b"".join(lines))
    report = one(database, copied)
    assert (report.new, report.known) == (len(lines) - 35, 35)


def test_a_rewritten_file_is_read_again(memory: Database, tmp_path: Path) -> None:
    """A file with other content under the same name is noticed, even if it is longer."""
    file = FIRST.write(tmp_path / "log.jsonl")
    one(memory, file)
    OTHER_RUN.write(file)
    assert one(memory, file).new == len(OTHER_RUN.events())


@NO_FILE_LIMIT
@given(st.data())
def test_order_cuts_and_names_do_not_matter(tmp_path: Path, data: st.DataObject) -> None:
    """Logs cut between any lines, renamed, and given in any order leave what the whole logs leave."""
    pieces = []
    for run in LOGS:
        lines = run.lines().splitlines(keepends=True)
        cuts = sorted(data.draw(st.sets(st.integers(1, len(lines) - 1), max_size=2)))
        pieces += [lines[start:end] for start, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    files = [folder / f"piece{number}.jsonl" for number in data.draw(st.permutations(range(len(pieces))))]
    for file, piece in zip(files, pieces, strict=True):
        file.write_bytes(b"".join(piece))
    assert stored(sorted(files)) == stored(whole(tmp_path))


@NO_FILE_LIMIT
@given(st.lists(st.sampled_from(LOGS), min_size=1, max_size=5), st.integers(0, 5))
def test_joined_logs_are_those_they_are_made_of(tmp_path: Path, runs: Sequence[Run], apart: int) -> None:
    """Logs joined in any order, some twice, some also alone before, leave what each alone leaves."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    alone = [run.write(folder / f"{number}.jsonl") for number, run in enumerate(runs[:apart])]
    joined = folder / "joined.jsonl"
    joined.write_bytes(b"".join(run.lines() for run in runs))
    each = [log.write(folder / f"own{number}.jsonl") for number, log in enumerate(LOGS) if log in runs]
    assert stored([*alone, joined]) == stored(each)


@NO_FILE_LIMIT
@given(st.lists(st.integers(1, len(FIRST.lines()) - 1), min_size=1, max_size=4).map(sorted))
def test_a_file_may_be_cut_anywhere_and_completed(tmp_path: Path, cuts: Sequence[int]) -> None:
    """Ingested while it is written, however the writer was caught, a file ends as if read once."""
    whole, file = FIRST.lines(), tmp_path / "log.jsonl"
    with open_database(None) as database:
        for end in [*cuts, len(whole)]:
            file.write_bytes(whole[:end])
            ingest(database, [file])
        found = content(database)
    assert found == stored([file])


def test_a_torn_last_line_is_no_reject(memory: Database, tmp_path: Path) -> None:
    """A line without its end that is no event is left for the next ingest, and said."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(FIRST.lines() + b'{"event_type":"training_st')
    report = one(memory, file)
    assert report.unfinished
    assert (report.new, report.rejected) == (len(FIRST.events()), 0)


def test_a_last_line_without_end_counts(memory: Database, tmp_path: Path) -> None:
    """A whole event at the end of a file is read although no line end follows."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(FIRST.lines().rstrip(b"\n"))
    report = one(memory, file)
    assert (report.new, report.unfinished) == (len(FIRST.events()), False)
    file.write_bytes(FIRST.lines())
    assert one(memory, file).new == 0


def test_packed_files_are_unpacked(memory: Database, tmp_path: Path) -> None:
    """A .gz says the same as the file it packs, also one that was cut."""
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(FIRST.lines()))
    assert one(memory, packed).new == len(FIRST.events())
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(OTHER_RUN.lines())[:-200])
    assert 0 < one(memory, cut).new < len(OTHER_RUN.events())


def test_standard_input_is_read(memory: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(FIRST.lines())))
    assert one(memory, "-").new == len(FIRST.events())


def test_folders_and_patterns_are_expanded(memory: Database, tmp_path: Path) -> None:
    """A folder gives its logs and those below it; a pattern what it fits; nothing is read twice."""
    (tmp_path / "deep").mkdir()
    for number, run in enumerate(LOGS):
        run.write(tmp_path / ("deep" if number else "") / f"log{number}.jsonl")
    (tmp_path / "notes.txt").write_text("not a log")
    report = ingest(memory, [tmp_path, str(tmp_path / "deep" / "*.jsonl")])
    assert sorted(Path(file.source).name for file in report.files) == [f"log{number}.jsonl" for number in range(4)]
    assert report.runs == ("baseline", "other")


def test_windows_line_ends_blank_lines_and_a_byte_order_mark(memory: Database, tmp_path: Path) -> None:
    """What editors do to a file does not change its events."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + FIRST.lines().replace(b"\n", b"\r\n\r\n"))
    report = one(memory, file)
    assert (report.new, report.rejected) == (len(FIRST.events()), 0)
    assert content(memory) == stored([FIRST.write(tmp_path / "plain.jsonl")])


def test_a_file_may_have_any_name(database: Database, tmp_path: Path) -> None:
    """A name that is no UTF-8 is a name, also of the run of a log that names none."""
    file = tmp_path / os.fsdecode(b"caf\xe9.jsonl")
    file.write_bytes(b'{"event_type":"own","step":7,"data":{}}\n' + FIRST.lines())
    assert one(database, file).new == len(FIRST.events()) + 1
    assert one(database, file).new == 0


BAD_LINES = {
    b"\xff\xfe": "not UTF-8 at byte 0",
    b"[1, 2]": "a line must be a JSON object, got an array",
    b'{"event_type": "training_step", "data": {}}': "step is missing",
    b'{"event_type": "training_step", "step": 1, "data": {"loss": "12a"}}': "loss must be a number, got '12a'",
    b'{"event_type": "x", "step": "one", "data": {}}': "step must be an integer, got 'one'",
    b"not json\0": "not JSON: Expecting value at column 1",
}


def test_a_line_that_is_no_event_is_kept_with_its_reason(database: Database, tmp_path: Path) -> None:
    """Rejects hold source, line number, reason and the line; they are idempotent, also in a renamed copy."""
    good = FIRST.lines().splitlines(keepends=True)
    file = tmp_path / "log.jsonl"
    file.write_bytes(good[0] + b"".join(line + b"\n" for line in BAD_LINES) + b"".join(good[1:]))
    report = one(database, file)
    assert (report.new, report.rejected) == (len(good), len(BAD_LINES))
    with database.read() as connection:
        query = "SELECT line_number, source, reason FROM rejects ORDER BY line_number"
        rows = connection.exec_driver_sql(query).fetchall()
    assert [tuple(row) for row in rows] == [
        (number, str(file), reason) for number, reason in enumerate(BAD_LINES.values(), 2)
    ]
    before = content(database)
    shutil.copy(file, tmp_path / "copy.jsonl")
    assert ingest(database, [file, tmp_path / "copy.jsonl"]).new == 0
    assert content(database) == before


def test_a_line_of_fifty_megabytes(memory: Database, tmp_path: Path) -> None:
    """A very long event is an event; a very long line that is none is kept shortened, and says so."""
    file = tmp_path / "log.jsonl"
    long = json.dumps({"event_type": "own", "step": 1, "data": {"text": "x" * 50_000_000}}).encode()
    file.write_bytes(FIRST.lines() + long + b"\n" + b"y" * 70_000_000 + b"\n" + OTHER_RUN.lines())
    report = one(memory, file)
    assert (report.new, report.rejected) == (len(FIRST.events()) + len(OTHER_RUN.events()) + 1, 1)
    (reject,) = content(memory, "rejects")["rejects"]
    assert reject[0] == "the line is longer than 64 MiB"
    assert reject[1].startswith("y" * 2000)
    assert len(reject[1]) < 2100


def test_an_unknown_event_is_kept_whole(memory: Database, tmp_path: Path) -> None:
    """What the contract does not know is stored with its data."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(b'{"event_type":"own","step":7,"data":{"a":[1,{"b":null}]}}\n')
    assert one(memory, file).new == 1
    (event,) = content(memory, "events")["events"]
    assert event[-3:-1] == ("own", '{"a":[1,{"b":null}]}')


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (b"", "it is empty"),
        (bytes(range(256)) * 40, "it is a binary file"),
        (b"SQLite format 3\0" + bytes(99), "it is an SQLite database"),
        (b"plain text\n" * 2000, "none of its first"),
    ],
)
def test_what_is_no_log_is_said(memory: Database, tmp_path: Path, made: bytes, said: str) -> None:
    """A file without events is one clear sentence; among others it is a problem of its own report."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(made)
    with pytest.raises(NoLogsError, match=said) as caught:
        ingest(memory, [file])
    assert "\n" not in str(caught.value)
    report = ingest(memory, [file, FIRST.write(tmp_path / "good.jsonl")])
    assert said in str(report.files[0].problem)
    assert report.new == len(FIRST.events())
    assert content(memory, "rejects")["rejects"] == []


def test_a_missing_file_names_those_near(memory: Database, tmp_path: Path) -> None:
    """A path that names nothing is an error before anything is read."""
    FIRST.write(tmp_path / "baseline.jsonl")
    with pytest.raises(InputNotFoundError, match=r"did you mean .*baseline\.jsonl"):
        ingest(memory, [tmp_path / "baseline.jsonl", tmp_path / "baselin.jsonl"])
    assert content(memory, "runs")["runs"] == []


def test_a_folder_without_logs(memory: Database, tmp_path: Path) -> None:
    """A folder that holds no log is an error that says what was looked for."""
    with pytest.raises(NoLogsError, match=r"holds no \*\.jsonl"):
        ingest(memory, [tmp_path])


def test_progress_is_told(memory: Database, tmp_path: Path) -> None:
    """The caller learns how much of each file was read, up to all of it."""
    file = FIRST.write(tmp_path / "log.jsonl")
    told: list[tuple[str, int, int | None]] = []
    ingest(memory, [file], on_progress=lambda *args: told.append(args))
    size = file.stat().st_size
    assert told[-1] == (str(file), size, size)


def test_rows_that_a_segment_does_not_count_are_not_doubled(database: Database, tmp_path: Path) -> None:
    """Where a key is there against all expectation, the row that is there stays, on each engine."""
    one(database, FIRST.write(tmp_path / "log.jsonl"))
    before = content(database, "steps", "grads", "grad_norms")
    with database.write() as connection:
        connection.execute(text("UPDATE segments SET next_seq = 0"))
    one(database, FIRST.write(tmp_path / "copy.jsonl"))
    assert content(database, "steps", "grads", "grad_norms") == before
