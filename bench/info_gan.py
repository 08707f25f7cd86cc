"""InfoGAN's clusters, codes and information, on digits and on glyphs, beside two controls.

λ = 0 is a plain GAN that is given the code; blur = 0 is the paper's game, whose Q reads rows as
they are. Options were chosen by labels on splits of seed 100: other glyphs than those reported, and
another split of the same digits. Every fit sees training rows alone, without labels; accuracy is
of test rows. Whether the generator's categories are classes is asked of a classifier that was
trained on real rows with their labels, and what k-means finds in the same rows stands beside.

`--dev` compares other options on a split that is not reported, three fits of each.

Information is measured on fresh samples, by the model's own Q and by a classifier that never saw
the model: it is trained on 4000 generated rows with their codes, and reads 2000 others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import pushforward as pf
from pushforward.evaluation.clusters import cluster_accuracy, mutual_information
from pushforward.methods import METHODS
from pushforward.models.info_gan import InfoGAN
from pushforward.models.neural import NeuralSampler
from pushforward.study.population import fit_begun
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

SEEDS = (0, 1, 2)
OPTIONS: dict[str, Any] = METHODS["info-gan"].options | {"latent_dim": 8}
CASES: dict[str, dict[str, float]] = {
    "λ = 1": {},
    "λ = 1, blur = 0": {"blur": 0.0},
    "λ = 0": {"category_weight": 0.0, "continuous_weight": 0.0},
}
ATTEMPTS = 2
BEST = f"λ = 1, best of {ATTEMPTS} by score"
ROUNDS = 3500
BUDGET = 255  # seconds, for the twelve fits to one data set at once
DEV_SEEDS = (100,)
DEV_ATTEMPTS = 3
TRIED: dict[str, dict[str, Any]] = {
    "as reported": {},
    "λ = 0.5": {"category_weight": 0.5},
    "λ = 2": {"category_weight": 2.0},
    "7000 rounds": {"max_rounds": 2 * ROUNDS, "patience": 2 * ROUNDS},
}
GLYPHS: dict[str, Any] = {  # rotation is the one factor beside the character, and half a pixel
    "families": ("sans",),
    "bold": (False,),
    "slanted": (False,),
    "rotation": (-20, 20),
    "scale": 1.0,
    "shift": (-0.04, 0.04),
}


def fit_all(
    samplers: Sequence[NeuralSampler],
    rows: Sequence[np.ndarray],
    budget: float | None,
    validation: Sequence[np.ndarray | None] | None = None,
) -> None:
    """Fit each sampler to its own rows, all at once where their networks have equal shapes."""
    held = [None] * len(samplers) if validation is None else validation
    begun = []
    for sampler, X, V in zip(samplers, rows, held, strict=True):
        Z, effort = sampler._before(X, validation=V, budget=budget, progress=False)
        begun.append((sampler, Z, effort))
    fit_begun(begun)


def digits(seed: int) -> dict[str, Any]:
    """Three quarters of scikit-learn's digits to train on, the rest to test.

    Without the pixels that are blank in 99 % of images, so that all splits have equal columns.
    """
    data = pf.load_data("digits")
    X = np.asarray(data.X, dtype=float).reshape(len(data.X), -1)
    X = X[:, (X > 0).mean(0) > 0.01]
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = np.split(order, [3 * len(order) // 4])
    y = np.asarray(data.y)
    return {"train": X[train], "test": X[test], "labels": y[test], "train_labels": y[train]}


def glyphs(seed: int, n: int = 4000) -> dict[str, Any]:
    """Ten digits of one font, 12×12: n to train on, 1000 to test, their rotations."""
    data = pf.glyphs(n + 1000, 12, seed=seed, progress=False, **GLYPHS)
    train, test = np.split(np.asarray(data.X), [n])
    found = {"train": train, "test": test, "labels": data.y[n:], "train_labels": data.y[:n]}
    return found | {"rotation": data.factors["rotation"].to_numpy()[n:]}


def independent(gan: InfoGAN, seed: int) -> float:
    """The share of H(c) that a classifier reads from fresh rows, trained on other rows."""
    codes = np.random.default_rng(seed).integers(gan.categories, size=6000)
    rows = gan.sample(6000, given=codes, random_state=seed).reshape(6000, -1)
    rows = StandardScaler().fit_transform(rows)
    reader = MLPClassifier((64,), alpha=1e-2, early_stopping=True, random_state=seed)
    reader.fit(rows[:4000], codes[:4000])
    return mutual_information(codes[4000:], reader.predict_proba(rows[4000:])).share


def measure(data: str, seeds: tuple[int, ...], rounds: int, budget: float) -> list[dict[str, Any]]:
    """Fits of all cases from all seeds at once, and all that is reported of them.

    Of λ = 1 there are `ATTEMPTS` fits for each seed, on the same rows, scored on the same held-out
    rows: the first is reported, and the one with the best score.
    """
    trials = [
        (seed, case, attempt)
        for seed in seeds
        for case in CASES
        for attempt in range(ATTEMPTS if case == "λ = 1" else 1)
    ]
    effort = {"max_rounds": rounds, "patience": rounds}
    began = time.monotonic()
    gans, parts = fitted(
        data, [(seed, effort | CASES[case], attempt) for seed, case, attempt in trials], budget
    )
    seconds = round(time.monotonic() - began, 1)
    runs = [
        {"data": data, "case": case, "seed": seed, "attempt": attempt, "seconds_of_all": seconds}
        | report(gan, part, seed)
        for (seed, case, attempt), gan, part in zip(trials, gans, parts, strict=True)
    ]
    for seed in seeds:
        attempts = [run for run in runs if (run["seed"], run["case"]) == (seed, "λ = 1")]
        runs.append(min(attempts, key=lambda run: run["score"]) | {"case": BEST})
    return runs


def fitted(
    data: str, trials: Sequence[tuple[int, dict[str, Any], int]], budget: float | None
) -> tuple[list[InfoGAN], list[dict[str, Any]]]:
    """Models and their data, of trials (seed of the split, options, number of the attempt)."""
    parts = [digits(seed) if data == "digits" else glyphs(seed) for seed, *_ in trials]
    codes = {"continuous_codes": int(data == "glyphs")}
    gans = [
        InfoGAN(**OPTIONS | codes | options | {"random_state": 1000 * attempt + seed})
        for seed, options, attempt in trials
    ]
    halves = [np.split(as_images(p["train"]), [len(p["train"]) * 17 // 20]) for p in parts]
    fit_all(gans, [train for train, _ in halves], budget, [held for _, held in halves])
    return gans, parts


def tried(data: str, seeds: tuple[int, ...], rounds: int | None) -> list[dict[str, Any]]:
    """Scores and accuracies of other options, three fits of each on every split."""
    trials = [
        (seed, name, attempt) for name in TRIED for seed in seeds for attempt in range(DEV_ATTEMPTS)
    ]
    effort = {"max_rounds": rounds or ROUNDS, "patience": rounds or ROUNDS}
    each = [
        (seed, effort | TRIED[name] | (effort if rounds else {}), attempt)
        for seed, name, attempt in trials
    ]
    gans, parts = fitted(data, each, None)
    runs = []
    for (seed, name, attempt), gan, part in zip(trials, gans, parts, strict=True):
        clusters = gan.predict(as_images(part["test"]))
        found = {"data": data, "tried": name, "seed": seed, "attempt": attempt}
        found["score"] = min(score for _, score in gan.scores_)
        found["accuracy"] = cluster_accuracy(part["labels"], clusters).accuracy
        runs.append(found)
    return runs


def chosen(runs: Sequence[dict[str, Any]], attempts: int) -> float:
    """The mean over splits of the accuracy of the best of so many attempts by score."""
    best: dict[int, dict[str, Any]] = {}
    for run in runs:
        known = best.get(run["seed"])
        if run["attempt"] < attempts and (known is None or run["score"] < known["score"]):
            best[run["seed"]] = run
    return float(np.mean([run["accuracy"] for run in best.values()]))


def compare_options(quick: bool) -> list[dict[str, Any]]:
    """What `--dev` does: a table, and what it was made from."""
    seeds, rounds = (DEV_SEEDS[:1], 60) if quick else (DEV_SEEDS, None)
    runs = [run for data in ("digits", "glyphs") for run in tried(data, seeds, rounds)]
    lines = []
    for data in ("digits", "glyphs"):
        for name in TRIED:
            mine = [r for r in runs if (r["data"], r["tried"]) == (data, name)]
            all_of_them = mean_and_error([r["accuracy"] for r in mine])
            best = [f"{chosen(mine, k):.3f}" for k in range(1, DEV_ATTEMPTS + 1)]
            score = f"{np.mean([r['score'] for r in mine]):.3f}"
            lines.append((f"{data}, {name}", plus_minus(all_of_them, 3), *best, score))
    head = ("accuracy", "all fits", "the first", "best of 2", "best of 3", "mean score")
    print_table(head, lines)
    return runs


def as_images(rows: np.ndarray) -> np.ndarray:
    """Rows of pixels as images of one line, so that all pixels are scaled alike."""
    return rows[:, None]


def report(gan: InfoGAN, parts: dict[str, Any], seed: int) -> dict[str, Any]:
    """What a fitted model's codes tell, and how its clusters are the classes of test rows."""
    codes = np.random.default_rng(seed).integers(gan.categories, size=2000)
    fresh = gan.sample(2000, given=codes, random_state=seed + 50)
    read = gan.transform(fresh)[:, : gan.categories]
    of_test = gan.transform(as_images(parts["test"]))
    labels = parts["labels"]
    classifier = KNeighborsClassifier(3).fit(parts["train"], parts["train_labels"])
    drawn = classifier.predict(fresh.reshape(len(fresh), -1))
    means = KMeans(gan.categories, n_init=10, random_state=seed).fit(parts["train"])
    found = {
        "rounds": gan.n_rounds_,
        "best_round": gan.best_round_,
        "score": min(score for _, score in gan.scores_),
        "information_Q": mutual_information(codes, read).share,
        "information_independent": independent(gan, seed + 60),
        "accuracy": cluster_accuracy(labels, of_test[:, : gan.categories].argmax(1)).accuracy,
        "accuracy_drawn": cluster_accuracy(drawn, codes).accuracy,
        "classifier": float(classifier.score(parts["test"], labels)),
        "k_means": cluster_accuracy(labels, means.predict(parts["test"])).accuracy,
    }
    if gan.continuous_codes:
        code, factor = of_test[:, gan.categories], parts["rotation"]
        found["rotation"] = correlation(code, factor)
        each = [correlation(code[labels == y], factor[labels == y]) for y in np.unique(labels)]
        found["rotation_within"] = float(np.mean(each))
    return found


