"""Lower bounds of log p(x) from weighted codes of an approximate posterior."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from pushforward.models.priors import normal


class Posterior(Protocol):
    """A latent variable model with prior N(0, I) and q(z|x) = N(μ, diag σ²)."""

    k: int

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ² of q(z|x), `(n, k)` each."""

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x|z), nats, `(n,)`."""


@torch.no_grad()
def importance_weighted_bound(
    model: Posterior, x: Tensor, draws: int, rng: torch.Generator
) -> Tensor:
    """L_K = log (1/K) Σ_i p(x|z_i) p(z_i) / q(z_i|x),  z_i ~ q(z|x), nats, one per row.

    E L_K ≤ E L_{K+1} ≤ log p(x), and E L_1 is the ELBO (Burda et al. 2016, arXiv:1509.00519,
    theorem 1).
    """
    mean, log_variance = model.posterior(x)
    scale = (0.5 * log_variance).exp()
    total = torch.full_like(x[:, 0], -math.inf)
    for _ in range(draws):
        epsilon = normal(len(x), model.k, rng).to(x)
        z = mean + scale * epsilon
        # log p(z) − log q(z|x), in which log 2π cancels
        ratio = 0.5 * (epsilon.square() - z.square() + log_variance).sum(1)
        total = torch.logaddexp(total, model.log_likelihood(x, z) + ratio)
    return total - math.log(draws)
