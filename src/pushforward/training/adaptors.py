"""What is wrapped around the loop: each takes the rounds and yields them on.

    rounds = play(training)
    rounds = log(rounds, history)
    rounds = keep_average(rounds, average)
    rounds = guard(rounds, healthy, every)
    rounds = stop(rounds, stopper)
    rounds = save(rounds, path, state)
    for _ in progress(rounds, ...): pass

What an adaptor must remember across an interruption is an object with `state_dict` and
`load_state_dict`, handed in, so that a checkpoint holds it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn

from pushforward.errors import Diverged
from pushforward.progress import on_terminal
from pushforward.storage import write_file
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
        self._sums: dict[str, Tensor] = {}

    def add(self, played: Round) -> None:
        for player, terms in played.terms.items():
            for term, value in terms.items():
                key = f"{player}/{term}"
                value = value.detach()
                self._sums[key] = self._sums[key] + value if key in self._sums else value
        if played.number % self.every == 0:
            means = {key: float(total) / self.every for key, total in self._sums.items()}
            self._sums = {}
            self.close(played.number, means)

    def close(self, number: int, means: dict[str, float]) -> None:
        """Write a row of means, and raise `Diverged` when one has left the finite numbers."""
        self.rows.append({"round": number, **means})
        check_finite(number, means)

    def state_dict(self) -> State:
        sums = {key: value.cpu() for key, value in self._sums.items()}
        return {"rows": self.rows, "sums": sums}

    def load_state_dict(self, state: State) -> None:
        self.rows = list(state["rows"])
        self._sums = {key: torch.as_tensor(value) for key, value in state["sums"].items()}


def check_finite(number: int, terms: dict[str, float]) -> None:
    """Raise `Diverged` when a term has left the finite numbers."""
    broken = [key for key, value in terms.items() if not math.isfinite(value)]
    if broken:
        raise Diverged(
            f"training diverged by round {number}: {', '.join(broken)} is not finite; "
            "try a smaller learning_rate, or look for extreme values in the data"
        )


class Healthy:
    """The last state of a training in which all was finite, to go back to with a smaller step.

    It is kept whenever the history closes a row, whose terms and gradients were finite.
    """

    def __init__(self, training: Training, history: History, average: Average) -> None:
        self.parts: dict[str, Stateful] = {
            "training": training,
            "history": history,
            "average": average,
        }
        self.optimisers = training.optimisers
        self.rollbacks = 0
        self.keep()

    def keep(self) -> None:
        """Copy the state as it is, if its weights are finite."""
        state = copy_of({name: part.state_dict() for name, part in self.parts.items()})
        if all(w.isfinite().all() for w in state["training"]["game"].values()):
            self.state = state

    def go_back(self) -> int:
        """Restore the state that was kept and halve the steps; the round it is of."""
        halved = {name: o.learning_rate / 2 for name, o in self.optimisers.items()}
        for name, part in self.parts.items():
            part.load_state_dict(copy_of(self.state[name]))
        for name, optimiser in self.optimisers.items():
            optimiser.learning_rate = halved[name]
        self.rollbacks += 1
        return int(self.state["training"]["round"])

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
    """Write each round's terms into the learning curve; raise `Diverged` when one breaks."""
    for played in rounds:
        history.add(played)
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


def save(
    rounds: Iterable[Round], path: Path | None, state: Callable[[], State], seconds: float = 5.0
) -> Iterator[Round]:
    """Write a checkpoint every few seconds, and when training ends."""
    last, played = time.monotonic(), None
    for played in rounds:
        if path is not None and time.monotonic() - last >= seconds:
            write_file(path, state())
            last = time.monotonic()
        yield played
    if path is not None and played is not None:
        write_file(path, state())


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
