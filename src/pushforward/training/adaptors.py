"""What is wrapped around the loop: each takes the rounds and yields them on.

    rounds = play(training)
    rounds = log(rounds, history)
    rounds = watch(rounds, finite)
    rounds = keep_average(rounds, average)
    rounds = guard(rounds, healthy, every)
    rounds = stop(rounds, stopper)
    rounds = until_asked(rounds)
    rounds = save(rounds, path, state)
    for _ in progress(rounds, ...): pass

What an adaptor must remember across an interruption is an object with `state_dict` and
`load_state_dict`, handed in, so that a checkpoint holds it.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn

from pushforward.errors import FileError, InputError, TrainingWarning
from pushforward.progress import on_terminal
from pushforward.safekeeping import keep_twice
from pushforward.signals import asked
from pushforward.training.loop import Round, Training, load_weights
from pushforward.training.optimiser import Adam

State = dict[str, Any]


class Stateful(Protocol):
    """Something that a checkpoint holds."""

    def state_dict(self) -> State: ...
    def load_state_dict(self, state: State) -> None: ...


class Listener(Protocol):
    """The learning curve of a training, or of many."""

    def add(self, played: Round) -> None: ...


class Looker(Protocol):
    """Who looks whether all numbers are finite, and raises `Diverged` where they are not."""

    def look(self, played: Round) -> None: ...


class Averager(Protocol):
    """The average of one training's weights, or of many."""

    def add(self, number: int) -> None: ...


class Keeper(Protocol):
    """Who keeps the last healthy state of a training, or of many."""

    def keep(self) -> None: ...


class Watcher(Protocol):
    """Who scores a training, or many, and says when it is over."""

    def due(self, number: int) -> bool: ...
    def look(self, number: int) -> None: ...
    def over(self, number: int) -> bool: ...


class History:
    """The learning curve: each term's mean over `every` rounds."""

    def __init__(self, every: int = 50) -> None:
        self.every = every
        self.rows: list[dict[str, float]] = []  # {"round": 50, "generator/fool": 0.69, ...}
        self._sums = Sums()

    def add(self, played: Round) -> None:
        self._sums.add(played)
        if played.number % self.every == 0:
            means = self._sums.means(self.every)
            self._sums = Sums()
            self.rows.append({"round": played.number, **means})

    def forget(self, number: int) -> None:
        """Drop what was logged after that round, with which a row was closed."""
        self.rows = [row for row in self.rows if row["round"] <= number]
        self._sums = Sums()

    def state_dict(self) -> State:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        table = np.array([[row.get(name, np.nan) for name in names] for row in self.rows])
        return {"names": names, "rows": table, "sums": self._sums.state_dict()}

    def load_state_dict(self, state: State) -> None:
        self.rows = [_row(state["names"], line) for line in state["rows"].tolist()]
        self._sums.load_state_dict(state["sums"])


def _row(names: Sequence[str], line: Sequence[float]) -> dict[str, float]:
    """A row of the learning curve, without the terms that it does not have."""
    found = {name: value for name, value in zip(names, line, strict=True) if not math.isnan(value)}
    return found | {"round": int(found["round"])}


