"""Adam with its state in plain sight, so that a checkpoint can hold it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        self.apply(self.parameters, gradients, self.first, self.second)

    def apply(
        self,
        parameters: list[Tensor],
        gradients: Sequence[Tensor],
        first: list[Tensor],
        second: list[Tensor],
    ) -> None:
        """Move these parameters and moments by this optimiser's settings and number of steps."""
        torch._fused_adam_(
            parameters,
            list(gradients),
            first,
            second,
            [],
            [self.steps] * len(parameters),
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

    The optimisers' parameters and moments must be rows of the given stacks; where all have the same
    settings the stacks are moved whole.
    """
    alike = len({(o.learning_rate, *o.betas) for o in optimisers}) == 1

    @torch.no_grad()
    def move(*gradients: Tensor) -> None:
        for optimiser in optimisers:
            optimiser.steps += 1
        if alike:
            optimisers[0].apply(parameters, gradients, first, second)
            return
        for o, mine in zip(optimisers, zip(*gradients, strict=True), strict=True):
            o.apply(o.parameters, mine, o.first, o.second)

    return move
