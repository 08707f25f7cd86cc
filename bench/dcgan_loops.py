"""The loops that dcgan.py times: one DCGAN, trained in each of the ways people train it.

All have the same rows, networks, losses (non-saturating), batch size and optimiser (Adam). A loop
is called to play one block of rounds (one step of each player).
"""

from __future__ import annotations

import contextlib
import io
import sys
import types
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils.data import DataLoader, TensorDataset

import pushforward as pf
from gan_loops import allow_import_of_torchgan
from pushforward.data.encoding import Encoding
from pushforward.training.adaptors import Average, History, keep_average, log
from pushforward.training.loop import Training, play

SIZE, LATENT, WIDTH, BATCH = (32, 32), 100, 64, 64
SETTINGS = {"size": SIZE, "channels": 1, "latent": LATENT, "width": WIDTH, "batch": BATCH}

Loop = Callable[[], None]


def images(rounds: int) -> Tensor:
    """As many as one block sees, `(n, 1, 32, 32)` in [−1, 1]; all pixels vary."""
    rng = torch.Generator().manual_seed(0)
    return 2 * torch.rand(rounds * BATCH, 1, *SIZE, generator=rng) - 1


def sampler(**options: Any) -> pf.GAN:
    """The DCGAN of the registry, as a user would ask for it; its batches here are of 64."""
    return pf.METHODS["dc-gan"].make(batch_size=BATCH, random_state=0, **options)


def start(rounds: int, device: str, precision: str = "float32") -> Training:
    """The training that `GAN.fit` begins with those images."""
    gan, X = sampler(device=device, precision=precision), images(rounds)[:, 0].numpy()
    gan.encoding_, gan.seed_ = Encoding().fit(X), 0
    rng = np.random.default_rng(0)
    rows = gan.encoding_.transform(X)
    return gan._begin(rows, pf.sampler.Effort(rng=rng, validation=rows[:2])).training


def engine(rounds: int, device: str, precision: str = "float32") -> Loop:
    """pushforward's loop with the adaptors that log and average, assembled as `GAN.fit` does."""
    training = start(rounds, device, precision)
    played = log(play(training), History())
    played = keep_average(played, Average(training.game, sampler().average))

    def loop() -> None:
        for _ in islice(played, rounds):
            pass

    return loop


def networks(device: str = "cpu") -> tuple[nn.Module, nn.Module]:
    """The generator and the discriminator of that game for loops of others, between images."""
    game = start(2, "cpu").game
    # Others lay images out with channels first, and have no rows to make of them.
    bodies = game.generator[:-1], game.discriminator[1:]
    plain = [body.to(device, memory_format=torch.contiguous_format) for body in bodies]
    return plain[0], plain[1]


def tight_loop(rounds: int, device: str, compiled: dict[str, Any] | None = None) -> Loop:
    """By hand, for this game: one generated batch for both players, only the gradients needed.

    Neither logs nor averages. With `compiled`, options of `torch.compile` for both networks.
    """
    x, bodies = images(rounds).to(device), networks(device)
    players = [list(body.parameters()) for body in reversed(bodies)]
    adams = [torch.optim.Adam(ps, 2e-4, (0.5, 0.999), fused=True) for ps in players]
    generator, discriminator = bodies
    if compiled is not None:
        generator, discriminator = (torch.compile(body, **compiled) for body in bodies)

    def move(player: int, loss: Tensor) -> None:
        gradients = torch.autograd.grad(loss, players[player])
        for parameter, gradient in zip(players[player], gradients, strict=True):
            parameter.grad = gradient
        adams[player].step()

    def loop() -> None:
        for rows in torch.randperm(len(x), device=device).split(BATCH):
            if compiled is not None:
                torch.compiler.cudagraph_mark_step_begin()
            fake = generator(torch.rand(BATCH, LATENT, device=device) * 2 - 1)
            on_real, on_fake = discriminator(x[rows]), discriminator(fake)
            move(0, softplus(-on_real).mean() + softplus(on_fake).mean())
            move(1, softplus(-discriminator(fake)).mean())

    return loop


