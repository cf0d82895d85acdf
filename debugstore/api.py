"""A store from Python: everything the command line does, as calls that return frozen values. Never imports torch.

What a call does lives in `store` and `analysis`; here it is opened, the run that a person means is looked up, and the
call is passed on.
"""

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from debugstore.errors import ArgumentError

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy import Connection

    from debugstore.analysis.adhoc import Answer
    from debugstore.analysis.compare import Comparison
    from debugstore.analysis.queries import Query
    from debugstore.analysis.report import Report
    from debugstore.store.database import Database
    from debugstore.store.ingest import IngestReport, Progress
    from debugstore.store.summaries import RunSummary
    from debugstore.store.upkeep import StoreInfo

LOG_ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst")
"""What a log's name ends with; such a name is never taken for a run's."""

RUN_PARAMS = ("run", "other")
"""Places of a query that bind a run's integer key; here they take its name too."""


def open_store(where: str | Path = "debugstore.db") -> "Store":
    """Return the store at a path or a database URL, or one in memory for ``:memory:``.

    It is opened when it is first needed: the first `ingest` makes it where there is none.
    """
    return Store(where)


class Store:
    """One store. It is closed by `close`, or at the end of a ``with``.

    A run is named as on the command line: by its name, its id, a unique prefix of either, or ``latest``.

    Example::

        with debugstore.open_store("debugstore.db") as store:
            store.ingest(["logs/debug"])
            for finding in store.report("latest").findings:
                print(finding.severity, finding.title, finding.remedy)
    """

    def __init__(self, where: str | Path) -> None:
        self.where = where
        self._databases: dict[bool, Database] = {}

    def ingest(self, paths: Iterable[str | Path], *, on_progress: "Progress | None" = None) -> "IngestReport":
        """Put logs into the store, which the first log makes if it is not there; see `store.ingest.ingest`."""
        from debugstore.store.database import open_database
        from debugstore.store.ingest import ingest
        from debugstore.store.probing import refuse_without_logs

        paths = list(paths)
        if True not in self._databases:
            look = partial(refuse_without_logs, paths)
            self._databases[True] = open_database(self.where, create=True, before_making=look)
        return ingest(self._databases[True], paths, on_progress=on_progress)

    def runs(self, *, where: str | None = None, tag: str | None = None) -> "tuple[RunSummary, ...]":
        """Return the runs, the newest first.

        Args:
            where: a condition such as ``config.lr > 1e-4 and status == "completed"``.
            tag: only runs with this tag.
        """
        if where is None and tag is None and not self._databases and "://" not in str(self.where):
            from debugstore.store.summaries import glance

            seen = glance(Path(self.where))
            if seen is not None:
                return seen
        from debugstore.store.runs import list_runs

        with self._reading() as connection:
            runs = list_runs(connection)
            if where is None and tag is None:
                return tuple(runs)
            from debugstore.analysis.compare import select_runs

            chosen = set(select_runs(connection, where=where, tag=tag))
        return tuple(run for run in runs if run.run in chosen)

    def report(
        self,
        run: str | Path = "latest",
        *,
        only: Collection[str] | None = None,
        since_step: int | None = None,
        thresholds: Mapping[str, float] | None = None,
        diagnoses_dir: Path | None = None,
        all_rows: bool = False,
    ) -> "Report":
        """Report on a run, or on a log that was never ingested; see `analysis.report.report`."""
        from debugstore.analysis.report import report

        with self._reading_runs([run]) as (connection, (found,)):
            return report(
                connection,
                found,
                only=only,
                since_step=since_step,
                thresholds=thresholds,
                diagnoses_dir=diagnoses_dir,
                all_rows=all_rows,
            )

    def compare(
        self,
        runs: Sequence[str | Path] = (),
        *,
        where: str | None = None,
        tag: str | None = None,
        baseline: str | Path | None = None,
        **options: Any,
    ) -> "Comparison":
        """Compare runs with the first of them or with `baseline`; logs that were never ingested count as runs.

        Args:
            runs: the runs; one alone is compared with itself, segment by segment.
            where: also all runs that fit a condition, see `runs`.
            tag: also all runs with this tag.
            baseline: the run to compare the others with.
            options: as of `analysis.compare.compare`: `group`, `by`, `sort`, `to_loss`, `rtol`, `atol`, `findings`.
        """
        from debugstore.analysis.compare import compare, select_runs

        asked = [*runs, *([baseline] if baseline is not None else [])]
        with self._reading_runs(asked) as (connection, found):
            base = found.pop() if baseline is not None else None
            if where is not None or tag is not None:
                chosen = select_runs(connection, where=where, tag=tag)
                if not chosen:
                    raise ArgumentError(
                        f"no run fits {' and '.join(filter(None, (where, tag)))}: see 'debugstore runs'"
                    )
                found += [run for run in chosen if run not in found]
            return compare(connection, found, baseline=base, **options)

    def sql(
        self,
        query: str,
        *,
        row_limit: int | None = None,
        seconds: float | None = None,
        plan: bool = False,
        **params: Any,
    ) -> "Answer":
        """Ask a question in SQL that only reads, or a shipped one by its name; see `analysis.adhoc.ask`.

        Args:
            query: SQL, or a name such as ``report/progression`` out of `queries`.
            row_limit: rows at most; None for all.
            seconds: time at most; None for ever.
            plan: return how the database would answer instead of the answer.
            params: values of the ``:name`` places of the query; ``run`` and ``other`` may name a run.
        """
        from debugstore.analysis.adhoc import ask
        from debugstore.analysis.named import named_query
        from debugstore.store.runs import resolve

        named = named_query(query)
        defaults = {param.name: param.default for param in named.params.values()} if named else {}
        with self._reading() as connection:
            given = {
                name: resolve(connection, value) if name in RUN_PARAMS and isinstance(value, str) else value
                for name, value in params.items()
            }
            text = named.sql if named else query
            if plan:
                text = f"{'EXPLAIN QUERY PLAN' if connection.dialect.name == 'sqlite' else 'EXPLAIN'} {text}"
            return ask(connection, text, {**defaults, **given}, row_limit=row_limit, seconds=seconds)

    def queries(self) -> "Mapping[str, Query]":
        """Return the shipped questions that `sql` takes by name."""
        from debugstore.analysis.named import named_queries

        return named_queries()

    def show(self, run: str | Path = "latest", *, around: int, window: int = 10) -> tuple[dict[str, Any], ...]:
        """Return every event of a run within `window` steps of a step; see `store.show.events_near`."""
        from debugstore.store.show import events_near

        with self._reading_runs([run]) as (connection, (found,)):
            return events_near(connection, found, around, window)

    def export(self, run: str | Path = "latest") -> "Iterator[bytes]":
        """Yield every event of a run as the line that came in, value for value."""
        from debugstore.store.export import export_lines

        with self._reading_runs([run]) as (connection, (found,)):
            yield from export_lines(connection, found)

    def table(self, name: str, run: str | Path | None = None) -> "Answer":
        """Return the rows of a table or view, of one run or of all; see `analysis.frames.read_table`."""
        from debugstore.analysis.frames import read_table

        with self._reading_runs([run] if run is not None else []) as (connection, found):
            return read_table(connection, name, *found)

    def frame(self, table: str, run: str | Path | None = None, *, library: str | None = None) -> Any:
        """Return a table as a frame of pandas or polars, the first that is installed if none is named.

        Raises:
            MissingExtraError: it is not installed.
        """
        from debugstore.analysis.frames import to_frame

        return to_frame(self.table(table, run), library)

    def find(self, *asked: str) -> "tuple[RunSummary, ...]":
        """Return the runs that a person means by these names, each once.

        Raises:
            RunNotFoundError, RunAmbiguousError: a name means none, or several.
        """
        from debugstore.store.runs import list_runs, resolve

        with self._reading() as connection:
            runs = {run.run: run for run in list_runs(connection)}
            return tuple(runs[run] for run in {resolve(connection, name): None for name in asked})

    def remove(self, *runs: str) -> None:
        """Delete runs and all their rows; their logs, if they are still there, can be ingested again."""
        from debugstore.store.runs import remove, resolve

        with self._writing() as connection:
            for run in {resolve(connection, asked): None for asked in runs}:
                remove(connection, run)

    def rename(self, run: str, name: str) -> None:
        """Give a run another name; its id stays."""
        from debugstore.store.runs import rename, resolve

        with self._writing() as connection:
            rename(connection, resolve(connection, run), name)

    def note(self, run: str, text: str | None) -> None:
        """Write a note on a run in place of the one it has; None takes it away."""
        from debugstore.store.runs import annotate, resolve

        with self._writing() as connection:
            annotate(connection, resolve(connection, run), text)

    def tag(self, run: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
        """Put tags on a run and take tags off it; return those it has then."""
        from debugstore.store.runs import resolve, tag

        with self._writing() as connection:
            return tag(connection, resolve(connection, run), add, remove)

    def prune(
        self, older_than: timedelta, *, keep_tagged: bool = True, dry_run: bool = False
    ) -> "tuple[RunSummary, ...]":
        """Delete the runs whose last event is older, and return them; `dry_run` only returns them."""
        from debugstore.store.runs import prune

        with self._writing() as connection:
            seconds = older_than.total_seconds()
            return tuple(prune(connection, seconds, now=time.time(), keep_tagged=keep_tagged, dry_run=dry_run))

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the store to the schema of this debugstore; return the revisions before and after."""
        from debugstore.store.database import open_database

        self.close()
        with open_database(self.where, any_version=True) as database:
            return database.upgrade()

    def info(self) -> "StoreInfo":
        """Return what the store holds, with sizes by table and by run."""
        from debugstore.store.upkeep import info

        return info(self._database())

    def check(self) -> tuple[str, ...]:
        """Return what is wrong with the store, a sentence each; nothing if it is sound."""
        from debugstore.store.upkeep import check

        return check(self._database())

    def vacuum(self) -> tuple[int | None, int | None]:
        """Give free space back; return the bytes before and after, None where the engine does not say."""
        from debugstore.store.upkeep import vacuum

        return vacuum(self._database(write=True))

    def backup(self, target: str | Path) -> int:
        """Copy the store, which may be written meanwhile, into a new SQLite file; return its bytes."""
        from debugstore.store.upkeep import backup

        return backup(self._database(), Path(target))

    def rebuild(self) -> int:
        """Derive again what is derived from rows, and return the number of segments it was done for."""
        from debugstore.store.upkeep import rebuild

        return rebuild(self._database(write=True))

    def close(self) -> None:
        """Close the store; a call after it opens it again."""
        while self._databases:
            self._databases.popitem()[1].close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self.close()

    def _database(self, *, write: bool = False) -> "Database":
        """Return the open database; what only reads opens it so that it cannot write."""
        from debugstore.store.database import open_database

        in_memory = str(self.where) == ":memory:"
        key = write or in_memory or True in self._databases
        if key not in self._databases:
            self._databases[key] = open_database(self.where, create=in_memory, read_only=not key)
        return self._databases[key]

    @contextmanager
    def _writing(self) -> "Iterator[Connection]":
        with self._database(write=True).write() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> "Iterator[Connection]":
        with self._database().read() as connection:
            yield connection

    @contextmanager
    def _reading_runs(self, asked: Sequence[str | Path]) -> "Iterator[tuple[Connection, list[int]]]":
        """Give a connection and the runs asked for in it: of this store, or of one in memory where some are logs."""
        from debugstore.store.runs import resolve

        if any(map(_is_log, asked)):
            with Store(":memory:") as loose:
                names: list[str] = []
                for run in asked:
                    name, is_new = loose._loaded(run) if _is_log(run) else loose._copied(self, str(run))
                    if (
                        is_new and name in names
                    ):  # in one store they are segments of one run: nothing is left to compare
                        first = asked[names.index(name)]
                        raise ArgumentError(f"{first} and {run} are of one run, '{name}': compare it with another")
                    names.append(name)
                with loose._reading() as connection:
                    yield connection, [resolve(connection, name) for name in names]
            return
        with self._reading() as connection:
            yield connection, [resolve(connection, str(run)) for run in asked]

    def _loaded(self, log: str | Path) -> tuple[str, bool]:
        """Ingest a log; return its run, and whether any of it was new here.

        Raises:
            ArgumentError: it holds several runs.
        """
        done = self.ingest([log])
        if len(done.runs) != 1:
            raise ArgumentError(
                f"{log} holds {len(done.runs)} runs ({', '.join(done.runs)}): ingest it and name one of them"
            )
        return done.runs[0], done.new > 0

    def _copied(self, other: "Store", run: str) -> tuple[str, bool]:
        """Take a run of another store over; see `_loaded`."""
        (found,) = other.find(run)
        with TemporaryDirectory() as folder:
            log = Path(folder) / f"{quote(found.run_id, safe=' ')[:200]}.jsonl"  # names a run whose lines do not
            with log.open("wb") as file:
                file.writelines(other.export(found.run_id))
            return self._loaded(log)


def _is_log(run: str | Path) -> bool:
    """Say whether a person means a log by this, not a run: a bare word is a run even if a folder has its name."""
    if isinstance(run, Path) or run == "-" or run.endswith(LOG_ENDINGS):
        return True
    path = Path(run)
    return path.is_file() or (any(mark in run for mark in (os.sep, "/")) and path.exists())
