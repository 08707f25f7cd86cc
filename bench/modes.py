"""Mode coverage of every GAN of the registry on mixtures whose modes are known.

Ring (8 Gaussians) and grid (25), and two harder targets on request: a ring of unequal weights and a
ring of unequal widths. Every method keeps its paper's optimiser, penalty and schedule; networks
(two hidden layers of 128), rows (100 000), batch and 25 000 turns of the discriminator are the same
for all, and its seeds are trained as one population. A fit's best averaged state by its distance to
held-out rows draws 2500 rows: modes captured, share of high quality (within 3 σ of a mode) and
KL(modes of high-quality rows ‖ weights) in nats, beside an ideal sampler and published tables.

Each (data, method) is kept as it ends in a folder and not run again; an interrupted one resumes.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch

import modes_picture
import pushforward as pf
from pushforward.data.toys import HIGH_QUALITY_RADIUS, GaussianModes, grid, ring
from pushforward.evaluation.modes import mode_scores
from pushforward.methods import METHODS
from record import finite, folder_of, keep, machine, mean_and_error, options_of, print_table

SAMPLES, ROWS, HELD_OUT = 2500, 100_000, 1000
HIDDEN, BATCH, TURNS = (128, 128), 64, 25_000
QUICK_TURNS = 1000
RUNS = Path(__file__).parent / "runs" / "modes"
ADVERSARIAL = [name for name, method in METHODS.items() if method.where == "models.gan:GAN"]
# r3-gan's numbers are those of r3-drs-gan's fits, drawn without rejection.
ZOO = [name for name in ADVERSARIAL if name not in ("gan", "r3-gan")]

# Mean and standard error of each, where published. The papers differ widely on one method: the
# number is a property of networks and steps, not of the loss.
PUBLISHED: dict[str, dict[str, dict[str, tuple[float, ...]]]] = {
    "VEEGAN's table 1 (5 runs; Srivastava et al. 2017, arXiv:1705.07761)": {
        "GAN": {"ring": (1, 99.3), "grid": (3.3, 0.5)},
        "ALI": {"ring": (2.8, 0.13), "grid": (15.8, 1.6)},
        "Unrolled GAN, K = 5": {"ring": (7.6, 35.6), "grid": (23.6, 16)},
        "VEEGAN": {"ring": (8, 52.9), "grid": (24.6, 40)},
    },
    "PacGAN's table 1 (10 runs of 400 000 steps; Lin et al. 2018, arXiv:1712.04086)": {
        "GAN": {
            "ring": (6.3, 0.5, 98.2, 0.2, 0.45, 0.09),
            "grid": (17.3, 0.8, 94.8, 0.7, 0.70, 0.07),
        },
        "ALI": {
            "ring": (6.6, 0.3, 97.6, 0.4, 0.36, 0.04),
            "grid": (24.1, 0.4, 95.7, 0.6, 0.14, 0.03),
        },
        "PacGAN2": {
            "ring": (7.9, 0.1, 95.6, 2.0, 0.07, 0.03),
            "grid": (23.8, 0.7, 91.3, 0.8, 0.13, 0.04),
        },
        "PacGAN3": {
            "ring": (7.8, 0.1, 97.7, 0.3, 0.10, 0.02),
            "grid": (24.6, 0.4, 94.2, 0.4, 0.06, 0.02),
        },
        "PacGAN4": {
            "ring": (7.8, 0.1, 95.9, 1.4, 0.07, 0.02),
            "grid": (24.8, 0.2, 93.6, 0.6, 0.04, 0.01),
        },
    },
}


@dataclass(frozen=True, eq=False)
class UnequalWidths:
    """Gaussian modes with a σ each."""

    means: np.ndarray
    sigmas: np.ndarray
    name: str = "widths"

    @property
    def n_modes(self) -> int:
        return len(self.means)

    @property
    def weights(self) -> np.ndarray:
        return np.full(self.n_modes, 1 / self.n_modes)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        mode = rng.integers(self.n_modes, size=n)
        return self.means[mode] + self.sigmas[mode, None] * rng.standard_normal((n, 2))

    def assign(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distance = np.linalg.norm(X[:, None] - self.means, axis=2) / self.sigmas
        return distance.argmin(1), distance.min(1) <= HIGH_QUALITY_RADIUS


def weights() -> GaussianModes:
    """The ring with weights from 1 % to 36 %, each mode 5/3 as likely as the one before."""
    share = (5 / 3) ** np.arange(8)
    return GaussianModes(ring().means, 0.01, share / share.sum(), "weights")


def widths() -> UnequalWidths:
    """The ring with σ from 0.01 to 0.1 in equal ratios."""
    return UnequalWidths(ring().means, np.geomspace(0.01, 0.1, 8))


TARGETS: dict[str, Any] = {"ring": ring, "grid": grid, "weights": weights, "widths": widths}


def options_for(name: str, turns: int) -> dict[str, Any]:
    """What differs from the registry's row: what all methods have in common here."""
    method = METHODS[name].make()
    rounds = turns // method.n_critic
    # A packed discriminator judges as many packs as the others judge rows.
    batch = BATCH * method.packing
    if name.startswith("r3-"):  # the one that is recommended keeps its own
        batch = method.batch_size
    return {"hidden": HIDDEN, "batch_size": batch, "max_rounds": rounds, "patience": rounds}


