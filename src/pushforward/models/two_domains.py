"""What samplers of two domains share: rows of A become rows of B, learnt without pairs."""

from __future__ import annotations

import hashlib
import math
from abc import abstractmethod
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from pushforward.data.columns import check_table
from pushforward.data.encoded_rows import EncodedRows, rows_to_learn_from
from pushforward.data.encoding import Encoding
from pushforward.data.on_disk import RowsOnDisk, opened
from pushforward.data.windows import SideBySide
from pushforward.errors import InputError
from pushforward.evaluation.neighbours import neighbour_gap
from pushforward.models.fitting import LOG, Fit
from pushforward.models.neural import NeuralSampler, check_choice, fingerprint_of
from pushforward.models.translation import diagnose_translation
from pushforward.sampler import Effort

SOURCE_ROWS = 10_000  # encoded rows of A that are kept, to draw rows of B from
SOURCE_NUMBERS = 10_000_000  # in them at most


class TwoDomainSampler(NeuralSampler):
    """A neural sampler that is fitted to two sets of rows, `fit(A, B)`, and turns A into B.

    A method says how encoded rows are translated (`_to`), and which `ways` it learns.
    Images of one shape and type are encoded together, so that their columns are the same pixels.
    """

    takes: ClassVar[str] = "other rows"
    numbers: ClassVar[str] = "standard"  # so that equal units stay equal in both
    ways: ClassVar[tuple[str, ...]] = ("b", "a")  # what rows can be translated to
    other_encoding_: Encoding
    other_rows_: Any  # encoded training rows of B, during a fit
    other_held_: Any  # encoded held-out rows of B, None before a split
    held_: np.ndarray  # encoded held-out rows of A, during a fit

    @abstractmethod
    def _to(self, Z: np.ndarray, to: str) -> np.ndarray:
        """Encoded rows of domain `to`, one of the `ways`, for those of the other one."""

    @property
    def stores_rows(self) -> bool:
        return True  # those of A that samples are translated from

    @property
    def _drawn_encoding(self) -> Encoding:
        return self.other_encoding_

    def translate(self, X: Any, to: str = "b") -> Any:
        """Rows of the other domain for rows of X: of B, or of A with `to="a"`.

        They are of the kind that was fitted: an array `(n, q)`, a table, or images.

        Raises:
            InputError: rows of another kind or shape than those that were fitted.
        """
        check_is_fitted(self)
        check_choice("to", to, self.ways)
        if to == "b":
            Z = self.encoding_.transform(self._check(X, reset=False))
            return self.other_encoding_.inverse_transform(self._to(Z, "b"))
        Z = self.other_encoding_.transform(check_other(X, self.other_encoding_))
        return self.encoding_.inverse_transform(self._to(Z, "a"))

    def sample(
        self,
        n_samples: int | None = None,
        *,
        given: Any = None,
        random_state: Any = None,
        budget: float | None = None,  # noqa: ARG002
        reject_copies: Any = False,
    ) -> Any:
        """Draw `n_samples` rows of domain B, translated from training rows of A.

        As for every sampler, an integer `random_state` repeats the draw.

        Raises:
            InputError: `n_samples` is not a positive whole number, or conditions are given
                or copies to be rejected.
        """
        if given is not None:
            raise InputError(
                f"{type(self).__name__} draws translations of rows of another domain, not under "
                "conditions: choose rows to translate, translate(A[...], to='b')"
            )
        if reject_copies is not False:
            raise InputError(
                f"{type(self).__name__} draws translations of given rows, which cannot be drawn "
                "again; list the copies among them: pushforward copies TRAIN_B GENERATED"
            )
        n_samples = 1 if n_samples is None else n_samples
        n, rng = self._order(n_samples, random_state)
        return self._drawn_encoding.inverse_transform(self._draw(n, rng), seed=self.sample_seed_)

    def _beside(self, y: Any, y_validation: Any, Z: Any, effort: Effort) -> tuple[Any, Effort]:
        if y is None:
            raise InputError(
                f"{type(self).__name__} learns from two domains: give the rows of both, fit(A, B)"
            )
        if (effort.validation is None) != (y_validation is None):
            raise InputError(
                "expected held-out rows of both domains or of none: give validation and "
                "y_validation"
            )
        y = opened(y)
        if isinstance(y, RowsOnDisk) and not isinstance(Z, EncodedRows):
            raise InputError(
                f"the rows of the second domain are on disk ({y.name}) and those of the first in "
                "memory: leave the first on disk too, pf.open_data(path)"
            )
        B = check_other(self._in_memory(y))
        self.other_encoding_ = Encoding().fit(B, every_column=effort.every_column)
        for name, encoding in (("first", self.encoding_), ("second", self.other_encoding_)):
            if not encoding.width:
                raise InputError(f"expected two domains that vary, the {name} has one value only")
        if alike_images(self.encoding_, self.other_encoding_):
            Z, effort = self._encode_together(Z, B, effort)
        if isinstance(y, RowsOnDisk):
            self.other_encoding_.recount(y.counts)
            self.other_rows_ = EncodedRows(y, self.other_encoding_)
        else:
            self.other_rows_ = self.other_encoding_.transform(B)
        self.other_held_ = None
        if y_validation is not None:
            held = check_other(self._in_memory(opened(y_validation)), self.other_encoding_)
            self.other_held_ = self.other_encoding_.transform(held)
        return Z, effort

    def _encode_together(self, Z: Any, B: np.ndarray, effort: Effort) -> tuple[Any, Effort]:
        """One encoding for images of both domains, so that its columns are the same pixels.

        Those that vary in neither domain are left out; apart, each would lack others.
        """
        apart, on_disk = self.encoding_, isinstance(Z, EncodedRows)
        A = rows_to_learn_from(Z.rows) if on_disk else apart.inverse_transform(Z)
        together = Encoding().fit(np.concatenate([A, B]))
        self.encoding_ = self.other_encoding_ = together
        if effort.validation is not None:
            held = apart.inverse_transform(effort.validation)
            effort = replace(effort, validation=together.transform(held))
        return EncodedRows(Z.rows, together) if on_disk else together.transform(A), effort

    def _held_back(self, Z: Any, effort: Effort) -> tuple[Any, np.ndarray]:
        """Both domains are split; restarts find B split already, as they do A."""
        rows, held = super()._held_back(Z, effort)
        theirs = replace(effort, validation=self.other_held_)
        self.other_rows_, self.other_held_ = super()._held_back(self.other_rows_, theirs)
        return rows, held

    def _on_disk(self, rows: EncodedRows, seed: int, device: torch.device) -> Any:
        first = super()._on_disk(rows, seed, device)
        if not isinstance(self.other_rows_, EncodedRows):
            return first
        return SideBySide(first, super()._on_disk(self.other_rows_, seed + 1, device))

    def _rows_of_b(self) -> torch.Tensor:
        """All training rows of B; none where they are on disk, or a model is loaded."""
        rows = getattr(self, "other_rows_", None)
        if not isinstance(rows, np.ndarray):
            rows = np.empty((0, self.other_encoding_.width))
        return torch.as_tensor(rows, dtype=torch.float32)

    def _prepare(self, Z: torch.Tensor, held: np.ndarray, rng: np.random.Generator) -> None:
        most = max(1, min(SOURCE_ROWS, SOURCE_NUMBERS // Z.shape[1]))
        rows = torch.as_tensor(rng.permutation(len(Z))[:most])
        self.source_ = Z.cpu()[rows].double().numpy()
        self.held_ = held

    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._to(self.source_[rng.integers(len(self.source_), size=n)], "b")

    def _score(self, held: np.ndarray, seed: int) -> float:
        """How far translated held-out rows are from those of the other domain, at the worst."""
        rng, other = np.random.default_rng(seed), self.other_held_
        n = min(len(held), len(other))  # a gap is unbiased between samples of one size
        a = held[rng.permutation(len(held))[:n]]
        b = other[rng.permutation(len(other))[:n]]
        gaps: list[float] = []
        for real, rows, encoding, translate in self._both_ways(a, b):
            fake = translate(rows)
            if not np.isfinite(fake).all():
                return math.inf
            gaps += neighbour_gap(real, encoding.snap(fake))
        return max(abs(gap) for gap in gaps)

    def _both_ways(self, a: np.ndarray, b: np.ndarray) -> list[tuple[Any, ...]]:
        """Of each way: real rows there, rows to translate, the encoding there, the translation."""
        ways = {
            "b": (b, a, self.other_encoding_, partial(self._to, to="b")),
            "a": (a, b, self.encoding_, partial(self._to, to="a")),
        }
        return [ways[way] for way in self.ways]

    def _end(self, fit: Fit) -> None:
        super()._end(fit)
        if not comparable(self.encoding_, self.other_encoding_):
            return
        names = {"b": "A to B", "a": "B to A"}
        for way, (others, rows, _, translate) in zip(
            self.ways, self._both_ways(self.held_, self.other_held_), strict=True
        ):
            for finding in diagnose_translation(rows, translate(rows), others):
                told = finding._replace(sentence=f"{names[way]}: {finding.sentence}")
                self.diagnosis_.append(told)
                LOG.info("%s: %s. %s", fit.name, told.name, told.sentence)

    def _after(self, Z: np.ndarray) -> Self:
        """Make the translations give categories in their shares, and call it fitted."""
        b = self.other_rows_
        if isinstance(b, EncodedRows):
            b = b.some(SOURCE_ROWS, np.random.default_rng([self.seed_, 1]))
        for _, rows, encoding, translate in self._both_ways(self.source_, b):
            if encoding.shares:
                encoding.calibrate(translate(rows))
        del self.other_rows_, self.other_held_, self.held_
        self.n_rows_ = len(Z)
        return self

    def _fingerprint(self, train: Any, held: np.ndarray) -> dict[str, Any]:
        digests = {
            "other_rows": fingerprint_of(self.other_rows_),
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


def check_other(X: Any, encoding: Encoding | None = None) -> Any:
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
            raise InputError(f"expected rows of the second domain, {in_words(encoding)}, got {got}")
    return X


def alike_images(a: Encoding, b: Encoding) -> bool:
    return a.kind == b.kind == "images" and (a.shape, a.dtype) == (b.shape, b.dtype)


def comparable(a: Encoding, b: Encoding) -> bool:
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


def in_words(encoding: Encoding) -> str:
    if encoding.kind == "frame":
        return f"a table of {', '.join(encoding.columns)} ({encoding.width} encoded columns)"
    noun = "images" if encoding.kind == "images" else "an array of rows"
    return f"{noun} of shape {encoding.shape} ({encoding.width} encoded columns)"
