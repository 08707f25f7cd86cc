"""Penalties on the slope of a critic: where it is taken × what it should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pushforward.models.slopes import values_and_slopes
from pushforward.training.game import Tensors

Critic = Callable[[Tensor], Tensor]  # rows (n, *shape) → values (n, 1)


def _nothing(n: int, shape: Sequence[int], rng: torch.Generator) -> Tensors:  # noqa: ARG001
    return {}


@dataclass(frozen=True)
class Penalty:
    """E size(‖∇ℓ(x̃)‖²) over points x̃, added with its weight to what the discriminator minimises.

    Combines with any objective. The gradient is that of ℓ itself, not of a sigmoid of it, and its
    norm is over all of a row.
    """

    points: Callable[[Tensor, Tensor, Tensors], Tensor]  # of x, x̂ and noise
    size: Callable[[Tensor], Tensor]  # of squared norms (n,)
    weight: float  # as published
    noise: Callable[..., Tensors] = _nothing

    def __call__(self, critic: Critic, x: Tensor, fake: Tensor, noise: Tensors) -> Tensor:
        _, (slope,) = values_and_slopes(critic, self.points(x, fake, noise))
        return self.of(slope)

    def of(self, slope: Tensor) -> Tensor:
        """The penalty where the slope is known, `(n, *shape)`."""
        return self.size(slope.flatten(1).square().sum(1)).mean()


def _one_number_per_row(n: int, shape: Sequence[int], rng: torch.Generator) -> Tensors:
    return {"mix": torch.rand(n, *[1] * len(shape), generator=rng)}


def _shift(n: int, shape: Sequence[int], rng: torch.Generator) -> Tensors:
    return {"shift": torch.randn(n, *shape, generator=rng)}


def between(x: Tensor, fake: Tensor, noise: Tensors) -> Tensor:
    """εx + (1 − ε)x̂, with one ε ~ U(0, 1) for each row."""
    mix = noise["mix"][: len(x)]
    return mix * x + (1 - mix) * fake


def around(x: Tensor, fake: Tensor, noise: Tensors) -> Tensor:  # noqa: ARG001
    """x + δ, δ ~ N(0, ¼ I) for standardised data: normal as in the paper.

    The paper says c ≈ 10 for pixels of 0 to 255, and to tune c to the data's range; its author's
    code adds ½ std · U(0, 1), which is not centred.
    """
    return x + 0.5 * noise["shift"][: len(x)]


def at_real(x: Tensor, fake: Tensor, noise: Tensors) -> Tensor:  # noqa: ARG001
    return x


def at_generated(x: Tensor, fake: Tensor, noise: Tensors) -> Tensor:  # noqa: ARG001
    return fake


def at_both(x: Tensor, fake: Tensor, noise: Tensors) -> Tensor:  # noqa: ARG001
    return torch.cat([x, fake])


def norm(squared: Tensor) -> Tensor:
    """‖·‖, kept from 0, where its own slope is infinite."""
    return (squared + 1e-12).sqrt()


def two_sided(squared: Tensor) -> Tensor:
    """(‖∇ℓ‖ − 1)²."""
    return (norm(squared) - 1).square()


def one_sided(squared: Tensor) -> Tensor:
    """max(0, ‖∇ℓ‖ − 1)²."""
    return (norm(squared) - 1).clamp(min=0).square()


def half(squared: Tensor) -> Tensor:
    """½‖∇ℓ‖²."""
    return 0.5 * squared


def whole(squared: Tensor) -> Tensor:
    """‖∇ℓ‖²; over real and generated rows together that is half of each one's mean, added up."""
    return squared


PENALTIES = {
    # Gulrajani et al. 2017, arXiv:1704.00028, eq. 3; one-sided: section 4 there.
    "gradient": Penalty(between, two_sided, 10.0, _one_number_per_row),
    "gradient-one-sided": Penalty(between, one_sided, 10.0, _one_number_per_row),
    # Kodali et al. 2017, arXiv:1705.07215, with k = 1.
    "dragan": Penalty(around, two_sided, 10.0, _shift),
    # γ/2 E‖∇ℓ‖²: Mescheder et al. 2018, arXiv:1801.04406, eqs. 9 and 10.
    "r1": Penalty(at_real, half, 10.0),
    "r2": Penalty(at_generated, half, 10.0),
    # Both, as Huang et al. 2024, arXiv:2501.05441.
    "r1+r2": Penalty(at_both, whole, 1.0),
}
