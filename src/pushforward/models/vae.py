"""The variational autoencoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pushforward.errors import InputError
from pushforward.models.latent import LatentSampler
from pushforward.models.neural import check_latent_dim, in_blocks, is_number, torch_rng
from pushforward.models.priors import normal
from pushforward.networks.mlp import mlp
from pushforward.sampler import check_flag
from pushforward.training.game import Game, Player, Tensors, Terms


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − log σ²), nats, one per row.

    >>> kl_to_standard_normal(torch.zeros(1, 3), torch.zeros(1, 3))
    tensor([0.])
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


class Variational(Game):
    """An encoder and a decoder that maximise a lower bound of log p(x).

    −ELBO = −E_q log N(x; D(z), s² I) + β KL(q(z|x) ‖ N(0, I)),  z = μ + σ∘ε    (eq. 10, β = 1)

    Kingma & Welling 2013, arXiv:1312.6114; β: Higgins et al. 2017. Both terms are nats
    per sample; the decoder's variance s² is learnt with the rest.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, k: int, beta: float = 1.0) -> None:
        super().__init__()
        self.beta: Tensor
        self.encoder, self.decoder, self.k = encoder, decoder, k
        self.scale = DecoderScale()
        # A buffer, so that the members of a population may each have their own.
        self.register_buffer("beta", torch.tensor(float(beta)), persistent=False)

    def players(self) -> tuple[Player, ...]:
        return (Player("model", self.bound, owns=(self.encoder, self.decoder, self.scale)),)

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        return {"epsilon": normal(n, self.k, rng)}

    def bound(self, x: Tensor, noise: Tensors) -> Terms:  # x: (n, p)
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        z = mean + (0.5 * log_variance).exp() * noise["epsilon"]
        log_s2 = self.scale.log_variance
        squared = (x - self.decoder(z)).square().sum(1)
        likelihood = -0.5 * (squared / log_s2.exp() + x.shape[1] * (log_s2 + math.log(2 * math.pi)))
        return {
            "reconstruction": -likelihood.mean(),
            "kl": self.beta * kl_to_standard_normal(mean, log_variance).mean(),
        }


class DecoderScale(nn.Module):
    """log s², the decoder's log-variance, kept where exp stays finite."""

    def __init__(self) -> None:
        super().__init__()
        # Starting at s² = 1, the variance of standardised data, the KL outweighs all that a code
        # could explain: on a ring of narrow modes the codes then collapse to the prior for good.
        self.raw = nn.Parameter(torch.tensor(-2.0))

    @property
    def log_variance(self) -> Tensor:
        return self.raw.clamp(-12.0, 12.0)


class VAE(LatentSampler):
    """A variational autoencoder: (μ, σ) = E(x), z = μ + σ∘ε, x ~ N(D(z), s² I).

    Maximises E_q log p(x|z) − β KL(q(z|x) ‖ N(0, I)) with a learnt decoder variance s². A sample is
    D(z) with z ~ N(0, I); `noise=True` adds the decoder's variance. Kingma & Welling 2013,
    arXiv:1312.6114.

    Args:
        latent_dim: dimension of z; None takes 16, or the number of columns if that is less.
        noise: add N(0, s² I) to what is drawn.
        beta: weight of the KL term; 1 is the bound, more presses codes closer to the prior.
        hidden: sizes of the hidden layers of the encoder, reversed in the decoder.
        batch_size: rows per batch.
        learning_rate: of Adam.
        betas: β₁ and β₂ of Adam.
        max_rounds: at most so many batches.
        patience: least number of rounds to go on without a better score.
        average: decay of the running average of the weights, 0 for none.
        restarts: fits from so many seeds, trained at once; the one with the best score on held-out
            rows is kept.
        device: "auto", "cpu", "cuda", ...
        random_state: an integer makes the fit repeat.

    Raises:
        InputError: an option out of its range, or fewer rows than latent dimensions.

    >>> X = np.random.default_rng(0).normal(size=(200, 5))
    >>> vae = VAE(latent_dim=2, max_rounds=20, random_state=0).fit(X)
    >>> vae.transform(X).shape, vae.sample(3, random_state=1).shape
    ((200, 2), (3, 5))
    """

    continuous = (*LatentSampler.continuous, "beta")

    def __init__(
        self,
        *,
        latent_dim: int | None = None,
        noise: bool = False,
        beta: float = 1.0,
        hidden: Sequence[int] = (128, 128),
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        max_rounds: int = 20_000,
        patience: int = 2000,
        average: float = 0.995,
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.latent_dim = latent_dim
        self.noise = noise
        self.beta = beta
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
        check_flag("noise", self.noise)
        if not is_number(self.beta) or self.beta < 0:
            raise InputError(f"expected beta to be at least 0, got {self.beta!r}")
        k = check_latent_dim(self.latent_dim, min(16, p), n)
        hidden = tuple(self.hidden)
        return Variational(mlp(p, hidden, 2 * k), mlp(k, hidden[::-1], p), k, self.beta)

    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        generator = torch_rng(rng)
        decoded = self._decode(normal(n, self.game_.k, generator))
        if not self.noise:
            return decoded
        s = math.exp(0.5 * self.game_.scale.log_variance.item())
        return decoded + s * rng.standard_normal(decoded.shape)

    def _codes(self, Z: Tensor) -> np.ndarray:
        return in_blocks(self.game_.encoder, Z)[:, : self.game_.k]  # the means μ(x)
