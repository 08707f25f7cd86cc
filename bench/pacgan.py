"""PacGAN's own experiment on ring and grid, with its networks, its steps and its scores.

Lin et al. 2018, arXiv:1712.04086, table 1, as their code (fjxmlzn/PacGAN) has it where the paper is
silent: both players move at once from one state; 100 000 points are fixed, and so are as many packs
of m, drawn from them with replacement (for m = 1 too); 100 packs are a batch; a generator of
4 × 400 ReLU with batch norm, which each of a pack's m places has to itself; a discriminator of
3 × 200 maxout units with 5 pieces; Adam at 1e-4 with β₁ = 0.8; 400 000 steps; rows as they are, not
standardised. `r3-gan` is the relativistic objective with the r1+r2 penalty in place of theirs and
all else equal; the penalty's weight is the registry's, times the variance of a column, so that it
weighs what it does on standardised rows.

2500 rows are scored, of one z throughout, with the generator in eval mode: batch norm then uses
running statistics (of the deviation, not the variance, and refreshed by 50 batches before every
score, as theirs) and not a batch's own.

A run's whole state is kept every minute and when it ends, and the same command goes on from there;
`--seconds 0` plays nothing and only gathers what is there. Seeds cannot be played as one population
because of the batch norm, whose statistics are set during the forward pass; they run side by side.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from torch import Tensor, nn

from pushforward.data.toys import HIGH_QUALITY_RADIUS, GaussianModes, grid, ring
from pushforward.evaluation.modes import mode_scores
from pushforward.methods import METHODS
from pushforward.models.adversaries import Adversaries, Schedule
from pushforward.models.objectives import OBJECTIVES
from pushforward.models.penalties import PENALTIES
from pushforward.models.priors import normal
from pushforward.training.adaptors import Clock, limit, save, until
from pushforward.training.checkpoint import Checkpoint
from pushforward.training.device import choose_device, seeded
from pushforward.training.game import Tensors
from pushforward.training.loop import Round, Stream, Training, optimisers_for, play
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

POINTS, BATCH, STEPS, SAMPLES, MONITORED = 100_000, 100, 400_000, 2500, 50
LEARNING_RATE, BETAS, WEIGHTS = 1e-4, (0.8, 0.999), 0.02
RUNS = Path(__file__).parent / "runs" / "pacgan"
TARGETS = {"ring": ring, "grid": grid}
SCORES = {"modes": 1, "high_quality": 1, "kl": 2}  # and the digits of each

PUBLISHED = {  # table 1: mean and standard error of 10 runs of 400 000 steps
    "ring": {
        "ns-gan": ((6.3, 0.5), (98.2, 0.2), (0.45, 0.09)),
        "pac-gan-2": ((7.9, 0.1), (95.6, 2.0), (0.07, 0.03)),
        "pac-gan-3": ((7.8, 0.1), (97.7, 0.3), (0.10, 0.02)),
        "pac-gan-4": ((7.8, 0.1), (95.9, 1.4), (0.07, 0.02)),
    },
    "grid": {
        "ns-gan": ((17.3, 0.8), (94.8, 0.7), (0.70, 0.07)),
        "pac-gan-2": ((23.8, 0.7), (91.3, 0.8), (0.13, 0.04)),
        "pac-gan-3": ((24.6, 0.4), (94.2, 0.4), (0.06, 0.02)),
        "pac-gan-4": ((24.8, 0.2), (93.6, 0.6), (0.04, 0.01)),
    },
}


@dataclass(frozen=True)
class Row:
    """A line of the table: what differs between the methods."""

    objective: str = "non-saturating"
    packing: int = 1
    penalty: str | None = None


ROWS = {
    "ns-gan": Row(),
    **{f"pac-gan-{m}": Row(packing=m) for m in (2, 3, 4)},
    "r3-gan": Row("relativistic", penalty="r1+r2"),
}


class Maxout(nn.Module):
    """The largest of `pieces` linear maps, in each of `n_out` units."""

    def __init__(self, n_in: int, n_out: int, pieces: int) -> None:
        super().__init__()
        self.pieces, self.linear = pieces, nn.Linear(n_in, pieces * n_out)

    def forward(self, rows: Tensor) -> Tensor:
        return self.linear(rows).unflatten(-1, (self.pieces, -1)).amax(-2)


class PackNorm(nn.Module):
    """Batch norm in which each of a pack's m places is normalised by itself: m batches, not one.

    The running mean and deviation are those of all places. Running variances would not do: the
    deviations that they give lie above those of batches of 100, layer upon layer.
    """

    def __init__(self, width: int, m: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.deviation: Tensor
        self.m = m
        self.scale, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def forward(self, rows: Tensor) -> Tensor:
        if not self.training:
            return (rows - self.mean) / self.deviation * self.scale + self.shift
        scale, shift = self.scale.repeat(self.m), self.shift.repeat(self.m)
        places = rows.reshape(-1, len(scale))
        normed, mean, inverse = torch.native_batch_norm(
            places, scale, shift, None, None, True, 0.0, 1e-4
        )
        with torch.no_grad():
            self.mean.lerp_(mean.unflatten(0, (self.m, -1)).mean(0), 0.05)
            self.deviation.lerp_(inverse.reciprocal().unflatten(0, (self.m, -1)).mean(0), 0.05)
        return normed.reshape(rows.shape)


class Packs(Stream):
    """A stream whose rows are packs of m, handed on as m rows each, and so is the noise."""

    def __next__(self) -> tuple[Tensor, Tensors]:
        x, noise = super().__next__()
        return x.flatten(0, 1), {name: value.flatten(0, 1) for name, value in noise.items()}


class Curve:
    """Scores every so many steps."""

    def __init__(self, every: int, game: Adversaries, source: GaussianModes) -> None:
        self.every, self.game, self.source = every, game, source
        self.scores: list[dict[str, float]] = []
        self.seconds = 0.0  # that scoring took, in this process

    def look(self, number: int) -> dict[str, float]:
        """The scores after that step, anew unless it is the last on the curve."""
        if self.scores and self.scores[-1]["step"] == number:
            return self.scores[-1]
        began = time.monotonic()
        scores = {"step": number} | score(self.game, self.source)
        self.seconds += time.monotonic() - began
        return scores

    def watch(self, rounds: Iterable[Round]) -> Iterator[Round]:
        for played in rounds:
            if played.number % self.every == 0:
                self.scores.append(self.look(played.number))
            yield played

    def state_dict(self) -> dict[str, Any]:
        return {"scores": self.scores}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scores = state["scores"]


def networks(m: int) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator, with weights ~ N(0, 0.02²) and biases of 0."""
    layers: list[nn.Module] = []
    for n_in in (2, 400, 400, 400):
        layers += [nn.Linear(n_in, 400, bias=False), PackNorm(400, m), nn.ReLU()]
    generator = nn.Sequential(*layers, nn.Linear(400, 2))
    discriminator = nn.Sequential(
        *(Maxout(n_in, 200, 5) for n_in in (2 * m, 200, 200)), nn.Linear(200, 1)
    )
    for network in (generator, discriminator):
        for module in network.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=WEIGHTS)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
    return generator, discriminator


