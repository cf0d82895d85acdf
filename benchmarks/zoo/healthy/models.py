"""Healthy regimes with models, losses and loops of another kind than the families'."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks.zoo import families
from benchmarks.zoo.cases import CLASSES, healthy
from benchmarks.zoo.data import Split
from benchmarks.zoo.faults.loss import flat
from benchmarks.zoo.faults.model import deepen, width
from benchmarks.zoo.healthy.rates import SOME, pretrained, trainable
from benchmarks.zoo.training import Training

DIGITS = ("mlp", "cnn")


class _LowRank(nn.Module):
    """A frozen linear layer with a trainable low-rank addition that starts at zero."""

    def __init__(self, layer: nn.Linear, rank: int = 4) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.a = nn.Parameter(torch.randn(rank, layer.in_features) / rank)
        self.b = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x) + x @ self.a.t() @ self.b.t()
        return out


@healthy("H06", on=("mlp", "regression", "transformer", "tabular"))
def lora(t: Training) -> None:
    """Low-rank adapters on a pretrained, frozen model: half of them have no gradient at the first step."""
    pretrained(t)
    t.model.requires_grad_(False)
    for parent in list(t.model.modules()):
        for name, module in list(parent.named_children()):
            if isinstance(module, nn.Linear) and not isinstance(parent, _LowRank):
                setattr(parent, name, _LowRank(module))
    trainable(t, "adam")


@healthy("H08", on=("lstm", "transformer"))
def sparse_embeddings(t: Training) -> None:
    """The embedding's gradient is sparse and most of its rows have none."""
    for module in t.model.modules():
        if isinstance(module, nn.Embedding):
            module.sparse = True
    t.clip = None
    t.make_optimizer = lambda model: torch.optim.SGD(model.parameters(), lr=t.family.sgd_lr * 2)


class _Experts(nn.Module):
    """Four experts; each sample goes to one."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.router = nn.Linear(size, 4)
        self.experts = nn.ModuleList(nn.Linear(size, size) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        gates = self.router(x).softmax(-1)
        chosen = gates.argmax(-1)
        out = x
        for index, expert in enumerate(self.experts):
            mask = (chosen == index)[..., None]
            if mask.any():
                out = out + mask * gates[..., index, None] * expert(x)
        return out


@healthy("H09", on=(*SOME, "lstm"))
def experts(t: Training) -> None:
    """A mixture of four experts, some of which no sample reaches."""
    deepen(t, _Experts(width(t)))


@healthy("H10", on=("transformer",))
def tied_weights(t: Training) -> None:
    """The head shares its weight with the embedding."""
    t.model.head.weight = t.model.body.tokens.weight  # type: ignore[union-attr]


@healthy("H11", on=SOME)
def averaged_copy(t: Training) -> None:
    """The model carries a moving average of itself, which no optimizer trains."""
    average = AveragedModel(t.model, multi_avg_fn=get_ema_multi_avg_fn(0.9)).requires_grad_(False)
    plain = t.model

    class WithAverage(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.online, self.average = plain, average

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.online(x)
            return out

    t.model = WithAverage()
    t.make_optimizer = lambda _model: families.optimizer(t.family, plain.parameters())
    t.after_step = lambda _step, _model, _out: average.update_parameters(plain)


@healthy("G13")
def unused_head(t: Training) -> None:
    """An auxiliary head is never called."""
    t.model.auxiliary = nn.Linear(width(t), 3)


@healthy("H13", on=("mlp", "tabular", "regression"))
def wide_rectified(t: Training) -> None:
    """A wide ReLU layer, most of whose outputs are zero for any one sample."""
    size = width(t)
    deepen(t, nn.Linear(size, 512), nn.ReLU(), nn.Linear(512, size), nn.ReLU())


class _NormedResidual(nn.Module):
    """A residual layer whose branch is normalised and starts at zero."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.layer = nn.Linear(size, size)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + functional.gelu(self.layer(self.norm(x)))


@healthy("H-residual")
def residual(t: Training) -> None:
    """Twelve normalised residual layers whose branches start at zero."""
    size = width(t)
    deepen(t, *(_NormedResidual(size) for _ in range(12)))


