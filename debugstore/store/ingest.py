"""Ingest: logs into a store. Every event once, whatever the order, the names and the cuts of the files.

A file is read block by block; each block is one transaction that also writes down how far the file was read, so a
process killed at any moment leaves a store that the next ingest completes.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from debugstore.errors import NoLogsError
from debugstore.garbage import seldom_searched
from debugstore.store import runs, segments, statistics, stretches
from debugstore.store.batches import Batch
from debugstore.store.checkpoints import Checkpoints
from debugstore.store.database import Database
from debugstore.store.decoding import Decoding
from debugstore.store.files import Files, Opened
from debugstore.store.groups import Group
from debugstore.store.placing import Placing, adopt_pieces
from debugstore.store.resume import remember
from debugstore.store.sources import Source, expand
from debugstore.store.streams import FOREIGN
from debugstore.store.writer import Writer

Progress = Callable[[str, int, int | None], None]
"""Called after each block, and at the end of a file also if nothing was new, with the source's name, the bytes of it
that were read, and its size if that is known."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What ingest did with one file; `known` and `rejected` count the whole file, as far as it was ever read."""

    source: str
    new: int = 0
    known: int = 0
    rejected: int = 0
    runs: tuple[str, ...] = ()
    unfinished: bool = False
    """The last line was cut; it is read when it is complete."""

    problem: str | None = None
    """Why nothing of the file was read."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What ingest did, file by file."""

    files: tuple[FileReport, ...]

    @property
    def new(self) -> int:
        """Events that the store did not have."""
        return sum(file.new for file in self.files)

    @property
    def known(self) -> int:
        """Events that it had."""
        return sum(file.known for file in self.files)

    @property
    def rejected(self) -> int:
        """Lines that are no event."""
        return sum(file.rejected for file in self.files)

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs that the files belong to, each once."""
        return tuple(dict.fromkeys(run for file in self.files for run in file.runs))


def ingest(database: Database, paths: Iterable[str | Path], *, on_progress: Progress | None = None) -> IngestReport:
    """Put logs into a store; a file that grew is read from where the last ingest of it ended.

    Args:
        paths: files (plain, .gz, .zst), named pipes, patterns, folders, or ``-`` for standard input.

    Raises:
        InputNotFoundError: a path names nothing; then nothing was read.
        NoLogsError: the one file given holds no log. Among several it is a `problem` of its report.
        StoreError: the store refused; what was read before stays.
        RunRemovedError: another process removed a run while a file of it was read.
    """
    sources = expand(paths)
    reports, problems = [], []
    with seldom_searched(), closing(_Load(database, sources, on_progress)) as load:
        for source in sources:
            try:
                reports.append(load.next_file())
            except NoLogsError as error:
                problems.append(error)
                reports.append(FileReport(source.name, problem=str(error)))
    if problems and len(problems) == len(reports):
        raise problems[0]
    stretches.complete_runs(database, {run for report in reports for run in report.runs})
    statistics.refresh(database, sum(report.new for report in reports))
    return IngestReport(tuple(reports))


class _Load:
    """What the files of an ingest have in common: the next one is decoded while one is written."""

    def __init__(self, database: Database, sources: Sequence[Source], on_progress: Progress | None) -> None:
        self._database = database
        self._on_progress = on_progress or (lambda *_: None)
        self._writer = Writer()
        self._files = Files(database, sources)
        self._decoding = Decoding(sources)
        self._checkpoints = Checkpoints(database)

    def next_file(self) -> FileReport:
        """Ingest the file whose turn it is.

        Raises:
            NoLogsError: it holds no log.
        """
        with closing(self._files.take()) as file:
            return self._ingest(file)

    def _ingest(self, file: Opened) -> FileReport:
        source, placing = file.lines.source, file.placing
        new, noted, unfinished = 0, 0, False
        num_events, num_rejects = file.position.num_events, file.position.num_rejects
        for batch, done in self._decoding.batches(file, self._writer.known, self._files.ahead):
            unfinished = batch is None
            if batch is not None:
                placing, written = _write(self._database, self._writer, batch, placing, source)
                new += written
                num_events, num_rejects = batch.num_events, batch.num_rejects
            self._checkpoints.note(done - noted)
            noted = done
            self._on_progress(source.name, done, file.lines.total_bytes)
        if file.lines.total_bytes is not None:
            self._on_progress(source.name, file.lines.total_bytes, file.lines.total_bytes)
        return FileReport(source.name, new, num_events - new, num_rejects, tuple(placing.runs), unfinished)

    def close(self) -> None:
        """End what runs beside, and close what was opened."""
        with ExitStack() as closed:
            for one in (self._files, self._decoding, self._checkpoints):
                closed.callback(one.close)


def _write(database: Database, writer: Writer, batch: Batch, placing: Placing, source: Source) -> tuple[Placing, int]:
    """Write one batch in one transaction; return the state after it and how many of its events were new."""
    writer.learn(database, batch)
    placing = msgspec.json.decode(msgspec.json.encode(placing), type=Placing)
    new = 0
    unsettled: set[tuple[int, int]] = set()
    with database.write() as connection:
        placing.hold(connection)
        for group in sorted(batch.groups, key=lambda group: (group.stream.run_id or "", group.stream.rank)):
            written, settled = _write_group(connection, writer, group, placing)
            new += written
            unsettled |= settled
        for facts in batch.moved:
            segment = placing.segment_of(connection, facts)
            if segment is not None:
                segments.move(connection, segment, facts)
                unsettled |= {(segment["run"], segment["rank"]), (segment["run"], facts.rank)}
        # After all segments are locked, and in order: two processes never wait for each other in a circle.
        for run, rank in sorted(unsettled):
            segments.supersede(connection, run, rank)
        for run in sorted({run for run, _ in unsettled}):
            runs.refresh(connection, run)
        writer.insert_rejects(connection, source.name, batch.rejects)
        remember(connection, source, batch, placing)
    return placing, new


def _write_group(
    connection: Connection, writer: Writer, group: Group, placing: Placing
) -> tuple[int, set[tuple[int, int]]]:
    """Write the rows of one stream.

    Returns:
        how many were new; and its run and rank, if more than its own rows has to follow them.
    """
    segment = placing.place(connection, group)
    seqs = group.span()
    if seqs.start < segment["next_seq"]:
        group.leave_out(segments.known_seqs(connection, segment, seqs.start, seqs.stop))
        if group:
            stretches.forget(connection, segment["run"], segment["id"], group.span().start)
    writer.insert_group(connection, (segment["run"], segment["id"], segment["rank"]), group)
    moved = segments.grow(connection, segment, group)
    placing.note(group, seqs.stop)
    merged = segment["kind"] != FOREIGN and adopt_pieces(connection, segment["id"])
    telling = merged or moved or segment["num_events"] == 0 or group.has(_TELLING)
    return len(group), {(segment["run"], segment["rank"])} if telling else set()


_TELLING = ("fit_start", "fit_end")
"""Events that say something of their run."""
