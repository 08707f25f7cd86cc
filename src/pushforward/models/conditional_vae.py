"""Variational autoencoders that draw by label."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from pushforward.errors import InputError
from pushforward.models.conditional import ConditionalSampler
from pushforward.models.neural import torch_rng
from pushforward.models.priors import normal
from pushforward.models.vae import VAE, Variational, kl_to_standard_normal
from pushforward.training.game import Game

CANDIDATES = 50  # conditions under which a row without a label is looked at


class ConditionalVariational(Variational):
    """Encoder and decoder see the label; batches are rows (x, y).

    log p(x | y) ≥ E_q log N(x; D(z, y), s²) − KL(q(z | x, y) ‖ N(0, I)),  z independent of y

    Kingma et al. 2014, arXiv:1406.5298, eq. 6; Sohn et al. 2015.
    """

    def __init__(self, *arguments: Any, columns: int) -> None:
        super().__init__(*arguments)
        self.columns = columns  # of a row, without its label

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        rows, labels = x.tensor_split([self.columns], dim=1)
        return self.scale.log_density(rows - self.decoder(torch.cat([z, labels], 1)))


class ConditionalVAE(ConditionalSampler, VAE):
    """A conditional variational autoencoder: z = μ(x, y) + σ(x, y)∘ε, x ~ N(D(z, y), s²).

    Maximises E_q log p(x | z, y) − β KL(q(z | x, y) ‖ N(0, I)), with the options of `VAE`. A sample
    is D(z, y) with z ~ N(0, I) and the label y that is asked for; codes say what the label does
    not, so `inverse_transform(transform(X), given=7)` are rows in the manner of X as sevens. Kingma
    et al. 2014, arXiv:1406.5298; Sohn et al. 2015.

    Raises:
        InputError: labels missing or of another length; an option out of its range.

    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=200)
    >>> X = rng.normal(size=(200, 4)) + 5 * y[:, None]
    >>> vae = ConditionalVAE(latent_dim=2, max_rounds=20, random_state=0).fit(X, y)
    >>> codes = vae.transform(X, given=y)
    >>> vae.sample(4, given=2).shape, vae.inverse_transform(codes, given=1).shape
    ((4, 4), (200, 4))
    """

    def transform(self, X: Any, *, given: Any = None) -> NDArray[np.float64]:
        """The codes of rows `(n, k)`, that is the means μ(x, y) under the labels `given`.

        Rows without labels are coded under the condition that they are likeliest to have by the
        bound, of the 50 most frequent ones in training.
        """
        check_is_fitted(self)
        Z = self.encoding_.transform(self._check(X, reset=False))
        if not self.encoding_.width:
            return Z
        labels = self._likeliest(Z) if given is None else self._labels(given, len(Z))
        return self._codes(torch.as_tensor(np.hstack([Z, labels]), dtype=torch.float32))

    def _likeliest(self, Z: np.ndarray) -> np.ndarray:
        """For each row argmax_y log p(y) + log N(x; D(μ, y), s²) − KL(q(z | x, y) ‖ N(0, I))."""
        conditions, game = self.conditions_, self.game_
        frequent = np.argsort(-conditions.shares, kind="stable")[:CANDIDATES]
        values = []
        for label, share in zip(
            conditions.seen[frequent], conditions.shares[frequent], strict=True
        ):
            rows = np.hstack([Z, np.broadcast_to(label, (len(Z), len(label)))])
            x = torch.as_tensor(rows, dtype=torch.float32)
            with torch.no_grad():
                mean, log_variance = game.posterior(x)
                kl = kl_to_standard_normal(mean, log_variance)
                values.append(game.log_likelihood(x, mean) - kl + math.log(share))
        return conditions.seen[frequent[torch.stack(values).argmax(0).numpy()]]

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
        k = self._latent_dim(n, p - q)
        encoder, decoder = self._reader("encoder", 2 * k, beside=q), self._drawer("decoder", k + q)
        scale = self._scale(p - q)
        return ConditionalVariational(
            encoder, decoder, k, self.beta, self.warm_up, scale, columns=p - q
        )

    def _generate_given(self, C: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        z = normal(len(C), self.game_.k, torch_rng(rng)).numpy()
        return self._noisy(self._decode(np.hstack([z, C])), rng)