class Sums:
    """Sums over rounds of what they log, as one vector for rounds that log the same."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, ...], Tensor] = {}  # names of terms: their sums

    def add(self, played: Round) -> None:
        names, values = played.names, played.values
        self.of[names] = self.of[names].to(values) + values if names in self.of else values

    def means(self, rounds: int) -> dict[str, Any]:
        """Each term's sum by that many rounds; a list over members for a population's."""
        found: dict[str, Any] = {}
        for names, total in self.of.items():
            for name, value in zip(names, total, strict=True):
                found[name] = found[name] + value if name in found else value
        return {name: (total / rounds).tolist() for name, total in found.items()}

    def keep(self, rows: list[int]) -> None:
        """Forget all members of a population but those in these rows."""
        self.of = {names: total[:, rows] for names, total in self.of.items()}

    def state_dict(self) -> State:
        return {"names": [list(names) for names in self.of], "sums": list(self.of.values())}

    def load_state_dict(self, state: State) -> None:
        sums = map(torch.as_tensor, state["sums"])
        self.of = {tuple(n): total for n, total in zip(state["names"], sums, strict=True)}


class Healthy:
    """The last state of a training in which all was finite, to go back to with a smaller step.

    It is kept whenever the history closes a row, in a round in which nothing broke.
    """

    def __init__(self, training: Training, history: History, average: Average) -> None:
        self.parts: dict[str, Stateful] = {"training": training, "average": average}
        self.history = history
        self.optimisers = training.optimisers
        self.rollbacks = 0
        self.keep()

    def keep(self) -> None:
        """Copy the state as it is."""
        self.state = copy_of({name: part.state_dict() for name, part in self.parts.items()})

    def go_back(self) -> int:
        """Restore the state that was kept and halve the steps; the round it is of."""
        halved = {name: o.learning_rate / 2 for name, o in self.optimisers.items()}
        for name, part in self.parts.items():
            part.load_state_dict(copy_of(self.state[name]))
        for name, optimiser in self.optimisers.items():
            optimiser.learning_rate = halved[name]
        self.rollbacks += 1
        number = int(self.state["training"]["round"])
        self.history.forget(number)
        return number

    def state_dict(self) -> State:
        return {"rollbacks": self.rollbacks, "kept": self.state}

    def load_state_dict(self, state: State) -> None:
        self.rollbacks, self.state = state["rollbacks"], state["kept"]


def copy_of(tree: Any) -> Any:
    """Nested dicts and lists with tensors of their own."""
    if isinstance(tree, dict):
        return {key: copy_of(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [copy_of(value) for value in tree]
    return tree.clone() if isinstance(tree, Tensor) else tree


class Clock:
    """Seconds of training so far, earlier processes included."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.earlier = 0.0  # of them, in earlier processes

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def state_dict(self) -> State:
        return {"seconds": self.seconds}

    def load_state_dict(self, state: State) -> None:
        self.earlier = state["seconds"]
        self.began = time.monotonic() - self.earlier


class Average:
    """An exponential moving average of the weights, w̄ ← d·w̄ + (1 − d)·w, started at w.

    The statistics that batch norms run belong to the weights, and are averaged with them.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module, self.decay = module, decay
        statistics = [t for name, t in module.named_buffers() if "running_" in name]
        self.live: list[Tensor] = [*module.parameters(), *statistics]
        self.mean = [p.detach().clone() for p in self.live]

    def decay_at(self, number: int) -> float:
        """The first rounds are forgotten quickly: an average over the last tenth of a short run."""
        return min(self.decay, (1 + number) / (10 + number))

    @torch.no_grad()
    def add(self, number: int) -> None:
        torch._foreach_lerp_(self.mean, self.live, 1 - self.decay_at(number))

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the live weights and their average (twice is nothing)."""
        for live, mean in zip(self.live, self.mean, strict=True):
            kept = live.clone()
            live.copy_(mean)
            mean.copy_(kept)

    def state_dict(self) -> State:
        return {"mean": self.mean}

    def load_state_dict(self, state: State) -> None:
        for mine, saved in zip(self.mean, state["mean"], strict=True):
            mine.copy_(torch.as_tensor(saved))


