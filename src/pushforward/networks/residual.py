"""A network that changes its input a little."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from pushforward.networks.mlp import mlp


class Residual(nn.Module):
    """x ↦ S x + f(x), with S a linear map and f a multilayer perceptron that starts small.

    S starts as the identity; with `rotated`, or where input and output differ in width, as a random
    orthogonal matrix. Both are learnt.

    >>> with torch.no_grad():
    ...     near = Residual(3, [8], 3)(torch.ones(2, 3))
    >>> bool((near - 1).abs().max() < 0.2)
    True
    """

    def __init__(
        self,
        n_in: int,
        hidden: Sequence[int],
        n_out: int,
        *,
        rotated: bool = False,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in, n_out, bias=False)
        self.body = mlp(n_in, hidden, n_out, activation=activation)
        with torch.no_grad():
            if rotated or n_in != n_out:
                nn.init.orthogonal_(self.linear.weight)
            else:
                nn.init.eye_(self.linear.weight)
            for parameter in self.body[-1].parameters():
                parameter.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.body(x)
