"""Images bent at random: what a network that shall know a shape must see through."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from pushforward.networks.layout import AsImages, AsRows, Layout

POINTS = 5  # of the grid, in each direction


class Warp(nn.Module):
    """Encoded rows of images, bent by the displacements of a coarse grid.

    x'(u) = x(u + d(u)), d bilinear between 5×5 points that span the image, x bilinear between
    pixels and beyond the edge as at it. The displacements are an argument, `(n, 2, 5, 5)`: to the
    right and down, as shares of the width and the height. After the `random_warp` of the code that
    first swapped faces (deepfakes/faceswap), whose points moved by N(0, 5²) pixels over 160.

    >>> import numpy as np
    >>> from pushforward.data.encoding import Encoding
    >>> X = np.random.default_rng(0).random((3, 8, 8))
    >>> encoding = Encoding().fit(X)
    >>> rows = torch.as_tensor(encoding.transform(X), dtype=torch.float32)
    >>> still = Warp(Layout.of(encoding))(rows, torch.zeros(3, 2, 5, 5))
    >>> torch.allclose(still, rows, atol=1e-5)
    True
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.down: Tensor
        self.right: Tensor
        self.still: Tensor
        self.images, self.rows = AsImages(layout), AsRows(layout)
        y, x = (_centres(side) for side in layout.size)
        self.register_buffer("down", _hats(y), persistent=False)
        self.register_buffer("right", _hats(x), persistent=False)
        # Where pixels come from without a displacement, from −1 to 1 between the outer edges.
        still = torch.stack(torch.meshgrid(2 * x - 1, 2 * y - 1, indexing="xy"), 2)
        self.register_buffer("still", still, persistent=False)

    def forward(self, rows: Tensor, displacements: Tensor) -> Tensor:
        bent = torch.einsum("hi,ncij,wj->nhwc", self.down, displacements, self.right)
        # A share of the side is twice as much of what goes from −1 to 1.
        sources = self.still + 2 * bent
        pictures = grid_sample(
            self.images(rows), sources, padding_mode="border", align_corners=False
        )
        return self.rows(pictures)


def _centres(side: int) -> Tensor:
    """The middles of pixels, from 0 to 1 between the outer edges."""
    return (torch.arange(side) + 0.5) / side


def _hats(at: Tensor) -> Tensor:
    """The weight of each point of the grid at each place from 0 to 1, `(side, 5)`."""
    return (1 - (at[:, None] * (POINTS - 1) - torch.arange(POINTS)).abs()).clamp(min=0)


def bends(n: int, strength: float, rng: torch.Generator) -> Tensor:
    """Displacements `(n, 2, 5, 5)` of N(0, strength²), less the similarity nearest to them.

    The published code moves the image that is to be given back by that shift, turn and scale, which
    is the same: what is to be seen through changes the shape and not the place.

    >>> d = bends(2, 0.1, torch.Generator().manual_seed(0))
    >>> bool((d.mean((2, 3)).abs() < 1e-7).all())
    True
    """
    drawn = strength * torch.randn(n, 2, POINTS, POINTS, generator=rng)
    place = torch.linspace(-1, 1, POINTS)
    x, y = torch.meshgrid(place, place, indexing="xy")
    one, none = torch.ones_like(x), torch.zeros_like(x)
    moves = torch.stack([torch.stack(m) for m in ((one, none), (none, one), (x, y), (-y, x))])
    moves = moves / moves.square().sum((1, 2, 3), keepdim=True).sqrt()  # orthogonal on this grid
    found = torch.einsum("ncij,mcij->nm", drawn, moves)
    return drawn - torch.einsum("nm,mcij->ncij", found, moves)
