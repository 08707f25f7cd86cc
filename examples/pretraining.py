"""Does an encoder that was trained without labels help a classifier that has few of them?

    python examples/pretraining.py --out pretraining.png

Digits: an autoencoder and a VAE see 1297 images, a classifier the labels of a few. All networks
have the same hidden layers and training, nothing is tuned. To be seen: here it does not help; no
network is better than the one from scratch by more than the bars of three seeds.
"""

import argparse
from collections import defaultdict
from copy import deepcopy

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from torch import nn

import pushforward as pf

LABELS, SEEDS, CODE = (20, 50, 100, 500), 3, 16
STYLES = ("k:", "C0--", "C0-", "C1--", "C1-", "C7-")


def classify(encoder, frozen, x, y, seed):
    """A linear layer on the encoder, trained on few labels."""
    torch.manual_seed(seed)
    network = nn.Sequential(deepcopy(encoder).requires_grad_(not frozen), nn.Linear(CODE, 10))
    learnt = [weight for weight in network.parameters() if weight.requires_grad]
    adam = torch.optim.AdamW(learnt, 1e-2 if frozen else 1e-3, weight_decay=1e-3)
    for _ in range(300):
        adam.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        adam.step()
    return network


def main(out: str) -> None:
    torch.set_num_threads(1)  # the networks are small
    images, labels = pf.load_data("digits").X.reshape(-1, 8, 8), pf.load_data("digits").y
    table = defaultdict(lambda: np.zeros((SEEDS, len(LABELS))))
    for seed in range(SEEDS):
        part = {"stratify": labels, "random_state": seed}
        X, X_test, y, y_test = train_test_split(images, labels, test_size=500, **part)
        encoders = {}
        for kind in (pf.Autoencoder, pf.VAE):
            model = kind(latent_dim=CODE, hidden=(128, 128), max_rounds=3000, random_state=seed)
            model.fit(X)
            for how in ("frozen", "fine-tuned"):
                encoders[f"{kind.__name__}, {how}"] = model.encoder_, how == "frozen"
        torch.manual_seed(seed)
        fresh = model.encoder_.apply(lambda layer: getattr(layer, "reset_parameters", int)())
        encoders["network from scratch"] = fresh, False
        encoded = torch.tensor(model.encoding_.transform(np.concatenate([X, X_test]))).float()
        pixels = X.reshape(-1, 64) / 16, X_test.reshape(-1, 64) / 16
        for j, n in enumerate(LABELS):
            few, _ = train_test_split(np.arange(len(X)), train_size=n, **part | {"stratify": y})
            logistic = LogisticRegression(max_iter=2000).fit(pixels[0][few], y[few])
            table["logistic regression"][seed, j] = logistic.score(pixels[1], y_test)
            for name, (encoder, frozen) in encoders.items():
                network = classify(encoder, frozen, encoded[few], torch.tensor(y[few]), seed)
                found = network(encoded[len(X) :]).argmax(1).numpy()
                table[name][seed, j] = (found == y_test).mean()
    figure = Figure(figsize=(6.4, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    print("test accuracy, %, with labels of", *LABELS)
    for (name, values), style in zip(table.items(), STYLES, strict=True):
        mean, error = 100 * values.mean(0), 100 * values.std(0, ddof=1) / SEEDS**0.5
        print(f"{name:23}", *(f"{m:.1f} ± {e:.1f}" for m, e in zip(mean, error, strict=True)))
        axes.errorbar(LABELS, mean, error, fmt=style, label=name)
    axes.set(xscale="log", xlabel="labelled images", ylabel="test accuracy, %")
    axes.set_xticks(LABELS, LABELS)
    axes.minorticks_off()
    axes.set_title("Digits, mean of 3 seeds (bars: standard errors)", loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(out)
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="pretraining.png", help="the picture")
    main(parser.parse_args().out)
