"""CycleGAN: rows of one domain become rows of another, learnt without pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from pushforward.errors import InputError
from pushforward.models.cycle import CycleConsistent
from pushforward.models.neural import check_choice, in_blocks, is_number
from pushforward.models.two_domains import TwoDomainSampler, comparable, in_words
from pushforward.networks.mlp import mlp
from pushforward.networks.residual import Residual
from pushforward.networks.spectral import spectrally_normalised
from pushforward.sampler import check_flag, is_whole
from pushforward.training.game import Game

LEAKY = partial(nn.LeakyReLU, 0.2)
CYCLE_WEIGHT, IDENTITY_WEIGHT = 10.0, 0.5  # λ and λ_idt as published
PER_COLUMN = 0.05  # λ for each column of a table; found on data that no benchmark reports


class CycleGAN(TwoDomainSampler):
    """A cycle-consistent adversarial network: G: A → B and F: B → A, from rows without pairs.

    Each translator fools a least-squares discriminator of the other domain, and they undo each
    other: λ (‖F(G(a)) − a‖₁ + ‖G(F(b)) − b‖₁). Zhu et al. 2017, arXiv:1703.10593. A sample is G(a),
    a drawn from the training rows of A.

    The discriminators compare whole domains, so where a domain has symmetries (a rotated ring,
    clusters of one size) many maps are perfect to them, and a fit finds any one; `diagnosis_` names
    the two that can be told without pairs, IDENTITY and INVERTED.

    Each domain is standardised for itself (images of one shape and type together), and a
    translation learns what is left of the difference. The score that training stops by is the
    larger gap of both directions, between translated held-out rows and held-out rows of the other
    domain.

    Args:
        cycle_weight: λ; None takes the published 10 for images, else a twentieth of the columns, 10
            at most. The L1 norm holds a row where it is while the discriminator's slope is below
            λ / columns, so that 10 on two columns leaves the translators as they began.
        identity_weight: λ_idt of λ λ_idt (‖G(b) − b‖₁ + ‖F(a) − a‖₁), which draws the translators
            to the identity on standardised columns; 0 leaves it out. None takes 0.5 for two domains
            of images of one shape, else 0: columns of numbers may share a name and no meaning.
        pool_size: past generated rows that the discriminators are shown half of the time.
        start: "identity", or "rotation": each translator starts near a random orthogonal map. Of
            the many maps that fit, training finds one near its start, so the former is for domains
            whose columns correspond; for others take the latter and several seeds. Domains that
            differ in width start from the latter.
        spectral: divide the discriminators' weight matrices by their spectral norms.
        hidden: sizes of the hidden layers of all networks.
        batch_size: rows of each domain per batch.
        learning_rate: of Adam.
        betas: β₁ and β₂ of Adam.
        decay: let the learning rate fall linearly to 0 over `max_rounds` (or a budget's time); the
            paper lets it fall over the second half.
        max_rounds: at most so many rounds (a turn of each player).
        patience: least number of rounds to go on without a better score.
        average: decay of the running average of the weights, 0 for none.
        restarts: fits from so many seeds, trained at once; the one with the best score on held-out
            rows is kept.
        device: "auto", "cpu", "cuda", ...
        random_state: an integer makes the fit repeat.

    Raises:
        InputError: no second domain, one that does not vary, an option out of its range, or an
            identity weight for domains of different kinds.
        Diverged: a loss that is no longer finite.

    >>> rng = np.random.default_rng(0)
    >>> A, B = rng.normal(size=(200, 2)), rng.uniform(size=(150, 3))
    >>> cycle_gan = CycleGAN(max_rounds=20, random_state=0).fit(A, B)
    >>> cycle_gan.translate(A).shape, cycle_gan.translate(B, to="a").shape
    ((200, 3), (150, 2))
    >>> cycle_gan.sample(4, random_state=0).shape
    (4, 3)
    """

    continuous: ClassVar[tuple[str, ...]] = ("learning_rate", "betas", "cycle_weight")

    def __init__(
        self,
        *,
        cycle_weight: float | None = None,
        identity_weight: float | None = None,
        pool_size: int = 50,
        start: str = "identity",
        spectral: bool = False,
        hidden: Sequence[int] = (128, 128),
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        betas: tuple[float, float] = (0.5, 0.999),
        decay: bool = True,
        max_rounds: int = 5000,
        patience: int = 5000,
        average: float = 0.995,
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.pool_size = pool_size
        self.start = start
        self.spectral = spectral
        self.hidden = hidden
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
        q = self.other_encoding_.width
        rows_b = getattr(self, "other_rows_", np.empty((0, q)))  # none to load a model
        cycle, identity = self._cycle_weight(), self._identity_weight()
        rotated = self.start == "rotation"

        def judge(width: int) -> nn.Module:
            network = mlp(width, self.hidden, 1, activation=LEAKY)
            return spectrally_normalised(network) if self.spectral else network

        return CycleConsistent(
            Residual(p, self.hidden, q, rotated=rotated, activation=LEAKY),
            Residual(q, self.hidden, p, rotated=rotated, activation=LEAKY),
            judge(p),
            judge(q),
            torch.as_tensor(rows_b, dtype=torch.float32),
            p,
            cycle,
            identity,
            self.pool_size,
        )

    def _cycle_weight(self) -> float:
        if self.cycle_weight is not None:
            return self.cycle_weight
        a, b = self.encoding_, self.other_encoding_
        if a.kind == b.kind == "images":
            return CYCLE_WEIGHT
        return min(CYCLE_WEIGHT, PER_COLUMN * (a.width + b.width) / 2)

    def _identity_weight(self) -> float:
        a, b = self.encoding_, self.other_encoding_
        if self.identity_weight is None:
            return IDENTITY_WEIGHT if a.kind == "images" and comparable(a, b) else 0.0
        if self.identity_weight and not comparable(a, b):
            raise InputError(
                "expected two domains of one kind for identity_weight, which compares rows before "
                f"and after: got {in_words(a)} and {in_words(b)}; set identity_weight=0"
            )
        return self.identity_weight

    def _to_b(self, Z: np.ndarray) -> np.ndarray:
        return in_blocks(self.game_.to_b, torch.as_tensor(Z, dtype=torch.float32))

    def _to_a(self, Z: np.ndarray) -> np.ndarray:
        return in_blocks(self.game_.to_a, torch.as_tensor(Z, dtype=torch.float32))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("start", self.start, ("identity", "rotation"))
        for name in ("cycle_weight", "identity_weight"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and 0 <= value < math.inf):
                raise InputError(f"expected {name} to be at least 0 or None, got {value!r}")
        if not is_whole(self.pool_size) or self.pool_size < 1:
            raise InputError(
                f"expected pool_size to be a whole number above 0, got {self.pool_size!r}"
            )
        for name in ("spectral", "decay"):
            check_flag(name, getattr(self, name))