@healthy("H-sigmoid", on=("mlp", "tabular"))
def shallow_sigmoid(t: Training) -> None:
    """One sigmoid layer."""
    size = width(t)
    deepen(t, nn.Linear(size, size), nn.Sigmoid())
    t.use("adam", lr=1e-2)


@healthy("H-gru", on=("lstm",))
def gated(t: Training) -> None:
    """A GRU instead of the LSTM."""
    t.model.body.recurrent = nn.GRU(16, width(t), batch_first=True)  # type: ignore[union-attr]


@healthy("H16", on=("regression", "completion"))
def density(t: Training) -> None:
    """The likelihood of a normal density, which falls below zero."""
    head = t.model.get_submodule("head")
    outputs = int(head.out_features)  # type: ignore[arg-type]
    t.model.head = nn.Linear(head.in_features, 2 * outputs)  # type: ignore[arg-type]
    t.train, t.val = (Split(part.x, part.y / 20) for part in (t.train, t.val))
    t.loss = lambda out, y: functional.gaussian_nll_loss(out[:, :outputs], y, out[:, outputs:].exp())
    t.predict = lambda out: out[:, :outputs] * 20


@healthy("H31", on=("completion",))
def summed_by_design(t: Training) -> None:
    """The loss is a sum over pixels, as in a variational autoencoder."""
    t.loss = lambda out, y: functional.mse_loss(out, y, reduction="sum") / len(y)


