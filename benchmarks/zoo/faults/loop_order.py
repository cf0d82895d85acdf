"""The order of zero_grad, backward, clipping and the optimizer step, and what gradient accumulation makes of it."""

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmarks.zoo.cases import fault
from benchmarks.zoo.training import Training


@fault("W05", "missing-zero-grad", early=True)
def never_zeroed(t: Training) -> None:
    """zero_grad is never called."""
    t.order = "(FB)CSL"


@fault("W34", "missing-zero-grad", early=True)
def zeroes_another(t: Training) -> None:
    """zero_grad is called on another optimizer."""
    other = torch.optim.SGD([nn.Parameter(torch.zeros(3))], lr=0.1)
    t.zero_grad = lambda _made: other.zero_grad()


@fault("W06", "missing-optimizer-step", early=True)
def never_stepped(t: Training) -> None:
    """The optimizer is never stepped."""
    t.order = "Z(FB)CL"


@fault("W07", "zero-grad-before-step", early=True)
def zeroed_between(t: Training) -> None:
    """zero_grad stands between backward and the optimizer step."""
    t.order = "(FB)ZCSL"


@fault("W07b", "zero-grad-before-step", early=True)
def zeroed_between_decaying(t: Training) -> None:
    """As W07 with gradients of zero instead of None: weight decay alone moves the weights."""
    t.order = "(FB)ZSL"
    t.use("adamw", weight_decay=0.01)
    t.zero_grad = lambda made: made.zero_grad(set_to_none=False)


@fault("W08", "step-before-backward", early=True)
def stepped_first(t: Training) -> None:
    """The optimizer is stepped before backward."""
    t.order = "ZS(FB)L"


def accumulate(t: Training, micro_steps: int) -> None:
    """Split each batch into micro-steps."""
    t.accumulation = micro_steps
    t.batch_size = max(t.batch_size // micro_steps, 4)


@fault("W15", "accumulation-not-averaged", early=True)
def summed_micro_steps(t: Training) -> None:
    """The losses of eight micro-steps are added up, not averaged; plain SGD takes an eightfold step."""
    accumulate(t, 8)
    t.average = False
    t.use("sgd")
    t.clip = None


@fault("W16", "zero-grad-in-accumulation", early=True)
def zeroed_micro_steps(t: Training) -> None:
    """zero_grad stands inside the loop over micro-steps, so that only the last one counts."""
    accumulate(t, 4)
    t.order = "(ZFB)CSL"


@fault("G10", "backward-of-another-loss", early=True)
def backward_of_another(t: Training) -> None:
    """backward starts from an auxiliary term; the loss that is logged never gets its own."""

    def backward(loss: Tensor, out: Tensor) -> None:
        del loss
        out.square().mean().backward()

    t.backward = backward


def scaled(t: Training, scale: float = 65536.0, **settings: float) -> None:
    """Train plain SGD by a gradient scaler, with clipping at 1."""
    t.use("sgd")
    t.schedule(None)
    t.clip = 1.0
    t.scaler = torch.amp.GradScaler("cpu", init_scale=scale, **settings)  # type: ignore[arg-type]


@fault("W28", "clip-before-unscale", early=True)
def clipped_scaled(t: Training) -> None:
    """Gradients are clipped while they still carry the scaler's factor."""
    scaled(t)


@fault("W30", "optimizer-on-scaled-gradients")
def stepped_scaled(t: Training) -> None:
    """The optimizer is stepped by hand on the scaled gradients."""
    scaled(t)
    t.clip = None

    def step(training: Training, made: Optimizer) -> None:
        del training
        made.step()

    t.step = step


def overflowing(t: Training, **settings: float) -> None:
    """Let backward overflow at scales above 2 ** 61, as float16 does above its own limit; start at 2 ** 66."""
    scaled(t, 2.0**66, **settings)
    t.order = "Z(FB)UCSL"
    plain = t.loss
    t.loss = lambda out, y: plain(out, y) * 1e-20 * 1e20


@fault("W31", "scaler-skips-steps", by_fact=True)
def always_overflowing(t: Training) -> None:
    """The scale grows so fast that four of five steps overflow and are skipped."""
    overflowing(t, growth_factor=16.0, growth_interval=1)
