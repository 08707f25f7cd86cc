"""The main job: fit every generator that suits the data under one budget and rank them."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
import torch

import pushforward
from pushforward.data.dataset import LEAST_IMAGE, Dataset
from pushforward.data.load import load_data, prepare_table
from pushforward.data.numbers import check_finite
from pushforward.data.split import split
from pushforward.errors import InputError
from pushforward.methods import METHODS, get_method
from pushforward.models.neural import NeuralSampler
from pushforward.sampler import fresh_seed
from pushforward.study.folder import RunFolder, short_hash
from pushforward.study.ranking import Standing, rank
from pushforward.study.remarks import remarks
from pushforward.study.trial import FLOOR, REAL, Trial, classifiable, feature_map, run_together

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
        return f"Comparison({str(self.folder)!r}{done})\n{table(self.standings)}"


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
        watch: called with each finished row, the number finished and the number in all.

    Raises:
        InputError: data or options that cannot be used.
        FileError: the folder belongs to another run or cannot be written.
    """
    dataset = as_dataset(data, label)
    labels = dataset.y is not None
    columns, images = np.shape(dataset.X)[1], dataset.are_images
    names = choose_methods(methods, columns=columns, labels=labels, images=images)
    _check(repeats=repeats, max_rounds=max_rounds, jobs=jobs)
    if isinstance(budget, str) or (budget is not None and not budget > 0):
        raise InputError(f"expected a budget above 0 seconds, got {budget!r}")
    fresh_seed(seed)
    config = _configuration(dataset, names, repeats, budget, max_rounds, seed, real_rows)
    path = Path(out) if out is not None else _default_folder(dataset, config)
    folder = RunFolder.open(path, config)
    trials = _trials(names, repeats, seed, budget, max_rounds)
    done = {(r["method"], r["repeat"], r["kind"]) for r in folder.results()}
    left = [t for t in trials if (t.method, t.repeat, t.kind) not in done]
    interrupted = False
    try:
        _learn_features(left, dataset, path)
        # Networks of images are trained one by one on a CPU, so nothing is saved together.
        work = [[trial] for trial in left] if dataset.are_images else _jobs(left, jobs)
        rows = _run(work, dataset, path, real_rows, jobs)
        for finished, row in enumerate(rows, start=len(trials) - len(left) + 1):
            folder.add(_finite(row))
            if watch is not None:
                watch(row, finished, len(trials))
    except KeyboardInterrupt:
        interrupted = True
    results = folder.results()
    return Comparison(path, rank(results), len(results), len(trials), interrupted)


def as_dataset(data: Any, label: str | Sequence[str] | None = None) -> Dataset:
    """What the user has, as a Dataset."""
    if isinstance(data, (str, os.PathLike)):
        return load_data(data, label=label)
    if label is not None and not isinstance(data, pd.DataFrame):
        raise InputError("expected a table or a file for label to name a column of")
    if isinstance(data, Dataset):
        return data
    if isinstance(data, pd.DataFrame):
        dataset = Dataset(name="table", X=data.reset_index(drop=True))
        return prepare_table(dataset, label=label)
    X = np.asarray(data)
    if X.ndim < 2:
        raise InputError(f"expected rows and columns, (n, p), got an array of shape {X.shape}")
    if X.dtype.kind not in "biuf":
        raise InputError(f"expected an array of numbers, got dtype {X.dtype}; use a DataFrame")
    check_finite(X.reshape(len(X), -1), [str(j) for j in range(X[0].size)] if len(X) else [])
    shape = X.shape[1:] if X.ndim > 2 else None
    return Dataset(name="array", X=X.reshape(len(X), -1), image_shape=shape)


