"""Ingest: logs into a store. Every event once, whatever the order, the names and the cuts of the files.

A file is read block by block; each block is one transaction that also writes down how far the file was read, so a
process killed at any moment leaves a store that the next ingest completes.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from debugstore.errors import NoLogsError
from debugstore.store import resume, runs, schema, segments
from debugstore.store.batches import Batch, Group, decode_block
from debugstore.store.database import Database
from debugstore.store.segments import Placed
from debugstore.store.sources import Block, Lines, Source, expand
from debugstore.store.writer import Writer

Progress = Callable[[str, int, int | None], None]
"""Called after each block with the source's name, the bytes of it that were read, and its size if that is known."""


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
        paths: files (plain, .gz, .zst), patterns, folders, or ``-`` for standard input.

    Raises:
        InputNotFoundError: a path names nothing; then nothing was read.
        NoLogsError: the one file given holds no log. Among several it is a `problem` of its report.
        StoreError: the store refused; what was read before stays.
    """
    sources = expand(paths)
    writer = Writer()
    reports, problems = [], []
    for source in sources:
        try:
            reports.append(_ingest_file(database, writer, source, on_progress))
        except NoLogsError as error:
            problems.append(error)
            reports.append(FileReport(source.name, problem=str(error)))
    if problems and len(problems) == len(reports):
        raise problems[0]
    return IngestReport(tuple(reports))


def _ingest_file(database: Database, writer: Writer, source: Source, on_progress: Progress | None) -> FileReport:
    new, unfinished = 0, False
    with closing(Lines(source)) as lines:
        with database.read() as connection:
            position = resume.position_of(connection, source, lines)
        for block in lines.blocks(position.read_bytes, position.read_lines):
            batch = decode_block(block, position, source.name)
            unfinished = batch is None
            if batch is not None:
                new += _write(database, writer, batch, block, source)
            if on_progress:
                on_progress(source.name, lines.done_bytes, lines.total_bytes)
    known = position.num_events - new
    return FileReport(source.name, new, known, position.num_rejects, tuple(position.runs), unfinished)


def _write(database: Database, writer: Writer, batch: Batch, block: Block, source: Source) -> int:
    """Write one batch in one transaction; return how many of its events were new."""
    new = 0
    try:
        with database.write() as connection:
            touched = set()
            for group in batch.groups.values():
                placed, inserted = _write_group(connection, writer, group, batch, source)
                new += inserted
                touched.add((placed.run, placed.rank))
            for run, rank in sorted(touched):
                segments.supersede(connection, run, rank)
            for run in sorted({run for run, _ in touched}):
                runs.refresh(connection, run)
            writer.insert_rejects(connection, source.name, batch.rejects)
            resume.remember(connection, source, batch.position, block.edges)
    except BaseException:
        writer.forget()
        raise
    return new


def _write_group(
    connection: Connection, writer: Writer, group: Group, batch: Batch, source: Source
) -> tuple[Placed, int]:
    """Write the rows of one stream; return where they went and how many were new."""
    stream = group.stream
    placed = segments.place(connection, stream, batch.position.tracker.stem, source.name, group.rows)
    by_plan: dict[str, list[tuple[object, ...]]] = {}
    parts: dict[str, list[tuple[object, ...]]] = {}
    for row in group.rows.values():
        by_plan.setdefault(row.plan, []).append(row.values)
        if row.parts:
            parts.setdefault(row.plan, []).extend((row.values[0], *part) for part in row.parts)
    inserted = {plan: writer.insert_events(connection, placed, plan, rows) for plan, rows in sorted(by_plan.items())}
    for plan, rows in sorted(parts.items()):
        writer.insert_parts(connection, placed, plan, rows)
    new = sum(inserted.values())
    grown = segments.growth(group.rows.values(), new, inserted.get("training_step", 0))
    segments.grow(connection, placed, grown)
    stream.next_seq = max(stream.next_seq, grown.seqs[1] + 1)
    run_id = connection.execute(select(schema.runs.c.run_id).where(schema.runs.c.id == placed.run)).scalar_one()
    if run_id not in batch.position.runs:
        batch.position.runs.append(run_id)
    return placed, new