def correlation(code: np.ndarray, factor: np.ndarray) -> float:
    """|Correlation|: a code may have either sign."""
    return abs(float(np.corrcoef(code, factor)[0, 1]))


COLUMNS = (
    "information_Q",
    "information_independent",
    "accuracy",
    "accuracy_drawn",
    "k_means",
    "rotation",
    "rotation_within",
)


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--dev", action="store_true", help="other options, on other splits")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.dev:
        kind, runs = machine(), compare_options(options.quick)
        settings = {"rounds": ROUNDS, "seeds": list(DEV_SEEDS), "options": OPTIONS, "tried": TRIED}
        found = {"machine": kind, "settings": settings | {"glyphs": GLYPHS}, "runs": runs}
        keep("info-gan-dev", folder_of(options), found)
        return
    rounds, seeds = (60, SEEDS[:1]) if options.quick else (ROUNDS, SEEDS)
    kind = machine()
    runs = [run for data in ("digits", "glyphs") for run in measure(data, seeds, rounds, BUDGET)]
    lines = []
    for data in ("digits", "glyphs"):
        for case in (BEST, *CASES):
            mine = [r for r in runs if (r["data"], r["case"]) == (data, case)]
            each = [r for r in mine if case == BEST or not r["attempt"]]
            cells = [
                plus_minus(mean_and_error([r[c] for r in each]), 3) if c in each[0] else "-"
                for c in COLUMNS
            ]
            lines.append((f"{data}, {case}", *cells))
    print_table(("", *COLUMNS), lines)
    settings = {
        "rounds": rounds,
        "budget": BUDGET,
        "seeds": list(seeds),
        "options": OPTIONS,
        "glyphs": GLYPHS,
    }
    keep("info-gan", folder_of(options), {"machine": kind, "settings": settings, "runs": runs})


if __name__ == "__main__":
    main()