def choose_methods(
    methods: str | Sequence[str] | None,
    columns: int = 2,
    labels: bool = True,
    images: bool | None = None,
) -> list[str]:
    """The names to compare; an `InputError` names an unknown one.

    Those that draw columns independently are compared by default where there is one column, those
    that draw by label where there are labels, and on images those that suit as many columns.
    Whether the data are images may be unknown yet (None).

    >>> choose_methods("gan,vae")
    ['gan', 'vae']
    """
    beside = ("", "labels") if labels else ("",)
    suiting = [m for m in METHODS.values() if m.learns and m.sampler.takes in beside]
    if not images:
        suiting = [m for m in suiting if "images" not in m.needs]
    if methods is None and images:
        return [m.name for m in suiting if m.of_images]
    if methods is None:
        return [m.name for m in suiting if m.default or (columns == 1 and m.alone)]
    if methods == "all":
        return [m.name for m in suiting]
    asked = methods.split(",") if isinstance(methods, str) else list(methods)
    names = [get_method(name.strip()).name for name in asked if name.strip()]
    if not names:
        raise InputError("expected at least one method; `pushforward methods` lists them")
    given = [name for name in names if not METHODS[name].learns]
    if given:
        raise InputError(
            f"{', '.join(given)} draws from a function and learns nothing from rows; compare others"
        )
    for name in names:
        takes = METHODS[name].sampler.takes
        if takes == "labels" and not labels:
            raise InputError(
                f"{name} draws by label, and the data has none; name their column, --label COL"
            )
        if images is False and "images" in METHODS[name].needs:
            raise InputError(
                f"{name} learns from images of at least {LEAST_IMAGE}×{LEAST_IMAGE} pixels, and "
                "the data has none; compare others"
            )
        if takes == "other rows":
            raise InputError(
                f"{name} translates between two sets of rows, and a comparison has one; fit it "
                "alone, `pushforward fit A --other B`"
            )
    return list(dict.fromkeys(names))


def _check(**counts: int | None) -> None:
    for name, value in counts.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if value is not None and not (whole and value >= 1):
            raise InputError(f"expected {name} to be a whole number above 0, got {value!r}")


def _configuration(
    dataset: Dataset,
    names: list[str],
    repeats: int,
    budget: float | None,
    max_rounds: int | None,
    seed: int,
    real_rows: bool,
) -> dict[str, Any]:
    """All that decides the results (`run`), and beside it what the report tells of the data."""
    n, p = dataset.X.shape
    return {
        "run": {
            "data": dataset.name,
            "fingerprint": dataset.fingerprint(),
            "methods": names,
            "repeats": repeats,
            "budget": budget,
            "max_rounds": max_rounds,
            "seed": seed,
            "real_rows": real_rows,
            "version": pushforward.__version__,
        },
        "data": {
            "name": dataset.name,
            "rows": n,
            "columns": p,
            "names": [str(c) for c in getattr(dataset.X, "columns", [])],
            "image_shape": list(dataset.image_shape) if dataset.image_shape else None,
            "label": dataset.label,
            "modes": dataset.source.n_modes if dataset.source else None,
            "notes": list(dataset.notes),
        },
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "torch": torch.__version__,
        },
        "machine": {"cores": os.cpu_count(), "gpu": torch.cuda.is_available()},
    }


def _default_folder(dataset: Dataset, config: dict[str, Any]) -> Path:
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in dataset.name)
    return Path("runs") / f"{stem}-{short_hash(config['run'])}"


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


def _learn_features(trials: list[Trial], dataset: Dataset, path: Path) -> None:
    """The classifier of each repeat by whose features images are compared, before any needs it."""
    if classifiable(dataset):
        for trial in {trial.repeat: trial for trial in trials}.values():
            feature_map(trial, dataset, split(dataset, trial.split_seed), path)


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
) -> Iterator[dict[str, Any]]:
    """Rows as they finish, several jobs side by side, each on one thread."""
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(work)))
    if jobs == 1:
        for trials in work:
            yield from run_together(trials, dataset, path, real_rows)
        return
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        pool = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
        for rows in pool(joblib.delayed(run_together)(t, dataset, path, real_rows) for t in work):
            yield from rows


def _finite(value: Any) -> Any:
    """The same with null for what JSON cannot hold."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


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
