"""Processes that are killed, and processes that write at once: no loss, no duplicate, nothing half written."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from debugstore.errors import NotAStoreError, StoreNotFoundError
from debugstore.store import upkeep
from debugstore.store.database import open_database
from debugstore.store.export import export_events
from debugstore.store.ingest import ingest
from debugstore.store.runs import list_runs
from tests.support.content import content
from tests.support.ingesters import Ingesters, ingesters
from tests.support.logs import Run

KILLS = int(os.environ.get("DEBUGSTORE_KILLS", "100"))
"""Processes to kill in each of two ways to ingest; DEBUGSTORE_KILLS=10 for a short look."""

MOST_KILLS = 5 * KILLS
"""Processes to kill until enough of them were met in the middle of their work."""

BLOCK = 8192
"""Bytes of each transaction of a process that is to be killed: there are many moments to meet."""


@pytest.fixture(scope="module")
def started() -> Iterator[Ingesters]:
    """Give what starts processes."""
    with ingesters() as made:
        yield made


@pytest.mark.parametrize("helped", [False, True])
def test_killed_at_any_moment_a_store_is_sound_and_goes_on(started: Ingesters, tmp_path: Path, helped: bool) -> None:
    """After a kill the store has whole events only, and the next ingest completes it; so also while it is made.

    One long log that a process reads by itself, or several that another decodes ahead of it.
    """
    logs = [Run(f"run{number}", steps=350) for number in range(4)] if helped else [Run(steps=1500)]
    files = [log.write(tmp_path / f"{number}.jsonl") for number, log in enumerate(logs)]
    with open_database(None) as memory:
        ingest(memory, files)
        expected = content(memory)
    begun = time.monotonic()
    assert started.wait(started.start(tmp_path / "whole.db", files, BLOCK, helped)) == 0
    needed = time.monotonic() - begun
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    met = 0
    for trial in range(MOST_KILLS):
        if trial >= KILLS and met > KILLS // 8:
            break
        where = tmp_path / f"{trial}.db"
        number = started.start(where, files, BLOCK, helped)
        time.sleep(rng.uniform(0, needed))
        killed = started.kill(number) < 0
        try:
            with open_database(where) as store:
                assert upkeep.check(store) == (), seed
                met += killed and 0 < len(content(store, "steps")["steps"]) < len(expected["steps"])
        except (StoreNotFoundError, NotAStoreError):  # killed before there was a store
            assert killed
        with open_database(where, create=True) as store:
            ingest(store, files)
            assert content(store) == expected, seed
    assert met > KILLS // 8


def test_processes_write_at_once_while_one_reads(started: Ingesters, store_url: str, tmp_path: Path) -> None:
    """Eight ingest their own file and one they share, into one store, and a reader sees whole runs of lines only."""
    shared = Run(run_id="shared", steps=300).write(tmp_path / "shared.jsonl")
    own = [Run(run_id=f"run{number}", steps=200, seed=number) for number in range(6)]
    own += [Run(run_id="ranks", rank=rank, steps=200, segment=f"rank{rank}") for rank in range(2)]
    files = [run.write(tmp_path / f"own{number}.jsonl") for number, run in enumerate(own)]
    open_database(store_url, create=True).close()
    numbers = [
        started.start(store_url, [file, shared] if number % 2 else [shared, file], 1 << 16)
        for number, file in enumerate(files)
    ]
    with open_database(store_url, read_only=True) as reader:
        for _ in range(5):
            with reader.read() as connection:
                for run in list_runs(connection):
                    assert sum(1 for _ in export_events(connection, run.run)) == run.num_events
            time.sleep(0.05)
    assert [started.wait(number) for number in numbers] == [0] * len(numbers)
    with open_database(None) as memory:
        ingest(memory, [shared, *files])
        expected = content(memory)
    with open_database(store_url) as store:
        assert upkeep.check(store) == ()
        assert content(store) == expected