def training_of(row: Row, source: GaussianModes, seed: int, device: torch.device) -> Training:
    """The game of one row and seed, at its beginning."""
    rng, m = np.random.default_rng(seed), row.packing
    points = source.draw(POINTS, rng).astype(np.float32)
    packs = points[rng.integers(POINTS, size=(POINTS, m))]  # (n, m, 2)
    weight = 0.0
    if row.penalty is not None:
        weight = METHODS["r3-gan"].options["penalty_weight"] * float(points.var(axis=0).mean())
    with seeded(seed):
        generator, discriminator = networks(m)
    game = Adversaries(
        generator,
        discriminator,
        OBJECTIVES[row.objective](),
        partial(normal, k=2),
        (2,),
        PENALTIES.get(row.penalty or ""),
        weight,
        Schedule(simultaneous=True, packing=m),
    ).to(device)

    def noise(n: int, rng: torch.Generator) -> Tensors:
        drawn = game.noise(n * m, rng)
        return {name: value.unflatten(0, (n, m)) for name, value in drawn.items()}

    stream = Packs(
        torch.as_tensor(packs).to(device), BATCH, noise, torch.Generator().manual_seed(seed)
    )
    return Training(game, stream, optimisers_for(game, LEARNING_RATE, BETAS))


@torch.no_grad()
def score(game: Adversaries, source: GaussianModes) -> dict[str, float]:
    """What 2500 rows of running statistics score, always of the same z."""
    rng, generator = torch.Generator().manual_seed(2333), game.generator
    device = game.penalty_weight.device
    for _ in range(MONITORED):
        generator(normal(BATCH * game.schedule.packing, 2, rng).to(device))
    rng.manual_seed(2333)
    generator.eval()
    rows = generator(normal(SAMPLES, 2, rng).to(device)).cpu().double().numpy()
    generator.train()
    scores = mode_scores(rows, source)
    return {
        "modes": scores.captured,
        "high_quality": 100 * scores.high_quality,
        "kl": scores.kl,
    }


