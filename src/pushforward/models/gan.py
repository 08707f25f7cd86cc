"""Generative adversarial networks: objective × penalty × networks × schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from pushforward.errors import InputError
from pushforward.models.adversaries import Adversaries, Autoencoding, Schedule
from pushforward.models.neural import (
    NeuralSampler,
    check_choice,
    check_latent_dim,
    in_blocks,
    is_number,
    torch_rng,
)
from pushforward.models.objectives import OBJECTIVES
from pushforward.models.penalties import PENALTIES
from pushforward.models.priors import PRIORS
from pushforward.models.rejection import Rejection
from pushforward.models.unrolled import Unrolled
from pushforward.networks.augmentation import AUGMENTATIONS, Augmentation, names_of
from pushforward.networks.convolutional import LEAKY
from pushforward.networks.family import Vectors, has_batch_norm
from pushforward.networks.layout import Layout
from pushforward.networks.mlp import mlp
from pushforward.networks.spectral import spectrally_normalised
from pushforward.sampler import check_flag, is_whole
from pushforward.training.game import Game
from pushforward.training.loop import PRECISIONS, optimisers_for
from pushforward.training.optimiser import Adam


class GAN(NeuralSampler):
    """A generative adversarial network: z ~ p_Z, x = G(z), with G trained against D.

    J_D = −E log D(x) − E log(1 − D(G(z))), and the generator minimises −E log D(G(z)). Goodfellow
    et al. 2014, arXiv:1406.2661. Every other GAN of the registry is this class with other options:
    `pushforward methods` lists them, and `METHODS["wgan-gp"].make()` makes one.

    Training stops by itself when samples no longer come nearer to held-out rows, and keeps the best
    running average of the weights.

    Args:
        latent_dim: dimension of z; None takes 16, or twice the columns if that is less than 16.
        prior: p_Z, "normal" or "uniform" on (−1, 1).
        objective: what the players minimise, a name of `pushforward.models.objectives`.
        penalty: on the slope of the discriminator, a name of `pushforward.models.penalties`.
        penalty_weight: of the penalty (λ, or γ of "r1", "r2" and "r1+r2"); None takes the published
            one.
        equilibrium: γ of "boundary-equilibrium", the E L(x̂) / E L(x) that is aimed at, from 0 to 1:
            lower, and generated rows vary less; with 0 the discriminator learns real rows only.
            None takes 0.75.
        equilibrium_rate: λ_k of "boundary-equilibrium", the rate of k; None takes 0.001.
        clip: largest absolute weight of the discriminator, kept after each of its moves.
        spectral: divide the discriminator's weight matrices by their spectral norms.
        packing: rows that the discriminator judges together (m of PacGAN).
        n_critic: turns of the discriminator in a round.
        warm_up: turns of the discriminator in each of the first 25 rounds and every 500th.
        simultaneous: whether both players move at once, from one state, or one after the other.
        rejection: draw only what the discriminator lets pass, as likely as it holds it for real.
        unroll: steps by which the generator looks ahead of the discriminator; it then minimises the
            negative of the discriminator's loss.
        augment: changes of images, real and generated alike, before the discriminator sees them,
            for few images: "translation", "cutout", "colour", or several, "colour,translation".
            Zhao et al. 2020, arXiv:2006.10738.
        networks: "mlp", for images "convolutional", "residual" or "dcgan" (with batch norm), or
            modules by name, {"generator": ..., "discriminator": ...}, which see images as
            (n, c, h, w) in [−1, 1]. "auto" takes convolutions for images from 16×16 pixels on.
        width: channels of the first convolution, twice as many after each halving; None takes 32.
        hidden: sizes of the hidden layers of perceptrons.
        batch_size: rows per batch.
        optimiser: "adam", or "rmsprop" (α is then β₂).
        learning_rate: of the optimiser.
        betas: β₁ and β₂ of Adam.
        decay: let the learning rate fall linearly to 0 over `max_rounds` (or a budget's time).
        max_rounds: at most so many rounds (a turn of each player).
        patience: least number of rounds to go on without a better score.
        average: decay of the running average of the weights, 0 for none.
        precision: "float32", or "bfloat16" for what the networks compute in training; weights,
            losses, scores and samples stay float32. Faster where the processor multiplies such
            numbers itself (AMX, AVX512-BF16, a GPU), slower elsewhere; restarts then train one by
            one.
        restarts: fits from so many seeds, trained at once; the one with the best score on held-out
            rows is kept.
        device: "auto", "cpu", "cuda", ...
        random_state: an integer makes the fit repeat.

    Raises:
        InputError: an option out of its range; the message names it.
        Diverged: a loss that is no longer finite.

    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> GAN(max_rounds=20, random_state=0).fit(X).sample(3, random_state=1).shape
    (3, 2)
    """

    continuous: ClassVar[tuple[str, ...]] = (
        *NeuralSampler.continuous,
        "penalty_weight",
        "equilibrium",
        "equilibrium_rate",
        "clip",
    )
    parts: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    activation = LEAKY

    def __init__(
        self,
        *,
        latent_dim: int | None = None,
        prior: str = "normal",
        objective: str = "non-saturating",
        penalty: str | None = None,
        penalty_weight: float | None = None,
        equilibrium: float | None = None,
        equilibrium_rate: float | None = None,
        clip: float | None = None,
        spectral: bool = False,
        packing: int = 1,
        n_critic: int = 1,
        warm_up: int = 0,
        simultaneous: bool = False,
        unroll: int = 0,
        rejection: bool = False,
        augment: str = "",
        networks: str | Mapping[str, Any] = "auto",
        width: int | None = None,
        hidden: Sequence[int] = (128, 128),
        batch_size: int = 128,
        optimiser: str = "adam",
        learning_rate: float = 5e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        decay: bool = False,
        max_rounds: int = 30_000,
        patience: int = 3000,
        average: float = 0.995,
        precision: str = "float32",
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.latent_dim = latent_dim
        self.prior = prior
        self.objective = objective
        self.penalty = penalty
        self.penalty_weight = penalty_weight
        self.equilibrium = equilibrium
        self.equilibrium_rate = equilibrium_rate
        self.clip = clip
        self.spectral = spectral
        self.packing = packing
        self.n_critic = n_critic
        self.warm_up = warm_up
        self.simultaneous = simultaneous
        self.unroll = unroll
        self.rejection = rejection
        self.augment = augment
        self.networks = networks
        self.width = width
        self.hidden = hidden
        self.batch_size = batch_size
        self.optimiser = optimiser
        self.learning_rate = learning_rate
        self.betas = betas
        self.decay = decay
        self.max_rounds = max_rounds
        self.patience = patience
        self.average = average
        self.precision = precision
        self.restarts = restarts
        self.device = device
        self.random_state = random_state

    def _game(self, n: int, p: int) -> Game:
        k = self._latent(n, p)
        generator, prior = self._drawer("generator", k), partial(PRIORS[self.prior], k=k)
        if self.unroll:
            return self._against(Unrolled, generator, prior, p, k, steps=self.unroll)
        return self._against(Adversaries, generator, prior, p, k)

    def _latent(self, n: int, p: int) -> int:
        """The dimension of z for n rows of p columns."""
        if 0 < n < self.packing:
            raise InputError(
                f"expected at least as many training rows as packing ({self.packing}), got {n}; "
                "choose a smaller packing or give more rows"
            )
        return check_latent_dim(self.latent_dim, min(16, 2 * p), n)

    def _against(
        self,
        kind: Callable[..., Adversaries],
        generator: nn.Module,
        prior: Callable[..., torch.Tensor],
        p: int,
        k: int,
        **more: Any,
    ) -> Adversaries:
        """A game of that kind: the generator against a discriminator of rows of p columns.

        Those that are not of the data (labels, codes) stand beside them.
        """
        numbers = {"gamma": self.equilibrium, "rate": self.equilibrium_rate}
        given = {name: value for name, value in numbers.items() if value is not None}
        objective, m = OBJECTIVES[self.objective](**given), self.packing
        if objective.autoencodes:
            discriminator: nn.Module = self._autoencoding(m * p, k)
        else:
            beside = p - self.encoding_.width
            discriminator = self._reader("discriminator", 1, beside=beside, packing=m)
        self._check_batch_norm(discriminator)
        if self.spectral:
            spectrally_normalised(discriminator)
        penalty, weight = PENALTIES.get(self.penalty or ""), self.penalty_weight
        if weight is None:
            weight = penalty.weight if penalty else 0.0
        schedule = Schedule(self.n_critic, self.warm_up, self.simultaneous, self.clip, self.packing)
        return kind(
            generator,
            discriminator,
            objective,
            prior,
            (p,),
            penalty,
            weight,
            schedule,
            self._augmentation(),
            **more,
        )

    def _augmentation(self) -> Augmentation | None:
        names = names_of(self.augment)
        if not names:
            return None
        if self.encoding_.kind != "images":
            raise InputError(
                f"expected images (n, h, w) or (n, h, w, c) for augment={self.augment!r}, got rows "
                f"of {self.encoding_.width} columns; reshape them, or leave augment out"
            )
        return Augmentation(Layout.of(self.encoding_), names)

    def _autoencoding(self, width: int, k: int) -> Autoencoding:
        """A discriminator that rebuilds rows of so many columns, by way of a code.

        The code is narrower than what it stands for, or it could copy anything.
        """
        code = min(k, max(1, width // 2))
        if isinstance(self._family, Vectors):
            sizes = (*self.hidden, code, *reversed(self.hidden))
            return Autoencoding(mlp(width, sizes, width, activation=LEAKY))
        if width % self.encoding_.width or "discriminator" in self.networks:
            raise InputError(
                "expected a discriminator of rows alone, made here, for an objective whose "
                f"discriminator rebuilds them, got {self.objective!r} with labels or modules"
            )
        reader = self._reader("discriminator", code, packing=self.packing)
        return Autoencoding(
            nn.Sequential(reader, self._drawer("discriminator", code, packing=self.packing))
        )

    def _check_batch_norm(self, discriminator: nn.Module) -> None:
        """Refuse what a batch norm would falsify: slopes of single rows, copies of the network."""
        if has_batch_norm(discriminator) and (self.penalty is not None or self.unroll):
            raise InputError(
                "expected a discriminator without batch norm for a penalty on the slope of each "
                "row, or for unroll: with it a row's value depends on the rows beside it; take "
                "networks='convolutional' or 'residual'"
            )

    def _optimisers(self, game: Game) -> dict[str, Adam]:
        adam = self.optimiser == "adam"
        betas = (float(self.betas[0]) if adam else 0.0, float(self.betas[1]))
        return optimisers_for(game, self.learning_rate, betas, corrected=adam)

    def _fixed(self) -> str:
        # To be held within bounds or not is no number.
        return f"{super()._fixed()}, clipped: {self.clip is not None}"

    def _prepare(self, Z: torch.Tensor, held: np.ndarray, rng: np.random.Generator) -> None:  # noqa: ARG002
        if self.rejection:
            _, fake = self._judged(max(len(held), self.packing), rng)
            short = -len(held) % self.packing  # of a last whole pack
            real = self._values(np.concatenate([held, np.resize(held, (short, held.shape[1]))]))
            finite = np.isfinite(real).all() and np.isfinite(fake).all()
            self.rejection_ = Rejection.calibrate(real, fake) if finite else None

    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        if self.rejection and not hasattr(self, "rejection_"):
            raise InputError("expected a model fitted with rejection=True; fit it again")
        if self.rejection and self.rejection_ is not None:  # else it is scored as it is: infinite
            return self.rejection_.draw(n, self._judged, rng, self.packing)
        return in_blocks(self.game_.generator, self.game_.prior(n, rng=torch_rng(rng)))

    def _judged(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Generated rows, and what the discriminator says of them."""
        m = self.packing
        z = self.game_.prior(-(-n // m) * m, rng=torch_rng(rng))
        rows = in_blocks(self.game_.generator, z)
        return rows, self._values(rows)

    def _values(self, rows: np.ndarray) -> np.ndarray:
        """The discriminator's value of each row: that of its pack, (n,)."""
        packs = self.game_.pack(torch.as_tensor(rows, dtype=torch.float32))
        return np.repeat(in_blocks(self.game_.discriminator, packs)[:, 0], self.packing)

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        if self.rejection and self.rejection_ is not None:
            state["rejection"] = vars(self.rejection_)
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if "rejection" in state:
            self.rejection_ = Rejection(**state["rejection"])

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("objective", self.objective, OBJECTIVES)
        check_choice("prior", self.prior, PRIORS)
        check_choice("penalty", self.penalty, (None, *PENALTIES))
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("optimiser", self.optimiser, ("adam", "rmsprop"))
        for name, least in (("packing", 1), ("n_critic", 1), ("warm_up", 0), ("unroll", 0)):
            value = getattr(self, name)
            if not is_whole(value) or value < least:
                raise InputError(
                    f"expected {name} to be a whole number of at least {least}, got {value!r}"
                )
        for name in ("clip", "penalty_weight", "equilibrium_rate"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and 0 < value < math.inf):
                raise InputError(f"expected {name} to be above 0 or None, got {value!r}")
        gamma = self.equilibrium
        if gamma is not None and not (is_number(gamma) and 0 <= gamma <= 1):
            raise InputError(f"expected equilibrium to be from 0 to 1 or None, got {gamma!r}")
        for name in ("spectral", "simultaneous", "rejection", "decay"):
            check_flag(name, getattr(self, name))
        if self.penalty_weight is not None and self.penalty is None:
            raise InputError("expected a penalty for penalty_weight to weigh, got penalty=None")
        for name in ("equilibrium", "equilibrium_rate"):
            if getattr(self, name) is not None and self.objective != "boundary-equilibrium":
                raise InputError(
                    f"expected objective='boundary-equilibrium' for {name}, which no other has, "
                    f"got {self.objective!r}; leave {name} out"
                )
        if self.precision != "float32" and (self.penalty is not None or self.unroll):
            raise InputError(
                "expected precision='float32' with a penalty on slopes or with unroll, whose "
                f"second derivatives 8 bits do not carry; got {self.precision!r}"
            )
        if self.packing > self.batch_size:
            raise InputError(
                f"expected packing to be at most the batch size {self.batch_size}, "
                f"got {self.packing}"
            )
        if not isinstance(self.augment, str):
            raise InputError(f"expected augment as text, 'translation', got {self.augment!r}")
        for name in names_of(self.augment):
            check_choice("augment", name, tuple(AUGMENTATIONS))
        if self.augment and self.unroll:
            raise InputError(
                "expected augment='' with unroll, which looks ahead on rows as they are"
            )
        if self.unroll and (self.optimiser != "adam" or self.clip is not None):
            raise InputError(
                "expected optimiser='adam' and clip=None with unroll, which looks ahead of Adam's "
                f"steps; got {self.optimiser!r} and {self.clip!r}"
            )
