"""SQL that a person types: it only reads, within a time and a number of rows, and says so when either is hit.

The store is opened read-only by the caller; here a second wall refuses whatever could write all the same: an authorizer
on SQLite (no ATTACH, no pragma that sets, no function that touches files), on PostgreSQL `server_walls`.
"""

import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from debugstore.analysis import server_walls
from debugstore.analysis.queries import bound_names, clause, without_comments
from debugstore.errors import ArgumentError, QueryFailedError, QueryRefusedError, QueryTimeoutError
from debugstore.events.codec import MAX_LINE_BYTES

if TYPE_CHECKING:
    from sqlalchemy import Connection

ROW_LIMIT = 10_000
"""Rows returned unless the caller asks for more: enough to look at, too few to fill a terminal's memory."""
SECONDS = 60.0
"""How long a query may run unless the caller says otherwise."""
LONGEST_VALUE = 2 * MAX_LINE_BYTES
"""Bytes of the longest value that SQLite may make: room for any line of a log, and not for all memory."""

_STEPS_BETWEEN_LOOKS = 10_000  # instructions of SQLite's machine: about a millisecond
_READS = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_PRAGMA,
    }
)
_SHOWING_PRAGMAS = frozenset(
    {"compile_options", "database_list", "journal_mode", "page_count", "page_size", "table_list"}
)
_ASKING_PRAGMAS = frozenset(
    {"foreign_key_list", "index_info", "index_list", "index_xinfo", "table_info", "table_xinfo"}
)
"""Pragmas that only show; those of the second take the name of what to show, others with an argument would set."""
_REFUSED_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})
_TEXT = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_READING_WORDS = frozenset({"select", "with", "explain", "values", "pragma", "show", "table"})


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of one query, in its order; `truncated` says that more were there than the limit."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool
    seconds: float


def ask(
    connection: "Connection",
    sql: str,
    params: Mapping[str, Any] | None = None,
    *,
    row_limit: int | None = ROW_LIMIT,
    seconds: float | None = SECONDS,
) -> Answer:
    """Run one reading query and return its rows.

    Args:
        params: values of the `:name`s that the query binds.
        row_limit: rows at most; None for all.
        seconds: time at most; None for ever.

    Raises:
        ArgumentError: a name has no value, or a value no name.
        QueryRefusedError: it would write.
        QueryTimeoutError: it took longer than `seconds`.
        QueryFailedError: the database did not accept it.
    """
    from sqlalchemy.exc import DBAPIError

    given = dict(params or {})
    _check_names(sql, given)
    _check_shape(sql)
    read = _rows if connection.dialect.name == "sqlite" else server_walls.rows
    started = time.monotonic()
    with _walls(connection, sql, seconds):
        try:
            columns, rows = read(connection, without_comments(sql), given, row_limit)
        except DBAPIError as error:
            if str(error.orig) == "interrupted" and (seconds is None or time.monotonic() - started < seconds):
                raise KeyboardInterrupt from error  # SQLite turns a Ctrl-C inside our time check into this error
            raise _explained(error.orig, seconds) from error
        except server_walls.errors() as error:
            raise _explained(error, seconds) from error
    kept = rows if row_limit is None else rows[:row_limit]
    return Answer(columns, tuple(map(tuple, kept)), len(kept) < len(rows), time.monotonic() - started)


def _rows(
    connection: "Connection", sql: str, given: Mapping[str, Any], row_limit: int | None
) -> tuple[tuple[str, ...], Sequence[Sequence[Any]]]:
    """Return the columns and the rows of a query, one more than the limit at most."""
    result = connection.execute(clause(sql), given)
    if not result.returns_rows:
        raise QueryFailedError("it returns no rows: type a SELECT")
    rows = result.fetchall() if row_limit is None else result.fetchmany(row_limit + 1)
    columns = tuple(result.keys())
    result.close()
    return columns, rows


def _check_shape(sql: str) -> None:
    """Say of what is not one reading statement that it is refused; the walls stop what is hidden from here."""
    bare = _TEXT.sub("''", without_comments(sql)).strip()
    word = re.match(r"\w*", bare.lstrip("( "))
    first = word[0] if word else ""
    if not first:
        raise QueryFailedError("it is empty: type a SELECT")
    if first.lower() not in _READING_WORDS:
        raise QueryRefusedError(f"it starts with {first.upper()}, not SELECT, WITH, EXPLAIN or VALUES")
    if ";" in bare:
        raise QueryRefusedError("it holds several statements, one at a time is run")


def _check_names(sql: str, given: Mapping[str, Any]) -> None:
    names = bound_names(sql)
    missing = sorted(names - given.keys())
    if missing:
        raise ArgumentError(f"the query binds :{missing[0]}: give it a value with --param {missing[0]}=VALUE")
    unused = sorted(given.keys() - names)
    if unused:
        bound = ", ".join(f":{name}" for name in sorted(names)) or "no names"
        raise ArgumentError(f"the query does not bind :{unused[0]}, it binds {bound}")


@contextmanager
def _walls(connection: "Connection", sql: str, seconds: float | None) -> Iterator[None]:
    """Refuse writes and stop at the limit, for as long as the block lasts."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        end = None if seconds is None else time.monotonic() + seconds
        if not connection.in_transaction():
            connection.begin()  # a store begins its transactions itself, and the authorizer would refuse that too
        driver.set_authorizer(_authorize)
        driver.set_progress_handler(lambda: end is not None and time.monotonic() > end, _STEPS_BETWEEN_LOOKS)
        longest = driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        try:
            yield
        finally:
            driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
            driver.set_authorizer(None)
            driver.set_progress_handler(None, 0)
        return
    with server_walls.around(connection, sql, seconds):
        yield


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """Say whether SQLite may do one thing that a statement needs."""
    if action not in _READS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA:
        allowed = first in (_SHOWING_PRAGMAS if second is None else _ASKING_PRAGMAS)
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and second in _REFUSED_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _explained(error: BaseException | None, seconds: float | None) -> Exception:
    """Return the error that says what the driver meant."""
    said = str(error)
    if said == "interrupted" or "statement timeout" in said:
        return QueryTimeoutError(seconds or 0)
    if any(word in said for word in ("not authorized", "prohibited", "read-only transaction", "readonly")):
        return QueryRefusedError("it would change the store or reach outside it")
    return QueryFailedError(said)
