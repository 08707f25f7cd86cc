"""Slopes that are themselves differentiated, by whichever of torch's two ways applies."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import vjp


def values_and_slopes(
    function: Callable[..., Tensor], *points: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """f(points) and the slope of its sum at each of them, both differentiable further.

    Members of a population are transformed by `torch.func`, inside which only `torch.func` may
    differentiate; outside, autograd does the same with less around each operation.

    >>> values, (slope,) = values_and_slopes(lambda x: x.square(), torch.tensor([1.0, 2.0]))
    >>> values.tolist(), slope.tolist()
    ([1.0, 4.0], [2.0, 4.0])
    """
    if torch._C._functorch.maybe_current_level() is not None:
        values, back, *_ = vjp(function, *points)
        return values, back(torch.ones_like(values))
    with torch.enable_grad():
        points = tuple(p if p.requires_grad else p.detach().requires_grad_() for p in points)
        values = function(*points)
        slopes = torch.autograd.grad(values, points, torch.ones_like(values), create_graph=True)
    return values, slopes
