"""A digest of a long run: a few thousand of its rows, under the names of the views that questions read.

A question about a run of a million logged steps is answered from its first rows, its last ones, every so many between,
and all that stand out: the extremes, the greatest jumps with what came before them, what is not finite. A larger
cadence of logging is what the diagnoses are made for. Temporary tables named `current_steps` and so on come before the
views in the search for a name, so that no question knows of it. Counts, sums and extremes come from `stretches`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from debugstore.analysis.digest_rows import EVENTS_AROUND, TABLES, Choice, Held, Size, Window, only_value
from debugstore.analysis.queries import Row, shipped
from debugstore.store import stretches
from debugstore.store.drivers import scratch

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

PARTS: Mapping[str, str] = {
    "module_activations": "activations",
    "grad_norms": "grads",
    "param_changes": "param_updates",
}
"""Tables of parts of these rows, by name."""


@dataclass(frozen=True, slots=True)
class Digest:
    """The connection to ask on, and the runs of which not all rows are read there."""

    connection: "Connection"
    long: frozenset[int] = frozenset()
    every: int = 1
    """Steps from one of the rows that stand for all to the next."""

    def reading(self, run: int) -> Row:
        """Return how many logged steps of a run are read, of how many; nothing if all are."""
        if run not in self.long:
            return MappingProxyType({})
        read = only_value(self.connection, f"SELECT COUNT(*) FROM current_steps WHERE run = {run}")
        held = only_value(self.connection, f"SELECT SUM(num_steps) FROM digest_stretches WHERE run = {run}")
        return MappingProxyType({"steps_read": int(read), "steps": int(held), "every": self.every})

    def totalled(self, section: str, run: int, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the rows of a section with counts and means of all rows in place of those of the rows read.

        Rows of several are told apart by their first column.
        """
        if run not in self.long or section not in shipped("totals"):
            return rows
        totals = shipped("totals")[section].rows(self.connection, run=run)
        if len(rows) == len(totals) == 1:
            return [MappingProxyType({**rows[0], **totals[0]})]
        by_key = {next(iter(row.values())): row for row in totals}
        return [MappingProxyType({**row, **by_key.get(next(iter(row.values())), {})}) for row in rows]


@contextmanager
def digested(
    connection: "Connection",
    runs: Sequence[int],
    *,
    size: Size | None = None,
    since_step: int | None = None,
    parts: bool = False,
    all_rows: bool = False,
    windows: Callable[[], Iterable[Window]] = tuple,
) -> Iterator[Digest]:
    """Give a connection on which the views hold digests of those runs that are long, and all rows of the others.

    Args:
        runs: those that will be asked about; the views hold no other.
        since_step: counts and sums are of rows from this step on.
        parts: also lists of parameters, which few questions read.
        all_rows: digest nothing.
        windows: returns more that is to be read; asked for only where there is a long run.
    """
    size = size or Size()
    segments = [] if all_rows else _segments(connection, runs)
    steps: dict[int, int] = {}
    for one in segments:
        steps[one["run"]] = steps.get(one["run"], 0) + one["num_steps"]
    long = frozenset(run for run, number in steps.items() if number > size.exact_steps)
    if not long:
        yield Digest(connection)
        return
    with scratch(connection) as free:
        made = _Maker(free, segments, long, size, since_step)
        try:
            made.make(parts, windows())
            yield Digest(free, long, made.every)
        finally:
            made.drop()


def _segments(connection: "Connection", runs: Sequence[int]) -> "Sequence[RowMapping]":
    from sqlalchemy import select

    from debugstore.store.schema import segments

    query = select(segments).where(segments.c.run.in_(runs), segments.c.num_events > 0)
    return connection.execute(query.order_by(segments.c.id)).mappings().all()


