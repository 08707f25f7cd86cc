"""A buffer of past generated rows, of which half of a discriminator's batch is taken."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pushforward.training.game import Tensors


class HistoryBuffer(nn.Module):
    """`size` past generated rows B; of a discriminator's batch of n, half are taken from it.

    Of the n rows that are shown, n − ⌊n/2⌋ are new and ⌊n/2⌋ are drawn from B; then ⌊n/2⌋ new ones
    take the places of as many, all different, that are drawn from B at random. Shrivastava et al.
    2017, arXiv:1612.07828, section 2.3. While there is room, new rows take free places, and before
    there is any past only new ones are shown.

    The places come from ⌊n/2⌋ equal ranges of B, one from each, behind a common random shift: each
    place is as likely, and none is drawn twice. So `size` must be at least ⌊n/2⌋.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.rows: Tensor
        self.filled: Tensor
        self.register_buffer("rows", torch.zeros(size, width))
        self.register_buffer("filled", torch.zeros(1, dtype=torch.long))  # places in use

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        """For each of n rows, from 0 to 1: which past row is drawn, and which is replaced."""
        return {name: torch.rand(n, generator=rng) for name in ("recalled", "replaced")}

    def show(self, fresh: Tensor, recalled: Tensor, replaced: Tensor) -> tuple[Tensor, Tensors]:
        """The n rows to show, and the buffers afterwards; `fresh` are n − ⌊n/2⌋ new ones."""
        size, half = len(self.rows), len(recalled) // 2
        new = fresh[:half]
        past = self.rows[within(recalled[:half], self.filled)]
        past = torch.where(self.filled > 0, past, new)

        order = torch.arange(half, device=fresh.device)
        each = size // max(half, 1)
        drawn = order * each + within(replaced[:half], each) + within(replaced[-1:], size)
        place = torch.where(self.filled < size, self.filled + order, drawn) % size
        rows = self.rows.scatter(0, place[:, None].expand(-1, self.rows.shape[1]), new)
        filled = (self.filled + half).clamp(max=size)
        return torch.cat([fresh, past]), {"rows": rows, "filled": filled}


def within(share: Tensor, count: Tensor | int) -> Tensor:
    """Whole numbers 0, …, count − 1 for numbers from 0 to below 1."""
    # In single precision the product can round up to the count.
    return (share * count).long().clamp(max=count - 1)
