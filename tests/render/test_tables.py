"""Rows to text, in every format."""

import csv
import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debugstore.errors import ArgumentError
from debugstore.render.formats import Format
from debugstore.render.tables import render_rows

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
tables = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[scalars] * width), max_size=4))


def columns_of(rows: list[tuple[object, ...]]) -> list[str]:
    return [f"c{index}" for index in range(len(rows[0]) if rows else 1)]


def refuse(word: str) -> None:
    pytest.fail(f"{word} is no JSON")


@given(tables)
def test_json_is_strict_and_lossless(rows: list[tuple[object, ...]]) -> None:
    """JSON holds every value; a number that is not finite is null, and its mark says which it was."""
    from debugstore.events import unmark

    text = render_rows(rows, columns_of(rows), "json")
    read = [list(unmark(row).values()) for row in json.loads(text, parse_constant=refuse)]
    assert repr(read) == repr([list(row) for row in rows])


@given(tables)
def test_json_shapes_agree(rows: list[tuple[object, ...]]) -> None:
    """One object a line, and an array of arrays, hold what the array of objects holds."""
    columns = columns_of(rows)
    objects = json.loads(render_rows(rows, columns, "json"))
    assert [json.loads(line) for line in render_rows(rows, columns, "nl").split("\n") if line] == objects
    arrays = json.loads(render_rows(rows, columns, "arrays"), parse_constant=refuse)
    marks = [row.pop("nonfinite", {}) for row in objects]
    assert arrays == [list((row | mark).values()) for row, mark in zip(objects, marks, strict=True)]


@given(tables, st.sampled_from([("csv", ","), ("tsv", "\t")]))
def test_separated_reads_back(rows: list[tuple[object, ...]], kind: tuple[str, str]) -> None:
    """A CSV reader gets the same cells back; NULL is empty, and floats keep every digit."""
    format, separator = kind
    text = render_rows(rows, columns_of(rows), format)
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))[1:]
    shown = [["" if value is None else str(value).lower() if isinstance(value, bool) else str(value) for value in row]
             for row in rows]  # fmt: skip
    assert [row or [""] for row in read] == [row or [""] for row in shown]


@pytest.mark.parametrize("format", [Format.TABLE, Format.MARKDOWN])
@given(rows=tables)
def test_drawn_rows_stay_on_their_line(format: Format, rows: list[tuple[object, ...]]) -> None:
    """A row is a line, whatever its text: nothing breaks a line, colours it or moves the cursor."""
    text = render_rows(rows, columns_of(rows), format)
    lines = text.split("\n")
    assert len(lines) == len(rows) + 2
    assert all(len(line.splitlines()) <= 1 and "\x1b" not in line for line in lines)


def test_names_and_numbers_stay_as_they_are() -> None:
    """A text that looks like a number is not read as one; numbers stand right, text left."""
    text = render_rows([("1e5", 1234567.0), ("0012", 2.0)], ["run", "loss"])
    assert text.splitlines()[2:] == ["1e5    1.23457e+06", "0012             2"]


def test_repeated_columns_are_kept_apart() -> None:
    """Columns of one name all reach a JSON object."""
    assert json.loads(render_rows([(1, 2, 3)], ["a", "a", "a_2"], "json")) == [{"a": 1, "a_2": 2, "a_2_2": 3}]


def test_a_column_of_marks_is_read_as_marks() -> None:
    """A row of the store comes out in the strict form of its event; a column that only shares the name stays text."""
    columns = ["loss", "nonfinite"]
    assert json.loads(render_rows([(None, '{"loss":"nan"}')], columns, "json")) == [
        {"loss": None, "nonfinite": {"loss": "nan"}}
    ]
    assert json.loads(render_rows([(math.inf, "often")], columns, "json")) == [{"loss": "inf", "nonfinite": "often"}]


def test_a_narrow_terminal_cuts_text_and_never_numbers() -> None:
    """A table fits the width by cutting its widest texts, visibly; without a width nothing is cut."""
    rows = [("a" * 100, 1.25, "b" * 30)]
    lines = render_rows(rows, ["one", "loss", "two"], width=60).splitlines()
    assert max(map(len, lines)) == 60
    assert "…" in lines[2]
    assert "1.25" in lines[2]
    assert "a" * 100 in render_rows(rows, ["one", "loss", "two"])


@pytest.mark.parametrize("format", list(Format))
def test_no_rows_and_no_headers(format: Format) -> None:
    """No rows is no error in any format, and headers can be left out."""
    assert "1" not in render_rows([], ["a"], format)
    assert "aaa" not in render_rows([(1,)], ["aaa"], format, headers=False) or format in (Format.JSON, Format.NL)


def test_an_unknown_format_is_refused() -> None:
    """A format of nobody's is an argument error that names ours."""
    with pytest.raises(ArgumentError, match="no format 'xml': choose table, json"):
        render_rows([], [], "xml")
