"""What goes into a store comes out of it: every event, value for value."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from debugstore.errors import EventError
from debugstore.events import decode, parse
from debugstore.store.database import Database, open_database
from debugstore.store.export import export_events
from debugstore.store.ingest import ingest
from debugstore.store.runs import list_runs
from tests.support.lines import canonical, files, same
from tests.support.logs import Run


def exported(database: Database) -> list[dict[str, object]]:
    """Return every event of a store."""
    with database.read() as connection:
        return [event for run in list_runs(connection) for event in export_events(connection, run.run)]


def test_a_log_comes_back_whole(database: Database, tmp_path: Path) -> None:
    """The log of a training is given back line by line, on each engine."""
    file = Run(steps=60).write(tmp_path / "log.jsonl")
    ingest(database, [file])
    expected = [parse(line) for line in file.read_bytes().splitlines()]
    found = exported(database)
    assert len(found) == len(expected)
    assert all(map(same, found, expected))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files())
def test_any_foreign_log_comes_back_whole(tmp_path: Path, written: Sequence[bytes]) -> None:
    """Whatever lines a file holds, export after ingest is the identity on those that are events."""
    file = tmp_path / "foreign.jsonl"
    file.write_bytes(b"\n".join(written) + b"\n")
    expected = {canonical(parse(line)) for line in written if _is_event(line)}
    with open_database(None) as database:
        ingest(database, [file])
        found = [canonical(event) for event in exported(database)]
    assert set(found) == expected
    assert len(found) <= len(written)


def _is_event(line: bytes) -> bool:
    try:
        decode(line)
    except EventError:
        return False
    return True
