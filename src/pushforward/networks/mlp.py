"""Multilayer perceptrons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn


def mlp(
    n_in: int, hidden: Sequence[int], n_out: int, *, activation: Callable[[], nn.Module] = nn.ReLU
) -> nn.Sequential:
    """Linear layers with an activation between them; no hidden layer makes it one linear map.

    >>> mlp(2, [16], 1)
    Sequential(
      (0): Linear(in_features=2, out_features=16, bias=True)
      (1): ReLU()
      (2): Linear(in_features=16, out_features=1, bias=True)
    )
    """
    sizes = [n_in, *hidden]
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), activation()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], n_out))
