"""Are GANs created equal? The random search of Lucic et al. 2018, replayed where truth is known.

    python examples/are_gans_created_equal.py --trials 6 --restarts 3     (minutes)
    python examples/are_gans_created_equal.py                             (hours on two cores)

Eight methods search the wide ranges of the paper on four data sets, each with as many trials; the
best trial of each is fitted again from other seeds and judged by rows that no search saw. An
interrupted replay goes on. Each data set has a folder with a report; claims.json has what the paper
claims, and what these numbers say of it. Networks are perceptrons, as all sixteen trials of a batch
are then trained at once; `--full` takes the paper's convolutions, rows and rounds, for a GPU.

Lucic et al. 2018, Are GANs created equal? A large-scale study, arXiv:1711.10337.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pushforward as pf
from pushforward.data.dataset import Dataset
from pushforward.data.split import Split
from pushforward.errors import EvaluationWarning
from pushforward.evaluation import evaluate, manifold_scores
from pushforward.evaluation.scores import Score
from pushforward.models.pushforward import pushforward_of
from pushforward.report.html import write_report
from pushforward.sampler import Sampler
from pushforward.space import Choice

NAMES = ("mm-gan", "ns-gan", "ls-gan", "wgan", "wgan-gp", "dragan", "began", "vae")
# The paper's batch; trial 0 of each method has its own, with the registry's other options.
SPACES = {name: {**pf.METHODS[name].wide, "batch_size": Choice((64,))} for name in NAMES}
DRAWN, REAL = 100, 40  # images whose nearest triangle is looked for, and nearest generated one


@dataclass(frozen=True)
class Replay:
    """One data set of the replay: what is searched for, and for how many rounds."""

    data: Dataset
    objective: str
    rounds: int


def replays(full: bool) -> dict[str, Replay]:
    triangles = pf.triangles(60_000 if full else 2000)
    if not full:  # rows of numbers, so that perceptrons are taken
        triangles = replace(triangles, image_shape=None)
    return {
        "digits": Replay(pf.load_data("digits"), "frechet_pca", 15_000 if full else 1000),
        "triangles": Replay(triangles, "frechet_pca", 15_000 if full else 500),
        # Moments say nothing of modes here: a Gaussian would be perfect.
        "ring": Replay(pf.load_data("ring"), "distance", 15_000 if full else 1500),
        "grid": Replay(pf.load_data("grid"), "distance", 15_000 if full else 1500),
    }


def also(fake: Any, parts: Split, dataset: Dataset, sampler: Sampler | None) -> Iterator[Score]:
    """Scores beside those that every trial has."""
    if dataset.source is not None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvaluationWarning)
        found = evaluate(parts.test, fake, parts.train, features="pca:50")
    for name in ("frechet", "nn_accuracy", "precision", "recall"):
        yield replace(found[name], name=f"{name}_pca")
    if dataset.name != "triangles":
        return
    # All eight draw by pushing z forward, real rows do not.
    G, codes = (sampler and pushforward_of(sampler)) or (None, None)
    drawn, real = (rows.reshape(-1, 28, 28) for rows in (fake[:DRAWN], parts.test[:REAL]))
    yield from manifold_scores(drawn, real, generator=G, codes=codes).values()


def main(
    trials: int, restarts: int, names: list[str], out: Path, jobs: int | None, full: bool
) -> None:
    warnings.simplefilter("ignore")  # the report says them, per method
    for name in names:
        replay = replays(full)[name]
        study = pf.run_study(
            replay.data,
            methods=NAMES,
            space=SPACES,
            trials=trials,
            restarts=restarts,
            objective=replay.objective,
            max_rounds=replay.rounds,
            also=also,
            out=out / name,
            jobs=jobs,
            watch=lambda row, done, planned: print(
                f"\r{done}/{planned} {row['method']:10} {row['status']:10}", end="", flush=True
            ),
        )
        print(f"\n{name}\n{study}\nreport: {write_report(study.folder)}")
        if study.interrupted:
            return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--data", nargs="+", choices=list(replays(False)), default=None)
    parser.add_argument("--out", type=Path, default=Path("runs/are-gans-created-equal"))
    parser.add_argument("--jobs", type=int, default=None, help="side by side; one per core")
    parser.add_argument("--full", action="store_true", help="the paper's size, for a GPU")
    given = parser.parse_args()
    chosen = given.data or list(replays(False))
    main(given.trials, given.restarts, chosen, given.out, given.jobs, given.full)
