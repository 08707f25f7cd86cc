"""Adam with its state in plain sight, so that a checkpoint can hold it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor


class Adam:
    """Adam (Kingma & Ba 2015, Algorithm 1) on a fixed list of parameters.

    A thin state around torch's fused kernel: `torch.optim.Adam.step` costs more in bookkeeping than
    the arithmetic of a small network.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.betas = learning_rate, betas
        self.first = [torch.zeros_like(p) for p in self.parameters]
        self.second = [torch.zeros_like(p) for p in self.parameters]
        self.steps = torch.zeros((), device=self.parameters[0].device)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        self.steps += 1
        self.apply(gradients)

    def apply(self, gradients: Sequence[Tensor]) -> None:
        """Move by the settings and the number of steps as they are."""
        torch._fused_adam_(
            self.parameters,
            list(gradients),
            self.first,
            self.second,
            [],
            [self.steps] * len(self.parameters),
            lr=self.learning_rate,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps.copy_(torch.as_tensor(state["steps"]))
        for mine in ("first", "second"):
            for tensor, saved in zip(getattr(self, mine), state[mine], strict=True):
                tensor.copy_(torch.as_tensor(saved))


def move_together(
    optimisers: Sequence[Adam], parameters: list[Tensor], first: list[Tensor], second: list[Tensor]
) -> Callable[..., None]:
    """What steps optimisers in lock-step, given the gradients as stacks `(K, ...)`.

    The optimisers' parameters and moments are rows of the given stacks, and it is the rows that are
    moved, also when an optimiser has been given other tensors since. Where all have the same
    settings the stacks are moved whole.
    """
    columns = {"parameters": parameters, "first": first, "second": second}
    rows = [copy(optimiser) for optimiser in optimisers]
    for name, stacks in columns.items():
        for row, tensors in zip(rows, zip(*stacks, strict=True), strict=True):
            setattr(row, name, list(tensors))
    whole = copy(rows[0])
    vars(whole).update(columns)
    alike = len({(row.learning_rate, *row.betas) for row in rows}) == 1

    @torch.no_grad()
    def move(*gradients: Tensor) -> None:
        for row in rows:
            row.steps += 1
        if alike:
            whole.apply(gradients)  # its steps are those of the first
            return
        for row, mine in zip(rows, zip(*gradients, strict=True), strict=True):
            row.apply(mine)

    return move
