"""What logging takes: copies to the host, memory, references; counted, not timed."""

import gc
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from debugstore import DebugLogger
from debugstore.logger import readback
from debugstore.logger.samples import BLOCK, MANY
from tests.support.training import batch, events, small_model

SYNCS = ("aten::_local_scalar_dense", "aten::is_nonzero", "aten::nonzero", "aten::equal")
COPIES = ("aten::_to_copy", "aten::copy_")


class Counter(TorchDispatchMode):
    """Counts operations by name."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().partition(".")[0]
        self.seen[name] = self.seen.get(name, 0) + 1
        return func(*args, **(kwargs or {}))

    def syncs(self) -> int:
        """Return how many operations made the host wait for a value."""
        return sum(self.seen.get(name, 0) for name in SYNCS)


def step(log: DebugLogger, model: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> None:
    """Do one step of the plain loop."""
    x, y = batch(number)
    logits = model(x)
    loss = functional.cross_entropy(logits, y)
    log.training_step(loss, logits=logits, labels=y, inputs=x)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record each device-to-host copy: how many tensors it brought."""
    brought: list[int] = []
    original = readback.fetch

    def counted(tensors: Any) -> list[Any]:
        brought.append(len(tensors))
        return original(tensors)

    monkeypatch.setattr(readback, "fetch", counted)
    return brought


@pytest.mark.parametrize("on_host", [True, False])
@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.AdamW])
def test_one_copy_a_logged_event_and_none_a_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, on_host: bool, fetches: list[int]
) -> None:
    """Logging every step of 42 parameters waits for no scalar, and brings each event's numbers in one copy.

    What lies on the host is read there. For a device stands the host, taken for one.
    """
    monkeypatch.setattr(Tensor, "is_cpu", on_host)
    model = nn.Sequential(*[nn.Linear(8, 8) for _ in range(20)], nn.Linear(8, 5))
    optimizer = make(model.parameters(), 0.01, foreach=True)
    with Counter() as bare:
        step(DebugLogger(model, optimizer, enabled=False), model, optimizer, 0)
    log = DebugLogger(model, optimizer, log_dir=tmp_path, step_every=1, grad_every=1, update_every=1, num_classes=5)
    step(log, model, optimizer, 0)
    fetches.clear()
    with Counter() as logged:
        for number in range(1, 4):
            step(log, model, optimizer, number)
    assert logged.syncs() == 3 * bare.syncs()
    before = len(fetches)
    log.close()
    kinds = [line["event_type"] for line in events(log) if 1 <= line["step"] < 3]
    with_tensors = [kind for kind in kinds if kind not in ("loop", "fit_start")]
    owed = 2 + 2  # gradients and updates of the first step, and what the last one has at its start
    assert before == (0 if on_host else len(with_tensors) + owed)


