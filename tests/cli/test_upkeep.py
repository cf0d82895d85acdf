"""`debugstore runs rm|tag|rename|note|prune` and `debugstore db ...`: keeping house."""

import json
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import HEALTHY, Type, start

pytestmark = pytest.mark.usefixtures("folder")


def listed(type_: Type) -> dict[str, dict[str, object]]:
    """Return what `runs` says of each run."""
    return {run["run_id"]: run for run in json.loads(type_("runs", "--format", "json").done())}


def test_removing_asks(type_: Type, folder: Path) -> None:
    """A run is removed with all its rows after a yes, and not after a no, an empty line or the end of input."""
    for answer in ("n\n", "\n", ""):
        process = start("runs", "rm", "lr-2", cwd=folder, stdin=-1)
        out, err = process.communicate(answer, timeout=60)
        assert (process.returncode, out) == (2, "")
        assert "nothing was changed" in err
    assert set(listed(type_)) == {"baseline", "lr-2"}
    process = start("runs", "rm", "lr-2", cwd=folder, stdin=-1)
    out, _ = process.communicate("y\n", timeout=60)
    assert (process.returncode, out) == (0, "removed lr-2\n")
    assert set(listed(type_)) == {"baseline"}
    assert type_("sql", "SELECT COUNT(DISTINCT run) FROM steps", "--csv", "--no-headers").done() == "1\n"
    type_("db", "check").done()


def test_removed_runs_can_come_back(type_: Type) -> None:
    """After `rm --yes` the same log is new again; a name of no run removes nothing at all."""
    type_("runs", "rm", "baseline", "nobody", "--yes").failed()
    assert set(listed(type_)) == {"baseline", "lr-2"}
    assert type_("runs", "rm", "baseline", "lr-2", "-y").done() == "removed baseline\nremoved lr-2\n"
    assert listed(type_) == {}
    type_("ingest", "logs").done()
    assert listed(type_)["baseline"]["num_events"] == len(HEALTHY.events())


def test_tags_names_and_notes(type_: Type) -> None:
    """Tags are put on and taken off, a name and a note are given and stay when the log is ingested again."""
    assert type_("runs", "tag", "baseline", "paper", "good").done() == "good\npaper\n"
    assert type_("runs", "tag", "baseline", "--remove", "good").done() == "paper\n"
    assert type_("runs", "rename", "baseline", "first").done() == ""
    assert type_("runs", "note", "first", "before the change").done() == ""
    type_("ingest", "logs").done()
    run = listed(type_)["baseline"]
    assert (run["tags"], run["name"], run["notes"]) == (["paper"], "first", "before the change")
    assert json.loads(type_("runs", "--tag", "paper", "--format", "json").done()) == [run]
    assert json.loads(type_("report", "first", "--format", "json").done())["run"]["run_id"] == "baseline"
    type_("runs", "note", "first", "").done()
    assert listed(type_)["baseline"]["notes"] is None


def test_pruning(type_: Type, folder: Path) -> None:
    """Only runs that ended long ago and have no tag go; --dry-run removes nothing, and no yes is no."""
    replace(HEALTHY, run_id="fresh", started_at=time.time() - 60).write(folder / "fresh.jsonl")
    type_("ingest", "fresh.jsonl").done()
    type_("runs", "tag", "baseline", "keep").done()
    out = type_("runs", "prune", "--older-than", "30d", "--dry-run", "--format", "json").done()
    assert [run["run_id"] for run in json.loads(out)] == ["lr-2"]
    assert set(listed(type_)) == {"baseline", "fresh", "lr-2"}
    process = start("runs", "prune", "--older-than", "30d", cwd=folder, stdin=-1)
    process.communicate("n\n", timeout=60)
    assert process.returncode == 2
    type_("runs", "prune", "--older-than", "30d", "--yes").done()
    assert set(listed(type_)) == {"baseline", "fresh"}
    type_("runs", "prune", "--older-than", "4w", "--with-tagged", "--yes").done()
    assert set(listed(type_)) == {"fresh"}
    for wrong in ("30", "d", "-1d", "30 moons", "1e9d"):
        assert "an age is a number" in type_("runs", "prune", f"--older-than={wrong}").failed()
    assert "too long" in type_("runs", "prune", "--older-than", "99999999999w").failed()


