"""Batches of two domains, no row of which belongs to one of the other."""

from __future__ import annotations

import torch
from torch import Tensor

from pushforward.training.game import Game, Tensors


class Unpaired(Game):
    """A game that learns from rows of A and of B.

    A batch is rows of A. `rows_b` are all training rows of B, and the noise says which go with the
    batch; where both domains are on disk there are none, and rows of B stand beside those of A.
    """

    rows_b: Tensor

    def keep(self, rows_b: Tensor) -> None:
        # Data, not state: neither checkpoints nor saved models hold it.
        self.register_buffer("rows_b", rows_b, persistent=False)

    def chosen(self, n: int, rng: torch.Generator) -> Tensors:
        """Which rows of B go with n of A, where they are in memory."""
        rows = len(self.rows_b)
        return {"b": torch.randint(rows, (n,), generator=rng)} if rows else {}

    def both(self, x: Tensor, noise: Tensors) -> tuple[Tensor, Tensor]:
        """The rows of A and those of B of a batch."""
        if "b" in noise:
            return x, self.rows_b[noise["b"]]
        width = self.rows_b.shape[1]
        return x[:, :-width], x[:, -width:]
