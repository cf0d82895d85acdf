"""Stretches: what every thousand numbers of a long run hold, so that a question about a million steps reads few rows.

They are derived. Ingest writes them for the parts of a long run that are complete; a row that comes into a stretch
later takes it away again; who asks measures those that are not there. `db rebuild` makes all of them anew.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, delete, func, insert, select

from debugstore.store import schema
from debugstore.store.database import Database

WIDTH = 1024
"""Numbers of a stretch: some three hundred logged steps of a log at the default cadence."""
LONG = 20_000
"""Logged steps from which on a run is long: below, its rows are read as fast."""
_MOST_NAMED = 500
"""Runs that a question names; of more it asks for all."""

stretches = schema.stretches
Range = tuple[int, int, int, int, int | None, int | None]
"""Run, segment, first number, number after the last; steps from which on rows do not count, and do."""

_SEGMENTS = select(schema.segments).where(schema.segments.c.run == bindparam("run")).order_by(schema.segments.c.id)

_OF = """FROM measured AS x
CROSS JOIN {table} AS t
WHERE
    t.run = x.run AND t.segment = x.segment AND t.seq >= x.low_seq AND t.seq < x.high_seq
    AND (x.before_step IS NULL OR t.step < x.before_step) AND (x.from_step IS NULL OR t.step >= x.from_step)
