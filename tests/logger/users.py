"""Trainings as users of different fields write them, for `test_users`: each returns all state it has at the end.

Each takes a function that opens a logger, or one that is not enabled, and learns something in some hundred steps.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from debugstore import DebugLogger

Open = Callable[..., DebugLogger]
STEPS = 150
WIDTH, CLASSES = 10, 5
TRUTH = torch.randn(WIDTH, CLASSES, generator=torch.Generator().manual_seed(5))


def mlp(width: int = WIDTH, made: int = CLASSES) -> nn.Sequential:
    """Return a two-layer perceptron."""
    return nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, made))


def pairs(count: int = 32) -> tuple[Tensor, Tensor]:
    """Return a random batch that a linear rule labels."""
    x = torch.randn(count, WIDTH)
    return x, (x @ TRUTH).argmax(1)


def classifier(
    open_log: Open,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    size: int = 32,
    dtype: torch.dtype = torch.float32,
    call: Callable[[nn.Module, Tensor], Tensor] = lambda model, x: model(x),
    after: Callable[[], None] = lambda: None,
) -> Any:
    """Train a classifier by the plain loop."""
    with open_log(model, optimizer, num_classes=CLASSES) as log:
        for _ in range(STEPS):
            x, y = pairs(size)
            logits = call(model, x.to(dtype))
            loss = functional.cross_entropy(logits, y)
            log.training_step(loss, logits=logits, labels=y, inputs=x.to(dtype))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            after()
    return model.state_dict(), optimizer.state_dict()


def denoiser(open_log: Open) -> Any:
    """Predict the noise that was mixed into pictures of a bar, at a random noise level."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.level, self.first = nn.Embedding(20, 24), nn.Conv2d(1, 24, 3, padding=1)
            self.norm, self.last = nn.GroupNorm(4, 24), nn.Conv2d(24, 1, 3, padding=1)

        def forward(self, x: Tensor, level: Tensor) -> Tensor:
            made: Tensor = self.last(functional.silu(self.norm(self.first(x)) + self.level(level)[:, :, None, None]))
            return made

    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    kept = torch.linspace(0.95, 0.05, 20)
    with open_log(model, optimizer) as log:
        for _ in range(STEPS):
            x = torch.full((16, 1, 8, 8), -1.0)
            x[:, :, int(torch.randint(8, ()))] = 1.0
            level, noise = torch.randint(20, (16,)), torch.randn(16, 1, 8, 8)
            share = kept[level][:, None, None, None]
            noisy = share.sqrt() * x + (1 - share).sqrt() * noise
            made = model(noisy, level)
            loss = functional.mse_loss(made, noise)
            log.training_step(loss, logits=made, labels=noise, inputs=noisy)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    return model.state_dict(), optimizer.state_dict()


def graph_of_nodes(open_log: Open) -> Any:
    """Classify the nodes of one graph, of which some are for training and the others for validation."""
    nodes, width, classes = 120, 16, 4
    labels = torch.randint(classes, (nodes,))
    x = torch.randn(nodes, width)
    x[torch.arange(nodes), labels] += 1.5
    ends = torch.randint(nodes, (2, 1200))
    ends = ends[:, (labels[ends[0]] == labels[ends[1]]) | (torch.rand(1200) < 0.2)]

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside, self.drop, self.out = nn.Linear(width, 32), nn.Dropout(0.2), nn.Linear(64, classes)

        def forward(self, x: Tensor) -> Tensor:
            hidden = self.inside(x).relu()
            around = torch.zeros_like(hidden).index_add(0, ends[1], hidden[ends[0]])
            degree = torch.zeros(nodes).scatter_add(0, ends[1], torch.ones(ends.shape[1]))
            made: Tensor = self.out(self.drop(torch.cat([hidden, around / degree.clamp(min=1)[:, None]], 1)))
            return made

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3, weight_decay=5e-4)
    trained = torch.rand(nodes) < 0.6
    with open_log(model, optimizer, num_classes=classes) as log:
        for epoch in range(100):
            log.epoch_start(epoch)
            model.train()
            logits = model(x)[trained]
            loss = functional.cross_entropy(logits, labels[trained])
            log.training_step(loss, logits=logits, labels=labels[trained], inputs=x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if epoch % 10 == 9:
                model.eval()
                with torch.no_grad():
                    logits = model(x)[~trained]
                log.validation(
                    loss=functional.cross_entropy(logits, labels[~trained]),
                    accuracy=(logits.argmax(1) == labels[~trained]).float().mean(),
                )
    return model.state_dict(), optimizer.state_dict()


def reverser(open_log: Open) -> Any:
    """Write sequences of several lengths backwards: an LSTM that reads, one that writes, attention between them."""
    words, length = 10, 4

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(words, 24)
            self.reads, self.writes = (nn.LSTM(24, 32, batch_first=True) for _ in range(2))
            self.ask, self.out = nn.Linear(32, 32), nn.Linear(64, words)

        def forward(self, x: Tensor, before: Tensor) -> Tensor:
            memory, state = self.reads(self.embed(x))
            hidden, _ = self.writes(self.embed(before), state)
            weights = (self.ask(hidden) @ memory.transpose(1, 2)).softmax(-1)
            made: Tensor = self.out(torch.cat([hidden, weights @ memory], -1))
            return made

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=STEPS)
    with open_log(model, optimizer, num_classes=words, ignore_index=0, scheduler=scheduler) as log:
        for _ in range(STEPS):
            x = torch.randint(2, words, (32, length))
            x[torch.arange(length) >= torch.randint(2, length + 1, (32, 1))] = 0
            y = x.flip(1)
            before = torch.cat([torch.ones(32, 1, dtype=torch.long), y[:, :-1]], 1)
            logits = model(x, before)
            loss = functional.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=0)
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    return model.state_dict(), optimizer.state_dict(), scheduler.state_dict()


