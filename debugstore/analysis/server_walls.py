"""What keeps SQL that a person types harmless on PostgreSQL, whatever the rights of the role that asks.

A transaction that only reads; the protocol that takes one statement alone, however a second one is hidden; rows taken
one by one, so that a limit on them is one on memory; and no function that does more than compute: reading files of the
server, ending other sessions and taking locks are no writes to a transaction.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from debugstore.analysis.queries import clause
from debugstore.errors import QueryRefusedError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_NAME = re.compile(r'"((?:[^"]|"")+)"|([^\W\d][\w$]*)')
_ESCAPED_NAME = re.compile(r'u&"', re.IGNORECASE)
_HARMLESS = (
    *("clock_timestamp", "timeofday", "random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "pg_sleep"),
    *("pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size", "pg_database_size"),
)
"""Functions that count as volatile because they answer something else each time, or wait."""
_RUNS_SQL = ("query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "ts_stat", "ts_rewrite")
"""Functions that run SQL out of a text, in which nothing can be found."""
_VOLATILE = """
    SELECT DISTINCT proname FROM pg_proc
    WHERE proname = ANY(%(names)s) AND (proname = ANY(%(run)s) OR provolatile = 'v' AND proname <> ALL(%(harmless)s))
    ORDER BY proname
"""


def errors() -> tuple[type[Exception], ...]:
    """Return what the driver raises; nothing where it is not installed."""
    try:
        import psycopg
    except ModuleNotFoundError:
        return ()
    return (psycopg.Error,)


@contextmanager
def around(connection: "Connection", sql: str, seconds: float | None) -> Iterator[None]:
    """Let a block only read, each statement for so long.

    Raises:
        QueryRefusedError: `sql` names a function that does more than compute.
    """
    connection.rollback()
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {math.ceil((seconds or 0) * 1000)}")
    try:
        _refuse_functions(connection, sql)
        yield
    finally:
        connection.rollback()


def rows(
    connection: "Connection", sql: str, given: Mapping[str, Any], row_limit: int | None
) -> tuple[tuple[str, ...], Sequence[Sequence[Any]]]:
    """Return the columns and the rows of a query, one more than the limit at most; the rest is not made."""
    compiled = clause(sql).compile(dialect=connection.dialect)
    asked, values = str(compiled), dict(given)
    driver: Any = connection.connection.driver_connection
    found: list[Sequence[Any]] = []
    with driver.cursor() as cursor:
        with closing(cursor.stream(asked, values)) as stream:
            for row in stream:
                found.append(row)
                if row_limit is not None and len(found) > row_limit:
                    break
        if not found:  # without a row a stream does not tell its columns
            cursor.execute(asked, values, prepare=True)
        return tuple(column.name for column in cursor.description or ()), found


def _refuse_functions(connection: "Connection", sql: str) -> None:
    """Look at every word, in texts and comments too: how a dialect quotes can hide a call, and nothing else is lost."""
    if _ESCAPED_NAME.search(sql):
        raise QueryRefusedError('a name is written in escapes, U&"..."')
    names = {quoted.replace('""', '"') or word.lower() for quoted, word in _NAME.findall(sql)}
    names |= {word.lower() for word in re.findall(r"[^\W\d][\w$]*", sql)}
    values = {"names": sorted(names), "run": list(_RUNS_SQL), "harmless": list(_HARMLESS)}
    found = connection.exec_driver_sql(_VOLATILE, values).scalars().all()
    if found:
        raise QueryRefusedError(f"{found[0]} does more than compute")