def torchgan_trainer(rounds: int, folder: str) -> Loop:
    """torchgan's Trainer through its public interface, in whole epochs, without saving models."""
    allow_import_of_torchgan()
    from torchgan.losses import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
    from torchgan.models import Discriminator, Generator
    from torchgan.trainer import Trainer

    class ImageGenerator(Generator):
        def __init__(self) -> None:
            super().__init__(LATENT)
            self.network = networks()[0]

        def forward(self, z: Tensor) -> Tensor:
            return self.network(z)

    class ImageDiscriminator(Discriminator):
        def __init__(self) -> None:
            super().__init__(1)
            self.network = networks()[1]

        def forward(self, x: Tensor) -> Tensor:
            return self.network(x)

    adam = {"name": torch.optim.Adam, "args": {"lr": 2e-4, "betas": (0.5, 0.999)}}
    trainer = Trainer(
        {
            "generator": {"name": ImageGenerator, "optimizer": adam},
            "discriminator": {"name": ImageDiscriminator, "optimizer": adam},
        },
        [MinimaxGeneratorLoss(), MinimaxDiscriminatorLoss()],
        device=torch.device("cpu"),
        checkpoints=f"{folder}/model/gan",
        recon=f"{folder}/images",
    )
    trainer.save_model = lambda *_, **__: None
    loader = _loader(rounds)

    def loop() -> None:
        trainer.start_epoch, trainer.epochs = 0, 1
        with contextlib.redirect_stdout(io.StringIO()):
            trainer(loader)

    return loop


def mimicry_trainer(rounds: int, folder: str) -> Loop:
    """mimicry's Trainer with its base classes of a GAN, without saving models."""
    _allow_import_of_mimicry()
    from torch_mimicry.nets.gan.gan import BaseDiscriminator, BaseGenerator
    from torch_mimicry.training import Trainer

    class ImageGenerator(BaseGenerator):
        def __init__(self) -> None:
            super().__init__(nz=LATENT, ngf=WIDTH, bottom_width=4, loss_type="ns")
            self.network = networks()[0]

        def forward(self, z: Tensor) -> Tensor:
            return self.network(z)

    class ImageDiscriminator(BaseDiscriminator):
        def __init__(self) -> None:
            super().__init__(ndf=WIDTH, loss_type="ns")
            self.network = networks()[1]

        def forward(self, x: Tensor) -> Tensor:
            return self.network(x)

    players = ImageDiscriminator(), ImageGenerator()
    adams = [torch.optim.Adam(player.parameters(), 2e-4, (0.5, 0.999)) for player in players]
    trainer = Trainer(
        *players,
        *adams,
        dataloader=_loader(rounds),
        num_steps=rounds,
        log_dir=f"{folder}/mimicry",
        device=torch.device("cpu"),
    )
    trainer._save_model_checkpoints = lambda *_: None

    def loop() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            trainer.train()

    return loop


def _loader(rounds: int) -> DataLoader[Any]:
    """Batches for peers; they ask for labels and do not use them."""
    x = images(rounds)
    return DataLoader(TensorDataset(x, torch.zeros(len(x))), BATCH, shuffle=True, drop_last=True)


def _allow_import_of_mimicry() -> None:
    """Empty modules for what mimicry imports beside its trainer, and a log that writes nothing."""
    allow_import_of_torchgan()
    names = {
        "skimage": {"io": None},
        "torch_mimicry.metrics": {},
        "torch_mimicry.datasets": {},
        "torch.utils.tensorboard": {"SummaryWriter": _NoWriter},
    }
    for name, content in names.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        sys.modules.setdefault(name, module)


class _NoWriter:
    def __init__(self, **where: Any) -> None: ...
    def add_scalar(self, *what: Any, **when: Any) -> None: ...
    def close(self) -> None: ...


def ways(device: str, folder: str) -> Iterator[tuple[str, Callable[[int], Loop]]]:
    """Each loop by name, ours first, to be made for blocks of so many rounds."""
    yield "pushforward", partial(engine, device=device)
    yield "pushforward, bfloat16", partial(engine, device=device, precision="bfloat16")
    yield "tight loop by hand", partial(tight_loop, device=device)
    if device == "cpu":
        yield "torchgan 0.1.0 Trainer", partial(torchgan_trainer, folder=folder)
        yield "mimicry 0.1.16 Trainer", partial(mimicry_trainer, folder=folder)
        return
    for mode in ("default", "reduce-overhead"):  # the latter replays CUDA graphs
        name = f"tight loop, torch.compile({mode!r})"
        yield name, partial(tight_loop, device=device, compiled={"mode": mode})
