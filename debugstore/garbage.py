"""The search for cyclic garbage, made seldom where much is made and little of it is garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = 100_000
"""Objects that are made between two searches."""


@contextmanager
def seldom_searched() -> Iterator[None]:
    """Search for cyclic garbage seldom: rows and modules are no cycles, and looking through them took a tenth or more
    of the time of an ingest, a fifth of a short command's.
    """
    before = gc.get_threshold()
    gc.set_threshold(before[0] and max(before[0], _SELDOM), *before[1:])  # 0 is: never
    try:
        yield
    finally:
        gc.set_threshold(*before)
