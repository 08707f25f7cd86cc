"""Autoencoders: dimension reduction, sampled through a density on their codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor, nn

from pushforward.classical.mixture import Mixture
from pushforward.errors import InputError
from pushforward.models.latent import LatentSampler
from pushforward.models.neural import check_latent_dim
from pushforward.networks.mlp import mlp
from pushforward.sampler import Sampler, check_flag, dump, restore
from pushforward.training.game import Game, Player, Tensors, Terms

DENSITY_ROWS = 10_000  # codes that the density is fitted to: it is fitted anew for every score


class Reconstruction(Game):
    """An encoder and a decoder that give back what came in: min E ‖x − D(E(x))‖², codes in R^k."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, k: int) -> None:
        super().__init__()
        self.encoder, self.decoder, self.k = encoder, decoder, k

    def players(self) -> tuple[Player, ...]:
        return (Player("model", self.reconstruct, owns=(self.encoder, self.decoder)),)

    def noise(self, n: int, rng: torch.Generator) -> Tensors:  # noqa: ARG002
        return {}

    def reconstruct(self, x: Tensor, noise: Tensors) -> Terms:  # noqa: ARG002
        error = x - self.decoder(self.encoder(x))
        return {"reconstruction": error.square().sum(1).mean()}


class Autoencoder(LatentSampler):
    """An autoencoder: z = E(x) ∈ R^k, x̂ = D(z), min E ‖x − x̂‖², with k < p.

    Codes carry no assumption, so a density is fitted to the codes of the training rows; a sample is
    D(z) with z drawn from it. The linear one reaches the truncated SVD of the centred data.

    Args:
        latent_dim: k; None takes 16, or half of the columns if that is less.
        linear: one linear layer, with bias, in place of each network.
        density: the sampler that is fitted on the codes; None takes a Gaussian mixture.
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
    >>> autoencoder = Autoencoder(latent_dim=2, max_rounds=20, random_state=0).fit(X)
    >>> autoencoder.transform(X).shape, autoencoder.sample(3, random_state=1).shape
    ((200, 2), (3, 5))
    """

    parts = ("encoder", "decoder")
    mirrored = True

    def __init__(
        self,
        *,
        latent_dim: int | None = None,
        linear: bool = False,
        density: Sampler | None = None,
        networks: str | Mapping[str, Any] = "auto",
        width: int | None = None,
        hidden: Sequence[int] = (128, 128),
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        max_rounds: int = 20_000,
        patience: int = 2000,
        average: float = 0.995,
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.latent_dim = latent_dim
        self.linear = linear
        self.density = density
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

    @property
    def stores_rows(self) -> bool:
        return self.density is not None and self.density.stores_rows  # codes of rows, then

    def _game(self, n: int, p: int) -> Game:
        check_flag("linear", self.linear)
        if not isinstance(self.density, (Sampler, type(None))):
            raise InputError(f"expected density to be a sampler or None, got {self.density!r}")
        k = check_latent_dim(self.latent_dim, max(1, min(16, p // 2)), n)
        if self.linear:
            return Reconstruction(mlp(p, (), k), mlp(k, (), p), k)
        return Reconstruction(self._reader("encoder", k), self._drawer("decoder", k), k)

    def _prepare(self, Z: Tensor, held: np.ndarray, rng: np.random.Generator) -> None:  # noqa: ARG002
        density = Mixture(n_components=10) if self.density is None else clone(self.density)
        if isinstance(density, Mixture) and density.n_components is not None:
            density.n_components = min(density.n_components, len(Z))
        if len(Z) > DENSITY_ROWS:
            Z = Z[torch.as_tensor(rng.permutation(len(Z))[:DENSITY_ROWS])]
        codes = self._codes(Z)
        self.density_ = density.set_params(random_state=int(rng.integers(2**31))).fit(codes)

    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        codes = self.density_.sample(n, random_state=rng)
        return self._decode(codes)

    @property
    def _networks(self) -> tuple[nn.Module, nn.Module]:
        return self.game_.encoder, self.game_.decoder

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"density": dump(self.density_)}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        density = Mixture() if self.density is None else clone(self.density)
        self.density_ = restore(density, state["density"])
