"""The game of a refiner of simulated images against a discriminator of their parts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from pushforward.models.history import HistoryBuffer
from pushforward.models.unpaired import Unpaired
from pushforward.networks.refiner import Refiner
from pushforward.training.game import Loss, Player, Tensors, Terms


@dataclass(frozen=True)
class Turns:
    """So many in each round, but in the first one those of the start, and one more."""

    each: int
    start: int = 0

    def __call__(self, number: int) -> int:
        return 1 + self.start if number == 1 else self.each


class Refinement(Unpaired):
    """R makes simulated images x look real, and D says of each patch whether it was refined.

    D: E Σ −log D(x̃) + E Σ −log(1 − D(y)),   x̃ half from R(x) and half from past ones       (eq. 2)
    R: E Σ −log(1 − D(R(x))) + λ ‖ψ(R(x)) − ψ(x)‖₁                                          (eq. 4)

    with Σ over patches, and y real images. D = σ(ℓ) is the probability of being refined; the
    discriminator gives ℓ of each patch, `(n, patches)`. All of it is divided by the number of
    patches, which leaves λ what it is. Shrivastava et al. 2017, arXiv:1612.07828, algorithm 1.

    The refiner keeps to its images alone until the discriminator has had its first turn: in the
    first round the refiner, then the discriminator have the turns that start them.
    """

    def __init__(
        self,
        refiner: Refiner,
        discriminator: nn.Module,
        compared: nn.Module,
        real: Tensor,
        weight: float,
        history: int,
        turns: tuple[Turns, Turns] = (Turns(1), Turns(1)),
    ) -> None:
        super().__init__()
        self.weight: Tensor
        self.opened: Tensor
        self.refiner, self.discriminator, self.compared = refiner, discriminator, compared
        self.history = HistoryBuffer(history, real.shape[1]) if history else None
        self.turns = turns
        self.keep(real)
        # A buffer, so that the members of a population may each have their own.
        self.register_buffer("weight", torch.tensor(float(weight)), persistent=False)
        self.register_buffer("opened", torch.zeros(()))  # 1 once the discriminator has moved

    def players(self) -> tuple[Player, ...]:
        ours, theirs = self.turns
        return (
            Player("refiner", self.refine, owns=(self.refiner,), turns=ours),
            Player("discriminator", self.judge, owns=(self.discriminator,), turns=theirs),
        )

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        drawn = self.chosen(n, rng)
        if self.history is not None:
            drawn |= self.history.noise(n, rng)
        if self.refiner.noises:
            drawn["grain"] = torch.randn(n, self.refiner.noises, generator=rng)
        return drawn

    def refined(self, x: Tensor, noise: Tensors) -> Tensor:
        """R(x), of the first rows of a batch if there are fewer than it has noise for."""
        return self.refiner(torch.cat([x, noise["grain"][: len(x)]], 1) if "grain" in noise else x)

    def refine(self, x: Tensor, noise: Tensors) -> Terms:
        x, _ = self.both(x, noise)
        refined = self.refined(x, noise)
        values = self.discriminator(refined)
        change = (self.compared(refined) - self.compared(x)).abs().sum(1).mean()
        return {
            "fool": self.opened * softplus(values).mean(),
            "change": self.weight * change / values.shape[1],
        }

    def judge(self, x: Tensor, noise: Tensors) -> Loss:
        state: Tensors = {}
        x, real = self.both(x, noise)
        if self.history is None:
            fake = self.refined(x, noise)
        else:
            fresh = self.refined(x[: len(x) - len(x) // 2], noise)
            fake, after = self.history.show(fresh, noise["recalled"], noise["replaced"])
            state = {f"history.{name}": t for name, t in after.items()}
        refined, true = self.discriminator(torch.cat([fake, real])).split(len(x))
        return Loss({"refined": softplus(-refined).mean(), "real": softplus(true).mean()}, state)

    def update(self, player: str, outputs: Tensors) -> Tensors:
        return (
            outputs | {"opened": torch.ones_like(self.opened)} if player == "discriminator" else {}
        )
