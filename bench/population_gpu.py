"""Populations on a GPU: time per round and member, and memory, for K = 1 … 256.

The GAN of gan_rounds.py. Solo runs are the loop of `fit` and the usual script of a peer on the same
device; a population is replayed operation by operation, as one CUDA graph, and by `torch.compile`.
Not part of `make bench`. `--device cpu --quick` tries the script without a GPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import torch
from torch.nn.functional import softplus

import gan_loops
from population import fits
from pushforward.training.adaptors import keep_average, log
from pushforward.training.loop import play
from pushforward.training.population import Averages, Histories, Population
from record import folder_of, keep, machine, options_of, print_table

MEMBERS = (1, 4, 16, 64, 128, 256)


def clock(device: str, step: Callable[[], Any], rounds: int) -> float:
    """Milliseconds per step, after a warm-up."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    for _ in range(5):
        step()
    wait()
    began = time.perf_counter()
    for _ in range(rounds):
        step()
    wait()
    return (time.perf_counter() - began) / rounds * 1e3


def usual_script(device: str) -> Callable[[], Any]:
    """What a peer's loop does in a round, the data already on the device."""
    x = gan_loops.rows().to(device)
    generator, discriminator = (net.to(device) for net in gan_loops.networks())
    g_adam, d_adam = (
        torch.optim.Adam(net.parameters(), gan_loops.LEARNING_RATE, gan_loops.BETAS)
        for net in (generator, discriminator)
    )
    n = gan_loops.BATCH

    def step() -> None:
        real = x[torch.randint(len(x), (n,), device=device)]
        fake = generator(torch.randn(n, gan_loops.LATENT, device=device))
        d_adam.zero_grad()
        loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake.detach())).mean()
        loss.backward()
        d_adam.step()
        g_adam.zero_grad()
        softplus(-discriminator(fake)).mean().backward()
        g_adam.step()

    return step


def engine(device: str) -> Callable[[], Any]:
    (fit,) = fits("gan", 1, device=device)
    rounds = keep_average(log(play(fit.training), fit.history), fit.average)
    return lambda: next(rounds)


def replayed(device: str, count: int, compiled: bool = False) -> Callable[[], Any]:
    members = fits("gan", count, device=device)
    together = Population([fit.training for fit in members])
    together.record()
    if compiled:
        for turn in together.turns.values():
            turn.program = torch.compile(turn.program)
    rounds = log(play(together), Histories(together, [fit.history for fit in members], {}))
    rounds = keep_average(rounds, Averages(together, [fit.average for fit in members]))
    return lambda: next(rounds)


def as_graph(device: str, count: int) -> Callable[[], Any]:
    """The whole turn of all players, Adam included, as one CUDA graph; batches are copied in."""
    if device != "cuda":
        raise RuntimeError("CUDA graphs need CUDA")
    together = Population([fit.training for fit in fits("gan", count, device=device)])
    together.record()
    x, noise = next(together.stream)
    x, noise = x.clone(), {name: t.clone() for name, t in noise.items()}
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            together.turn(together.players, x, noise)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        together.turn(together.players, x, noise)

    def step() -> None:
        rows, drawn = next(together.stream)
        x.copy_(rows)
        for name, tensor in drawn.items():
            noise[name].copy_(tensor)
        graph.replay()

    return step


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    device, rounds = options.device, 10 if options.quick else 200
    results: list[dict[str, Any]] = []

    def measure(name: str, count: int, make: Callable[[], Callable[[], Any]]) -> None:
        row: dict[str, Any] = {"what": name, "members": count}
        try:
            if device == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            row["ms"] = clock(device, make(), rounds) / count
            if device == "cuda":
                row["bytes_per_member"] = torch.cuda.max_memory_allocated() / count
        except Exception as error:  # a way that does not work is a result too
            row["error"] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        results.append(row)

    measure("usual script, solo", 1, lambda: usual_script(device))
    measure("pushforward, solo", 1, lambda: engine(device))
    for count in islice(MEMBERS, 3 if options.quick else None):
        measure("replayed", count, lambda count=count: replayed(device, count))
        measure("CUDA graph", count, lambda count=count: as_graph(device, count))
    measure("torch.compile", 16, lambda: replayed(device, 16, compiled=True))
    usual = results[0].get("ms")
    print_table(
        ("ms per round and member", "members", "ms", "faster than the usual script", "MiB each"),
        [
            (
                r["what"],
                str(r["members"]),
                f"{r['ms']:.4f}" if "ms" in r else r["error"],
                f"{usual / r['ms']:.1f} ×" if usual and "ms" in r else "-",
                f"{r['bytes_per_member'] / 2**20:.1f}" if "bytes_per_member" in r else "-",
            )
            for r in results
        ],
    )
    kind = machine() | {"gpu": torch.cuda.get_device_name() if device == "cuda" else None}
    keep("population-gpu", folder_of(options), {"machine": kind, "rows": results})


if __name__ == "__main__":
    main()
