"""Whether a face swap keeps what is shown and changes whose it is, on letters of two fonts.

A has capital letters without serifs, B with serifs, upright and of regular weight, turned, moved
and scaled a little; no letter of A has its counterpart in B among the training images. Swapped
test letters are judged by two classifiers that were trained on other images, of letters in both
fonts and of fonts, and held against their true counterparts (mean absolute difference; pixels are
0 to 1). "nothing" is the test letter itself. Options were looked for on other images.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import pushforward as pf
from pushforward.data.domains import Domains
from pushforward.data.glyphs import Glyphs
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

SEEDS = (0, 1, 2)
N, TEST = 3000, 1000  # images of each domain
WARPS = (0.0, 0.1)  # none, and the default
CHARACTERS = "ABCDEFGHJK"


def letters(size: int) -> Domains:
    """Capital letters without serifs and with: all else is the same."""
    plain = Glyphs(size, CHARACTERS, families=("sans",), bold=(False,), slanted=(False,))

    def pairs(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        factors = plain.factors(n, int(rng.integers(2**31)))
        a, b = (plain.draw(factors.assign(family=family)) for family in ("sans", "serif"))
        images = (n, size, size)
        return a.reshape(images), b.reshape(images), factors["character"].to_numpy(dtype=str)

    return Domains("letters", pairs, (size, size))


def classifier(X: np.ndarray, y: np.ndarray, seed: int, epochs: int = 8) -> nn.Module:
    """A small convolutional network, trained on images (n, h, w) and labels 0, 1, ..."""
    torch.manual_seed(seed)
    size = 64 * (X.shape[1] // 4) * (X.shape[2] // 4)
    layers: list[nn.Module] = [nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    layers += [nn.Linear(size, 128), nn.ReLU(), nn.Linear(128, int(y.max()) + 1)]
    network = nn.Sequential(*layers)
    x, labels = as_input(X), torch.as_tensor(y)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    batches = epochs * -(-len(x) // 64)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=batches)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            cross_entropy(network(x[batch]), labels[batch]).backward()
            optimiser.step()
            pace.step()
    return network.eval()


def as_input(X: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(X, dtype=torch.float32)[:, None]


@torch.no_grad()
def accuracy(network: nn.Module, X: np.ndarray, y: Any) -> float:
    said = torch.cat([network(part).argmax(1) for part in as_input(X).split(500)]).numpy()
    return float((said == y).mean())


def judges(domains: Domains, seed: int, n: int) -> tuple[nn.Module, nn.Module]:
    """Who tells letters, and who tells fonts, each from images of its own."""
    rng = np.random.default_rng([seed, 1])
    a, b, letters = domains.pairs(n, rng)
    both, y = np.concatenate([a, b]), np.unique(letters, return_inverse=True)[1]
    of_letters = classifier(both, np.concatenate([y, y]), seed)
    a, b, _ = domains.pairs(n, rng)
    return of_letters, classifier(np.concatenate([a, b]), np.repeat([0, 1], n), seed)


def measure(domains: Domains, seed: int, rounds: int, n: int) -> list[dict[str, Any]]:
    """All warps on one draw of training and test images."""
    of_letters, of_fonts = judges(domains, seed, n)
    rng = np.random.default_rng([seed, 0])
    A, B = domains.draw(n, n, rng)
    a, b, letters = domains.pairs(TEST, rng)
    y = np.unique(letters, return_inverse=True)[1]
    runs = []

    def judge(name: str, to_b: np.ndarray, to_a: np.ndarray, fonts: tuple[int, int]) -> None:
        runs.append(
            {
                "name": name,
                "seed": seed,
                "letter": (accuracy(of_letters, to_b, y) + accuracy(of_letters, to_a, y)) / 2,
                "font": (accuracy(of_fonts, to_b, fonts[0]) + accuracy(of_fonts, to_a, fonts[1]))
                / 2,
                "l1": float((np.abs(to_b - b).mean() + np.abs(to_a - a).mean()) / 2),
            }
        )

    judge("true counterparts", b, a, (1, 0))
    judge("nothing", a, b, (1, 0))
    for warp in WARPS:
        model = pf.SharedAutoencoder(
            warp=warp, max_rounds=rounds, patience=rounds, random_state=seed
        )
        began = time.monotonic()
        model.fit(A, B)
        seconds = round(time.monotonic() - began, 1)
        judge(f"warp {warp:g}", model.translate(a), model.translate(b, to="a"), (1, 0))
        given_back = np.abs(model.translate(a, to="a") - a).mean()
        runs[-1] |= {"given_back": float(given_back), "seconds": seconds}
    return runs


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--size", type=int, default=24, help="pixels of an image")
    parser.add_argument("--rounds", type=int, default=3000)
    options = parser.parse_args()
    kind = machine()
    rounds, seeds, n = options.rounds, SEEDS, N
    if options.quick:
        rounds, seeds, n = 20, SEEDS[:1], 300
    domains = letters(options.size)
    runs = [run for seed in seeds for run in measure(domains, seed, rounds, n)]
    lines = []
    for name in dict.fromkeys(run["name"] for run in runs):
        each = [run for run in runs if run["name"] == name]
        columns = ("letter", "font", "l1", "given_back")
        cells = [
            plus_minus(mean_and_error([r[c] for r in each]), 3) if c in each[0] else "-"
            for c in columns
        ]
        lines.append((name, *cells))
    print_table(("swapped", "right letter", "right font", "L1 to the truth", "given back"), lines)
    settings = {"size": options.size, "rounds": rounds, "seeds": list(seeds), "rows": n}
    keep(
        "shared-autoencoder",
        folder_of(options),
        {"machine": kind, "settings": settings, "runs": runs},
    )


if __name__ == "__main__":
    main()
