"""Many small jobs, each in a forked process of its own: a fork inherits what is imported and starts in milliseconds."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

FORK = multiprocessing.get_context("fork")
Item = TypeVar("Item")


def each(target: Callable[[Item], object], items: Iterable[Item], workers: int = 2) -> Iterator[Item]:
    """Call `target` on every item, `workers` at once; yield each item as its call ends. Results go through files."""
    left = list(items)
    running: dict[BaseProcess, Item] = {}
    while left or running:
        while left and len(running) < workers:
            item = left.pop(0)
            process = FORK.Process(target=target, args=(item,))
            process.start()
            running[process] = item
        wait([process.sentinel for process in running])
        for process in [process for process in running if not process.is_alive()]:
            process.join()
            if process.exitcode:
                raise RuntimeError(f"a process ended with code {process.exitcode}; its traceback is above")
            yield running.pop(process)
