"""Time of a kernel density's three tasks, beside scikit-learn and scipy: density, choice, draws.

Density: `score_samples` of 10 000 rows under 10 000 kernels, p = 15. Choice: the bandwidth for 15
principal components of the digits, 20 values, five unshuffled folds. Draws: 100 000 rows. The
contenders take turns, so that a busy moment of the machine meets all of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import gaussian_kde
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity as SklearnKernelDensity

import pushforward as pf
from record import folder_of, keep, machine, options_of, print_table

BANDWIDTH = 0.6
GRID = np.logspace(-1, 1, 20)  # grey levels of digits, as on scikit-learn's page
NOTES = [
    "all score the same rows under the same kernels; scipy's has the rows' covariance, which is a "
    "multiple of the identity up to sampling, and its error is against its own brute force",
    "error: largest difference from a brute-force log-sum-exp over float64 differences, 200 rows",
    "scikit-learn's defaults ask for no error (rtol=0, atol=0) and its trees err all the same",
    "choice: ours standardises, computes the components and chooses; GridSearchCV is given the "
    "components; leave-one-out is not the same work and answers a better question",
    "draws: ours go back through the encoding to the units of the data, the peers' are raw",
]


@dataclass
class Contender:
    """A way to do a task; `work` returns what is compared."""

    task: str
    name: str
    work: Callable[[], Any]
    seconds: list[float] = field(default_factory=list)
    found: Any = None

    def time(self) -> None:
        began = time.perf_counter()
        self.found = self.work()
        self.seconds.append(time.perf_counter() - began)


def density(n: int) -> tuple[list[Contender], Callable[[Contender], float]]:
    """Scoring n rows under n kernels, and the error of a result."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(n, 15)), rng.normal(size=(n, 15))
    X = (X - X.mean(0)) / X.std(0)  # so that a bandwidth is the same for all
    ours = pf.KernelDensity(bandwidth=BANDWIDTH).fit(X)
    exact = SklearnKernelDensity(bandwidth=BANDWIDTH).fit(X)
    rough = SklearnKernelDensity(bandwidth=BANDWIDTH, rtol=1e-4).fit(X)
    scipy = gaussian_kde(X.T, bw_method=BANDWIDTH)
    factor = np.linalg.cholesky(scipy.covariance)

    def brute_force(root: np.ndarray) -> np.ndarray:
        rows, kernels = np.linalg.solve(root, Y[:200].T).T, np.linalg.solve(root, X.T).T
        squared = np.stack([((row - kernels) ** 2).sum(1) for row in rows])
        volume = np.log(np.diag(root)).sum() + 7.5 * math.log(2 * math.pi)
        return logsumexp(-0.5 * squared, axis=1) - math.log(n) - volume

    isotropic, correlated = brute_force(BANDWIDTH * np.eye(15)), brute_force(factor)

    def error(contender: Contender) -> float:
        expected = correlated if contender.name.startswith("scipy") else isotropic
        return float(np.abs(contender.found[:200] - expected).max())

    task = "density"
    return [
        Contender(task, "pushforward", lambda: ours.score_samples(Y)),
        Contender(task, "scikit-learn", lambda: exact.score_samples(Y)),
        Contender(task, "scikit-learn, rtol=1e-4", lambda: rough.score_samples(Y)),
        Contender(task, "scipy gaussian_kde.logpdf", lambda: scipy.logpdf(Y.T)),
    ], error


def choice() -> list[Contender]:
    """The bandwidth, in grey levels."""
    pixels = pf.load_data("digits").X
    images = pixels.reshape(-1, 8, 8)
    unit = (images.max() - images.min()) / 2  # grey levels; ours measures bandwidths in it
    codes = PCA(15).fit_transform(pixels)

    def ours(**options: Any) -> float:
        return pf.KernelDensity(pca=15, **options).fit(images).bandwidth_ * unit

    def theirs(jobs: int | None) -> float:
        search = GridSearchCV(SklearnKernelDensity(), {"bandwidth": GRID}, cv=5, n_jobs=jobs)
        return search.fit(codes).best_params_["bandwidth"]

    task = "choice"
    return [
        Contender(task, "pushforward", lambda: ours(bandwidth=GRID / unit, folds=5)),
        Contender(task, "pushforward, leave-one-out, 31 values", ours),
        Contender(task, "scikit-learn GridSearchCV", lambda: theirs(None)),
        Contender(task, "scikit-learn GridSearchCV, n_jobs=2", lambda: theirs(2)),
    ]


def draws(n: int) -> list[Contender]:
    """100 000 new rows of a density of n kernels."""
    X = np.random.default_rng(0).normal(size=(n, 15))
    ours = pf.KernelDensity(bandwidth=BANDWIDTH).fit(X)
    sklearn = SklearnKernelDensity(bandwidth=BANDWIDTH).fit(X)
    scipy = gaussian_kde(X.T, bw_method=BANDWIDTH)
    task = "draws"
    return [
        Contender(task, "pushforward", lambda: ours.sample(100_000, random_state=0)),
        Contender(task, "scikit-learn", lambda: sklearn.sample(100_000, random_state=0)),
        Contender(task, "scipy gaussian_kde.resample", lambda: scipy.resample(100_000, seed=0)),
    ]


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--repeats", type=int, help="of everything (default 5, quick 2)")
    options = parser.parse_args()
    repeats = options.repeats or (2 if options.quick else 5)
    n = 3000 if options.quick else 10_000
    kind = machine()
    scored, error = density(n)
    contenders = scored + choice() + draws(n)
    for contender in contenders:
        if not contender.name.startswith("scikit-learn"):  # which are long and have no warm-up
            contender.work()
    for repeat in range(repeats):
        start = repeat % len(contenders)
        for contender in contenders[start:] + contenders[:start]:
            contender.time()
    rows: list[dict[str, Any]] = []
    for c in contenders:
        first = next(other for other in contenders if other.task == c.task)
        row = {
            "task": c.task,
            "contender": c.name,
            "seconds": median(c.seconds),
            "ratio_to_ours": median(c.seconds) / median(first.seconds),
            "repeats_s": c.seconds,
        }
        if c.task == "density":
            row["error"] = error(c)
        elif c.task == "choice":
            row["bandwidth"] = c.found
        else:
            row["rows_per_s"] = 100_000 / median(c.seconds)
        rows.append(row)
    print_table(
        ("task", "contender", "seconds", "to ours", "found"),
        [
            (
                row["task"],
                row["contender"],
                f"{row['seconds']:.3f}",
                f"{row['ratio_to_ours']:.1f} ×",
                found(row),
            )
            for row in rows
        ],
    )
    same = rows[len(scored)]["bandwidth"], rows[len(scored) + 2]["bandwidth"]
    agree = math.isclose(*same, rel_tol=1e-9)
    print(f"\nthe same bandwidth on the same folds: {'yes' if agree else 'NO'}")
    settings = {"rows": n, "columns": 15, "bandwidth": BANDWIDTH, "repeats": repeats}
    result = {"machine": kind, "settings": settings, "rows": rows, "same_choice": agree}
    keep("kernel-density", folder_of(options), result | {"notes": NOTES})


def found(row: dict[str, Any]) -> str:
    """What a task is judged by beside its time."""
    if "error" in row:
        return f"error {row['error']:.0e}"
    if "bandwidth" in row:
        return f"h = {row['bandwidth']:.5f}"
    return f"{row['rows_per_s'] / 1e6:.2f} million rows/s"


if __name__ == "__main__":
    main()
