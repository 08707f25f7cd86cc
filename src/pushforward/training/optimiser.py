"""Adam with its state in plain sight, so that a checkpoint can hold it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam


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
        self.steps = [torch.zeros((), device=p.device) for p in self.parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        adam(
            self.parameters,
            list(gradients),
            self.first,
            self.second,
            [],
            self.steps,
            fused=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for mine in ("first", "second", "steps"):
            for tensor, saved in zip(getattr(self, mine), state[mine], strict=True):
                tensor.copy_(torch.as_tensor(saved))
