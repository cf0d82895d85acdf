"""What a process does that only decodes. It imports little, since its start is waited for."""

import gc
import os
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from queue import Queue
from threading import Thread
from typing import Any

import msgspec

from debugstore.garbage import seldom_searched
from debugstore.store.batches import Decoder, Position
from debugstore.store.sources import Lines, Source

READY, END, FAILED = "ready", "end", "failed"
"""What it says beside batches: that it is there; that a file is at its end; that it cannot go on with a file."""

_WAITING = 2
"""Answers that may wait to be taken: it does not stand still for a small file, nor fill memory from a large one."""


def main() -> None:
    """Decode the files that the process which started this one asks for, ahead of what it takes."""
    gc.enable()
    answers: Queue[bytes | None] = Queue(_WAITING)
    sending = Thread(target=_send_all, args=(answers,))
    sending.start()
    answers.put(pickle.dumps(READY))
    known: dict[str, int] = {}
    with seldom_searched():
        while (asked := _asked()) is not None:
            source, state, new = asked
            known.update(new)
            for answer in _decoded(source, state, known):
                answers.put(pickle.dumps(answer, protocol=5))
    answers.put(None)
    sending.join()


def _asked() -> Any:
    """Return the file that is asked for next, and where to begin; None if nobody asks any more."""
    try:
        return pickle.load(sys.stdin.buffer)
    except EOFError:
        return None


def _decoded(source: Source, state: bytes, known: Mapping[str, int]) -> Iterator[Any]:
    try:
        with closing(Lines(source)) as lines:
            yield from Decoder(msgspec.json.decode(state, type=Position), source.name, known).batches(lines)
    except Exception:  # whatever it is, the process that asked will meet it too, and say it
        yield FAILED
    else:
        yield END


def _send_all(answers: "Queue[bytes | None]") -> None:
    for packed in iter(answers.get, None):
        send(packed)


def send(packed: bytes) -> None:
    """Hand over; what is not taken ends this process, so that nothing after it can be."""
    try:
        sys.stdout.buffer.write(packed)
        sys.stdout.buffer.flush()
    except BaseException:
        os._exit(1)
