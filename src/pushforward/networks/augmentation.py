"""Differentiable augmentation: what a discriminator sees of real and of generated images alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pushforward.networks.layout import AsImages, AsRows, Layout

SHIFT = 1 / 8  # of a side, by which images are moved at most
CUT = 1 / 2  # of a side, which the square that is cut out has


def colour(x: Tensor, u: Tensor) -> Tensor:
    """Brightness, saturation and contrast of images `(n, c, h, w)`, by uniform numbers `(n, 3)`."""
    brightness, saturation, contrast = u[:, :, None, None, None].unbind(1)
    x = x + brightness - 0.5
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * 2 * saturation
    level = x.mean((1, 2, 3), keepdim=True)
    return level + (x - level) * (contrast + 0.5)


def translation(x: Tensor, u: Tensor) -> Tensor:
    """Images moved by up to an eighth of their sides, by uniform numbers `(n, 2)`; 0 moves in."""
    for axis, number in ((2, u[:, 0]), (3, u[:, 1])):
        side = x.shape[axis]
        most = int(side * SHIFT + 0.5)
        by = (number * (2 * most + 1)).floor().long() - most
        source = torch.arange(side, device=x.device) - by[:, None]
        inside = (source >= 0) & (source < side)
        shape = [len(x), 1, 1, 1]
        shape[axis] = side
        where = source.clamp(0, side - 1).view(shape).expand(x.shape)
        x = x.gather(axis, where) * inside.view(shape).to(x.dtype)
    return x


def cutout(x: Tensor, u: Tensor) -> Tensor:
    """Images with a square of half their sides set to 0, by uniform numbers `(n, 2)`."""
    rows, columns = (
        _covered(side, number) for side, number in zip(x.shape[2:], (u[:, 0], u[:, 1]), strict=True)
    )
    hole = rows[:, None, :, None] & columns[:, None, None, :]
    return x * (~hole).to(x.dtype)


def _covered(side: int, u: Tensor) -> Tensor:
    """Which places of a side the square covers; it may reach over the ends, `(n, side)`."""
    size = int(side * CUT + 0.5)
    first = (u * (side + 1 - size % 2)).floor()[:, None] - size // 2
    places = torch.arange(side, device=u.device)
    return (places >= first) & (places < first + size)


AUGMENTATIONS = {"colour": (colour, 3), "translation": (translation, 2), "cutout": (cutout, 2)}


class Augmentation(nn.Module):
    """T in D(T(x)) and D(T(G(z))), for rows that are images; other numbers beside them stay.

    The discriminator then cannot learn few images by heart, and as real and generated ones are
    changed alike, and by maps with a gradient, what is drawn is not. Zhao et al. 2020, DiffAugment,
    arXiv:2006.10738, eqs. 2 and 3; the three maps are those of its code.
    """

    def __init__(self, layout: Layout, names: tuple[str, ...]) -> None:
        super().__init__()
        self.columns = layout.columns
        self.as_images, self.as_rows = AsImages(layout), AsRows(layout)
        self.maps = [AUGMENTATIONS[name] for name in names]

    def noise(self, n: int, rng: torch.Generator) -> Tensor:
        """Uniform numbers for n images."""
        return torch.rand(n, sum(count for _, count in self.maps), generator=rng)

    def forward(self, rows: Tensor, noise: Tensor) -> Tensor:
        images = self.as_images(rows[:, : self.columns])
        for (change, _), u in zip(
            self.maps, noise.split([count for _, count in self.maps], 1), strict=True
        ):
            images = change(images, u)
        return torch.cat([self.as_rows(images), rows[:, self.columns :]], 1)


def names_of(text: str) -> tuple[str, ...]:
    """The names in an option, in the order in which they are applied.

    >>> names_of("translation, cutout"), names_of("")
    (('translation', 'cutout'), ())
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())
