"""Fits of neural samplers in progress, one alone or many as one population."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pushforward.data.memory import available_memory
from pushforward.errors import Diverged
from pushforward.evaluation.extractors import evaluating
from pushforward.locking import alone_with
from pushforward.models.shards import beyond_means
from pushforward.networks.convolutional import convolves
from pushforward.networks.family import has_batch_norm
from pushforward.safekeeping import is_kept, tidy
from pushforward.sampler import Effort
from pushforward.signals import finishing
from pushforward.training.adaptors import (
    Average,
    Clock,
    Healthy,
    History,
    Looker,
    Stateful,
    Stopper,
    anneal,
    guard,
    keep_average,
    limit,
    log,
    progress,
    save,
    stop,
    until,
    until_asked,
    watch,
)
from pushforward.training.checkpoint import Checkpoint
from pushforward.training.device import threads_for, without_denormals
from pushforward.training.finite import Finite, Finites
from pushforward.training.loop import BLOCK, Training, play
from pushforward.training.population import Averages, Healthies, Histories, Population, Stoppers
from pushforward.training.tracking import Curve, check_tracker, track

LOG = logging.getLogger("pushforward")
MEMORY_SHARE = 0.5  # of what is free, that a population may take
ROLLBACKS = 3  # of one fit that diverges, before it is given up


@dataclass
class Fit:
    """One sampler's training in progress, and how it ended."""

    name: str
    alike: tuple[Any, ...]  # fits that agree in this can be trained as one population
    max_rounds: int
    training: Training
    history: History
    average: Average
    stopper: Stopper
    fingerprint: dict[str, Any]
    prepare: Callable[[], None]  # what drawing needs beside the weights
    decay: bool = False  # whether the learning rate falls to 0 over the rounds
    diverged: Diverged | None = None
    curve: Curve | None = None  # where a tracker is told of it

    def __post_init__(self) -> None:
        self.healthy = Healthy(self.training, self.history, self.average)
        self.clock = Clock()

    @property
    def failed(self) -> bool:
        """Diverged before there was a state to keep."""
        return self.diverged is not None and not math.isfinite(self.stopper.best_score)

    @property
    def stopped_by(self) -> str:
        if self.diverged is not None:
            return "divergence"
        if self.stopper.over(self.training.round):
            return "score"
        return "max_rounds" if self.training.round >= self.max_rounds else "budget"


def train(fits: Sequence[Fit], effort: Effort) -> list[str]:
    """Train each fit to its end, those that are alike at once, and leave it in its best state.

    Returns notes on how they were trained, which are also logged. A fit that diverges is marked and
    the others go on.

    Raises:
        FileError: another process trains into the same checkpoint.
        KeyboardInterrupt: this process was asked to end, and has saved what there is.
    """
    path, processes = effort.checkpoint, fits[0].training.processes
    if path is None or not (processes is None or processes.first):
        return _train(fits, effort)
    with alone_with(path, path.with_name(f"{path.name}.lock")):
        tidy(path)
        return _train(fits, effort)


def _train(fits: Sequence[Fit], effort: Effort) -> list[str]:
    notes: list[str] = []
    _tell_tracker(fits, effort.track)
    chunks = _chunks(fits, notes)
    for i, chunk in enumerate(chunks):
        theirs = _part(effort, i, len(chunks))
        together = _population(chunk, notes) if len(chunk) > 1 else None
        if together is not None:
            _train_together(together, chunk, theirs)
        for j, fit in enumerate(chunk):
            mine = _part(theirs, j, len(chunk))
            saved = mine.checkpoint is not None and is_kept(mine.checkpoint)
            gone_back = fit.diverged is not None and saved
            if together is None or gone_back:  # the latter goes on alone, where it was interrupted
                fit.diverged = None
                _train_alone(fit, mine)
            _recover(fit, mine, notes)
    for fit in fits:
        if fit.curve is not None:
            fit.curve.tell()
        fit.stopper.restore()
    for note in notes:
        LOG.info(note)
    return notes


def _tell_tracker(fits: Sequence[Fit], tracker: Any) -> None:
    """Have a tracker, if there is one, told the curves of these fits, and now what they are."""
    check_tracker(tracker)
    processes = fits[0].training.processes
    if tracker is None or not (processes is None or processes.first):
        return
    method, seed = (fits[0].fingerprint[name] for name in ("method", "seed"))
    tracker.describe({"method": method["class"], **method["parameters"], "seed": seed})
    for k, fit in enumerate(fits):
        before = f"{k}/" if len(fits) > 1 else ""
        fit.curve = Curve(tracker, fit.history, fit.stopper, before)


def _chunks(fits: Sequence[Fit], notes: list[str]) -> list[list[Fit]]:
    """The fits in parts, each of which is trained at once."""
    processes = fits[0].training.processes
    if processes is None:
        return [part for group in _alike(fits, notes) for part in _that_fit(group, notes)]
    for told in beyond_means(fits[0].training.game, fits[0].training.stream):
        if processes.first:
            LOG.warning("%s on %d processes: %s", fits[0].name, processes.size, told)
    if len(fits) > 1:
        notes.append(f"{len(fits)} members are trained one by one, each by all processes")
    return [[fit] for fit in fits]


