"""Debug logs of PyTorch trainings: written cheaply, kept in SQL, diagnosed, compared.

Public names load on first use, so importing this package imports neither torch nor SQLAlchemy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from debugstore.api import Store as Store
    from debugstore.api import open_store as open_store
    from debugstore.logger.debug_logger import DebugLogger as DebugLogger

__version__ = "0.1.0"

_HOMES = {
    "DebugLogger": "debugstore.logger.debug_logger",
    "Store": "debugstore.api",
    "open_store": "debugstore.api",
}
__all__ = ["DebugLogger", "Store", "__version__", "open_store"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'debugstore' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