GROUP BY x.run, x.segment, x.low_seq"""
"""The stretches lead: a table is read once, in its own order, and nothing is sorted."""

_MEASURES = {
    "steps": {
        "num_steps": "COUNT(*)",
        "first_step": "MIN(t.step)",
        "last_step": "MAX(t.step)",
        "num_losses": "COUNT(t.loss)",
        "loss_sum": "SUM(t.loss)",
        "least_loss": "MIN(t.loss)",
        "greatest_loss": "MAX(t.loss)",
        "num_accuracies": "COUNT(t.accuracy)",
        "accuracy_sum": "SUM(t.accuracy)",
        "greatest_accuracy": "MAX(t.accuracy)",
    },
    "grads": {
        "num_grads": "COUNT(*)",
        "num_norms": "COUNT(t.total_norm)",
        "norm_sum": "SUM(t.total_norm)",
        "least_norm": "MIN(t.total_norm)",
        "greatest_norm": "MAX(t.total_norm)",
        "num_zero_norms": "COUNT(CASE WHEN t.total_norm = 0 THEN 1 END)",
        "greatest_grad": "MAX(t.max_grad)",
    },
    "param_updates": {
        "num_updates": "COUNT(*)",
        "num_still_updates": "COUNT(CASE WHEN t.num_params_updated = 0 THEN 1 END)",
        "num_ratios": "COUNT(t.update_ratio)",
        "ratio_sum": "SUM(t.update_ratio)",
        "least_ratio": "MIN(t.update_ratio)",
        "greatest_ratio": "MAX(t.update_ratio)",
    },
}
"""What is measured of each table, by column of `stretches`: what stands at the front of a row and is cheap to reach."""


def measure(connection: Connection, ranges: Sequence[Range]) -> Iterator[dict[str, Any]]:
    """Yield what ranges of numbers hold: a row of `stretches` each. A pass over a part of three tables."""
    if not ranges:
        return
    sqlite = connection.dialect.name == "sqlite"
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE measured (run INTEGER, segment INTEGER, low_seq BIGINT, high_seq BIGINT,"
        f" before_step BIGINT, from_step BIGINT, PRIMARY KEY (run, segment, low_seq)){' WITHOUT ROWID' * sqlite}"
    )
    marks = ", ".join(["?" if sqlite else "%s"] * 6)
    connection.exec_driver_sql(f"INSERT INTO measured VALUES ({marks})", list(ranges))
    made = {one[:3]: dict(zip(("run", "segment", "low_seq", "high_seq"), one, strict=False)) for one in ranges}
    for table, measures in _MEASURES.items():
        columns = ", ".join(f"{expression} AS {name}" for name, expression in measures.items())
        query = f"SELECT x.run, x.segment, x.low_seq, {columns} {_OF.format(table=table)}"
        for run, segment, low, *values in connection.exec_driver_sql(query):
            made[run, segment, low].update(zip(measures, values, strict=True))
    connection.exec_driver_sql("DROP TABLE measured")
    empty = {name: 0 if name.startswith("num_") else None for measures in _MEASURES.values() for name in measures}
    for row in made.values():
        yield {**empty, **row}


def complete_runs(database: Database, run_ids: Collection[str]) -> None:
    """Write the stretches that the long ones of some runs lack, a transaction each: what is not done can wait."""
    if not run_ids:
        return
    with database.read() as connection:
        long = long_runs(connection, run_ids if len(run_ids) <= _MOST_NAMED else None)
        lacking_any = [run for run in long if _missing(connection, _SEGMENTS, run)]
    for run in lacking_any:
        with database.write() as connection:
            complete(connection, run)


def long_runs(connection: Connection, run_ids: Collection[str] | None = None) -> Sequence[int]:
    """Return the runs that are long, of all or of some."""
    of, runs = schema.segments.c, schema.runs.c
    query = select(of.run).group_by(of.run).having(func.sum(of.num_steps) > LONG).order_by(of.run)
    if run_ids is not None:
        query = query.where(of.run.in_(select(runs.id).where(runs.run_id.in_(run_ids))))
    return connection.execute(query).scalars().all()


def complete(connection: Connection, run: int) -> int:
    """Write the stretches that a run lacks and that are whole; return how many."""
    rows = list(measure(connection, _missing(connection, _SEGMENTS.with_for_update(), run)))
    if rows:
        connection.execute(insert(stretches), rows)
    return len(rows)


def _missing(connection: Connection, query: Select[Any], run: int) -> list[Range]:
    """Return the ranges of a run that are whole and that no stretch covers; `query` asks for its segments."""
    segments = connection.execute(query, {"run": run}).mappings().all()
    return [one for segment in segments for one in lacking(connection, segment) if one[3] - one[2] == WIDTH]


def lacking(connection: Connection, segment: RowMapping) -> list[Range]:
    """Return the ranges of a segment's numbers that no stretch covers; the last may be cut by the segment's end."""
    known = set(
        connection.execute(
            select(stretches.c.low_seq).where(stretches.c.run == segment["run"], stretches.c.segment == segment["id"])
        ).scalars()
    )
    first = segment["first_seq"] // WIDTH * WIDTH
    return [
        (segment["run"], segment["id"], low, min(low + WIDTH, segment["next_seq"]), None, None)
        for low in range(first, segment["next_seq"], WIDTH)
        if low not in known
    ]


def forget(connection: Connection, run: int, segment: int, low: int | None = None) -> None:
    """Take away the stretches of a segment into which a row from number `low` on may fall; None takes all."""
    found = delete(stretches).where(stretches.c.run == run, stretches.c.segment == segment)
    connection.execute(found if low is None else found.where(stretches.c.high_seq > low))


def wrong(connection: Connection) -> Iterator[int]:
    """Yield the segments of stretches that do not say what their rows do, each once."""
    ranges: dict[tuple[int, int], list[Range]] = {}
    for row in connection.execute(select(stretches).order_by(stretches.c.run, stretches.c.segment)).mappings():
        of_segment = ranges.setdefault((row["run"], row["segment"]), [])
        of_segment.append((row["run"], row["segment"], row["low_seq"], row["high_seq"], None, None))
    for (run, segment), asked in ranges.items():
        said = {row["low_seq"]: dict(row) for row in _stored(connection, run, segment)}
        if any(said[row["low_seq"]] != row for row in measure(connection, asked)):
            yield segment


def _stored(connection: Connection, run: int, segment: int) -> Sequence[RowMapping]:
    query = select(stretches).where(stretches.c.run == run, stretches.c.segment == segment)
    return connection.execute(query).mappings().all()
