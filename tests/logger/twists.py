"""Loops with a twist, for `test_users`: several losses, copies of the weights, second derivatives, odd numbers."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional
from torch.optim import swa_utils

from tests.logger.users import CLASSES, STEPS, WIDTH, Open, classifier, mlp, pairs


class TwoHeads(nn.Module):
    """A body with a head of classes and one of a real number."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.classes, self.number = nn.Linear(WIDTH, 32), nn.Linear(32, CLASSES), nn.Linear(32, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.body(x).relu()
        return self.classes(hidden), self.number(hidden)


def several_losses(open_log: Open, logged: str, first: str) -> Any:
    """Call backward once a task; `logged` is the loss that is logged, `first` that whose backward comes first."""
    model = TwoHeads()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    with open_log(model, optimizer, num_classes=CLASSES) as log:
        for _ in range(STEPS):
            x, y = pairs()
            logits, number = model(x)
            losses = {
                "classes": functional.cross_entropy(logits, y),
                "number": functional.mse_loss(number[:, 0], x.sum(1)),
            }
            shown = sum(losses.values()) if logged == "sum" else losses[logged]
            optimizer.zero_grad()
            second = next(name for name in losses if name != first)
            if logged == second:  # logged right before its own backward, after that of the other
                losses[first].backward(retain_graph=True)
            log.training_step(shown, logits=logits, labels=y, inputs=x)
            if logged != second:
                losses[first].backward(retain_graph=True)
            losses[second].backward()
            optimizer.step()
    return model.state_dict(), optimizer.state_dict()


def averaged(open_log: Open) -> Any:
    """Keep a moving average of the weights beside the model, and validate that."""
    model = mlp()
    average = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9))
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    with open_log(model, optimizer, num_classes=CLASSES) as log:
        for step in range(STEPS):
            x, y = pairs()
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update_parameters(model)
            if step % 50 == 49:
                average.eval()
                x, y = pairs(200)
                with torch.no_grad():
                    log.validation(loss=functional.cross_entropy(average(x), y))
    return model.state_dict(), optimizer.state_dict(), average.state_dict()


def average_inside(open_log: Open) -> Any:
    """Keep a moving copy of the weights inside of the model: it requires gradients, and no optimizer holds it."""

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.online = mlp()
            self.slow = copy.deepcopy(self.online)

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                self.slow(x)
            made: Tensor = self.online(x)
            return made

    def follow() -> None:
        with torch.no_grad():
            for slow, fast in zip(model.slow.parameters(), model.online.parameters(), strict=True):
                slow.lerp_(fast, 0.05)

    model = Both()
    return classifier(open_log, model, torch.optim.AdamW(model.online.parameters(), 5e-3), after=follow)


def critic(open_log: Open) -> Any:
    """Train a generator against a critic whose own gradient is in its loss, the generator every fifth step."""
    model = nn.ModuleDict({"generator": mlp(4, 2), "critic": mlp(2, 1)})
    of_critic, of_generator = (
        torch.optim.Adam(model[name].parameters(), 1e-3, betas=(0.5, 0.9)) for name in ("critic", "generator")
    )
    judge = model["critic"]
    with open_log(model, [of_critic, of_generator]) as log:
        for step in range(STEPS):
            real, made = torch.randn(32, 2) * 0.3 + 1, model["generator"](torch.randn(32, 4)).detach()
            mixed = torch.lerp(real, made, torch.rand(32, 1)).requires_grad_()
            (slope,) = torch.autograd.grad(judge(mixed).sum(), mixed, create_graph=True)
            loss = judge(made).mean() - judge(real).mean() + 10 * (slope.norm(dim=1) - 1).square().mean()
            log.training_step(loss, inputs=real)
            of_critic.zero_grad()
            loss.backward()
            of_critic.step()
            if step % 5 == 0:
                of_generator.zero_grad()
                (-judge(model["generator"](torch.randn(32, 4))).mean()).backward()
                of_generator.step()
    return model.state_dict(), of_critic.state_dict(), of_generator.state_dict()


def sharpness(open_log: Open) -> Any:
    """Step along the gradient found a little uphill: two backward passes and two `zero_grad` a step."""
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    with open_log(model, optimizer, num_classes=CLASSES) as log:
        for _ in range(STEPS):
            x, y = pairs()
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            log.training_step(loss, logits=logits, labels=y, inputs=x)
            loss.backward()
            uphill = [0.05 * p.grad / p.grad.norm() for p in model.parameters() if p.grad is not None]
            for sign in (1, -1):
                with torch.no_grad():
                    torch._foreach_add_(list(model.parameters()), uphill, alpha=sign)
                if sign == 1:
                    optimizer.zero_grad()
                    functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
    return model.state_dict(), optimizer.state_dict()


def called_by_function(open_log: Open) -> Any:
    """Call the model with its parameters handed over."""
    model = mlp()
    return classifier(
        open_log,
        model,
        torch.optim.Adam(model.parameters(), 5e-3),
        call=lambda model, x: functional_call(model, dict(model.named_parameters()), (x,)),
    )


def mapped(open_log: Open) -> Any:
    """Map the model over the samples of a batch, in parts of four."""
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    return classifier(
        open_log, model, optimizer, call=lambda model, x: vmap(model)(x.unflatten(0, (8, 4))).flatten(0, 1)
    )


def a_gradient_a_sample(open_log: Open) -> Any:
    """Make a gradient for every sample by `vmap(grad(...))`, and put their mean."""
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.3)

    def loss_of(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(functional_call(model, parameters, (x[None],)), y[None])

    with open_log(model, optimizer, num_classes=CLASSES) as log:
        for _ in range(STEPS):
            x, y = pairs()
            made = vmap(grad(loss_of), (None, 0, 0))({n: p.detach() for n, p in model.named_parameters()}, x, y)
            with torch.no_grad():
                logits = model(x)
            log.training_step(functional.cross_entropy(logits, y), logits=logits, labels=y, inputs=x)
            for name, parameter in model.named_parameters():
                parameter.grad = made[name].mean(0)
            optimizer.step()
            optimizer.zero_grad()
    return model.state_dict(), optimizer.state_dict()


def double_precision(open_log: Open) -> Any:
    """Train in float64."""
    model = mlp().double()
    return classifier(open_log, model, torch.optim.Adam(model.parameters(), 5e-3), dtype=torch.float64)


def complex_numbers(open_log: Open) -> Any:
    """Train complex weights on complex inputs."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside, self.out = nn.Linear(WIDTH, 24, dtype=torch.cfloat), nn.Linear(24, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.out(self.inside(x).abs())
            return made

    model = Net()
    return classifier(open_log, model, torch.optim.Adam(model.parameters(), 1e-2), dtype=torch.cfloat)
