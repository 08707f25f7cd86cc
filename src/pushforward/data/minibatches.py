"""Minibatches from memory, with a cursor that can be put back exactly."""

from __future__ import annotations

from typing import Any

import torch


class Minibatches:
    """Row numbers, batch after batch, every row once per epoch in an order drawn anew.

    A batch may straddle two epochs, so that all batches are of one size. The cursor is the current
    order and the position in it; the generator belongs to the caller.

    >>> batches = Minibatches(5, 2, torch.Generator().manual_seed(0))
    >>> batches.take(2).shape                       # two batches of two rows
    torch.Size([2, 2])
    """

    def __init__(self, n_rows: int, batch_size: int, rng: torch.Generator) -> None:
        self.n_rows, self.batch_size, self.rng = n_rows, min(batch_size, n_rows), rng
        self.order = torch.randperm(n_rows, generator=rng)
        self.position = 0

    def take(self, n_batches: int) -> torch.Tensor:
        """Row numbers of the next batches, `(n_batches, batch_size)`."""
        wanted = n_batches * self.batch_size
        parts = [self.order[self.position :]]
        have = len(parts[0])
        while have < wanted:
            self.order = torch.randperm(self.n_rows, generator=self.rng)
            parts.append(self.order)
            have += self.n_rows
        self.position = self.n_rows - (have - wanted)
        return torch.cat(parts)[:wanted].reshape(n_batches, self.batch_size)

    def state_dict(self) -> dict[str, Any]:
        return {"order": self.order, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.order = torch.as_tensor(state["order"])
        self.position = state["position"]
