"""The known distribution p_Z that a generator pushes forward."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def normal(n: int, k: int, rng: torch.Generator) -> Tensor:
    """z ~ N(0, I), `(n, k)`."""
    return torch.randn(n, k, generator=rng)


def uniform(n: int, k: int, rng: torch.Generator) -> Tensor:
    """z ~ U(−1, 1)^k, `(n, k)`."""
    return torch.rand(n, k, generator=rng) * 2 - 1


PRIORS: dict[str, Callable[..., Tensor]] = {
    "normal": normal,
    "uniform": uniform,
}
