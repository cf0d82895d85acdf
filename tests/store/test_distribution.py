"""The tables can be distributed by run: what docs/scaling.md says of keys is so."""

import re
from pathlib import Path

from sqlalchemy import Table, UniqueConstraint

from debugstore.analysis import queries
from debugstore.store import schema

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
DISTRIBUTED = (*schema.plan_tables.values(), *schema.part_tables, schema.stretches)
WHOLE = [table for table in schema.metadata.sorted_tables if table not in DISTRIBUTED]
"""Small tables, which every machine of a cluster has whole."""


def uniques(table: Table) -> list[list[str]]:
    """Return the columns of every key of a table."""
    found = [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    return [[column.name for column in key.columns] for key in (table.primary_key, *found)]


def test_every_key_of_events_leads_with_the_run() -> None:
    """A sharding PostgreSQL asks that each unique key holds the column that distributes; ours begin with it."""
    for table in DISTRIBUTED:
        assert [key[0] for key in uniques(table)] == ["run"], table.name


def test_foreign_keys_of_events_lead_to_whole_tables_only() -> None:
    """A foreign key begins with the run too, and goes to a table that every machine has."""
    for table in DISTRIBUTED:
        for key in table.foreign_key_constraints:
            assert key.column_keys[0] == "run", table.name
            assert key.referred_table in WHOLE, table.name


def test_no_number_is_drawn_in_a_distributed_table() -> None:
    """Only whole tables number their rows: a sequence of a distributed table would be asked over the network."""
    for table in DISTRIBUTED:
        assert table.autoincrement_column is None, table.name


def test_the_page_names_the_tables() -> None:
    """The page lists each table where it belongs."""
    lines = re.findall(r"^\| (distributed|whole) \| (.*)$", PAGE.read_text(), re.MULTILINE)
    said = {where: re.findall(r"`(\w+)`", names) for where, names in lines}
    assert sorted(said["distributed"]) == sorted(table.name for table in DISTRIBUTED)
    assert sorted(said["whole"]) == sorted(table.name for table in WHOLE)


def test_questions_are_of_one_run() -> None:
    """Every shipped question binds the run and nothing else says which rows it reads, but the list of all runs."""
    for folder in ("report", "diagnoses", "compare", "totals"):
        for name, query in queries.shipped(folder).items():
            assert ("run" in queries.bound_names(query.sql)) == (name != "all_runs"), name
