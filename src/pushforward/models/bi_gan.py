"""A GAN with an encoder that inverts its generator."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pushforward.errors import InputError
from pushforward.models.adversaries import Adversaries, values_of
from pushforward.models.gan import GAN
from pushforward.models.latent import LatentSampler
from pushforward.models.neural import is_number
from pushforward.models.objectives import FGAN, OBJECTIVES, LeastSquares
from pushforward.models.priors import PRIORS
from pushforward.training.game import Game, Loss, Player, Tensors, Terms


class Bidirectional(Adversaries):
    """A generator and an encoder whose pairs of row and code cannot be told apart.

    min_{G,E} max_D  E log D(x, E(x)) + E log(1 − D(G(z), z))    (eq. 3), or another `objective`

    Both must be fooled about: where G minimises −E log D(G(z), z), E minimises
    −E log(1 − D(x, E(x))) (section 3.4). At the optimum E = G⁻¹ almost everywhere (theorem 2).
    Donahue et al. 2017, arXiv:1605.09782; Dumoulin et al. 2017, arXiv:1606.00704.

    Short of the optimum G(E(x)) may be far from x; with a `reconstruction` weight λ both also
    minimise λ E ‖x − G(E(x))‖² (Li et al. 2017, ALICE, arXiv:1709.01215, section 3.1).
    """

    def __init__(
        self, *arguments: Any, encoder: nn.Module, width: int, reconstruction: float | None = None
    ) -> None:
        super().__init__(*arguments)
        self.encoder, self.k, self.reconstruction = encoder, width, reconstruction

    def players(self) -> tuple[Player, ...]:
        discriminator, _ = super().players()
        return discriminator, Player("generator", self.generate, (self.generator, self.encoder))

    def discriminate(self, x: Tensor, noise: Tensors) -> Loss:
        return self.judge(self.discriminator, self.encoded(x), self.generated(x, noise), noise)

    def generate(self, x: Tensor, noise: Tensors) -> Terms:
        return self.fool(self.encoded(x), self.generated(x, noise), noise)

    def joint(self, x: Tensor, noise: Tensors) -> Iterator[tuple[str, Terms | Loss]]:
        real, fake = self.encoded(x), self.generated(x, noise)
        yield "discriminator", self.judge(self.discriminator, real, fake, noise)
        yield "generator", self.fool(real, fake, noise)

    def encoded(self, x: Tensor) -> Tensor:
        """(x, E(x)), side by side, `(n, p + k)`."""
        return torch.cat([x, self.encoder(x)], 1)

    def generated(self, x: Tensor, noise: Tensors) -> Tensor:  # noqa: ARG002
        """(G(z), z)."""
        return torch.cat([self.generator(noise["z"]), noise["z"]], 1)

    def fool(self, x: Tensor, fake: Tensor, noise: Tensors) -> Terms:
        """The loss of generator and encoder, x and fake being pairs."""
        terms = self.swapped(x, fake, noise)
        if self.reconstruction is not None:
            code = x[:, -noise["z"].shape[1] :]
            row = x[:, : -noise["z"].shape[1]]
            error = (row - self.generator(code)).square().sum(1).mean()
            terms = {**terms, "reconstruction": self.reconstruction * error}
        return terms

    def swapped(self, x: Tensor, fake: Tensor, noise: Tensors) -> Terms:
        """The adversarial part: a generator's loss, with the labels swapped for both pairs.

        Swapping the labels of real pairs reverses the sign of ℓ, or mirrors it at the middle of the
        two labels where these are numbers.
        """
        if self.objective.needs_real:  # compares pairs with pairs: both are in it
            return super().fool(x, fake, noise)
        labels = self.objective
        both = labels.a + labels.b if isinstance(labels, LeastSquares) else 0
        real_value, fake_value = values_of(self.discriminator, x, fake, self.apart)
        if isinstance(labels, FGAN) and labels.saturating:  # all that D maximises, as it is
            terms = labels.discriminator(real_value, fake_value)
            return {"fool": -terms["fake"], "fool_encoder": -terms["real"]}
        return {
            "fool": self.objective.generator(None, fake_value)["fool"],
            "fool_encoder": self.objective.generator(None, both - real_value)["fool"],
        }


class BiGAN(LatentSampler, GAN):
    """A bidirectional GAN: x = G(z) with z ~ p_Z, and an encoder E that learns to be its inverse.

    min_{G,E} max_D  E log D(x, E(x)) + E log(1 − D(G(z), z))

    `transform` gives E(x), `inverse_transform` G(z). Nothing in the loss asks G(E(x)) to be x: it
    is so where the discriminator cannot tell the two kinds of pairs, and may be far from so before.
    Where codes must give their rows back, set `reconstruction_weight`. Donahue et al. 2017,
    arXiv:1605.09782; Dumoulin et al. 2017 (ALI), arXiv:1606.00704, with an E that is a function.

    Args:
        reconstruction_weight: λ of λ E ‖x − G(E(x))‖², a sum over the encoded columns (Li et al.
            2017, ALICE, arXiv:1709.01215); None leaves it out, as in the papers of BiGAN and ALI.
        latent_dim: dimension of z; None takes 16, or twice the columns if that is less.
        prior: p_Z, "normal" or "uniform" on (−1, 1).
        objective: what the players minimise, a name of `pushforward.models.objectives`, but not
            "boundary-equilibrium".
        penalty: on the slope of the discriminator, a name of `pushforward.models.penalties`.
        penalty_weight: of the penalty; None takes the published one.
        networks: as of `GAN`; modules by name: generator, encoder, discriminator.
        width: channels of the first convolution, for images; None takes 32.
        hidden: sizes of the hidden layers of all networks.
        batch_size: rows per batch.
        learning_rate: of Adam.
        betas: β₁ and β₂ of Adam.
        decay: let the learning rate fall linearly to 0 over `max_rounds` (or a budget's time).
        max_rounds: at most so many rounds (a turn of each player).
        patience: least number of rounds to go on without a better score.
        average: decay of the running average of the weights, 0 for none.
        restarts: fits from so many seeds, trained at once; the one with the best score on held-out
            rows is kept.
        device: "auto", "cpu", "cuda", ...
        random_state: an integer makes the fit repeat.

    Raises:
        InputError: an option out of its range.
        Diverged: a loss that is no longer finite.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 5))
    >>> gan = BiGAN(latent_dim=2, max_rounds=20, random_state=0).fit(X)
    >>> gan.transform(X).shape, gan.inverse_transform(np.zeros((3, 2))).shape
    ((200, 2), (3, 5))
    """

    parts = (*GAN.parts, "encoder")

    def __init__(
        self,
        *,
        reconstruction_weight: float | None = None,
        latent_dim: int | None = None,
        prior: str = "normal",
        objective: str = "non-saturating",
        penalty: str | None = None,
        penalty_weight: float | None = None,
        networks: str | Mapping[str, Any] = "auto",
        width: int | None = None,
        hidden: Sequence[int] = (128, 128),
        batch_size: int = 128,
        learning_rate: float = 5e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        decay: bool = False,
        max_rounds: int = 30_000,
        patience: int = 3000,
        average: float = 0.995,
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            latent_dim=latent_dim,
            prior=prior,
            objective=objective,
            penalty=penalty,
            penalty_weight=penalty_weight,
            networks=networks,
            width=width,
            hidden=hidden,
            batch_size=batch_size,
            learning_rate=learning_rate,
            betas=betas,
            decay=decay,
            max_rounds=max_rounds,
            patience=patience,
            average=average,
            restarts=restarts,
            device=device,
            random_state=random_state,
        )
        self.reconstruction_weight = reconstruction_weight

    def _game(self, n: int, p: int) -> Game:
        k = self._latent(n, p)
        prior = partial(PRIORS[self.prior], k=k)
        generator, encoder = self._drawer("generator", k), self._reader("encoder", k)
        more = {"encoder": encoder, "width": k, "reconstruction": self.reconstruction_weight}
        return self._against(Bidirectional, generator, prior, p + k, k, **more)

    @property
    def _networks(self) -> tuple[nn.Module, nn.Module]:
        return self.game_.encoder, self.game_.generator

    @property
    def _code_width(self) -> int:
        return self.game_.k

    def _check_parameters(self) -> None:
        super()._check_parameters()
        weight = self.reconstruction_weight
        if weight is not None and not (is_number(weight) and 0 < weight < math.inf):
            raise InputError(
                f"expected reconstruction_weight to be above 0 or None, got {weight!r}"
            )
        if OBJECTIVES[self.objective]().autoencodes:
            raise InputError(
                f"expected an objective with values of rows, got {self.objective!r}: the error of "
                "an autoencoder has no label to swap; take 'non-saturating'"
            )
