"""The fast path makes the rows that the exact path makes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debugstore.events import EVENT_TYPES, encode
from debugstore.store import batches, fast, gathering, shapes
from debugstore.store.database import open_database
from debugstore.store.ingest import ingest
from tests.support.content import Content, content
from tests.support.lines import data_of
from tests.support.logs import Run

KINDS = sorted(EVENT_TYPES.keys() - {"fit_start"})


@st.composite
def natives(draw: st.DrawFn) -> list[bytes]:
    """Draw a log whose lines have the envelope of our logger and any data."""
    made: list[dict[str, Any]] = [{"event_type": "fit_start", "step": 0, "data": {"segment": "s0"}}]
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=10)):
        data = draw(data_of(kind))
        if draw(st.booleans()):  # most of a real log: numbers that are there and finite
            data = {name: value for name, value in data.items() if type(value) is float and abs(value) < 1e300}
        made.append({"event_type": kind, "step": draw(st.integers(0, 99)), "data": data})
    lines = []
    for seq, event in enumerate(made):
        line = {"timestamp": 1.7e9 + seq / 7, "run_id": "r", "rank": 0, "seq": seq, "epoch": seq % 3 or None} | event
        try:
            lines.append(encode(line))
        except ValueError:  # the key of the marks is taken
            line["data"] = {}
            lines.append(encode(line))
    return lines


def ingested(file: Path) -> Content:
    """Return what an ingest of one file leaves."""
    with open_database(None) as database:
        ingest(database, [file])
        return content(database)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(natives())
def test_both_paths_make_the_same_rows(tmp_path: Path, written: Sequence[bytes]) -> None:
    """Whatever the data of a native log, what is stored does not depend on the path that read it."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(written))
    quick = ingested(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "read", lambda lines: [None] * len(lines))
        slow = ingested(file)
    assert quick == slow


def test_the_fast_path_takes_our_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a log as the logger writes it only events that open, or have parts of another kind, take the exact path."""
    exact: list[str] = []
    read = batches.read_event
    monkeypatch.setattr(batches, "read_event", lambda line: exact.append(json.loads(line)["event_type"]) or read(line))
    labels: dict[str, object] = {"label_min": lambda _: 0, "label_max": lambda _: 9}
    lines = []
    for event in Run(steps=60, bend={"training_step": labels, "data_sanity_check": labels}).events():
        data = {name: value for name, value in event["data"].items() if value is not None}
        lines.append(encode({**event, "data": data}))
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(lines))
    ingested(file)
    assert set(exact) == {"fit_start", "epoch_start", "activations"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(natives(), st.integers(1, 4), st.integers(1, 4))
def test_rows_in_bulk_are_put_together_as_they_came(
    tmp_path: Path, written: Sequence[bytes], at_once: int, pending: int
) -> None:
    """However few lines are looked at and made into rows at once, and whatever is said once for many rows."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(written))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "_AT_ONCE", at_once)
        patch.setattr(gathering, "_PENDING", pending)
        patch.setattr(shapes, "_MANY", 2)
        few = ingested(file)
        patch.setattr(fast, "read", lambda lines: [None] * len(lines))
        assert few == ingested(file)


@given(st.lists(st.integers()), st.integers(1, 4), st.slices(20))
def test_a_repeated_column_is_the_list_it_stands_for(values: list[int], times: int, part: slice) -> None:
    """Its length, its rows, its slices and what it is joined with are those of a list."""
    column, rows = shapes.Repeated(values, times), [value for value in values for _ in range(times)]
    assert (len(column), list(column), column.whole()) == (len(rows), rows, rows)
    assert list(column[part]) == rows[part]
    assert [column[place] for place in range(-len(rows), len(rows))] == rows + rows
    assert list(shapes.joined(column, shapes.Repeated([1], 2))) == [*rows, 1, 1]
    assert list(shapes.joined(column, shapes.Repeated(values, times))) == rows + rows


def test_values_that_are_equal_are_not_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column is said once only where all of its rows hold one value of one type."""
    monkeypatch.setattr(shapes, "_MANY", 2)
    assert shapes.shortened([1, 1, 1]) == shapes.Repeated([1], 3)
    for column in ([1, True, 1], [1, 1.0, 1], [1, 2, 1], [None, 1, None], [1]):
        assert shapes.shortened(column) is column


VALUES = st.one_of(st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=9))


@given(st.lists(st.floats(), max_size=40), st.lists(VALUES, max_size=3), st.integers(0, 40))
def test_the_types_of_a_column_are_those_of_its_values(floats: list[float], others: list[Any], place: int) -> None:
    """Whatever stands among floats, and wherever: integers beyond 64 bit, texts, no value at all."""
    column = [0.5, *floats[:place], *others, *floats[place:]]
    assert shapes.kinds_of(column) == set(map(type, column))
    assert shapes.kinds_of([*column, object()]) == {*map(type, column), object}


@pytest.mark.parametrize("length", [15, 16, (1 << 16) - 1, 1 << 16])
def test_the_types_of_a_column_of_any_length(length: int) -> None:
    """A list of each of the lengths that are written in another way, of floats and with one that is none at its end."""
    assert shapes.kinds_of([-0.0] * length) == {float}
    assert shapes.kinds_of([0.5] * (length - 1) + [1]) == {float, int}
