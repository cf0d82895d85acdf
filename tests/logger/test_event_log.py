"""Events to lines, made when they are flushed."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from debugstore.logger.event_log import EventLog, LoggerWarning


def opened(folder: Path, buffer_events: int = 1000) -> EventLog:
    """Return a log that flushes when it is told to."""
    return EventLog(folder / "log.jsonl", "run", 0, buffer_events)


def lines(log: EventLog) -> list[dict[str, Any]]:
    """Return what the file holds after it is closed."""
    log.writer.close()
    return [json.loads(line) for line in log.path.read_text().splitlines()]


def test_an_event_carries_its_own_moment(tmp_path: Path) -> None:
    """Time, number, step and epoch are those of the call, however late the line is made."""
    log = opened(tmp_path)
    log.epoch = 3
    before = time.time()
    log.emit("mine", 7, lambda: {"made": time.time()})
    after = time.time()
    log.epoch = 4
    time.sleep(0.05)
    (line,) = lines(log)
    assert before <= line["timestamp"] <= after < line["data"]["made"]
    assert (line["seq"], line["step"], line["epoch"]) == (0, 7, 3)


def test_an_event_that_cannot_be_made_is_an_error_in_its_place(tmp_path: Path) -> None:
    """One warning, a `logger_error` with the event's number and step, and all others as they were."""
    log = opened(tmp_path)
    log.emit("mine", 1, {"value": 1})
    log.emit("mine", 2, lambda: {"value": 1 // 0})
    log.emit("mine", 3, {"value": 3})
    with pytest.warns(LoggerWarning, match="an event 'mine' of step 2 cannot be written"):
        found = lines(log)
    assert [line["seq"] for line in found] == [0, 1, 2]
    assert [line["event_type"] for line in found] == ["mine", "logger_error", "mine"]
    assert found[1]["data"]["part"] == "mine"
    assert found[1]["data"]["num_lost"] == 1
    assert log.summary.events == {"mine": 2, "logger_error": 1}


def test_lines_keep_their_order_whoever_flushes(tmp_path: Path) -> None:
    """One thread emits, another flushes all the time: every line is there once, in the order of the calls."""
    log = opened(tmp_path, buffer_events=7)
    stop = threading.Event()

    def flush() -> None:
        while not stop.is_set():
            log.writer.flush()

    flusher = threading.Thread(target=flush)
    flusher.start()
    for number in range(5000):
        log.emit("mine", number, lambda number=number: {"number": number})
    stop.set()
    flusher.join()
    found = lines(log)
    assert [line["seq"] for line in found] == list(range(5000))
    assert [line["data"]["number"] for line in found] == list(range(5000))


def test_the_own_thread_counts_its_time(tmp_path: Path) -> None:
    """What the writer's thread spends on lines is part of what the logger says it took."""
    log = opened(tmp_path)
    log.emit("mine", 0, lambda: {"sum": sum(range(3_000_000))})
    deadline = time.monotonic() + 10
    while not log.writer.seconds and time.monotonic() < deadline:
        time.sleep(0.05)
    log.writer.close()
    assert log.writer.seconds > 0.01
