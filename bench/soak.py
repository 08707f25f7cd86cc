"""Whether memory or open files grow while one process fits, draws, saves, loads and evaluates.

    python bench/soak.py --quick
    python bench/soak.py                    # an hour

Each turn fits one method to a table with holes and categories, or to images, draws from it, under a
condition too, saves it, loads it and scores it, all in one process and with short trainings. After
every turn the memory that the process holds, after a collection of garbage, and its open files are
noted. The first turn of every method, which fills what is made once, is left out; of the rest, and
of its second half, the slope of memory over turns is told, with its standard error from means of
whole cycles of methods.
Needs /proc (Linux).
"""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import linregress

import pushforward as pf
from mixed_tables import people
from pushforward.methods import METHODS
from record import folder_of, keep, machine, options_of, print_table

ROWS, IMAGES, SIZE = 600, 120, 16
ROUNDS = 40
TABLES = ("gaussian", "mixture", "copula", "kernel-density", "autoencoder", "vae", "r3-drs-gan")
PICTURES = ("vae", "dc-gan")


def memory() -> float:
    """MiB that this process holds, once what is free has been given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def made(name: str, seed: int) -> Any:
    method = METHODS[name]
    trains = hasattr(method.sampler, "_game")
    short = {"max_rounds": ROUNDS, "patience": ROUNDS, "random_state": seed} if trains else {}
    return method.make(**short)


def with_table(name: str, seed: int, folder: Path) -> None:
    rng = np.random.default_rng(seed)
    frame = people(2 * ROWS, rng)
    frame.loc[rng.random(len(frame)) < 0.1, "income"] = np.nan
    train, test = frame[:ROWS], frame[ROWS:].reset_index(drop=True)
    made(name, seed).fit(train, progress=False).save(folder / "model")
    model = pf.load_model(folder / "model")
    drawn = model.sample(ROWS, random_state=seed)
    model.sample(20, given={"sex": "f"}, random_state=seed)
    pf.evaluate(test, drawn, train)
    drawn.to_parquet(folder / "drawn.parquet")
    pd.read_parquet(folder / "drawn.parquet")


def with_images(name: str, seed: int, folder: Path) -> None:
    glyphs = pf.glyphs(2 * IMAGES, SIZE, seed=seed, progress=False)
    images = np.asarray(glyphs.X).reshape(-1, SIZE, SIZE)
    made(name, seed).set_params(width=4).fit(images[:IMAGES], progress=False).save(folder / "model")
    drawn = pf.load_model(folder / "model").sample(IMAGES, random_state=seed)
    pf.evaluate(images[IMAGES:], drawn, images[:IMAGES])


def slope(values: np.ndarray, cycle: int) -> tuple[float, float]:
    """Growth per turn, and its standard error, from means of whole cycles of turns."""
    cycles = len(values) // cycle
    if cycles < 3:
        return float("nan"), float("nan")
    means = values[: cycles * cycle].reshape(cycles, cycle).mean(1)
    found = linregress(np.arange(cycles) * cycle, means)
    return float(found.slope), float(found.stderr)


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--minutes", type=float, help="how long (60; quick 1)")
    options = parser.parse_args()
    lasts = 60 * (options.minutes or (1 if options.quick else 60))
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    turns: list[tuple[str, Callable[..., None]]] = [
        *((name, with_table) for name in TABLES),
        *((name, with_images) for name in PICTURES),
    ]
    began, held, files = time.monotonic(), [], []
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        while time.monotonic() - began < lasts:
            name, turn = turns[len(held) % len(turns)]
            turn(name, len(held), folder)
            held.append(memory())
            files.append(open_files())
            if len(held) % len(turns) == 0:
                gone = (time.monotonic() - began) / 60
                print(
                    f"{gone:.1f} min {len(held)} turns {held[-1]:.0f} MiB {files[-1]}", flush=True
                )
    finally:
        shutil.rmtree(folder)
    warm = np.array(held[len(turns) :])
    half = warm[len(warm) // 2 :]
    result = {
        "turns": len(held),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "MiB after the first cycle": round(held[len(turns) - 1], 1) if len(warm) else None,
        "MiB at the end": round(held[-1], 1),
        "MiB of growth per turn, standard error": slope(warm, len(turns)),
        "the same of the second half": slope(half, len(turns)),
        "open files, least and most": [min(files[len(turns) :] or files), max(files)],
        "MiB": [round(value, 1) for value in held],
    }
    print_table(("", ""), [(key, str(value)) for key, value in result.items() if key != "MiB"])
    settings = {"rows": ROWS, "images": IMAGES, "rounds": ROUNDS}
    keep("soak", folder_of(options), {"machine": machine(), "settings": settings, **result})


if __name__ == "__main__":
    main()