def run(
    data: str,
    name: str,
    seed: int,
    *,
    steps: int,
    every: int,
    seconds: float | None,
    device: str,
    folder: Path,
) -> dict[str, Any]:
    """Play one game, from where it was left, until its steps or its seconds are used up."""
    torch.set_num_threads(1)
    source, path = TARGETS[data](), folder / f"{data}-{name}-{seed}.safetensors"
    training = training_of(ROWS[name], source, seed, choose_device(device))
    curve, clock = Curve(every, training.game, source), Clock()
    parts = {"training": training, "curve": curve, "clock": clock}
    checkpoint = Checkpoint({"data": data, "row": name, "seed": seed, "every": every}, parts)
    checkpoint.resume(path)
    before, began = training.round, time.monotonic()
    if before < steps and seconds != 0:
        deadline = None if seconds is None else began + seconds
        rounds = until(limit(curve.watch(play(training)), steps), deadline)
        for _ in save(rounds, path, checkpoint.state, seconds=60):
            pass
    spent, played = time.monotonic() - began - curve.seconds, training.round - before
    return {
        "data": data,
        "row": name,
        "seed": seed,
        **curve.look(training.round),
        "ms_per_step": 1e3 * spent / played if played else math.nan,
        "seconds": clock.seconds,
        "curve": curve.scores,
    }


def ideal(source: GaussianModes) -> tuple[float, float, float]:
    """What draws from the source itself score on average."""
    quality = 1 - math.exp(-(HIGH_QUALITY_RADIUS**2) / 2)
    return source.n_modes, 100 * quality, (source.n_modes - 1) / (2 * SAMPLES)


