"""Batches of a file, decoded in this process, or in one of its own while this one writes.

A large file is worth the tenth of a second that another Python takes to start: decoding and writing each need a core.
Should that process fail for whatever reason, this one goes on from the last batch it got, and says what is wrong.
"""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import msgspec

from debugstore.store.batches import Batch, Decoder, Position
from debugstore.store.sources import Lines, Source

LARGE = 1 << 24
"""Bytes still to be read from which on a process is worth its start."""

Decoded = tuple[Batch | None, int]
"""A batch, None for a last line that was cut; and the bytes of the file that were read by then."""

_START = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); from {__name__} import main; main()"


def decoded(lines: Lines, position: Position) -> Iterator[Decoded]:
    """Yield the batches of a file from `position` on.

    Raises:
        NoLogsError: the file holds no log.
    """
    if lines.source.path is not None and (lines.total_bytes or 0) - position.read_bytes >= LARGE and sys.executable:
        for batch, done in _elsewhere(lines.source, position):
            yield batch, done
            if batch is None:
                return
            position = msgspec.json.decode(batch.state, type=Position)
        if lines.total_bytes is not None and position.read_bytes >= lines.total_bytes:
            return
    yield from _here(lines, position)


def _here(lines: Lines, position: Position) -> Iterator[Decoded]:
    decoder = Decoder(position, lines.source.name)
    for block in lines.blocks(position.read_bytes, position.read_lines):
        yield decoder.decode(block), lines.done_bytes


def _elsewhere(source: Source, position: Position) -> Iterator[Decoded]:
    """Yield the batches that another process makes; fewer than there are if it fails."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", _START], **pipes) as process:
        given, taken = process.stdin, process.stdout
        if given is None or taken is None:
            return
        try:
            pickle.dump((str(source.path), msgspec.json.encode(position)), given)
            given.close()
            while (found := pickle.load(taken)) is not None:
                yield found
        except (OSError, EOFError, pickle.UnpicklingError):
            return
        finally:
            process.kill()


def main() -> None:
    """Make the batches that the process which started this one asks for, one ahead of what it takes."""
    path, state = pickle.load(sys.stdin.buffer)
    source = Source(path, Path(path))
    with closing(Lines(source)) as lines, ThreadPoolExecutor(max_workers=1) as sender:
        sent: Future[None] | None = None
        for found in _here(lines, msgspec.json.decode(state, type=Position)):
            packed = pickle.dumps(found, protocol=5)
            if sent is not None:
                sent.result()
            sent = sender.submit(_send, sys.stdout.buffer, packed)
        if sent is not None:
            sent.result()
        _send(sys.stdout.buffer, pickle.dumps(None))


def _send(to: IO[bytes], packed: bytes) -> None:
    to.write(packed)
    to.flush()
