"""A generator and a discriminator of images that grow from 4×4 pixels, a doubling at a time."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, linear

from pushforward.networks.convolutional import LEAKY, PixelNorm

SMALLEST = 4  # pixels in each direction, at level 0
GROUP = 4  # rows of which the discriminator sees how much they differ


def levels(pixels: int) -> int:
    """How often 4×4 pixels double to `pixels`; −1 if they never do.

    >>> levels(64), levels(28)
    (4, -1)
    """
    doublings = pixels // SMALLEST
    exact = doublings > 0 and SMALLEST * 2 ** (doublings.bit_length() - 1) == pixels
    return doublings.bit_length() - 1 if exact else -1


def stage_of(level: float) -> tuple[int, float]:
    """The stage that a level is in, and how far it has been faded in, α in (0, 1].

    Stage s draws 4·2^s pixels. At level 1.3 stage 2 counts for 0.3, and stage 1 for the rest.

    >>> stage_of(2.0), stage_of(2.25)
    ((2, 1.0), (3, 0.25))
    """
    stage = math.ceil(level)
    return stage, level - stage + 1


def channel_counts(width: int, base: int, last: int) -> list[int]:
    """Channels at each stage, min(base / 2^s, width), at least one.

    >>> channel_counts(512, 4096, 8)  # of the paper: 1024×1024 pixels
    [512, 512, 512, 512, 256, 128, 64, 32, 16]
    """
    return [max(1, min(base // 2**s, width)) for s in range(last + 1)]


def enlarged(images: Tensor, times: int) -> Tensor:
    """Each pixel as a square of `times` × `times` equal ones."""
    return interpolate(images, scale_factor=times, mode="nearest") if times > 1 else images


def shrunk(images: Tensor, times: int) -> Tensor:
    """Each square of `times` × `times` pixels as their mean."""
    return avg_pool2d(images, times) if times > 1 else images


def as_drawn(images: Tensor, level: float, last: int) -> Tensor:
    """Real images as a generator at that level could draw them at best: `(n, c, h, w)`, as large.

    They are shrunk to the stage's pixels, y, and faded as its images are:
    α y + (1 − α) up(down(y)).
    """
    stage, alpha = stage_of(level)
    times = 2 ** (last - stage)
    shown = shrunk(images, times)
    if alpha < 1:
        shown = torch.lerp(enlarged(shrunk(shown, 2), 2), shown, alpha)
    return enlarged(shown, times)


class Equalised(nn.Module):
    """A linear layer or convolution of weights w · gain / √fan_in, with w ~ N(0, 1) learnt.

    Adam moves every w by about its learning rate; divided at run time, and not when w is drawn,
    all layers learn at one speed. Karras et al. 2018, arXiv:1710.10196, section 4.1.
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d, gain: float = math.sqrt(2)) -> None:
        super().__init__()
        self.layer = layer
        self.scale = gain / math.sqrt(layer.weight[0].numel())
        nn.init.normal_(layer.weight)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        layer, weight = self.layer, self.layer.weight * self.scale
        if isinstance(layer, nn.Linear):
            return linear(x, weight, layer.bias)
        return conv2d(x, weight, layer.bias, layer.stride, layer.padding)