def policy(open_log: Open) -> Any:
    """Follow the gradient of a policy: a loss below zero that need not fall."""
    model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    wanted, mean = torch.randn(4, 3), 0.0
    with open_log(model, optimizer) as log:
        for _ in range(STEPS):
            states, chances, rewards = [], [], []
            for _ in range(12):
                states.append(torch.randn(4))
                actions = torch.distributions.Categorical(logits=model(states[-1]))
                action = actions.sample()
                chances.append(actions.log_prob(action))
                rewards.append(float((states[-1] @ wanted).argmax() == action))
            reward = sum(rewards) / len(rewards)
            mean = 0.9 * mean + 0.1 * reward
            loss = -(torch.stack(chances) * (torch.tensor(rewards) - mean)).mean()
            log.training_step(loss, inputs=torch.stack(states))
            log.log("episode", {"reward": reward})
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.state_dict(), optimizer.state_dict()


def contrastive(open_log: Open) -> Any:
    """Bring two views of a sample together: two forward passes a step."""
    model = nn.Sequential(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 16))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    with open_log(model, optimizer) as log:
        for _ in range(STEPS):
            x = torch.randn(32, 20)
            left, right = (functional.normalize(model(x + 0.1 * torch.randn_like(x)), dim=1) for _ in range(2))
            logits, labels = left @ right.T / 0.1, torch.arange(32)
            loss = functional.cross_entropy(logits, labels)
            log.training_step(loss, logits=logits, labels=labels, inputs=x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.state_dict(), optimizer.state_dict()


def student(open_log: Open) -> Any:
    """Learn from a frozen teacher that is a part of the model, and whose parameters the optimizer holds."""

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.student, self.teacher = mlp(), mlp().requires_grad_(False).eval()

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            with torch.no_grad():
                wanted = self.teacher(x)
            return self.student(x), wanted

    model = Both()
    optimizer = torch.optim.SGD(model.parameters(), 0.2, momentum=0.9)
    with open_log(model, optimizer, num_classes=CLASSES) as log:
        for _ in range(STEPS):
            x, y = pairs()
            logits, wanted = model(x)
            soft = functional.kl_div((logits / 2).log_softmax(1), (wanted / 2).softmax(1), reduction="batchmean")
            loss = functional.cross_entropy(logits, y) + 0.1 * soft
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.state_dict(), optimizer.state_dict()


def experts(open_log: Open) -> Any:
    """Send each sample to one of six experts: some have no sample, and no gradient, in a step."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside, self.router, self.out = nn.Linear(WIDTH, 24), nn.Linear(24, 6), nn.Linear(24, CLASSES)
            self.experts = nn.ModuleList(nn.Sequential(nn.Linear(24, 24), nn.ReLU()) for _ in range(6))

        def forward(self, x: Tensor) -> Tensor:
            hidden = self.inside(x).relu()
            weight, chosen = self.router(hidden).softmax(-1).max(-1)
            for number, expert in enumerate(self.experts):
                mine = (chosen == number).nonzero()[:, 0]
                if len(mine):
                    hidden = hidden.index_add(0, mine, expert(hidden[mine]) * weight[mine, None])
            made: Tensor = self.out(hidden)
            return made

    model = Net()
    return classifier(open_log, model, torch.optim.AdamW(model.parameters(), 5e-3), size=8)


def curriculum(open_log: Open) -> Any:
    """Continue progressions; the sequences grow and the batches shrink."""
    words = 12

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.reads = nn.Embedding(words, 24), nn.GRU(24, 32, batch_first=True)
            self.out = nn.Linear(32, words)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.out(self.reads(self.embed(x))[0])
            return made

    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    with open_log(model, optimizer, num_classes=words) as log:
        for step in range(STEPS):
            length, size = 4 + step // 20, 64 // (1 + step // 40)
            start, stride = torch.randint(words, (size, 1)), torch.randint(1, 4, (size, 1))
            ids = (start + stride * torch.arange(length + 1)) % words
            x, y = ids[:, :-1], ids[:, 1:]
            logits = model(x)
            loss = functional.cross_entropy(logits.flatten(0, 1), y.flatten())
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.state_dict(), optimizer.state_dict()


class Stream(torch.utils.data.IterableDataset):  # type: ignore[type-arg]
    """Samples without an end in sight."""

    def __iter__(self) -> Any:
        generator = torch.Generator().manual_seed(3)
        for _ in range(32 * STEPS):
            x = torch.randn(WIDTH, generator=generator)
            yield x, (x @ TRUTH).argmax()


def stream(open_log: Open) -> Any:
    """Read batches off a worker that makes them as it goes."""
    model = mlp()
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    with open_log(model, optimizer, num_classes=CLASSES) as log:
        for x, y in torch.utils.data.DataLoader(Stream(), batch_size=32, num_workers=1):
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.state_dict(), optimizer.state_dict()
