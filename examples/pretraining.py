"""Does an encoder that was trained without labels help a classifier that has few of them?

Digits, three seeds. A test part is set aside first; an autoencoder and a VAE see the other images
without their labels, a classifier sees the labels of a few. All networks have the same hidden
layers and the same training: Adam, 300 steps on all labelled images, weight decay, nothing tuned.

    python examples/pretraining.py --out pretraining.png
"""

from __future__ import annotations

import argparse
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from torch import nn

import pushforward as pf

LABELS, SEEDS, HIDDEN, CODE = (20, 50, 100, 500), (0, 1, 2), (128, 128), 16
STEPS, RATE, DECAY = 300, 1e-3, 1e-3
NAMES = ("logistic regression on pixels", "network from scratch")
NAMES += tuple(f"{k}, {how}" for k in ("Autoencoder", "VAE") for how in ("frozen", "fine-tuned"))


def classify(encoder: nn.Module, frozen: bool, seed: int, data: tuple) -> float:
    """Accuracy on test images of a linear layer on the encoder, trained on few labels."""
    x, y, x_test, y_test = data
    torch.manual_seed(seed)
    network = nn.Sequential(deepcopy(encoder).requires_grad_(not frozen), nn.Linear(CODE, 10))
    learnt = [weight for weight in network.parameters() if weight.requires_grad]
    adam = torch.optim.AdamW(learnt, 10 * RATE if frozen else RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        loss = nn.functional.cross_entropy(network(x), y)
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        return (network(x_test).argmax(1) == y_test).float().mean().item()


def forget(layer: nn.Module) -> None:
    """Fresh weights."""
    if isinstance(layer, nn.Linear):
        layer.reset_parameters()


def run(seed: int) -> dict[str, list[float]]:
    """Accuracies of every classifier at every number of labels."""
    digits = pf.load_data("digits")
    X, X_test, y, y_test = train_test_split(
        digits.X.reshape(-1, 8, 8), digits.y, test_size=500, stratify=digits.y, random_state=seed
    )
    fitted = [
        kind(latent_dim=CODE, hidden=HIDDEN, max_rounds=3000, random_state=seed).fit(X)
        for kind in (pf.Autoencoder, pf.VAE)
    ]
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    for n in LABELS:
        few, _, y_few, _ = train_test_split(X, y, train_size=n, stratify=y, random_state=seed)
        pixels, pixels_test = (part.reshape(len(part), -1) / 16 for part in (few, X_test))
        logistic = LogisticRegression(max_iter=2000).fit(pixels, y_few)
        found[NAMES[0]].append(logistic.score(pixels_test, y_test))
        for model in fitted:
            rows = [torch.tensor(model.encoding_.transform(part)).float() for part in (few, X_test)]
            data = rows[0], torch.tensor(y_few), rows[1], torch.tensor(y_test)
            name = type(model).__name__
            for how in ("frozen", "fine-tuned"):
                accuracy = classify(model.encoder_, how == "frozen", seed, data)
                found[f"{name}, {how}"].append(accuracy)
        torch.manual_seed(seed)
        fresh = model.encoder_.apply(forget)
        found[NAMES[1]].append(classify(fresh, False, seed, data))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("pretraining.png"), help="a .png to draw")
    options = parser.parse_args()
    runs = [run(seed) for seed in SEEDS]
    table = {name: np.array([each[name] for each in runs]) for name in NAMES}
    print("| accuracy, % | " + " | ".join(f"{n} labels" for n in LABELS) + " |")
    print("|---|" + "---|" * len(LABELS))
    for name, values in table.items():
        errors = values.std(0, ddof=1) / len(SEEDS) ** 0.5
        cells = (
            f"{100 * m:.1f} ± {100 * e:.1f}" for m, e in zip(values.mean(0), errors, strict=True)
        )
        print(f"| {name} | " + " | ".join(cells) + " |")
    draw(table).savefig(options.out)
    print(f"drawn in {options.out}")


def draw(table: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(6.4, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    looks = (("k", ":"), ("#59636e", "--"), ("#0b62a4", "--"), ("#0b62a4", "-"))
    looks += (("#b3470b", "--"), ("#b3470b", "-"))
    for (name, values), (colour, dashes) in zip(table.items(), looks, strict=True):
        error = values.std(0, ddof=1) / len(values) ** 0.5
        axes.errorbar(
            LABELS, 100 * values.mean(0), 100 * error, color=colour, ls=dashes, label=name
        )
    axes.set(xscale="log", xlabel="labelled images", ylabel="test accuracy, %")
    axes.set_xticks(LABELS, [str(n) for n in LABELS])
    axes.minorticks_off()
    axes.set_title("Digits, mean of 3 seeds (bars: standard errors)", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    main()
