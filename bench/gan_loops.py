"""The loops that gan_rounds.py times: one game, trained in each of the ways people train it.

All have the same rows, networks, losses (non-saturating), batch size and optimiser (Adam). A loop
is called with a number of rounds (one step of each player), plays about so many and returns how
many it played.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.utils.data import DataLoader, TensorDataset

from pushforward.data.encoding import Encoding
from pushforward.models.gan import GAN
from pushforward.training.adaptors import Average, History, keep_average, log
from pushforward.training.device import threads_for
from pushforward.training.loop import Stream, Training, play
from pushforward.training.optimiser import Adam

P, LATENT, HIDDEN, BATCH, ROWS = 32, 8, (128, 128), 128, 10_000
LEARNING_RATE, BETAS = 5e-4, GAN().betas
SETTINGS = {"p": P, "latent": LATENT, "hidden": HIDDEN, "batch": BATCH, "rows": ROWS}
STAND_INS = Path(__file__).parent / "stand_ins"

Loop = Callable[[int], int]


def rows() -> Tensor:
    return torch.randn(ROWS, P, generator=torch.Generator().manual_seed(0))


def sampler(max_rounds: int = 1) -> GAN:
    """The GAN that all loops train, as a user would ask for it."""
    return GAN(
        latent_dim=LATENT,
        hidden=HIDDEN,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        objective="non-saturating",
        max_rounds=max_rounds,
        random_state=0,
    )


def game() -> Any:
    """The game that `GAN.fit` plays, with fresh weights."""
    gan = sampler()
    gan.encoding_ = Encoding.points(P)  # rows as they are
    return gan._game(ROWS, P)


def networks() -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator of that game, for the loops of others."""
    fresh = game()
    return fresh.generator, fresh.discriminator


def engine() -> Loop:
    """pushforward's loop with the adaptors that log and average, assembled as `GAN.fit` does."""
    ours = game()
    stream = Stream(rows(), BATCH, ours.noise, torch.Generator().manual_seed(0))
    optimisers = {
        player.name: Adam(list(ours.owned(player).values()), LEARNING_RATE, BETAS)
        for player in ours.players()
    }
    rounds = log(play(Training(ours, stream, optimisers)), History())
    rounds = keep_average(rounds, Average(ours, sampler().average))
    return lambda n: sum(1 for _ in islice(rounds, n))


def engine_as_fitted() -> Loop:
    """The same on as many threads as `GAN.fit` gives it."""
    loop, size = engine(), sum(parameter.numel() for parameter in game().parameters())

    def as_fitted(n: int) -> int:
        with threads_for(size, BATCH):
            return loop(n)

    return as_fitted


def whole_fit() -> Loop:
    """`GAN.fit` from start to end: its scores of samples included, at the rate of a fit's start."""
    X = rows().numpy()

    return lambda n: sampler(n).fit(X).n_rounds_


def tight_loop() -> Loop:
    """By hand, for this game: one generated batch for both players, only the gradients needed.

    Neither logs nor averages.
    """
    x, (generator, discriminator) = rows(), networks()
    players = [list(net.parameters()) for net in (discriminator, generator)]
    adams = [torch.optim.Adam(ps, LEARNING_RATE, BETAS, fused=True) for ps in players]

    def move(player: int, loss: Tensor) -> None:
        gradients = torch.autograd.grad(loss, players[player])
        for parameter, gradient in zip(players[player], gradients, strict=True):
            parameter.grad = gradient
        adams[player].step()

    def batches() -> Iterator[Tensor]:
        while True:
            yield from x[torch.randperm(ROWS)].split(BATCH)[: ROWS // BATCH]

    endless = batches()

    def loop(n: int) -> int:
        for real in islice(endless, n):
            fake = generator(torch.randn(BATCH, LATENT))
            on_real, on_fake = discriminator(torch.cat([real, fake])).split(BATCH)
            move(0, softplus(-on_real).mean() + softplus(on_fake).mean())
            move(1, softplus(-discriminator(fake)).mean())
        return n

    return loop


def usual_script() -> Loop:
    """What tutorials write: DataLoader, plain Adam, zero_grad, backward, step, detach."""
    generator, discriminator = networks()
    loader = DataLoader(TensorDataset(rows()), batch_size=BATCH, shuffle=True, drop_last=True)
    g_adam = torch.optim.Adam(generator.parameters(), LEARNING_RATE, BETAS)
    d_adam = torch.optim.Adam(discriminator.parameters(), LEARNING_RATE, BETAS)
    ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
    loss = binary_cross_entropy_with_logits

    def batches() -> Iterator[Tensor]:
        while True:
            for (real,) in loader:
                yield real

    endless = batches()

    def loop(n: int) -> int:
        for real in islice(endless, n):
            d_adam.zero_grad()
            fake = generator(torch.randn(BATCH, LATENT))
            d_loss = loss(discriminator(real), ones) + loss(discriminator(fake.detach()), zeros)
            d_loss.backward()
            d_adam.step()
            g_adam.zero_grad()
            loss(discriminator(fake), ones).backward()
            g_adam.step()
        return n

    return loop


def torchgan_trainer(folder: str) -> Loop:
    """torchgan's Trainer through its public interface, in whole epochs.

    It cannot be told not to sum the gradients for its log every round and to save a model every
    epoch, here into `folder`; what it would print goes nowhere.
    """
    allow_import_of_torchgan()
    from torchgan.losses import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
    from torchgan.models import Discriminator, Generator
    from torchgan.trainer import Trainer

    class VectorGenerator(Generator):
        def __init__(self) -> None:
            super().__init__(LATENT)
            self.network = networks()[0]

        def forward(self, z: Tensor) -> Tensor:
            return self.network(z)

    class VectorDiscriminator(Discriminator):
        def __init__(self) -> None:
            super().__init__(P)
            self.network = networks()[1]

        def forward(self, x: Tensor) -> Tensor:
            return self.network(x)

    adam = {"name": torch.optim.Adam, "args": {"lr": LEARNING_RATE, "betas": BETAS}}
    trainer = Trainer(
        {
            "generator": {"name": VectorGenerator, "optimizer": adam},
            "discriminator": {"name": VectorDiscriminator, "optimizer": adam},
        },
        [MinimaxGeneratorLoss(), MinimaxDiscriminatorLoss()],
        device=torch.device("cpu"),
        checkpoints=f"{folder}/model/gan",
        recon=f"{folder}/images",
    )
    labelled = TensorDataset(rows(), torch.zeros(ROWS))  # it asks for labels and does not use them
    loader = DataLoader(labelled, batch_size=BATCH, shuffle=True, drop_last=True)

    def loop(n: int) -> int:
        trainer.start_epoch, trainer.epochs = 0, max(1, round(n / len(loader)))
        with contextlib.redirect_stdout(io.StringIO()):
            trainer(loader)
        return trainer.epochs * len(loader)

    return loop


def allow_import_of_torchgan() -> None:
    """Put the stand-in before an installed torchvision, and turn optional logs off."""
    logs = ("TENSORBOARD_LOGGING", "VISDOM_LOGGING", "CONSOLE_LOGGING")
    os.environ.update(dict.fromkeys(logs, "0"))
    if str(STAND_INS) not in sys.path:
        sys.path.insert(0, str(STAND_INS))
