"""CycleGAN: rows of one domain become rows of another, learnt without pairs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from torch import nn

from pushforward.data.columns import check_table
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.evaluation.neighbours import neighbour_gap
from pushforward.models.cycle import CycleConsistent
from pushforward.models.fitting import LOG, Fit
from pushforward.models.neural import NeuralSampler, check_choice, in_blocks, is_number
from pushforward.models.translation import diagnose_translation
from pushforward.networks.mlp import mlp
from pushforward.networks.residual import Residual
from pushforward.networks.spectral import spectrally_normalised
from pushforward.sampler import Effort, check_flag, is_whole
from pushforward.training.game import Game

LEAKY = partial(nn.LeakyReLU, 0.2)
SOURCE_ROWS = 10_000  # encoded rows of A that are kept, to draw rows of B from
CYCLE_WEIGHT, IDENTITY_WEIGHT = 10.0, 0.5  # λ and λ_idt as published
PER_COLUMN = 0.05  # λ for each column of a table; found on data that no benchmark reports


class CycleGAN(NeuralSampler):
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

    takes: ClassVar[str] = "other rows"
    continuous: ClassVar[tuple[str, ...]] = ("learning_rate", "betas", "cycle_weight")
    other_encoding_: Encoding
    other_rows_: np.ndarray  # encoded training rows of B, during a fit
    other_held_: Any  # encoded held-out rows of B, None before a split
    held_: np.ndarray  # encoded held-out rows of A, during a fit

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

    @property
    def stores_rows(self) -> bool:
        return True  # those of A that samples are translated from

    def translate(self, X: Any, to: str = "b") -> Any:
        """Rows of the other domain for rows of X: G(a), or F(b) with `to="a"`.

        They are of the kind that was fitted: an array `(n, q)`, a table, or images.

        Raises:
            InputError: rows of another kind or shape than those that were fitted.
        """
        check_is_fitted(self)
        check_choice("to", to, ("a", "b"))
        if to == "b":
            Z = self.encoding_.transform(self._check(X, reset=False))
            return self.other_encoding_.inverse_transform(self._to_b(Z))
        Z = self.other_encoding_.transform(_check_other(X, self.other_encoding_))
        return self.encoding_.inverse_transform(self._to_a(Z))

    def sample(self, n_samples: int = 1, *, random_state: Any = None) -> Any:
        """Draw `n_samples` rows of domain B: G(a), with a drawn from the training rows of A.

        As for every sampler, an integer `random_state` repeats the draw.

        Raises:
            InputError: `n_samples` is not a positive whole number.
        """
        n, rng = self._order(n_samples, random_state)
        return self.other_encoding_.inverse_transform(self._draw(n, rng))

    def _to_b(self, Z: np.ndarray) -> np.ndarray:
        return in_blocks(self.game_.to_b, torch.as_tensor(Z, dtype=torch.float32))

    def _to_a(self, Z: np.ndarray) -> np.ndarray:
        return in_blocks(self.game_.to_a, torch.as_tensor(Z, dtype=torch.float32))

    def _beside(
        self, y: Any, y_validation: Any, Z: np.ndarray, effort: Effort
    ) -> tuple[np.ndarray, Effort]:
        if y is None:
            raise InputError("CycleGAN learns from two domains: give the rows of both, fit(A, B)")
        if (effort.validation is None) != (y_validation is None):
            raise InputError(
                "expected held-out rows of both domains or of none: give validation and "
                "y_validation"
            )
        B = _check_other(y)
        self.other_encoding_ = Encoding().fit(B, every_column=effort.every_column)
        for name, encoding in (("first", self.encoding_), ("second", self.other_encoding_)):
            if not encoding.width:
                raise InputError(f"expected two domains that vary, the {name} has one value only")
        if _alike_images(self.encoding_, self.other_encoding_):
            Z, effort = self._encode_together(Z, B, effort)
        self.other_rows_ = self.other_encoding_.transform(B)
        self.other_held_ = None
        if y_validation is not None:
            held = _check_other(y_validation, self.other_encoding_)
            self.other_held_ = self.other_encoding_.transform(held)
        return Z, effort

    def _encode_together(
        self, Z: np.ndarray, B: np.ndarray, effort: Effort
    ) -> tuple[np.ndarray, Effort]:
        """One encoding for images of both domains, so that its columns are the same pixels.

        Those that vary in neither domain are left out; apart, each would lack others.
        """
        apart, A = self.encoding_, self.encoding_.inverse_transform(Z)
        together = Encoding().fit(np.concatenate([A, B]))
        self.encoding_ = self.other_encoding_ = together
        if effort.validation is not None:
            held = apart.inverse_transform(effort.validation)
            effort = replace(effort, validation=together.transform(held))
        return together.transform(A), effort

    def _held_back(self, Z: np.ndarray, effort: Effort) -> tuple[np.ndarray, np.ndarray]:
        """Both domains are split; restarts find B split already, as they do A."""
        rows, held = super()._held_back(Z, effort)
        theirs = replace(effort, validation=self.other_held_)
        self.other_rows_, self.other_held_ = super()._held_back(self.other_rows_, theirs)
        return rows, held

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
            return IDENTITY_WEIGHT if a.kind == "images" and _comparable(a, b) else 0.0
        if self.identity_weight and not _comparable(a, b):
            raise InputError(
                "expected two domains of one kind for identity_weight, which compares rows before "
                f"and after: got {_in_words(a)} and {_in_words(b)}; set identity_weight=0"
            )
        return self.identity_weight

    def _prepare(self, Z: torch.Tensor, held: np.ndarray, rng: np.random.Generator) -> None:
        rows = torch.as_tensor(rng.permutation(len(Z))[:SOURCE_ROWS])
        self.source_ = Z.cpu()[rows].double().numpy()
        self.held_ = held

    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._to_b(self.source_[rng.integers(len(self.source_), size=n)])

    def _score(self, held: np.ndarray, seed: int) -> float:
        """How far translated held-out rows are from those of the other domain, at the worst."""
        rng, other = np.random.default_rng(seed), self.other_held_
        n = min(len(held), len(other))  # a gap is unbiased between samples of one size
        a = held[rng.permutation(len(held))[:n]]
        b = other[rng.permutation(len(other))[:n]]
        fake_a, fake_b = self._to_a(b), self._to_b(a)
        if not (np.isfinite(fake_a).all() and np.isfinite(fake_b).all()):
            return math.inf
        gaps_a = neighbour_gap(a, self.encoding_.snap(fake_a))
        gaps_b = neighbour_gap(b, self.other_encoding_.snap(fake_b))
        return max(abs(gap) for gap in (*gaps_a, *gaps_b))

    def _end(self, fit: Fit) -> None:
        super()._end(fit)
        if not _comparable(self.encoding_, self.other_encoding_):
            return
        a, b = self.held_, self.other_held_
        for way, rows, translated, others in (
            ("A to B", a, self._to_b(a), b),
            ("B to A", b, self._to_a(b), a),
        ):
            for finding in diagnose_translation(rows, translated, others):
                told = finding._replace(sentence=f"{way}: {finding.sentence}")
                self.diagnosis_.append(told)
                LOG.info("%s: %s. %s", fit.name, told.name, told.sentence)

    def _after(self, Z: np.ndarray) -> CycleGAN:
        """Make both translations give categories in their shares, and call it fitted."""
        for encoding, translated in (
            (self.encoding_, self._to_a(self.other_rows_)),
            (self.other_encoding_, self._to_b(self.source_)),
        ):
            if encoding.shares:
                encoding.calibrate(translated)
        del self.other_rows_, self.other_held_, self.held_
        self.n_rows_ = len(Z)
        return self

    def _fingerprint(self, train: np.ndarray, held: np.ndarray) -> dict[str, Any]:
        digests = {
            "other_rows": hashlib.sha256(self.other_rows_.tobytes()).hexdigest(),
            "other_held_out": hashlib.sha256(self.other_held_.tobytes()).hexdigest(),
        }
        return super()._fingerprint(train, held) | digests

    def _state(self) -> dict[str, Any]:
        learnt = {"other_encoding": self.other_encoding_.to_dict(), "source": self.source_}
        return super()._state() | learnt

    def _restore(self, state: dict[str, Any]) -> None:
        self.other_encoding_ = Encoding.from_dict(state["other_encoding"])
        self.source_ = state["source"]
        super()._restore(state)

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


def _check_other(X: Any, encoding: Encoding | None = None) -> Any:
    """Rows of domain B as an array or a table; two at least to fit, else of the fitted shape."""
    least = 1 if encoding else 2
    if isinstance(X, pd.DataFrame):
        check_table(X, "the second domain")
        if len(X) < least:
            raise InputError(f"expected a second domain of at least {least} row(s), got {len(X)}")
    else:
        X = np.asarray(X)
        X = X[:, None] if X.ndim == 1 else X
        X = check_array(X, ensure_all_finite=False, allow_nd=True, ensure_min_samples=least)
    if encoding is not None:
        table = isinstance(X, pd.DataFrame)
        if table != (encoding.kind == "frame") or not (table or X.shape[1:] == encoding.shape):
            got = "a table" if table else f"an array of shape {X.shape}"
            raise InputError(
                f"expected rows of the second domain, {_in_words(encoding)}, got {got}"
            )
    return X


def _alike_images(a: Encoding, b: Encoding) -> bool:
    return a.kind == b.kind == "images" and (a.shape, a.dtype) == (b.shape, b.dtype)


def _comparable(a: Encoding, b: Encoding) -> bool:
    """Whether the encoded columns of both domains stand for the same things, by name or place."""
    assert a.numbers is not None
    assert b.numbers is not None
    return (
        (a.kind, a.shape, a.columns) == (b.kind, b.shape, b.columns)
        and np.array_equal(a.numbers.varying, b.numbers.varying)
        and np.array_equal(a.numbers.holed, b.numbers.holed)
        and list(a.categories) == list(b.categories)
        and all(list(c.values) == list(b.categories[k].values) for k, c in a.categories.items())
    )


def _in_words(encoding: Encoding) -> str:
    if encoding.kind == "frame":
        return f"a table of {', '.join(encoding.columns)} ({encoding.width} encoded columns)"
    noun = "images" if encoding.kind == "images" else "an array of rows"
    return f"{noun} of shape {encoding.shape} ({encoding.width} encoded columns)"
