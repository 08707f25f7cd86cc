"""Every generator on images under one budget: glyphs at 32 pixels, through `pushforward.compare`.

    python bench/images.py --quick

Glyphs (digits from nine fonts, turned, scaled and moved) are split afresh for each of three
repeats; each fit has the same seconds of one core. Images are compared by what a classifier sees in
them that has learnt the labels of the training rows, and by pixels beside; methods that draw by
label are also asked for each. Options are the registry's, except for the width of the networks,
which is narrowed to what a minute of one core can train.

The first images that each drew are put into docs/images-32.png.

`--size 64` takes larger glyphs, `--full` the registry's own widths and 4 hours a fit, for a GPU
(`--device cuda`).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import pushforward as pf
from pushforward.methods import METHODS, Method
from pushforward.report.html import write_report
from pushforward.study.folder import RunFolder
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

# The controls, one of each family, and the zoo.
COMPARED = (
    *("gaussian", "kernel-density", "autoencoder", "vae", "bi-gan", "alice", "info-gan"),
    *("dc-gan", "gan", "ns-gan", "ls-gan", "wgan-gp", "dragan", "began", "hinge-gan", "r3-gan"),
    *("conditional-vae", "conditional-gan", "conditional-r3-gan"),
)
REPEATS, GLYPHS = 3, 4000
WIDTH = 16  # channels of the first convolution
SHOWN = 20  # images of each method in the picture
DOCS = Path(__file__).resolve().parent.parent / "docs"
SCORES = ("nn_real", "nn_fake", "frechet", "precision", "recall", "coverage", "copies")


def narrowed(name: str, options: argparse.Namespace) -> None:
    """Put narrower networks into the registry's row of that name, for this process."""
    method = METHODS[name]
    if "width" not in method.sampler._get_param_names():
        return
    changed = dict(method.options)
    if not options.full:
        changed["width"] = options.width
    changed["device"] = options.device
    values = {field: getattr(method, field) for field in Method.__dataclass_fields__}
    METHODS[name] = Method(**(values | {"options": changed}))


def means(rows: list[dict[str, Any]], kind: str) -> dict[str, list[float]]:
    """Of each score its mean and standard error over repeats."""
    found = [row[kind] for row in rows if row.get(kind)]
    return {
        score: [*mean_and_error([scores[score]["value"] for scores in found])]
        for score in SCORES
        if found and all(score in scores for scores in found)
    }


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--size", type=int, default=32, help="pixels in each direction")
    parser.add_argument("--budget", type=float, help="seconds of each fit (default 60, quick 4)")
    parser.add_argument("--width", type=int, default=WIDTH, help="channels of networks")
    parser.add_argument("--methods", default=",".join(COMPARED), help="names with commas")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="splits and seeds")
    parser.add_argument("--full", action="store_true", help="the registry's widths, hours a fit")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--run", type=Path, help="run folder; one that was interrupted goes on")
    options = parser.parse_args()
    names = options.methods.split(",")
    for name in names:
        narrowed(name, options)
    budget = options.budget or (14_400.0 if options.full else 4.0 if options.quick else 60.0)
    glyphs = pf.glyphs(600 if options.quick else GLYPHS, options.size, seed=1)
    folder = options.run or Path(tempfile.mkdtemp(prefix="images-"))
    repeats = 1 if options.quick else options.repeats
    # One job after the other in this process, whose registry has the narrowed rows.
    result = pf.compare(
        glyphs, methods=names, repeats=repeats, budget=budget, out=folder, jobs=1, watch=tell
    )
    rows = RunFolder(folder).results()
    kept, table = {}, []
    for standing in result.standings:
        mine = [
            row for row in rows if (row["method"], row["kind"]) == (standing.method, standing.kind)
        ]
        distance = standing.distance
        labels = [np.mean(row["labels"]["generated"]) for row in mine if row.get("labels")]
        rounds = [row["rounds"] for row in mine if row.get("rounds")]
        kept[f"{standing.method} ({standing.kind})"] = {
            "distance": None if distance is None else [distance.value, distance.low, distance.high],
            "status": [row["status"] for row in mine],
            "scores": means(mine, "scores"),
            "by_pixels": means(mine, "scores_by_pixels"),
            "agreement_with_labels": [*mean_and_error(labels)] if labels else None,
            "rounds": rounds,
            "seconds": [row["seconds"] for row in mine],
        }
        scores = kept[f"{standing.method} ({standing.kind})"]["scores"]
        table.append(
            [
                standing.method + ("" if standing.kind == "method" else " *"),
                f"{distance.value:.3f}" if distance else standing.status,
                *(plus_minus(tuple(scores[s]), 2) if s in scores else "-" for s in SCORES[:6]),
                f"{np.mean(labels):.3f}" if labels else "-",
                f"{np.mean(rounds):.0f}" if rounds else "-",
            ]
        )
    head = ["method", "1-NN distance", "real half", "fake half", "Fréchet", "precision"]
    print_table([*head, "recall", "coverage", "by label", "rounds"], table)
    print("* yardsticks", write_report(folder))
    if not options.quick:
        draw(folder / "samples", options.size, [s.method for s in result.standings])
    settings = {"size": options.size, "glyphs": len(glyphs.X), "budget": budget}
    settings |= {"width": None if options.full else options.width, "repeats": repeats}
    keep(
        f"images-{options.size}",
        folder_of(options),
        {"machine": machine(), "settings": settings, "methods": kept},
    )


def draw(samples: Path, size: int, methods: list[str]) -> None:
    """The first images that each method drew in the first repeat, in the order of their ranks."""
    names = ["real rows", *(name for name in methods if name != "real rows")]
    figure = Figure(figsize=(8, 0.42 * len(names)), dpi=120, layout="constrained")
    for axes, name in zip(figure.subplots(len(names), 1), names, strict=True):
        with np.load(samples / f"{name.replace(' ', '-')}-0.npz") as drawn:
            images = drawn["X"][:SHOWN].reshape(-1, size, size)
        axes.imshow(np.hstack(list(images)), "gray_r", interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    figure.savefig(DOCS / f"images-{size}.png", bbox_inches="tight")


def tell(row: dict[str, Any], finished: int, total: int) -> None:
    print(f"{finished}/{total} {row['method']} {row['status']} {row['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
