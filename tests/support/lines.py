"""Arbitrary lines of a log, for property tests: known and unknown events, every field in and out of its type."""

import json
import math
from typing import Any, get_type_hints

from hypothesis import strategies as st

from debugstore.events import EVENT_TYPES, nonfinite
from debugstore.events.types import ALIASES
from debugstore.store.fields import kind_of

texts = st.text(st.characters(codec=None), max_size=8)
"""Any unicode: NUL and lone surrogates too."""

whole = st.one_of(st.integers(-100, 2**31), st.integers(-(2**70), 2**70), st.sampled_from([2**53 + 1, -(2**63), 2**63]))
real = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf, 5e-324]))
spelled = st.sampled_from(["NaN", "Infinity", "-Infinity"])
words = st.sampled_from(["nan", "inf", "-inf"])
values = st.recursive(
    st.one_of(st.none(), st.booleans(), whole, real, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
names = st.one_of(texts, st.sampled_from(["body.0.weight", "head.bias", "head.weight", "nonfinite"]))
per_param = st.one_of(st.none(), st.dictionaries(names, st.one_of(real, real, whole, st.none(), spelled), max_size=4))


def _of_field(annotation: Any) -> st.SearchStrategy[Any]:
    kind = kind_of(annotation)
    if kind == "json":
        return values
    if kind == "real":
        return st.one_of(real, real, whole, st.none(), spelled)
    if kind == "whole":
        return st.one_of(whole, whole, st.none(), st.integers(-5, 5).map(float), spelled, st.just(math.nan))
    if kind == "flag":
        return st.one_of(st.booleans(), st.none(), st.sampled_from([0, 1]))
    return st.one_of(texts, st.none())


@st.composite
def data_of(draw: st.DrawFn, event_type: str) -> dict[str, Any]:
    """Draw the data of a known event: any of its fields, aliases, marks, and fields it does not know."""
    kind = EVENT_TYPES[event_type]
    hints = get_type_hints(kind)
    data: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(kind.__struct_fields__), unique=True, max_size=8)):
        if name == "modules":
            facts = st.fixed_dictionaries(
                {}, optional={"std": real, "forward_idx": whole, "type": texts, "own": values}
            )
            data[name] = draw(st.dictionaries(names, facts, max_size=3))
        elif name.startswith(("top_10", "bottom_10")):
            data[name] = draw(per_param)
        elif name == "nonfinite":
            data[name] = draw(
                st.one_of(st.dictionaries(st.sampled_from([*kind.__struct_fields__, "own"]), words, max_size=3))
            )
        elif name == "segment":
            data[name] = draw(texts)
        else:
            data[name] = draw(_of_field(hints[name]))
    for name in draw(st.lists(st.sampled_from([alias for found in ALIASES.values() for alias in found]), max_size=1)):
        data[name] = draw(st.one_of(real, values))
    return data | draw(st.dictionaries(st.one_of(texts, st.just("own")), values, max_size=2))


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Draw one line that is an event, as any logger might have written it."""
    event_type = draw(st.one_of(st.sampled_from(sorted(EVENT_TYPES)), texts.filter(bool)))
    step = st.integers(0, 10**6)
    line: dict[str, Any] = {"event_type": event_type, "step": draw(st.one_of(step, step.map(float)))}
    line["data"] = draw(
        data_of(event_type) if event_type in EVENT_TYPES else st.dictionaries(texts, values, max_size=4)
    )
    optional = {
        "timestamp": st.one_of(st.none(), st.floats(0, 2e9), st.integers(0, 2 * 10**9), st.just(-0.0)),
        "run_id": st.one_of(st.none(), texts.filter(bool)),
        "rank": st.one_of(st.none(), st.integers(0, 9), st.just(1.0)),
        "seq": st.one_of(st.none(), st.integers(0, 2**40), st.just(2.0)),
        "epoch": st.one_of(st.none(), st.integers(-1, 2**40), st.just(3.0)),
        "own key": values,
    }
    line |= draw(st.fixed_dictionaries({}, optional=optional))
    try:
        strict = nonfinite.mark(line)
    except ValueError:  # the key of the marks is taken: no logger can say this
        strict = json.loads(json.dumps(line), parse_constant=lambda _: None)
    return json.dumps(strict).encode()


@st.composite
def files(draw: st.DrawFn) -> list[bytes]:
    """Draw the lines of one file; those that name their run and number themselves do not repeat a number."""
    found = [json.loads(line) for line in draw(st.lists(lines(), min_size=1, max_size=12))]
    for number, line in enumerate(found):
        if line.get("run_id") is not None and line.get("seq") is not None:
            line["seq"] = number
    return [json.dumps(line).encode() for line in found]


def canonical(value: object) -> str:
    """Return a text that is the same for equal JSON values only; order of keys is none."""
    return json.dumps(value, sort_keys=True)


def same(one: Any, other: Any) -> bool:
    """Say whether two JSON values are equal in value and kind: 1 is not 1.0, 0.0 is not -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)
