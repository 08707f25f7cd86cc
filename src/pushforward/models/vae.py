"""The variational autoencoder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from pushforward.errors import InputError
from pushforward.models.bound import importance_weighted_bound
from pushforward.models.latent import LatentSampler
from pushforward.models.neural import (
    DRAW_BLOCK,
    check_choice,
    check_latent_dim,
    is_number,
    torch_rng,
)
from pushforward.models.priors import normal
from pushforward.sampler import check_flag, fresh_seed, is_whole
from pushforward.training.game import Game, Player, Tensors, Terms

LOG_2_PI = math.log(2 * math.pi)
ACTIVE = 0.01  # least variance of an active unit's mean over rows, Burda et al. 2016
VARIANCES = ("shared", "column")


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − log σ²), nats, one per row.

    >>> kl_to_standard_normal(torch.zeros(1, 3), torch.zeros(1, 3))
    tensor([0.])
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


class Variational(Game):
    """An encoder and a decoder that maximise a lower bound of log p(x).

    −ELBO = −E_q log N(x; D(z), s²) + β KL(q(z|x) ‖ N(0, I)),  z = μ + σ∘ε    (eq. 10, β = 1)

    Kingma & Welling 2013, arXiv:1312.6114; β: Higgins et al. 2017. Both terms are nats per sample;
    the decoder's variance s² is learnt with the rest. In round r of a `warm_up` of R rounds the KL
    weighs β · r / R (Bowman et al. 2016, arXiv:1511.06349; Sønderby et al. 2016, arXiv:1602.02282).

    A model whose decoder sees more than z has another `posterior` or `log_likelihood`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        k: int,
        beta: float = 1.0,
        warm_up: int = 0,
        scale: DecoderScale | None = None,
    ) -> None:
        super().__init__()
        self.beta: Tensor
        self.rounds: Tensor
        self.encoder, self.decoder, self.k = encoder, decoder, k
        self.scale = DecoderScale() if scale is None else scale
        self.warm_up = warm_up
        # A buffer, so that the members of a population may each have their own.
        self.register_buffer("beta", torch.tensor(float(beta)), persistent=False)
        if warm_up:
            self.register_buffer("rounds", torch.zeros(()))  # that have been played

    def players(self) -> tuple[Player, ...]:
        return (Player("model", self.bound, owns=(self.encoder, self.decoder, self.scale)),)

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        return {"epsilon": normal(n, self.k, rng)}

    def bound(self, x: Tensor, noise: Tensors) -> Terms:  # x: (n, p)
        mean, log_variance = self.posterior(x)
        z = mean + (0.5 * log_variance).exp() * noise["epsilon"]
        return {
            "reconstruction": -self.log_likelihood(x, z).mean(),
            "kl": self.kl_weight() * kl_to_standard_normal(mean, log_variance).mean(),
        }

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ² of q(z|x) = N(μ, diag σ²), `(n, k)` each."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log N(x; D(z), s²), nats, `(n,)`."""
        return self.scale.log_density(x - self.decoder(z))

    def kl_weight(self) -> Tensor:
        """β, or the part of it that the warm-up has reached."""
        if not self.warm_up:
            return self.beta
        return self.beta * ((self.rounds + 1) / self.warm_up).clamp(max=1.0)

    def update(self, player: str, outputs: Tensors) -> Tensors:  # noqa: ARG002
        return {"rounds": self.rounds + 1} if self.warm_up else {}


class DecoderScale(nn.Module):
    """The decoder's variance s², one for all columns or one for each."""

    def __init__(self, columns: int | None = None) -> None:
        super().__init__()
        # Starting at s² = 1, the variance of standardised data, the KL outweighs all that a code
        # could explain: on a ring of narrow modes the codes then collapse to the prior for good.
        self.raw = nn.Parameter(torch.full(() if columns is None else (columns,), -2.0))

    @property
    def log_variance(self) -> Tensor:
        """log s², `()` or `(p,)`, kept where exp stays finite."""
        return self.raw.clamp(-12.0, 12.0)

    def log_density(self, error: Tensor) -> Tensor:
        """log N(error; 0, s²) of rows `(n, p)`, nats, `(n,)`."""
        log_s2 = self.log_variance.expand(error.shape[1])
        return -0.5 * (error.square() @ (-log_s2).exp() + (log_s2 + LOG_2_PI).sum())


