"""How near a CycleGAN comes to the true counterparts of rows, which it has never seen.

    python bench/cycle_gan.py --quick

Pairs of domains whose rows have known counterparts. A fit sees unpaired rows of both; held-out rows
of A are then translated, and their mean distance to the true counterparts is given as a share of
that of a random row of B: 0 is the true map. Beside it doing nothing (the identity on standardised
columns) and a network of the same size that is trained on true pairs. Draws docs/cycle-gan.png.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.models.cycle_gan import CycleGAN
from record import folder_of, keep, machine, options_of, print_table

SEEDS = (0, 1, 2)
ROWS, TEST_ROWS = 1000, 500  # of each domain to fit to; held-out pairs
Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]  # rows of A, their counterparts, a class of each


def turned(n: int, rng: np.random.Generator) -> Pairs:
    """Independent skewed columns, and the same turned by 30°: only one turn fits."""
    a = rng.exponential(size=(n, 2))
    return a, a @ turn(30), (a[:, 0] > a[:, 1]).astype(int)


def mixture(n: int, rng: np.random.Generator) -> Pairs:
    """Three clusters of weights .6, .3 and .1, and the same turned by 100°, shifted and scaled."""
    k = rng.choice(3, n, p=(0.6, 0.3, 0.1))
    a = np.array([[0, 0], [4, 0], [1, 3.0]])[k] + 0.5 * rng.normal(size=(n, 2))
    return a, 3 * a @ turn(100) + (10, -5), k


def moons(n: int, rng: np.random.Generator) -> Pairs:
    """Two half circles, each of which becomes a whole one; a row keeps its share of the way."""
    k, t = rng.integers(2, size=n), np.pi * rng.random(n)
    sign = 1 - 2 * k
    a = np.c_[k + sign * np.cos(t), 0.5 * k + sign * np.sin(t)]
    b = (1 - 0.5 * k)[:, None] * np.c_[np.cos(2 * t), np.sin(2 * t)]
    return a + 0.05 * rng.normal(size=(n, 2)), b + 0.05 * rng.normal(size=(n, 2)), k


def glyphs(n: int, rng: np.random.Generator) -> Pairs:
    """Letters of 12×12 pixels without serifs, and the same with: same place, same size."""
    letters = rng.integers(26, size=n)
    places = [(k, *rng.integers(-4, 5, size=2), rng.integers(36, 48)) for k in letters]
    a, b = (
        np.array([glyph(name, *place) for place in places])
        for name in ("DejaVuSans", "DejaVuSerif")
    )
    return a, b, letters


def glyph(name: str, k: int, dx: int, dy: int, size: int) -> np.ndarray:
    picture = Image.new("L", (48, 48))
    at, letter = (24 + int(dx), 24 + int(dy)), chr(ord("a") + k)
    ImageDraw.Draw(picture).text(at, letter, fill=255, font=font(name, int(size)), anchor="mm")
    return np.asarray(picture.resize((12, 12), Image.Resampling.BOX), dtype=float) / 255


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path(), f"fonts/ttf/{name}.ttf"), size)


def turn(degrees: float) -> np.ndarray:
    t = np.deg2rad(degrees)
    return np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]])


# The rounds were set by the time there is; rates and weights on data of other seeds.
PLAIN = {"hidden": (64, 64), "learning_rate": 5e-3, "max_rounds": 1000}
IMAGES = {"hidden": (128,), "learning_rate": 1e-3, "max_rounds": 1000}
DATA: dict[str, tuple[Callable[..., Pairs], dict[str, Any], tuple[str, ...]]] = {
    "turned by 30°": (turned, PLAIN, ("identity", "rotation")),
    "mixture": (mixture, PLAIN, ("identity", "rotation")),
    "moons to circles": (moons, PLAIN, ("identity", "rotation")),
    "sans to serif": (glyphs, IMAGES, ("identity",)),
}


def distance(rows: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm((rows - truth).reshape(len(rows), -1), axis=1).mean())


def nothing(A: np.ndarray, B: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The identity: on pixels as they are, on columns when standardised."""
    if rows.ndim == 3:
        return rows
    return Encoding().fit(B).inverse_transform(Encoding().fit(A).transform(rows))


