"""SQL that a person types reads, and only reads, within its limits; on both engines."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from debugstore.analysis.adhoc import ask
from debugstore.errors import ArgumentError, QueryFailedError, QueryRefusedError, QueryTimeoutError
from debugstore.store.database import Database, open_database

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


SERVER = [
    "SELECT $$ ' $$; COMMIT; DROP TABLE things; --'",
    r"SELECT E'\''; COMMIT; DROP TABLE things; --'",
    "SELECT set_config('statement_timeout', '0', false)",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT \"pg_read_file\" ('/etc/hostname')",
    "SELECT U&\"pg\\005Fread_file\"('/etc/hostname')",
    "SELECT $$ ' $$, pg_read_file('/etc/hostname'), $$ ' $$",
    "SELECT query_to_xml('SELECT pg_re' || 'ad_file(''/etc/hostname'')', true, true, '')",
    "SELECT * FROM pg_ls_dir('/')",
    "SELECT lo_export(1, '/nowhere')",
    "SELECT pg_terminate_backend(1)",
    "SELECT pg_advisory_lock(7)",
    "SELECT pg_stat_reset()",
    "WITH gone AS (DELETE FROM things RETURNING id) SELECT id FROM gone",
    "SELECT * INTO more FROM things",
    "EXPLAIN ANALYZE DELETE FROM things",
    "SELECT id FROM things FOR UPDATE",
    "COPY things TO PROGRAM 'cat'",
    "DO $$ BEGIN END $$",
]
"""What a read-only transaction of a powerful role would do all the same, and what hides from a look at the text."""


@pytest.mark.parametrize("sql", SERVER)
def test_a_server_is_not_harmed(postgres_url: str, sql: str) -> None:
    """No second statement, however hidden, and no function that does more than compute; the answer is one line."""
    with open_database(postgres_url, create=True) as database:
        with database.engine.begin() as connection:
            connection.execute(text("CREATE TABLE things (id INTEGER)"))
        with database.engine.connect() as connection, pytest.raises((QueryRefusedError, QueryFailedError)) as caught:
            ask(connection, sql)
        assert "\n" not in str(caught.value)
        with database.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM things")).scalar() == 0


def test_what_only_computes_is_asked_of_a_server(postgres_url: str) -> None:
    """Functions that answer anew each time, sizes, patterns with percent signs and words that look like calls pass."""
    asked = "SELECT random() < 2, pg_database_size('postgres') > 0, 'a%b' LIKE 'a\\%%', :word || '%', now() IS NULL"
    with open_database(postgres_url, create=True) as database, database.engine.connect() as connection:
        assert ask(connection, asked, {"word": "50"}).rows == ((True, True, True, "50%", False),)
        assert ask(connection, "SELECT run_id FROM runs").columns == ("run_id",)


def test_rows_beyond_the_limit_are_not_made(connection: Connection) -> None:
    """An answer that has no end is cut as soon as there are more rows than asked for."""
    answer = ask(
        connection, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", row_limit=3
    )
    assert (answer.rows, answer.truncated) == (((1,), (2,), (3,)), True)
    assert ask(connection, "SELECT 1 AS one").rows == ((1,),)


def test_one_value_does_not_take_all_memory(memory: Database) -> None:
    """SQLite makes no value longer than any line of a log can be."""
    with memory.engine.connect() as connection:
        with pytest.raises(QueryFailedError, match="too big"):
            ask(connection, "SELECT zeroblob(500000000)")
        assert connection.exec_driver_sql("SELECT length(zeroblob(200000000))").scalar() == 200_000_000