class MinibatchDeviation(nn.Module):
    """One more channel, which says how much the rows of a group differ, `(n, c + 1, h, w)`.

    The standard deviation over `group` rows of every number, averaged over all of them. So a row's
    value depends on the rows beside it. Where n is no multiple of the group the first rows are
    looked at again. Karras et al. 2018, arXiv:1710.10196, section 3.
    """

    def __init__(self, group: int = GROUP) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        groups = -(-n // self.group)
        beside = torch.arange(groups * self.group, device=x.device) % n
        grouped = x[beside].unflatten(0, (self.group, groups))
        deviation = (grouped.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
        plane = deviation.repeat(self.group)[:n, None, None, None].expand(n, 1, h, w)
        return torch.cat([x, plane], 1)


def _convolution(n_in: int, n_out: int) -> Equalised:
    return Equalised(nn.Conv2d(n_in, n_out, 3, padding=1))


class _Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return enlarged(x, 2)


class Growing(nn.Module):
    """A network that has all its stages from the start, and uses those up to its level."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self.level: Tensor
        self.last = last
        self.register_buffer("level", torch.zeros(()))

    @property
    def stage(self) -> tuple[int, float]:
        """The stage that is used, and how far it has been faded in."""
        return stage_of(float(self.level))


class GrowingGenerator(Growing):
    """Codes `(n, n_in)` to images `(n, channels, h, w)`, h = w = 4·2^last, at its level.

    Above 4×4 pixels a stage doubles what the one before gives, and a 1×1 convolution paints it.
    While a stage fades in, the images are (1 − α) up(old) + α new. Those of stages below the last
    are enlarged. Karras et al. 2018, arXiv:1710.10196, figure 2 and table 2.

    >>> generator = GrowingGenerator(8, 1, [16, 8])
    >>> generator(torch.randn(2, 8)).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(self, n_in: int, channels: int, counts: list[int]) -> None:
        super().__init__(len(counts) - 1)
        first, pixels = counts[0], SMALLEST**2
        self.blocks = nn.ModuleList(
            [
                nn.Sequential(
                    PixelNorm(),
                    # As if it were a convolution of 4×4 on one pixel, of fan-in 16 n_in.
                    Equalised(nn.Linear(n_in, first * pixels), math.sqrt(2) / 4),
                    nn.Unflatten(1, (first, SMALLEST, SMALLEST)),
                    LEAKY(),
                    PixelNorm(),
                    *self._painted(first, first),
                )
            ]
        )
        for c_in, c_out in pairwise(counts):
            layers = [_Doubled(), *self._painted(c_in, c_out), *self._painted(c_out, c_out)]
            self.blocks.append(nn.Sequential(*layers))
        self.to_image = nn.ModuleList(Equalised(nn.Conv2d(c, channels, 1), 1.0) for c in counts)

    @staticmethod
    def _painted(n_in: int, n_out: int) -> list[nn.Module]:
        return [_convolution(n_in, n_out), LEAKY(), PixelNorm()]

    def forward(self, z: Tensor) -> Tensor:
        stage, alpha = self.stage
        before, x = z, z
        for block in self.blocks[: stage + 1]:
            before, x = x, block(x)
        images = self.to_image[stage](x)
        if alpha < 1:
            images = torch.lerp(enlarged(self.to_image[stage - 1](before), 2), images, alpha)
        return enlarged(images, 2 ** (self.last - stage))


class GrowingDiscriminator(Growing):
    """Images `(n, channels, h, w)` to values `(n, 1)`, at its level: the generator's mirror.

    While a stage fades in, its last layer's numbers are mixed with those of the shrunk image,
    (1 − α) old(down(x)) + α new(x). At 4×4 pixels it is told how much the rows of a group differ.

    >>> GrowingDiscriminator(1, [16, 8])(torch.zeros(4, 1, 8, 8)).shape
    torch.Size([4, 1])
    """

    def __init__(self, channels: int, counts: list[int]) -> None:
        super().__init__(len(counts) - 1)
        first = counts[0]
        self.blocks = nn.ModuleList(
            [
                nn.Sequential(
                    MinibatchDeviation(),
                    _convolution(first + 1, first),
                    LEAKY(),
                    nn.Flatten(),
                    Equalised(nn.Linear(first * SMALLEST**2, first)),
                    LEAKY(),
                    Equalised(nn.Linear(first, 1), 1.0),
                )
            ]
        )
        for c_out, c_in in pairwise(counts):
            layers = [_convolution(c_in, c_in), LEAKY(), _convolution(c_in, c_out), LEAKY()]
            self.blocks.append(nn.Sequential(*layers, nn.AvgPool2d(2)))
        self.from_image = nn.ModuleList(
            nn.Sequential(Equalised(nn.Conv2d(channels, c, 1)), LEAKY()) for c in counts
        )

    def forward(self, images: Tensor) -> Tensor:
        stage, alpha = self.stage
        shown = shrunk(images, 2 ** (self.last - stage))
        x = self.blocks[stage](self.from_image[stage](shown))
        if alpha < 1:
            x = torch.lerp(self.from_image[stage - 1](shrunk(shown, 2)), x, alpha)
        for s in reversed(range(stage)):
            x = self.blocks[s](x)
        return x