def means(scores: Sequence[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """Mean and standard error of each score; of the finite ones, for the KL of no mode is none."""
    return {
        key: mean_and_error(finite) if finite else (math.nan, math.nan)
        for key in SCORES
        for finite in [[s[key] for s in scores if math.isfinite(s[key])]]
    }


def table(data: str, results: Sequence[dict[str, Any]]) -> None:
    """Each row as far as it has come, beside what was published."""
    lines = []
    for name in dict.fromkeys(result["row"] for result in results):
        runs = [result for result in results if result["row"] == name]
        least, most = (f(result["step"] for result in runs) for f in (min, max))
        reached = f"{least}" if least == most else f"{least} to {most}"
        found = means(runs)
        cells = [plus_minus(found[key], digits) for key, digits in SCORES.items()]
        pace = [r["ms_per_step"] for r in runs if math.isfinite(r["ms_per_step"])]
        speed = f"{np.mean(pace):.2f}" if pace else "-"
        lines.append([name, str(len(runs)), reached, *cells, speed])
        if name in PUBLISHED[data]:
            numbers = zip(PUBLISHED[data][name], SCORES.values(), strict=True)
            cells = [plus_minus(number, digits) for number, digits in numbers]
            lines.append(["  published", "10", f"{STEPS}", *cells, ""])
    modes, quality, kl = ideal(TARGETS[data]())
    lines.append(["ideal sampler", "", "", f"{modes}", f"{quality:.2f}", f"{kl:.4f}", ""])
    print_table(
        (data, "seeds", "steps", "modes", "high quality, %", "mode KL", "ms per step"), lines
    )


def curves(data: str, results: Sequence[dict[str, Any]]) -> None:
    """Means over the seeds at some of the steps: modes, high quality in %, mode KL."""
    names = dict.fromkeys(result["row"] for result in results)
    looked = sorted({s["step"] for result in results for s in result["curve"]})
    if not looked:
        return
    chosen = np.unique(np.linspace(0, len(looked) - 1, 6).round().astype(int))
    lines = []
    for name in names:
        curve = [s for result in results if result["row"] == name for s in result["curve"]]
        cells = []
        for step in (looked[i] for i in chosen):
            here = [s for s in curve if s["step"] == step]
            found = means(here)
            numbers = (f"{found[key][0]:.{digits}f}" for key, digits in SCORES.items())
            cells.append(f"{' / '.join(numbers)} ({len(here)})" if here else "-")
        lines.append([name, *cells])
    print_table((f"{data}, (seeds) at step", *(str(looked[i]) for i in chosen)), lines)


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--rows", default=",".join(ROWS), help="lines of the table")
    parser.add_argument("--data", default="ring,grid", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seeds", type=int, help="runs of each (default 10, quick 2)")
    parser.add_argument("--steps", type=int, help=f"to reach (default {STEPS}, quick 200)")
    parser.add_argument("--seconds", type=float, help="of each run, this time; default no limit")
    parser.add_argument("--every", type=int, help="steps between scores (default 5000, quick 50)")
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side, a thread each")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is one")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder of the runs' states")
    options = parser.parse_args()
    quick, rows, data = options.quick, options.rows.split(","), options.data.split(",")
    for kind, asked, known in (("row", rows, ROWS), ("data", data, TARGETS)):
        if unknown := [name for name in asked if name not in known]:
            parser.error(f"unknown {kind} {', '.join(unknown)}; there are {', '.join(known)}")
    settings = {
        "steps": options.steps or (200 if quick else STEPS),
        "every": options.every or (50 if quick else 5000),
        "seconds": options.seconds,
        "device": options.device,
    }
    seeds = options.seeds or (2 if quick else 10)
    folder = options.runs / "quick" if quick else options.runs
    kind = machine()
    if choose_device(options.device).type == "cuda":
        kind["gpu"] = torch.cuda.get_device_name(options.device)
    work = [(d, name, seed) for seed in range(seeds) for d in data for name in rows]
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        pool = joblib.Parallel(n_jobs=options.jobs, verbose=10, batch_size=1)
        every_run = pool(joblib.delayed(run)(*which, folder=folder, **settings) for which in work)
    results = [result for result in every_run if result["step"]]
    summary: dict[str, Any] = {}
    for d in data:
        here = [result for result in results if result["data"] == d]
        table(d, here)
        curves(d, here)
        summary[d] = {n: means([r for r in here if r["row"] == n]) for n in rows}
    keep(
        "pacgan",
        folder_of(options),
        {
            "machine": kind,
            "settings": {"rows": rows, "data": data, "seeds": seeds, "jobs": options.jobs}
            | settings,
            "mean_and_error": summary,
            "published": PUBLISHED,
            "ideal": {d: ideal(TARGETS[d]()) for d in data},
            "runs": results,
        },
    )


if __name__ == "__main__":
    main()
