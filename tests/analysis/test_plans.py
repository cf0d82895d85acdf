"""No question reads rows of other runs: every plan goes by the key that starts with the run."""

import re

import pytest

from debugstore.analysis.queries import Query, shipped
from debugstore.store.database import Database

SMALL = {"params", "runs", "segments", "digest_stretches"}
"""Tables whose rows do not grow with the steps of a run, or hold one run's alone."""

FOLDERS = ("diagnoses", "report", "compare", "totals")
QUESTIONS = [query for folder in FOLDERS for query in shipped(folder).values()]
VALUES = {
    "run": 1,
    "other": 2,
    "since_step": 0,
    "first_step": 0,
    "last_step": 99,
    "slices": 8,
    "reach": 100,
    "to_loss": 1.0,
}


@pytest.mark.parametrize("query", QUESTIONS, ids=lambda query: f"{query.path.parent.name}/{query.name}")
def test_a_question_goes_by_the_key(query: Query, memory: Database) -> None:
    """SQLite searches every event table by its primary key or an index; only tables of names may be scanned.

    Whatever else is scanned is a part of the query itself: a named one, or one that the plan says it materializes.
    """
    sql = query.literal(**{name: value for name, value in VALUES.items() if name in query.names})
    with memory.read() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE digest_stretches AS SELECT * FROM stretches")
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
        connection.exec_driver_sql("DROP TABLE digest_stretches")
    tables = {alias: table for table, alias in re.findall(r"(?:FROM|JOIN) (\w+) AS (\w+)", sql)}
    own = set(re.findall(r"(\w+)(?: \([\w, ]+\))? AS \(", sql)) | set(re.findall(r"\) AS (\w+)", sql))
    own |= {made for line in plan for made in re.findall(r"(?:MATERIALIZE|CO-ROUTINE) (\S+)", line)}
    for line in plan:
        scanned = re.match(r"SCAN (\S+)", line)
        if scanned is not None and scanned[1] not in ("CONSTANT", *own):
            table = tables.get(scanned[1], scanned[1])
            assert table in SMALL | own, line
