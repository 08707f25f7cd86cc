"""What latent models share: rows have codes, and codes are decoded to rows."""

from __future__ import annotations

from abc import abstractmethod
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn

from pushforward.errors import InputError
from pushforward.models.neural import NeuralSampler, in_blocks
from pushforward.sampler import check_flag, is_whole


class LatentSampler(TransformerMixin, NeuralSampler):
    """A neural sampler with a network from rows to codes and one from codes to rows.

    A method names the two (`_networks`) and how wide its codes are (`_code_width`).
    """

    @property
    @abstractmethod
    def _networks(self) -> tuple[nn.Module, nn.Module]:
        """From encoded rows `(n, p)` to codes `(n, k)`, and from codes to encoded rows."""

    @property
    def _code_width(self) -> int:
        return self.game_.k

    @property
    def encoder_(self) -> nn.Module:
        """A copy of the network from encoded rows `(n, p)`, float32, to codes `(n, k)`.

        A plain torch module in evaluation mode, to be put under a classifier, frozen or trained
        further: the sampler keeps its own. `encoding_.transform(X)` gives its input.
        """
        check_is_fitted(self)
        if not self.encoding_.width:
            raise InputError("expected a column that varied in training: without, nothing is coded")
        return deepcopy(self._networks[0]).eval()

    def transform(self, X: Any) -> NDArray[np.float64]:
        """The codes of rows, `(n, k)`."""
        check_is_fitted(self)
        Z = self.encoding_.transform(self._check(X, reset=False))
        if not self.encoding_.width:
            return Z
        return self._codes(torch.as_tensor(Z, dtype=torch.float32))

    def inverse_transform(self, Z: Any) -> Any:
        """The rows D(z) that codes `(n, k)` stand for, of the kind that was fitted.

        Raises:
            InputError: codes of another shape, or not finite.
        """
        codes = self._checked_codes(Z)
        return self.encoding_.inverse_transform(
            self._decode(codes) if self.encoding_.width else codes
        )

    def _checked_codes(self, Z: Any) -> NDArray[np.float64]:
        """Codes of the right shape, `(n, k)`, or a clear error."""
        check_is_fitted(self)
        k = self._code_width if self.encoding_.width else 0
        if np.ndim(Z) != 2 or np.shape(Z)[1] != k:
            raise InputError(f"expected codes of shape (n, {k}), got {np.shape(Z)}")
        codes = np.asarray(Z, dtype=float)
        if not np.isfinite(codes).all():
            raise InputError("expected codes that are finite numbers; leave the other rows out")
        return codes

    def interpolate(self, a: Any, b: Any, steps: int = 8, *, spherical: bool = False) -> Any:
        """Rows between rows: what codes on the way from the code of `a` to that of `b` stand for.

        D((1 − t) z_a + t z_b),  t = 0, 1/(steps − 1), …, 1

        Both ends are decoded codes too, not the rows that were given. Under a prior N(0, I) in many
        dimensions the middle of a straight way is shorter than any code: `spherical` turns from z_a
        to z_b instead, (sin((1 − t)θ) z_a + sin(tθ) z_b) / sin θ with θ the angle between them
        (White 2016, arXiv:1609.04468).

        Args:
            a: rows, as for `transform`.
            b: as many rows.
            steps: rows on each way, ends included.
            spherical: turn, and do not go straight.

        Returns:
            `steps` rows for each pair, pair after pair, of the kind that was fitted.

        Raises:
            InputError: not as many rows in a as in b, or fewer than two steps.

        >>> from pushforward import VAE
        >>> X = np.random.default_rng(0).normal(size=(100, 3))
        >>> vae = VAE(latent_dim=2, max_rounds=20, random_state=0).fit(X)
        >>> vae.interpolate(X[:2], X[2:4], steps=5).shape
        (10, 3)
        """
        return self.inverse_transform(self._way(a, b, steps, spherical))

    def _way(self, a: Any, b: Any, steps: int, spherical: bool) -> NDArray[np.float64]:
        """Codes from those of rows a to those of rows b, way after way."""
        check_flag("spherical", spherical)
        if not is_whole(steps) or steps < 2:
            raise InputError(f"expected steps to be a whole number above 1, got {steps!r}")
        starts, ends = self.transform(a), self.transform(b)
        if len(starts) != len(ends):
            raise InputError(
                f"expected as many rows in a as in b, got {len(starts)} and {len(ends)}"
            )
        way = arc if spherical else line
        codes = way(starts[:, None], ends[:, None], np.linspace(0, 1, steps)[:, None])
        return codes.reshape(len(starts) * int(steps), starts.shape[1])

    def _codes(self, Z: torch.Tensor) -> NDArray[np.float64]:
        """The codes of encoded rows `(n, p)`, `(n, k)`.

        In double precision: in single, a row's code would depend a little on the rows beside it.
        """
        return in_blocks(deepcopy(self._networks[0]).double(), Z.double())

    def _decode(self, codes: Any) -> NDArray[np.float64]:
        """The encoded rows that codes `(n, k)` stand for, `(n, p)`."""
        return in_blocks(self._networks[1], torch.as_tensor(codes, dtype=torch.float32))


Array = NDArray[np.float64]


def line(a: Array, b: Array, t: Array) -> Array:
    """(1 − t) a + t b.

    >>> line(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([[0.5]]))
    array([[0.5, 0.5]])
    """
    return (1 - t) * a + t * b


def arc(a: Array, b: Array, t: Array) -> Array:
    """Turn from a to b: (sin((1 − t)θ) a + sin(tθ) b) / sin θ, θ the angle between them.

    Straight where there is no one plane to turn in: next to parallel, and where one is 0.

    >>> arc(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([[0.5]]))
    array([[0.70710678, 0.70710678]])
    """
    lengths = np.linalg.norm(a, axis=-1, keepdims=True) * np.linalg.norm(b, axis=-1, keepdims=True)
    cosine = (a * b).sum(-1, keepdims=True) / np.where(lengths > 0, lengths, 1.0)
    angle = np.arccos(np.clip(cosine, -1, 1))
    turns = (np.sin(angle) > 1e-6) & (lengths > 0)
    angle = np.where(turns, angle, 1.0)
    turned = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
    return np.where(turns, turned, line(a, b, t))
