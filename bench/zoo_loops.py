"""The GANs of the registry by hand: what zoo_rounds.py times the library's loop against.

Each is what one would write for this one game and no other: a generated batch shared by the
players, real and generated rows judged in one pass, only the gradients that are needed, torch's
fused Adam. They neither log nor average. A loop is called with a number of rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear, relu, softplus
from torch.nn.utils.parametrizations import spectral_norm

from pushforward.models.gan import GAN

Draw = tuple[Tensor, Tensor, Tensor | None]  # rows, z, and what a penalty draws
Judge = Callable[[Tensor, Tensor, Tensor | None], Tensor]  # of x, x̂ and what the penalty draws
Fool = Callable[[Tensor, Tensor], Tensor]  # of x and x̂
After = Callable[[], None]  # what follows each move of the discriminator
Loop = Callable[[int], int]

LOG2 = math.log(2)
DISCRIMINATORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "minimax": lambda r, f: softplus(-r).mean() + softplus(f).mean(),
    "non-saturating": lambda r, f: softplus(-r).mean() + softplus(f).mean(),
    "least-squares": lambda r, f: 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean(),
    "wasserstein": lambda r, f: f.mean() - r.mean(),
    "hinge": lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(),
    "relativistic": lambda r, f: softplus(f - r).mean(),
    "f-kl": lambda r, f: (f - 1).exp().mean() - r.mean(),
    "f-reverse-kl": lambda r, f: (f - 1).mean() + (-r).exp().mean(),
    "f-pearson": lambda r, f: (f.square() / 4 + f).mean() - r.mean(),
    "f-neyman": lambda r, f: (2 - 2 * (-f / 2).exp()).mean() - (1 - (-r).exp()).mean(),
    "f-hellinger": lambda r, f: (f.exp() - 1).mean() - (1 - (-r).exp()).mean(),
    "f-jensen-shannon": lambda r, f: (softplus(f) - LOG2).mean() - (LOG2 - softplus(-r)).mean(),
    "f-gan": lambda r, f: softplus(f).mean() + softplus(-r).mean(),
}
GENERATORS: dict[str, Callable[[Tensor], Tensor]] = {
    "minimax": lambda f: -softplus(f).mean(),
    "non-saturating": lambda f: softplus(-f).mean(),
    "least-squares": lambda f: 0.5 * (f - 1).square().mean(),
    "wasserstein": lambda f: -f.mean(),
    "hinge": lambda f: -f.mean(),
    "fisher": lambda f: -f.mean(),
    "boundary-equilibrium": lambda f: f.mean(),
    "f-kl": lambda f: -f.mean(),
    "f-reverse-kl": lambda f: (-f).exp().mean(),
    "f-pearson": lambda f: -f.mean(),
    "f-neyman": lambda f: -(1 - (-f).exp()).mean(),
    "f-hellinger": lambda f: -(1 - (-f).exp()).mean(),
    "f-jensen-shannon": lambda f: -(LOG2 - softplus(-f)).mean(),
    "f-gan": lambda f: softplus(-f).mean(),
}


def draws(x: Tensor, batch: int, sampler: GAN, latent: int) -> Iterator[Draw]:
    """Batches for ever, every row once per epoch, with their noise."""
    prior: Callable[..., Tensor] = torch.randn
    if sampler.prior == "uniform":
        prior = lambda *size: torch.rand(*size) * 2 - 1  # noqa: E731
    extra: Callable[[], Tensor | None] = lambda: None  # noqa: E731
    if sampler.penalty == "gradient":
        extra = lambda: torch.rand(batch, 1)  # noqa: E731
    elif sampler.penalty == "dragan":
        extra = lambda: torch.randn(batch, x.shape[1])  # noqa: E731
    while True:
        for real in x[torch.randperm(len(x))].split(batch)[: len(x) // batch]:
            yield real, prior(batch, latent), extra()


def by_hand(sampler: GAN, game: Any, source: Iterator[Draw]) -> Loop:
    """The loop of `sampler`, for the networks of `game`, which it trains."""
    generator, discriminator = game.generator, game.discriminator
    if sampler.unroll:
        return unrolled(generator, discriminator, sampler, source)
    if sampler.spectral:
        for layer in discriminator:
            if isinstance(layer, nn.Linear):
                spectral_norm(layer)
    judge, fool, after = _rules(discriminator, sampler)
    d_move, _ = _mover(discriminator, sampler)
    g_move, _ = _mover(generator, sampler)

    def loop(n: int) -> int:
        for _ in range(n):
            for _ in range(sampler.n_critic - 1):
                x, z, extra = next(source)
                with torch.no_grad():
                    fake = generator(z)
                d_move(judge(x, fake, extra))
                after()
            x, z, extra = next(source)
            fake = generator(z)
            d_move(judge(x, fake, extra))
            after()
            g_move(fool(x, fake))
        return n

    return loop


def _mover(
    network: nn.Module, sampler: GAN
) -> tuple[Callable[[Tensor], None], torch.optim.Optimizer]:
    """What takes one step of the optimiser down a loss, and the optimiser."""
    parameters, rate, betas = list(network.parameters()), sampler.learning_rate, sampler.betas
    optimiser: torch.optim.Optimizer
    if sampler.optimiser == "rmsprop":
        optimiser = torch.optim.RMSprop(parameters, rate, alpha=betas[1], foreach=True)
    else:
        optimiser = torch.optim.Adam(parameters, rate, betas, fused=True)

    def move(loss: Tensor) -> None:
        slopes = torch.autograd.grad(loss, parameters)
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter.grad = slope
        optimiser.step()

    return move, optimiser


def _rules(discriminator: nn.Module, sampler: GAN) -> tuple[Judge, Fool, After]:
    if sampler.objective == "fisher":
        return fisher(discriminator)
    if sampler.objective == "boundary-equilibrium":
        return began(discriminator)
    if sampler.objective == "relativistic":
        return relativistic(discriminator, sampler.penalty_weight)
    if sampler.penalty is not None:
        return penalised(discriminator, sampler)
    if sampler.packing > 1:
        return packed(discriminator, sampler)
    if sampler.clip is not None:
        return clipped(discriminator, sampler)
    return plain(discriminator, sampler)


def _nothing() -> None:
    pass


def plain(discriminator: nn.Module, sampler: GAN) -> tuple[Judge, Fool, After]:
    objective, deceive = DISCRIMINATORS[sampler.objective], GENERATORS[sampler.objective]

    def judge(x: Tensor, fake: Tensor, extra: Tensor | None) -> Tensor:  # noqa: ARG001
        return objective(*discriminator(torch.cat([x, fake])).split(len(x)))

    def fool(x: Tensor, fake: Tensor) -> Tensor:  # noqa: ARG001
        return deceive(discriminator(fake))

    return judge, fool, _nothing


def clipped(discriminator: nn.Module, sampler: GAN) -> tuple[Judge, Fool, After]:
    """WGAN."""
    judge, fool, _ = plain(discriminator, sampler)
    weights, most = list(discriminator.parameters()), sampler.clip

    @torch.no_grad()
    def clip() -> None:
        for w in weights:
            w.clamp_(-most, most)

    return judge, fool, clip


def packed(discriminator: nn.Module, sampler: GAN) -> tuple[Judge, Fool, After]:
    """PacGAN."""
    judge, fool, _ = plain(discriminator, sampler)
    m = sampler.packing

    def pack(rows: Tensor) -> Tensor:
        return rows.view(-1, m * rows.shape[1])

    return (
        lambda x, fake, extra: judge(pack(x), pack(fake), extra),
        lambda x, fake: fool(x, pack(fake)),
        _nothing,
    )


def penalised(discriminator: nn.Module, sampler: GAN) -> tuple[Judge, Fool, After]:
    """(‖∇ℓ‖ − 1)² between real and generated rows, or around real ones."""
    unpenalised, fool, _ = plain(discriminator, sampler)
    weight, around = sampler.penalty_weight, sampler.penalty == "dragan"

    def judge(x: Tensor, fake: Tensor, extra: Tensor | None) -> Tensor:
        points = x + 0.5 * extra if around else extra * x + (1 - extra) * fake.detach()
        points.requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(points).sum(), points, create_graph=True)
        length = (slope.square().sum(1) + 1e-12).sqrt()
        return unpenalised(x, fake, extra) + weight * (length - 1).square().mean()

    return judge, fool, _nothing


def relativistic(discriminator: nn.Module, weight: float) -> tuple[Judge, Fool, After]:
    """R3GAN: the slope is taken where the rows are judged, in the same pass."""

    def judge(x: Tensor, fake: Tensor, extra: Tensor | None) -> Tensor:  # noqa: ARG001
        rows = torch.cat([x, fake.detach()]).requires_grad_()
        values = discriminator(rows)
        (slope,) = torch.autograd.grad(values.sum(), rows, create_graph=True)
        real, generated = values.split(len(x))
        return softplus(generated - real).mean() + weight * slope.square().sum(1).mean()

    def fool(x: Tensor, fake: Tensor) -> Tensor:
        real, generated = discriminator(torch.cat([x, fake])).split(len(x))
        return softplus(real - generated).mean()

    return judge, fool, _nothing


def fisher(discriminator: nn.Module, rho: float = 1e-6) -> tuple[Judge, Fool, After]:
    multiplier, last = torch.zeros(()), torch.zeros(())

    def judge(x: Tensor, fake: Tensor, extra: Tensor | None) -> Tensor:  # noqa: ARG001
        nonlocal last
        real, generated = discriminator(torch.cat([x, fake])).split(len(x))
        gap = 1 - 0.5 * (real.square().mean() + generated.square().mean())
        last = gap.detach()
        return generated.mean() - real.mean() - multiplier * gap + 0.5 * rho * gap.square()

    def fool(x: Tensor, fake: Tensor) -> Tensor:  # noqa: ARG001
        return -discriminator(fake).mean()

    def after() -> None:
        multiplier.sub_(last, alpha=rho)

    return judge, fool, after


def began(
    discriminator: nn.Module, gamma: float = 0.75, rate: float = 1e-3
) -> tuple[Judge, Fool, After]:
    k, balance = torch.zeros(()), torch.zeros(())

    def judge(x: Tensor, fake: Tensor, extra: Tensor | None) -> Tensor:  # noqa: ARG001
        nonlocal balance
        real, generated = (e.mean() for e in discriminator(torch.cat([x, fake])).split(len(x)))
        balance = (gamma * real - generated).detach()
        return real - k * generated

    def fool(x: Tensor, fake: Tensor) -> Tensor:  # noqa: ARG001
        return discriminator(fake).mean()

    def after() -> None:
        k.add_(balance, alpha=rate).clamp_(0, 1)

    return judge, fool, after


def unrolled(
    generator: nn.Module, discriminator: nn.Module, sampler: GAN, source: Iterator[Draw]
) -> Loop:
    """The generator's gradient through K steps of Adam, written out."""
    d_move, adam = _mover(discriminator, sampler)
    g_move, _ = _mover(generator, sampler)
    weights, (beta1, beta2) = list(discriminator.parameters()), sampler.betas
    rate = sampler.learning_rate

    def loss(w: list[Tensor], rows: Tensor) -> Tensor:
        for i in range(0, len(w) - 2, 2):
            rows = leaky_relu(linear(rows, w[i], w[i + 1]), 0.2)
        real, fake = linear(rows, w[-2], w[-1]).chunk(2)
        return softplus(-real).mean() + softplus(fake).mean()

    def look_ahead(rows: Tensor) -> list[Tensor]:
        w = list(weights)
        states = [adam.state[p] for p in weights]
        m = [state["exp_avg"] for state in states]
        v = [state["exp_avg_sq"] for state in states]
        step = int(states[0]["step"])
        for t in range(step + 1, step + sampler.unroll + 1):
            slopes = torch.autograd.grad(loss(w, rows), w, create_graph=True)
            eta, root = rate / (1 - beta1**t), 1 / math.sqrt(1 - beta2**t)
            for i, g in enumerate(slopes):
                m[i] = m[i].lerp(g, 1 - beta1)
                v[i] = beta2 * v[i] + (1 - beta2) * g.square()
                # Where a gradient always was 0 the root's slope would not be a number.
                w[i] = w[i] - eta * m[i] / ((v[i] + 1e-30).sqrt() * root + 1e-8)
        return w

    def loop(n: int) -> int:
        for _ in range(n):
            x, z, _ = next(source)
            fake = generator(z)
            rows = torch.cat([x, fake])
            d_move(loss(weights, rows))
            g_move(-loss(look_ahead(rows), rows))
        return n

    return loop
