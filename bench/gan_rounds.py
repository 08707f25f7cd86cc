"""Time of one round of a vector GAN: pushforward's loop beside what people use, in one process.

p = 32, latent 8, two hidden layers of 128, batch 128, 10 000 rows of N(0, I). The loops take turns,
block after block, so that a busy moment of the machine meets all of them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch

import gan_loops
from gan_loops import Loop
from record import folder_of, keep, machine, options_of, print_table

WARM_UP = 50  # rounds
NOTES = [
    "ours, the tight loop and the usual script share one generated batch between the players; "
    "torchgan generates one for each",
    "ours logs its losses and averages its weights every round; torchgan sums its gradients every "
    "round and saves a model every epoch; the other two do neither",
    "the whole fit is one of a block's rounds: encoding, set-up and scores of samples (every 150 "
    "rounds, as in the first 3000 of any fit) are in its time",
]


@dataclass
class Contender:
    """A loop, on how many threads it runs, and the times of its blocks."""

    name: str
    play: Loop
    threads: int | None = None  # None: the loop sets it
    ms_per_round: list[float] = field(default_factory=list)

    def time(self, rounds: int, default_threads: int) -> float:
        """Milliseconds per round of one block."""
        torch.set_num_threads(self.threads or default_threads)
        began = time.perf_counter()
        played = self.play(rounds)
        return (time.perf_counter() - began) / played * 1e3


def contenders(folder: str, default_threads: int) -> tuple[list[Contender], list[str]]:
    """All loops on one thread and on torch's number, ours as it is used first; and what failed."""
    found = [
        Contender("pushforward, as GAN.fit plays it", gan_loops.engine_as_fitted()),
        Contender("pushforward, whole GAN.fit", gan_loops.whole_fit()),
    ]
    others: dict[str, Callable[[], Loop]] = {
        "pushforward": gan_loops.engine,
        "tight loop by hand": gan_loops.tight_loop,
        "usual script": gan_loops.usual_script,
        "torchgan 0.1.0 Trainer": lambda: gan_loops.torchgan_trainer(folder),
    }
    missing: list[str] = []
    for name, make in others.items():
        try:
            found += [Contender(name, make(), n) for n in sorted({1, default_threads})]
        except ImportError as error:
            missing.append(f"{name}: not measured (cannot import {error.name})")
    return found, missing


def interleave(found: list[Contender], rounds: int, blocks: int, default_threads: int) -> None:
    """Time every contender once per block, each block beginning with another one."""
    for contender in found:
        contender.time(WARM_UP, default_threads)
    for block in range(blocks):
        start = block % len(found)
        for contender in found[start:] + found[:start]:
            contender.ms_per_round.append(contender.time(rounds, default_threads))


def summary(found: list[Contender]) -> list[dict[str, Any]]:
    """Medians over blocks, and their ratios to ours as it is used."""
    ours = median(found[0].ms_per_round)
    return [
        {
            "loop": contender.name,
            "threads": contender.threads or "own choice",
            "ms_per_round": median(contender.ms_per_round),
            "ratio_to_ours": median(contender.ms_per_round) / ours,
            "blocks_ms": contender.ms_per_round,
        }
        for contender in found
    ]


def table(loops: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            row["loop"],
            str(row["threads"]),
            f"{row['ms_per_round']:.3f}",
            f"{min(row['blocks_ms']):.3f}",
            f"{max(row['blocks_ms']):.3f}",
            f"{row['ratio_to_ours']:.2f} ×",
        )
        for row in loops
    ]


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--rounds", type=int, help="rounds per block (default 300, quick 60)")
    parser.add_argument("--blocks", type=int, help="blocks of each loop (default 11, quick 3)")
    options = parser.parse_args()
    rounds = options.rounds or (60 if options.quick else 300)
    blocks = options.blocks or (3 if options.quick else 11)
    kind, default_threads = machine(), torch.get_num_threads()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        found, missing = contenders(folder, default_threads)
        interleave(found, rounds, blocks, default_threads)
    loops = summary(found)
    print_table(
        ("ms per round", "threads", "median", "fastest", "slowest", "to ours"), table(loops)
    )
    print("\n".join(missing))
    settings = {"rounds_per_block": rounds, "blocks": blocks, **gan_loops.SETTINGS}
    result = {"machine": kind, "settings": settings, "loops": loops, "missing": missing}
    keep("gan-rounds", folder_of(options), result | {"notes": NOTES})


if __name__ == "__main__":
    main()
