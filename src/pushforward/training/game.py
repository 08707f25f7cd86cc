"""Training is a game: players take turns, each moves only the networks it owns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pushforward.training.optimiser import Adam

Terms = dict[str, Tensor]
Tensors = dict[str, Tensor]


class Loss(NamedTuple):
    """The addends of a loss, and outputs for `Game.update`."""

    terms: Terms
    outputs: Tensors


@dataclass(frozen=True)
class Player:
    """Who minimises the sum of the terms of `loss(x, noise)` over the networks that it owns.

    The loss is a pure function of a batch and its noise, and of the game's parameters and buffers:
    arithmetic, without `detach`, `backward` or `step`. It may return a `Loss`, with outputs beside
    its terms, where the game keeps state that is not learnt or logs what is not minimised.
    """

    name: str
    loss: Callable[[Tensor, Tensors], Terms | Loss]
    owns: tuple[nn.Module, ...]
    turns: int | Callable[[int], int] = 1  # in a round, or how many in round number r = 1, 2, …
    clip: float | None = None  # the largest weight, in absolute value, that is left after a move

    def turns_in(self, number: int) -> int:
        """Its turns in round `number`."""
        return self.turns(number) if callable(self.turns) else self.turns


class Game(nn.Module, ABC):
    """Networks and the players who move them.

    A game says who plays, what noise a batch of n rows needs, and (where it keeps state in buffers)
    how its outputs update them. All randomness arrives as an argument, already drawn, so the same
    losses serve autograd and `torch.func`.
    """

    simultaneous = False  # whether all losses are differentiated before the first player moves
    grows = False  # whether players may own what their losses do not use yet: its gradient is 0

    @abstractmethod
    def players(self) -> tuple[Player, ...]:
        """The players in the order of their turns."""

    @abstractmethod
    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        """What n rows need of randomness, by name, each `(n, ...)`, on the CPU."""

    def joint(self, x: Tensor, noise: Tensors) -> Iterator[tuple[str, Terms | Loss]] | None:  # noqa: ARG002
        """One turn of every player with shared work, or None when there is nothing to share.

        A generator: it yields a player's name and loss, the loop moves that player, and the next
        loss is computed with the moved networks. It must agree with the players' own losses.
        """
        return None

    def update(self, player: str, outputs: Tensors) -> Tensors:  # noqa: ARG002
        """New values of buffers by name, after a move of `player`, from the outputs of its loss.

        Outside differentiation, and a pure function too (`torch.where`, not branches): whoever runs
        the game stores the values.
        """
        return {}

    def watch(self, optimisers: Mapping[str, Adam]) -> None:  # noqa: ARG002
        """Told once, before training, who will move the players: for losses that look ahead.

        Such a game may register an optimiser's own tensors as its (non-persistent) buffers.
        """
        return

    def forward(self, player: str, x: Tensor, noise: Tensors) -> Loss:
        """A player's loss by name: the entry for `torch.func.functional_call`."""
        (loss,) = (p.loss for p in self.players() if p.name == player)
        return as_loss(loss(x, noise))

    def owned(self, player: Player) -> dict[str, nn.Parameter]:
        """The parameters that a player moves, by their names in the game."""
        mine = {id(p) for module in player.owns for p in module.parameters()}
        return {name: p for name, p in self.named_parameters() if id(p) in mine}


def as_loss(result: Terms | Loss) -> Loss:
    """What a loss function returned, with no outputs where it named none."""
    return result if isinstance(result, Loss) else Loss(result, {})


def logged(loss: Loss, norms: Sequence[Tensor]) -> Terms:
    """What a turn leaves in the log: terms, outputs that are numbers, and the gradient's norm.

    `norms` are those of the gradient's parts.
    """
    numbers = {name: value for name, value in loss.outputs.items() if value.dim() == 0}
    return {**loss.terms, **numbers, "gradient": torch.stack(list(norms)).norm()}
