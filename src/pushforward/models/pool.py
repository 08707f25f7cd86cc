"""A pool of past generated rows, by which a discriminator does not forget them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pushforward.training.game import Tensors


class Pool(nn.Module):
    """Up to `size` past generated rows; a discriminator is shown those in place of new ones.

    While there is room, a new row is stored and shown. Then, with p = ½, a stored row is shown and
    the new one takes its place; else the new one is shown and not stored. Shrivastava et al. 2017,
    arXiv:1612.07828, as used by Zhu et al. 2017, arXiv:1703.10593, section 4.

    With batches of one row this is their procedure exactly. The rows of a larger batch are drawn
    for at once: they see the pool as it was before the batch, and where several take one place the
    last of them stays.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.rows: Tensor
        self.filled: Tensor
        self.register_buffer("rows", torch.zeros(size, width))
        self.register_buffer("filled", torch.zeros(1, dtype=torch.long))  # places in use

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        """For each of n rows a coin and a place, `(n,)`."""
        size = len(self.rows)
        return {
            "coin": torch.rand(n, generator=rng),
            "place": torch.randint(size, (n,), generator=rng),
        }

    def show(self, fake: Tensor, coin: Tensor, place: Tensor) -> tuple[Tensor, Tensors]:
        """The rows to show, and the buffers afterwards; `fake` is `(n, width)`."""
        n, size = len(fake), len(self.rows)
        order = torch.arange(n, device=fake.device)
        free = self.filled + order < size  # there is room left for these
        swapped = ~free & (coin < 0.5) & (place < self.filled)
        shown = torch.where(swapped[:, None], self.rows[place], fake)

        place = torch.where(free, self.filled + order, place)
        taken = (free | swapped)[:, None] & (
            place[:, None] == torch.arange(size, device=fake.device)
        )
        last = torch.where(taken, order[:, None] + 1, 0).amax(0)  # of each place, 0: none
        rows = torch.where((last > 0)[:, None], fake[(last - 1).clamp(min=0)], self.rows)
        return shown, {"rows": rows, "filled": (self.filled + n).clamp(max=size)}
