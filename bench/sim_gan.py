"""How real the images look that SimGAN has refined, and whether their labels are kept.

Digits in black on white (simulated), and blurred, unevenly lit and noisy ones (real): a fit sees
both without labels and without pairs. On images that no fit saw: can a classifier tell refined
images from real ones (accuracy; ½ is chance, which real against real shows)? Does a classifier of
labelled real images read from a refined image the digit that it was simulated from? And the use of
it all: a classifier trained on refined images, whose labels are known, tested on real ones, beside
one trained on simulated images and one trained on labelled real ones.

Options were looked for on data of seeds 1000 and above. Draws docs/sim-gan.png.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

import pushforward as pf
from pushforward.evaluation.c2st import classifier_test
from pushforward.evaluation.classifier import ClassifierFeatures
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

SEEDS = (0, 1, 2)
SIZE, ROWS, TEST_ROWS = 16, 2000, 1000
OPTIONS: dict[str, Any] = {
    "weight": 0.05,
    "width": 16,
    "batch_size": 8,
    "history": 320,
    "learning_rate": 1e-3,
    "max_rounds": 500,
}
FITS: dict[str, dict[str, Any]] = {
    "as published": {},
    "with noise": {"noise": True},
    "with noise, no history": {"noise": True, "history": 0},
    "with noise, one value for an image": {"noise": True, "patch": None},
}
ABLATIONS = ("with noise, no history", "with noise, one value for an image")  # of one seed
TESTS = ("knn", "neural")


def data_of(seed: int, sizes: tuple[int, int]) -> dict[str, Any]:
    """Unpaired images of both domains and their labels; the same to test on, and real ones more."""
    domains, rng = pf.load_domains("simulated-real", size=SIZE), np.random.default_rng(seed)
    parts: dict[str, Any] = {}
    for part, n in zip(("train", "test"), sizes, strict=True):
        simulated, _, digit = domains.pairs(n, rng)
        _, real, other = domains.pairs(n, rng)
        parts |= {f"simulated_{part}": (simulated, digit), f"real_{part}": (real, other)}
    parts["more_real"] = domains.pairs(sizes[1], rng)[1]
    return parts


def told_apart(real: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """The accuracies of classifiers of pixels on rows that they were not trained on."""
    real, other = real.reshape(len(real), -1), other.reshape(len(other), -1)
    return {test: classifier_test(real, other, test).accuracy for test in TESTS}


class Reader:
    """A classifier of digits: a small convolutional network, and a regression on its features."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, seed: int) -> None:
        self.features = ClassifierFeatures.fit(images, labels, "digits", random_state=seed)
        self.regression = LogisticRegression(max_iter=2000).fit(self.features(images), labels)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        return float(self.regression.score(self.features(images), labels))


def measure(seed: int, names: list[str], quick: bool) -> dict[str, Any]:
    """All fits of one seed, and what refined images are held against."""
    data = data_of(seed, (200, 100) if quick else (ROWS, TEST_ROWS))
    a, digit = data["simulated_train"]
    b, b_digit = data["real_train"]
    test, test_digit = data["simulated_test"]
    real, real_digit = data["real_test"]
    reader = Reader(b, b_digit, seed)
    found: dict[str, Any] = {
        "real": {
            "apart": told_apart(real, data["more_real"]),
            "read": reader.accuracy(real, real_digit),
            "teaches": reader.accuracy(real, real_digit),
        },
        "simulated": {
            "apart": told_apart(real, test),
            "read": reader.accuracy(test, test_digit),
            "teaches": Reader(a, digit, seed).accuracy(real, real_digit),
        },
    }
    shown = {"simulated": test, "real": real}
    for name in names:
        options = OPTIONS | FITS[name] | ({"max_rounds": 20} if quick else {})
        began = time.monotonic()
        gan = pf.SimGAN(**options, patience=options["max_rounds"], random_state=seed).fit(a, b)
        seconds = round(time.monotonic() - began, 1)
        refined = gan.translate(test)
        found[name] = {
            "apart": told_apart(real, refined),
            "read": reader.accuracy(refined, test_digit),
            "teaches": Reader(gan.translate(a), digit, seed).accuracy(real, real_digit),
            "change": float(np.abs(refined - test).mean()),
            "best_round": gan.best_round_,
            "findings": [finding.name for finding in gan.diagnosis_],
            "seconds": seconds,
        }
        shown[name] = refined
    return {"found": found, "shown": shown}


def draw(shown: dict[str, np.ndarray], path: Path) -> None:
    """The first test images, none picked: simulated, refined, and others that are real."""
    bands = {
        "simulated": "simulated",
        "as published": "refined",
        "with noise": "refined with noise",
    }
    bands |= {"real": "real, others"}
    figure, grid = plt.subplots(4, figsize=(8, 3.4), dpi=130, layout="constrained")
    for axis, (key, title) in zip(grid, bands.items(), strict=True):
        strip = np.hstack([np.pad(image, 1, constant_values=1) for image in shown[key][:16]])
        axis.imshow(strip, "gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(title, fontsize=8, loc="left")
        axis.axis("off")
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="others stay as kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kind, folder = machine(), folder_of(options)
    settings = {"size": SIZE, "rows": ROWS, "test_rows": TEST_ROWS, "options": OPTIONS}
    runs = earlier(folder, settings)
    for seed in SEEDS[:1] if options.quick else options.seeds:
        names = [name for name in FITS if seed == 0 or name not in ABLATIONS]
        result = measure(seed, names, options.quick)
        runs[seed] = {"seed": seed} | result["found"]
        if seed == 0 and not options.quick:
            draw(result["shown"], PICTURE)
        keep("sim-gan", folder, {"machine": kind, "settings": settings, "runs": [*runs.values()]})
    lines = []
    for name in ("simulated", *FITS, "real"):
        each = [run[name] for run in runs.values() if name in run]
        columns = [[run["apart"][test] for run in each] for test in TESTS]
        columns += [[run[key] for run in each] for key in ("read", "teaches")]
        lines.append((name, *(plus_minus(mean_and_error(c), 3) if c else "-" for c in columns)))
    print_table(("", *(f"told from real, {t}" for t in TESTS), "read right", "teaches"), lines)


def earlier(folder: Path | None, settings: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Runs that were kept today with the same settings, by seed: a seed is some minutes' work."""
    today = datetime.now(UTC).date().isoformat()
    path = None if folder is None else folder / f"sim-gan-{today}.json"
    if path is None or not path.exists():
        return {}
    kept = json.loads(path.read_text())
    return {run["seed"]: run for run in kept["runs"]} if kept["settings"] == settings else {}


PICTURE = Path(__file__).resolve().parent.parent / "docs" / "sim-gan.png"

if __name__ == "__main__":
    main()