class Means(nn.Module):
    """The network from rows to the means μ(x) of their codes, the first k outputs of an encoder."""

    def __init__(self, encoder: nn.Module, k: int) -> None:
        super().__init__()
        self.encoder, self.k = encoder, k

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x)[:, : self.k]


class VAE(LatentSampler):
    """A variational autoencoder: (μ, σ) = E(x), z = μ + σ∘ε, x ~ N(D(z), s² I).

    Maximises E_q log p(x|z) − β KL(q(z|x) ‖ N(0, I)) with a learnt decoder variance s². A sample is
    D(z) with z ~ N(0, I); `noise=True` adds the decoder's variance. Kingma & Welling 2013,
    arXiv:1312.6114.

    Args:
        latent_dim: dimension of z; None takes 16, or the number of columns if that is less.
        noise: add N(0, s² I) to what is drawn.
        beta: weight of the KL term; 1 is the bound, more presses codes closer to the prior.
        warm_up: rounds over which the weight of the KL term grows linearly up to β, so that codes
            are in use before they must be paid for.
        decoder_variance: "shared", one s² for all columns, or "column", one for each.
        networks: as of `GAN`; modules by name: encoder, decoder.
        width: channels of the first convolution, for images; None takes 32.
        hidden: sizes of the hidden layers of the encoder, reversed in the decoder.
        batch_size: rows per batch.
        learning_rate: of Adam.
        betas: β₁ and β₂ of Adam.
        max_rounds: at most so many batches.
        patience: least number of rounds to go on without a better score.
        average: decay of the running average of the weights, 0 for none.
        restarts: fits from so many seeds, trained at once; the one with the best score on held-out
            rows is kept.
        device: "auto", "cpu", "cuda", ...
        random_state: an integer makes the fit repeat.

    Raises:
        InputError: an option out of its range, or fewer rows than latent dimensions.

    >>> X = np.random.default_rng(0).normal(size=(200, 5))
    >>> vae = VAE(latent_dim=2, max_rounds=20, random_state=0).fit(X)
    >>> vae.transform(X).shape, vae.sample(3, random_state=1).shape
    ((200, 2), (3, 5))
    """

    continuous = (*LatentSampler.continuous, "beta")
    parts = ("encoder", "decoder")
    mirrored = True

    def __init__(
        self,
        *,
        latent_dim: int | None = None,
        noise: bool = False,
        beta: float = 1.0,
        warm_up: int = 0,
        decoder_variance: str = "shared",
        networks: str | Mapping[str, Any] = "auto",
        width: int | None = None,
        hidden: Sequence[int] = (128, 128),
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        max_rounds: int = 20_000,
        patience: int = 2000,
        average: float = 0.995,
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.latent_dim = latent_dim
        self.noise = noise
        self.beta = beta
        self.warm_up = warm_up
        self.decoder_variance = decoder_variance
        self.networks = networks
        self.width = width
        self.hidden = hidden
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.max_rounds = max_rounds
        self.patience = patience
        self.average = average
        self.restarts = restarts
        self.device = device
        self.random_state = random_state

    def active_units(self, X: Any) -> NDArray[np.bool_]:
        """Which units of the code say something about rows: Var_x E[z_j|x] > 0.01, `(k,)`.

        The other units stay at the prior, whatever the row (Burda et al. 2016, arXiv:1509.00519,
        section 5.2). Their number is `active_units(X).sum()`.

        >>> x = np.random.default_rng(0).normal(size=(500, 1))
        >>> vae = VAE(latent_dim=2, max_rounds=500, random_state=0).fit(np.hstack([x, x]))
        >>> int(vae.active_units(np.hstack([x, x])).sum())
        1
        """
        return self.transform(X).var(axis=0) > ACTIVE

    def log_likelihood_bound(
        self, X: Any, k: int = 100, *, random_state: Any = None
    ) -> NDArray[np.float64]:
        """A lower bound of the log-density of each row, in the units of the data, nats, `(n,)`.

        log (1/k) Σ_i p(x|z_i) p(z_i) / q(z_i|x),  z_i ~ q(z|x)

        Of the law with the decoder's variance, that of `noise=True`. Its mean is the ELBO for
        k = 1 and rises to log p(x) with k (Burda et al. 2016, arXiv:1509.00519); as it is a bound,
        it is no measure to compare with the densities of other methods by.

        Args:
            X: rows of numbers, as for `transform`.
            k: codes drawn for each row.
            random_state: an integer repeats the draw.

        Raises:
            InputError: the data has categories or missing values, which have no common density.

        >>> X = np.random.default_rng(0).normal(size=(200, 5))
        >>> vae = VAE(latent_dim=2, max_rounds=20, random_state=0).fit(X)
        >>> vae.log_likelihood_bound(X, k=10, random_state=0).shape
        (200,)
        """
        return self._bound(X, None, k, random_state)

    def _bound(self, X: Any, given: Any, k: int, random_state: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        if not is_whole(k) or k < 1:
            raise InputError(f"expected k to be a whole number above 0, got {k!r}")
        X, encoding = self._check(X, reset=False), self.encoding_
        Z = encoding.transform(X)
        columns = X[encoding.columns] if isinstance(X, pd.DataFrame) else X
        if encoding.discrete or np.asarray(pd.isna(columns)).any():
            raise InputError(
                "expected numbers without missing values: a table with categories or holes has no "
                "density; compare samples instead (pushforward.evaluate)"
            )
        if not encoding.width:
            return np.zeros(len(Z))
        rng = torch_rng(np.random.default_rng(fresh_seed(random_state)))
        game = deepcopy(self.game_).double()
        parts = torch.as_tensor(self._batch(Z, given)).split(DRAW_BLOCK)
        bounds = [importance_weighted_bound(game, part, int(k), rng) for part in parts]
        return torch.cat(bounds).numpy() - encoding.log_scale_at(Z)

    def _batch(self, Z: NDArray[np.float64], given: Any) -> NDArray[np.float64]:  # noqa: ARG002
        """Encoded rows as the game's batches hold them."""
        return Z

    def _game(self, n: int, p: int) -> Game:
        k = self._latent_dim(n, p)
        encoder, decoder = self._reader("encoder", 2 * k), self._drawer("decoder", k)
        return Variational(encoder, decoder, k, self.beta, self.warm_up, self._scale(p))

    def _latent_dim(self, n: int, p: int) -> int:
        """The latent dimension for n rows of p columns, once all options are in their range."""
        check_flag("noise", self.noise)
        check_choice("decoder_variance", self.decoder_variance, VARIANCES)
        if not is_number(self.beta) or self.beta < 0:
            raise InputError(f"expected beta to be at least 0, got {self.beta!r}")
        if not is_whole(self.warm_up) or self.warm_up < 0:
            raise InputError(
                f"expected warm_up to be a whole number of rounds, 0 or more, got {self.warm_up!r}"
            )
        return check_latent_dim(self.latent_dim, min(16, p), n)

    def _scale(self, p: int) -> DecoderScale:
        return DecoderScale(p if self.decoder_variance == "column" else None)

    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._noisy(self._decode(normal(n, self.game_.k, torch_rng(rng))), rng)

    def _noisy(self, decoded: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Decoded rows with the decoder's noise, where that is asked for."""
        if not self.noise:
            return decoded
        with torch.no_grad():
            s = (0.5 * self.game_.scale.log_variance).exp().cpu().double().numpy()
        return decoded + s * rng.standard_normal(decoded.shape)

    @property
    def _networks(self) -> tuple[nn.Module, nn.Module]:
        return Means(self.game_.encoder, self.game_.k), self.game_.decoder
