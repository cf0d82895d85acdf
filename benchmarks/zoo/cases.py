"""What a case is, and the list of all of them: faults to be named, healthy regimes to be left alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from benchmarks.zoo.families import FAMILIES
from benchmarks.zoo.training import Training

ALL = tuple(FAMILIES)
CLASSES = tuple(name for name, family in FAMILIES.items() if not family.regression)
"""Families with classes as labels, tokens included."""
SINGLE = ("mlp", "cnn", "lstm", "tabular")
"""Families with one class a sample."""
REAL = tuple(name for name, family in FAMILIES.items() if not family.tokens)
"""Families with real numbers as inputs."""
DENSE = ("mlp", "regression", "tabular")
"""Families whose body is a plain stack of linear layers."""

Kind = Literal["fault", "healthy", "invisible", "crash"]


@dataclass(frozen=True)
class Case:
    """A fault or a regime, and the families it makes sense on."""

    id: str
    kind: Kind
    codes: tuple[str, ...]
    """Finding codes that name the cause, the exact one first."""
    says: str
    families: tuple[str, ...]
    inject: Callable[[Training], None]
    by_fact: bool = False
    """The fault stands whatever the model learns; otherwise it counts only where it costs quality."""
    early: bool = False
    """A fault of wiring or of loop order: to be named after two optimizer steps."""
    world: int = 1

    @property
    def seeds(self) -> int:
        """How many seeds are worth their time: an exception is the same with each."""
        return {"fault": 3, "healthy": 2, "invisible": 2, "crash": 1}[self.kind]

    @property
    def module(self) -> str:
        """The module that defines the case."""
        return self.inject.__module__


MODULES = (
    "benchmarks.zoo.faults.wiring",
    "benchmarks.zoo.faults.loop_order",
    "benchmarks.zoo.faults.schedule",
    "benchmarks.zoo.faults.graph",
    "benchmarks.zoo.faults.loss",
    "benchmarks.zoo.faults.data",
    "benchmarks.zoo.faults.model",
    "benchmarks.zoo.faults.system",
    "benchmarks.zoo.faults.ranks",
    "benchmarks.zoo.faults.crashes",
    "benchmarks.zoo.healthy.rates",
    "benchmarks.zoo.healthy.loops",
    "benchmarks.zoo.healthy.models",
)

_REGISTRY: dict[str, Case] = {}
Inject = Callable[[Training], None]


def _register(case: Case) -> None:
    if case.id in _REGISTRY:
        raise ValueError(f"two cases are called {case.id}")
    _REGISTRY[case.id] = case


def fault(
    id: str,
    *codes: str,
    on: Iterable[str] = ALL,
    by_fact: bool = False,
    early: bool = False,
    world: int = 1,
    kind: Kind = "fault",
) -> Callable[[Inject], Inject]:
    """Register an injection; its docstring says what is wrong."""

    def made(inject: Inject) -> Inject:
        says = (inject.__doc__ or "").split("\n")[0]
        _register(Case(id, kind, codes, says, tuple(on), inject, by_fact or early, early, world))
        return inject

    return made


def healthy(id: str, *, on: Iterable[str] = ALL, world: int = 1) -> Callable[[Inject], Inject]:
    """Register a regime that no finding of `warning` or above may touch; its docstring says what tempts a rule."""
    return fault(id, on=on, world=world, kind="healthy")


def all_cases() -> list[Case]:
    """Return every case, in the order of the modules."""
    for module in MODULES:
        import_module(module)
    return list(_REGISTRY.values())