class _Maker:
    """Makes the temporary tables of a digest."""

    def __init__(
        self,
        connection: "Connection",
        segments: "Sequence[RowMapping]",
        long: frozenset[int],
        size: Size,
        since_step: int | None,
    ) -> None:
        self.connection = connection
        self.segments = segments
        self.since_step = since_step
        self.of_long = [one for one in segments if one["run"] in long]
        self.size = size
        self.every = 1
        self.since_windows: list[Window] = []
        self._made: list[str] = []

    def make(self, parts: bool, windows: Iterable[Window]) -> None:
        """Choose the rows, those of `windows` and others, and copy them."""
        self._keep_stretches()
        choice = Choice(self.connection, self.segments, self.of_long, self.stretches, self.size)
        self.every, phase = choice.grid()
        read = [*windows, *choice.windows(), *self.since_windows]
        self._keep("digest_windows", "run INTEGER, segment INTEGER, low_seq BIGINT, high_seq BIGINT", read)
        columns = "run INTEGER, segment INTEGER, low_seq BIGINT, high_seq BIGINT, step BIGINT"
        self._keep("digest_targets", columns, choice.targets(self.every, phase))
        self._create(
            "digest_picks",
            "AS SELECT p.run, p.segment, p.seq, t.step FROM (SELECT DISTINCT x.run, x.segment, ("
            "SELECT s.seq FROM steps AS s WHERE s.run = x.run AND s.segment = x.segment AND s.seq >= x.low_seq"
            " AND s.seq < x.high_seq AND s.step >= x.step ORDER BY s.seq LIMIT 1) AS seq FROM digest_targets AS x) AS p"
            " CROSS JOIN steps AS t WHERE t.run = p.run AND t.segment = p.segment AND t.seq = p.seq",
        )
        self._analyze("digest_picks")
        for table in TABLES:
            self._copy(table)
        for table in PARTS if parts else ("module_activations",):
            self._copy_parts(table)

    def drop(self) -> None:
        """Take the tables away; on PostgreSQL they go with the transaction of their own connection."""
        if self.connection.dialect.name != "sqlite":
            return
        for name in reversed(self._made):
            self.connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")

    def _create(self, name: str, how: str) -> None:
        self.connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {name} {how}")
        self._made.append(name)

    def _keep(self, name: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
        self._create(name, f"({columns})")
        rows = [tuple(row) for row in rows]
        if rows:
            mark = "?" if self.connection.dialect.name == "sqlite" else "%s"
            marks = ", ".join([mark] * len(rows[0]))
            self.connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({marks})", rows)
        self._analyze(name)

    def _analyze(self, name: str) -> None:
        """Tell PostgreSQL how large a temporary table is; nobody else does."""
        if self.connection.dialect.name == "postgresql":
            self.connection.exec_driver_sql(f"ANALYZE {name}")

    def _keep_stretches(self) -> None:
        """Gather what the stretches of the long runs hold, of rows that count; measure those that are not stored."""
        from sqlalchemy import select

        known = stretches.stretches
        names = [column.name for column in known.columns]
        rows: list[Held] = []
        missing: list[stretches.Range] = []
        for one in self.of_long:
            query = select(known).where(known.c.run == one["run"], known.c.segment == one["id"])
            before = one["superseded_from"]
            for row in self.connection.execute(query).mappings().all():
                if before is not None and row["last_step"] is not None and row["last_step"] >= before:
                    missing.append((row["run"], row["segment"], row["low_seq"], row["high_seq"], before, None))
                else:
                    rows.append(row)
            missing += [(*ends[:4], before, None) for ends in stretches.lacking(self.connection, one)]
        rows += stretches.measure(self.connection, missing)
        rows.sort(key=lambda row: (row["run"], row["segment"], row["low_seq"]))
        kinds = {"run": "INTEGER", "segment": "INTEGER"}
        columns = [f"{column.name} {kinds.get(column.name, _kind(column.type))}" for column in known.columns]
        self.stretches = rows
        if self.since_step is not None:
            rows = list(self._since(rows, self.since_step))
        self._keep("digest_stretches", ", ".join(columns), [[row[name] for name in names] for row in rows])

    def _since(self, rows: Sequence[Held], step: int) -> Iterator[Held]:
        """Yield what stretches hold from a step on."""
        before = {one["id"]: one["superseded_from"] for one in self.of_long}
        cut: list[stretches.Range] = []
        for row in rows:
            if row["last_step"] is not None and row["first_step"] < step <= row["last_step"]:
                of = (row["run"], row["segment"], row["low_seq"], row["high_seq"])
                self.since_windows.append((*of[:3], of[3] + self.size.first_events))
                cut.append((*of, before[row["segment"]], step))
            elif row["first_step"] is None or row["first_step"] >= step:
                yield row
        yield from stretches.measure(self.connection, cut)

    def _copy(self, table: str) -> None:
        """Copy the rows of a table that are read."""
        key = "t.run = x.run AND t.segment = x.segment"
        before, after = (0, 0) if table == "steps" else (EVENTS_AROUND, EVENTS_AROUND)
        self._create(
            f"digest_{table}",
            f"AS SELECT t.run, t.segment, t.seq FROM digest_windows AS x CROSS JOIN {table} AS t"
            f" WHERE {key} AND t.seq >= x.low_seq AND t.seq <= x.high_seq"
            f" UNION SELECT t.run, t.segment, t.seq FROM digest_picks AS x CROSS JOIN {table} AS t"
            f" WHERE {key} AND t.seq >= x.seq - {before} AND t.seq <= x.seq + {after} AND t.step = x.step",
        )
        self._analyze(f"digest_{table}")
        self._create(
            f"current_{table}",
            f"AS SELECT t.* FROM digest_{table} AS x CROSS JOIN segments AS s CROSS JOIN {table} AS t"
            f" WHERE {key} AND t.seq = x.seq AND s.id = x.segment"
            " AND (s.superseded_from IS NULL OR t.step < s.superseded_from)",
        )
        self._analyze(f"current_{table}")

    def _copy_parts(self, table: str) -> None:
        """Copy the parts of the rows that are read, with what the view gives them."""
        from debugstore.store.schema import metadata

        own = [column.name for column in list(metadata.tables[table].columns)[3:]]
        name, joined = ("p.name, ", "CROSS JOIN params AS p") if "param" in own else ("", "")
        self._create(
            f"current_{table}",
            "AS SELECT t.run, t.segment, t.seq, e.rank, e.step, e.epoch, e.timestamp, "
            f"{name}{', '.join(f't.{column}' for column in own)}"
            f" FROM current_{PARTS[table]} AS e CROSS JOIN {table} AS t {joined}"
            " WHERE t.run = e.run AND t.segment = e.segment AND t.seq = e.seq"
            f"{' AND p.id = t.param' if joined else ''}",
        )
        self._analyze(f"current_{table}")


def _kind(kind: Any) -> str:
    return "DOUBLE PRECISION" if type(kind).__name__ == "Double" else "BIGINT"
