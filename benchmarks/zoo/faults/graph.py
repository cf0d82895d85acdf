"""What the loss reaches, and the modes the model runs in."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.zoo.cases import fault
from benchmarks.zoo.training import Training


def through_cut(t: Training, cut: str) -> None:
    """Run the body, then the cut, then the head."""
    cuts = {
        "detach": lambda hidden: hidden.detach(),
        "numpy": lambda hidden: torch.tensor(hidden.detach().numpy()),
        "sample": lambda hidden: functional.one_hot(
            torch.multinomial(hidden.softmax(-1).flatten(0, -2), 1).view(hidden.shape[:-1]), hidden.shape[-1]
        ).float(),
    }
    t.forward = lambda model, x: model.head(cuts[cut](model.body(x)))


@fault("G02", "graph-detached", early=True)
def detached(t: Training) -> None:
    """The features are detached before the head."""
    through_cut(t, "detach")


@fault("G03", "graph-detached", early=True)
def without_graph(t: Training) -> None:
    """The body runs under no_grad."""

    def forward(model: nn.Module, x: Tensor) -> Tensor:
        with torch.no_grad():
            hidden = model.get_submodule("body")(x)
        out: Tensor = model.get_submodule("head")(hidden)
        return out

    t.forward = forward


@fault("G06", "graph-detached", early=True)
def through_numpy(t: Training) -> None:
    """The features take a way through NumPy."""
    through_cut(t, "numpy")


@fault("G14", "graph-detached", early=True)
def sampled(t: Training) -> None:
    """The features are replaced by a sampled index, which has no gradient."""
    through_cut(t, "sample")


@fault("G05", "loss-detached", early=True)
def loss_made_anew(t: Training) -> None:
    """The loss is wrapped into a new tensor."""
    plain = t.loss
    t.loss = lambda out, y: torch.tensor(plain(out, y).item(), requires_grad=True)


@fault("G07", "eval-mode-in-training", by_fact=True)
def eval_in_training(t: Training) -> None:
    """The model is left in eval mode while it trains."""
    t.train_mode = False


@fault("G08", "train-mode-in-validation", by_fact=True)
def train_in_validation(t: Training) -> None:
    """The model is validated in train mode."""
    t.eval_mode = False


@fault("G11", "graph-growth", by_fact=True)
def growing_graph(t: Training) -> None:
    """A running regulariser is kept with its graph from step to step."""
    running = torch.zeros(())
    plain = t.loss

    def loss(out: Tensor, y: Tensor) -> Tensor:
        nonlocal running
        if torch.is_grad_enabled():
            running = 0.9 * running + t.model.get_parameter("head.bias").mean()
        return plain(out, y) + 1e-3 * running

    t.loss = loss
    t.backward = lambda loss, _out: loss.backward(retain_graph=True)


@fault("G12", "dead-units", "only-prior-learned")
def emptied_in_place(t: Training) -> None:
    """The features are set to zero behind autograd's back."""

    def forward(model: nn.Module, x: Tensor) -> Tensor:
        hidden = model.get_submodule("body")(x)
        hidden.data.mul_(0)
        out: Tensor = model.get_submodule("head")(hidden)
        return out

    t.forward = forward