def paired(A: np.ndarray, B: np.ndarray, hidden: tuple[int, ...], seed: int) -> Callable[..., Any]:
    """A network trained on true pairs, between standardised rows."""
    a, b = Encoding().fit(A), Encoding().fit(B)
    network = MLPRegressor(hidden_layer_sizes=hidden, early_stopping=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(a.transform(A), b.transform(B))
    return lambda X: b.inverse_transform(network.predict(a.transform(X)))


def measure(name: str, quick: bool) -> dict[str, Any]:
    """All errors on one pair of domains, by method, one for each seed."""
    rows_of, options, starts = DATA[name]
    options = options | ({"max_rounds": 50} if quick else {})
    options["patience"] = options["max_rounds"]
    rng = np.random.default_rng(0)  # the same rows for all seeds, which are those of the fits
    A, counterparts, _ = rows_of(ROWS, rng)
    _, B, _ = rows_of(ROWS, rng)  # others: no pair is seen
    test, truth, kind = rows_of(TEST_ROWS, rng)
    chance = distance(truth, truth[rng.permutation(TEST_ROWS)])
    errors = {"nothing": [distance(nothing(A, B, test), truth) / chance]}
    hidden = options["hidden"]
    errors["pairs"] = [
        distance(paired(A, counterparts, hidden, s)(test), truth) / chance for s in SEEDS
    ]
    found: dict[str, Any] = {"errors": errors, "fits": {}, "options": options}
    shown = {"test": test, "truth": truth, "kind": kind}
    for start in starts:
        began = time.monotonic()
        sampler = CycleGAN(start=start, **options)
        fits = pf.fit_population(sampler, A, B, random_states=SEEDS, progress=False)
        translated = [member.translate(test) for member in fits]
        errors[f"cycle-gan, {start}"] = [distance(t, truth) / chance for t in translated]
        back = [m.translate(t, to="a") for m, t in zip(fits, translated, strict=True)]
        found["fits"][start] = {
            "gap": list(fits.scores),
            "cycle": [distance(t, test) / distance(test, test[::-1]) for t in back],
            "findings": [[f.name for f in member.diagnosis_] for member in fits],
            "seconds": time.monotonic() - began,
        }
        shown[start] = translated[0]
    return found | {"shown": shown}


def draw(found: dict[str, Any], path: Path) -> None:
    """The first seed of every fit, whatever it found."""
    columns = {"test": "A", "truth": "its true counterparts"}
    columns |= {"identity": "from the identity", "rotation": "from a rotation"}
    figure, grid = plt.subplots(len(found), 4, figsize=(10, 2.5 * len(found)))
    for axes, (name, result) in zip(grid, found.items(), strict=True):
        axes[0].set_ylabel(name)
        for axis, (key, title) in zip(axes, columns.items(), strict=True):
            axis.set(xticks=[], yticks=[])
            if key not in result["shown"]:
                axis.axis("off")
                continue
            errors = result["errors"].get(f"cycle-gan, {key}")
            axis.set_title(title + (f": error {errors[0]:.2f}" if errors else ""), fontsize=10)
            rows = result["shown"][key]
            if rows.ndim == 3:
                tiles = rows[:32].reshape(4, 8, 12, 12).swapaxes(1, 2).reshape(48, 96)
                axis.imshow(tiles, "gray_r", vmin=0, vmax=1)
                continue
            kind = result["shown"]["kind"]
            axis.scatter(*rows.T, c=kind, s=4, cmap="viridis", vmax=max(2, kind.max()))
            axis.set_aspect("equal", "datalim")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    options = options_of(__doc__).parse_args()
    machine_before = machine()
    found = {name: measure(name, options.quick) for name in DATA}
    methods = ("nothing", "cycle-gan, identity", "cycle-gan, rotation", "pairs")
    rows = []
    for name, result in found.items():
        each = (result["errors"].get(method, []) for method in methods)
        rows.append([name, *(", ".join(f"{e:.2f}" for e in errors) or "-" for errors in each)])
    print_table(("error, seeds", *methods), rows)
    for name, result in found.items():
        for start, fit in result["fits"].items():
            gaps = ", ".join(f"{g:.2f}" for g in fit["gap"])
            cycles = ", ".join(f"{c:.2f}" for c in fit["cycle"])
            print(f"{name}, {start}: gap {gaps}; cycle {cycles}; {fit['findings']}")
    if not options.quick:
        draw(found, PICTURE)
    for result in found.values():
        del result["shown"]
    keep("cycle-gan", folder_of(options), {"machine": machine_before, "data": found})


PICTURE = Path(__file__).resolve().parent.parent / "docs" / "cycle-gan.png"

if __name__ == "__main__":
    main()