def fit_and_count(data: str, name: str, seeds: int, turns: int, folder: Path) -> dict[str, Any]:
    """Fit one method from all seeds, and count the modes that each one's samples reach."""
    path = folder / f"{data}-{name}-{turns}-{seeds}.json"
    if path.exists():
        return json.loads(path.read_text())
    torch.set_num_threads(1)
    source, options = TARGETS[data](), options_for(name, turns)
    X, held = (source.draw(n, np.random.default_rng([2026, n])) for n in (ROWS, HELD_OUT))
    began = time.perf_counter()
    population = pf.fit_population(
        name,
        X,
        random_states=range(seeds),
        validation=held,
        checkpoint=path.with_suffix(".safetensors"),
        progress=False,
        **options,
    )
    seconds = time.perf_counter() - began
    fits = [
        count(member, source, seed, population.diverged.get(seed))
        for seed, member in enumerate(population.members)
    ]
    result = {
        "data": data,
        "method": name,
        "options": {key: str(value) for key, value in options.items()},
        "seconds": seconds,
        "ms_per_round_and_member": 1e3 * seconds / seeds / options["max_rounds"],
        "fits": fits,
        "notes": population.notes,
    }
    path.write_text(json.dumps(finite(result)))
    for file in folder.glob(f"{path.stem}.safetensors*"):
        file.unlink()
    return json.loads(path.read_text())


def count(member: Any, source: Any, seed: int, diverged: str | None) -> dict[str, Any]:
    """One fit's numbers: none of the modes where it diverged."""
    if member is None:
        return {"seed": seed, "modes": 0, "high_quality": 0.0, "kl": math.inf, "why": diverged}
    found = {
        "seed": seed,
        "best_round": member.best_round_,
        "stopped_by": member.stopped_by_,
        "diagnosis": [finding.name for finding in member.diagnosis_],
        **numbers(member, source, seed),
    }
    if member.rejection:
        found["plain"] = numbers(member.set_params(rejection=False), source, seed)
    return found


def numbers(member: Any, source: Any, seed: int) -> dict[str, Any]:
    """The scores of a fit's samples, and some of the first seed's rows for the picture."""
    rows = member.sample(SAMPLES, random_state=seed)
    scores = mode_scores(rows, source)
    return {
        "modes": scores.captured,
        "high_quality": 100 * scores.high_quality,
        "kl": scores.kl,
        "rows": np.round(rows[:400], 4).tolist() if seed == 0 else [],
    }


