"""Events become rows and rows the same events."""

from typing import Any

import pytest
from hypothesis import given, settings

from debugstore.errors import EventError
from debugstore.events import parse
from debugstore.store.rows import Identity, read_event, to_line, to_row
from tests.support.lines import lines, same


def through(line: bytes) -> dict[str, Any]:
    """Return a line as its rows give it back, with zeros as SQLite keeps them."""
    event = read_event(line)
    identity = Identity(event.run_id or "run", event.rank or 0, event.seq or 0, event.timestamp, None)
    row = to_row(event, identity)
    values = [value + 0.0 if isinstance(value, float) else value for value in row.values]
    return to_line(row.plan, values, row.parts, identity)


@settings(max_examples=300)
@given(lines())
def test_rows_give_a_line_back(line: bytes) -> None:
    """Whatever a line holds, its rows say it again, value for value and kind for kind."""
    try:
        made = through(line)
    except EventError:
        return
    assert same(made, parse(line))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ('{"loss": "12a"}', "loss must be a number, got '12a'"),
        ('{"loss": true}', "loss must be a number, got True"),
        ('{"num_valid_tokens": 1.5}', "num_valid_tokens must be an integer, got 1.5"),
        ('{"input_dtype": 3}', "input_dtype must be a text, got 3"),
    ],
)
def test_a_wrong_type_in_a_known_field_is_named(data: str, reason: str) -> None:
    """A known field that holds what it cannot mean makes the line no event, and the reason says so."""
    line = f'{{"event_type":"training_step","step":1,"data":{data}}}'.encode()
    with pytest.raises(EventError, match=reason):
        through(line)
