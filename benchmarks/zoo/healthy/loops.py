"""Healthy loops and data: noise, imbalance, accumulation, mixed precision, resumes and more that tempts a rule."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim import lr_scheduler as schedules

from benchmarks.zoo.cases import CLASSES, DENSE, REAL, SINGLE, healthy
from benchmarks.zoo.data import Split
from benchmarks.zoo.faults.loop_order import accumulate, overflowing, scaled
from benchmarks.zoo.faults.loss import binary, flat
from benchmarks.zoo.healthy.rates import SOME
from benchmarks.zoo.training import Training


@healthy("H20", on=CLASSES)
def smoothed(t: Training) -> None:
    """Label smoothing holds the loss above a floor."""
    t.loss = lambda out, y: functional.cross_entropy(*flat(out, y), label_smoothing=0.1)


@healthy("H32", on=CLASSES)
def logarithms(t: Training) -> None:
    """The model ends in log_softmax and cross entropy takes another: harmless."""
    t.before_loss(lambda out: out.log_softmax(-1))


@healthy("H32b", on=CLASSES)
def likelihood(t: Training) -> None:
    """The model ends in a softmax, and the loss is the likelihood of its logarithm: right as it is."""
    t.before_loss(lambda out: out.softmax(-1))
    t.loss = lambda out, y: functional.nll_loss((flat(out, y)[0] + 1e-9).log(), y.flatten())


@healthy("H19", on=SINGLE)
def noisy_labels(t: Training) -> None:
    """A fifth of the labels is wrong."""
    assert t.num_classes is not None
    chance = torch.Generator().manual_seed(t.seed)
    wrong = torch.rand(t.train.y.shape, generator=chance) < 0.2
    others = torch.randint(0, t.num_classes, t.train.y.shape, generator=chance)
    t.train = Split(t.train.x, torch.where(wrong, others, t.train.y))


def rare_classes(t: Training, kept_share: int = 20) -> None:
    """Keep one in `kept_share` samples of every class but the first."""
    kept = (t.train.y == 0) | (torch.arange(len(t.train.y)) % kept_share == 0)
    t.train = Split(t.train.x[kept], t.train.y[kept])


@healthy("H28", on=("mlp", "cnn"))
def imbalanced(t: Training) -> None:
    """Nine of ten samples are not the digit looked for."""
    t.train, t.val = (Split(part.x, (part.y == 3).long()) for part in (t.train, t.val))
    t.model.head = nn.Linear(t.model.get_submodule("head").in_features, 2)  # type: ignore[arg-type]
    t.num_classes, t.comparable = 2, False


@healthy("H-binary", on=("tabular",))
def single_logit(t: Training) -> None:
    """Two classes by one logit and binary cross entropy."""
    binary(t)


@healthy("H23")
def accumulated(t: Training) -> None:
    """Four micro-steps make one optimizer step."""
    accumulate(t, 4)


@healthy("H23b", on=SOME)
def accumulated_and_zeroed_late(t: Training) -> None:
    """Four micro-steps make one step, and zero_grad comes last."""
    accumulate(t, 4)
    t.order = "(FB)CSLZ"


@healthy("H-order")
def zeroed_last(t: Training) -> None:
    """zero_grad comes after the optimizer step."""
    t.order = "(FB)CSLZ"


@healthy("W27", on=SOME)
def scheduled_first(t: Training) -> None:
    """The scheduler is stepped before the optimizer: the first rate is skipped, which harms nothing."""
    t.schedule(lambda made: schedules.CosineAnnealingLR(made, t.steps))
    t.order = "Z(FB)CLS"


@healthy("W33", on=SOME)
def clipped_late(t: Training) -> None:
    """Gradients are clipped after the step, where nothing needed clipping."""
    t.clip = 10.0
    t.order = "Z(FB)SCL"


@healthy("H22")
def first_steps_skipped(t: Training) -> None:
    """A gradient scaler starts too high and skips the first steps."""
    overflowing(t)


@healthy("H-scaler", on=SOME)
def scaled_healthily(t: Training) -> None:
    """A gradient scaler with unscaling before the clip."""
    scaled(t)
    t.order = "Z(FB)UCSL"


@healthy("H-autocast", on=SOME)
def autocast(t: Training) -> None:
    """The forward pass runs under bfloat16 autocast."""

    def forward(model: nn.Module, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            out: Tensor = model(x)
        return out.float()

    t.forward = forward


@healthy("H24")
def always_clipped(t: Training) -> None:
    """Adam with gradients clipped at every step."""
    t.use("adam")
    t.clip = 0.05


@healthy("W13h")
def tightly_clipped_adam(t: Training) -> None:
    """Gradients are clipped at 1e-5 under Adam, which scales them up again."""
    t.use("adam")
    t.clip = 1e-5


@healthy("H21", on=(*SOME, "lstm"))
def small_batches(t: Training) -> None:
    """Four samples a batch make a noisy loss."""
    t.batch_size = 4
    t.use("adam", lr=t.family.adam_lr / 3)


@healthy("H25", on=("mlp", "cnn", "tabular"))
def raw_inputs(t: Training) -> None:
    """Raw pixel values with Adam."""
    t.inputs = lambda x: x * 6 + 5
    t.use("adam")


@healthy("H30")
def one_batch_on_purpose(t: Training) -> None:
    """A debugging run: the whole data set is one batch, to be learnt by heart; no validation."""
    t.train = Split(t.train.x[: t.batch_size], t.train.y[: t.batch_size])
    t.validate_every = 0


@healthy("H29", on=SINGLE)
def curriculum(t: Training) -> None:
    """Easy samples come first, with some chance."""

    def order(training: Training, epoch: int) -> Tensor:
        chance = torch.Generator().manual_seed(100 * training.seed + epoch)
        hardness = training.train.x.flatten(1).float().norm(dim=1)
        return (hardness + hardness.std() * torch.randn(len(hardness), generator=chance)).argsort()

    t.order_of_epoch = order


@healthy("H40")
def strong_dropout(t: Training) -> None:
    """Dropout of one half makes the training loss higher than the validation loss."""
    for module in t.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.5


@healthy("H27", on=REAL)
def augmented(t: Training) -> None:
    """Noise on the training inputs makes validation the easier task."""
    chance = torch.Generator().manual_seed(t.seed)
    t.batch = lambda x, y, _step: (x + 0.5 * torch.randn(x.shape, generator=chance), y)


@healthy("H18", on=("tabular", "mlp", "cnn"))
def converged(t: Training) -> None:
    """The loss has long reached its floor."""
    t.steps = 500
    t.schedule(lambda made: schedules.CosineAnnealingLR(made, t.steps))


@healthy("H-resume")
def resumed(t: Training) -> None:
    """The process ends in mid-run; the next one loads every state."""
    t.resume_at = t.steps // 2


@healthy("H-groups", on=SOME)
def groups(t: Training) -> None:
    """Biases have no weight decay, and the head a tenth of the learning rate."""
    rate = t.family.adam_lr

    def make(model: nn.Module) -> Optimizer:
        kinds: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            kinds.setdefault((parameter.dim() > 1, name.startswith("head")), []).append(parameter)
        return torch.optim.AdamW(
            [
                {"params": params, "weight_decay": 0.1 * matrix, "lr": rate / 10 if head else rate}
                for (matrix, head), params in kinds.items()
            ]
        )

    t.make_optimizer = make


@healthy("H-quiet")
def told_little(t: Training) -> None:
    """The logger is given the loss alone."""
    t.told = frozenset()
    t.num_classes = None
    t.validate_every = 0


@healthy("H-slow", on=DENSE)
def low_rate(t: Training) -> None:
    """A learning rate of a tenth: slow, and yet it learns."""
    t.use("adam", lr=t.family.adam_lr / 5)
    t.schedule(None)


@healthy("H-double", on=SOME)
def double_precision(t: Training) -> None:
    """Parameters in float64."""
    t.model.double()
    t.before_loss(lambda out: out.float())
    if not t.family.tokens:
        t.inputs = lambda x: x.double()


@healthy("H-ddp", on=("mlp", "transformer", "cnn"), world=2)
def two_ranks(t: Training) -> None:
    """Two ranks under DistributedDataParallel; batch norm's statistics differ, as they should."""


@healthy("H-penalty")
def penalised(t: Training) -> None:
    """The logged loss includes a penalty on the weights."""
    plain = t.loss

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return plain(out, y) + 1e-3 * torch.stack([p.square().sum() for p in t.model.parameters()]).sum()

    t.loss = loss


@healthy("H-checkpointing", on=SOME)
def recomputed(t: Training) -> None:
    """The body's activations are recomputed in backward."""
    from torch.utils.checkpoint import checkpoint

    def forward(model: nn.Module, x: Tensor) -> Tensor:
        hidden = checkpoint(model.get_submodule("body"), x, use_reentrant=False) if model.training else model.body(x)  # type: ignore[operator]
        out: Tensor = model.get_submodule("head")(hidden)
        return out

    t.forward = forward
