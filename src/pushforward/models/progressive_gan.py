"""A GAN whose networks grow from 4×4 pixels to the size of the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pushforward.errors import InputError
from pushforward.models.adversaries import Adversaries
from pushforward.models.fitting import LOG, Fit
from pushforward.models.neural import (
    NeuralSampler,
    check_latent_dim,
    in_blocks,
    is_number,
    torch_rng,
)
from pushforward.models.objectives import Wasserstein
from pushforward.models.penalties import PENALTIES
from pushforward.models.priors import normal
from pushforward.networks.growing import (
    GROUP,
    SMALLEST,
    GrowingDiscriminator,
    GrowingGenerator,
    as_drawn,
    channel_counts,
    levels,
    stage_of,
)
from pushforward.networks.layout import AsImages, AsRows, Layout
from pushforward.sampler import is_whole
from pushforward.training.diagnosis import Finding
from pushforward.training.game import Game, Loss, Tensors, Terms
from pushforward.training.optimiser import Adam

DRIFT = 1e-3  # ε_drift of the paper
LATENT = 64


@dataclass(frozen=True)
class Growth:
    """Which level is trained when: phases of equal length, in turn a steady one and a fade.

    >>> growth = Growth(last=2, phase=10)
    >>> [growth.level(played) for played in (0, 9, 10, 14, 19, 29, 30, 39, 99)]
    [0.0, 0.0, 0.1, 0.5, 1.0, 1.0, 1.1, 2.0, 2.0]
    """

    last: int
    phase: int  # rounds

    @property
    def rounds(self) -> int:
        """Rounds until the last stage has been faded in."""
        return 2 * self.last * self.phase

    def level(self, played: int) -> float:
        """The level of the next round, when so many have been played."""
        doublings, within = divmod(max(0, played - self.phase), 2 * self.phase)
        if played < self.phase:
            return 0.0
        return min(float(self.last), doublings + min(1.0, (within + 1) / self.phase))


class Drifting(Wasserstein):
    """D: E ℓ(x̂) − E ℓ(x) + ε E ℓ(x)²;  G: −E ℓ(x̂).

    Only differences of ℓ matter to the first two; the third keeps ℓ near 0. Karras et al. 2018,
    arXiv:1710.10196, appendix A.1.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Terms:
        return {"real": -real.mean(), "fake": fake.mean(), "drift": DRIFT * real.square().mean()}


class ProgressiveAdversaries(Adversaries):
    """The WGAN-GP game of networks that grow, on real images that are faded as theirs are.

    D: E ℓ(x̂) − E ℓ(x) + λ E (‖∇ℓ(εx + (1 − ε)x̂)‖₂ − 1)² + 10⁻³ E ℓ(x)²;  G: −E ℓ(x̂)

    with one ε ~ U(0, 1) for each image; the fade's α is a number of its own, which the level holds.
    The discriminator looks at the deviation of groups of rows, so real and generated images are
    judged apart. In the penalty a row's slope is then that of its group's values with respect to
    it, as in the paper's own code; there too all images, and slopes, have the last stage's pixels.

    It is one game of the networks of all stages, and not a game for each stage: the rounds played
    are a buffer and the level follows from them, so that a checkpoint, a running average, a best
    state or a saved model is at its level by itself. What is not reached yet has gradient 0, and
    Adam leaves it where it is. When a stage begins the moments and steps of both optimisers are set
    to 0: the correction of early moments would not know of new layers, and their first moves be ten
    times as long. Karras et al. 2018, arXiv:1710.10196.
    """

    grows = True
    generator: GrowingGenerator
    discriminator: GrowingDiscriminator

    def __init__(
        self,
        generator: GrowingGenerator,
        discriminator: GrowingDiscriminator,
        prior: Callable[..., Tensor],
        layout: Layout,
        growth: Growth,
        penalty_weight: float,
    ) -> None:
        shape = (layout.channels, *layout.size)
        gradient = PENALTIES["gradient"]
        super().__init__(
            generator, discriminator, Drifting(), prior, shape, gradient, penalty_weight
        )
        self.played: Tensor
        self.apart = True
        self.growth = growth
        self.images, self.rows = AsImages(layout), AsRows(layout)
        self.register_buffer("played", torch.zeros((), dtype=torch.long))

    def judge(self, critic: Any, x: Tensor, fake: Tensor, noise: Tensors) -> Loss:
        level = float(self.discriminator.level)
        real = as_drawn(self.images(x), level, self.growth.last)
        return super().judge(critic, real, fake, noise)

    def watch(self, optimisers: Mapping[str, Adam]) -> None:
        """See the optimisers' moments, which begin anew with a stage."""
        self.moments = []
        for player, adam in optimisers.items():
            for i, tensor in enumerate([adam.steps, *adam.first, *adam.second]):
                self.moments.append(f"adam_{player}_{i}")
                self.register_buffer(self.moments[-1], tensor, persistent=False)

    def grow_up(self) -> None:
        """Be in the last stage, where a round takes longest."""
        self.played.fill_(self.growth.rounds)
        for network in (self.generator, self.discriminator):
            network.level.fill_(self.growth.last)

    def update(self, player: str, outputs: Tensors) -> Tensors:  # noqa: ARG002
        if player != "generator":
            return {}
        played = self.played + 1
        level = torch.tensor(self.growth.level(int(played)))
        moved = {"played": played, "generator.level": level, "discriminator.level": level}
        if stage_of(float(level))[0] > self.generator.stage[0]:
            moved |= {name: torch.zeros(()) for name in self.moments}
        return moved


