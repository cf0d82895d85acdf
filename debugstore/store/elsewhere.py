"""What a process does that only decodes. It imports little, since its start is waited for."""

import gc
import os
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import msgspec

from debugstore.store.batches import Batch, Decoder, Position
from debugstore.store.sources import Lines, Source

Decoded = tuple[Batch | None, int]
"""A batch, None for a last line that was cut; and the bytes of the file that were read by then."""


def batches(lines: Lines, position: Position, known: Mapping[str, int]) -> Iterator[Decoded]:
    """Yield the batches of a file from `position` on.

    Args:
        known: ids of parameters.

    Raises:
        NoLogsError: the file holds no log.
    """
    decoder = Decoder(position, lines.source.name, known)
    for block in lines.blocks(position.read_bytes, position.read_lines):
        yield decoder.decode(block), lines.done_bytes


_SELDOM = 100_000
"""Objects that are made between two searches for garbage."""


@contextmanager
def seldom_searched() -> Iterator[None]:
    """Search for cyclic garbage seldom: rows are no cycles, and looking through them took a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(before[0] and max(before[0], _SELDOM), *before[1:])  # 0 is: never
    try:
        yield
    finally:
        gc.set_threshold(*before)


READY, END = "ready", "end"


def main() -> None:
    """Make the batches that the process which started this one asks for, one ahead of what it takes."""
    send(pickle.dumps(READY))
    path, state, known = pickle.load(sys.stdin.buffer)
    source = Source(path, Path(path))
    sending = Thread()
    with seldom_searched(), closing(Lines(source)) as lines:
        for found in batches(lines, msgspec.json.decode(state, type=Position), known):
            packed = pickle.dumps(found, protocol=5)
            if sending.ident is not None:
                sending.join()
            sending = Thread(target=send, args=(packed,))
            sending.start()
    if sending.ident is not None:
        sending.join()
    send(pickle.dumps(END))


def send(packed: bytes) -> None:
    """Hand over; end this process if nobody takes it."""
    try:
        sys.stdout.buffer.write(packed)
        sys.stdout.buffer.flush()
    except OSError:
        os._exit(1)
