"""The nearest image that a generator can draw: a generator is inverted by gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pushforward.errors import InputError

STARTS = 4
STEPS = 200
RATE = 0.1  # of Adam at the beginning, in standard deviations of the codes
BLOCK = 512  # codes that go through a generator at once


def nearest_generated(
    generator: Callable[[Tensor], Tensor],
    codes: Any,
    images: Any,
    *,
    starts: int = STARTS,
    steps: int = STEPS,
) -> NDArray[np.float64]:
    """Return the squared distance of each image x from the nearest that is generated, `(n,)`.

    min_z ‖x − G(z)‖² by Adam on z, its rate falling linearly to 0, from those of the given codes
    whose images are nearest; z stays in the box that the given codes span, so that no code counts
    that is never drawn. The least value on the way is returned: an upper bound of the minimum.

    Args:
        generator: G, from codes (b, k) to flat images (b, p), float32, e.g. that of
            `pushforward.models.pushforward.pushforward_of`.
        codes: (m, k) drawn from the law of z; thousands, to start close.
        images: (n, p) or (n, h, w[, c]).
        starts: codes to start from for each image.
        steps: of Adam.

    Raises:
        InputError: codes that are no (m, k), or images of another width than those of G.

    >>> z = np.random.default_rng(0).normal(size=(100, 1))
    >>> plane = lambda z: torch.cat([z, z], 1)
    >>> nearest_generated(plane, z, [[1.0, 1.0], [1.0, 0.0]]).round(4)
    array([0. , 0.5])
    """
    z = torch.as_tensor(codes, dtype=torch.float32)
    if z.ndim != 2 or not len(z):
        raise InputError(f"expected codes (m, k), at least one, got shape {tuple(z.shape)}")
    X = torch.as_tensor(np.asarray(images), dtype=torch.float32).flatten(1).to(z.device)
    with torch.no_grad():
        drawn = torch.cat([generator(part) for part in z.split(BLOCK)])
    if drawn.shape != (len(z), X.shape[1]):
        raise InputError(
            f"expected a generator of rows of {X.shape[1]} columns, as the images have, got "
            f"{tuple(drawn.shape)} for {len(z)} codes"
        )
    k = min(starts, len(z))
    # The norm of x itself is the same for all codes.
    near = (drawn.square().sum(1) - 2 * X @ drawn.T).topk(k, largest=False).indices
    begun, targets = z[near.flatten()], X.repeat_interleave(k, 0)
    box = Box(z)
    parts = zip(begun.split(BLOCK), targets.split(BLOCK), strict=True)
    least = torch.cat([_descend(generator, box, a, x, steps) for a, x in parts])
    return least.reshape(-1, k).min(1).values.cpu().double().numpy()


class Box:
    """The box that codes span, and their standard deviations."""

    def __init__(self, codes: Tensor) -> None:
        self.low, self.high = codes.min(0).values, codes.max(0).values
        spread = codes.std(0, correction=0)
        self.spread = torch.where(spread > 0, spread, 1.0)


def _descend(
    generator: Callable[[Tensor], Tensor], box: Box, begun: Tensor, targets: Tensor, steps: int
) -> Tensor:
    """The least ‖x − G(z)‖² on the way from each code, `(b,)`."""
    u = (begun / box.spread).requires_grad_()
    adam = torch.optim.Adam([u], lr=RATE)
    least = torch.full((len(begun),), torch.inf, device=begun.device)
    for step in range(steps + 1):
        distance = (generator(u * box.spread) - targets).square().sum(1)
        least = torch.minimum(least, distance.detach())
        # Of u alone: the generator's own weights get no gradient.
        (u.grad,) = torch.autograd.grad(distance.sum(), u)
        adam.param_groups[0]["lr"] = RATE * (1 - step / (steps + 1))
        adam.step()
        with torch.no_grad():
            u.clamp_(box.low / box.spread, box.high / box.spread)
    return least
