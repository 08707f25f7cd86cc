"""A network that changes its input a little."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from pushforward.networks.mlp import mlp


class Residual(nn.Module):
    """x ↦ S x + scale · f(x), with f a multilayer perceptron.

    S is the identity where input and output have one width, else a linear layer. A small `scale`
    makes the map start near S.

    >>> x = torch.ones(2, 3)
    >>> torch.equal(Residual(3, [8], 3, scale=0.0)(x), x)
    True
    """

    def __init__(
        self,
        n_in: int,
        hidden: Sequence[int],
        n_out: int,
        *,
        scale: float = 1.0,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        self.skip = nn.Identity() if n_in == n_out else nn.Linear(n_in, n_out, bias=False)
        self.body = mlp(n_in, hidden, n_out, activation=activation)
        with torch.no_grad():
            for parameter in self.body[-1].parameters():
                parameter.mul_(scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.body(x)
