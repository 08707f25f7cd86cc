"""Small images to large ones: residual blocks at the low resolution, then pixels are shuffled."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


class Residual(nn.Module):
    """x ↦ x + f(x), f two 3×3 convolutions around a PReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.PReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class SRResNet(nn.Module):
    """Images `(n, c, h, w)` to images `(n, c, f·h, f·w)` in [−1, 1], f the `factor`.

    A 9×9 convolution, residual `blocks` with a skip over all of them, and for each prime factor r
    of f a sub-pixel convolution, whose channels are shuffled into r × r pixels: Ledig et al. 2017,
    arXiv:1609.04802, figure 4, with 16 blocks of 64 channels; Shi et al. 2016, arXiv:1609.05158.

    What differs: no batch norm, as in EDSR (Lim et al. 2017, arXiv:1707.02921, section 3.1), as it
    takes an image's range away and makes its neighbours in a batch matter. The last sub-pixel
    convolution draws the image, as in Shi et al.; theirs is followed by a 9×9 one at the full size,
    which costs more than all before it together at a width of 16. With `skip` the network adds to
    bicubic upscaling; theirs draws all itself. What is beyond black and white is cut off here, so
    that a plain ground is met by any value beyond it, and need not be met exactly.

    >>> SRResNet(3, 4, width=8, blocks=1)(torch.zeros(2, 3, 5, 4)).shape
    torch.Size([2, 3, 20, 16])
    """

    def __init__(
        self, channels: int, factor: int, width: int = 64, blocks: int = 16, skip: bool = True
    ) -> None:
        super().__init__()
        self.factor, self.skip = factor, skip
        self.first = nn.Sequential(nn.Conv2d(channels, width, 9, padding=4), nn.PReLU())
        residual = [Residual(width) for _ in range(blocks)]
        self.body = nn.Sequential(*residual, nn.Conv2d(width, width, 3, padding=1))
        *early, last = primes(factor)
        larger: list[nn.Module] = []
        for r in early:
            shuffled = nn.Conv2d(width, width * r * r, 3, padding=1)
            larger += [shuffled, nn.PixelShuffle(r), nn.PReLU()]
        drawn = nn.Conv2d(width, channels * last * last, 3, padding=1)
        if skip:  # begin near the bicubic image
            with torch.no_grad():
                drawn.weight.mul_(0.1)
        self.last = nn.Sequential(*larger, drawn, nn.PixelShuffle(last))

    def forward(self, x: Tensor) -> Tensor:
        seen = self.first(x)
        drawn = self.last(seen + self.body(seen))
        if self.skip:
            drawn = drawn + interpolate(x, scale_factor=self.factor, mode="bicubic")
        return drawn.clamp(-1, 1)


def primes(number: int) -> list[int]:
    """The prime factors of a whole number, in order.

    >>> primes(12)
    [2, 2, 3]
    """
    found, r = [], 2
    while number > 1:
        while number % r == 0:
            found.append(r)
            number //= r
        r += 1
    return found
