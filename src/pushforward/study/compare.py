"""The main job: fit every generator that suits the data under one budget and rank them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pushforward.data.dataset import Dataset
from pushforward.methods import METHODS
from pushforward.models.neural import NeuralSampler
from pushforward.sampler import fresh_seed
from pushforward.study.engines import Pool
from pushforward.study.folder import RunFolder
from pushforward.study.plan import FLOOR, REAL, Trial
from pushforward.study.ranking import Standing, rank
from pushforward.study.remarks import remarks
from pushforward.study.request import (
    as_dataset,
    check_effort,
    check_target,
    default_folder,
    describe_run,
    methods_for,
)
from pushforward.study.trial import learn_features, run_together

WORTHWHILE = 3  # repeats that are trained as one population, or it saves nothing


@dataclass(frozen=True)
class Comparison:
    """A finished (or interrupted) comparison: its folder and what is in it."""

    folder: Path
    standings: list[Standing]
    finished: int  # rows, of
    planned: int
    interrupted: bool = False

    @property
    def complete(self) -> bool:
        return self.finished == self.planned

    def __repr__(self) -> str:
        done = "" if self.complete else ", incomplete"
        return f"{type(self).__name__}({str(self.folder)!r}{done})\n{table(self.standings)}"


def compare(
    data: Any,
    *,
    methods: str | Sequence[str] | None = None,
    label: str | Sequence[str] | None = None,
    repeats: int = 3,
    budget: float | None = None,
    max_rounds: int | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    real_rows: bool = True,
    jobs: int | None = None,
    target: str | None = None,
    watch: Callable[[dict[str, Any], int, int], None] | None = None,
) -> Comparison:
    """Fit generators to data under one budget, judge each on rows it has not seen, rank them.

    Every repeat has a fresh split into training, validation and test rows and a fresh seed. Rows
    are written as they finish; running the same comparison again goes on where it stopped.

    Args:
        data: a name or path as for `load_data`, a Dataset, a DataFrame or an array.
        methods: names from the registry, "all", or None for those compared by default: methods that
            draw by label are among them where the data has labels.
        label: the column that holds labels, or several, of a table.
        repeats: how many splits, each with its own seed.
        budget: seconds for each fit, tuning included (its share, where repeats train together);
            None lets every method stop by itself.
        max_rounds: bounds the rounds of those that train.
        seed: of everything.
        out: the run folder; by default `runs/<data>-<hash of the configuration>`.
        real_rows: whether real rows may be kept in the run folder and its report.
        jobs: how many fits run side by side; None takes one per core.
        target: the column of a table that models are to predict after learning from generated
            rows; by default the label, of methods that draw by it, else the last column of 2 to 20
            categories, else the last one.
        watch: called with each finished row, the number finished and the number in all.

    Raises:
        InputError: data or options that cannot be used.
        FileError: the folder belongs to another run or cannot be written.
    """
    dataset = as_dataset(data, label)
    names = methods_for(dataset, methods)
    check_effort(budget, repeats=repeats, max_rounds=max_rounds, jobs=jobs)
    fresh_seed(seed)
    if target is not None:
        check_target(dataset, target)
    config = describe_run(
        dataset,
        methods=names,
        repeats=repeats,
        budget=budget,
        max_rounds=max_rounds,
        seed=seed,
        real_rows=real_rows,
        **({} if target is None else {"target": target}),
    )
    path = Path(out) if out is not None else default_folder(dataset, config)
    folder = RunFolder.open(path, config)
    trials = [
        replace(trial, target=target) for trial in _trials(names, repeats, seed, budget, max_rounds)
    ]
    interrupted = False
    with folder.alone():
        done = {(r["method"], r["repeat"], r["kind"]) for r in folder.results()}
        left = [t for t in trials if (t.method, t.repeat, t.kind) not in done]
        try:
            learn_features(left, dataset, path)
            # Networks of images are trained one by one on a CPU, so nothing is saved together.
            work = [[trial] for trial in left] if dataset.are_images else _jobs(left, jobs)
            with closing(_run(work, dataset, path, real_rows, jobs)) as rows:
                for finished, row in enumerate(rows, start=len(trials) - len(left) + 1):
                    folder.add(row)
                    if watch is not None:
                        watch(row, finished, len(trials))
        except KeyboardInterrupt:
            interrupted = True
        results = folder.results()
    return Comparison(path, rank(results), len(results), len(trials), interrupted)


def _trials(
    names: list[str], repeats: int, seed: int, budget: float | None, max_rounds: int | None
) -> list[Trial]:
    """Repeat by repeat, so that an interrupted run has compared most of what it has seen."""
    yardsticks = [REAL] + [FLOOR] * (FLOOR not in names)
    plan = [(name, "yardstick") for name in yardsticks] + [(name, "method") for name in names]
    return [
        Trial(name, repeat, kind, seed, budget, max_rounds)
        for repeat in range(repeats)
        for name, kind in plan
    ]


def _jobs(trials: list[Trial], jobs: int | None) -> list[list[Trial]]:
    """Repeats of a neural method as one job, where that is faster than as many jobs side by side.

    They then train as one population, which saves some of their time (`bench/population.py
    --whole`). With few jobs a core would wait for the last, which costs more, so there must be two
    for each.
    """
    cores = jobs or os.cpu_count() or 1
    repeats: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        repeats.setdefault((trial.method, trial.kind), []).append(trial)
    neural = {
        key: group
        for key, group in repeats.items()
        if key[0] != REAL and issubclass(METHODS[key[0]].sampler, NeuralSampler)
    }
    parts = math.ceil(2 * cores / len(neural)) if neural and cores > 1 else 1
    together = [
        [trials[i] for i in part]
        for trials in neural.values()
        for part in np.array_split(np.arange(len(trials)), parts)
    ]
    if not together or min(map(len, together)) < WORTHWHILE:
        return [[trial] for trial in trials]
    # The long ones first, so that no core waits for the last of them.
    alone = [[t] for t in trials if (t.method, t.kind) not in neural]
    return [*together, *alone]


def _run(
    work: list[list[Trial]], dataset: Dataset, path: Path, real_rows: bool, jobs: int | None
) -> Generator[dict[str, Any]]:
    """Rows as they finish, several jobs side by side, each on one thread."""
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(work)))
    if jobs == 1:
        for trials in work:
            yield from run_together(trials, dataset, path, real_rows)
        return
    pool = Pool(dataset, path, real_rows, jobs)
    try:
        for trials in work:
            pool.submit(trials)
        for _ in work:
            yield from pool.next()[1]
    finally:
        pool.close()


def table(standings: Sequence[Standing]) -> str:
    """The standings as plain text, one line per method."""
    head = ("rank", "method", "1-NN distance", "real half", "fake half", "Fréchet", "seconds", "")
    lines: list[tuple[str, ...]] = [head]
    for s in standings:
        place = str(s.rank) if s.rank else ("-" if s.kind == "yardstick" else s.status)
        cells = [_number(s, name) for name in ("nn_real", "nn_fake", "frechet")]
        note = s.reason if s.status != "OK" else ("yardstick" if s.kind == "yardstick" else "")
        distance = "-"
        if s.distance is not None:
            low, high = max(s.distance.low, 0.0), min(s.distance.high, 1.0)
            distance = f"{s.distance.value:.3f} ({low:.2f} to {high:.2f})"
        lines.append((place, s.method, distance, *cells, f"{s.seconds:.1f}", note))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head) - 1)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=False)) + "  " + line[-1]
        for line in lines
    )


def _number(standing: Standing, name: str) -> str:
    return f"{standing.scores[name].value:.3g}" if name in standing.scores else "-"


def advise(comparison: Comparison) -> str:
    """What was seen while fitting and in the samples, and what to change: a line for each."""
    found = remarks(RunFolder(comparison.folder).results())
    place = {s.method: i for i, s in enumerate(comparison.standings)}
    found.sort(key=lambda remark: place[remark.method])
    return "\n".join(f"{remark.method}: {remark.name}. {remark}" for remark in found)


def explain(comparison: Comparison) -> str:
    """The answer in a sentence or two: which method, how good, how sure."""
    ranked = [s for s in comparison.standings if s.rank is not None]
    partly = ""
    if not comparison.complete:
        partly = f"{comparison.finished} of {comparison.planned} rows are done. "
    if not ranked:
        return f"{partly}No method could be ranked" + ("." if partly else "; the table says why.")
    first = [s for s in ranked if s.rank == ranked[0].rank]
    best = first[0]
    assert best.distance is not None
    others = ", ".join(s.method for s in first[1:])
    tie = f", though not surely better than {others}" if others else ""
    yardstick = next((s for s in comparison.standings if s.method == REAL and s.distance), None)
    real = ""
    if yardstick is not None and yardstick.distance is not None:
        real = f" (real rows: {yardstick.distance.value:.3f})"
    return (
        f"{partly}Nearest to the real rows: {best.method}{tie}. A nearest-neighbour test tells its "
        f"rows from real ones {best.distance.value:.3f} beyond chance{real}; 0 is perfect, about "
        f"0.5 is told apart every time.{_below_the_floor(comparison, best.distance.value)}"
    )


def _below_the_floor(comparison: Comparison, best: float) -> str:
    """A sentence where a fitted Gaussian, which was not asked for, comes nearer than all others."""
    floor = [s for s in comparison.standings if s.kind == "yardstick" and s.method == FLOOR]
    if not (floor and floor[0].distance and floor[0].distance.value < best):
        return ""
    return f" A fitted Gaussian, the floor, comes nearer: {floor[0].distance.value:.3f}."
