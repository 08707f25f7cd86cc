"""Many copies of one game, trained at once.

The members of a population are ordinary trainings, each with its own game, seed, batches and
optimisers. Here their tensors become rows of stacks, so that one operation moves all of them; what
belongs to one member (its checkpoint, its average, its scores) goes on reading its own row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pushforward.errors import Diverged
from pushforward.training.adaptors import Average, Healthy, History, Stopper, Sums
from pushforward.training.game import Player, Tensors, Terms
from pushforward.training.loop import BLOCK, Round, Stream, Training
from pushforward.training.optimiser import move_together
from pushforward.training.replay import Turn


class Population:
    """K trainings of one game in lock-step; the same interface to the loop as one training.

    Members differ in their weights, rows, random streams, optimisers' settings, and the buffers of
    their games. A member that is frozen keeps what it has and the others go on, bit for bit as
    before: its row of the stacks is still moved, and belongs to nobody. `thin` takes such rows out,
    after which the others agree to rounding only: sums over other shapes run in another order.
    """

    def __init__(self, members: Sequence[Training]) -> None:
        self.members = list(members)
        self.game = self.members[0].game  # its losses are called, with the others' tensors
        self.players = self.members[0].players
        self.running = list(range(len(self.members)))
        self.rows = list(self.running)  # whose rows the stacks hold, also of those now frozen
        self._stack()

    @property
    def round(self) -> int:
        """Rounds played by those that still run, or by the last that did."""
        return max(member.round for member in self.members)

    @round.setter
    def round(self, number: int) -> None:
        for k in self.running:
            self.members[k].round = number

    def _stack(self) -> None:
        """Make the tensors of members rows of stacks."""
        members = [self.members[k] for k in self.rows]
        games = [member.game for member in members]
        names = list(dict(self.game.named_parameters()))
        values = stack([list(game.parameters()) for game in games])
        self.parameters = dict(zip(names, values, strict=True))
        self.moves, self.carried = {}, {}
        shared: dict[int, Tensor] = {}  # stacks of what optimisers hold
        for player in self.players:
            optimisers = [member.optimisers[player.name] for member in members]
            owned = [self.parameters[name] for name in self.game.owned(player)]
            first = stack([optimiser.first for optimiser in optimisers])
            second = stack([optimiser.second for optimiser in optimisers])
            (steps,) = stack([[optimiser.steps] for optimiser in optimisers])
            self.moves[player.name] = move_together(optimisers, owned, first, second, steps)
            theirs = [*optimisers[0].first, *optimisers[0].second, optimisers[0].steps]
            held = dict(zip(map(id, theirs), [*first, *second, steps], strict=True))
            self.carried[player.name] = [n for n, b in games[0].named_buffers() if id(b) in held]
            shared |= held
        self.buffers = {
            name: shared[id(mine)] if id(mine) in shared else stack([[b] for b in same])[0]
            for (name, mine), *same in zip(
                games[0].named_buffers(), *(game.buffers() for game in games), strict=True
            )
        }
        self.stream = Streams([member.stream for member in members])
        self.turns: dict[tuple[Player, ...], Turn] = {}
        for k in set(self.rows) - set(self.running):
            self._release(k)

    def turn(self, players: tuple[Player, ...], x: Tensor, noise: Tensors) -> dict[str, Terms]:
        """One turn of each of these players on one batch `(K, n, ...)`, in order."""
        if not self.turns:
            self.record()
        return self.turns[players](x, noise)

    def record(self) -> None:
        """Record the turns of a round, before the first and when members have gone.

        Raises:
            RuntimeError: a loss cannot be batched over members; the message says what.
        """
        if self.members[0].precision != "float32":
            raise RuntimeError(f"a population computes in float32, not {self.members[0].precision}")
        k, stream = len(self.rows), self.members[0].stream
        n = stream.batch_size
        noise = {
            name: t.to(stream.x.device).expand(k, *t.shape).clone()
            for name, t in self.game.noise(n, torch.Generator().manual_seed(0)).items()
        }
        rows = stream.x[:n]
        batch = rows.expand(k, *rows.shape).clone(), noise
        needed = {(player,) for player in self.players if player.turns != 1} | {self.players}
        for players in needed:
            self.turns[players] = Turn(
                self.game, players, self.parameters, self.buffers, batch, self.moves, self.carried
            )

    def freeze(self, k: int) -> None:
        """Let the others go on without member k."""
        self.running.remove(k)
        self._release(k)

    def _release(self, k: int) -> None:
        """Give a member tensors of its own again."""
        member = self.members[k]
        mine = [*member.game.parameters(), *member.game.buffers()]
        for optimiser in member.optimisers.values():
            mine += [*optimiser.first, *optimiser.second, optimiser.steps]
        for tensor in mine:
            tensor.data = tensor.data.clone()

    def thin(self) -> None:
        """Take the rows of the frozen out where they are half of all or more."""
        if self.running and 2 * len(self.running) <= len(self.rows):
            self.rows = list(self.running)
            self._stack()

    def state_dict(self) -> dict[str, Any]:
        return {
            "running": list(self.running),
            "rows": list(self.rows),
            "members": {str(k): m.state_dict() for k, m in enumerate(self.members)},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for k, member in enumerate(self.members):
            member.load_state_dict(state["members"][str(k)])
        self.running, self.rows = list(state["running"]), list(state["rows"])
        self._stack()


def stack(lists: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """The j-th tensors of K lists as one tensor `(K, ...)`, of which they become rows."""
    stacks = [
        torch.stack([tensor.detach() for tensor in same]) for same in zip(*lists, strict=True)
    ]
    for k, tensors in enumerate(lists):
        for tensor, stacked in zip(tensors, stacks, strict=True):
            tensor.data = stacked[k]
    return stacks


class Streams:
    """The batches of several streams, `(K, n, ...)`, block by block."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.streams = list(streams)
        tables = [x for x in {id(s.x): s.x for s in streams}.values() if isinstance(x, Tensor)]
        self.x = tables[0] if len(tables) == 1 else torch.cat(tables)
        began = dict(zip(map(id, tables), _offsets(tables), strict=True))
        self.offsets = [began[id(s.x)] for s in streams]
        self.rows: Tensor | None = None

    def _stack_block(self) -> None:
        """Batches of all members one after the other, `(turns, K, n, ...)`."""
        rows = [s.rows + first for s, first in zip(self.streams, self.offsets, strict=True)]
        self.rows = torch.stack(rows, dim=1)
        names = self.streams[0].drawn
        self.drawn = {n: torch.stack([s.drawn[n] for s in self.streams], dim=1) for n in names}

    def __iter__(self) -> Streams:
        return self

    def __next__(self) -> tuple[Tensor, Tensors]:
        if self.streams[0].used == BLOCK:
            for stream in self.streams:
                stream.draw_block()
            self.rows = None
        if self.rows is None:
            self._stack_block()
        assert self.rows is not None
        used = self.streams[0].used
        for stream in self.streams:
            stream.used += 1
        rows = self.rows[used]
        x = self.x.index_select(0, rows.flatten()).unflatten(0, rows.shape)
        return x, {name: block[used] for name, block in self.drawn.items()}


