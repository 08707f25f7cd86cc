"""A discriminator of patches: it judges each part of an image for itself."""

from __future__ import annotations

from torch import nn

from pushforward.networks.convolutional import LEAKY, Norm, no_norm
from pushforward.networks.layout import AsImages, Layout

LARGE = 64  # pixels, from which on patches are larger


def patch_reader(
    channels: int, width: int = 64, halvings: int = 2, norm: Norm = no_norm
) -> nn.Sequential:
    """Images `(n, channels, h, w)` to a value of each patch, `(n, patches)`.

    4×4 convolutions, of which the first `halvings` halve the image and two more do not: a value
    sees 16, 34 and 70 pixels in each direction for 1, 2 and 3 halvings. Isola et al. 2017,
    arXiv:1611.07004, section 3.2.2 (70×70 for images of 256 pixels).

    >>> import torch
    >>> patch_reader(3, width=8)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 36])
    """
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), LEAKY()]
    count = width
    for stride in [2] * (halvings - 1) + [1]:
        c_in, count = count, min(2 * count, 8 * width)
        layers += [nn.Conv2d(c_in, count, 4, stride, 1), norm(count), LEAKY()]
    return nn.Sequential(*layers, nn.Conv2d(count, 1, 4, 1, 1), nn.Flatten())


def patch_judge(layout: Layout, width: int) -> nn.Sequential:
    """Encoded rows of images to a value of each patch: of 16 pixels, of 34 in larger images."""
    halvings = 1 if min(layout.size) < LARGE else 2
    return nn.Sequential(AsImages(layout), *patch_reader(layout.channels, width, halvings))