def test_a_step_that_is_not_logged_does_no_tensor_operation(tmp_path: Path) -> None:
    """Between logged steps the dispatcher sees exactly the training's own operations."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Counter() as bare:
        step(DebugLogger(model, optimizer, enabled=False), model, optimizer, 0)
    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        for number in range(6):
            step(log, model, optimizer, number)
        with Counter() as logged:
            for number in range(6, 9):
                step(log, model, optimizer, number)
    assert logged.seen == {name: 3 * count for name, count in bare.seen.items()}


def test_a_fetch_is_one_copy_and_exact() -> None:
    """Integers of 64 bits, single and double floats and flags come back as they were, packed into one tensor."""
    big = torch.tensor([2**63 - 1, -(2**63)])
    given = [
        torch.tensor(True),
        torch.tensor(0.1),
        big,
        torch.tensor([1.5, float("nan")]),
        torch.tensor(7, dtype=torch.int8),
    ]
    with Counter() as counter:
        flag, tenth, whole, reals, small = readback.fetch(given)
    assert (flag, tenth, whole, small) == (True, torch.tensor(0.1).item(), [2**63 - 1, -(2**63)], 7)
    assert reals[0] == 1.5
    assert reals[1] != reals[1]
    assert counter.syncs() == 0
    double = torch.tensor(0.1, dtype=torch.float64)
    assert readback.fetch([double, torch.tensor(0.1)]) == [0.1, torch.tensor(0.1).item()]
    assert readback.fetch([]) == []


def test_what_lies_on_the_host_is_read_in_place() -> None:
    """Tensors at any depth become numbers, with no copy and nothing waited for; the rest is as it was."""
    given = {
        "a": torch.tensor(2**53 + 1),
        "b": [{"c": torch.eye(2)}, torch.tensor(True), "d"],
        "e": (1.5, None),
        "f": {},
    }
    with Counter() as counter:
        found = readback.resolve(given)
    assert found == {"a": 2**53 + 1, "b": [{"c": [1.0, 0.0, 0.0, 1.0]}, True, "d"], "e": (1.5, None), "f": {}}
    assert set(counter.seen) <= {"aten::view", "aten::detach"}


def test_a_fetch_from_a_device_is_one_copy() -> None:
    """From a device that is not the host exactly one tensor crosses over, however many are asked for."""
    moved = []

    class Far(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func.name() == "aten::_to_copy" and str(kwargs.get("device")) == "cpu":
                moved.append(args[0].numel())
                return torch.zeros(args[0].shape, dtype=args[0].dtype)
            return func(*args, **kwargs)

    far = [
        torch.zeros((), device="meta"),
        torch.zeros(5, dtype=torch.int64, device="meta"),
        torch.zeros(3, device="meta"),
    ]
    with Far():
        got = readback.fetch(far)
    assert moved == [2 * 5 + 4]
    assert got == [0.0, [0] * 5, [0.0] * 3]


def tensors_alive() -> dict[int, Tensor]:
    """Return the tensors that the collector knows, by identity."""
    gc.collect()
    return {id(thing): thing for thing in gc.get_objects() if issubclass(type(thing), Tensor)}


def test_memory_is_flat_over_many_steps(tmp_path: Path) -> None:
    """After 10,000 steps as many tensors and blocks of memory live as after 1,000, whatever was logged between."""
    torch.set_num_threads(1)
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    counts, blocks = [], []
    others = weakref.WeakValueDictionary(tensors_alive())  # what other tests left: some of it goes meanwhile
    batches = [batch(number) for number in range(20)]
    with DebugLogger(model, optimizer, log_dir=tmp_path, num_classes=5) as log:
        for number in range(10_001):
            x, y = batches[number % 20]
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if number in (1_000, 10_000):
                log._session.flush()  # what waits to be written goes and comes
                counts.append(sum(others.get(key) is not tensor for key, tensor in tensors_alive().items()))
                blocks.append(sys.getallocatedblocks())
    assert counts[0] == counts[1]
    assert blocks[1] - blocks[0] < 500  # about a thousand events were written between


def test_neither_batch_nor_graph_is_kept(tmp_path: Path) -> None:
    """What a step was shown is gone as soon as the loop lets go of it, logged or not."""
    model = small_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with DebugLogger(model, optimizer, log_dir=tmp_path, num_classes=5) as log:
        for number in range(7):
            x, y = batch(number)
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            loss.backward()
            refs = [weakref.ref(thing) for thing in (x, y, logits, loss)]
            del x, y, logits, loss
            assert [ref() for ref in refs] == [None] * 4
            optimizer.step()
            optimizer.zero_grad()


@pytest.mark.parametrize(("width", "looked_at"), [(251, 2 * MANY * BLOCK), (61, 2 * (61 * 61 + 61))])
def test_the_copy_of_the_parameters_lives_only_in_the_sampled_step(tmp_path: Path, width: int, looked_at: int) -> None:
    """During an optimizer step a sample of large parameters is held and a copy of small ones; after it neither."""
    model = nn.Sequential(nn.Linear(width, width), nn.Linear(width, width))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x = torch.randn(4, width)
    held: list[tuple[int, int]] = []

    def now() -> tuple[int, int]:
        gc.collect()
        sizes = (width * width, looked_at)
        tensors = [thing for thing in gc.get_objects() if type(thing) in (Tensor, nn.Parameter)]
        places = {(tensor.data_ptr(), tensor.numel()) for tensor in tensors if tensor.numel() in sizes}
        of_parameters, of_looked_at = ([size for _, size in places].count(size) for size in sizes)
        return of_parameters, of_looked_at

    with DebugLogger(model, optimizer, log_dir=tmp_path) as log:
        optimizer.register_step_pre_hook(lambda *_: held.append(now()))
        for _ in range(3):
            loss = model(x).sum()
            log.training_step(loss)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            held.append(now())
    parameters, gradients = 2, 2
    assert held[0::2] == [(parameters + gradients, 1)] * 3
    assert held[1::2] == [(parameters, 0)] * 3