class Stopper:
    """Keep the best averaged state by a score of samples; stop when it has long been passed.

    Scores come every `every` rounds at first, then every twentieth of the rounds played. Training
    stops when it has gone on for as long again (and at least `patience` rounds) since the best.
    Where a later state should be better if nothing speaks against it, it is kept too if its score
    is within `slack` of the best, as scores differ by chance. Before round `start` scores do not
    count: every later state is better, and training does not stop.
    """

    def __init__(
        self,
        average: Average,
        score: Callable[[], float],
        patience: int,
        slack: float = 0.0,
        start: int = 0,
    ) -> None:
        self.average, self.score, self.patience, self.slack = average, score, patience, slack
        self.start = start
        self.every = max(1, patience // 20)
        self.next = self.every
        self.best_score = math.inf
        self.kept_score = math.inf  # of the state that is kept: the best, or one within the slack
        self.best_round = 0
        self.best: dict[str, Tensor] = {}
        self.scores: list[tuple[int, float]] = []  # (round, score on the validation rows)

    def due(self, number: int) -> bool:
        return number >= self.next

    def look(self, number: int) -> None:
        """Score the averaged weights (lower is better) and keep them if they are the best."""
        self.average.swap()
        score = self.score()
        self.scores.append((number, score))
        self.next = number + max(self.every, number // 20)
        if self.best_round < self.start:  # what is kept was scored when scores did not count
            self.best_score = math.inf
            self.best = {}
        if score < self.best_score + self.slack or not self.best:
            self.kept_score, self.best_round = score, number
            self.best_score = min(score, self.best_score)
            state = self.average.module.state_dict()
            self.best = {k: v.detach().clone() for k, v in state.items()}
        self.average.swap()

    def forget(self, number: int) -> None:
        """Drop the scores after that round, to which training goes back."""
        self.scores = [score for score in self.scores if score[0] <= number]
        self.next = min(self.next, number + self.every)

    def over(self, number: int) -> bool:
        long = number - self.best_round >= max(self.patience, self.best_round)
        return long and number >= self.start

    def restore(self) -> None:
        """Put the best state back."""
        if self.best:
            load_weights(self.average.module, self.best)

    def state_dict(self) -> State:
        names = ("next", "best_score", "kept_score", "best_round")
        kept = {name: getattr(self, name) for name in names}
        return kept | {"best": self.best, "scores": [list(s) for s in self.scores]}

    def load_state_dict(self, state: State) -> None:
        self.next, self.best_round = state["next"], state["best_round"]
        self.best_score, self.kept_score = state["best_score"], state["kept_score"]
        self.best = {k: torch.as_tensor(v) for k, v in state["best"].items()}
        self.scores = [(int(r), float(s)) for r, s in state["scores"]]


def log(rounds: Iterable[Round], history: Listener) -> Iterator[Round]:
    """Write each round's terms into the learning curve."""
    for played in rounds:
        history.add(played)
        yield played


def watch(rounds: Iterable[Round], finite: Looker) -> Iterator[Round]:
    """Raise `Diverged` in the round in which a term, a gradient, a weight or a buffer breaks."""
    for played in rounds:
        finite.look(played)
        yield played


def guard(rounds: Iterable[Round], healthy: Keeper, every: int) -> Iterator[Round]:
    """Keep a state to go back to, every so many rounds in which nothing broke."""
    for played in rounds:
        if played.number % every == 0:
            healthy.keep()
        yield played


def keep_average(rounds: Iterable[Round], average: Averager) -> Iterator[Round]:
    """Carry an average of the weights along."""
    for played in rounds:
        average.add(played.number)
        yield played


def stop(rounds: Iterable[Round], stopper: Watcher) -> Iterator[Round]:
    """Score samples of the averaged weights now and then; end when they no longer improve."""
    for played in rounds:
        if stopper.due(played.number):
            stopper.look(played.number)
        yield played
        if stopper.over(played.number):
            return


def limit(rounds: Iterable[Round], max_rounds: int) -> Iterator[Round]:
    """End after `max_rounds` rounds, counted from the start of training, not of this process."""
    for played in rounds:
        yield played
        if played.number >= max_rounds:
            return


def anneal(
    rounds: Iterable[Round],
    optimisers: Sequence[Adam],
    start: int,
    max_rounds: int,
    deadline: float | None,
    began: float,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[Round]:
    """Let the learning rates fall linearly to 0, η_t = η (1 − t / max_rounds), after round `start`.

    Where the deadline is nearer than the last round, t / max_rounds is the share of the time that
    has gone since `began`, so that a fit with a budget is annealed too.
    """

    def left(number: int) -> float:
        gone = number / max_rounds
        if deadline is not None and deadline > began:
            gone = max(gone, (now() - began) / (deadline - began))
        return max(0.0, 1 - gone)

    _set(optimisers, left(start))
    for played in rounds:
        _set(optimisers, left(played.number))
        yield played


def _set(optimisers: Sequence[Adam], factor: float) -> None:
    for optimiser in optimisers:
        optimiser.pace.factor = factor
        optimiser.tell_rate()


def until(
    rounds: Iterable[Round], deadline: float | None, now: Callable[[], float] = time.monotonic
) -> Iterator[Round]:
    """End when the clock, `now()`, has passed `deadline`."""
    for played in rounds:
        yield played
        if deadline is not None and now() >= deadline:
            return


def until_asked(rounds: Iterable[Round]) -> Iterator[Round]:
    """End after the round in which this process was asked to end."""
    for played in rounds:
        yield played
        if asked():
            return


def save(
    rounds: Iterable[Round],
    path: Path | None,
    state: Callable[[], State],
    seconds: float | None = None,
) -> Iterator[Round]:
    """Write a checkpoint every few seconds, and when training ends.

    Where it cannot be written, as on a full disk, that is said once, and training goes on: what is
    in memory is worth more than a file.
    """
    wait = seconds_between_saves() if seconds is None else seconds
    last, played, written = time.monotonic(), None, True
    for played in rounds:
        if path is not None and time.monotonic() - last >= wait:
            written = _write(path, state(), warn=written)
            last = time.monotonic()
        yield played
    if path is not None and played is not None:
        _write(path, state(), warn=written)


def seconds_between_saves() -> float:
    """Seconds between two checkpoints, 5 where the environment does not say otherwise.

    Raises:
        InputError: PUSHFORWARD_SAVE_SECONDS is no number of at least 0.
    """
    text = os.environ.get("PUSHFORWARD_SAVE_SECONDS", "5")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise InputError(
            f"expected PUSHFORWARD_SAVE_SECONDS to be a number of at least 0, got {text!r}"
        )
    return seconds


def _write(path: Path, state: State, *, warn: bool) -> bool:
    """Whether the checkpoint could be written; where not, a warning if it is wanted."""
    try:
        keep_twice(path, state)
    except FileError as error:
        if warn:
            message = f"{error} Training goes on without a checkpoint, and tries again."
            warnings.warn(message, TrainingWarning, stacklevel=2)
        return False
    return True


def progress(
    rounds: Iterable[Round],
    *,
    shown: bool,
    label: str,
    start: int,
    max_rounds: int,
    deadline: float | None,
    score: Callable[[], float],
) -> Iterator[Round]:
    """Show a bar with an estimate on a terminal, and nothing anywhere else.

    The estimate is the time to `max_rounds` or to the deadline, whichever is nearer; training may
    stop by itself before.
    """
    if not (shown and on_terminal()):
        yield from rounds
        return
    began, drawn = time.monotonic(), 0.0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("round {task.fields[round]}, best score {task.fields[score]}"),
        TimeElapsedColumn(),
        TextColumn("at most"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=1.0, round=start, score="-")
        for played in rounds:
            now = time.monotonic()
            if now - drawn > 0.2:
                share = (played.number - start) / max(1, max_rounds - start)
                if deadline is not None and deadline > began:
                    share = max(share, (now - began) / (deadline - began))
                best = score()
                text = f"{best:.3f}" if math.isfinite(best) else "-"
                bar.update(task, completed=min(share, 1.0), round=played.number, score=text)
                drawn = now
            yield played
