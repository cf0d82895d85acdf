"""Lines become events and events lines, whoever wrote them."""

import json
import math
from typing import Any

import pytest
from hypothesis import given

from debugstore.errors import EventError
from debugstore.events import decode, encode, parse, unmark
from tests.events.test_nonfinite import objects, same

LINE = {"event_type": "training_step", "step": 3, "data": {"loss": 0.5}}


def line(**changes: Any) -> bytes:
    """Return a good line with some keys changed."""
    return json.dumps({**LINE, **changes}).encode()


@given(objects)
def test_a_line_is_strict_and_whole(data: dict[str, Any]) -> None:
    """Every event is one line of RFC 8259 JSON that any reader takes."""
    written = encode({**LINE, "data": data})
    assert written.count(b"\n") == 1
    assert written.endswith(b"\n")
    json.loads(written, parse_constant=pytest.fail)


@given(objects)
def test_decode_takes_encode_back(data: dict[str, Any]) -> None:
    """No value is changed on the way: NaN, infinities, huge integers, any unicode."""
    assert same(unmark(decode(encode({**LINE, "data": data})).data), data)


@given(objects)
def test_lines_of_others_read_like_ours(data: dict[str, Any]) -> None:
    """Bare NaN and Infinity, as json.dumps writes them, mean what our marks mean."""
    theirs = json.dumps({**LINE, "data": data}).encode()
    assert same(parse(theirs)["data"], parse(encode({**LINE, "data": data}))["data"])


def test_lone_surrogates_survive() -> None:
    """Text that is no valid UTF-8 is carried in its escaped form."""
    assert decode(encode({**LINE, "data": {"word": "\ud800"}})).data == {"word": "\ud800"}


def test_numbers_beyond_a_double_are_infinite_not_wrong() -> None:
    """1e400 is not silently a finite number."""
    event = decode(b'{"event_type":"x","step":1,"data":{"loss":1e400}}')
    assert unmark(event.data) == {"loss": math.inf}


def test_integers_beyond_64_bit_stay_exact() -> None:
    """No integer is rounded to a double."""
    assert decode(line(data={"n": 2**80 + 1})).data == {"n": 2**80 + 1}


def test_the_envelope_is_optional_but_for_three_keys() -> None:
    """Logs of others lack run, rank, seq, epoch and timestamp."""
    event = decode(line())
    assert (event.run_id, event.rank, event.seq, event.epoch, event.timestamp) == (None,) * 5
    assert event.envelope == {"event_type": "training_step", "step": 3}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"[1]", "must be a JSON object, got an array"),
        (b'{"event_type":"x","step":1,"data":{"a":', "not JSON: .* column"),
        (b'{"event_type":"\xff"}', "not UTF-8 at byte 15"),
        (b"[" * 200_000, "nested too deeply"),
        (line(data=3), "data must be an object, got 3"),
        (line(data=None), "data must be an object, got nothing"),
        (line(event_type=None), "event_type must be a name"),
        (line(step="12a"), "step must be an integer, got '12a'"),
        (line(step=None), "step is missing"),
        (line(step=2**70), "step must be an integer"),
        (line(step=True), "step must be an integer, got True"),
        (line(step=1.5), "step must be an integer, got 1.5"),
        (line(epoch="one"), "epoch must be an integer, got 'one'"),
        (line(run_id=7), "run_id must be a name, got 7"),
        (line(timestamp="now"), "timestamp must be a number of seconds, got 'now'"),
    ],
)
def test_what_is_no_event_says_why(raw: bytes, reason: str) -> None:
    """The reason names the key and what it holds, in one line."""
    with pytest.raises(EventError, match=reason) as caught:
        decode(raw)
    assert "\n" not in str(caught.value)
