"""Numbers of a table for networks: standardised, as normal scores, or by their modes.

Each method is fitted for the same rounds to the same rows, with numbers encoded in three ways:
standardised; by the quantile transform that networks take for tables; and by modes, a mixture of
normals whose component is a category and whose rest is a number, as CTGAN does it (Xu et al. 2019,
arXiv:1907.00503; here by scikit-learn's BayesianGaussianMixture, and as a table with two columns in
place of one). What is drawn is compared with held-out rows, standardised and ranked alike: the
larger distance of the two 1-NN halves from their null means, 0 for equal laws. "standardised" is
`pushforward.evaluate` as it is, "ranks" the same after every numeric column has become its normal
score among the training rows, so that what is close to the median of a skewed column counts too.

    python bench/numeric_columns.py
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import wasserstein_distance
from sklearn.mixture import BayesianGaussianMixture

import pushforward as pf
from pushforward.evaluation.evaluate import evaluate, ranking_distance
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

ROUNDS = {"vae": 500, "r3-drs-gan": 200}  # at most: seconds of an idle processor
WAYS = ("standard", "quantile", "modes")
ROWS = 4000


def shapes(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Columns that are skewed, heavy-tailed, of several modes, and that heap up, all dependent."""
    w = rng.multivariate_normal([0, 0, 0], [[1, 0.7, 0.3], [0.7, 1, 0.5], [0.3, 0.5, 1]], size=n)
    group = (w[:, 0] > 0).astype(int) + (w[:, 1] > 1)
    return pd.DataFrame(
        {
            "income": np.exp(1.5 * w[:, 0] + 8).round(2),
            "loss": np.sinh(2.5 * w[:, 1]),
            "modes": np.array([-9.0, 0.0, 4.0])[group] + 0.3 * w[:, 2],
            "visits": rng.poisson(np.exp(w[:, 2])),
            "fee": np.maximum(0.0, 40 * w[:, 1] + 10 * w[:, 2]).round(1),
            "kind": np.array(list("abc"))[group],
        }
    )


def tables() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    return {
        "shapes": shapes(2 * ROWS, rng),
        "wine": pf.load_data("wine").X,
        "breast-cancer": pf.load_data("breast-cancer").X,
    }


class Modes:
    """A number as the component it most likely comes from, and how far it is off its mean."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.mixtures: dict[str, Any] = {}
        self.seen: dict[str, pd.Series] = {}
        for name in frame.select_dtypes("number"):
            mixture = BayesianGaussianMixture(
                n_components=10, weight_concentration_prior=0.001, random_state=0, max_iter=200
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.mixtures[name] = mixture.fit(frame[[name]].to_numpy(float))
            self.seen[name] = frame[name]
        self.columns = list(frame)

    def encode(self, frame: pd.DataFrame) -> pd.DataFrame:
        out = {}
        for name in self.columns:
            if name not in self.mixtures:
                out[name] = frame[name]
                continue
            m, x = self.mixtures[name], frame[[name]].to_numpy(float)
            k = m.predict(x)
            out[f"{name} mode"] = pd.Series(k).astype(str)
            out[f"{name} rest"] = (x[:, 0] - m.means_[k, 0]) / np.sqrt(m.covariances_[k, 0, 0])
        return pd.DataFrame(out)

    def decode(self, frame: pd.DataFrame) -> pd.DataFrame:
        out = {}
        for name in self.columns:
            if name not in self.mixtures:
                out[name] = frame[name]
                continue
            m, seen = self.mixtures[name], self.seen[name]
            k = frame[f"{name} mode"].astype(int).to_numpy()
            x = m.means_[k, 0] + frame[f"{name} rest"] * np.sqrt(m.covariances_[k, 0, 0])
            x = x.clip(seen.min(), seen.max())
            out[name] = x.round().astype(seen.dtype) if seen.dtype.kind == "i" else x
        return pd.DataFrame(out)


def ranks(frame: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Every number as its normal score among the training rows."""
    out = frame.copy()
    for name in train.select_dtypes("number"):
        x = np.sort(train[name].to_numpy(float))
        places = [
            np.searchsorted(x, frame[name].to_numpy(float), side) for side in ("left", "right")
        ]
        out[name] = ndtri((sum(places) / 2 + 0.5) / (len(x) + 1))
    return out


def margins(real: pd.DataFrame, fake: pd.DataFrame) -> float:
    """Mean over numeric columns of the Wasserstein distance of the normal scores."""
    names = list(real.select_dtypes("number"))
    return float(np.mean([wasserstein_distance(real[c], fake[c]) for c in names]))


def one(frame: pd.DataFrame, method: str, way: str, seed: int, rounds: int) -> dict[str, float]:
    order = np.random.default_rng(seed).permutation(len(frame))
    half = len(frame) // 2
    train, test = (frame.iloc[i].reset_index(drop=True) for i in (order[:half], order[half:]))
    modes = Modes(train) if way == "modes" else None
    sampler: Any = pf.METHODS[method].make(random_state=seed, max_rounds=rounds)
    sampler.numbers = "quantile" if way == "quantile" else "standard"
    encoded = train if modes is None else modes.encode(train)
    began = time.process_time()
    sampler.fit(encoded, every_column=True, progress=False)
    took = time.process_time() - began
    fake = sampler.sample(len(test), random_state=seed)
    fake = fake if modes is None else modes.decode(fake)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = ranking_distance(evaluate(test, fake, train))
        a, b, c = (ranks(x, train) for x in (test, fake, train))
        ranked = ranking_distance(evaluate(a, b, c))
    return {
        "standardised": plain,
        "ranks": ranked,
        "margins": margins(a, b),
        "seconds": took,
        "rounds": int(sampler.n_rounds_),
    }


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    seeds = 1 if options.quick else options.seeds
    found = machine()
    trials, lines = [], []
    for data, frame in tables().items():
        for method, rounds in ROUNDS.items():
            for way in WAYS:
                each = []
                for seed in range(seeds):
                    scores = one(frame, method, way, seed, 20 if options.quick else rounds)
                    each.append(scores)
                    trial = {"data": data, "method": method, "numbers": way, "seed": seed}
                    trials.append(trial | scores)
                cells = [
                    plus_minus(mean_and_error([s[k] for s in each]), 3)
                    for k in ("standardised", "ranks", "margins")
                ]
                lines.append(
                    [
                        f"{data} {method} {way}",
                        *cells,
                        f"{np.mean([s['rounds'] for s in each]):.0f}",
                    ]
                )
                print(lines[-1], flush=True)
    print_table(["", "standardised", "ranks", "margins", "rounds"], lines)
    keep(
        "numeric_columns",
        folder_of(options),
        {"machine": found, "rounds": ROUNDS, "seeds": seeds, "trials": trials},
    )


if __name__ == "__main__":
    main()
