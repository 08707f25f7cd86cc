"""Milliseconds per round of one training on one process, and on several with a share of each batch.

The launches take turns: one process with one thread, one with as many threads as the others have
processes, and several with one thread each, started by `torch.distributed.run`. A round is that of
`fit`: losses logged, weights averaged. What the exchange of gradients takes is timed alone too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from pushforward.methods import METHODS
from pushforward.training.adaptors import keep_average, log
from pushforward.training.distributed import together
from pushforward.training.loop import play
from record import folder_of, keep, machine, options_of, print_table

ROWS, COLUMNS = 20_000, 256
SIZES = {  # of networks and batches
    "small": {"hidden": (128, 128), "batch_size": 128},
    "large": {"hidden": (1024, 1024), "batch_size": 512},
    "huge": {"hidden": (2048, 2048, 2048), "batch_size": 2048},
}
NAMES = ("vae", "gan")
MARK = "measured: "


def work(size: str, name: str, blocks: int, rounds: int) -> None:
    """What each launched process does; the first prints what it measured."""
    X = np.random.default_rng(0).standard_normal((ROWS, COLUMNS), dtype=np.float32)
    sampler: Any = METHODS[name].make(random_state=0, device="cpu", **SIZES[size])
    fit = sampler._begin(*sampler._before(X))
    played = keep_average(log(play(fit.training), fit.history), fit.average)
    processes = together()

    def exchange() -> None:
        for parameters in fit.training.owned.values():
            if processes is not None:
                processes.average(parameters)

    def timed(once: Callable[[], Any]) -> list[float]:
        """Milliseconds in each block, after one that is not counted."""
        ms = []
        for _ in range(blocks + 1):
            began = time.perf_counter()
            for _ in range(rounds):
                once()
            ms.append((time.perf_counter() - began) / rounds * 1e3)
        return ms[1:]

    found = {
        "parameters": sum(p.numel() for p in fit.training.game.parameters()),
        "round_ms": timed(lambda: next(played)),
        "exchange_ms": timed(exchange),
    }
    if processes is None or processes.first:
        print(MARK + json.dumps(found), flush=True)


def launch(processes: int, threads: int, task: list[str]) -> dict[str, Any]:
    """What the first of so many processes measured."""
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [*command, __file__, "--task", *task],
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    (line,) = [line for line in done.stdout.splitlines() if MARK in line]
    return json.loads(line.split(MARK)[1])


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--processes", type=int, default=2, help="how many share a batch")
    parser.add_argument("--repeats", type=int, default=3, help="launches of each")
    parser.add_argument("--task", nargs=4, help="what a launched process is to do")
    options = parser.parse_args()
    if options.task:
        size, name, blocks, rounds = options.task
        work(size, name, int(blocks), int(rounds))
        return
    kind, k = machine(), options.processes
    setups = {"one": (1, 1), "one, threads": (1, k), "several": (k, 1)}
    sizes, names = (("large",), NAMES[:1]) if options.quick else (tuple(SIZES), NAMES)
    repeats, blocks = (1, 2) if options.quick else (options.repeats, 5)
    results = []
    for size in sizes:
        rounds = {"small": 100, "large": 10, "huge": 2}[size] // (2 if options.quick else 1)
        for name in names:
            task = [size, name, str(blocks), str(rounds)]
            runs: dict[str, list[dict[str, Any]]] = {setup: [] for setup in setups}
            for _ in range(repeats):
                for setup, (processes, threads) in setups.items():
                    runs[setup].append(launch(processes, threads, task))
            ms = {
                setup: median([b for run in found for b in run["round_ms"]])
                for setup, found in runs.items()
            }
            exchange = median([b for run in runs["several"] for b in run["exchange_ms"]])
            parameters = runs["one"][0]["parameters"]
            row = {"method": name, "size": size, "parameters": parameters}
            results.append(row | {"ms_per_round": ms, "exchange_ms": exchange, "runs": runs})
    head = [
        "ms per round",
        "parameters",
        "one process",
        f"one, {k} threads",
        f"{k} processes",
        "of these exchange",
        "times as fast as one",
    ]
    print_table(
        head,
        [
            [
                f"{r['method']}, {r['size']}",
                f"{r['parameters'] / 1e6:.2f} M",
                *(f"{r['ms_per_round'][setup]:.2f}" for setup in setups),
                f"{r['exchange_ms']:.2f}",
                f"{r['ms_per_round']['one'] / r['ms_per_round']['several']:.2f}",
            ]
            for r in results
        ],
    )
    settings = {"rows": ROWS, "columns": COLUMNS, "sizes": SIZES, "processes": k}
    settings |= {"repeats": repeats, "blocks": blocks}
    result = {"machine": kind, "settings": settings, "rows": results}
    keep("distributed", folder_of(options), result)


if __name__ == "__main__":
    main()
