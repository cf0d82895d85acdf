"""How a log ends: signals, exceptions, kills, full disks, forks, copies. Real processes, real files."""

import copy
import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from debugstore import DebugLogger
from debugstore.logger import writer as writer_module
from debugstore.logger.event_log import LoggerWarning
from debugstore.logger.writer import LineWriter
from tests.support.training import batch, events, small_model, train

ROOT = Path(__file__).parents[2]


WAYS = {
    "sigterm": (-signal.SIGTERM, "interrupted", "SIGTERM"),
    "ctrl-c": (
        1,
        "interrupted",
        "KeyboardInterrupt",
    ),  # not -2: torch evaluates code at exit, Python forgets the signal
    "exception": (1, "failed", "ValueError: the data ran out"),
    "exception-in-block": (1, "failed", "ValueError: the data ran out"),
    "sys-exit": (3, "completed", None),
    "end": (0, "completed", None),
}
OTHERS = ("own-handler", "sigkill", "sigkill-at-once", "exit-in-thread", "fork")


@dataclass
class Ended:
    """What a training that ran as a process left."""

    folder: Path
    code: int
    out: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its events."""
        return events(next(self.folder.glob("debug_log_*.jsonl")))

    @property
    def end(self) -> dict[str, Any]:
        """The data of its `fit_end`; empty if it has none."""
        return next((line["data"] for line in self.lines if line["event_type"] == "fit_end"), {})


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """Run a training for each way to end, all at once."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = str(ROOT / "tests" / "logger" / "endings.py")
    started = {}
    for way in (*WAYS, *OTHERS):
        folder = tmp_path_factory.mktemp(way)
        command = [sys.executable, script, str(folder), way]
        started[way] = (
            folder,
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True),
        )
    found = {}
    for way, (folder, process) in started.items():
        out, _ = process.communicate(timeout=300)
        found[way] = Ended(folder, process.returncode, out)
    return found


@pytest.mark.parametrize("way", list(WAYS))
def test_the_end_is_written_and_the_process_dies_as_it_would(ended: dict[str, Ended], way: str) -> None:
    """The last line says how the training ended; the exit code is what it would be without the logger."""
    code, status, error = WAYS[way]
    left = ended[way]
    assert left.code in ((1, -signal.SIGINT) if way == "ctrl-c" else (code,))
    assert (left.end["status"], left.end["error"], left.end["steps"]) == (status, error, 10)
    assert left.lines[-1]["event_type"] == "fit_end"
    assert len([line for line in left.lines if line["event_type"] == "gradient_stats"]) == 5
    summary = json.loads(next(left.folder.glob("debug_summary_*.json")).read_text())
    assert summary["status"] == status


def test_a_handler_of_the_training_s_own_is_called_and_the_log_goes_on(ended: dict[str, Ended]) -> None:
    """A loop that handles SIGTERM itself goes on after it, and so does the log."""
    left = ended["own-handler"]
    assert (left.code, left.out.strip(), left.end["status"], left.end["steps"]) == (0, "own handler", "completed", 12)


@pytest.mark.parametrize(("way", "code"), [("sigkill", -signal.SIGKILL), ("exit-in-thread", 7)])
def test_a_killed_training_keeps_what_was_flushed(ended: dict[str, Ended], way: str, code: int) -> None:
    """After SIGKILL or `os._exit`, a few seconds after the last step: every line is there, whole, and no end."""
    left = ended[way]
    assert (left.code, left.end) == (code, {})
    assert {line["step"] for line in left.lines if line["event_type"] == "training_step"} == {0, 1, 2, 3, 4}


def test_a_kill_out_of_the_blue_costs_a_hundred_events_at_most(ended: dict[str, Ended]) -> None:
    """Killed right after many events were logged: all but the last hundred are there, whole and in order."""
    left = ended["sigkill-at-once"]
    assert left.code == -signal.SIGKILL
    numbers = [line["data"]["number"] for line in left.lines if line["event_type"] == "mine"]
    assert len(numbers) >= 150
    assert numbers == list(range(len(numbers)))


def test_a_signal_inside_of_the_logger_waits_until_it_is_left(tmp_path: Path) -> None:
    """A handler never runs in the middle of an event: the event is whole, then the signal is handled."""
    heard: list[str] = []

    class Odd:
        def __str__(self) -> str:
            signal.raise_signal(signal.SIGTERM)
            heard.append("inside")
            return "odd"

    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("handled"))
    try:
        model = small_model()
        with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path) as log:
            log.log("mine", {"odd": Odd()})
            assert heard == ["inside", "handled"]
    finally:
        signal.signal(signal.SIGTERM, before)
    assert events(log, "mine")[0]["data"] == {"odd": "odd"}


