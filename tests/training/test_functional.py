"""The contract of a game under torch.func: what a population will need, held from the start.

Members of a batch of games must equal their solo runs on the same noise and batches: a GAN as it
is registered, a critic with a gradient penalty, and a game with an image pool in its buffers.
"""

from functools import partial

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, grad_and_value, stack_module_state, vmap

from pushforward.models.gan import Adversaries
from pushforward.models.objectives import OBJECTIVES
from pushforward.models.priors import normal
from pushforward.networks.mlp import mlp
from pushforward.training.device import seeded
from pushforward.training.game import Game, Loss, Player, as_loss

K, N, P, LATENT, RATE = 3, 12, 4, 2, 0.05


class PenalisedCritic(Game):
    """A Wasserstein critic with the penalty (‖∇f(x̃)‖ − 1)² on interpolates x̃."""

    def __init__(self):
        super().__init__()
        self.generator, self.critic = mlp(LATENT, (8,), P), mlp(P, (8,), 1, activation=nn.Tanh)

    def players(self):
        return (
            Player("critic", self.criticise, owns=(self.critic,), turns=2),
            Player("generator", self.generate, owns=(self.generator,)),
        )

    def noise(self, n, rng):
        return {"z": normal(n, LATENT, rng), "mix": torch.rand(n, 1, generator=rng)}

    def criticise(self, x, noise):
        fake = self.generator(noise["z"])
        between = noise["mix"] * x + (1 - noise["mix"]) * fake
        gradient = grad(lambda points: self.critic(points).sum())(between)
        norm = (gradient.square().sum(1) + 1e-12).sqrt()
        return {
            "real": -self.critic(x).mean(),
            "fake": self.critic(fake).mean(),
            "penalty": 10 * (norm - 1).square().mean(),
        }

    def generate(self, x, noise):  # noqa: ARG002
        return {"fool": -self.critic(self.generator(noise["z"])).mean()}


class PooledGame(Game):
    """A discriminator that sees a pool of earlier generated rows, each replaced with p = ½."""

    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = mlp(LATENT, (8,), P), mlp(P, (8,), 1)
        self.register_buffer("pool", torch.zeros(N, P))
        self.register_buffer("filled", torch.zeros(()))

    def players(self):
        return (
            Player("discriminator", self.discriminate, owns=(self.discriminator,)),
            Player("generator", self.generate, owns=(self.generator,)),
        )

    def noise(self, n, rng):
        return {"z": normal(n, LATENT, rng), "swap": torch.rand(n, 1, generator=rng)}

    def discriminate(self, x, noise):
        fake = self.generator(noise["z"])
        shown = torch.where((noise["swap"] < 0.5) & (self.filled > 0), self.pool, fake)
        terms = OBJECTIVES["non-saturating"].discriminator(
            self.discriminator(x), self.discriminator(shown)
        )
        return Loss(terms, {"fake": fake, "swap": noise["swap"]})

    def generate(self, x, noise):  # noqa: ARG002
        fake = self.generator(noise["z"])
        return OBJECTIVES["non-saturating"].generator(self.discriminator(fake))

    def update(self, outputs):
        fresh = (outputs["swap"] < 0.5) | (self.filled == 0)
        pool = torch.where(fresh, outputs["fake"], self.pool)
        return {"pool": pool, "filled": torch.ones_like(self.filled)}


def adversaries():
    return Adversaries(
        mlp(LATENT, (8,), P), mlp(P, (8,), 1), OBJECTIVES["minimax"], partial(normal, k=LATENT)
    )


def plain_step(game, player, x, noise):
    """One gradient step of a player by ordinary autograd, then the buffers."""
    terms, outputs = as_loss(player.loss(x, noise))
    owned = list(game.owned(player).values())
    gradients = torch.autograd.grad(sum(terms.values()), owned)
    with torch.no_grad():
        for parameter, gradient in zip(owned, gradients, strict=True):
            parameter -= RATE * gradient
        for name, value in (game.update(outputs) if outputs else {}).items():
            game.get_buffer(name).copy_(value)


class Update(nn.Module):
    """`Game.update` as the forward of a module, so that `functional_call` can reach it."""

    def __init__(self, game):
        super().__init__()
        self.game = game

    def forward(self, outputs):
        return self.game.update(outputs)


def batched_step(game, player, parameters, buffers, x, noise):
    """The same step for K games at once through torch.func."""
    owned = set(game.owned(player))
    mine = {k: v for k, v in parameters.items() if k in owned}
    theirs = {k: v for k, v in parameters.items() if k not in owned}

    def total(mine, theirs, buffers, x, noise):
        state = mine | theirs | buffers
        terms, outputs = functional_call(game, state, (player.name, x, noise))
        return sum(terms.values()), outputs

    step = vmap(grad_and_value(total, has_aux=True))
    gradients, (_, outputs) = step(mine, theirs, buffers, x, noise)
    moved = {k: v - RATE * gradients[k] for k, v in mine.items()}
    if outputs:
        prefixed = {f"game.{k}": v for k, v in buffers.items()}
        detached = {k: v.detach() for k, v in outputs.items()}
        call = vmap(lambda b, o: functional_call(Update(game), b, (o,)))
        buffers = buffers | call(prefixed, detached)
    return parameters | moved, buffers


@pytest.mark.parametrize("make", [adversaries, PenalisedCritic, PooledGame])
def test_a_member_of_a_batch_of_games_equals_its_solo_run(make):
    games = []
    for seed in range(K):
        with seeded(seed):
            games.append(make())
    parameters, buffers = stack_module_state(games)
    parameters = {k: v.detach().clone() for k, v in parameters.items()}
    buffers = {k: v.clone() for k, v in buffers.items()}
    rngs = [torch.Generator().manual_seed(10 + k) for k in range(K)]
    data = [torch.randn(N, P, generator=rng) for rng in rngs]
    for _ in range(4):
        for i, player in enumerate(games[0].players()):
            noises = [game.noise(N, rng) for game, rng in zip(games, rngs, strict=True)]
            for game, x, noise in zip(games, data, noises, strict=True):
                plain_step(game, game.players()[i], x, noise)
            stacked = {key: torch.stack([n[key] for n in noises]) for key in noises[0]}
            parameters, buffers = batched_step(
                games[0], player, parameters, buffers, torch.stack(data), stacked
            )
    for k, game in enumerate(games):
        for name, value in game.named_parameters():
            torch.testing.assert_close(parameters[name][k], value, rtol=1e-4, atol=1e-5)
        for name, value in game.named_buffers():
            torch.testing.assert_close(buffers[name][k], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n", [1, 7])
def test_the_penalty_of_a_linear_critic_is_known(n):
    game = PenalisedCritic()
    a = torch.tensor([[3.0, 0.0, 4.0, 0.0]])
    game.critic = nn.Linear(P, 1)
    game.critic.weight.data = a
    noise = game.noise(n, torch.Generator().manual_seed(0))
    penalty = game.criticise(torch.randn(n, P), noise)["penalty"]
    assert penalty.item() == pytest.approx(10 * (5 - 1) ** 2, rel=1e-5)
