"""Convolutional networks, as deep as the images are large."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from pushforward.errors import InputError

LEAST = 8  # pixels in each direction: below, nothing is halved
LEAKY = partial(nn.LeakyReLU, 0.2)

Size = tuple[int, int]
Norm = Callable[[int], nn.Module]  # of so many channels


def halvings(height: int, width: int) -> list[Size]:
    """The sizes of an image that is halved until its smaller side is from 4 to 7 pixels.

    Raises:
        InputError: an image that is too small to be halved once.

    >>> halvings(28, 28)
    [(28, 28), (14, 14), (7, 7)]
    """
    if min(height, width) < LEAST:
        raise InputError(
            f"expected images of at least {LEAST}×{LEAST} pixels for networks that halve them, got "
            f"{height}×{width}; enlarge them, or take networks='mlp'"
        )
    sizes = [(height, width)]
    while min(sizes[-1]) >= LEAST:
        h, w = sizes[-1]
        sizes.append((h // 2, w // 2))
    return sizes


def convolves(network: nn.Module) -> bool:
    """Whether a network computes far more than it has weights."""
    return any(isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) for m in network.modules())


class PixelNorm(nn.Module):
    """x / √(mean_c x² + 10⁻⁸) at each pixel: Karras et al. 2018, arXiv:1710.10196, section 4.2."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def no_norm(channels: int) -> nn.Module:  # noqa: ARG001
    return nn.Identity()


def pixel_norm(channels: int) -> nn.Module:  # noqa: ARG001
    return PixelNorm()


def convolutional_reader(
    channels: int, size: Size, n_out: int, width: int = 64, norm: Norm = no_norm
) -> nn.Sequential:
    """Images `(n, channels, *size)` to numbers `(n, n_out)`: 4×4 convolutions that halve.

    The first gives `width` channels, each further one twice as many; no norm after the first, leaky
    slopes of 0.2. The last convolution of Radford et al. 2016, arXiv:1511.06434, 4×4 on 4×4 pixels,
    is the linear layer here.

    >>> convolutional_reader(1, (28, 28), 1)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 1])
    """
    sizes = halvings(*size)
    counts = [channels, *(width * 2**i for i in range(len(sizes) - 1))]
    layers: list[nn.Module] = []
    for i, (c_in, c_out) in enumerate(pairwise(counts)):
        between = norm(c_out) if i else nn.Identity()
        plain = isinstance(between, nn.Identity)
        layers += [nn.Conv2d(c_in, c_out, 4, 2, 1, bias=plain), between, LEAKY()]
    h, w = sizes[-1]
    layers = [layer for layer in layers if not isinstance(layer, nn.Identity)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(counts[-1] * h * w, n_out))


def convolutional_drawer(
    n_in: int, channels: int, size: Size, width: int = 64, norm: Norm = pixel_norm
) -> nn.Sequential:
    """Codes `(n, n_in)` to images `(n, channels, *size)` in [−1, 1]: convolutions that double.

    The mirror of `convolutional_reader`.

    >>> convolutional_drawer(16, 3, (28, 28))(torch.zeros(2, 16)).shape
    torch.Size([2, 3, 28, 28])
    """
    sizes = halvings(*size)[::-1]
    counts = [*(width * 2**i for i in reversed(range(len(sizes) - 1))), channels]
    h, w = sizes[0]
    first: list[nn.Module] = [nn.Linear(n_in, counts[0] * h * w, bias=False)]
    layers = [*first, nn.Unflatten(1, (counts[0], h, w)), norm(counts[0]), nn.ReLU()]
    for (c_in, c_out), (small, large) in zip(pairwise(counts), pairwise(sizes), strict=True):
        odd = (large[0] - 2 * small[0], large[1] - 2 * small[1])
        last = large == sizes[-1]
        doubled = nn.ConvTranspose2d(c_in, c_out, 4, 2, 1, odd, bias=last)
        layers += [doubled, nn.Tanh()] if last else [doubled, norm(c_out), nn.ReLU()]
    return nn.Sequential(*layers)


def dcgan_reader(channels: int, size: Size, n_out: int, width: int = 64) -> nn.Sequential:
    """DCGAN's discriminator: batch norms, and weights that start at N(0, 0.02²)."""
    return small_normal(convolutional_reader(channels, size, n_out, width, nn.BatchNorm2d))


def dcgan_drawer(n_in: int, channels: int, size: Size, width: int = 64) -> nn.Sequential:
    """DCGAN's generator: batch norms, and weights that start at N(0, 0.02²)."""
    return small_normal(convolutional_drawer(n_in, channels, size, width, nn.BatchNorm2d))


@torch.no_grad()
def small_normal(network: nn.Sequential) -> nn.Sequential:
    """Weights from N(0, 0.02²), norms around 1, biases 0, in place."""
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            layer.weight.normal_(0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.weight.normal_(1, 0.02)
        if isinstance(getattr(layer, "bias", None), Tensor):
            layer.bias.zero_()  # type: ignore[operator]
    return network
