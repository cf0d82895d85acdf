"""No question reads rows of other runs: every plan goes by the key that starts with the run."""

import re

import pytest

from debugstore.analysis.queries import Query, shipped
from debugstore.store.database import Database

SMALL = {"params", "runs", "segments"}
"""Tables whose rows do not grow with the steps of a run."""


QUESTIONS = [query for folder in ("diagnoses", "report") for query in shipped(folder).values()]


@pytest.mark.parametrize("query", QUESTIONS, ids=lambda query: f"{query.path.parent.name}/{query.name}")
def test_a_question_goes_by_the_key(query: Query, memory: Database) -> None:
    """SQLite searches every event table by its primary key or an index; only tables of names may be scanned."""
    values = {"run": 1, "since_step": 0}
    sql = query.literal(**{name: value for name, value in values.items() if name in query.names})
    with memory.read() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
        tables = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
        aliases = dict(re.findall(r"(?:FROM|JOIN) (\w+) AS (\w+)", sql))
    named = {alias: table for table, alias in aliases.items()}
    for line in plan:
        scanned = re.match(r"SCAN (\w+)", line)
        if scanned is not None:
            table = named.get(scanned[1], scanned[1]).removeprefix("current_")
            assert table not in tables - SMALL, line
