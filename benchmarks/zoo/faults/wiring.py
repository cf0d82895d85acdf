"""Which parameters the optimizer holds, and which of them may change."""

import copy

from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from benchmarks.zoo import families
from benchmarks.zoo.cases import fault
from benchmarks.zoo.training import Training


@fault("W01", "stale-optimizer", early=True)
def copied_model(t: Training) -> None:
    """The model is copied after the optimizer was built."""
    t.rebuild = copy.deepcopy


@fault("W02", "parameters-not-in-optimizer", early=True)
def head_only(t: Training) -> None:
    """The optimizer gets the head's parameters alone."""
    t.make_optimizer = lambda model: families.optimizer(t.family, model.head.parameters())


@fault("W03", "parameters-frozen", early=True)
def frozen_body(t: Training) -> None:
    """A leftover loop froze the body; the optimizer still gets every parameter."""
    t.model.get_submodule("body").requires_grad_(False)


@fault("W17", "stale-optimizer", early=True)
def new_head(t: Training) -> None:
    """The head is replaced after the optimizer was built."""

    def rebuild(model: nn.Module) -> nn.Module:
        head = model.get_submodule("head")
        model.head = nn.Linear(head.in_features, head.out_features)  # type: ignore[arg-type]
        return model

    t.rebuild = rebuild


@fault("W18", "unregistered-parameters", early=True)
def layers_in_a_list(t: Training) -> None:
    """The body stands in a plain Python list, so that the model does not own its parameters."""
    hidden = [t.model.body]
    del t.model.body
    t.forward = lambda model, x: model.head(hidden[0](x))


@fault("W19", "stale-optimizer", early=True)
def wrapped_late(t: Training) -> None:
    """Weight normalisation replaces the weights by others of another shape after the optimizer was built."""

    def rebuild(model: nn.Module) -> nn.Module:
        for module in [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]:
            weight_norm(module)
        return model

    t.rebuild = rebuild


@fault("W21", "group-learning-rate-zero", "learning-rate-zero", by_fact=True)
def group_without_rate(t: Training) -> None:
    """One of two parameter groups has the learning rate 0."""
    t.schedule(None)
    t.make_optimizer = lambda model: families.optimizer(
        t.family,
        [{"params": model.body.parameters(), "lr": 0.0}, {"params": model.head.parameters()}],  # type: ignore[union-attr]
    )
