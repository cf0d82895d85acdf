"""Walks over the autograd graph of a loss: its leaves and its size. Reads only; runs nothing backward."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

MAX_NODES = 10_000
HIDING = ("CheckpointFunctionBackward",)


def nodes(loss: Tensor, most: int | None = None) -> Iterator[Any]:
    """Yield each node of the loss's graph once, at most so many."""
    start = loss.grad_fn
    if start is None:
        return
    waiting, seen = [start], {start}
    while waiting and (most is None or len(seen) <= most):
        node = waiting.pop()
        yield node
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                waiting.append(following)


def count_nodes(loss: Tensor) -> int:
    """Return the number of nodes, at most `MAX_NODES`."""
    return min(sum(1 for _ in nodes(loss, MAX_NODES)), MAX_NODES)


def leaves(loss: Tensor) -> tuple[list[Tensor], int, bool]:
    """Return the leaves that backward would give a gradient, the number of nodes, and whether some may hide others."""
    found: list[Tensor] = []
    count, hiding = 0, False
    for node in nodes(loss):
        count += 1
        variable = getattr(node, "variable", None)
        if isinstance(variable, Tensor):
            found.append(variable)
        hiding = hiding or node.name() in HIDING
    if loss.grad_fn is None and loss.requires_grad:
        found.append(loss)
    return found, count, hiding
