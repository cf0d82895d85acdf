"""The loader of questions: what a file may say, and that what it binds is what it declares."""

from pathlib import Path

import pytest
from sqlalchemy import text

from debugstore.analysis.queries import bound_names, read_folder, read_query, shipped, substitute
from debugstore.errors import ArgumentError, InputNotFoundError, QueryFailedError, QueryFileError
from debugstore.store.database import Database

GOOD = """-- title: Numbers
-- why: Because it must be said
--   on two lines.
-- param: limit = 2.5  -- a reason
-- param: rows = 3     -- another
SELECT 'a :word in a text' AS told, :limit AS limit_seen, :rows AS rows_seen  -- and a :word in a comment
WHERE :run > 0
"""


def written(folder: Path, text: str, name: str = "numbers") -> Path:
    path = folder / f"{name}.sql"
    path.write_text(text)
    return path


def test_a_file_is_read(tmp_path: Path) -> None:
    """Keys, continued lines, parameters and the bare query come out of a file."""
    query = read_query(written(tmp_path, GOOD))
    assert query.name == "numbers"
    assert query.header == {"title": "Numbers", "why": "Because it must be said on two lines."}
    assert {name: param.default for name, param in query.params.items()} == {"limit": 2.5, "rows": 3}
    assert query.params["limit"].reason == "a reason"
    assert query.names == {"limit", "rows", "run"}
    assert "--" not in query.sql


def test_words_after_colons_are_not_bound(tmp_path: Path, memory: Database) -> None:
    """A colon in a text stays one, and parameters take their defaults or what is given."""
    query = read_query(written(tmp_path, GOOD))
    with memory.read() as connection:
        assert query.rows(connection, run=1, rows=7) == [
            {"told": "a :word in a text", "limit_seen": 2.5, "rows_seen": 7}
        ]
        assert query.rows(connection, run=0) == []


def test_the_literal_query_says_the_same(tmp_path: Path, memory: Database) -> None:
    """With numbers in place of its parameters a query runs as printed."""
    query = read_query(written(tmp_path, GOOD))
    with memory.read() as connection:
        literal = connection.exec_driver_sql(query.literal(run=1)).all()
        assert literal == [tuple(query.rows(connection, run=1)[0].values())]


def test_a_parameter_without_a_value_is_asked_for(tmp_path: Path, memory: Database) -> None:
    """What is bound, not declared and not given is named."""
    query = read_query(written(tmp_path, "-- title: T\nSELECT :other"))
    with memory.read() as connection, pytest.raises(ArgumentError, match=r"numbers\.sql needs a value for :other"):
        query.rows(connection)


def test_a_query_the_database_refuses_names_its_file(tmp_path: Path, memory: Database) -> None:
    """A failing question says which file it is."""
    query = read_query(written(tmp_path, "-- title: T\nSELECT thing FROM nowhere"))
    with memory.read() as connection, pytest.raises(QueryFailedError, match=r"numbers\.sql.*nowhere"):
        query.rows(connection)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("-- title: T\n-- param: unused = 1  -- reason\nSELECT 1", "does not use: unused"),
        ("-- title: T\n-- param: x = 1\nSELECT :x", "name = number  -- reason"),
        ("-- title: T\n-- param: x = one  -- reason\nSELECT :x", "is a number, got 'one'"),
        ("-- title: T\n-- title: U\nSELECT 1", "'title' twice"),
        ("-- no key here\nSELECT 1", "no '-- key: value'"),
        ("-- title: T\n", "no query"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, file: str, reason: str) -> None:
    """A header that does not fit is refused with the path and the reason."""
    with pytest.raises(QueryFileError, match=reason):
        read_query(written(tmp_path, file))


def test_a_file_in_the_folder_is_registered(tmp_path: Path) -> None:
    """Every .sql file of a folder is a question under its stem; nothing else is."""
    written(tmp_path, "-- title: T\nSELECT 1", "one")
    written(tmp_path, "-- title: T\nSELECT 2", "two")
    (tmp_path / "notes.txt").write_text("no question")
    assert sorted(read_folder(tmp_path)) == ["one", "two"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A wrong folder is an error of its own."""
    with pytest.raises(InputNotFoundError, match="gone"):
        read_folder(tmp_path / "gone")


def test_names_are_found_outside_texts_and_comments() -> None:
    """Casts, texts and comments bind nothing."""
    sql = "SELECT a::text, ':no', 'it''s :no' /* :no */ FROM t WHERE b = :yes -- :no"
    assert bound_names(sql) == {"yes"}


def test_a_text_is_quoted() -> None:
    """A text that replaces a parameter cannot end its quotes."""
    assert substitute("SELECT :a", {"a": "it's"}) == "SELECT 'it''s'"


@pytest.mark.parametrize("folder", ["diagnoses", "report"])
def test_the_shipped_files_can_be_read(folder: str) -> None:
    """Every file that ships is right, and has a title."""
    queries = shipped(folder)
    assert queries
    assert all(query.header.get("title") for query in queries.values())


def test_postgresql_takes_the_escapes(postgres_server: str) -> None:
    """A percent sign and a colon in a text mean themselves on PostgreSQL too."""
    from debugstore.store.database import open_database

    with open_database(postgres_server, create=True) as database, database.read() as connection:
        row = connection.execute(text("SELECT 'a\\:b' LIKE 'a%'")).scalar()
    assert row is True
