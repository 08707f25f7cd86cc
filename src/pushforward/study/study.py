"""The study: which generator is really better, when each is searched for with the same effort."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pushforward.data.dataset import Dataset
from pushforward.data.split import split
from pushforward.errors import EvaluationWarning, InputError
from pushforward.evaluation.evaluate import row_scores
from pushforward.methods import METHODS, Method
from pushforward.sampler import fresh_seed
from pushforward.space import BETA_1, Range, Space, as_json
from pushforward.study.compare import Comparison
from pushforward.study.engines import Engine, Here, Pool
from pushforward.study.evidence import Evidence
from pushforward.study.folder import RunFolder
from pushforward.study.plan import Judge, Trial
from pushforward.study.ranking import rank
from pushforward.study.request import (
    as_dataset,
    check_effort,
    default_folder,
    describe_run,
    methods_for,
)
from pushforward.study.search import DISTANCE, Row, Search
from pushforward.study.searchers import RandomSearch, Searcher
from pushforward.study.trial import learn_features
from pushforward.study.work import Work, play

FEW = 50  # rows by which it is seen which scores there are
TOGETHER = 16  # trials of one method that are asked for at once, to train as one population
RANGES = ("wide", "narrow")
ENGINES = ("local", "ray")

Watch = Callable[[Row, int, int], None]


@dataclass(frozen=True, repr=False)
class Study(Comparison):
    """A finished (or interrupted) study: a comparison of what its searches have found.

    `best` has the best trial of each method's search, and None where all so far have failed.
    """

    best: dict[str, Row | None] = field(default_factory=dict)


def run_study(
    data: Any,
    *,
    methods: str | Sequence[str] | None = None,
    trials: int = 100,
    restarts: int = 10,
    ranges: str = "wide",
    space: Mapping[str, Space] | None = None,
    objective: str = DISTANCE,
    search: str = "random",
    storage: str | None = None,
    label: str | Sequence[str] | None = None,
    budget: float | None = None,
    max_rounds: int | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    real_rows: bool = True,
    jobs: int | None = None,
    engine: str = "local",
    address: str | None = None,
    also: Judge | None = None,
    watch: Watch | None = None,
) -> Study:
    """Search for the best options of every method with one effort, then judge the winners.

    The test rows are taken off first. All trials of the search share one split of the others into
    rows to train on, to stop by and to be judged by; trial 0 is the method as it is in the
    registry. The best trial of each method is then fitted again from other seeds on other splits,
    and these restarts alone are judged by the test rows. A finished trial is never run again: the
    same study goes on where it stopped, and farther where it is given more trials or restarts.

    Args:
        data: a name or path as for `load_data`, a Dataset, a DataFrame or an array.
        methods: as for `compare`.
        trials: of the search for each method; a method with nothing to search has one.
        restarts: of the best trial of each method.
        ranges: "wide" or "narrow", which of the registry's ranges are searched.
        space: ranges of your own by method, {"wgan": {"clip": LogUniform(0.01, 1)}}, in place of
            the registry's; see `pushforward.space`.
        objective: what is searched for: "distance", the larger distance of the 1-NN halves from
            their null means, by which methods are ranked, or the name of a score, "frechet".
        search: "random", or a sampler of Optuna by name, "tpe".
        storage: of Optuna, the URL of a database; None takes a journal file in the run folder.
        label: the column that holds labels, or several, of a table.
        budget: seconds that the search may take for each method; no trial begins that would end
            later by the mean of those before.
        max_rounds: bounds the rounds of those that train.
        seed: of everything.
        out: the run folder; by default `runs/<data>-<hash of the configuration>`.
        real_rows: whether real rows may be kept in the run folder and its report.
        jobs: how many batches of trials run side by side; None takes one per core.
        engine: "local", or "ray" for a cluster of machines.
        address: of a Ray cluster; None starts one on this machine.
        also: more scores of generated rows, `also(rows, split, dataset, sampler)`, which may be the
            objective; without a sampler where real rows stand in for generated ones.
        watch: called with each finished row, the number finished and the number in all.

    Raises:
        InputError: data, options, ranges or a budget that cannot be used.
        FileError: the folder belongs to another run or cannot be written.
        StudyError: a process or the cluster is gone; finished trials are kept.

    Lucic et al. 2018, arXiv:1711.10337.
    """
    dataset = as_dataset(data, label)
    names = methods_for(dataset, methods)
    check_effort(budget, trials=trials, restarts=restarts, max_rounds=max_rounds, jobs=jobs)
    if engine not in ENGINES:
        raise InputError(f"expected an engine among {', '.join(ENGINES)}, got {engine!r}")
    seed, trials, restarts = fresh_seed(seed), int(trials), int(restarts)
    check_search(search, storage)
    if also is None:
        check_objective(objective, dataset)
    spaces = {name: space_of(METHODS[name], ranges, space or {}) for name in names}
    _check_known(space or {}, names)
    config = describe_run(
        dataset,
        methods=names,
        spaces={name: as_json(each) for name, each in spaces.items()},
        objective=objective,
        search=search,
        budget=budget,
        max_rounds=max_rounds,
        seed=seed,
        real_rows=real_rows,
        also=None if also is None else getattr(also, "__name__", repr(also)),
    )
    path = Path(out) if out is not None else default_folder(dataset, config)
    folder = RunFolder.open(path, config)
    with folder.alone():
        folder.describe(effort={"trials": trials, "restarts": restarts})
        common: dict[str, Any] = {"seed": seed, "budget": None, "max_rounds": max_rounds}
        common |= {"held_out": True, "also": also}
        searches = {
            name: Search(
                name,
                searcher_of(search, name, spaces[name], seed, storage, config, path),
                partial(_freeze, name, common),
                trials=trials if spaces[name] else 1,
                budget=budget,
                objective=objective,
            )
            for name in names
        }
        together = 1 if dataset.are_images else TOGETHER
        work = Work(searches, restarts, common, folder.results(), together)
        learn_features([next(iter(searches.values())).make(0, {})], dataset, path)
        run = engine_of(engine, address, dataset, path, real_rows, jobs)
        interrupted = not carry_out(run, work, folder, watch)
    best = {name: each.best for name, each in searches.items() if each.rows}
    standings = rank(Evidence.read(path).judged)
    return Study(path, standings, work.finished, work.planned, interrupted, best)


def carry_out(run: Engine, work: Work, folder: RunFolder, watch: Watch | None) -> bool:
    """Run the work and keep its rows; whether it came to its end, and was not interrupted."""
    try:
        for trials, rows in play(run, work):
            for row in rows:
                folder.add(row)
            work.add(trials, rows)
            if watch is not None:
                for row in rows:
                    watch(row, work.finished, work.planned)
    except KeyboardInterrupt:
        return False
    finally:
        run.close()
    return True


def _freeze(method: str, common: dict[str, Any], number: int, options: dict[str, Any]) -> Trial:
    return Trial(method, number, "search", options=options, **common)


def space_of(method: Method, ranges: str, given: Mapping[str, Space]) -> Space:
    """The ranges that are searched for a method.

    Raises:
        InputError: neither wide nor narrow; an option that the method does not have, or that is
            the study's own; what is no range.
    """
    if ranges not in RANGES:
        raise InputError(f"expected ranges to be {' or '.join(RANGES)}, got {ranges!r}")
    space = given.get(method.name, method.wide if ranges == "wide" else method.narrow)
    known = method.sampler._get_param_names()
    if BETA_1 in space and "betas" in space:
        raise InputError(f"{method.name}: beta_1 is the first of betas; search one of both")
    for option, each in space.items():
        if not isinstance(each, Range):
            raise InputError(
                f"{method.name}: expected a range of {option}, such as those of pushforward.space, "
                f"got {each!r}"
            )
        if option in ("random_state", "max_rounds"):
            raise InputError(f"{method.name}: {option} is the study's own, and cannot be searched")
        if option not in known and not (option == BETA_1 and "betas" in known):
            raise InputError(
                f"{method.name} has no option {option!r} to search; it has {', '.join(known)}"
            )
    return space


def _check_known(given: Mapping[str, Space], names: Sequence[str]) -> None:
    unknown = [name for name in given if name not in names]
    if unknown:
        raise InputError(
            f"ranges are given for {', '.join(unknown)}, not studied here; the methods are "
            f"{', '.join(names)}"
        )


def check_objective(objective: str, dataset: Dataset) -> None:
    """Refuse a score that no trial would have, by those of a few real rows."""
    if objective == DISTANCE:
        return
    parts = split(dataset, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvaluationWarning)
        real, fake, train = (rows[:FEW] for rows in (parts.test, parts.yardstick, parts.train))
        known = row_scores(real, fake, train, dataset.source)
    if objective not in known:
        raise InputError(
            f"expected an objective among {', '.join((DISTANCE, *known))}, got {objective!r}"
        )


def check_search(search: str, storage: str | None) -> None:
    """Refuse a search or a storage that cannot be used, before anything is written."""
    if search != "random":
        from pushforward.study.optuna_search import check_sampler

        check_sampler(search)
    elif storage is not None:
        raise InputError("a storage is Optuna's, and a random search needs none; leave it out")


def searcher_of(
    search: str,
    method: str,
    space: Space,
    seed: int,
    storage: str | None,
    config: dict[str, Any],
    folder: Path,
) -> Searcher:
    """Who proposes the options of a method's trials."""
    if search == "random":
        return RandomSearch(method, space, seed)
    from pushforward.study.optuna_search import OptunaSearch

    return OptunaSearch(search, method, space, seed, storage, config["run"], folder)


def engine_of(
    engine: str,
    address: str | None,
    dataset: Dataset,
    folder: Path,
    real_rows: bool,
    jobs: int | None,
) -> Engine:
    """Where the batches of a study run."""
    if engine == "ray":
        from pushforward.study.ray_engine import Cluster

        return Cluster(dataset, folder, real_rows, address, jobs)
    if address is not None:
        raise InputError("an address is that of a Ray cluster; take engine='ray' with it")
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1:
        return Here(dataset, folder, real_rows)
    return Pool(dataset, folder, real_rows, jobs)
