"""Time and error of the Fréchet distance: pushforward beside the functions of three peers.

p = 2048 correlated features whose standard deviations fall like k^-0.6, 10 000 rows of each law
and, fewer than columns, 500. Peers are given means and covariances, computed beforehand, as their
own distance functions take them. All take turns.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from pushforward.evaluation.frechet import frechet_distance
from pushforward.evaluation.moments import Moments
from record import folder_of, keep, machine, options_of, print_table

STAND_INS = Path(__file__).parent / "stand_ins"
NOTES = [
    "from moments: means and covariances are computed beforehand, for peers and for pushforward",
    "from features: pushforward computes means and covariances, or does without, in its time",
    "the reference is the nuclear norm of the product of the covariances' roots, which are the "
    "centred rows or the triangular factors of their QR decomposition, by torch in float64",
    "the ratio is to pushforward from moments for many rows, from features for few: that is what "
    "one would call",
]
Distance = Callable[[], float]


def features(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Real and generated features (n, p) in float32, as a network gives them."""
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.standard_normal((p, p)))[0]
    root = (rotation * np.arange(1, p + 1) ** -0.6) @ rotation.T
    real = rng.standard_normal((n, p)) @ root + 0.5
    fake = rng.standard_normal((n, p)) @ root * 1.05 + 0.02 * rng.standard_normal((n, p)) + 0.52
    return real.astype(np.float32), fake.astype(np.float32)


def reference(real: np.ndarray, fake: np.ndarray) -> float:
    """d² by another way than any that is timed, within about 1e-13 of tr (Σ_r + Σ_g)."""
    roots, means = [], []
    for rows in (real, fake):
        x = torch.from_numpy(rows).double()
        means.append(x.mean(0))
        centred = (x - means[-1]) / (len(x) - 1) ** 0.5
        tall = len(x) > x.shape[1]
        roots.append(torch.linalg.qr(centred, mode="r").R if tall else centred)
    overlap = torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
    spread = sum(root.square().sum() for root in roots)
    return float((means[0] - means[1]).square().sum() + spread - 2 * overlap)


def peers(a: Moments, b: Moments) -> dict[str, Callable[[], Distance]]:
    """What imports each peer and gives its distance function on these moments."""
    statistics = a.mean, a.covariance, b.mean, b.covariance

    def pytorch_fid() -> Distance:
        from pytorch_fid.fid_score import calculate_frechet_distance

        return lambda: float(calculate_frechet_distance(*statistics))

    def torchmetrics() -> Distance:
        from torchmetrics.image.fid import _compute_fid

        tensors = [torch.from_numpy(array) for array in statistics]
        return lambda: float(_compute_fid(*tensors))

    def torch_fidelity() -> Distance:
        from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

        first, second = (
            dict(zip(("mu", "sigma"), pair, strict=True))
            for pair in (statistics[:2], statistics[2:])
        )
        return lambda: float(fid_statistics_to_metric(first, second, False)[KEY_METRIC_FID])

    return {
        "pytorch-fid": pytorch_fid,
        "torchmetrics": torchmetrics,
        "torch-fidelity": torch_fidelity,
    }


def contenders(real: np.ndarray, fake: np.ndarray) -> tuple[dict[str, Distance], dict[str, str]]:
    """Every distance function on these rows, and why some are missing."""
    a, b = Moments.of(real), Moments.of(fake)
    found: dict[str, Distance] = {
        "pushforward, from features": lambda: frechet_distance(real, fake),
        "pushforward, from moments": lambda: frechet_distance(a, b),
    }
    missing: dict[str, str] = {}
    for name, make in peers(a, b).items():
        try:
            found[f"{name}, from moments"] = make()
        except ImportError as error:
            missing[name] = f"not measured ({error})"
    return found, missing


def measure(n: int, p: int, times: int) -> dict[str, Any]:
    """Seconds and errors of all contenders on n rows of each law."""
    real, fake = features(n, p)
    exact = reference(real, fake)
    found, missing = contenders(real, fake)
    seconds: dict[str, list[float]] = {name: [] for name in found}
    values: dict[str, float] = {}
    names = list(found)
    for turn in range(times + 1):  # the first warms up
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            began = time.perf_counter()
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    values[name] = found[name]()
            except Exception as error:  # a peer that breaks is said, not fatal
                missing[name] = f"failed ({type(error).__name__}: {str(error)[:100]})"
                found[name] = lambda: float("nan")
            if turn:
                seconds[name].append(time.perf_counter() - began)
    ours = "pushforward, from moments" if n > p else "pushforward, from features"
    measured = [name for name in names if name not in missing]
    rows = [
        {
            "function": name,
            "seconds": median(seconds[name]),
            "ratio_to_ours": median(seconds[name]) / median(seconds[ours]),
            "value": values[name],
            "relative_error": values[name] / exact - 1,
            "all_seconds": seconds[name],
        }
        for name in measured
    ]
    return {"n": n, "p": p, "reference": exact, "functions": rows, "missing": missing}


def show(case: dict[str, Any]) -> None:
    print_table(
        (f"n = {case['n']}, p = {case['p']}", "seconds", "to ours", "value", "relative error"),
        [
            (
                row["function"],
                f"{row['seconds']:.4f}",
                f"{row['ratio_to_ours']:.1f} ×",
                f"{row['value']:.9f}",
                f"{row['relative_error']:+.1e}",
            )
            for row in case["functions"]
        ],
    )
    for name, why in case["missing"].items():
        print(f"{name}: {why}")


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--times", type=int, help="turns of each function (default 3, quick 1)")
    options = parser.parse_args()
    times = options.times or (1 if options.quick else 3)
    p, sizes = (512, (2500, 125)) if options.quick else (2048, (10_000, 500))
    sys.path.insert(0, str(STAND_INS))
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # of peers
    kind = machine()
    cases = [measure(n, p, times) for n in sizes]
    for case in cases:
        show(case)
    result = {"machine": kind, "settings": {"p": p, "times": times}, "cases": cases}
    keep("frechet", folder_of(options), result | {"notes": NOTES})


if __name__ == "__main__":
    main()
