"""The game of a generator of large images from small ones against a discriminator."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, softplus

from pushforward.models.adversaries import values_of
from pushforward.networks.family import has_batch_norm
from pushforward.networks.frozen import Frozen
from pushforward.networks.layout import AsImages
from pushforward.training.game import Game, Player, Tensors, Terms


class SuperResolving(Game):
    """A generator G of images x from their low-resolution versions x_L, learnt from x alone.

    D: E −log D(x) + E −log(1 − D(G(x_L)))                                               (eq. 2)
    G: c · E mean (φ(x) − φ(G(x_L)))² + λ · E −log D(G(x_L))                (eqs. 3, 5 and 6)

    φ are the `features` of an image in the units of the data, None for its pixels; λ is the
    `adversarial_weight`, 0 for no discriminator. In the first `warm_up` rounds G minimises the mean
    squared error of pixels and nothing else (eq. 4), while D learns already: what the paper trains
    before. x_L is the mean of every `factor` × `factor` pixels (theirs: bicubic). A pixel v in
    [−1, 1] is `offset` + `scale` · v in the units of the data. Ledig et al. 2017, arXiv:1609.04802.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module | None,
        as_images: AsImages,
        factor: int,
        features: nn.Module | None = None,
        adversarial_weight: float = 1e-3,
        warm_up: int = 0,
        offset: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.round: Tensor
        self.content_weight: Tensor
        self.generator, self.discriminator = generator, discriminator
        self.as_images, self.factor = as_images, factor
        self.features = None if features is None else Frozen(features)
        self.adversarial_weight, self.warm_up = adversarial_weight, warm_up
        self.offset, self.scale = offset, scale
        self.apart = discriminator is not None and has_batch_norm(discriminator)
        self.register_buffer("round", torch.zeros((), dtype=torch.long))
        self.register_buffer("content_weight", torch.ones(()))

    def players(self) -> tuple[Player, ...]:
        generator = Player("generator", self.generate, owns=(self.generator,))
        if self.discriminator is None:
            return (generator,)
        return Player("discriminator", self.discriminate, owns=(self.discriminator,)), generator

    def noise(self, n: int, rng: torch.Generator) -> Tensors:  # noqa: ARG002
        return {}

    def discriminate(self, x: Tensor, noise: Tensors) -> Terms:  # noqa: ARG002  # x: (n, p)
        return self.judged(x, self.generator(self.low(x)))

    def generate(self, x: Tensor, noise: Tensors) -> Terms:  # noqa: ARG002
        return self.drawn(x, self.generator(self.low(x)))

    def joint(self, x: Tensor, noise: Tensors) -> Iterator[tuple[str, Terms]] | None:  # noqa: ARG002
        return None if self.discriminator is None else self._shared(x)

    def _shared(self, x: Tensor) -> Iterator[tuple[str, Terms]]:
        fake = self.generator(self.low(x))
        yield "discriminator", self.judged(x, fake)
        yield "generator", self.drawn(x, fake)

    def judged(self, x: Tensor, fake: Tensor) -> Terms:
        """The discriminator's loss."""
        assert self.discriminator is not None
        real, generated = values_of(self.discriminator, x, fake, self.apart)
        return {"real": softplus(-real).mean(), "fake": softplus(generated).mean()}

    def drawn(self, x: Tensor, fake: Tensor) -> Terms:
        """The generator's loss."""
        young = self.round < self.warm_up
        content = (x - fake).square().mean()
        if self.features is not None:
            content = torch.where(young, content, self.content_weight * self.apart_by(x, fake))
        terms = {"content": content}
        if self.discriminator is not None:
            weight = torch.where(young, 0.0, self.adversarial_weight)
            terms["fool"] = weight * softplus(-self.discriminator(fake)).mean()
        return terms

    def low(self, x: Tensor) -> Tensor:
        """Rows at low resolution: the mean of every `factor` × `factor` pixels, `(n, c·h·w)`."""
        return avg_pool2d(self.as_images(x), self.factor).flatten(1)

    def apart_by(self, x: Tensor, y: Tensor) -> Tensor:
        """The mean squared difference of features, the mean over images and features."""
        assert self.features is not None
        seen = [self.features(self.offset + self.scale * self.as_images(rows)) for rows in (x, y)]
        return (seen[0] - seen[1]).square().mean()

    def update(self, player: str, outputs: Tensors) -> Tensors:  # noqa: ARG002
        return {"round": self.round + 1} if player == "generator" else {}
