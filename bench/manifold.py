"""Whether a VAE finds a surface: 100 rows in 32 dimensions, four modes on a surface of two.

A VAE with a latent dimension of two is fitted to 100 rows. Its codes of fresh rows are asked three
questions. Which mode is a row of? A 1-nearest-neighbour classifier on the training codes answers;
the score is the share of test rows it gets right. Where on the surface is it? A 5-nearest-neighbour
regression from the training codes answers; the score is R² of the two true coordinates. What was
the row? The decoder answers; the score is R² of the 32 columns, the share of variance it gives
back. Beside it: two principal components, which are flat codes, and the true coordinates in the
place of codes, the best that neighbours among 100 rows can do.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from pushforward import VAE, load_data, split
from pushforward.data.toys import ManifoldModes
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

NEIGHBOURS = 5
QUICK_ROUNDS = 1000
COLOURS = np.array(["#0072b2", "#e69f00", "#009e73", "#cc79a7"])  # told apart by everyone


@dataclass(frozen=True)
class Rows:
    """Rows with their true coordinates and modes."""

    X: NDArray[np.float64]  # (n, 32)
    u: NDArray[np.float64]  # (n, 2)
    mode: NDArray[np.intp]  # (n,)

    @classmethod
    def of(cls, source: ManifoldModes, X: Any) -> Rows:
        return cls(X, source.coordinates(X), source.assign(X)[0])


def questions(train: Rows, test: Rows, codes: tuple[NDArray, NDArray]) -> dict[str, float]:
    """Share of test rows whose mode their codes give away, and R² of their coordinates."""
    on_train, on_test = codes
    modes = KNeighborsClassifier(1).fit(on_train, train.mode).predict(on_test)
    nearest = KNeighborsRegressor(NEIGHBOURS, weights="distance").fit(on_train, train.u)
    return {
        "mode_found": float(np.mean(modes == test.mode)),
        "r2": float(r2_score(test.u, nearest.predict(on_test))),
    }


def given_back(test: Rows, decoded: NDArray) -> float:
    """Share of the variance of the test rows that decoding their codes gives back."""
    return float(r2_score(test.X, decoded, multioutput="variance_weighted"))


def run(seed: int, max_rounds: int | None) -> tuple[dict[str, Any], Rows, NDArray]:
    """One fit on a fresh draw: the scores of its codes, the test rows and their codes."""
    dataset = load_data("manifold")
    source, parts = dataset.source, split(dataset, seed)
    assert isinstance(source, ManifoldModes)
    train, test = Rows.of(source, parts.train), Rows.of(source, parts.test)
    vae = VAE(latent_dim=2, random_state=seed)
    if max_rounds is not None:
        vae.set_params(max_rounds=max_rounds)
    began = time.perf_counter()
    vae.fit(train.X, validation=parts.validation)
    seconds = time.perf_counter() - began
    codes = vae.transform(train.X), vae.transform(test.X)
    pca = PCA(2).fit(train.X)
    flat = pca.transform(train.X), pca.transform(test.X)
    result = {
        "seed": seed,
        "sizes": parts.sizes,
        "seconds": seconds,
        "rounds": vae.n_rounds_,
        "vae": questions(train, test, codes)
        | {"given_back": given_back(test, vae.inverse_transform(codes[1]))},
        "pca": questions(train, test, flat)
        | {"given_back": given_back(test, pca.inverse_transform(flat[1]))},
        "true": questions(train, test, (train.u, test.u)),
    }
    return result, test, codes[1]


def draw(panels: Sequence[tuple[dict[str, Any], Rows, NDArray]], path: Path) -> None:
    """True coordinates of the test rows beside their codes, one line per seed."""
    figure, axes = plt.subplots(
        len(panels), 2, figsize=(8, 3.8 * len(panels)), squeeze=False, layout="constrained"
    )
    for (left, right), (result, test, codes) in zip(axes, panels, strict=True):
        for axis, points in ((left, test.u), (right, codes)):
            axis.scatter(*points.T, c=COLOURS[test.mode], s=9, linewidths=0)
            axis.set_aspect("equal", adjustable="datalim")
        scores = result["vae"]
        left.set(title=f"seed {result['seed']}: true coordinates", xlabel="u₁", ylabel="u₂")
        right.set(
            title=f"codes: {scores['mode_found']:.1%} of modes found, R² = {scores['r2']:.3f}",
            xlabel="z₁",
            ylabel="z₂",
        )
    figure.suptitle(f"{len(panels[0][1].u)} test rows, coloured by mode; the VAE saw 100 others")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--max-rounds", type=int, help=f"default vae's own, quick {QUICK_ROUNDS}")
    options = parser.parse_args()
    max_rounds = options.max_rounds or (QUICK_ROUNDS if options.quick else None)
    kind = machine()
    panels = [run(seed, max_rounds) for seed in range(options.seeds)]
    runs = [result for result, _, _ in panels]
    table, means = [], {}
    for key, label in (("vae", "codes"), ("pca", "two principal components"), ("true", "truth")):
        found = {name: [r[key][name] for r in runs] for name in runs[0][key]}
        means[key] = {name: mean_and_error(values) for name, values in found.items()}
        shares = plus_minus(mean_and_error([100 * share for share in found["mode_found"]]), 1)
        decoded = plus_minus(means[key]["given_back"], 3) if "given_back" in found else "-"
        table.append((label, shares, plus_minus(means[key]["r2"], 3), decoded))
    print_table(("from", "mode found, %", "R² of coordinates", "R² of rows"), table)
    seconds = ", ".join(f"{r['seconds']:.1f} s ({r['rounds']} rounds)" for r in runs)
    print(f"\nfits: {seconds}")
    folder = folder_of(options)
    settings = {"latent_dim": 2, "seeds": options.seeds, "max_rounds": max_rounds}
    result = {
        "machine": kind,
        "settings": settings | {"neighbours": NEIGHBOURS},
        "mean_and_standard_error": means,
        "runs": runs,
    }
    keep("manifold", folder, result)
    if folder is not None:
        draw(panels, folder / "manifold.png")
        print(f"drawn in {folder / 'manifold.png'}")


if __name__ == "__main__":
    main()
