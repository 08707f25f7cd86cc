"""Time per round and member of a population of games, beside as many solo runs and beside peers.

The vector GAN of gan_rounds.py (p = 32, latent 8, two hidden layers of 128, batch 128), and an
autoencoder and a VAE of the same sizes. A population is the one that `fit_population` trains, with
its log and its averages; a solo run is what `fit` plays. All take turns, block after block. The
losses can also be spread over two one-thread processes, each with half of the members.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

import gan_loops
from pushforward.data.encoding import Encoding
from pushforward.data.load import load_data
from pushforward.methods import METHODS
from pushforward.models.fitting import memory_of
from pushforward.sampler import Effort
from pushforward.study.population import fit_population
from pushforward.training.adaptors import keep_average, log
from pushforward.training.device import threads_for
from pushforward.training.loop import play
from pushforward.training.population import Averages, Histories, Population
from record import folder_of, keep, machine, options_of, print_table

MEMBERS = (1, 4, 16, 64)
DOCS = Path(__file__).parent.parent / "docs"
OPTIONS = {"latent_dim": gan_loops.LATENT, "hidden": gan_loops.HIDDEN}
Play = Callable[[int], float]  # plays so many rounds and gives milliseconds per round and member


def fits(method: str, count: int, learning_rates: bool = False, device: str = "cpu") -> list[Any]:
    """Fits that have not yet played a round, as `fit` and `fit_population` begin them."""
    Z = gan_loops.rows().numpy().astype(float)
    begun = []
    for k in range(count):
        options = OPTIONS | {"batch_size": gan_loops.BATCH, "device": device}
        sampler = METHODS[method].make(random_state=k, **options)
        if learning_rates:
            sampler.set_params(learning_rate=sampler.learning_rate * (1 + 0.01 * k))
        sampler.encoding_, sampler.seed_ = Encoding.points(Z.shape[1]), k
        begun.append(sampler._begin(Z, Effort(np.random.default_rng(k))))
    return begun


def solo(method: str) -> Play:
    (fit,) = fits(method, 1)
    rounds = keep_average(log(play(fit.training), fit.history), fit.average)
    return timed(rounds, fit, 1)


def population(method: str, count: int, learning_rates: bool = False) -> Play:
    members = fits(method, count, learning_rates)
    together = Population([fit.training for fit in members])
    together.record()
    rounds = log(play(together), Histories(together, [fit.history for fit in members], {}))
    rounds = keep_average(rounds, Averages(together, [fit.average for fit in members]))
    return timed(rounds, members[0], count)


def timed(rounds: Any, fit: Any, count: int) -> Play:
    size = sum(p.numel() for p in fit.training.game.parameters())

    def play_some(n: int) -> float:
        with threads_for(size, gan_loops.BATCH, count):
            began = time.perf_counter()
            for _ in islice(rounds, n):
                pass
            return (time.perf_counter() - began) / n / count * 1e3

    return play_some


def _worker(method: str, count: int, pipe: Any) -> None:
    torch.set_num_threads(1)
    play_some = population(method, count)
    while True:
        try:
            n = pipe.recv()
        except EOFError:  # the benchmark has ended
            return
        torch.set_num_threads(1)
        play_some(n)
        pipe.send(None)


def in_processes(method: str, count: int, workers: int = 2) -> Play:
    """The members spread over processes of one thread each."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    for _ in range(workers):
        mine, theirs = context.Pipe()
        arguments = (method, count // workers, theirs)
        context.Process(target=_worker, args=arguments, daemon=True).start()
        pipes.append(mine)

    def play_some(n: int) -> float:
        began = time.perf_counter()
        for pipe in pipes:
            pipe.send(n)
        for pipe in pipes:
            pipe.recv()
        return (time.perf_counter() - began) / n / count * 1e3

    return play_some


def peer(folder: str) -> Play:
    """torchgan's trainer, on torch's own number of threads."""
    loop = gan_loops.torchgan_trainer(folder)

    def play_some(n: int) -> float:
        began = time.perf_counter()
        played = loop(n)
        return (time.perf_counter() - began) / played * 1e3

    return play_some


def whole_fits(rounds: int, folder: Path | None) -> None:
    """Seconds per member of whole fits of GANs to digits: encoding, recording, scores included."""
    kind, X = machine(), load_data("digits").X
    rows = []
    for count in (1, 3, 16, 3, 1):
        began = time.perf_counter()
        if count == 1:
            METHODS["gan"].make(random_state=0, max_rounds=rounds).fit(X)
        else:
            fit_population("gan", X, random_states=range(count), max_rounds=rounds)
        rows.append({"members": count, "seconds_each": (time.perf_counter() - began) / count})
    print_table(
        ("whole fit", "seconds each"),
        [(f"{r['members']} members", f"{r['seconds_each']:.2f}") for r in rows],
    )
    keep("population-fits", folder, {"machine": kind, "rounds": rounds, "rows": rows})


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--blocks", type=int, help="blocks of each (default 9, quick 3)")
    parser.add_argument("--whole", action="store_true", help="whole fits on digits instead")
    options = parser.parse_args()
    if options.whole:
        whole_fits(100 if options.quick else 2000, folder_of(options))
        return
    blocks = options.blocks or (3 if options.quick else 9)
    work = 120 if options.quick else 400  # rounds × members of a block
    kind, threads = machine(), torch.get_num_threads()
    contenders: dict[str, tuple[Play, int]] = {}
    for method in ("gan", "autoencoder", "vae"):
        contenders[f"{method}, solo"] = solo(method), 1
        for count in MEMBERS:
            contenders[f"{method}, population of {count}"] = population(method, count), count
    contenders["gan, population of 16, each its learning rate"] = population("gan", 16, True), 16
    contenders["gan, population of 16 in two processes"] = in_processes("gan", 16), 16
    missing = ""
    with tempfile.TemporaryDirectory() as folder:
        try:
            contenders["gan, torchgan 0.1.0 Trainer"] = peer(folder), 1
        except ImportError as error:
            missing = f"torchgan: not measured (cannot import {error.name})"
        times: dict[str, list[float]] = {name: [] for name in contenders}
        names = list(contenders)
        for block in range(-1, blocks):  # the first warms up
            start = block % len(names)
            for name in names[start:] + names[:start]:
                play_some, count = contenders[name]
                torch.set_num_threads(threads)
                ms = play_some(max(6, work // count))
                if block >= 0:
                    times[name].append(ms)
    rows = []
    for name, ms in times.items():
        alone = median(times[name.split(",")[0] + ", solo"])
        rows.append(
            {"what": name, "ms": median(ms), "solo_over_this": alone / median(ms), "blocks_ms": ms}
        )
    print_table(
        ("ms per round and member", "median", "fastest", "slowest", "faster than solo"),
        [
            (
                r["what"],
                f"{r['ms']:.3f}",
                f"{min(r['blocks_ms']):.3f}",
                f"{max(r['blocks_ms']):.3f}",
                f"{r['solo_over_this']:.2f} ×",
            )
            for r in rows
        ],
    )
    torchgan = next((r["ms"] for r in rows if "torchgan" in r["what"]), None)
    if torchgan is not None:
        for r in rows:
            if r["what"].startswith("gan, population"):
                print(f"{r['what']}: {torchgan / r['ms']:.2f} × as fast as torchgan")
    print(missing)
    memory = {m: memory_of(fits(m, 1)[0].training) for m in ("gan", "autoencoder", "vae")}
    settings = gan_loops.SETTINGS | {"blocks": blocks, "rounds_times_members": work}
    result = {"machine": kind, "settings": settings, "rows": rows, "missing": missing}
    keep("population", folder_of(options), result | {"forecast_bytes_per_member": memory})
    if folder_of(options) is not None:
        draw(rows, torchgan)


def draw(rows: list[dict[str, Any]], torchgan: float | None) -> None:
    """The curve of docs/populations.md."""
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    for method, marker in (("gan", "o"), ("vae", "s"), ("autoencoder", "^")):
        named = {row["what"]: row for row in rows}
        each = [named[f"{method}, population of {count}"] for count in MEMBERS]
        low, mid, high = ([take(r["blocks_ms"]) for r in each] for take in (min, median, max))
        (line,) = axes.plot(MEMBERS, mid, marker=marker, label=f"{method}, in a population")
        axes.fill_between(MEMBERS, low, high, color=line.get_color(), alpha=0.15, lw=0)
        alone = named[f"{method}, solo"]["ms"]
        axes.axhline(alone, color=line.get_color(), ls=":", lw=1)
        above = "top" if method == "vae" else "bottom"
        axes.annotate(f"{method} alone", (64, alone), ha="right", va=above, fontsize=8)
    if torchgan is not None:
        axes.axhline(torchgan, color="0.3", ls="--", lw=1)
        axes.annotate("torchgan, a GAN", (64, torchgan), ha="right", va="bottom", fontsize=8)
    axes.set(xscale="log", xlabel="members K", ylabel="ms per round and member")
    axes.set_xticks(MEMBERS, [str(count) for count in MEMBERS])
    axes.minorticks_off()
    axes.set_ylim(0)
    axes.legend(frameon=False, fontsize=8, loc=(0.6, 0.55))
    figure.savefig(DOCS / "populations.png", dpi=150)


if __name__ == "__main__":
    main()