def _part(effort: Effort, i: int, parts: int) -> Effort:
    """What part i of several, one after the other, may use: a file of its own, a share of the time.

    What is left of the time is shared by the parts that are left.
    """
    if parts == 1:
        return effort
    path, deadline, now = effort.checkpoint, effort.deadline, time.monotonic()
    return replace(
        effort,
        checkpoint=None if path is None else path.with_name(f"{path.name}.{i}"),
        deadline=None if deadline is None else now + (deadline - now) / (parts - i),
    )


def _alike(fits: Sequence[Fit], notes: list[str]) -> list[list[Fit]]:
    """Fits that share networks, batches and schedule, in the order of their first."""
    groups: dict[Any, list[Fit]] = {}
    for fit in fits:
        groups.setdefault(fit.alike, []).append(fit)
    if len(groups) > 1:
        sizes = ", ".join(str(len(group)) for group in groups.values())
        notes.append(
            f"{len(fits)} members train in {len(groups)} populations ({sizes}): they differ in "
            "more than seeds, rows and continuous settings"
        )
    return list(groups.values())


def _that_fit(group: list[Fit], notes: list[str]) -> list[list[Fit]]:
    """The group in parts that memory can carry."""
    if len(group) == 1:
        return [group]
    each, free = memory_of(group[0].training), free_memory(group[0].training.stream.x.device)
    most = len(group) if free is None else max(1, int(MEMORY_SHARE * free / each))
    if most >= len(group):
        return [group]
    assert free is not None
    notes.append(
        f"{len(group)} members of {each / 2**20:.0f} MiB each are trained {most} at a time: "
        f"{free / 2**20:.0f} MiB are free, of which they may take {MEMORY_SHARE:.0%}"
    )
    return [group[first : first + most] for first in range(0, len(group), most)]


def memory_of(training: Training) -> int:
    """Bytes that a member of a population takes, forecast from a trial of each player's loss.

    Weights, their average, the best ones, two moments, gradients and room for one more copy; a
    block of rows and noise; what the losses compute, and as much for their derivatives.
    """
    game, stream = training.game, training.stream
    drawn = game.noise(stream.batch_size, torch.Generator().manual_seed(0))
    noise = {name: t.to(stream.x.device) for name, t in drawn.items()}
    with evaluating(game), _Results() as results:  # a batch norm must not learn from the trial
        for player in training.players:
            player.loss(stream.x[: stream.batch_size], noise)
    weights = sum(t.numel() * t.element_size() for t in (*game.parameters(), *game.buffers()))
    drawing = sum(t.numel() * t.element_size() for t in noise.values())
    return 7 * weights + 2 * BLOCK * drawing + 2 * results.size


