"""Rows of numbers as images, and images as rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pushforward.data.encoding import Encoding


@dataclass(frozen=True)
class Layout:
    """Where the columns of encoded images lie in pictures of c channels, h rows and w columns.

    A pixel that never varies is no column; it keeps the value that it had in training.

    >>> import numpy as np
    >>> layout = Layout.of(Encoding().fit(np.random.default_rng(0).random((9, 4, 5, 3))))
    >>> (layout.channels, layout.height, layout.width), layout.columns
    ((3, 4, 5), 60)
    """

    height: int
    width: int
    channels: int
    varying: NDArray[np.bool_]  # (h·w·c,), in the order of an image (h, w, c)
    constants: NDArray[np.float64]  # of the other pixels, in [−1, 1]

    @classmethod
    def of(cls, encoding: Encoding) -> Layout:
        """That of images which were encoded."""
        numbers = encoding.numbers
        assert numbers is not None
        height, width, *rest = encoding.shape
        still = ~numbers.varying
        middle, half = (numbers.high + numbers.low) / 2, (numbers.high - numbers.low) / 2
        constants = (numbers.mean[still] - middle[still]) / half[still]
        return cls(height, width, rest[0] if rest else 1, numbers.varying, constants)

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def columns(self) -> int:
        return int(self.varying.sum())


class AsImages(nn.Module):
    """Encoded rows `(n, m·(p + q))` as images `(n, m·(c + q), h, w)`.

    m rows side by side become channels (those that a packed discriminator judges together), and so
    does each of the q numbers beside the p pixels of a row (a label, a code): constant over the
    image, so that a convolution sees it everywhere.
    """

    def __init__(self, layout: Layout, images: int = 1) -> None:
        super().__init__()
        self.constants: Tensor
        self.order: Tensor
        self.layout, self.images = layout, images
        # Where each pixel stands when the constants follow the columns.
        order = np.argsort(np.argsort(~layout.varying, kind="stable"), kind="stable")
        self.register_buffer("order", torch.as_tensor(order), persistent=False)
        constants = torch.as_tensor(layout.constants, dtype=torch.float32)
        self.register_buffer("constants", constants, persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        n, m, layout = len(rows), self.images, self.layout
        rows = rows.reshape(n, m, -1)
        pixels, beside = rows[:, :, : layout.columns], rows[:, :, layout.columns :]
        if len(self.constants):
            still = self.constants.to(rows.dtype).expand(n, m, -1)
            pixels = torch.cat([pixels, still], 2).index_select(2, self.order)
        h, w = layout.height, layout.width
        pictures = pixels.reshape(n, m, h, w, layout.channels).permute(0, 1, 4, 2, 3)
        if beside.shape[2]:
            planes = beside[:, :, :, None, None].expand(-1, -1, -1, h, w)
            pictures = torch.cat([pictures, planes], 2)
        return pictures.flatten(1, 2)


class AsRows(nn.Module):
    """Images `(n, m·c, h, w)` as encoded rows `(n, m·p)`: what `AsImages` takes apart."""

    def __init__(self, layout: Layout, images: int = 1) -> None:
        super().__init__()
        self.columns: Tensor
        self.layout, self.images = layout, images
        where = torch.as_tensor(np.flatnonzero(layout.varying))
        self.register_buffer("columns", where, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        layout, n, m = self.layout, len(pictures), self.images
        apart = pictures.reshape(n, m, layout.channels, layout.height, layout.width)
        pixels = apart.permute(0, 1, 3, 4, 2).reshape(n, m, -1)
        if len(layout.constants):
            pixels = pixels.index_select(2, self.columns)
        return pixels.reshape(n, -1)
