"""What the loss reaches, what the model owns, what the optimizers hold: one walk over the graph at the first step."""

from collections import Counter
from collections.abc import Iterable

from torch import Tensor, nn

from debugstore.logger.graph import leaves
from debugstore.logger.probes.base import Batch, Facts, Probe
from debugstore.logger.schedule import Plan

MOST_NAMES = 10


class Wiring(Probe):
    """`wiring`: sets of parameters by identity, so that ties and copies are told apart."""

    name = "wiring"
    cost = "a walk over the graph's nodes in Python, once a segment; forward hooks until the first step"

    def start_events(self, batch: Batch) -> Iterable[tuple[str, Facts]]:
        """Compare the sets at the first step."""
        if not batch.first:
            return
        model = {id(parameter): name for name, parameter in self.context.named}
        trainable = {id(parameter): name for name, parameter in self.context.trainable()}
        held = {id(p): p for o in self.context.optimizers for group in o.param_groups for p in group["params"]}
        shapes = {parameter.shape for _, parameter in self.context.named}
        strangers = [parameter for key, parameter in held.items() if key not in model]
        outside = [name for key, name in trainable.items() if key not in held]
        facts: Facts = {
            "num_model_params": len(model),
            "num_trainable": len(trainable),
            "num_in_optimizer": len(held),
            "num_trainable_not_in_optimizer": len(outside),
            "num_optimizer_not_in_model": len(strangers),
            "num_optimizer_same_shape": sum(parameter.shape in shapes for parameter in strangers),
            "num_frozen": len(model) - len(trainable),
            "num_frozen_in_optimizer": sum(key in held for key in model if key not in trainable),
            "num_scheduler_mismatch": self._mismatched(),
            "trainable_not_in_optimizer": outside[:MOST_NAMES],
            "param_dtypes": dict(Counter(str(p.dtype).removeprefix("torch.") for _, p in self.context.trainable())),
        }
        if isinstance(batch.loss, Tensor):
            facts |= self._reach(batch.loss, model, trainable, held)
        yield "wiring", facts

    def wants_modules(self, plan: Plan) -> bool:
        """Learn which modules run before the first step."""
        return plan.step == plan.first

    def _mismatched(self) -> int:
        ours = {id(optimizer) for optimizer in self.context.optimizers}
        driven = [getattr(scheduler, "optimizer", None) for scheduler in self.context.schedulers]
        inner = [getattr(optimizer, "optimizer", optimizer) for optimizer in driven]
        return sum(
            optimizer is not None and id(optimizer) not in ours and id(within) not in ours
            for optimizer, within in zip(driven, inner, strict=True)
        )

    def _reach(self, loss: Tensor, model: dict[int, str], trainable: dict[int, str], held: dict[int, Tensor]) -> Facts:
        """Compare with what the loss reaches; a sharded model's leaves are not its parameters, so nothing is said."""
        found, num_nodes, hiding = leaves(loss)
        facts: Facts = {
            "loss_is_leaf": loss.grad_fn is None,
            "loss_function": loss.grad_fn.name() if loss.grad_fn is not None else None,
            "graph_nodes": num_nodes,
            "may_hide_leaves": hiding,
        }
        if any(hasattr(parameter, "_local_tensor") for _, parameter in self.context.named):
            return facts
        reached = {id(t) for t in found if isinstance(t, nn.Parameter) or id(t) in held or id(t) in model}
        missed = [name for key, name in trainable.items() if key not in reached]
        facts |= {
            "num_reached": len(reached),
            "num_reached_not_in_model": sum(key not in model for key in reached),
            "num_reached_not_in_optimizer": sum(key not in held for key in reached),
            "num_trainable_not_reached": len(missed),
            "trainable_not_reached": missed[:MOST_NAMES],
        }
        ran = self.context.ran
        if ran:
            owners = {name: name.rpartition(".")[0] for name in missed}
            used = [name for name in missed if owners[name] in ran]
            facts["num_not_reached_used"] = len(used)
            facts["last_used_module"] = max((owners[name] for name in used), key=ran.__getitem__, default=None)
        return facts
