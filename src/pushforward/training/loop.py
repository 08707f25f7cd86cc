"""The one loop: an iterator that plays a game, round after round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

from pushforward.data.minibatches import Minibatches
from pushforward.data.windows import Places
from pushforward.training.distributed import Processes
from pushforward.training.game import Game, Loss, Player, Tensors, Terms, as_loss, logged
from pushforward.training.optimiser import Adam

PRECISIONS = ("float32", "bfloat16")  # of what networks compute
BLOCK = 32  # turns whose rows and noise are drawn at once; part of what a seed means


@dataclass
class Round:
    """Every player has had its turns: what each one's last turn left in the log."""

    number: int
    terms: dict[str, Terms]

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each number in the log, "generator/fool"."""
        return tuple(f"{player}/{term}" for player, terms in self.terms.items() for term in terms)

    @cached_property
    def values(self) -> Tensor:
        """All numbers in the log as one tensor: `(terms,)`, or `(terms, K)` of a population."""
        flat = (value for terms in self.terms.values() for value in terms.values())
        return torch.stack([value.detach() for value in flat])


class Table(Protocol):
    """Rows `(n, p)` in memory, a tensor, or on disk."""

    device: torch.device

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> Tensor: ...
    def index_select(self, dim: int, index: Tensor, /) -> Tensor: ...


class Stream:
    """Batches and their noise from one generator on the CPU, so a seed means the same everywhere.

    They are drawn in blocks; the cursor is the state in which a block began and how many of its
    turns are used. One of several processes draws what all do, and keeps its share.
    """

    def __init__(
        self,
        x: Table,
        batch_size: int,
        noise: Callable[..., Tensors],
        rng: torch.Generator,
        processes: Processes | None = None,
    ) -> None:
        self.x, self.noise, self.rng = x, noise, rng
        self.batches: Minibatches | Places
        if isinstance(x, Tensor):
            self.batches = Minibatches(len(x), batch_size, rng)
        else:
            self.batches = Places(len(x), batch_size)
        self.batch_size = self.batches.batch_size
        self.share = slice(None) if processes is None else processes.share(self.batch_size)
        self.used = BLOCK

    def draw_block(self) -> None:
        """Rows `(turns, n)` and noise `(turns, n, ...)` of the next turns."""
        self.began = {"rng": self.rng.get_state(), **self.batches.state_dict()}
        rows = self.batches.take(BLOCK)
        drawn = self.noise(BLOCK * self.batch_size, self.rng)
        shape, mine, device = (BLOCK, self.batch_size), (slice(None), self.share), self.x.device
        self.rows = rows[mine].to(device)
        self.drawn = {name: t.unflatten(0, shape)[mine].to(device) for name, t in drawn.items()}
        self.used = 0

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> tuple[Tensor, Tensors]:
        if self.used == BLOCK:
            self.draw_block()
        x = self.x.index_select(0, self.rows[self.used])
        noise = {name: block[self.used] for name, block in self.drawn.items()}
        self.used += 1
        return x, noise

    def state_dict(self) -> dict[str, Any]:
        fresh = {"rng": self.rng.get_state(), **self.batches.state_dict()}
        return {"began": fresh if self.used == BLOCK else self.began, "used": self.used % BLOCK}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rng.set_state(torch.as_tensor(state["began"]["rng"]))
        self.batches.load_state_dict(state["began"])
        self.used = BLOCK
        if state["used"]:
            self.draw_block()
            self.used = state["used"]


class Training:
    """A game in progress: all that a checkpoint must hold to go on exactly where it stopped.

    With `precision` "bfloat16" the products and convolutions of the losses, and so of their
    gradients, are of numbers with 8 significant bits (`torch.autocast`); weights, moments and sums
    stay float32. One of several `processes` averages over them what its losses give.
    """

    def __init__(
        self,
        game: Game,
        stream: Stream,
        optimisers: dict[str, Adam],
        precision: str = "float32",
        processes: Processes | None = None,
    ) -> None:
        self.game, self.stream, self.optimisers = game, stream, optimisers
        self.precision, self.processes = precision, processes
        game.watch(optimisers)
        self.players = game.players()
        self.owned = {p.name: list(game.owned(p).values()) for p in self.players}
        self.buffers = dict(game.named_buffers())
        self.round = 0

    def turn(self, players: tuple[Player, ...], x: Tensor, noise: Tensors) -> dict[str, Terms]:
        """One turn of each of these players on one batch, in order."""
        losses = self.game.joint(x, noise) if len(players) == len(self.players) else None
        if losses is None:
            losses = ((player.name, player.loss(x, noise)) for player in players)
        # One by one, each loss with the moved networks, unless the moves are to be simultaneous.
        steps: Iterable[Any] = (
            (name, *self.differentiate(name, loss)) for name, loss in self.computed(losses)
        )
        if self.game.simultaneous:
            steps = list(steps)
        return {name: self.move(name, loss, gradients) for name, loss, gradients in steps}

    def computed(
        self, losses: Iterator[tuple[str, Terms | Loss]]
    ) -> Iterator[tuple[str, Terms | Loss]]:
        """Losses as they come, each computed in this training's precision when it is asked for."""
        while True:
            with self.in_precision():
                found = next(losses, None)
            if found is None:
                return
            yield found

    def in_precision(self) -> AbstractContextManager[Any]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.stream.x.device.type, torch.bfloat16)

    def differentiate(self, player: str, result: Terms | Loss) -> tuple[Loss, Sequence[Tensor]]:
        """The loss, and its gradient with respect to what `player` owns."""
        loss = as_loss(result)
        first, *rest = loss.terms.values()
        # An unused parameter is a mistake, where the game does not say otherwise.
        grows = self.game.grows
        return loss, torch.autograd.grad(
            sum(rest, first), self.owned[player], allow_unused=grows, materialize_grads=grows
        )

    def move(self, player: str, loss: Loss, gradients: Sequence[Tensor]) -> Terms:
        """Step `player`'s own parameters down the gradient, and set the buffers."""
        if self.processes is not None:
            loss, gradients = self.averaged(self.processes, loss, gradients)
        self.optimisers[player].step(gradients)
        with torch.no_grad():
            for name, value in self.game.update(player, loss.outputs).items():
                self.buffers[name].copy_(value)
            return logged(loss, torch._foreach_norm(list(gradients)))

    def averaged(
        self, processes: Processes, loss: Loss, gradients: Sequence[Tensor]
    ) -> tuple[Loss, list[Tensor]]:
        """Means over processes of the gradient, the terms, and those outputs that are numbers.

        And of the statistics that batch norms run. Outputs that are rows stay with their process.
        """
        numbers = {k: v for k, v in loss.outputs.items() if v.dim() == 0}
        running = [tensor for name, tensor in self.buffers.items() if "running_" in name]
        ours = [*gradients, *running, *loss.terms.values(), *numbers.values()]
        means = iter(processes.average(ours))
        mean_gradients = [next(means) for _ in gradients]
        for tensor in running:
            tensor.copy_(next(means))
        terms = {name: next(means) for name in loss.terms}
        outputs = loss.outputs | {name: next(means) for name in numbers}
        return Loss(terms, outputs), mean_gradients

    def state_dict(self) -> dict[str, Any]:
        return {
            "round": self.round,
            "game": self.game.state_dict(),
            "stream": self.stream.state_dict(),
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.round = state["round"]
        load_weights(self.game, state["game"])
        self.stream.load_state_dict(state["stream"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])


def load_weights(module: torch.nn.Module, state: dict[str, Any]) -> None:
    """Put arrays or tensors, by name, into a module."""
    module.load_state_dict({name: torch.as_tensor(value) for name, value in state.items()})


def optimisers_for(
    game: Game,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    corrected: bool = True,
) -> dict[str, Adam]:
    """An Adam for each player of a game."""
    return {
        player.name: Adam(
            list(game.owned(player).values()), learning_rate, betas, corrected, player.clip
        )
        for player in game.players()
    }


class Playable(Protocol):
    """A training, or many as one."""

    players: tuple[Player, ...]
    stream: Iterator[tuple[Tensor, Tensors]]
    round: int

    def turn(self, players: tuple[Player, ...], x: Tensor, noise: Tensors) -> dict[str, Terms]: ...


def play(training: Playable) -> Iterator[Round]:
    """Play rounds for ever; what is around this iterator logs, averages, saves and stops.

    In a round every player has its turns, in order, each turn on a fresh batch; the last turns of
    all players share one batch, and one generated batch where the game offers a joint forward.
    """
    while True:
        played = _play_round(training)
        training.round += 1
        yield Round(training.round, played)


def _play_round(training: Playable) -> dict[str, Terms]:
    for player in training.players:
        for _ in range(player.turns_in(training.round + 1) - 1):
            training.turn((player,), *next(training.stream))
    return training.turn(training.players, *next(training.stream))
