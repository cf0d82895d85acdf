"""What is measured, one thing a file. `CLASSES` is every probe, in the order their fields appear in an event."""

from collections.abc import Sequence

from debugstore.logger.probes.activations import Activations
from debugstore.logger.probes.base import Probe
from debugstore.logger.probes.batches import Batches
from debugstore.logger.probes.fingerprints import Fingerprints
from debugstore.logger.probes.gradients import Gradients
from debugstore.logger.probes.initial import Initial
from debugstore.logger.probes.labels import Labels
from debugstore.logger.probes.loop import Loop
from debugstore.logger.probes.modes import Modes
from debugstore.logger.probes.outputs import Outputs
from debugstore.logger.probes.system import System
from debugstore.logger.probes.updates import Updates
from debugstore.logger.probes.validation import Validation
from debugstore.logger.probes.weights import Weights
from debugstore.logger.probes.wiring import Wiring

CLASSES: tuple[type[Probe], ...] = (
    Outputs,
    Labels,
    Batches,
    Weights,
    Initial,
    Modes,
    System,
    Wiring,
    Activations,
    Fingerprints,
    Gradients,
    Updates,
    Validation,
    Loop,
)
NAMES = tuple(kind.name for kind in CLASSES)


def chosen(names: Sequence[str] | None) -> list[type[Probe]]:
    """Return the probes that `names` asks for: all but those with a minus, or only those without one; None is all."""
    if names is None:
        return list(CLASSES)
    off = {name[1:] for name in names if name.startswith("-")}
    only = {name for name in names if not name.startswith("-")}
    return [kind for kind in CLASSES if kind.name not in off and (not only or kind.name in only)]