class _Variational(nn.Module):
    """A variational autoencoder over (N, 64) images; keeps the divergence of its last forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
        self.decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64))
        self.divergence = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encoder(x).chunk(2, -1)
        self.divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
        out: Tensor = self.decoder(mean + torch.randn_like(mean) * (log_variance / 2).exp())
        return out


@healthy("H-vae", on=("mlp",))
def autoencoder(t: Training) -> None:
    """A variational autoencoder: a summed reconstruction and a divergence."""
    model = _Variational()
    t.model, t.num_classes = model, None
    t.train, t.val = Split(t.train.x, t.train.x), Split(t.val.x, t.val.x)
    t.loss = lambda out, y: functional.mse_loss(out, y, reduction="sum") / len(y) + model.divergence
    t.comparable = False
    t.use("adam")


@healthy("H14", on=("mlp",))
def adversarial(t: Training) -> None:
    """A generator against a discriminator: two optimizers, losses that need not fall."""
    generator = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64))
    critic = nn.Sequential(nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    t.model = nn.ModuleDict({"generator": generator, "critic": critic})
    t.told, t.num_classes, t.comparable = frozenset(), None, False

    def play(training: Training, open_log: Callable[..., Any]) -> None:
        own = torch.optim.Adam(generator.parameters(), 2e-3, betas=(0.5, 0.999))
        others = torch.optim.Adam(critic.parameters(), 2e-3, betas=(0.5, 0.999))
        with open_log(training.model, [own, others]) as log:
            for epoch, real, _ in islice(training.batches(), training.steps):
                del epoch
                made = generator(torch.randn(len(real), 8))
                others.zero_grad()
                judged = functional.softplus(-critic(real)).mean() + functional.softplus(critic(made.detach())).mean()
                judged.backward()
                others.step()
                own.zero_grad()
                loss = functional.softplus(-critic(made)).mean()
                log.training_step(loss)
                loss.backward()
                own.step()

    t.custom = play


@healthy("H15", on=DIGITS)
def policy_gradient(t: Training) -> None:
    """A policy guesses the digit and learns from its reward alone: the loss has no meaning as a level."""
    chance = torch.Generator().manual_seed(t.seed)
    mean = 0.1

    def loss(out: Tensor, y: Tensor) -> Tensor:
        nonlocal mean
        guess = torch.multinomial(out.detach().softmax(-1), 1, generator=chance).squeeze(1)
        reward = (guess == y).float()
        mean = 0.9 * mean + 0.1 * float(reward.mean())
        return -((reward - mean) * out.log_softmax(-1).gather(1, guess[:, None]).squeeze(1)).mean()

    t.loss, t.told, t.num_classes, t.steps = loss, frozenset({"logits", "inputs"}), None, 300
    t.use("adam")


@healthy("H15b", on=DIGITS)
def contrastive(t: Training) -> None:
    """Two noisy views of each image must find each other: the labels are 0, 1, 2, ... in every batch."""
    chance = torch.Generator().manual_seed(t.seed)

    def forward(model: nn.Module, x: Tensor) -> Tensor:
        views = [
            functional.normalize(model(x + 0.3 * torch.randn(x.shape, generator=chance)), dim=-1) for _ in range(2)
        ]
        return views[0] @ views[1].t() / 0.2

    t.forward = forward
    t.batch = lambda x, _y, _step: (x, torch.arange(len(x)))
    t.val = Split(t.val.x[:64], torch.arange(64))
    t.num_classes, t.comparable = None, False


@healthy("H17", on=("mlp",))
def grokking(t: Training) -> None:
    """Addition modulo 23: the training loss falls, validation stays at chance for long."""
    pairs = torch.cartesian_prod(torch.arange(23), torch.arange(23))
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(t.seed))
    x, y = pairs[order], pairs[order].sum(1) % 23
    t.train, t.val, t.num_classes = Split(x[:300], y[:300]), Split(x[300:], y[300:]), 23
    t.model = nn.Sequential(nn.Embedding(23, 32), nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 23))
    t.use("adamw", weight_decay=1.0)
    t.steps, t.comparable = 300, False


@healthy("H16b", on=("transformer",))
def padding_ignored(t: Training) -> None:
    """Half of each text is padding, and the loss leaves it out."""

    def padded(part: Split) -> Split:
        cut = part.x.shape[1] // 2
        return Split(
            torch.cat([part.x[:, :cut], torch.zeros_like(part.x[:, cut:])], 1),
            torch.cat([part.y[:, :cut], torch.full_like(part.y[:, cut:], -100)], 1),
        )

    t.train, t.val = padded(t.train), padded(t.val)


@healthy("H-pad-id", on=("transformer",))
def padding_by_id(t: Training) -> None:
    """A third of each text is padding with the id 0, which the loss leaves out by ignore_index=0."""

    def padded(part: Split) -> Split:
        cut = 2 * part.x.shape[1] // 3
        return Split(*(torch.cat([ids[:, :cut], torch.zeros_like(ids[:, cut:])], 1) for ids in part))

    t.train, t.val = padded(t.train), padded(t.val)
    t.loss = lambda out, y: functional.cross_entropy(*flat(out, y), ignore_index=0)
    t.logger = {"ignore_index": 0}


@healthy("H-distilled", on=CLASSES)
def distilled(t: Training) -> None:
    """Half of the loss compares with a teacher's probabilities."""
    teacher = t.family.model().eval().requires_grad_(False)
    teacher.load_state_dict(t.model.state_dict())
    source: list[Tensor] = []

    def forward(model: nn.Module, x: Tensor) -> Tensor:
        source[:] = [x]
        out: Tensor = model(x)
        return out

    def loss(out: Tensor, y: Tensor) -> Tensor:
        soft = functional.kl_div(out.log_softmax(-1), teacher(source[0]).softmax(-1), reduction="batchmean")
        return 0.8 * families.loss(out, y) + 0.2 * soft / (out.numel() / out.shape[-1] / len(out))

    t.forward, t.loss = forward, loss


@healthy("H-two", on=SOME)
def two_optimizers(t: Training) -> None:
    """The body and the head have an optimizer each."""

    def play(training: Training, open_log: Callable[..., Any]) -> None:
        body, head = training.model.get_submodule("body"), training.model.get_submodule("head")
        both: list[Optimizer] = [families.optimizer(training.family, part.parameters()) for part in (body, head)]
        training.model.train()
        with open_log(training.model, both) as log:
            for _, x, y in islice(training.batches(), training.steps):
                for made in both:
                    made.zero_grad()
                out = training.model(x)
                loss = training.loss(out, y)
                log.training_step(loss, logits=out, labels=y, inputs=x)
                loss.backward()
                for made in both:
                    made.step()

    t.custom = play
