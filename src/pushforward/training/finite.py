"""Whether all numbers of a training are finite, looked at in every round."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from pushforward.errors import Diverged
from pushforward.training.loop import Round, Training
from pushforward.training.population import Population

NAMED = 3  # of what broke, in a message
LARGE = 2**15  # numbers in a tensor from which on a sum of its own costs less than copying it


class Finite:
    """Looks at the terms, gradients, weights and buffers of a training.

    The sum of all is finite only if they are, so one number is fetched in a round; what broke is
    looked for when it is not. Buffers are those that a checkpoint holds.
    """

    def __init__(self, training: Training) -> None:
        # Each process has rows of its own in its buffers, and all must end in the same round.
        words = in_words(training.game, buffers=training.processes is None)
        tensors = {**dict(training.game.named_parameters()), **training.buffers}
        self.held = {words[name]: tensors[name] for name in words}
        self.total = Total(self.held.values())

    @torch.no_grad()
    def look(self, played: Round) -> None:
        """Raise `Diverged`, with the player and the term or the weight, if a number broke."""
        if not self.total.is_finite(played.values):
            broken = list(not_finite(played, self.held))
            if broken:
                raise diverged(played.number, broken)


class Finites:
    """The same for a population: a member that broke is frozen, and the others go on."""

    def __init__(self, population: Population, ended: dict[int, Diverged]) -> None:
        self.population, self.ended = population, ended
        self._begin()

    def _begin(self) -> None:
        population = self.population
        self.stacks = population.parameters
        words, tensors = in_words(population.game), self.stacks | population.buffers
        self.held = {words[name]: tensors[name] for name in words}
        self.total = Total(self.held.values())

    @torch.no_grad()
    def look(self, played: Round) -> None:
        """Freeze each member that broke; raise `Diverged` when none is left."""
        population = self.population
        if self.stacks is not population.parameters:  # it was thinned, or gone back to a file
            self._begin()
        if self.total.is_finite(played.values):
            return
        parts = [*played.values, *self.held.values()]
        healthy = torch.stack([part.isfinite().flatten(1).all(1) for part in map(_wide, parts)])
        for row, (k, fine) in enumerate(zip(population.rows, healthy.all(0).tolist(), strict=True)):
            if k in population.running and not fine:
                mine = Round(played.number, {p: _row(t, row) for p, t in played.terms.items()})
                broken = list(not_finite(mine, _row(self.held, row)))
                self.ended[k] = diverged(played.number, broken)
                population.freeze(k)
        if not population.running:
            raise next(reversed(self.ended.values()))


def _wide(stacked: Tensor) -> Tensor:
    return stacked if stacked.dim() > 1 else stacked[:, None]


def _row(tensors: Mapping[str, Tensor], row: int) -> dict[str, Tensor]:
    return {name: tensor[row] for name, tensor in tensors.items()}


class Total:
    """The sum of tensors that stay where they are, small ones copied into one vector before."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        flat = [in_memory(tensor) for tensor in tensors]
        self.small = [tensor for tensor in flat if len(tensor) < LARGE]
        self.large = [tensor for tensor in flat if len(tensor) >= LARGE]

    def is_finite(self, values: Tensor) -> bool:
        """Whether it is, with these values added."""
        total = torch.cat([*self.small, values.detach().flatten()]).sum()
        for tensor in self.large:
            total = total + tensor.sum()
        return math.isfinite(total.item())


def in_words(game: nn.Module, *, buffers: bool = True) -> dict[str, str]:
    """What a game holds in numbers that must stay finite: its name, and what to call it."""
    kept = game.state_dict() if buffers else {}
    named: dict[str, tuple[str, Tensor]] = {}
    named |= {n: (f"weight {n}", tensor) for n, tensor in game.named_parameters()}
    named |= {n: (f"buffer {n}", tensor) for n, tensor in game.named_buffers() if n in kept}
    return {n: w for n, (w, t) in named.items() if t.is_floating_point() and t.numel()}


def in_memory(tensor: Tensor) -> Tensor:
    """The numbers of a dense tensor as a vector, in the order in which they lie there.

    >>> image = torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last)
    >>> in_memory(image).data_ptr() == image.data_ptr()
    True
    """
    order = sorted(range(tensor.dim()), key=tensor.stride, reverse=True)
    return tensor.detach().permute(order).view(-1)


def not_finite(played: Round, held: Mapping[str, Tensor]) -> Iterator[str]:
    """What of a round and of what is held is not finite, in words; the causes come first."""
    for player, terms in played.terms.items():
        for term, value in terms.items():
            if not value.isfinite():
                yield f"{player}'s gradient" if term == "gradient" else f"{player}/{term}"
    yield from (name for name, tensor in held.items() if not tensor.isfinite().all())


def diverged(number: int, broken: list[str]) -> Diverged:
    """The error that says what broke, and what to try."""
    more = f" and {len(broken) - NAMED} more" * (len(broken) > NAMED)
    verb = "is" if len(broken) == 1 else "are"
    return Diverged(
        f"training diverged in round {number}: {', '.join(broken[:NAMED])}{more} {verb} not finite;"
        " try a smaller learning_rate, or look for extreme values in the data"
    )
