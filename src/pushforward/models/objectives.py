"""Adversarial objectives: what discriminator and generator minimise, given the critic's values.

Symbols: ℓ is the discriminator's value ("logit", or what a critic says), D = σ(ℓ), x real,
x̂ = G(z) generated, sp = softplus. Where D = σ(ℓ), −log D = sp(−ℓ) and −log(1 − D) = sp(ℓ).

A new objective is a class and a row of `OBJECTIVES`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from pushforward.training.game import Loss, Tensors, Terms


class Objective(nn.Module, ABC):
    """What the players minimise, given values `(n, 1)` of real and of generated rows.

    What an objective keeps beside the networks (Fisher's multiplier, BEGAN's balance) is a buffer,
    whose new values `update` says after a move of the discriminator.
    """

    needs_real = False  # whether the generator's loss is given ℓ(x) too
    autoencodes = False  # whether ℓ is an autoencoder's error

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Terms | Loss:
        """What the discriminator minimises."""

    @abstractmethod
    def generator(self, real: Tensor | None, fake: Tensor) -> Terms:
        """What the generator minimises; `real` is None unless `needs_real`."""

    def update(self, outputs: Tensors) -> Tensors:  # noqa: ARG002
        """New values of buffers by name, from the outputs of the discriminator's loss."""
        return {}


class Minimax(Objective):
    """min_G max_D E log D(x) + E log(1 − D(x̂)).

    The generator's gradient dies where the discriminator is sure. Goodfellow et al. 2014,
    arXiv:1406.2661, eq. 1.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Terms:
        return {"real": softplus(-real).mean(), "fake": softplus(fake).mean()}

    def generator(self, real: Tensor | None, fake: Tensor) -> Terms:  # noqa: ARG002
        return {"fool": -softplus(fake).mean()}


class NonSaturating(Minimax):
    """The discriminator of `Minimax`; the generator minimises −E log D(x̂).

    Goodfellow et al. 2014, arXiv:1406.2661, section 3.
    """

    def generator(self, real: Tensor | None, fake: Tensor) -> Terms:  # noqa: ARG002
        return {"fool": softplus(-fake).mean()}


class LeastSquares(Objective):
    """D: ½E(ℓ(x) − b)² + ½E(ℓ(x̂) − a)²;  G: ½E(ℓ(x̂) − c)², of ℓ itself, without a sigmoid.

    (a, b, c) = (0, 1, 1) asks for the labels; (−1, 1, 0) minimises the Pearson χ² divergence of
    p_x + p_g from 2 p_g. Mao et al. 2017, arXiv:1611.04076, eqs. 2, 8 and 9.
    """

    def __init__(self, a: float, b: float, c: float) -> None:
        super().__init__()
        self.a, self.b, self.c = a, b, c

    def discriminator(self, real: Tensor, fake: Tensor) -> Terms:
        return {
            "real": 0.5 * (real - self.b).square().mean(),
            "fake": 0.5 * (fake - self.a).square().mean(),
        }

    def generator(self, real: Tensor | None, fake: Tensor) -> Terms:  # noqa: ARG002
        return {"fool": 0.5 * (fake - self.c).square().mean()}


class Wasserstein(Objective):
    """min_G max_ℓ E ℓ(x) − E ℓ(x̂) over critics that a constraint keeps 1-Lipschitz.

    Arjovsky et al. 2017, arXiv:1701.07875, eq. 2.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Terms | Loss:
        return {"real": -real.mean(), "fake": fake.mean()}

    def generator(self, real: Tensor | None, fake: Tensor) -> Terms:  # noqa: ARG002
        return {"fool": -fake.mean()}


