"""A network that alters an image a little, at full resolution."""

from __future__ import annotations

from itertools import starmap

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from pushforward.networks.convolutional import Size, no_norm
from pushforward.networks.layout import AsImages, AsRows, Layout
from pushforward.networks.translator import ResidualBlock

START = 0.01  # share of its usual weights that the last layer starts from


def scales(height: int, width: int) -> list[Size]:
    """The sizes of an image that is halved until its smaller side is 2 or 3 pixels.

    >>> scales(16, 16)
    [(16, 16), (8, 8), (4, 4), (2, 2)]
    """
    sizes = [(height, width)]
    while min(sizes[-1]) >= 4:
        h, w = sizes[-1]
        sizes.append((h // 2, w // 2))
    return sizes


class Refiner(nn.Module):
    """Rows of images `(n, p)`, and noise beside them, to rows `(n, p)`: x ↦ x + f(x).

    f is a 3×3 convolution, residual `blocks` of two each, and a 1×1 convolution that starts near 0,
    nothing smaller than the image and no norm: Shrivastava et al. 2017, arXiv:1612.07828, section
    3.1, where tanh stands in place of x + f(x). With `noisy` f also sees a channel of noise for
    each of the `scales`, enlarged to the image: a row is then `(n, p + noises)`.

    >>> layout = Layout(16, 16, 1, torch.ones(256, dtype=torch.bool).numpy(), torch.ones(0).numpy())
    >>> refiner = Refiner(layout, width=4, noisy=True)
    >>> refiner.noises, refiner(torch.zeros(3, 256 + 340)).shape
    (340, torch.Size([3, 256]))
    """

    def __init__(
        self, layout: Layout, width: int = 64, blocks: int = 4, noisy: bool = False
    ) -> None:
        super().__init__()
        self.layout = layout
        self.scales = scales(*layout.size) if noisy else []
        self.images, self.rows = AsImages(layout), AsRows(layout)
        last = nn.Conv2d(width, layout.channels, 1)
        with torch.no_grad():
            for parameter in last.parameters():
                parameter.mul_(START)
        self.change = nn.Sequential(
            nn.Conv2d(
                layout.channels + len(self.scales), width, 3, padding=1, padding_mode="reflect"
            ),
            nn.ReLU(),
            *(ResidualBlock(width, no_norm) for _ in range(blocks)),
            last,
        )

    @property
    def noises(self) -> int:
        """How many numbers of noise stand beside a row."""
        return sum(starmap(int.__mul__, self.scales))

    def forward(self, rows: Tensor) -> Tensor:
        x = self.images(rows[:, : self.layout.columns])
        parts = rows[:, self.layout.columns :].split([h * w for h, w in self.scales], 1)
        fields = [
            interpolate(
                part.reshape(-1, 1, *size), x.shape[2:], mode="bilinear", align_corners=True
            )
            for part, size in zip(parts, self.scales, strict=True)
        ]
        return self.rows(x + self.change(torch.cat([x, *fields], 1)))
