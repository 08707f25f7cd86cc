"""The networks that first swapped faces: an encoder, what two decoders share, a decoder."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from pushforward.networks.convolutional import Size, halvings

SLOPE = 0.1  # of leaky ReLUs below 0
LEAKY = partial(nn.LeakyReLU, SLOPE)


def as_large(layer: nn.Conv2d | nn.Linear, slope: float = 1.0) -> nn.Conv2d | nn.Linear:
    """The layer with weights by which what goes out is as large as what comes in, in place.

    `slope` is that of the leaky ReLU that follows. He et al. 2015, arXiv:1502.01852: with smaller
    weights the differences between images vanish on their way through so many layers, and under L1
    all that is learnt is the median of each pixel.
    """
    nn.init.kaiming_normal_(layer.weight, slope)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Upscale(nn.Sequential):
    """Twice the size in each direction: a 3×3 convolution to four times `c_out`, shuffled."""

    def __init__(self, c_in: int, c_out: int) -> None:
        convolution = as_large(nn.Conv2d(c_in, 4 * c_out, 3, padding=1), SLOPE)
        super().__init__(convolution, LEAKY(), nn.PixelShuffle(2))


class WideTanh(nn.Module):
    """1.1 tanh: it passes the ends of [−1, 1] by a little, where a tanh has no slope left.

    Under L1 images that are mostly black draw a tanh or sigmoid (the published one) to its end, and
    nothing more is learnt; this one is drawn back.
    """

    def forward(self, x: Tensor) -> Tensor:
        return 1.1 * x.tanh()


class Crop(nn.Module):
    """The middle of images, `size` large."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        top, left = ((x.shape[i - 2] - self.size[i]) // 2 for i in (0, 1))
        return x[..., top : top + self.size[0], left : left + self.size[1]]


def face_encoder(channels: int, size: Size, k: int, width: int) -> nn.Sequential:
    """Images `(n, channels, *size)` to codes `(n, k)`: 5×5 convolutions that halve, a linear layer.

    The first gives `width` channels, each further one twice as many: 128, 256, 512 and 1024 for 64
    pixels as published.

    >>> import torch
    >>> face_encoder(3, (64, 64), 16, width=4)(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 16])
    """
    counts, (h, w) = _plan(size, width)
    layers: list[nn.Module] = []
    for c_in, c_out in pairwise([channels, *counts]):
        layers += [as_large(nn.Conv2d(c_in, c_out, 5, 2, 2), SLOPE), LEAKY()]
    return nn.Sequential(*layers, nn.Flatten(), as_large(nn.Linear(counts[-1] * h * w, k)))


def face_trunk(k: int, size: Size, width: int) -> nn.Sequential:
    """Codes `(n, k)` to maps from which every decoder starts; published as the encoder's end.

    >>> import torch
    >>> face_trunk(16, (64, 64), width=4)(torch.zeros(2, 16)).shape
    torch.Size([2, 16, 8, 8])
    """
    counts, (h, w) = _plan(size, width)
    widened = as_large(nn.Linear(k, counts[-1] * h * w))
    maps = nn.Unflatten(1, (counts[-1], h, w))
    return nn.Sequential(widened, maps, Upscale(counts[-1], _half(counts[-1])))


def face_decoder(channels: int, size: Size, width: int) -> nn.Sequential:
    """Maps of `face_trunk` to images `(n, channels, *size)`: 256, 128, 64 channels as published.

    Sides that cannot be halved so often are decoded a little larger, and cut.

    >>> import torch
    >>> code = torch.zeros(2, 16)
    >>> face_decoder(3, (50, 64), 4)(face_trunk(16, (50, 64), 4)(code)).shape
    torch.Size([2, 3, 50, 64])
    """
    counts, _ = _plan(size, width)
    layers = [Upscale(_half(c), _half(_half(c))) for c in counts[:0:-1]]
    last = as_large(nn.Conv2d(_half(counts[0]), channels, 5, padding=2))
    return nn.Sequential(*layers, last, WideTanh(), Crop(size))


def _plan(size: Size, width: int) -> tuple[list[int], Size]:
    """Channels after each convolution that halves, and the size that is left."""
    times = len(halvings(*size)) - 1
    h, w = (-(-side // 2**times) for side in size)
    return [width * 2**i for i in range(times)], (h, w)


def _half(channels: int) -> int:
    return max(1, channels // 2)
