"""Time of a round of every GAN of the registry, alone and in a population, beside loops by hand.

Each row of the registry with two hidden layers of 128 and batches of 64, and its own objective,
penalty, turns and optimiser, without a warm-up, on 10 000 rows of N(0, I). The loops of a row take
turns, block after block, on one thread, and what is counted is the processor's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median
from typing import Any

import torch

from pushforward.data.encoding import Encoding
from pushforward.methods import METHODS
from pushforward.models.gan import GAN
from pushforward.training.loop import Stream, Training, play
from pushforward.training.population import Population
from record import folder_of, keep, machine, options_of, print_table
from zoo_loops import Draw, Loop, by_hand, draws

ROWS, HIDDEN, BATCH = 10_000, (128, 128), 64
AGREE = 5  # rounds after which the library's weights and those of the loop by hand are compared
NOTES = [
    "one thread; the processor's time, so another program's turn on the same core is not counted",
    "a population is counted per member, its recording not",
    "the library takes the norm of each gradient for its log, the loops by hand do not; neither is "
    "wrapped in the adaptors that average and sum up the log",
    "hinge-gan by hand has torch's spectral_norm, which iterates in each forward pass in training, "
    "the library's after each move: their weights are not compared",
]


def rows_of(p: int) -> torch.Tensor:
    return torch.randn(ROWS, p, generator=torch.Generator().manual_seed(0))


def zoo() -> list[str]:
    """The registry's GANs."""
    return [name for name, method in METHODS.items() if method.where == "models.gan:GAN"]


def sampler_of(name: str, **options: Any) -> GAN:
    options = {"hidden": HIDDEN, "batch_size": BATCH, "warm_up": 0} | options
    sampler = METHODS[name].make(**options)
    assert isinstance(sampler, GAN)
    return sampler


def training_of(name: str, p: int, seed: int = 0) -> Training:
    """What `fit` would play."""
    torch.manual_seed(seed)
    sampler = sampler_of(name)
    sampler.encoding_ = Encoding.points(p)  # rows as they are
    game = sampler._game(ROWS, p)
    stream = Stream(rows_of(p), BATCH, game.noise, torch.Generator().manual_seed(seed))
    return Training(game, stream, sampler._optimisers(game))


def solo(name: str, p: int) -> Loop:
    return _playing(play(training_of(name, p)))


def population(name: str, p: int, members: int) -> Loop:
    together = Population([training_of(name, p, seed) for seed in range(members)])
    together.record()
    return _playing(play(together))


def _playing(rounds: Iterator[Any]) -> Loop:
    return lambda n: sum(1 for _ in islice(rounds, n))


def tight(name: str, p: int) -> Loop:
    sampler, game = _for_hand(name, p)
    latent = game.generator[0].in_features
    return by_hand(sampler, game, draws(rows_of(p), BATCH, sampler, latent))


def _for_hand(name: str, p: int) -> tuple[GAN, Any]:
    torch.manual_seed(0)
    sampler = sampler_of(name)
    plain = sampler_of(name, spectral=False)  # the loop has torch's own
    plain.encoding_ = Encoding.points(p)
    return sampler, plain._game(ROWS, p)


def apart(name: str, p: int) -> float | None:
    """The largest difference of weights after a few rounds of both from one state, one stream."""
    sampler, game = _for_hand(name, p)
    if sampler.spectral:
        return None
    stream = Stream(rows_of(p), BATCH, training_of(name, p).game.noise, _seeded())

    def source() -> Iterator[Draw]:
        for x, noise in stream:
            yield x, noise["z"], noise.get("mix", noise.get("shift"))

    by_hand(sampler, game, source())(AGREE)
    ours = training_of(name, p)
    _playing(play(ours))(AGREE)
    pairs = zip(ours.game.parameters(), game.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def timed(loop: Loop, rounds: int) -> float:
    """Milliseconds of the processor per round."""
    began = time.process_time()
    return 0.0 if not loop(rounds) else (time.process_time() - began) / rounds * 1e3


def measure(name: str, p: int, members: int, blocks: int, seconds: float) -> dict[str, Any]:
    """The row of the table: its loops' blocks take turns, each first in turn."""
    makers: dict[str, Callable[[], Loop]] = {
        "by_hand": lambda: tight(name, p),
        "solo": lambda: solo(name, p),
    }
    if members:
        makers["population"] = lambda: population(name, p, members)
    loops = {what: make() for what, make in makers.items()}
    rounds, share = {}, {"population": members}
    for what, loop in loops.items():
        loop(3)
        once = timed(loop, 5)
        rounds[what] = max(3, round(seconds * 1e3 / once))
    blocks_ms: dict[str, list[float]] = {what: [] for what in loops}
    order = list(loops)
    for block in range(blocks):
        for i in range(len(order)):
            what = order[(block + i) % len(order)]
            blocks_ms[what].append(timed(loops[what], rounds[what]) / share.get(what, 1))
    hand = median(blocks_ms["by_hand"])
    return {
        "method": name,
        "apart": apart(name, p),
        **{f"{what}_ms": median(ms) for what, ms in blocks_ms.items()},
        **{f"{w}_ratio": median(ms) / hand for w, ms in blocks_ms.items() if w != "by_hand"},
        "rounds_per_block": rounds,
        "blocks_ms": blocks_ms,
    }


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    found = [row["method"]]
    for what in ("by_hand", "solo", "population"):
        ms = row["blocks_ms"].get(what)
        found += [f"{median(ms):.3f}", f"{min(ms):.3f}–{max(ms):.3f}"] if ms else ["", ""]
        if what != "by_hand":
            found.append(f"{row[f'{what}_ratio']:.2f} ×" if ms else "")
    return (*found, "" if row["apart"] is None else f"{row['apart']:.0e}")


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--rows", nargs="+", default=zoo(), choices=zoo(), metavar="METHOD")
    parser.add_argument("--columns", type=int, default=2, help="p of the rows (default 2)")
    parser.add_argument("--members", type=int, default=10, help="of a population, 0 for none")
    parser.add_argument("--blocks", type=int, help="blocks of each loop (default 15, quick 5)")
    parser.add_argument("--seconds", type=float, help="of one block (default 0.2, quick 0.03)")
    options = parser.parse_args()
    blocks = options.blocks or (5 if options.quick else 15)
    seconds = options.seconds or (0.03 if options.quick else 0.2)
    kind = machine()
    torch.set_num_threads(1)
    rows = []
    for name in options.rows:
        rows.append(measure(name, options.columns, options.members, blocks, seconds))
        print(name, f"{rows[-1]['solo_ratio']:.2f} × the loop by hand", flush=True)
    head = ("ms per round", "by hand", "blocks", "solo", "blocks", "to hand")
    head += (f"of {options.members}, each", "blocks", "to hand", "apart")
    print_table(head, [cells(row) for row in rows])
    settings = {
        "p": options.columns,
        "hidden": HIDDEN,
        "batch": BATCH,
        "rows": ROWS,
        "members": options.members,
        "blocks": blocks,
        "seconds_per_block": seconds,
    }
    result = {"machine": kind, "settings": settings, "rows": rows, "notes": NOTES}
    keep("zoo-rounds", folder_of(options), result)


if __name__ == "__main__":
    main()
