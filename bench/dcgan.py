"""Time of one round of DCGAN, beside torchgan and mimicry; and bfloat16's quality (--quality).

32×32 pixels of one channel, width 64, latent 100, batch 64, all with the same networks. The loops
take turns in one process, block after block, so that a busy moment of the machine meets all of
them. Time by the wall, and by the processor (of all threads together), which is the one to read on
one thread of a machine that does something else too.

`--quality` trains narrow networks on glyphs in float32 and in bfloat16 from the same seeds and
judges both by held-out rows. `--device cuda` leaves the peers out and adds the loop by hand with
compiled networks.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch

import dcgan_loops
import pushforward as pf
from dcgan_loops import BATCH, SETTINGS, Loop
from record import (
    folder_of,
    keep,
    machine,
    mean_and_error,
    options_of,
    plus_minus,
    print_table,
)

SCORES = ("nn_real", "nn_fake", "frechet")
NOTES = [
    "all pass real and generated rows through the discriminator apart, for its batch norms",
    "ours and the tight loop share one generated batch between the players and compute only the "
    "gradients that a player needs; torchgan and mimicry generate one for each player, and compute "
    "gradients of the discriminator's weights in the generator's turn",
    "ours logs its losses and averages its weights every round; torchgan sums its gradients and "
    "mimicry prints and keeps its losses every round; the tight loop does neither",
    "peers do not save models here and write no summaries, which by themselves they would",
]


@dataclass
class Contender:
    name: str
    play: Loop
    wall_ms: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)

    def time(self, rounds: int) -> None:
        wall, processor = time.perf_counter(), time.process_time()
        self.play()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.wall_ms.append((time.perf_counter() - wall) / rounds * 1e3)
        self.processor_ms.append((time.process_time() - processor) / rounds * 1e3)


def contenders(rounds: int, device: str, folder: str) -> tuple[list[Contender], list[str]]:
    """All loops, each having played a block that is not counted; and what could not be measured."""
    found, missing = [], []
    for name, make in dcgan_loops.ways(device, folder):
        try:
            found.append(Contender(name, make(rounds)))
        except ImportError as error:
            missing.append(f"{name}: not measured (cannot import {error.name})")
    for contender in found:
        contender.play()
    return found, missing


def rates(options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds per round of every loop, and their ratios to ours."""
    rounds = options.rounds or (2 if options.quick else 12)
    blocks = options.blocks or (2 if options.quick else 7)
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        found, missing = contenders(rounds, options.device, folder)
        for block in range(blocks):
            first = block % len(found)
            for contender in found[first:] + found[:first]:
                contender.time(rounds)
    loops = [
        {
            "loop": c.name,
            "wall_ms": median(c.wall_ms),
            "wall_to_ours": median(c.wall_ms) / median(found[0].wall_ms),
            "processor_ms": median(c.processor_ms),
            "processor_to_ours": median(c.processor_ms) / median(found[0].processor_ms),
            "blocks_wall_ms": c.wall_ms,
            "blocks_processor_ms": c.processor_ms,
        }
        for c in found
    ]
    lines = [
        (
            row["loop"],
            f"{row['wall_ms']:.0f}",
            f"{row['wall_to_ours']:.2f} ×",
            f"{row['processor_ms']:.0f}",
            f"{row['processor_to_ours']:.2f} ×",
        )
        for row in loops
    ]
    print_table(("ms per round", "wall", "to ours", "processor", "to ours"), lines)
    print("\n".join(missing))
    settings = {"rounds_per_block": rounds, "blocks": blocks, "threads": options.threads}
    return {"settings": settings | SETTINGS, "loops": loops, "missing": missing, "notes": NOTES}


def quality(options: argparse.Namespace) -> dict[str, Any]:
    """Scores of held-out glyphs after the same rounds in both precisions, from three seeds."""
    torch.set_num_threads(options.threads)
    rounds, n = options.rounds or (20 if options.quick else 400), 200 if options.quick else 1500
    glyphs = pf.glyphs(2 * n, size=32, seed=7, characters="ACEO", progress=False)
    images = glyphs.X.reshape(-1, *glyphs.image_shape)
    training, held = images[:n], images[n:]
    runs = []
    for seed in range(1 if options.quick else 3):
        for precision in ("float32", "bfloat16"):
            gan = dcgan_loops.sampler(
                width=options.width,
                precision=precision,
                max_rounds=rounds,
                patience=rounds,
                device=options.device,
            ).set_params(random_state=seed)
            began = time.process_time()
            gan.fit(training, progress=False)
            seconds = time.process_time() - began
            fake = gan.sample(len(held), random_state=seed)
            found = pf.evaluate(held, fake, train=training, features="pca:32")
            runs.append(
                {"seed": seed, "precision": precision, "processor_s": seconds}
                | {score: found[score].value for score in SCORES}
            )
            print(runs[-1], flush=True)
    lines = []
    for precision in ("float32", "bfloat16"):
        mine = [run for run in runs if run["precision"] == precision]
        cells = [plus_minus(mean_and_error([run[s] for run in mine]), 3) for s in SCORES]
        lines.append((precision, *cells))
    print_table(("after training", *SCORES), lines)
    settings = {"width": options.width, "rounds": rounds, "rows": n, "batch": BATCH}
    return {"settings": settings, "runs": runs}


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--rounds", type=int, help="rounds per block, or of each training")
    parser.add_argument("--blocks", type=int, help="blocks of each loop (default 7, quick 2)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quality", action="store_true", help="bfloat16's quality, not its speed")
    parser.add_argument("--width", type=int, default=8, help="of the networks of --quality")
    options = parser.parse_args()
    kind = machine() | {"cpu_multiplies": torch.backends.cpu.get_cpu_capability()}
    if options.device != "cpu":
        kind |= {"device": torch.cuda.get_device_name(options.device)}
    name = "dcgan-quality" if options.quality else "dcgan"
    result = quality(options) if options.quality else rates(options)
    keep(name, folder_of(options), {"machine": kind} | result)


if __name__ == "__main__":
    main()
