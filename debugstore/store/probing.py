"""A look into files before a store is made for them: where none holds a log, nothing is left behind."""

import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from debugstore.errors import NoLogsError
from debugstore.store.batches import Decoder
from debugstore.store.resume import begin
from debugstore.store.sources import Lines, Source, expand


def refuse_without_logs(paths: Iterable[str | Path]) -> None:
    """Read the beginning of files up to the first that holds a log; of a pipe nothing is taken.

    Raises:
        InputNotFoundError: a path names nothing.
        NoLogsError: no file holds a log; it says why the first does not.
    """
    problems = []
    for source in expand(paths):
        try:
            _look(source)
        except NoLogsError as error:
            problems.append(error)
        else:
            return
    if problems:
        raise problems[0]


def _look(source: Source) -> None:
    if source.is_pipe and source.path is not None:  # what is read of it now is gone
        return
    with closing(Lines(source)) as lines:
        if source.path is None:
            stdin: Any = sys.stdin.buffer
            start = stdin.peek(1)
            if not start:
                raise NoLogsError(source.name, "it is empty")
            lines.refuse_binary(start)
            return
        decoder = Decoder(begin(source)[0], source.name)
        found = "it is empty"
        for block in lines.blocks():
            batch = decoder.decode(block)
            if batch is None or batch.num_events:
                return
            if batch.rejects:
                found = (
                    f"none of its {batch.read_lines} lines is an event, such as the last: {batch.rejects[-1].reason}"
                )
        raise NoLogsError(source.name, found)
