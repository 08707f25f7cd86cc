"""Adam with its state in plain sight, so that a checkpoint can hold it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor

EPSILON = 1e-8


class Pace:
    """The share of the learning rate that a schedule leaves; copies of an optimiser share one."""

    def __init__(self) -> None:
        self.factor = 1.0


class Adam:
    """Adam (Kingma & Ba 2015, Algorithm 1) on a fixed list of parameters.

    A thin state around torch's fused kernel: `torch.optim.Adam.step` costs more in bookkeeping than
    the arithmetic of a small network. Without the correction of its early moments (`corrected`) and
    with β₁ = 0 it is RMSProp, with β₂ its α. Weights stay within ±`clip` where that is given.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        corrected: bool = True,
        clip: float | None = None,
    ) -> None:
        self.parameters = list(parameters)
        self.pace = Pace()
        self.rate = torch.empty((), device=self.parameters[0].device)  # for losses that look ahead
        self.learning_rate, self.betas, self.corrected = learning_rate, betas, corrected
        self.clip = clip
        self.first = [torch.zeros_like(p) for p in self.parameters]
        self.second = [torch.zeros_like(p) for p in self.parameters]
        device = self.parameters[0].device
        self.steps = torch.zeros((), device=device)
        self.never = torch.full((), torch.inf, device=device)  # after so many β^steps is 0

    @property
    def learning_rate(self) -> float:
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = value
        self.tell_rate()

    def tell_rate(self) -> None:
        """Write the rate of the next step where losses that look ahead read it."""
        self.rate.fill_(self.learning_rate * self.pace.factor)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        self.steps += 1
        self.apply(gradients)

    def apply(self, gradients: Sequence[Tensor]) -> None:
        """Move by the settings and the number of steps as they are."""
        torch._fused_adam_(
            self.parameters,
            [in_order_of(p, g) for p, g in zip(self.parameters, gradients, strict=True)],
            self.first,
            self.second,
            [],
            [self.steps if self.corrected else self.never] * len(self.parameters),
            lr=self.learning_rate * self.pace.factor,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )
        if self.clip is not None:
            torch._foreach_clamp_min_(self.parameters, -self.clip)
            torch._foreach_clamp_max_(self.parameters, self.clip)

    def state_dict(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "second": self.second,
            "steps": self.steps,
            "learning_rate": self.learning_rate,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps.copy_(torch.as_tensor(state["steps"]))
        self.learning_rate = state["learning_rate"]
        for mine in ("first", "second"):
            for tensor, saved in zip(getattr(self, mine), state[mine], strict=True):
                tensor.copy_(torch.as_tensor(saved))


def in_order_of(parameter: Tensor, gradient: Tensor) -> Tensor:
    """A gradient in its parameter's order in memory, which the fused kernel takes for granted.

    Convolutions of images whose channels come last have gradients in that order.
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def move_together(
    optimisers: Sequence[Adam],
    parameters: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    steps: Tensor,
) -> Callable[..., None]:
    """What steps optimisers in lock-step, given the gradients as stacks `(K, ...)`.

    The optimisers' parameters, moments and steps are rows of the given stacks, and it is the rows
    that are moved, also when an optimiser has been given other tensors since. Where all have the
    same settings, or only other clips, the stacks are moved whole.
    """
    columns = {"parameters": parameters, "first": first, "second": second}
    rows = [copy(optimiser) for optimiser in optimisers]
    for k, row in enumerate(rows):
        row.steps = steps[k]
        for name, stacks in columns.items():
            setattr(row, name, [stacked[k] for stacked in stacks])
    bounds = bounds_of([row.clip for row in rows], parameters)
    if bounds:  # the stacks are held within them whole, and not row by row
        for row in rows:
            row.clip = None
    whole = copy(rows[0])
    vars(whole).update(columns)
    alike = len({(row.learning_rate, *row.betas) for row in rows}) == 1

    @torch.no_grad()
    def move(*gradients: Tensor) -> None:
        steps.add_(1)
        if alike:
            whole.steps = steps.amax()  # of those that run: a row may be that of a frozen one
            whole.apply(gradients)
        else:
            for row, mine in zip(rows, zip(*gradients, strict=True), strict=True):
                row.apply(mine)
        for stacked, bound in bounds:
            stacked.clamp_(-bound, bound)

    return move


def bounds_of(
    clips: Sequence[float | None], stacks: Sequence[Tensor]
) -> list[tuple[Tensor, Tensor]]:
    """Each stack `(K, ...)` and the bounds of its rows `(K, 1, ...)`; none where all are alike."""
    if len(set(clips)) == 1:
        return []
    largest = stacks[0].new_tensor([torch.inf if clip is None else clip for clip in clips])
    return [(stacked, largest.view(-1, *[1] * (stacked.dim() - 1))) for stacked in stacks]


def adam_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    steps: Tensor,
    learning_rate: Tensor,
    betas: Tensor,
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """One step of Adam as a function that can be differentiated: new parameters and moments.

    m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  θ ← θ − η m̂ / (√v̂ + ε), with `steps` counting
    this one too.
    """
    m_scale, v_scale = 1 - betas[0] ** steps, 1 - betas[1] ** steps
    moved: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g.square()
        # Where a gradient is and always was 0 the root's slope is infinite, and infinity × 0 is
        # not a number; 1e-30 under the root makes that 0.
        root = (v / v_scale + 1e-30).sqrt()
        for new, value in zip(
            moved, (p - learning_rate * (m / m_scale) / (root + EPSILON), m, v), strict=True
        ):
            new.append(value)
    return moved
