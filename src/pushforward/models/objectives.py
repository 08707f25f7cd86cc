"""Adversarial objectives as values: arithmetic on the logits of a real and a generated batch.

Symbols: ℓ is the discriminator's logit, D = σ(ℓ), x real, x̂ = G(z) generated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from pushforward.training.game import Terms


@dataclass(frozen=True)
class Objective:
    """What the discriminator and the generator minimise, given logits `(n, 1)`."""

    discriminator: Callable[[Tensor, Tensor], Terms]  # of ℓ(x), ℓ(x̂)
    generator: Callable[[Tensor], Terms]  # of ℓ(x̂)


def classify(real: Tensor, fake: Tensor) -> Terms:
    """Cross-entropy of telling real from generated: −log D(x) − log(1 − D(x̂))."""
    return {"real": softplus(-real).mean(), "fake": softplus(fake).mean()}


def saturate(fake: Tensor) -> Terms:
    """log(1 − D(x̂)), whose gradient dies where the discriminator is sure."""
    return {"fool": -softplus(fake).mean()}


def fool(fake: Tensor) -> Terms:
    """−log D(x̂)."""
    return {"fool": softplus(-fake).mean()}


OBJECTIVES = {
    # Goodfellow et al. 2014, arXiv:1406.2661: eq. 1, and the generator's loss of section 3.
    "minimax": Objective(classify, saturate),
    "non-saturating": Objective(classify, fool),
}
