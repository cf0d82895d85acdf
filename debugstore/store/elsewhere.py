"""What a process does that only decodes. It imports little, since its start is waited for."""

import gc
import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import msgspec

from debugstore.store.batches import Decoder, Position
from debugstore.store.sources import Lines, Source

_SELDOM = 100_000
"""Objects that are made between two searches for garbage."""

READY, END = "ready", "end"


@contextmanager
def seldom_searched() -> Iterator[None]:
    """Search for cyclic garbage seldom: rows are no cycles, and looking through them took a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(before[0] and max(before[0], _SELDOM), *before[1:])  # 0 is: never
    try:
        yield
    finally:
        gc.set_threshold(*before)


def main() -> None:
    """Make the batches that the process which started this one asks for, one ahead of what it takes."""
    gc.enable()
    send(pickle.dumps(READY))
    path, state, known = pickle.load(sys.stdin.buffer)
    source = Source(path, Path(path))
    decoder = Decoder(msgspec.json.decode(state, type=Position), source.name, known)
    sending: Thread | None = None
    with seldom_searched(), closing(Lines(source)) as lines:
        for found in decoder.batches(lines):
            packed = pickle.dumps(found, protocol=5)
            if sending is not None:
                sending.join()
            sending = Thread(target=send, args=(packed,))
            sending.start()
    if sending is not None:
        sending.join()
    send(pickle.dumps(END))


def send(packed: bytes) -> None:
    """Hand over; what is not taken ends this process, so that nothing after it can be."""
    try:
        sys.stdout.buffer.write(packed)
        sys.stdout.buffer.flush()
    except BaseException:
        os._exit(1)
