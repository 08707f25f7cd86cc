"""SimGAN: simulated images become like real ones, without labels of the real ones."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from pushforward.errors import InputError
from pushforward.models.neural import check_choice, in_blocks, is_number
from pushforward.models.refinement import Refinement, Turns
from pushforward.models.two_domains import TwoDomainSampler, alike_images, in_words
from pushforward.networks.convolutional import LEAST, convolutional_reader
from pushforward.networks.family import WIDTH
from pushforward.networks.layout import AsImages, Layout
from pushforward.networks.patch import patch_reader
from pushforward.networks.refiner import Refiner
from pushforward.sampler import check_flag, is_whole
from pushforward.training.game import Game

HALVINGS = {16: 1, 34: 2, 70: 3}  # by the pixels that a value of a discriminator of patches sees


class ChannelMean(nn.Module):
    """The mean of the channels of images, `(n, c, h, w)` to `(n, 1, h, w)`."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(1, keepdim=True)


COMPARED = {"pixels": nn.Identity, "channel-mean": ChannelMean}


class SimGAN(TwoDomainSampler):
    """A refiner R of simulated images A, so that they look like real images B; `fit(A, B)`.

    R minimises E Σ −log(1 − D(R(x))) + λ ‖ψ(R(x)) − ψ(x)‖₁, the sum over patches that D judges one
    by one, so that what an image was simulated from (its label) remains true of it. Shrivastava et
    al. 2017, arXiv:1612.07828: learning from simulated and unsupervised images. `translate` refines
    images; a sample is R(x), x drawn from the training images of A.

    The paper moves both players by stochastic gradient descent with a rate of 10⁻³; here it is
    Adam. Its refiner ends with tanh and learns to be the identity first; here R(x) = x + f(x) with
    f near 0 at the start, and what leaves the range of the images is cut off.

    Args:
        weight: λ, of the change, a sum over pixels in [−1, 1] beside a sum over patches. It is to
            be chosen for the data.
        compare: ψ, of which the change is measured: "pixels", "channel-mean", or a module that
            takes (n, c, h, w) in [−1, 1].
        noise: let R see noise at every scale beside the image. Not in the paper: without it an
            image has one refinement, and where A is plain there is nothing to make grain from.
            `translate` gives row i of what it is handed the i-th noise, the same at each call.
        patch: how many pixels in each direction a value of D sees: 16, 34 or 70; None takes one
            value for the whole image.
        history: past refined images, from which half of those that D sees are taken; 0 for none.
        refiner_turns: K_g, turns of R in a round.
        discriminator_turns: K_d, turns of D in a round.
        refiner_start: turns of R by λ ‖ψ(R(x)) − ψ(x)‖₁ alone before all others; 1000 in the paper.
        discriminator_start: turns of D alone after that.
        width: channels of R, and of the first convolution of D; None takes 32.
        blocks: residual blocks of R.
        batch_size: images of A and of B per batch.
        learning_rate: of Adam.
        betas: β₁ and β₂ of Adam.
        decay: let the learning rate fall linearly to 0 over `max_rounds` (or a budget's time).
        max_rounds: at most so many rounds (all turns of both players).
        patience: least number of rounds to go on without a better score.
        average: decay of the running average of the weights, 0 for none.
        restarts: fits from so many seeds; the one with the best score on held-out rows is kept.
        device: "auto", "cpu", "cuda", ...
        random_state: an integer makes the fit repeat.

    Raises:
        InputError: no second set, sets that are not images of one shape and type, or an option out
            of its range.
        Diverged: a loss that is no longer finite.

    >>> A, B = np.random.default_rng(0).random((2, 40, 8, 8))
    >>> gan = SimGAN(width=4, max_rounds=3, batch_size=8, random_state=0).fit(A, B)
    >>> gan.translate(A[:5]).shape
    (5, 8, 8)
    """

    continuous: ClassVar[tuple[str, ...]] = ("learning_rate", "betas", "weight")
    ways: ClassVar[tuple[str, ...]] = ("b",)
    hidden: tuple[int, ...] = ()  # no perceptrons

    def __init__(
        self,
        *,
        weight: float = 0.5,
        compare: Any = "pixels",
        noise: bool = False,
        patch: int | None = 16,
        history: int = 1280,
        refiner_turns: int = 2,
        discriminator_turns: int = 1,
        refiner_start: int = 0,
        discriminator_start: int = 200,
        width: int | None = None,
        blocks: int = 4,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.5, 0.999),
        decay: bool = True,
        max_rounds: int = 3000,
        patience: int = 3000,
        average: float = 0.995,
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.weight = weight
        self.compare = compare
        self.noise = noise
        self.patch = patch
        self.history = history
        self.refiner_turns = refiner_turns
        self.discriminator_turns = discriminator_turns
        self.refiner_start = refiner_start
        self.discriminator_start = discriminator_start
        self.width = width
        self.blocks = blocks
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.decay = decay
        self.max_rounds = max_rounds
        self.patience = patience
        self.average = average
        self.restarts = restarts
        self.device = device
        self.random_state = random_state

    def _game(self, n: int, p: int) -> Game:  # noqa: ARG002
        a, b = self.encoding_, self.other_encoding_
        if not alike_images(a, b) or min(a.shape[:2]) < LEAST:
            raise InputError(
                "expected two sets of images of one shape and type, simulated and real, of at "
                f"least {LEAST}×{LEAST} pixels; got {in_words(a)} of {a.dtype} and {in_words(b)} "
                f"of {b.dtype}"
            )
        layout, width = Layout.of(a), self.width or WIDTH
        psi = self.compare if isinstance(self.compare, nn.Module) else COMPARED[self.compare]()
        return Refinement(
            Refiner(layout, width, self.blocks, self.noise),
            nn.Sequential(AsImages(layout), self._judge(layout, width)),
            nn.Sequential(AsImages(layout), psi, nn.Flatten()),
            self._rows_of_b(),
            self.weight,
            self.history,
            (
                Turns(self.refiner_turns, self.refiner_start),
                Turns(self.discriminator_turns, self.discriminator_start),
            ),
        )

    def _judge(self, layout: Layout, width: int) -> nn.Module:
        if self.patch is None:
            return convolutional_reader(layout.channels, layout.size, 1, width)
        halvings = HALVINGS[self.patch]
        if min(layout.size) < 2 ** (halvings + 2):
            raise InputError(
                f"expected images of at least {2 ** (halvings + 2)} pixels in each direction for "
                f"patch={self.patch}, got {layout.height}×{layout.width}; choose a smaller patch"
            )
        return patch_reader(layout.channels, width, halvings)

    def _to(self, Z: np.ndarray, to: str) -> np.ndarray:  # noqa: ARG002
        rows = torch.as_tensor(Z, dtype=torch.float32)
        refiner: Refiner = self.game_.refiner
        rng = torch.Generator().manual_seed(self.seed_)
        grain = torch.randn(len(rows), refiner.noises, generator=rng)
        return in_blocks(refiner, torch.cat([rows, grain], 1))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if not (is_number(self.weight) and 0 <= self.weight < math.inf):
            raise InputError(f"expected weight to be at least 0, got {self.weight!r}")
        if not isinstance(self.compare, nn.Module):
            check_choice("compare", self.compare, tuple(COMPARED))
        check_choice("patch", self.patch, (None, *HALVINGS))
        for name in ("noise", "decay"):
            check_flag(name, getattr(self, name))
        least = {
            "history": 0,
            "refiner_turns": 1,
            "discriminator_turns": 1,
            "refiner_start": 0,
            "discriminator_start": 0,
            "blocks": 1,
        }
        for name, fewest in least.items():
            value = getattr(self, name)
            if not is_whole(value) or value < fewest:
                raise InputError(
                    f"expected {name} to be a whole number of at least {fewest}, got {value!r}"
                )
        if 0 < self.history < self.batch_size // 2:
            raise InputError(
                f"expected a history of at least half a batch ({self.batch_size // 2}), or 0 for "
                f"none, got {self.history}"
            )
