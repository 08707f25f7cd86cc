"""The game of a generator against a discriminator, whatever the objective."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pushforward.models.objectives import Objective
from pushforward.models.penalties import Critic, Penalty, at_both
from pushforward.models.slopes import values_and_slopes
from pushforward.networks.augmentation import Augmentation
from pushforward.networks.family import has_batch_norm
from pushforward.networks.spectral import power_iteration
from pushforward.training.game import Game, Loss, Player, Tensors, Terms, as_loss


@dataclass(frozen=True)
class Schedule:
    """Who moves how often, and what the discriminator is held to."""

    n_critic: int = 1
    warm_up: int = 0  # turns of the discriminator in the first 25 rounds and every 500th
    simultaneous: bool = False
    clip: float | None = None
    packing: int = 1

    def critic_turns(self, number: int) -> int:
        """Turns of the discriminator in round `number`: more while the critic is young or stale.

        The warm-up is that of the Wasserstein GAN's own code (Arjovsky et al. 2017).
        """
        warm = number <= 25 or number % 500 == 0
        return max(self.n_critic, self.warm_up) if warm else self.n_critic


class Adversaries(Game):
    """A generator that is learnt by fooling a discriminator.

    min_G max_D  E log D(x) + E log(1 − D(G(z)))    (eq. 1), or another `objective`

    With `packing` m the discriminator judges m rows at once, so that it sees whether they are alike
    (Lin et al. 2018, PacGAN, arXiv:1712.04086). Goodfellow et al. 2014, arXiv:1406.2661.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: Objective,
        prior: Callable[..., Tensor],
        shape: tuple[int, ...],
        penalty: Penalty | None = None,
        penalty_weight: float = 0.0,
        schedule: Schedule = Schedule(),
        augmentation: Augmentation | None = None,
    ) -> None:
        super().__init__()
        self.augmentation = augmentation  # of what the discriminator sees
        self.penalty_weight: Tensor
        self.generator, self.discriminator = generator, discriminator
        self.objective, self.prior, self.shape = objective, prior, shape
        self.penalty, self.schedule = penalty, schedule
        self.simultaneous = schedule.simultaneous
        # A batch norm must see real and generated rows apart, as the papers' discriminators do.
        self.apart = has_batch_norm(discriminator)
        # A buffer, so that the members of a population may each have their own.
        weight = torch.tensor(float(penalty_weight))
        self.register_buffer("penalty_weight", weight, persistent=False)

    def players(self) -> tuple[Player, ...]:
        schedule = self.schedule
        turns = schedule.critic_turns if schedule.warm_up else schedule.n_critic
        return (
            Player("discriminator", self.discriminate, (self.discriminator,), turns, schedule.clip),
            Player("generator", self.generate, (self.generator,)),
        )

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        drawn = {"z": self.prior(n, rng=rng)}
        if self.penalty is not None:
            channels, *rest = self.shape
            drawn |= self.penalty.noise(n, (self.schedule.packing * channels, *rest), rng)
        if self.augmentation is not None:
            drawn |= {f"change_{of}": self.augmentation.noise(n, rng) for of in ("real", "fake")}
        return drawn

    def discriminate(self, x: Tensor, noise: Tensors) -> Loss:  # x: (n, *shape)
        return self.judge(self.discriminator, x, self.generated(x, noise), noise)

    def generate(self, x: Tensor, noise: Tensors) -> Terms:
        return self.fool(x, self.generated(x, noise), noise)

    def joint(self, x: Tensor, noise: Tensors) -> Iterator[tuple[str, Terms | Loss]]:
        fake = self.generated(x, noise)
        yield "discriminator", self.judge(self.discriminator, x, fake, noise)
        yield "generator", self.fool(x, fake, noise)

    def generated(self, x: Tensor, noise: Tensors) -> Tensor:  # noqa: ARG002
        """What the discriminator judges beside the batch x."""
        return self.generator(noise["z"])

    def judge(self, critic: Critic, x: Tensor, fake: Tensor, noise: Tensors) -> Loss:
        """The discriminator's loss."""
        x, fake = self.seen(x, fake, noise)
        size = None
        if self.penalty is not None and self.penalty.points is at_both:  # where they are judged
            judged, (slope,) = values_and_slopes(critic, torch.cat([x, fake]))
            values, size = judged.split(len(x)), self.penalty.of(slope)
        else:
            values = values_of(critic, x, fake, self.apart)
            if self.penalty is not None:
                size = self.penalty(critic, x, fake, noise)
        terms, outputs = as_loss(self.objective.discriminator(*values))
        if size is not None:
            terms = {**terms, "penalty": self.penalty_weight * size}
        return Loss(terms, outputs)

    def fool(self, x: Tensor, fake: Tensor, noise: Tensors) -> Terms:
        """The generator's loss."""
        x, fake = self.seen(x, fake, noise)
        if self.objective.needs_real:
            values = values_of(self.discriminator, x, fake, self.apart)
            return self.objective.generator(*values)
        return self.objective.generator(None, single(self.discriminator(fake)))

    def seen(self, x: Tensor, fake: Tensor, noise: Tensors) -> tuple[Tensor, Tensor]:
        """What a discriminator is shown of real and of generated rows."""
        if self.augmentation is not None:
            x = self.augmentation(x, noise["change_real"][: len(x)])
            fake = self.augmentation(fake, noise["change_fake"][: len(fake)])
        return self.pack(x), self.pack(fake)

    def pack(self, rows: Tensor) -> Tensor:
        """m rows side by side, along the columns or channels: `(n // m, m·p, ...)`."""
        m = self.schedule.packing
        if m == 1:
            return rows
        return rows[: len(rows) // m * m].unflatten(0, (-1, m)).flatten(1, 2)

    def update(self, player: str, outputs: Tensors) -> Tensors:
        if player != "discriminator":
            return {}
        moved = {f"discriminator.{k}": u for k, u in power_iteration(self.discriminator).items()}
        if outputs:
            moved |= {f"objective.{k}": v for k, v in self.objective.update(outputs).items()}
        return moved


def values_of(
    critic: Critic, x: Tensor, fake: Tensor, apart: bool = False
) -> tuple[Tensor, Tensor]:
    """What a critic says of real and of generated rows, in one pass unless it is to be `apart`.

    In float32 at least, as the losses are, whatever the precision that the critic computes in.
    """
    if apart:
        return single(critic(x)), single(critic(fake))
    real, generated = single(critic(torch.cat([x, fake]))).split(len(x))
    return real, generated


def single(values: Tensor) -> Tensor:
    """bfloat16 as float32, and all else as it is."""
    return values.float() if values.dtype == torch.bfloat16 else values


class Autoencoding(nn.Module):
    """A discriminator that judges rows by its error in rebuilding them: mean |v − AE(v)|, `(n, 1)`.

    Berthelot et al. 2017, BEGAN, arXiv:1703.10717, eq. 1 with η = 1.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: Tensor) -> Tensor:
        return (rows - self.network(rows)).abs().flatten(1).mean(1, keepdim=True)
