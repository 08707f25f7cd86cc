"""CycleGAN: rows of one domain become rows of another, learnt without pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.models.cycle import CycleConsistent
from pushforward.models.neural import check_choice, in_blocks, is_number
from pushforward.models.two_domains import TwoDomainSampler, comparable, in_words
from pushforward.networks.family import AUTO, are_images, handed_reader, handed_translator
from pushforward.networks.layout import Layout
from pushforward.networks.mlp import mlp
from pushforward.networks.patch import patch_judge
from pushforward.networks.residual import Residual
from pushforward.networks.spectral import spectrally_normalised
from pushforward.networks.translator import translator_between
from pushforward.sampler import check_flag, is_whole
from pushforward.training.game import Game

LEAKY = partial(nn.LeakyReLU, 0.2)
CYCLE_WEIGHT, IDENTITY_WEIGHT = 10.0, 0.5  # λ and λ_idt as published
PER_COLUMN = 0.05  # λ for each column of a table; found on data that no benchmark reports
WIDTH = 16  # channels of the first convolution
# Where they are left open: for rows, and for images in small batches.
ROWS = {"batch_size": 128, "learning_rate": 2e-3}
IMAGES = {"batch_size": 4, "learning_rate": 2e-4}


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

    Images of 16 pixels and more in both domains are translated by residual networks and judged by
    patches, least squares being averaged over those. Their size and channels may differ. The score
    hardly sees what a translation of images is to do, so while the learning rate falls the last
    state is kept.

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
            differ in width start from the latter. "random" is where fresh weights put it (as in
            the paper). Translators of images start as the identity, in grey where the numbers of
            channels differ, or at random.
        spectral: divide the discriminators' weight matrices by their spectral norms.
        networks: "mlp", or modules by name among "to_b", "to_a", "judge_a" and "judge_b", which see
            and draw images as (n, c, h, w) in [−1, 1]; a judge may give any number of values, one
            for each patch. "auto" takes networks of images from 16×16 pixels on.
        width: channels of the first convolution of networks of images; None takes 16.
        hidden: sizes of the hidden layers of perceptrons.
        batch_size: rows of each domain per batch; None takes 128, and 4 with networks of images.
        learning_rate: of Adam; None takes 0.002, and 0.0002 with networks of images.
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
    parts: ClassVar[tuple[str, ...]] = ("to_b", "to_a", "judge_a", "judge_b")

    batch_size: int | None  # type: ignore[assignment]
    learning_rate: float | None  # type: ignore[assignment]

    def __init__(
        self,
        *,
        cycle_weight: float | None = None,
        identity_weight: float | None = None,
        pool_size: int = 50,
        start: str = "identity",
        spectral: bool = False,
        networks: str | Mapping[str, Any] = "auto",
        width: int | None = None,
        hidden: Sequence[int] = (128, 128),
        batch_size: int | None = None,
        learning_rate: float | None = None,
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
        self.networks = networks
        self.width = width
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
        a, b = self.encoding_, self.other_encoding_
        cycle, identity = self._cycle_weight(), self._identity_weight()
        return CycleConsistent(
            self._translator("to_b", a, b),
            self._translator("to_a", b, a),
            self._judge("judge_a", a),
            self._judge("judge_b", b),
            self._rows_of_b(),
            p,
            cycle,
            identity,
            self.pool_size,
        )

    @property
    def _of_images(self) -> bool:
        """Whether the networks that were not handed in are those for images."""
        both = are_images(self.encoding_) and are_images(self.other_encoding_)
        return both and self.networks != "mlp"

    def _translator(self, part: str, here: Encoding, there: Encoding) -> nn.Module:
        given = self._given_network(part)
        if given is not None:
            return handed_translator(given, here, there)
        if self._of_images:
            if self.start == "rotation":
                raise InputError(
                    "expected start='identity' or 'random' for networks of images, got 'rotation', "
                    "which turns columns; take networks='mlp' for it"
                )
            layouts, skip = (Layout.of(here), Layout.of(there)), self.start == "identity"
            return translator_between(*layouts, self.width or WIDTH, skip)
        if self.start == "random":
            return mlp(here.width, self.hidden, there.width, activation=LEAKY)
        rotated = self.start == "rotation"
        return Residual(here.width, self.hidden, there.width, rotated=rotated, activation=LEAKY)

    def _judge(self, part: str, encoding: Encoding) -> nn.Module:
        given = self._given_network(part)
        network: nn.Module
        if given is not None:
            network = handed_reader(given, encoding, None)
        elif self._of_images:
            network = patch_judge(Layout.of(encoding), self.width or WIDTH)
        else:
            network = mlp(encoding.width, self.hidden, 1, activation=LEAKY)
        return spectrally_normalised(network) if self.spectral else network

    @property
    def _scored_from(self) -> int:
        """On images the last state is kept: gaps of pixels hardly see what translations are to do.

        So it is while the learning rate falls, whose last state should be the best.
        """
        return self.max_rounds if self.decay and self._of_images else super()._scored_from

    def _chosen(self, name: str) -> Any:
        value = super()._chosen(name)
        return (IMAGES if self._of_images else ROWS).get(name) if value is None else value

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

    def _to(self, Z: np.ndarray, to: str) -> np.ndarray:
        translator = self.game_.to_b if to == "b" else self.game_.to_a
        return in_blocks(translator, torch.as_tensor(Z, dtype=torch.float32))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if isinstance(self.networks, str):
            check_choice("networks", self.networks, (AUTO, "mlp"))
        check_choice("start", self.start, ("identity", "rotation", "random"))
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
