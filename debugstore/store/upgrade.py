"""Migrations: the only place that imports alembic."""

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from debugstore.store import drivers, versions, views

if TYPE_CHECKING:
    from debugstore.store.database import Database

_LOCK = 0x64656275_67737472
"""Key of the advisory lock that one migrating process holds on PostgreSQL."""


def upgrade(database: "Database") -> tuple[str | None, str]:
    """Bring a store to the newest schema in one transaction, its views made anew; see `Database.upgrade`."""
    with drivers.translated(database.where, database.busy_seconds):
        if database.is_sqlite:
            _use_wal(database)
        with database.engine.connect() as connection:
            connection.execution_options(immediate=True)
            if database.is_sqlite:  # batch mode drops and renames tables that others refer to
                connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
                connection.rollback()
            try:
                with connection.begin():
                    return _migrate(connection, database.where)
            finally:
                connection.invalidate() if database.is_sqlite else connection.rollback()


def _migrate(connection: Connection, where: str) -> tuple[str | None, str]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    found = versions.found_revision(connection, where)
    if found == versions.head():
        return found, found
    if found is not None:
        versions.check_known(found, where)
    views.drop(connection)
    command.upgrade(config(connection), "head")
    views.create(connection)
    return found, versions.head()


def config(connection: Connection) -> Config:
    """Return alembic's configuration for migrations over an open connection."""
    made = Config()
    made.set_main_option("script_location", str(versions.migrations_folder()).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def _use_wal(database: "Database") -> None:
    """Let readers read while one process writes; it is a property of the file and stays."""
    deadline = time.monotonic() + database.busy_seconds
    while True:
        with closing(database.engine.raw_connection()) as connection:
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL").fetchall()
                return
            except sqlite3.OperationalError as error:  # SQLite does not wait for this one itself
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
        time.sleep(0.05)
