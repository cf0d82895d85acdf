"""A store: one database, opened, checked, read and written.

Where it is can be said as a path, as a SQLAlchemy URL, or not at all: then it is in memory and gone when closed.
What its rows mean is not known here.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError as UrlError

from debugstore.errors import ArgumentError, NotAStoreError, StoreNotFoundError, StoreReadOnlyError
from debugstore.store import drivers, versions

_SQLITE_MAGIC = b"SQLite format 3\0"


class Database:
    """An open store. `engine` is SQLAlchemy's, `where` names the store in messages, without a password."""

    def __init__(self, engine: Engine, where: str, busy_seconds: float = drivers.BUSY_SECONDS) -> None:
        self.engine = engine
        self.where = where
        self.busy_seconds = busy_seconds

    @property
    def is_sqlite(self) -> bool:
        """Whether SQLite keeps this store."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading: one snapshot, as long as it lasts.

        Raises:
            StoreError: the database refused.
        """
        with drivers.translated(self.where, self.busy_seconds), self.engine.connect() as connection:
            if not self.is_sqlite:  # there a transaction is a snapshot by itself
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection for writing: one transaction, which holds the write lock from its beginning.

        Raises:
            StoreError: the database refused; nothing of the transaction is kept.
        """
        with drivers.translated(self.where, self.busy_seconds), self.engine.connect() as connection:
            connection.execution_options(immediate=True)
            with connection.begin():
                yield connection

    @contextmanager
    def bare(self) -> Iterator[Any]:
        """Give the driver's own connection, outside any transaction: for what no transaction may hold.

        Raises:
            StoreError: the database refused.
        """
        with drivers.translated(self.where, self.busy_seconds), closing(self.engine.raw_connection()) as connection:
            driver: Any = connection.driver_connection
            if not self.is_sqlite:
                driver.autocommit = True
            try:
                yield driver
            finally:
                if not self.is_sqlite:
                    connection.invalidate()

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the store to the schema of this debugstore, or make it; return the revisions before and after.

        Several processes may do so at once: one does, the others find it done.
        """
        from debugstore.store.upgrade import upgrade

        return upgrade(self)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_database(
    where: str | Path | None,
    *,
    create: bool = False,
    read_only: bool = False,
    any_version: bool = False,
    busy_seconds: float = drivers.BUSY_SECONDS,
    before_making: Callable[[], None] = lambda: None,
) -> Database:
    """Open a store.

    Args:
        where: a path, a SQLAlchemy URL, or None or ``:memory:`` for one in memory.
        create: make it if it is not there.
        read_only: refuse every write.
        any_version: open it whatever its schema, to upgrade it.
        busy_seconds: how long to wait for another process that writes.
        before_making: called before one is made; if it raises, none is.

    Raises:
        StoreNotFoundError: it is not there and is not to be made.
        NotAStoreError: something else is there.
        StoreVersionError: its schema is older or newer than this debugstore's.
        StoreError: the database refused.
    """
    if where is None or str(where) in (":memory:", "sqlite://", "sqlite:///:memory:"):
        return _in_memory()
    url = _url(where)
    if url is None or url.get_backend_name() == "sqlite":
        path = Path(where if url is None else url.database or "")
        if create and not read_only and _look_at(path.expanduser(), create):
            before_making()
        return _open_file(path, create, read_only, any_version, busy_seconds)
    if url.get_backend_name() not in drivers.SERVERS:
        raise ArgumentError(f"a store is kept by SQLite or PostgreSQL, not by '{url.get_backend_name()}'")
    database = Database(drivers.server(url, read_only), url.render_as_string(hide_password=True), busy_seconds)
    return _checked(database, create and not read_only, any_version, before_making)


def _url(where: str | Path) -> URL | None:
    """Return the URL that `where` is, None for a path."""
    if isinstance(where, Path) or "://" not in where:
        return None
    try:
        return make_url(where)
    except UrlError as error:
        raise ArgumentError(f"no path and no database URL: {where}") from error


def _in_memory() -> Database:
    """Return a new store in memory, made from the tables at once: migrations are for stores that stay."""
    from debugstore.store import schema, views

    database = Database(drivers.sqlite_memory(), ":memory:")
    with database.write() as connection:
        schema.metadata.create_all(connection, checkfirst=False)
        views.create(connection)
    return database


def _open_file(path: Path, create: bool, read_only: bool, any_version: bool, busy_seconds: float) -> Database:
    path = path.expanduser()
    empty = _look_at(path, create and not read_only)
    mode = "ro" if read_only else "rwc" if empty else "rw"
    database = Database(drivers.sqlite_file(path, mode, busy_seconds), str(path), busy_seconds)
    try:
        return _checked(database, create and not read_only, any_version)
    except StoreReadOnlyError:
        # Where no lock file can be made SQLite must be told that nobody writes; a log of writes would be left out then.
        if create or path.with_name(path.name + "-wal").exists():
            raise
    database.close()
    return _checked(Database(drivers.sqlite_file(path, "immutable", busy_seconds), str(path)), False, any_version)


def _look_at(path: Path, create: bool) -> bool:
    """Return whether a store is still to be made at `path`; refuse what is no SQLite file."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE_MAGIC))
    except FileNotFoundError:
        if not create:
            raise StoreNotFoundError(str(path)) from None
        if not path.parent.is_dir():
            raise StoreNotFoundError(str(path), str(path.parent)) from None
        return True
    except IsADirectoryError:
        raise NotAStoreError(str(path), "a folder") from None
    except PermissionError:
        raise StoreReadOnlyError(str(path)) from None
    if start and start != _SQLITE_MAGIC:
        raise NotAStoreError(str(path), "a file that is no SQLite database")
    if not start and not create:
        raise NotAStoreError(str(path), "an empty file")
    return not start


def _checked(
    database: Database, create: bool, any_version: bool, before_making: Callable[[], None] = lambda: None
) -> Database:
    """Return `database` once its schema is the right one."""
    try:
        with database.read() as connection:
            found = versions.found_revision(connection, database.where)
        if found is None and create:
            before_making()
            database.upgrade()
        elif not any_version:
            versions.check(found, database.where)
    except BaseException:
        database.close()
        raise
    return database
