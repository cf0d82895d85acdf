"""SQL that a person types reads, and only reads, within its limits; on both engines."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from debugstore.analysis.adhoc import ask
from debugstore.errors import ArgumentError, QueryFailedError, QueryRefusedError, QueryTimeoutError
from debugstore.store.database import Database

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS n FROM n"


@pytest.fixture
def engine(database: Database) -> Engine:
    """An engine with one small table."""
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE things (id INTEGER, word TEXT)"))
        connection.exec_driver_sql("INSERT INTO things VALUES (1, 'one'), (2, ':word'), (3, NULL)")
    return database.engine


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection to it."""
    with engine.connect() as made:
        yield made


def test_rows_come_with_their_columns(connection: Connection) -> None:
    """An answer holds names and rows in the query's order."""
    answer = ask(connection, "SELECT id, word FROM things ORDER BY id DESC;")
    assert answer.columns == ("id", "word")
    assert answer.rows == ((3, None), (2, ":word"), (1, "one"))
    assert not answer.truncated


def test_names_are_bound_but_not_inside_text(connection: Connection) -> None:
    """`:id` takes its value; a colon in a string or a comment is text."""
    sql = "-- :nothing\nSELECT id FROM things WHERE word = ':word' AND id = :id"
    assert ask(connection, sql, {"id": 2}).rows == ((2,),)


def test_the_row_limit_says_so(connection: Connection) -> None:
    """Rows beyond the limit are left out and the answer says it; at the limit nothing is missing."""
    cut = ask(connection, "SELECT id FROM things", row_limit=2)
    assert (len(cut.rows), cut.truncated) == (2, True)
    assert not ask(connection, "SELECT id FROM things", row_limit=3).truncated
    assert len(ask(connection, "SELECT id FROM things", row_limit=None).rows) == 3


def test_the_time_limit_stops_an_endless_query(connection: Connection) -> None:
    """A query that never ends is stopped, and the connection can go on."""
    with pytest.raises(QueryTimeoutError, match=r"after 0\.2 s"):
        ask(connection, ENDLESS, seconds=0.2)
    assert ask(connection, "SELECT 1 AS one").rows == ((1,),)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM things",
        "INSERT INTO things VALUES (4, 'x')",
        "UPDATE things SET id = 0",
        "DROP TABLE things",
        "CREATE TABLE more (id INTEGER)",
        "WITH gone AS (SELECT 1) DELETE FROM things",
        "SELECT 1; DELETE FROM things",
        "SELECT 1; COMMIT; DELETE FROM things",
        "COMMIT",
        "ATTACH DATABASE 'other.db' AS other",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version = 5",
        "VACUUM",
    ],
)
def test_nothing_is_changed(engine: Engine, sql: str) -> None:
    """Whatever would write is refused or not accepted, and the rows stay."""
    with engine.connect() as connection, pytest.raises((QueryRefusedError, QueryFailedError)):
        ask(connection, sql)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM things")).scalar() == 3


@pytest.mark.parametrize("sql", ["EXPLAIN SELECT id FROM things", "VALUES (1)"])
def test_reading_statements_pass(connection: Connection, sql: str) -> None:
    """EXPLAIN and VALUES are reading too."""
    assert ask(connection, sql).rows


def test_recursion_ends_by_itself(connection: Connection) -> None:
    """WITH RECURSIVE is allowed."""
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n"
    assert len(ask(connection, sql).rows) == 5


def test_mistakes_are_said_in_one_line(connection: Connection) -> None:
    """A missing value, a value too many, no query and wrong SQL each have their sentence."""
    with pytest.raises(ArgumentError, match="--param id=VALUE"):
        ask(connection, "SELECT :id")
    with pytest.raises(ArgumentError, match="does not bind :id"):
        ask(connection, "SELECT 1", {"id": 1})
    with pytest.raises(QueryFailedError, match="empty"):
        ask(connection, " -- nothing\n")
    with pytest.raises(QueryFailedError, match="nowhere") as caught:
        ask(connection, "SELECT * FROM nowhere")
    assert "\n" not in str(caught.value)