class ProgressiveGAN(NeuralSampler):
    """A GAN of images that learns 4×4 pixels first, then 8×8, and so on to the size of the images.

    J_D = E ℓ(x̂) − E ℓ(x) + λ E (‖∇ℓ(x̃)‖₂ − 1)² + 10⁻³ E ℓ(x)²,  J_G = −E ℓ(x̂)

    x̂ = G(z), z ~ N(0, I), and x̃ between x and x̂. A new pair of layers of both networks is faded
    in over a phase of rounds, α = 0 … 1, and trained for another before the next. Fitted before the
    last has been reached, by few rounds or a budget, it draws images of the stage it is in,
    enlarged, and says so in `diagnosis_`; `resolution_` is that stage's. Scores count from the last
    stage on. Karras et al. 2018, arXiv:1710.10196.

    Args:
        latent_dim: dimension of z; None takes 64 or the number of rows, if that is less.
        width: most channels of a layer (512 in the paper).
        base: at 4·2^s pixels there are min(base / 2^s, width) channels; None takes 2·width, by
            which each doubling costs about the same. The paper's is 8·width.
        phase_rounds: rounds of each fade, and of each stage before the next.
        penalty_weight: λ.
        batch_size: images per batch.
        learning_rate: of Adam.
        betas: β₁ and β₂ of Adam.
        max_rounds: at most so many rounds; images of 4·2^s pixels take 2s·phase_rounds to grow.
        patience: least number of rounds to go on without a better score.
        average: decay of the running average of the weights, 0 for none.
        restarts: fits from so many seeds; the one with the best score on held-out rows is kept.
        device: "auto", "cpu", "cuda", ...
        random_state: an integer makes the fit repeat.

    Raises:
        InputError: an option out of its range, or data that are no square images of 8, 16, 32, …
            pixels.
        Diverged: a loss that is no longer finite.

    >>> X = np.random.default_rng(0).random(size=(40, 8, 8))
    >>> gan = ProgressiveGAN(width=4, phase_rounds=5, max_rounds=12, random_state=0).fit(X)
    >>> gan.sample(3, random_state=1).shape, gan.resolution_
    ((3, 8, 8), 8)
    """

    networks = "auto"
    width: int
    hidden = ()

    def __init__(
        self,
        *,
        latent_dim: int | None = None,
        width: int = 64,
        base: int | None = None,
        phase_rounds: int = 600,
        penalty_weight: float = 10.0,
        batch_size: int = 16,
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.0, 0.99),
        max_rounds: int = 10_000,
        patience: int = 3000,
        average: float = 0.999,
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.latent_dim = latent_dim
        self.width = width
        self.base = base
        self.phase_rounds = phase_rounds
        self.penalty_weight = penalty_weight
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.max_rounds = max_rounds
        self.patience = patience
        self.average = average
        self.restarts = restarts
        self.device = device
        self.random_state = random_state

    @property
    def resolution_(self) -> int:
        """Pixels in each direction of the stage that it draws from."""
        stage, _ = self.game_.generator.stage
        return SMALLEST * 2**stage

    @property
    def _growth(self) -> Growth:
        side = self.encoding_.shape[0] if self.encoding_.kind == "images" else 0
        return Growth(levels(side), int(self.phase_rounds))

    @property
    def _scored_from(self) -> int:
        return self._growth.rounds

    def _game(self, n: int, p: int) -> Game:  # noqa: ARG002
        self._check_images()
        if 0 < n < GROUP:
            raise InputError(
                f"expected at least {GROUP} training images, as the discriminator looks at groups "
                f"of so many, got {n}; give more"
            )
        layout, growth = Layout.of(self.encoding_), self._growth
        k = check_latent_dim(self.latent_dim, min(LATENT, n or LATENT), n)
        counts = channel_counts(self.width, self.base or 2 * self.width, growth.last)
        generator = GrowingGenerator(k, layout.channels, counts)
        discriminator = GrowingDiscriminator(layout.channels, counts)
        prior = partial(normal, k=k)
        weight = self.penalty_weight
        return ProgressiveAdversaries(generator, discriminator, prior, layout, growth, weight)

    def _check_images(self) -> None:
        """Refuse what cannot be grown to."""
        encoding = self.encoding_
        if encoding.kind != "images":
            raise InputError(
                f"expected images (n, h, w) or (n, h, w, c), got rows of {encoding.width} columns; "
                "reshape them, or take another method"
            )
        h, w = encoding.shape[:2]
        if h != w or levels(h) < 1:
            side = 2 * SMALLEST
            while side < max(h, w):
                side *= 2
            raise InputError(
                f"expected square images of 8, 16, 32, … pixels, which grow from 4×4 by doubling, "
                f"got {h}×{w}; pad them to {side}×{side} (numpy.pad), or resize them"
            )

    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        game = self.game_
        return in_blocks(
            nn.Sequential(game.generator, game.rows), game.prior(n, rng=torch_rng(rng))
        )

    def _end(self, fit: Fit) -> None:
        super()._end(fit)
        finding = self._unfinished()
        if finding is not None:
            self.diagnosis_ = [finding, *self.diagnosis_]
            LOG.info("%s: %s. %s", fit.name, finding.name, finding.sentence)

    def _unfinished(self) -> Finding | None:
        """That training ended before the last stage was faded in."""
        growth = self._growth
        stage, alpha = self.game_.generator.stage
        if stage + alpha == growth.last + 1:
            return None
        side, size = self.resolution_, SMALLEST * 2**growth.last
        fading = f", which counted for {alpha:.0%} beside the stage before" if alpha < 1 else ""
        return Finding(
            "STILL_GROWING",
            f"Training ended at {side}×{side} of {size}×{size} pixels{fading}: samples are "
            f"enlarged. Growing takes {growth.rounds:,} rounds, {self.n_rounds_:,} were played. "
            "Give it more rounds (max_rounds) or a larger budget, or lower phase_rounds.",
        )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name in ("width", "phase_rounds", *(["base"] if self.base is not None else [])):
            value = getattr(self, name)
            if not is_whole(value) or value < 1:
                raise InputError(f"expected {name} to be a whole number above 0, got {value!r}")
        if not (is_number(self.penalty_weight) and 0 < self.penalty_weight < float("inf")):
            raise InputError(f"expected penalty_weight to be above 0, got {self.penalty_weight!r}")
        if self.batch_size < GROUP:
            raise InputError(
                f"expected batch_size to be at least {GROUP}, as the discriminator looks at groups "
                f"of so many rows, got {self.batch_size}"
            )
