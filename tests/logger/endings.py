"""A training that ends in some way, as a process of its own: `python tests/logger/endings.py FOLDER WAY`."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import torch

from debugstore import DebugLogger
from debugstore.logger.writer import FLUSH_SECONDS
from tests.support.training import do_step, small_model


def main(folder: Path, way: str) -> None:
    """Train ten steps, end in the given way, and go on where that way lets one."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell job starts with it ignored
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    if way == "own-handler":
        signal.signal(signal.SIGTERM, lambda *_: print("own handler", flush=True))
    log = DebugLogger(model, optimizer, log_dir=folder, run_id="run", num_classes=5)

    def train(first: int, last: int) -> None:
        for step in range(first, last):
            do_step(log, model, optimizer, step)

    train(0, 10)
    if way == "sigkill":
        time.sleep(FLUSH_SECONDS + 1.5)
        os.kill(os.getpid(), signal.SIGKILL)
    elif way == "sigkill-at-once":
        for number in range(250):
            log.log("mine", {"number": number})
        os.kill(os.getpid(), signal.SIGKILL)
    elif way in ("sigterm", "own-handler"):
        os.kill(os.getpid(), signal.SIGTERM)
        train(10, 12)
        log.close()
    elif way == "ctrl-c":
        signal.raise_signal(signal.SIGINT)
    elif way == "exception-in-block":
        with log:
            raise ValueError("the data ran out")
    elif way == "exception":
        raise ValueError("the data ran out")
    elif way == "exit-in-thread":
        time.sleep(FLUSH_SECONDS + 1.5)
        threading.Thread(target=os._exit, args=(7,)).start()
        time.sleep(60)
    elif way == "fork":
        child = os.fork()
        if child == 0:
            train(10, 20)  # the child's steps are not the parent's
            log.close()
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        train(10, 12)
        log.close()
    elif way == "sys-exit":
        sys.exit(3)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
