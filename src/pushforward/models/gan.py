"""Generative adversarial networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from pushforward.models.neural import (
    NeuralSampler,
    check_choice,
    check_latent_dim,
    in_blocks,
    torch_rng,
)
from pushforward.models.objectives import OBJECTIVES, Objective
from pushforward.models.priors import PRIORS
from pushforward.networks.mlp import mlp
from pushforward.training.game import Game, Player, Tensors, Terms


class Adversaries(Game):
    """A generator that is learnt by fooling a discriminator.

    min_G max_D  E log D(x) + E log(1 − D(G(z)))    (eq. 1)

    Goodfellow et al. 2014, arXiv:1406.2661.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: Objective,
        prior: Callable[..., Tensor],
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.objective, self.prior = objective, prior

    def players(self) -> tuple[Player, ...]:
        return (
            Player("discriminator", self.discriminate, owns=(self.discriminator,)),
            Player("generator", self.generate, owns=(self.generator,)),
        )

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        return {"z": self.prior(n, rng=rng)}

    def discriminate(self, x: Tensor, noise: Tensors) -> Terms:  # x: (n, p)
        fake = self.generator(noise["z"])
        return self.objective.discriminator(self.discriminator(x), self.discriminator(fake))

    def generate(self, x: Tensor, noise: Tensors) -> Terms:  # noqa: ARG002
        return self.objective.generator(self.discriminator(self.generator(noise["z"])))

    def joint(self, x: Tensor, noise: Tensors) -> Iterator[tuple[str, Terms]]:
        fake = self.generator(noise["z"])
        real_logit, fake_logit = self.discriminator(torch.cat([x, fake])).split(len(x))
        yield "discriminator", self.objective.discriminator(real_logit, fake_logit)
        yield "generator", self.objective.generator(self.discriminator(fake))


class GAN(NeuralSampler):
    """A generative adversarial network: z ~ p_Z, x = G(z), with G trained against D.

    J_D = −E log D(x) − E log(1 − D(G(z))); the generator minimises −E log D(G(z))
    ("non-saturating") or E log(1 − D(G(z))) ("minimax"). Goodfellow et al. 2014, arXiv:1406.2661.

    Training stops by itself when samples no longer come nearer to held-out rows, and keeps the best
    running average of the weights.

    Args:
        latent_dim: dimension of z; None takes 16, or twice the columns if that is less than 16.
        prior: p_Z, "normal" or "uniform" on (−1, 1).
        objective: "non-saturating" or "minimax".
        hidden: sizes of the hidden layers of both networks.
        batch_size: rows per batch.
        learning_rate: of Adam.
        betas: β₁ and β₂ of Adam.
        max_rounds: at most so many rounds (a turn of each player).
        patience: least number of rounds to go on without a better score.
        average: decay of the running average of the weights, 0 for none.
        restarts: fits from so many seeds, trained at once; the one with the best score on held-out
            rows is kept.
        device: "auto", "cpu", "cuda", ...
        random_state: an integer makes the fit repeat.

    Raises:
        InputError: an option out of its range; the message names it.
        Diverged: a loss that is no longer finite.

    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> GAN(max_rounds=20, random_state=0).fit(X).sample(3, random_state=1).shape
    (3, 2)
    """

    def __init__(
        self,
        *,
        latent_dim: int | None = None,
        prior: str = "normal",
        objective: str = "non-saturating",
        hidden: Sequence[int] = (128, 128),
        batch_size: int = 128,
        learning_rate: float = 5e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        max_rounds: int = 30_000,
        patience: int = 3000,
        average: float = 0.995,
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.latent_dim = latent_dim
        self.prior = prior
        self.objective = objective
        self.hidden = hidden
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.max_rounds = max_rounds
        self.patience = patience
        self.average = average
        self.restarts = restarts
        self.device = device
        self.random_state = random_state

    def _game(self, n: int, p: int) -> Game:
        check_choice("objective", self.objective, OBJECTIVES)
        check_choice("prior", self.prior, PRIORS)
        k = check_latent_dim(self.latent_dim, min(16, 2 * p), n)
        activation = partial(nn.LeakyReLU, 0.2)
        return Adversaries(
            mlp(k, self.hidden, p, activation=activation),
            mlp(p, self.hidden, 1, activation=activation),
            OBJECTIVES[self.objective],
            partial(PRIORS[self.prior], k=k),
        )

    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return in_blocks(self.game_.generator, self.game_.noise(n, torch_rng(rng))["z"])
