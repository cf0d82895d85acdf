"""What a process does that only decodes. It imports little, since its start is waited for."""

import gc
import os
import pickle
import sys
from contextlib import closing
from pathlib import Path
from threading import Thread

import msgspec

from debugstore.garbage import seldom_searched
from debugstore.store.batches import Decoder, Position
from debugstore.store.sources import Lines, Source

READY, END = "ready", "end"


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