def test_a_forked_child_leaves_the_log_alone(ended: dict[str, Ended]) -> None:
    """The parent's log holds the parent's twelve steps, once, whatever the child did with its copy."""
    left = ended["fork"]
    assert (left.code, left.end["steps"]) == (0, 12)
    assert [line["seq"] for line in left.lines] == list(range(len(left.lines)))
    assert len(list(left.folder.glob("*.jsonl"))) == 1


def test_signal_handlers_and_methods_are_given_back(tmp_path: Path) -> None:
    """After the last of two logs closes, nothing of the logger is left anywhere."""
    before = signal.getsignal(signal.SIGTERM)
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    scaler = torch.amp.GradScaler("cpu")
    methods = (type(scheduler).step, type(optimizer).zero_grad, type(model).zero_grad, type(scaler).step)
    first, second = (
        DebugLogger(model, optimizer, log_dir=tmp_path, scheduler=scheduler, scaler=scaler) for _ in range(2)
    )
    assert signal.getsignal(signal.SIGTERM) is not before
    first.close()
    assert signal.getsignal(signal.SIGTERM) is not before
    second.close()
    second.close()
    assert signal.getsignal(signal.SIGTERM) is before
    assert (type(scheduler).step, type(optimizer).zero_grad, type(model).zero_grad, type(scaler).step) == methods
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_two_logs_of_one_training_do_not_mix(tmp_path: Path) -> None:
    """Each of two loggers on one model writes its own file, with the same numbers."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=tmp_path) as one, DebugLogger(model, optimizer, log_dir=tmp_path) as two:
        for step in range(3):
            x, y = batch(step)
            loss = functional.cross_entropy(model(x), y)
            one.training_step(loss)
            two.training_step(loss)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert one.run_id != two.run_id
    for kind in ("gradient_stats", "param_updates"):
        assert [e["data"] for e in events(one, kind)] == [e["data"] for e in events(two, kind)]
        assert len(events(one, kind)) == 3


def test_a_closed_logger_does_nothing(tmp_path: Path) -> None:
    """After close every call is allowed and writes nothing."""
    model, log = train(tmp_path, steps=2)
    before = log.path.read_bytes()
    log.training_step(model(batch(0)[0]).sum())
    log.validation(loss=1.0)
    log.log("late", {})
    log.close()
    with log:
        pass
    assert log.path.read_bytes() == before


def test_a_watched_model_can_be_scripted_and_traced(tmp_path: Path) -> None:
    """TorchScript of a watched model is that of one that is not, and the log goes on."""
    model = small_model()
    x, y = batch(0)
    with DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path) as log:
        for step in range(12):
            if step in (0, 8):  # with hooks on the modules, and without
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    made = torch.jit.script(model), torch.jit.trace(model, x)
                assert all(torch.equal(one(x), model(x)) for one in made)
            loss = functional.cross_entropy(model(x), y)
            log.training_step(loss)
            loss.backward()
    assert [line["step"] for line in events(log, "activations")] == [1, 2, 3, 4]
    assert [line["step"] for line in events(log, "training_step")] == [0, 1, 2, 3, 4, 10]
    assert not events(log, "logger_error")
    assert not hasattr(nn.Module, "__prepare_scriptable__")


def test_copies_and_pickles_are_not_watched(tmp_path: Path) -> None:
    """A copied, pickled or saved model, optimizer or scheduler is as without the logger, while one is open."""
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 5))
    optimizer = torch.optim.Adam(model.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    with DebugLogger(model, optimizer, log_dir=tmp_path, scheduler=scheduler) as log:
        for step in range(3):
            twin = copy.deepcopy(model) if step == 1 else pickle.loads(pickle.dumps(model))
            assert b"debugstore" not in pickle.dumps((model, twin, optimizer, scheduler.state_dict()))
            twin_optimizer = copy.deepcopy(optimizer)
            pickle.loads(pickle.dumps((optimizer, scheduler.state_dict(), log)))
            assert not twin_optimizer._optimizer_step_pre_hooks
            for net, steps in ((model, optimizer), (twin, twin_optimizer)):
                x, y = batch(step)
                loss = functional.cross_entropy(net(x), y)
                if net is model:
                    log.training_step(loss)
                loss.backward()
                steps.step()
                net.zero_grad()
    assert "logger" not in repr(scheduler.state_dict())
    loops = [line["data"] for line in events(log, "loop")]
    assert [data["call_order"] for data in loops] == ["FBSZ"] * 3
    inert = copy.deepcopy(log)
    inert.training_step(torch.zeros(()))
    assert inert.path is None
    assert not events(log, "logger_error")


class FullDisk:
    """Stands in for `os.write`: takes so many bytes in all, then says that the disk is full until there is room."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.write = os.write

    def __call__(self, file: int, block: bytes) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = self.write(file, block[: self.room])
        self.room -= done
        return done


