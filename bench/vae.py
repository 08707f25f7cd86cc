"""Samples per second of VAE training: pushforward beside Pythae and a loop by hand, in one process.

784-512-512-20, ReLU, Gaussian decoder without a last activation, batch 128, Adam at 1e-3, float32,
10 000 rows of 784 uniform numbers. One thread and the processor's time, so that what else runs on
the machine counts little. The contenders take turns, block after block, each block beginning with
another one, and each contender with fresh weights: after some 800 rounds on numbers that cannot be
compressed, Adam's moments of dead units are denormal, which the processor is slow with.

Pythae: `pip install --no-deps pythae==0.1.2 imageio`.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from pushforward import VAE
from pushforward.data.encoding import Encoding
from pushforward.models.vae import kl_to_standard_normal
from pushforward.networks.mlp import mlp
from pushforward.training.adaptors import Average, History, keep_average, log
from pushforward.training.loop import Stream, Training, play
from record import folder_of, keep, machine, options_of, print_table

P, LATENT, HIDDEN, BATCH, ROWS, RATE = 784, 20, (512, 512), 128, 10_000, 1e-3
SETTINGS = {"p": P, "latent": LATENT, "hidden": HIDDEN, "batch": BATCH, "rows": ROWS, "rate": RATE}
WARM_UP = 1  # epochs
NOTES = [
    "one decoder variance is learnt with the rest in ours; Pythae (reconstruction_loss='mse') and "
    "the loop by hand have a variance of 1",
    "ours logs its losses and averages its weights every round; Pythae sums its loss and copies "
    "its model when an epoch's loss is the best, and saves the last; the loop by hand does neither",
    "the whole fit includes the encoding of rows, set-up and scores of samples against 1000 "
    "held-out rows (every 100 rounds at first); the whole pipeline includes Pythae's own set-up",
]

Train = Callable[[int], int]  # so many epochs; returns how many rows went through


def rows() -> np.ndarray:
    return np.random.default_rng(0).random((ROWS, P), dtype=np.float32)


def sampler(epochs: int = 1) -> VAE:
    return VAE(
        latent_dim=LATENT,
        hidden=HIDDEN,
        batch_size=BATCH,
        learning_rate=RATE,
        max_rounds=epochs * (ROWS // BATCH),
        device="cpu",
        random_state=0,
    )


def whole_fit() -> Train:
    X = rows().astype(float)
    held = np.random.default_rng(1).random((1000, P))

    def train(epochs: int) -> int:
        vae = sampler(epochs).fit(X, validation=held, progress=False)
        return vae.n_rounds_ * BATCH

    return train


def engine() -> Train:
    """The loop and what `VAE.fit` puts around it, without scores."""
    x = torch.as_tensor(rows())

    def train(epochs: int) -> int:
        vae = sampler()
        vae.encoding_ = Encoding.points(P)  # rows as they are
        game = vae._game(ROWS, P)
        stream = Stream(x, BATCH, game.noise, torch.Generator().manual_seed(0))
        training = Training(game, stream, vae._optimisers(game))
        rounds = log(play(training), History())
        rounds = keep_average(rounds, Average(game, vae.average))
        n = epochs * (ROWS // BATCH)
        for _ in islice(rounds, n):
            pass
        return n * BATCH

    return train


def by_hand() -> Train:
    """The usual script: a DataLoader, torch.optim.Adam, the loss written out."""
    loader = DataLoader(TensorDataset(torch.as_tensor(rows())), BATCH, shuffle=True, drop_last=True)

    def train(epochs: int) -> int:
        encoder, decoder = mlp(P, HIDDEN, 2 * LATENT), mlp(LATENT, HIDDEN[::-1], P)
        adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=RATE)
        for _ in range(epochs):
            for (x,) in loader:
                mean, log_variance = encoder(x).chunk(2, dim=1)
                z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
                error = 0.5 * (x - decoder(z)).square().sum(1).mean()
                adam.zero_grad()
                (error + kl_to_standard_normal(mean, log_variance).mean()).backward()
                adam.step()
        return epochs * (ROWS // BATCH) * BATCH

    return train


def pythae() -> Train:
    """Pythae's TrainingPipeline with its BaseTrainer and the same two networks."""
    from pythae.models import VAE as PythaeVAE
    from pythae.models import VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(mlp(P, HIDDEN[:1], HIDDEN[1]), nn.ReLU())
            self.mean, self.log_variance = (nn.Linear(HIDDEN[1], LATENT) for _ in range(2))

        def forward(self, x: torch.Tensor) -> Any:
            h = self.body(x)
            return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.network = mlp(LATENT, HIDDEN[::-1], P)

        def forward(self, z: torch.Tensor) -> Any:
            return ModelOutput(reconstruction=self.network(z))

    X = rows()
    settings = VAEConfig(input_dim=(P,), latent_dim=LATENT, reconstruction_loss="mse")

    def train(epochs: int) -> int:
        with tempfile.TemporaryDirectory() as folder, quiet():
            config = BaseTrainerConfig(
                output_dir=folder,
                num_epochs=epochs,
                per_device_train_batch_size=BATCH,
                learning_rate=RATE,
                optimizer_cls="Adam",
                no_cuda=True,
            )
            model = PythaeVAE(settings, encoder=Encoder(), decoder=Decoder())
            TrainingPipeline(model=model, training_config=config)(train_data=X)
        return epochs * ROWS

    return train