class _Results(TorchDispatchMode):
    """Counts the bytes of all results (`torch.func.grad` refuses hooks on what is kept)."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[int, torch.UntypedStorage] = {}  # or an address would be used again

    @property
    def size(self) -> int:
        return sum(storage.nbytes() for storage in self.kept.values())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self.kept[storage.data_ptr()] = storage
        return result


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free on a device; None where that is not known."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return available_memory()


def _population(fits: list[Fit], notes: list[str]) -> Population | None:
    """The fits as one population; None where that gains nothing, or a loss cannot be batched."""
    first = fits[0].training
    if has_batch_norm(first.game):  # found here: a trial of its loss would change its statistics
        notes.append(
            f"{len(fits)} members are trained one by one: batch normalisation keeps statistics of "
            "its own, which cannot be batched over members"
        )
        return None
    if first.stream.x.device.type == "cpu" and convolves(first.game):
        notes.append(
            f"{len(fits)} members are trained one by one: convolutions of several at once are no "
            "faster on a CPU"
        )
        return None
    if not isinstance(first.stream.x, Tensor):
        notes.append(
            f"{len(fits)} members are trained one by one: each reads rows on disk in its own order"
        )
        return None
    try:
        population = Population([fit.training for fit in fits])
        population.record()
    except RuntimeError as error:  # what torch.func and `Turn` raise; all else is a mistake
        reason = str(error).strip().splitlines()[0]
        notes.append(f"{len(fits)} members are trained one by one: {reason}")
        return None
    notes.append(f"{len(fits)} members are trained as one population")
    return population


def _train_alone(fit: Fit, effort: Effort, resume: bool = True) -> None:
    watchers = Watchers(fit.history, fit.average, fit.healthy, fit.stopper)
    try:
        _rounds(fit.training, watchers, Finite(fit.training), effort, fit, resume=resume)
    except Diverged as error:
        fit.diverged = error
    _last_look(fit)


def _recover(fit: Fit, effort: Effort, notes: list[str]) -> None:
    """Where a fit has diverged, go on alone from its last healthy state with smaller steps."""
    while fit.diverged is not None and fit.healthy.rollbacks < ROLLBACKS:
        number = fit.healthy.go_back()
        LOG.warning(
            "%s: %s; going on from round %d with half the learning rate",
            fit.name,
            str(fit.diverged).split(";")[0],
            number,
        )
        notes.append(f"a member went back to round {number}, and on with half the learning rate")
        fit.stopper.forget(number)
        fit.diverged = None
        _train_alone(fit, effort, resume=False)
    if fit.diverged is not None:
        times = f"{fit.healthy.rollbacks} times back with half the learning rate did not help"
        fit.diverged = Diverged(f"{fit.diverged}; {times}")


def _train_together(population: Population, fits: list[Fit], effort: Effort) -> None:
    ended: dict[int, Diverged] = {}
    watchers = Watchers(
        Histories(population, [fit.history for fit in fits], ended),
        Averages(population, [fit.average for fit in fits]),
        Healthies(population, [fit.healthy for fit in fits]),
        Stoppers(population, [fit.stopper for fit in fits]),
    )
    with suppress(Diverged):  # the last of them; all are in `ended`
        _rounds(population, watchers, Finites(population, ended), effort, *fits)
    for k, fit in enumerate(fits):
        fit.diverged = ended.get(k)
        _last_look(fit)


def threads_of(fit: Fit, members: int = 1) -> AbstractContextManager[None]:
    """As many threads as it takes, alone or as one of a population."""
    size: float = sum(p.numel() for p in fit.training.game.parameters())
    if convolves(fit.training.game):  # each weight is used at many pixels
        size = math.inf
    return threads_for(size, fit.training.stream.batch_size, members)


class Watchers(NamedTuple):
    """What goes around a training, or around a population."""

    history: Any
    average: Any
    healthy: Any
    stopper: Any


def _rounds(
    training: Any,
    watchers: Watchers,
    finite: Looker,
    effort: Effort,
    *fits: Fit,
    resume: bool = True,
) -> None:
    """Play to the end: the loop and what is around it."""
    history, average, healthy, stopper = watchers
    first = fits[0]
    clock = Clock() if resume else first.clock  # it goes on when training goes back
    for fit in fits:
        fit.clock = clock
    fingerprints = [fit.fingerprint for fit in fits]
    fingerprint = fingerprints[0]
    if len(fits) > 1:
        fingerprint = {key: [f[key] for f in fingerprints] for key in fingerprint}
    parts: dict[str, Stateful] = {"training": training, **watchers._asdict(), "clock": clock}
    checkpoint = Checkpoint(fingerprint, parts)
    path, deadline, max_rounds = effort.checkpoint, effort.deadline, first.max_rounds
    if resume and path is not None:
        checkpoint.resume(path)
    curves = [fit.curve for fit in fits if fit.curve is not None]
    for curve in curves:
        curve.catch_up()
    if deadline is not None:
        deadline -= clock.earlier
    began, now, shown = clock.began, time.monotonic, effort.progress
    processes = first.training.processes
    if processes is not None:
        facts = {name: value for name, value in fingerprint.items() if name != "method"}
        processes.check_alike({**facts, "round": training.round})
        (deadline, began), now = processes.told((deadline, began)), processes.now
        if not processes.first:
            path, shown = None, False
    start = training.round
    if start >= max_rounds or (start and stopper.over(start)):
        return
    threads = threads_of(first, len(fits))
    # Processes that train together end together: a signal to one ends all, without a last word.
    waits = nullcontext() if path is None or processes is not None else finishing("the round")
    with waits, threads, without_denormals():
        rounds = limit(play(training), max_rounds)
        if first.decay:
            optimisers = [o for fit in fits for o in fit.training.optimisers.values()]
            rounds = anneal(rounds, optimisers, start, max_rounds, deadline, began, now)
        rounds = log(rounds, history)
        rounds = watch(rounds, finite)
        rounds = keep_average(rounds, average)
        rounds = guard(rounds, healthy, first.history.every)
        rounds = stop(rounds, stopper)
        rounds = track(rounds, curves)
        rounds = until(rounds, deadline, now)
        if processes is None:
            rounds = until_asked(rounds)
        rounds = save(rounds, path, checkpoint.state)
        for _ in progress(
            rounds,
            shown=shown,
            label=first.name if len(fits) == 1 else f"{len(fits)} × {first.name}",
            start=start,
            max_rounds=max_rounds,
            deadline=deadline,
            score=lambda: stopper.best_score,
        ):
            pass
    if processes is not None:
        processes.told(None)  # the checkpoint is written before any process goes on


def _last_look(fit: Fit) -> None:
    """Score the last state too, where training did not end with a score."""
    scores, played = fit.stopper.scores, fit.training.round
    if fit.diverged is None and (not scores or scores[-1][0] < played):
        fit.stopper.look(played)
