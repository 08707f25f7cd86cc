"""Variational autoencoders that draw by label."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pushforward.errors import InputError
from pushforward.models.conditional import ConditionalSampler
from pushforward.models.neural import torch_rng
from pushforward.models.priors import normal
from pushforward.models.vae import VAE, Variational
from pushforward.networks.mlp import mlp
from pushforward.training.game import Game


class ConditionalVariational(Variational):
    """The decoder sees the label beside the code; batches are rows (x, y).

    log p(x | y) ≥ E_q log N(x; D(z, y), s²) − KL(q(z | x) ‖ N(0, I)),  z independent of y

    Kingma et al. 2014, arXiv:1406.5298, eq. 6; Sohn et al. 2015. The encoder sees the row alone,
    which shows its label, so that rows without labels have codes too: the bound holds for any q.
    """

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return super().posterior(x[:, : self.columns])

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        rows, labels = x.tensor_split([self.columns], dim=1)
        return self.scale.log_density(rows - self.decoder(torch.cat([z, labels], 1)))

    @property
    def columns(self) -> int:
        """Columns of a row, without its label."""
        return self.encoder[0].in_features  # type: ignore[index]


class ConditionalVAE(ConditionalSampler, VAE):
    """A conditional variational autoencoder: z = μ(x) + σ(x)∘ε, x ~ N(D(z, y), s²).

    Maximises E_q log p(x | z, y) − β KL(q(z | x) ‖ N(0, I)), with the options of `VAE`. A sample is
    D(z, y) with z ~ N(0, I) and the label y that is asked for; codes say what the label does not,
    so `inverse_transform(transform(X), given=7)` draws rows in the manner of X as sevens. Kingma et
    al. 2014, arXiv:1406.5298; Sohn et al. 2015.

    Raises:
        InputError: labels missing or of another length; an option out of its range.

    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=200)
    >>> X = rng.normal(size=(200, 4)) + 5 * y[:, None]
    >>> vae = ConditionalVAE(latent_dim=2, max_rounds=20, random_state=0).fit(X, y)
    >>> vae.sample(4, given=2).shape, vae.inverse_transform(vae.transform(X), given=1).shape
    ((4, 4), (200, 4))
    """

    def inverse_transform(self, Z: Any, *, given: Any = None) -> Any:
        """The rows D(z, y) that codes `(n, k)` stand for under the labels `given`.

        Raises:
            InputError: codes of another shape; no label, or one that was never seen.
        """
        codes = self._checked_codes(Z)
        if not codes.size:
            return self.encoding_.inverse_transform(codes)
        labels = self._labels(given, len(codes))
        return self.encoding_.inverse_transform(self._decode(np.hstack([codes, labels])))

    def interpolate(
        self, a: Any, b: Any, steps: int = 8, *, spherical: bool = False, given: Any = None
    ) -> Any:
        """Rows between rows under one label, or under one for each of them; see `VAE`."""
        return self.inverse_transform(self._way(a, b, steps, spherical), given=given)

    def log_likelihood_bound(
        self, X: Any, k: int = 100, *, given: Any = None, random_state: Any = None
    ) -> NDArray[np.float64]:
        """A lower bound of log p(x | y) of each row with its label, nats, `(n,)`; see `VAE`."""
        return self._bound(X, given, k, random_state)

    def _batch(self, Z: NDArray[np.float64], given: Any) -> NDArray[np.float64]:
        return np.hstack([Z, self._labels(given, len(Z))])

    def _labels(self, given: Any, n: int) -> np.ndarray:
        if given is None:
            raise InputError("expected labels to decode under, given=; codes do not hold them")
        return self.conditions_.asked(given, n, np.random.default_rng(0))

    def _game(self, n: int, p: int) -> Game:
        q = self.conditions_.width
        k, hidden = self._latent_dim(n, p - q), tuple(self.hidden)
        encoder, decoder = mlp(p - q, hidden, 2 * k), mlp(k + q, hidden[::-1], p - q)
        scale = self._scale(p - q)
        return ConditionalVariational(encoder, decoder, k, self.beta, self.warm_up, scale)

    def _generate_given(self, C: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        z = normal(len(C), self.game_.k, torch_rng(rng)).numpy()
        return self._noisy(self._decode(np.hstack([z, C])), rng)