def _offsets(tables: Sequence[Tensor]) -> list[int]:
    ends = torch.tensor([0] + [len(table) for table in tables]).cumsum(0)
    return [int(end) for end in ends[:-1]]


class Histories:
    """The learning curves of all members that run, and why others ended."""

    def __init__(
        self, population: Population, histories: Sequence[History], ended: dict[int, Diverged]
    ) -> None:
        self.population, self.histories, self.ended = population, list(histories), ended
        self.rows = list(population.rows)
        self.sums = Sums()

    def add(self, played: Round) -> None:
        if self.rows != self.population.rows:  # it was thinned
            self.sums.keep([self.rows.index(k) for k in self.population.rows])
            self.rows = list(self.population.rows)
        self.sums.add(played)
        every = self.histories[0].every
        if played.number % every == 0:
            means = self.sums.means(every)
            self.sums = Sums()
            for row, k in enumerate(self.rows):
                if k in self.population.running:
                    mine = {key: mean[row] for key, mean in means.items()}
                    self.histories[k].rows.append({"round": played.number, **mine})

    def state_dict(self) -> dict[str, Any]:
        return {
            "members": {str(k): history.state_dict() for k, history in enumerate(self.histories)},
            "rows": list(self.rows),
            "sums": self.sums.state_dict(),
            "ended": {str(k): str(error) for k, error in self.ended.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for k, history in enumerate(self.histories):
            history.load_state_dict(state["members"][str(k)])
        self.rows = list(state["rows"])
        self.sums.load_state_dict(state["sums"])
        self.ended.update({int(k): Diverged(reason) for k, reason in state["ended"].items()})


class Averages:
    """The averages of all members' weights, moved together."""

    def __init__(self, population: Population, averages: Sequence[Average]) -> None:
        self.population, self.averages = population, list(averages)
        self._stack()

    def _stack(self) -> None:
        self.rows = list(self.population.rows)
        self.mean = stack([self.averages[k].mean for k in self.rows])

    def add(self, number: int) -> None:
        if self.rows != self.population.rows:  # it was thinned
            self._stack()
        decay = self.averages[0].decay_at(number)
        torch._foreach_lerp_(self.mean, list(self.population.parameters.values()), 1 - decay)

    def state_dict(self) -> dict[str, Any]:
        return {str(k): average.state_dict() for k, average in enumerate(self.averages)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for k, average in enumerate(self.averages):
            average.load_state_dict(state[str(k)])


class Healthies:
    """The last healthy state of every member that still runs."""

    def __init__(self, population: Population, healthies: Sequence[Healthy]) -> None:
        self.population, self.healthies = population, list(healthies)

    def keep(self) -> None:
        for k in self.population.running:
            self.healthies[k].keep()

    def state_dict(self) -> dict[str, Any]:
        return {str(k): healthy.state_dict() for k, healthy in enumerate(self.healthies)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for k, healthy in enumerate(self.healthies):
            healthy.load_state_dict(state[str(k)])


class Stoppers:
    """Every member keeps its best state, and is frozen when that has long been passed."""

    def __init__(self, population: Population, stoppers: Sequence[Stopper]) -> None:
        self.population, self.stoppers = population, list(stoppers)

    @property
    def best_score(self) -> float:
        return min(stopper.best_score for stopper in self.stoppers)

    def due(self, number: int) -> bool:
        running = self.population.running
        return bool(running) and self.stoppers[running[0]].due(number)

    def look(self, number: int) -> None:
        for k in list(self.population.running):
            self.stoppers[k].look(number)
            if self.stoppers[k].over(number):
                self.population.freeze(k)
        self.population.thin()

    def over(self, number: int) -> bool:  # noqa: ARG002
        return not self.population.running

    def state_dict(self) -> dict[str, Any]:
        return {str(k): stopper.state_dict() for k, stopper in enumerate(self.stoppers)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for k, stopper in enumerate(self.stoppers):
            stopper.load_state_dict(state[str(k)])
