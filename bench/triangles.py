"""Precision, recall and F1 of images of triangles, by distance to the manifold of all triangles.

Sets whose answer is known: fresh triangles (precision 1), training rows given out again (precision
1, and no more recall than their neighbours have), blurred and mixed ones, shuffled pixels
(precision 0). Beside them a small VAE, fitted for a short time: its recall by looking for the code
of each test image, and by the nearest of its draws. Distances are squared, summed over pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pushforward import VAE, triangles
from pushforward.evaluation import manifold_scores, nearest_distance, triangle_distance
from pushforward.evaluation.known_manifold import DELTA
from pushforward.models.pushforward import pushforward_of
from record import folder_of, keep, machine, options_of, print_table

SIZE = 28
TRAIN = 4000
WIDTHS = (0.4, 0.7)  # of blurring, standard deviations in pixels
WITHIN = 0.1  # a real triangle farther away than this was not found well


def blurred(X: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    images = X.reshape(-1, SIZE, SIZE)
    return gaussian_filter(images, (0, width, width)).reshape(len(X), -1)


def scored(
    name: str,
    fake: NDArray[np.float64],
    test: NDArray[np.float64],
    generator: Callable[[Any], Any] | None = None,
    codes: Any = None,
) -> dict[str, Any]:
    """The scores of one set of images, and quantiles of its distances."""
    began = time.process_time()
    distance = triangle_distance(fake)
    seconds = time.process_time() - began
    began = time.process_time()
    scores = manifold_scores(fake, test, generator=generator, codes=codes)
    return {
        "set": name,
        "images": len(fake),
        "distance_quantiles_10_50_90_100": np.quantile(distance, [0.1, 0.5, 0.9, 1]).tolist(),
        "distance_below_0.1": float((distance < WITHIN).mean()),
        "scores": scores.to_dict(),
        "processor_seconds_per_1000_distances": 1000 * seconds / len(fake),
        "processor_seconds_of_recall": max(time.process_time() - began - seconds, 0.0),
    }


def cells(result: dict[str, Any]) -> tuple[str, ...]:
    low, middle, high, _ = result["distance_quantiles_10_50_90_100"]
    shown = [result["set"], f"{middle:.2f} ({low:.2f} to {high:.2f})"]
    for name in ("precision", "recall", "f1"):
        score = result["scores"][f"manifold_{name}"]
        shown.append(
            f"{score['value']:.3f} ({score['interval'][0]:.2f}–{score['interval'][1]:.2f})"
        )
    return *shown, f"{result['processor_seconds_per_1000_distances']:.1f}"


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--images", type=int, help="in each set; default 200, quick 100")
    parser.add_argument("--rounds", type=int, help="of the VAE; default 1500, quick 300")
    options = parser.parse_args()
    n = options.images or (100 if options.quick else 200)
    rounds = options.rounds or (300 if options.quick else 1500)
    kind = machine()
    train, test = triangles(TRAIN, SIZE, seed=0).X, triangles(n, SIZE, seed=1).X
    fresh = triangles(2 * n, SIZE, seed=2).X
    real, other = fresh[:n], fresh[n:]
    triangle_distance(real[:1])  # draws the triangles to start from, once a process
    rng = np.random.default_rng(0)
    sets = {
        "fresh triangles": real,
        f"{n} training rows again": train[:n],
        **{f"blurred by {width} pixels": blurred(real, width) for width in WIDTHS},
        "means of two": (real + other) / 2,
        "shuffled pixels": rng.permuted(real, axis=1),
    }
    runs = [scored(name, fake, test) for name, fake in sets.items()]
    vae = VAE(
        latent_dim=6, networks="mlp", hidden=(256, 256), max_rounds=rounds, random_state=0
    ).fit(train.reshape(-1, SIZE, SIZE))
    drawn = vae.sample(n, random_state=1).reshape(n, -1)
    runs.append(scored("a small VAE, its draws", drawn, test))
    found = pushforward_of(vae)
    assert found is not None
    runs.append(scored("the same, its codes", drawn, test, *found))
    head = ("images", "squared distance", "precision", "recall", "F1", "CPU s per 1000")
    print_table(head, [cells(run) for run in runs])
    seconds = runs[-1]["processor_seconds_of_recall"]
    print(f"\nrecall by codes took {seconds:.1f} s of a processor for {n} test images")
    away = nearest_distance(test, train) ** 2
    near, reached = float(np.median(away)), float((away <= DELTA).mean())
    print(f"from a test image to the nearest of {TRAIN} training rows: {near:.1f} (median)")
    print(f"recall of all {TRAIN} training rows, given out again: {reached:.3f}")
    close = runs[0]["distance_below_0.1"]
    print(f"fresh triangles within {WITHIN} of the nearest that is found: {close:.1%}")
    settings = {"images": n, "train": TRAIN, "vae_rounds": vae.n_rounds_}
    result = {"machine": kind, "settings": settings, "runs": runs}
    result |= {"nearest_training_row": near, "recall_of_all_training_rows": reached}
    keep("triangles", folder_of(options), result)


if __name__ == "__main__":
    main()