def without_rejection(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The same fits, drawn without rejection, as a result of their own."""
    if not any("plain" in fit for fit in result["fits"]):
        return []
    fits = [fit | fit.get("plain", {}) for fit in result["fits"]]
    return [result | {"method": result["method"].replace("-drs", ""), "fits": fits}]


def ideal(source: Any) -> tuple[float, float, float]:
    """What draws from the source itself would score: 1 − e^{−9/2} in two dimensions."""
    return (
        source.n_modes,
        100 * (1 - math.exp(-(HIGH_QUALITY_RADIUS**2) / 2)),
        (source.n_modes - 1) / (2 * SAMPLES),
    )


def line(name: str, result: dict[str, Any]) -> list[str]:
    """A line of the table: mean ± standard error of each number, and how many reached all."""
    cells = [name]
    for key in ("modes", "high_quality", "kl"):
        values = [fit[key] for fit in result["fits"] if fit[key] is not None]
        mean, error = mean_and_error(values) if values else (math.nan, math.nan)
        few = "" if len(values) == len(result["fits"]) else f" ({len(values)})"
        cells.append(f"{mean:.3g} ± {error:.2g}{few}")
    least = min(fit["high_quality"] for fit in result["fits"])
    modes = min(fit["modes"] for fit in result["fits"])
    return [*cells, f"{modes}, {least:.3g} %", f"{result['ms_per_round_and_member']:.2f}"]


def table(data: str, results: Sequence[dict[str, Any]]) -> None:
    """All methods on one target, the best in high quality first."""

    def quality(result: dict[str, Any]) -> tuple[float, float]:
        modes = np.mean([fit["modes"] for fit in result["fits"]])
        return -round(float(modes), 1), -float(np.mean([f["high_quality"] for f in result["fits"]]))

    lines = [line(result["method"], result) for result in sorted(results, key=quality)]
    modes, quality_, kl = ideal(TARGETS[data]())
    lines.append(["ideal sampler", f"{modes}", f"{quality_:.2f}", f"{kl:.4f}", "", ""])
    for paper, methods in PUBLISHED.items():
        for name, numbers in methods.items():
            if data in numbers:
                cells = [f"{v:.4g}" for v in numbers[data]]
                if len(cells) == 6:
                    cells = [f"{a} ± {b}" for a, b in zip(cells[::2], cells[1::2], strict=True)]
                lines.append([f"{name}, {paper.split(' (')[0]}", *cells, *[""] * (5 - len(cells))])
    head = (data, "modes", "high quality, %", "mode KL", "worst seed", "ms per round")
    print_table(head, lines)


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--methods", default=",".join(ZOO), help="names of the registry")
    parser.add_argument("--data", default="ring,grid", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seeds", type=int, help="fits of each (default 10, quick 2)")
    parser.add_argument("--turns", type=int, help=f"of the discriminator (default {TURNS})")
    parser.add_argument("--jobs", type=int, default=2, help="populations side by side")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder of what is done")
    options = parser.parse_args()
    seeds = options.seeds or (2 if options.quick else 10)
    turns = options.turns or (QUICK_TURNS if options.quick else TURNS)
    folder = options.runs / "quick" if options.quick else options.runs
    folder.mkdir(parents=True, exist_ok=True)
    kind = machine()
    work = [(d, name) for name in options.methods.split(",") for d in options.data.split(",")]
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        pool = joblib.Parallel(n_jobs=options.jobs, verbose=10, batch_size=1)
        results = pool(
            joblib.delayed(fit_and_count)(data, name, seeds, turns, folder) for data, name in work
        )
    results += [plain for result in results for plain in without_rejection(result)]
    for data in options.data.split(","):
        table(data, [result for result in results if result["data"] == data])
    settings = {
        "seeds": seeds,
        "turns_of_the_discriminator": turns,
        "hidden": HIDDEN,
        "batch": BATCH,
        "rows": ROWS,
        "samples": SAMPLES,
        "jobs": options.jobs,
        "methods": {name: {k: str(v) for k, v in METHODS[name].options.items()} for name in ZOO},
    }
    kept = folder_of(options)
    if kept is not None:
        modes_picture.draw(results, TARGETS, Path(__file__).parent.parent / "docs" / "modes.png")
    keep(
        "modes",
        kept,
        {"machine": kind, "settings": settings, "results": results, "published": PUBLISHED},
    )


if __name__ == "__main__":
    main()