@contextlib.contextmanager
def quiet() -> Any:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        yield
    logging.disable(before)


@dataclass
class Contender:
    name: str
    train: Train
    samples_per_s: list[float] = field(default_factory=list)

    def time(self, epochs: int) -> float:
        began = time.process_time()
        trained = self.train(epochs)
        return trained / (time.process_time() - began)


def contenders() -> tuple[list[Contender], list[str]]:
    """Pythae first, to which the others are compared; and what could not be measured."""
    makers = {
        "Pythae 0.1.2, whole pipeline": pythae,
        "pushforward, whole VAE.fit": whole_fit,
        "pushforward, as VAE.fit plays it": engine,
        "usual script": by_hand,
    }
    found, missing = [], []
    for name, make in makers.items():
        try:
            found.append(Contender(name, make()))
        except ImportError as error:
            missing.append(f"{name}: not measured (cannot import {error.name})")
    return found, missing


def summary(found: list[Contender], first: Contender) -> list[dict[str, Any]]:
    """Medians over blocks; ratios are medians over blocks of the ratio to `first` in that block."""
    return [
        {
            "contender": c.name,
            "samples_per_s": median(c.samples_per_s),
            "slowest": min(c.samples_per_s),
            "fastest": max(c.samples_per_s),
            "ratio": median(
                a / b for a, b in zip(c.samples_per_s, first.samples_per_s, strict=True)
            ),
            "blocks": c.samples_per_s,
        }
        for c in found
    ]


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--epochs", type=int, help="epochs per block (default 3, quick 1)")
    parser.add_argument("--blocks", type=int, help="blocks of each (default 9, quick 2)")
    options = parser.parse_args()
    epochs = options.epochs or (1 if options.quick else 3)
    blocks = options.blocks or (2 if options.quick else 9)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    kind = machine()
    found, missing = contenders()
    for contender in found:
        contender.time(WARM_UP)
    for block in range(blocks):
        start = block % len(found)
        for contender in found[start:] + found[:start]:
            contender.samples_per_s.append(contender.time(epochs))
    results = summary(found, found[0])
    lines = [
        (
            row["contender"],
            f"{row['samples_per_s']:,.0f}",
            f"{row['slowest']:,.0f}",
            f"{row['fastest']:,.0f}",
            f"{row['ratio']:.2f} ×",
        )
        for row in results
    ]
    against = f"to {found[0].name.split(',')[0]}"
    print_table(("samples per second", "median", "slowest", "fastest", against), lines)
    print("\n".join(missing))
    settings = {"epochs_per_block": epochs, "blocks": blocks, **SETTINGS}
    result = {"machine": kind, "settings": settings, "contenders": results, "missing": missing}
    keep("vae", folder_of(options), result | {"notes": NOTES})


if __name__ == "__main__":
    main()
