"""Image to image: down, residual blocks, up again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pushforward.errors import InputError
from pushforward.networks.convolutional import Norm
from pushforward.networks.layout import AsImages, AsRows, Layout

NEAR = 0.95  # of its input, that a translator with a skip starts as
LARGE = 64  # pixels, from which on images are halved twice


def instance_norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, affine=True)


class ResidualBlock(nn.Module):
    """x ↦ x + f(x), f two 3×3 convolutions with a norm after each: He et al. 2016."""

    def __init__(self, channels: int, norm: Norm = instance_norm) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            norm(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            norm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Translator(nn.Module):
    """Images `(n, c_in, h, w)` to images `(n, c_out, h, w)` in [−1, 1].

    A 7×7 convolution, `halvings` that halve the image and double the channels, residual `blocks`,
    as many convolutions that double it, a 7×7 one and tanh: the generator of CycleGAN (Johnson et
    al. 2016; Zhu et al. 2017, arXiv:1703.10593, appendix 7.2, with 6 blocks for 128 pixels). Sides
    must be multiples of 2^halvings.

    With `skip` the input is added before tanh, tanh(atanh(0.95 x) + f(x)), and f starts small, so
    that a fresh network hardly changes an image, and black and white can still be moved.

    Raises:
        InputError: images whose sides are no such multiples.

    >>> Translator(1, 3, width=8)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 3, 28, 28])
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        width: int = 64,
        halvings: int = 2,
        blocks: int = 6,
        norm: Norm = instance_norm,
        skip: bool = False,
    ) -> None:
        super().__init__()
        self.c_out, self.halvings, self.skip = c_out, halvings, skip

        def same(a: int, b: int) -> nn.Module:
            return nn.Conv2d(a, b, 7, padding=3, padding_mode="reflect")

        layers: list[nn.Module] = [same(c_in, width), norm(width), nn.ReLU()]
        count = width
        for _ in range(halvings):
            layers += [nn.Conv2d(count, 2 * count, 3, 2, 1), norm(2 * count), nn.ReLU()]
            count *= 2
        layers += [ResidualBlock(count, norm) for _ in range(blocks)]
        for _ in range(halvings):
            doubled = nn.ConvTranspose2d(count, count // 2, 3, 2, 1, output_padding=1)
            layers += [doubled, norm(count // 2), nn.ReLU()]
            count //= 2
        last = same(count, c_out)
        if skip:
            with torch.no_grad():
                for parameter in last.parameters():
                    parameter.mul_(0.1)
        self.body = nn.Sequential(*layers, last)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if height % 2**self.halvings or width % 2**self.halvings:
            raise InputError(
                f"expected images whose sides are multiples of {2**self.halvings} for "
                f"{self.halvings} halvings, got {height}×{width}; resize them, or take fewer "
                "halvings"
            )
        y = self.body(x)
        if self.skip:
            y = y + torch.atanh(NEAR * in_channels(x, self.c_out).clamp(-1, 1))
        return torch.tanh(y)


def in_channels(x: Tensor, channels: int) -> Tensor:
    """Images as they are, or in grey where they have another number of channels."""
    return x if x.shape[1] == channels else x.mean(1, keepdim=True).expand(-1, channels, -1, -1)


def translator_between(a: Layout, b: Layout, width: int, skip: bool) -> nn.Sequential:
    """Encoded rows of the images of one domain to those of another, by a `Translator`.

    Images are brought to the size of the other domain first. The networks of section 4 are for 128
    pixels and more: smaller images are halved less often, and as often as their sides can be.
    """
    resized = [] if a.size == b.size else [nn.Upsample(b.size, mode="bilinear")]
    side = min(b.size)
    halvings = 1 if side < LARGE else 2
    while any(side % 2**halvings for side in b.size):
        halvings -= 1
    blocks = 3 if side < LARGE else 6
    network = Translator(a.channels, b.channels, width, halvings, blocks, skip=skip)
    return nn.Sequential(AsImages(a), *resized, network, AsRows(b))
