"""The migrations make what the models say, from every schema there ever was, and lose no row."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, func, insert, select

from debugstore.store import schema, versions, views
from debugstore.store.database import Database, open_database
from debugstore.store.upgrade import config


@pytest.fixture
def connection(store_url: str) -> Iterator[Connection]:
    """Give a transaction on a database that holds nothing yet, on each engine."""
    open_database(store_url, create=True).close()
    with open_database(store_url, any_version=True) as database, database.write() as connection:
        views.drop(connection)
        command.downgrade(config(connection), "base")
        yield connection


def tables(connection: Connection) -> list[Table]:
    """Return the tables as they are now, those that others refer to first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def fill(connection: Connection, number: int) -> None:
    """Put one row into every table, its numbers and texts after `number`."""
    for table in tables(connection):
        row: dict[str, Any] = {}
        for column in table.columns:
            kind = column.type.python_type
            row[column.name] = number % 2 == 0 if kind is bool else f"text {number}" if kind is str else kind(number)
        connection.execute(insert(table).values(**row))


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of rows by table."""
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in tables(connection)
    }


def test_every_step_keeps_the_rows_and_ends_at_the_models(connection: Connection) -> None:
    """A store with rows of every schema comes to the newest one whole, and that is what the models say."""
    for number, revision in enumerate(versions.revisions(), 1):
        before = counts(connection)
        command.upgrade(config(connection), revision)
        after = counts(connection)
        assert {name: after[name] for name in before if name in after} == before
        fill(connection, number)
    views.create(connection)
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, schema.metadata) == []
    views.drop(connection)
    for revision in [*reversed(versions.revisions()[:-1]), "base"]:
        command.downgrade(config(connection), revision)
    assert tables(connection) == []


def test_the_needed_revision_is_the_last_one(memory: Database) -> None:
    """What is read off the names of files is what alembic finds in them."""
    with memory.read() as connection:
        script = ScriptDirectory.from_config(config(connection))
    assert script.get_heads() == [versions.head()]
    assert [step.revision for step in script.walk_revisions()] == list(reversed(versions.revisions()))


def test_constraints_have_names() -> None:
    """Every key and constraint of the models is named, so that a migration can speak of it."""
    tables = schema.metadata.tables.values()
    assert [c for table in tables for c in (*table.constraints, *table.indexes) if not c.name] == []
