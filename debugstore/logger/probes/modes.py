"""Which modules are in eval mode while the model trains."""

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from debugstore.logger.context import Context
from debugstore.logger.probes.base import Batch, Facts, Probe


class Modes(Probe):
    """`num_eval_modules` and `num_mode_modules` of `training_step`, `max_dropout` of `fit_start`."""

    name = "modes"
    cost = "a Python loop over dropout and norm modules at logged steps"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._modules = mode_modules(context.model)

    def fit_facts(self) -> Facts:
        """Return the largest dropout probability."""
        found = [m.p for m, _ in self._modules if isinstance(m, _DropoutNd)]
        found += [m.dropout for m in self.context.model.modules() if isinstance(m, nn.RNNBase | nn.MultiheadAttention)]
        return {"max_dropout": max(map(float, found), default=0.0)}

    def step_facts(self, batch: Batch) -> Facts:  # noqa: ARG002
        """Count the modules whose mode matters, and those in eval mode though something around them trains."""
        asleep = [
            module
            for module, around in self._modules
            if not module.training and any(parameter.requires_grad for parameter in around.parameters())
        ]
        return {"num_eval_modules": len(asleep), "num_mode_modules": len(self._modules)}


def mode_modules(model: nn.Module) -> list[tuple[nn.Module, nn.Module]]:
    """Return the modules that act differently in train and eval mode, each with the module whose parameters it serves.

    A norm with parameters serves its own, so that a frozen one in eval mode is no fault; the rest serve their parent's.
    """
    found: list[tuple[nn.Module, nn.Module]] = []
    for parent in model.modules():
        for module in parent.children():
            if isinstance(module, _NormBase | _DropoutNd) and not (isinstance(module, _DropoutNd) and module.p == 0):
                own = next(module.parameters(recurse=False), None) is not None
                found.append((module, module if own else parent))
    return found