class Hinge(Wasserstein):
    """D: E max(0, 1 − ℓ(x)) + E max(0, 1 + ℓ(x̂));  G: −E ℓ(x̂).

    Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, eqs. 16 and 17.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Terms:
        return {"real": relu(1 - real).mean(), "fake": relu(1 + fake).mean()}


class Relativistic(Objective):
    """D: E sp(−(ℓ(x) − ℓ(x̂)));  G: E sp(−(ℓ(x̂) − ℓ(x))), real and generated rows in pairs.

    Jolicoeur-Martineau 2018, arXiv:1807.00734; as used by Huang et al. 2024, arXiv:2501.05441.
    """

    needs_real = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Terms:
        return {"pair": softplus(fake - real).mean()}

    def generator(self, real: Tensor | None, fake: Tensor) -> Terms:
        assert real is not None
        return {"fool": softplus(real - fake).mean()}


@dataclass(frozen=True)
class Divergence:
    """An f-divergence D_f(p_x ‖ p_g) = E_g f(p_x / p_g) in its variational form.

    D_f = max_T E_x T(x) − E_g f*(T(x)) with T = g(v), where v is any real number: `activation` g
    maps it into the domain of f*, the convex conjugate, and `composite` is f*(g(v)), written so
    that it stays finite where f* after g would not. T = f′(1) says that a row is as likely real as
    generated.
    """

    f: Callable[[Tensor], Tensor]
    activation: Callable[[Tensor], Tensor]
    composite: Callable[[Tensor], Tensor]
    threshold: float  # f′(1)


LOG2 = 0.6931471805599453
DIVERGENCES = {  # Nowozin et al. 2016, arXiv:1606.00709, tables 1, 2 and 6
    "kl": Divergence(
        lambda u: u * u.log(),
        lambda v: v,
        lambda v: (v - 1).exp(),
        1.0,
    ),
    "reverse-kl": Divergence(
        lambda u: -u.log(),
        lambda v: -(-v).exp(),
        lambda v: v - 1,
        -1.0,
    ),
    "pearson": Divergence(
        lambda u: (u - 1).square(),
        lambda v: v,
        lambda v: v.square() / 4 + v,
        0.0,
    ),
    "neyman": Divergence(
        lambda u: (1 - u).square() / u,
        lambda v: 1 - (-v).exp(),
        lambda v: 2 - 2 * (-v / 2).exp(),
        0.0,
    ),
    "hellinger": Divergence(
        lambda u: (u.sqrt() - 1).square(),
        lambda v: 1 - (-v).exp(),
        lambda v: v.exp() - 1,
        0.0,
    ),
    "jensen-shannon": Divergence(
        lambda u: -(u + 1) * ((1 + u) / 2).log() + u * u.log(),
        lambda v: LOG2 - softplus(-v),
        lambda v: softplus(v) - LOG2,
        0.0,
    ),
    "gan": Divergence(
        lambda u: u * u.log() - (u + 1) * (u + 1).log(),
        lambda v: -softplus(-v),
        lambda v: softplus(v),
        -LOG2,
    ),
}


class FGAN(Objective):
    """D: −E g(v(x)) + E f*(g(v(x̂)));  G: −E g(v(x̂)), or −E f*(g(v(x̂))) where `saturating`.

    The first form of the generator is the paper's practical one (section 3.2), the second is the
    saddle point of eq. 4. Nowozin et al. 2016, arXiv:1606.00709.
    """

    def __init__(self, divergence: str, saturating: bool = False) -> None:
        super().__init__()
        self.name, self.saturating = divergence, saturating

    @property
    def divergence(self) -> Divergence:
        return DIVERGENCES[self.name]  # found by its name, so that a fitted sampler can be pickled

    def discriminator(self, real: Tensor, fake: Tensor) -> Terms:
        return {
            "real": -self.divergence.activation(real).mean(),
            "fake": self.divergence.composite(fake).mean(),
        }

    def generator(self, real: Tensor | None, fake: Tensor) -> Terms:  # noqa: ARG002
        form = self.divergence.composite if self.saturating else self.divergence.activation
        return {"fool": -form(fake).mean()}


class Fisher(Wasserstein):
    """max_ℓ E ℓ(x) − E ℓ(x̂) subject to Ω = ½E ℓ(x)² + ½E ℓ(x̂)² = 1.

    By an augmented Lagrangian, of which the critic maximises
    E ℓ(x) − E ℓ(x̂) + α(1 − Ω) − ρ/2 (1 − Ω)²  and the multiplier follows α ← α − ρ(1 − Ω).
    Mroueh & Sercu 2017, arXiv:1705.09675, eqs. 8 and 9, algorithm 1.
    """

    def __init__(self, rho: float = 1e-6) -> None:
        super().__init__()
        self.multiplier: Tensor
        self.rho = rho
        self.register_buffer("multiplier", torch.zeros(()))

    def discriminator(self, real: Tensor, fake: Tensor) -> Loss:
        gap = 1 - 0.5 * (real.square().mean() + fake.square().mean())
        terms = {
            "real": -real.mean(),
            "fake": fake.mean(),
            "constraint": -self.multiplier * gap + 0.5 * self.rho * gap.square(),
        }
        return Loss(terms, {"gap": gap})

    def update(self, outputs: Tensors) -> Tensors:
        return {"multiplier": self.multiplier - self.rho * outputs["gap"]}


class BoundaryEquilibrium(Objective):
    """D: E L(x) − k E L(x̂);  G: E L(x̂), where L(v) is the error of an autoencoding discriminator.

    k ← min(1, max(0, k + λ(γ E L(x) − E L(x̂)))) keeps E L(x̂) = γ E L(x). The measure of
    convergence E L(x) + |γ E L(x) − E L(x̂)| is logged. Berthelot et al. 2017, arXiv:1703.10717,
    section 3.3 and 3.4.
    """

    autoencodes = True

    def __init__(self, gamma: float = 0.75, rate: float = 1e-3) -> None:
        super().__init__()
        self.k: Tensor
        self.gamma: Tensor
        self.rate: Tensor
        self.register_buffer("k", torch.zeros(()))
        for name, value in (("gamma", gamma), ("rate", rate)):  # members have their own
            self.register_buffer(name, torch.tensor(float(value)), persistent=False)

    def discriminator(self, real: Tensor, fake: Tensor) -> Loss:
        error, other = real.mean(), fake.mean()
        balance = self.gamma * error - other
        measures = {"balance": balance, "convergence": error + balance.abs()}
        return Loss({"real": error, "fake": -self.k * other}, measures)

    def generator(self, real: Tensor | None, fake: Tensor) -> Terms:  # noqa: ARG002
        return {"fool": fake.mean()}

    def update(self, outputs: Tensors) -> Tensors:
        return {"k": (self.k + self.rate * outputs["balance"]).clamp(0, 1)}


OBJECTIVES: Mapping[str, Callable[..., Objective]] = {
    "minimax": Minimax,
    "non-saturating": NonSaturating,
    "least-squares": partial(LeastSquares, 0, 1, 1),
    "least-squares-pearson": partial(LeastSquares, -1, 1, 0),
    "wasserstein": Wasserstein,
    "hinge": Hinge,
    "relativistic": Relativistic,
    "fisher": Fisher,
    "boundary-equilibrium": BoundaryEquilibrium,
    **{f"f-{name}": partial(FGAN, name) for name in DIVERGENCES},
    **{f"f-{name}-saturating": partial(FGAN, name, saturating=True) for name in DIVERGENCES},
}