def test_info(type_: Type) -> None:
    """What the store holds is said by table and by run, for people and for programs."""
    out = type_("db", "info").done()
    assert "baseline" in out
    assert "grad_norms" in out
    info = json.loads(type_("db", "info", "--format", "json").done())
    assert {run["run_id"]: run["events"] for run in info["runs"]} == dict.fromkeys(
        ("baseline", "lr-2"), len(HEALTHY.events())
    )
    assert "formats table, markdown and json" in type_("db", "info", "--format", "csv").failed()


def test_check(type_: Type, folder: Path) -> None:
    """A sound store is said to be so; one whose rows do not fit is exit code 1 and a line for each problem."""
    assert type_("db", "check").done() == "the store is sound\n"
    assert json.loads(type_("db", "check", "--format", "json").done()) == []
    with sqlite3.connect(folder / "debugstore.db") as connection:
        connection.execute(
            "DELETE FROM steps WHERE step = 10 AND run = (SELECT id FROM runs WHERE run_id = 'baseline')"
        )
    connection.close()
    outcome = type_("db", "check")
    assert outcome.code == 1
    assert "baseline" in outcome.out
    assert outcome.err == ""
    listed = type_("db", "check", "--format", "json")
    assert listed.code == 1
    assert [row["problem"] for row in json.loads(listed.out)] == outcome.out.splitlines()
    assert "segments derived again" in type_("db", "rebuild").done()
    assert type_("db", "check").done() == "the store is sound\n"


def test_vacuum(type_: Type, folder: Path) -> None:
    """The space of removed runs is given back."""
    for seed in range(6):
        replace(HEALTHY, run_id=f"many-{seed}").write(folder / "logs" / f"many-{seed}.jsonl")
    type_("ingest", "logs").done()
    before = (folder / "debugstore.db").stat().st_size
    type_("runs", "rm", *(f"many-{seed}" for seed in range(6)), "--yes").done()
    assert "before" in type_("db", "vacuum").done()
    assert (folder / "debugstore.db").stat().st_size < before
    assert set(listed(type_)) == {"baseline", "lr-2"}


def test_backup(type_: Type, folder: Path) -> None:
    """A backup is a store like the one it was made of, and never written over anything."""
    type_("db", "backup", "copy.db").done()
    assert type_("--db", "copy.db", "runs").done() == type_("runs").done()
    assert type_("--db", "copy.db", "db", "check").done() == "the store is sound\n"
    assert "copy.db exists" in type_("db", "backup", "copy.db").failed()
    type_("db", "backup", "nowhere/copy.db").failed()
    assert not (folder / "nowhere").exists()


def test_upgrade(type_: Type) -> None:
    """A store that is as it should be is left so, however often it is upgraded."""
    for _ in range(2):
        assert "already" in type_("db", "upgrade").done()
    assert "no store at nowhere.db" in type_("--db", "nowhere.db", "db", "upgrade").failed()


def test_what_a_command_did_can_be_read_by_programs(type_: Type, folder: Path) -> None:
    """Every command that changes the store says as JSON what it says in words."""

    def said(*words: str) -> list[dict[str, object]]:
        return json.loads(type_(*words, "--format", "json").done())

    assert said("runs", "tag", "baseline", "paper", "good") == [{"tag": "good"}, {"tag": "paper"}]
    assert said("runs", "tag", "baseline", "--remove", "good", "--remove", "paper") == []
    assert said("runs", "rm", "lr-2", "--yes") == [{"run_id": "lr-2", "num_events": len(HEALTHY.events())}]
    (upgraded,) = said("db", "upgrade")
    assert upgraded["before"] == upgraded["after"]
    (vacuumed,) = said("db", "vacuum")
    assert vacuumed["bytes_before"] >= vacuumed["bytes_after"] == (folder / "debugstore.db").stat().st_size
    assert said("db", "backup", "copy.db") == [{"file": "copy.db", "bytes": (folder / "copy.db").stat().st_size}]
    assert said("db", "rebuild") == [{"num_segments": 1}]
    assert type_("db", "rebuild", "--format", "csv").done() == "num_segments\n1\n"


def test_a_group_alone_shows_its_help(type_: Type) -> None:
    """`debugstore db` says what there is to type."""
    outcome = type_("db")
    assert outcome.code == 2
    assert "backup" in outcome.err


def test_the_store_can_be_said_before_a_command_of_a_group(type_: Type, folder: Path) -> None:
    """`--db` is taken behind the group's name too."""
    (folder / "debugstore.db").rename(folder / "other.db")
    assert type_("runs", "--db", "other.db", "tag", "baseline", "x").done() == "x\n"
