"""Are GANs created equal? The random search of Lucic et al. 2018, replayed where truth is known.

    python examples/are_gans_created_equal.py --trials 6 --restarts 3     (minutes)
    python examples/are_gans_created_equal.py                             (hours on two cores)

Eight methods search the wide ranges of the paper on four data sets, each with as many trials; the
best trial of each is fitted again from other seeds and judged by rows that no search saw. An
interrupted replay goes on. Each data set has a folder with a report; results.json has all scores,
and what they say of the paper's claims. Networks are perceptrons, as all sixteen trials of a batch
are then trained at once; `--full` takes the paper's convolutions, rows and rounds, for a GPU.

Lucic et al. 2018, Are GANs created equal? A large-scale study, arXiv:1711.10337.
"""

from __future__ import annotations

import argparse
import json
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pushforward as pf
from pushforward.data.dataset import Dataset
from pushforward.data.split import Split
from pushforward.data.toys import GaussianModes
from pushforward.errors import EvaluationWarning
from pushforward.evaluation import evaluate, manifold_scores
from pushforward.evaluation.scores import Score
from pushforward.models.pushforward import pushforward_of
from pushforward.report.html import write_report
from pushforward.sampler import Sampler
from pushforward.space import Choice, Range, Space
from pushforward.study.claims import Claim, claims, reference_claim
from pushforward.study.curves import best_of_trials
from pushforward.study.evidence import TITLES, Evidence
from pushforward.study.plan import REAL
from pushforward.study.score_claims import agreement_claim
from pushforward.study.search import value_of
from pushforward.study.transfer import transfer_claim

NAMES = ("mm-gan", "ns-gan", "ls-gan", "wgan", "wgan-gp", "dragan", "began", "vae")
DRAWN, HELD = 100, 40  # images whose nearest triangle is looked for, and nearest generated one


@dataclass(frozen=True)
class Replay:
    """One data set of the replay: what is searched for, how long a fit trains, its layers."""

    data: Dataset
    objective: str
    rounds: int
    hidden: int | None = None

    @property
    def spaces(self) -> dict[str, Space]:
        """The paper's ranges and batch; trial 0 of each method is as the registry has it."""
        same: dict[str, Range] = {"batch_size": Choice((64,))}
        if self.hidden is not None:
            same["hidden"] = Choice(((self.hidden, self.hidden),))
        return {name: {**pf.METHODS[name].wide, **same} for name in NAMES}


def replays(full: bool) -> dict[str, Replay]:
    triangles = pf.triangles(60_000) if full else pf.triangles(2000, size=16)
    if not full:  # rows of numbers, so that perceptrons are taken
        triangles = replace(triangles, image_shape=None)
    return {
        "digits": Replay(pf.load_data("digits"), "frechet_pca", 15_000 if full else 1000),
        "triangles": Replay(triangles, "frechet_pca", 15_000 if full else 500),
        # Moments say nothing of modes here: a Gaussian would be perfect.
        "ring": Replay(
            toy("ring", 0.01 if full else 0.1), "distance", 15_000 if full else 1500, 64
        ),
        "grid": Replay(
            toy("grid", 0.05 if full else 0.2), "distance", 15_000 if full else 1500, 64
        ),
    }


def toy(name: str, sigma: float) -> Dataset:
    """2000 rows of a toy with modes of that width: narrow ones take tens of thousands of rounds."""
    dataset = pf.load_data(name)
    assert isinstance(dataset.source, GaussianModes)
    source = replace(dataset.source, sigma=sigma)
    return replace(dataset, X=source.draw(2000, np.random.default_rng(0)), source=source)


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
    side = math.isqrt(fake.shape[1])
    drawn, real = (rows.reshape(-1, side, side) for rows in (fake[:DRAWN], parts.test[:HELD]))
    pushed = None if sampler is None else pushforward_of(sampler)
    if pushed is None:  # real rows and the Gaussian have no generator to look for the nearest of
        found = manifold_scores(drawn, real)
        yield from (found[name] for name in ("manifold_precision", "manifold_distance"))
        return
    yield from manifold_scores(drawn, real, generator=pushed[0], codes=pushed[1]).values()


