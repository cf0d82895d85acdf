"""Which runs a condition means: `config.lr > 1e-4 and tags == "sweep"`, read safely and answered from the set-ups.

The condition is an expression of names, constants, comparisons, `and`, `or`, `not` and parentheses; nothing in it is
run. A name is `run_id`, `name`, `status`, `tags`, or a key of a section: `config.lr`, `optimizer.0.weight_decay` as
`optimizer["0.weight_decay"]`, `environment.torch`. A key that a run does not have makes every comparison with it
false.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from debugstore.analysis.compare.config import ABSENT
from debugstore.analysis.compare.setups import SECTIONS, RunSetup, read_setup
from debugstore.analysis.queries import shipped
from debugstore.errors import ArgumentError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_OWN = ("run_id", "name", "status", "tags")
_CONSTANTS = {"null": None, "true": True, "false": False}
_ORDERS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
LONGEST = 2_000
"""Characters of a condition; a longer one is no condition that a person typed."""


def select_runs(connection: "Connection", *, where: str | None = None, tag: str | None = None) -> tuple[int, ...]:
    """Return the runs that fit a condition and have a tag, in the order they came; reads every run's set-up.

    Raises:
        ArgumentError: the condition cannot be read.
    """
    fits = condition(where) if where is not None else None
    setups = [read_setup(connection, row["run"]) for row in shipped("compare")["all_runs"].rows(connection)]
    chosen = [one for one in setups if (fits is None or fits(one)) and (tag is None or tag in one.tags)]
    return tuple(one.run for one in chosen)


def condition(text: str) -> Callable[[RunSetup], bool]:
    """Read a condition on a run's set-up.

    Raises:
        ArgumentError: it cannot be read; the message says which part.
    """
    if len(text) > LONGEST:
        raise ArgumentError(f"the condition has {len(text)} characters, at most {LONGEST} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f" at character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise ArgumentError(f"cannot read the condition '{text}'{place}: write it like config.lr > 1e-4") from None
    return _test(tree)


def key_reader(text: str) -> Callable[[RunSetup], Any]:
    """Read the name of one key, such as `config.lr`, and return what takes its value from a set-up.

    Raises:
        ArgumentError: it is no key.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ArgumentError(f"'{text}' is no key: write it like config.lr") from None
    return _name(tree)


Read = Callable[[RunSetup], Any]


def _test(node: ast.expr) -> Read:
    if isinstance(node, ast.BoolOp):
        parts = [_test(part) for part in node.values]
        joined = all if isinstance(node.op, ast.And) else any
        return lambda setup: joined(part(setup) for part in parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _test(node.operand)
        return lambda setup: not inner(setup)
    if isinstance(node, ast.Compare):
        reads = [_operand(part) for part in (node.left, *node.comparators)]
        tests = [_comparison(op) for op in node.ops]
        return lambda setup: all(
            test(left(setup), right(setup)) for test, left, right in zip(tests, reads, reads[1:], strict=False)
        )
    return _is_true(node)


def _is_true(node: ast.expr) -> Read:
    """Read a name alone, which is a flag."""
    read = _operand(node)
    return lambda setup: read(setup) is True


def _operand(node: ast.expr) -> Read:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool | None):
        value = node.value
        return lambda _: value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        number = node.operand.value
        if isinstance(number, int | float) and not isinstance(number, bool):
            return lambda _: -number
    if isinstance(node, ast.List | ast.Tuple):
        reads = [_operand(part) for part in node.elts]
        return lambda setup: [read(setup) for read in reads]
    if isinstance(node, ast.Name) and node.id in _CONSTANTS:
        constant = _CONSTANTS[node.id]
        return lambda _: constant
    return _name(node)


def _name(node: ast.expr) -> Read:
    keys: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript):
        keys.append(_key(node))
        node = node.value
    if not isinstance(node, ast.Name):
        raise ArgumentError(
            f"a condition has no '{ast.unparse(node)}': it compares keys with values, as in config.lr > 1e-4"
        )
    if node.id in _OWN and not keys:
        own = node.id
        return lambda setup: getattr(setup, own)
    if node.id not in SECTIONS or not keys:
        names = ", ".join([*_OWN, *(f"{section}.KEY" for section in SECTIONS)])
        raise ArgumentError(f"there is no '{node.id}': a key is one of {names}, such as config.{node.id}")
    section, key = node.id, ".".join(reversed(keys))
    return lambda setup: setup.sections[section].get(key, ABSENT)


def _key(node: ast.Attribute | ast.Subscript) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str | int):
        return str(node.slice.value)
    raise ArgumentError(f"a key in brackets is a text or a number, got [{ast.unparse(node.slice)}]")


def _comparison(op: ast.cmpop) -> Callable[[Any, Any], bool]:
    if isinstance(op, ast.Eq | ast.Is):
        return _equal
    if isinstance(op, ast.NotEq | ast.IsNot):
        return lambda left, right: not _absent(left, right) and not _equal(left, right)
    if isinstance(op, ast.In | ast.NotIn):
        wanted = isinstance(op, ast.In)
        return lambda left, right: not _absent(left, right) and _within(left, right) is wanted
    order = _ORDERS[type(op)]
    return lambda left, right: _ordered(left, right) and order(left, right)


def _absent(left: Any, right: Any) -> bool:
    return left is ABSENT or right is ABSENT


def _equal(left: Any, right: Any) -> bool:
    """Compare as a person means it: 1 equals 1.0, true is no number; a run's tags equal each of them."""
    if _absent(left, right):
        return False
    if isinstance(left, tuple) or isinstance(right, tuple):
        tags, other = (left, right) if isinstance(left, tuple) else (right, left)
        return other in tags
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _within(left: Any, right: Any) -> bool:
    if isinstance(right, str):
        return isinstance(left, str) and left in right
    return isinstance(right, Sequence) and any(_equal(left, item) for item in right)


def _ordered(left: Any, right: Any) -> bool:
    """Say whether two values have an order: both numbers, or both texts."""
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (left, right)]
    return all(numbers) or (isinstance(left, str) and isinstance(right, str))
