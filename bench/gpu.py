"""What the heavy work of the judge and of the classical samplers takes on a GPU.

Plain torch formulations, on whatever device is there, beside the library on the same machine's
CPU: how much faster a device would make each, and whether the answers agree. Without a GPU it runs
all on the CPU, which shows that the script works and nothing else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pushforward.classical.kernel_density import KernelDensity
from pushforward.classical.metropolis_hastings import MetropolisHastings
from pushforward.evaluation import Moments, frechet_distance, leave_one_out
from record import folder_of, keep, machine, options_of, print_table

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
BLOCK = 8192  # rows and columns of one product of distances
NOTES = [
    "neighbours on the device: float32 products alone, near-ties undecided and no variance; the "
    "library's answer is exact",
    "Fréchet: from moments, float64 on both",
    "densities: float64 on both; the walk: float32 on both",
    "time includes moving the rows to the device, not its first use",
]


@dataclass(frozen=True)
class Work:
    """A piece of work, by the library and by torch on the device; each gives a number."""

    name: str
    library: Callable[[], float]
    device: Callable[[], float]


def nearest_labels(real: Tensor, fake: Tensor) -> float:
    """The share of rows whose nearest other row is of their own kind."""
    rows = torch.cat([real, fake]).to(DEVICE)
    rows = rows - rows.mean(0)
    half = (rows * rows).sum(1) / 2
    is_real = torch.arange(len(rows), device=DEVICE) < len(real)
    agree = torch.zeros((), device=DEVICE)
    for start in range(0, len(rows), BLOCK):
        mine = slice(start, min(start + BLOCK, len(rows)))
        best = torch.full((mine.stop - start, 2), -math.inf, device=DEVICE)
        for other in range(0, len(rows), BLOCK):
            theirs = slice(other, min(other + BLOCK, len(rows)))
            near = torch.addmm(-half[theirs], rows[mine], rows[theirs].T)
            if start == other:
                near.fill_diagonal_(-math.inf)
            for kind in (0, 1):
                among = near.masked_fill(is_real[theirs] != bool(kind), -math.inf)
                best[:, kind] = torch.maximum(best[:, kind], among.amax(1))
        agree += ((best[:, 1] > best[:, 0]) == is_real[mine]).sum()
    return float(agree) / len(rows)


def frechet(real: Moments, fake: Moments) -> float:
    shift = torch.as_tensor(real.mean - fake.mean, device=DEVICE)
    a, b = (torch.as_tensor(m.covariance, device=DEVICE) for m in (real, fake))
    factor = torch.linalg.cholesky(a)
    roots = torch.linalg.eigvalsh(factor.T @ b @ factor).clamp_min(0).sqrt()
    return float(shift @ shift + a.trace() + b.trace() - 2 * roots.sum())


def log_densities(rows: np.ndarray, points: np.ndarray, h: float) -> float:
    centres, x = (torch.as_tensor(values / h, device=DEVICE) for values in (rows, points))
    own = -(centres * centres).sum(1) / 2
    parts = [
        torch.logsumexp(torch.addmm(own, part, centres.T), 1) - (part * part).sum(1) / 2
        for part in x.split(2048)
    ]
    constant = math.log(len(rows)) + rows.shape[1] * math.log(h * math.sqrt(2 * math.pi))
    return float(torch.cat(parts).mean()) - constant


def walk(p: int, steps: int, scale: float, chains: int = 1000) -> float:
    """Steps of a random walk on N(0, I); the mean of x² over all of them."""
    random = torch.Generator(DEVICE).manual_seed(0)
    x = torch.randn((chains, p), generator=random, device=DEVICE)
    log_f, total = -(x * x).sum(1) / 2, torch.zeros((), device=DEVICE)
    for _ in range(steps):
        y = x + scale * torch.randn((chains, p), generator=random, device=DEVICE)
        log_g = -(y * y).sum(1) / 2
        moved = torch.rand(chains, generator=random, device=DEVICE).log() < log_g - log_f
        x, log_f = torch.where(moved[:, None], y, x), torch.where(moved, log_g, log_f)
        total += (x * x).mean()
    return float(total) / steps


def works(quick: bool) -> list[Work]:
    rng = np.random.default_rng(0)
    less = 8 if quick else 1

    def pair(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
        rows = rng.standard_normal((2, n, p), dtype=np.float32)
        rows[1] *= 1.02
        return rows[0], rows[1]

    found = []
    for n, p in ((10_000 // less, 2048 // less), (50_000 // less, 64)):
        real, fake = pair(n, p)
        found.append(
            Work(
                f"1-NN leave-one-out, {n} + {n} × {p}",
                lambda real=real, fake=fake: leave_one_out(real, fake).accuracy.value,
                lambda real=real, fake=fake: nearest_labels(*map(torch.as_tensor, (real, fake))),
            )
        )
    p = 2048 // less
    a, b = (Moments.of(rows) for rows in pair(10_000 // less, p))
    found.append(Work(f"Fréchet, p = {p}", lambda: frechet_distance(a, b), lambda: frechet(a, b)))
    rows, points = rng.standard_normal((2, 10_000 // less, 15))
    density = KernelDensity(bandwidth=0.6).fit(rows)
    h = 0.6  # in standard deviations of a column, as the library takes it
    scaled = [(values - rows.mean(0)) / rows.std(0) for values in (rows, points)]
    units = float(np.log(rows.std(0)).sum())
    found.append(
        Work(
            f"kernel density, {len(rows)} × {len(rows)} × 15",
            lambda: float(density.score_samples(points).mean()),
            lambda: log_densities(*scaled, h) - units,
        )
    )
    for p, steps in ((2, 1000 // less), (50, 2000 // less)):
        scale = 2.38 / math.sqrt(p)
        chains = MetropolisHastings(
            lambda x: -(x * x).sum(1) / 2,
            n_features=p,
            n_chains=1000,
            n_warmup=0,
            n_draws=steps,
            step_size=scale,
            covariance="identity",
            dtype="float32",
            random_state=0,
        )
        starts = rng.standard_normal((1000, p))
        found.append(
            Work(
                f"{steps} steps of 1000 chains, p = {p}",
                lambda chains=chains, x=starts: float((chains.fit(x).draws_ ** 2).mean()),
                lambda p=p, steps=steps, scale=scale: walk(p, steps, scale),
            )
        )
    return found


def timed(work: Callable[[], float], times: int) -> tuple[list[float], float]:
    value, seconds = work(), []  # the first use is not counted
    for _ in range(times):
        began = time.perf_counter()
        value = work()
        seconds.append(time.perf_counter() - began)
    return seconds, value


def main() -> None:
    import warnings

    parser = options_of(__doc__)
    parser.add_argument(
        "--times", type=int, default=3, help="of each, after one that is not counted"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # short chains have not mixed
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu"
    rows: list[dict[str, Any]] = []
    for work in works(options.quick):
        here, answer = timed(work.library, options.times)
        there, device_answer = timed(work.device, options.times)
        rows.append(
            {
                "work": work.name,
                "library_seconds": here,
                "device_seconds": there,
                "answers": [answer, device_answer],
                "ratio": median(here) / median(there),
            }
        )
    head = ("work", "library, s", f"{name}, s", "ratio", "library says", "device says")
    cells = [
        (
            row["work"],
            f"{median(row['library_seconds']):.3f}",
            f"{median(row['device_seconds']):.3f}",
            f"{row['ratio']:.1f} ×",
            *(f"{answer:.6g}" for answer in row["answers"]),
        )
        for row in rows
    ]
    print_table(head, cells)
    result = {"machine": machine() | {"device": name}, "works": rows, "notes": NOTES}
    keep("gpu", folder_of(options), result)


if __name__ == "__main__":
    main()