def test_a_full_disk_is_one_warning_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The training goes on; when space is back, all lines are there, whole and in order, and an error event says so."""
    disk = FullDisk(room=700)
    monkeypatch.setattr(writer_module.os, "write", disk)
    model = small_model()
    log = DebugLogger(model, torch.optim.SGD(model.parameters(), 0.1), log_dir=tmp_path, buffer_events=2)
    with pytest.warns(LoggerWarning, match="No space left"):
        log.log("mine", {"number": 0})
    for number in range(1, 20):  # a second warning would be an error here
        log.log("mine", {"number": number})
    whole = log.path.read_bytes()
    assert whole == b"" or whole.endswith(b"\n")
    disk.room = 10**9
    log.log("mine", {"number": 20})
    log.close()
    lines = events(log)
    assert [line["data"]["number"] for line in lines if line["event_type"] == "mine"] == list(range(21))
    errors = [line["data"] for line in lines if line["event_type"] == "logger_error"]
    assert [error["part"] for error in errors] == ["writer"]
    assert errors[0]["num_lost"] == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_real_full_device_does_not_raise(tmp_path: Path) -> None:
    """A device that is always full: one warning, the lines wait, closing does not raise."""
    told = []
    writer = LineWriter(tmp_path / "log.jsonl", buffer_events=1, on_trouble=told.append)
    os.close(writer._file)
    writer._file = os.open("/dev/full", os.O_WRONLY)
    for _ in range(5):
        writer.write(lambda: b"{}\n")
    writer.close()
    assert [error.errno for error in told] == [errno.ENOSPC]


def test_waiting_lines_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a full disk is bounded; the oldest go first, and how many is said."""
    monkeypatch.setattr(writer_module, "MAX_WAITING_BYTES", 100)
    disk = FullDisk(room=0)
    monkeypatch.setattr(writer_module.os, "write", disk)
    lost = []
    writer = LineWriter(tmp_path / "log.jsonl", buffer_events=3, on_recovery=lambda _, count: lost.append(count))
    for number in range(30):
        writer.write(partial(bytes.__mod__, b"%09d\n", number))
    disk.room = 10**9
    writer.close()
    assert (tmp_path / "log.jsonl").read_bytes().split() == [b"%09d" % number for number in range(20, 30)]
    assert lost == [20]


def test_a_flush_comes_by_itself(tmp_path: Path) -> None:
    """A single line reaches the file within a few seconds, though nothing else is written."""
    writer = LineWriter(tmp_path / "log.jsonl")
    writer.write(lambda: b"{}\n")
    deadline = time.monotonic() + 3 * writer_module.FLUSH_SECONDS
    while not (tmp_path / "log.jsonl").read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (tmp_path / "log.jsonl").read_bytes() == b"{}\n"
    writer.close()


def test_loader_workers_do_not_touch_the_log(tmp_path: Path) -> None:
    """Forked and spawned loader workers leave file, handlers and numbers alone."""
    data = torch.utils.data.TensorDataset(torch.randn(64, 8), torch.randint(0, 5, (64,)))
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        for method in ("fork", "spawn"):
            loader = torch.utils.data.DataLoader(data, batch_size=16, num_workers=1, multiprocessing_context=method)
            for x, y in loader:
                loss = functional.cross_entropy(model(x), y)
                log.training_step(loss)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
    lines = events(log)
    assert events(log, "fit_end")[0]["data"] | {"steps": 8, "status": "completed"} == events(log, "fit_end")[0]["data"]
    assert [line["seq"] for line in lines] == list(range(len(lines)))


def test_a_store_gets_what_is_flushed(tmp_path: Path) -> None:
    """With `store=` the same events are in the store when the logger closes."""
    from debugstore import open_store

    _, log = train(tmp_path, steps=12, store=tmp_path / "debug.db", run_id="stored")
    with open_store(tmp_path / "debug.db") as store:
        exported = [json.loads(line) for line in store.export("stored")]
    assert sorted(exported, key=lambda line: line["seq"]) == events(log)


def test_a_store_that_fails_never_hurts(tmp_path: Path) -> None:
    """A file that is no store is one warning that says how to repair; the log is whole."""
    (tmp_path / "debug.db").write_text("no database" * 1000)
    with pytest.warns(LoggerWarning, match="debugstore ingest") as caught:
        _, log = train(tmp_path, steps=12, store=tmp_path / "debug.db")
    assert len(caught) == 1
    assert events(log)[-1]["event_type"] == "fit_end"