def main(
    trials: int, restarts: int, names: list[str], out: Path, jobs: int | None, full: bool
) -> None:
    warnings.simplefilter("ignore")  # the report says them, per method
    for name in names:
        replay = replays(full)[name]
        study = pf.run_study(
            replay.data,
            methods=NAMES,
            space=replay.spaces,
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
    studies = {name: Evidence.read(out / name) for name in names}
    draw(studies, out / "curves.png")
    conclude(studies, out / "results.json")


def draw(studies: dict[str, Evidence], file: Path) -> None:
    """The expected best of so many trials of each method, and the level of real rows."""
    figure = Figure(figsize=(11, 3.6 * math.ceil(len(studies) / 2)), layout="constrained")
    for k, (name, study) in enumerate(studies.items()):
        axes = figure.add_subplot(math.ceil(len(studies) / 2), 2, k + 1)
        for number, method in enumerate(study.searched):
            curve = best_of_trials(study.values(method)[study.drawn(method)])
            colour = f"C{number}"
            axes.plot(curve.budget, curve.mean, color=colour, label=method)
            firm = curve.firm  # beyond, the band would be too narrow
            axes.fill_between(
                curve.budget[firm],
                curve.low[firm],
                curve.high[firm],
                color=colour,
                alpha=0.12,
                lw=0,
            )
        real = study.level(REAL)
        if real is not None:
            axes.axhline(max(real, 1e-3), color="black", lw=1, ls=":", label="real rows")
        axes.set(title=name, xlabel="trials", ylabel=TITLES[study.objective])
        axes.set(xscale="log", yscale="log")
        if k == 0:
            axes.legend(fontsize=7, ncols=2)
    figure.savefig(file, dpi=110)


def conclude(studies: dict[str, Evidence], file: Path) -> None:
    """What the paper claims and these studies say of it: of each data set, then of several."""
    found = {name: claims(study) for name, study in studies.items()}
    for name in ("digits", "triangles"):  # of toys, other draws stand in for real rows
        if name in studies:
            found[name].append(memory_claim(studies[name]))
    if "triangles" in studies:  # within δ comes hardly any, so by how far they are as well
        for score in ("manifold_distance", "manifold_missed"):
            found["triangles"].append(agreement_claim(studies["triangles"], score))
    found["all data"] = [reference_claim(list(studies.values()))]
    for objective in dict.fromkeys(study.objective for study in studies.values()):
        alike = [study for study in studies.values() if study.objective == objective]
        if len(alike) > 1:
            found[f"searched by {objective}"] = [transfer_claim(alike)]
    for name, said in found.items():
        print(f"\n{name}")
        for claim in said:
            print(f"- {claim.name}: {claim.verdict}. {claim.sentence}")
    told = {name: [vars(claim) for claim in said] for name, said in found.items()}
    scores = {name: summary(study) for name, study in studies.items()}
    file.write_text(json.dumps({"claims": told, "scores": scores}))


def summary(study: Evidence) -> dict[str, Any]:
    """What each trial and each restart scored, and in how many seconds; null where it failed."""
    return {
        "objective": study.objective,
        "real rows": study.level(REAL),
        "trials": {
            name: [
                {"options": row["options"], "value": value, "seconds": round(row["seconds"], 2)}
                for row in study.trials[name]
                for value in [value_of(row, study.objective)]
            ]
            for name in NAMES
        },
        "restarts": {
            name: [value_of(row, study.objective) for row in study.restarts[name]] for name in NAMES
        },
    }


def memory_claim(study: Evidence) -> Claim:
    """Whether training rows that are given out again have the best score of all (section 4)."""
    again = study.level(REAL)
    best = min(float(np.median(x)) for m in NAMES if len(x := study.restarted(m)))
    assert again is not None
    verdict = "supported" if again < best else "not supported"
    sentence = f"Training rows given out again score {again:.3g}, the best method {best:.3g}."
    numbers = {"memory": again, "best": best}
    return Claim("The score is blind to memorisation", verdict, sentence, numbers)


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
