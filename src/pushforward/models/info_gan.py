"""A GAN whose generator is told a code that can be read back from what it draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pushforward.data.asked import is_column, length_of
from pushforward.errors import InputError
from pushforward.models.adversaries import Adversaries
from pushforward.models.codes import Codes
from pushforward.models.gan import GAN
from pushforward.models.latent import LatentSampler
from pushforward.models.neural import in_blocks, is_number, torch_rng
from pushforward.models.objectives import OBJECTIVES
from pushforward.models.priors import PRIORS
from pushforward.networks.convolutional import LEAKY
from pushforward.networks.mlp import mlp
from pushforward.sampler import check_flag, is_whole
from pushforward.training.game import Game, Player, Tensors, Terms


class Informative(Adversaries):
    """A generator and a recogniser that keep the information between code and rows.

    min_{G,Q} max_D  V(D, G) − λ L_I(G, Q),  L_I = E log Q(c|G(z, c)) + H(c) ≤ I(c; G(z, c))

    with one λ for the category and one for the numbers (eqs. 5 and 6). Chen et al. 2016,
    arXiv:1606.03657.

    With `blur` σ the recogniser reads G(z, c) + σε, ε ~ N(0, I), and L_I is still a bound, since
    I(c; G(z, c) + σε) ≤ I(c; G(z, c)) (data processing). But a difference much smaller than σ tells
    nothing, so that the code has to take the large ones.

    Q is a network of its own, or, where `shared`, a head on the discriminator's body. The body then
    is the discriminator's, who alone moves it: L_I moves the generator and the head.
    """

    def __init__(
        self,
        *arguments: Any,
        recogniser: nn.Module,
        codes: Codes,
        noise_width: int,
        weights: dict[str, float],
        blur: float = 0.0,
        shared: bool = False,
    ) -> None:
        super().__init__(*arguments)
        self.blur: Tensor
        self.recogniser, self.codes, self.shared = recogniser, codes, shared
        self.noise_width = noise_width
        numbers = {f"{name}_weight": weight for name, weight in weights.items()} | {"blur": blur}
        for name, value in numbers.items():  # buffers: members of a population have their own
            self.register_buffer(name, torch.tensor(float(value)), persistent=False)

    def players(self) -> tuple[Player, ...]:
        discriminator, _ = super().players()
        owned = (self.generator, self.recogniser)
        return discriminator, Player("generator", self.generate, owned)

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        return super().noise(n, rng) | {"blur": torch.randn(n, *self.shape, generator=rng)}

    def fool(self, x: Tensor, fake: Tensor, noise: Tensors) -> Terms:
        c = noise["z"][:, -self.codes.width :]
        seen = fake + self.blur * noise["blur"]
        information = self.codes.information(c, self.recognise(seen))
        terms = {
            f"information_{name}": -self.get_buffer(f"{name}_weight") * nats
            for name, nats in information.items()
        }
        return {**super().fool(x, fake, noise), **terms}

    def recognise(self, rows: Tensor) -> Tensor:
        """The parameters of Q(c|x), `(n, codes.outputs)`."""
        if self.shared:
            body = self.discriminator[:-1]  # type: ignore[index]
            return self.recogniser(body(rows))
        return self.recogniser(rows)


class Reader(nn.Module):
    """Rows `(n, p)` to what Q says of their codes, `(n, k)`."""

    def __init__(self, game: Informative) -> None:
        super().__init__()
        self.game = game

    def forward(self, rows: Tensor) -> Tensor:
        return self.game.codes.read(self.game.recognise(rows))


class Typical(nn.Module):
    """Codes `(n, k)` to G(0, c): the row of each code in the middle of the noise."""

    def __init__(self, generator: nn.Module, noise: int) -> None:
        super().__init__()
        self.generator, self.noise = generator, noise

    def forward(self, codes: Tensor) -> Tensor:
        return self.generator(torch.cat([codes.new_zeros(len(codes), self.noise), codes], 1))


def with_code(
    n: int, *, prior: Callable[..., Tensor], k: int, codes: Codes, rng: torch.Generator
) -> Tensor:
    """(z, c), z ~ p_Z and c ~ p(c), `(n, k + codes.width)`."""
    return torch.cat([prior(n, k=k, rng=rng), codes.draw(n, rng)], 1)


class InfoGAN(LatentSampler, GAN):
    """A GAN of noise and a code, x = G(z, c), with Q(c|x) that reads the code: clusters unasked.

    min_{G,Q} max_D  V(D, G) − λ (E log Q(c|G(z, c)) + H(c))

    The code c is one of `categories` and `continuous_codes` numbers on (−1, 1). `predict` gives the
    clusters of rows, `transform` the probabilities of categories and the means of the numbers,
    `sample(n, given=3)` draws from a cluster, and `inverse_transform` gives G(0, c), a typical row
    of each code. Chen et al. 2016, arXiv:1606.03657.

    Which category stands for what is not known before, and changes with the seed.

    Args:
        categories: K of the categorical code, 0 for none.
        continuous_codes: how many codes are numbers.
        category_weight: λ of the categorical code; its bound is logged as −λ L_I, nats.
        continuous_weight: λ of the numbers.
        blur: σ of the noise through which Q reads rows in training, in standard deviations of a
            column. Categories then have to differ by more than that; 0 is the paper's game.
        shared: let Q be a head on the discriminator's body, as in the paper, not a network of its
            own. The body is then trained as the discriminator's only.
        latent_dim: dimension of the noise z; None takes 16, or twice the columns if that is less.
        prior: of z, "normal" or "uniform" on (−1, 1).
        objective: what the players minimise, a name of `pushforward.models.objectives`.
        penalty: on the slope of the discriminator, a name of `pushforward.models.penalties`.
        penalty_weight: of the penalty; None takes the published one.
        equilibrium: γ of "boundary-equilibrium", as of `GAN`.
        equilibrium_rate: λ_k of "boundary-equilibrium", as of `GAN`.
        networks: as of `GAN`; modules by name: generator, recogniser, discriminator.
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
        InputError: an option out of its range, or fewer rows than categories.
        Diverged: a loss that is no longer finite.

    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> gan = InfoGAN(categories=3, continuous_codes=1, max_rounds=20, random_state=0).fit(X)
    >>> gan.transform(X).shape, gan.sample(5, given={"category": 2, "c0": 0.5}).shape
    ((200, 4), (5, 2))
    """

    continuous = (*GAN.continuous, "category_weight", "continuous_weight", "blur")
    parts = (*GAN.parts, "recogniser")

    def __init__(
        self,
        *,
        categories: int = 10,
        continuous_codes: int = 0,
        category_weight: float = 1.0,
        continuous_weight: float = 0.1,
        blur: float = 1.0,
        shared: bool = False,
        latent_dim: int | None = None,
        prior: str = "normal",
        objective: str = "non-saturating",
        penalty: str | None = None,
        penalty_weight: float | None = None,
        equilibrium: float | None = None,
        equilibrium_rate: float | None = None,
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
            equilibrium=equilibrium,
            equilibrium_rate=equilibrium_rate,
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
        self.categories = categories
        self.continuous_codes = continuous_codes
        self.category_weight = category_weight
        self.continuous_weight = continuous_weight
        self.blur = blur
        self.shared = shared

    def _game(self, n: int, p: int) -> Game:
        if 0 < n < self.categories:
            raise InputError(
                f"expected at least as many training rows as categories ({self.categories}), "
                f"got {n}; choose fewer categories or give more rows"
            )
        codes = Codes(self.categories, self.continuous_codes)
        k = self._latent(n, p)
        prior = partial(with_code, prior=PRIORS[self.prior], k=k, codes=codes)
        if self.shared:  # features of a body: what the discriminator's last layer takes
            features: Any = self._family.reader(1)[-1].in_features
            recogniser: nn.Module = mlp(features, self.hidden[-1:], codes.outputs, activation=LEAKY)
        else:
            recogniser = self._reader("recogniser", codes.outputs)
        return self._against(
            Informative,
            self._drawer("generator", k + codes.width),
            prior,
            p,
            k,
            recogniser=recogniser,
            codes=codes,
            noise_width=k,
            weights={"category": self.category_weight, "numbers": self.continuous_weight},
            blur=self.blur,
            shared=self.shared,
        )

    @property
    def _networks(self) -> tuple[nn.Module, nn.Module]:
        return Reader(self.game_), Typical(self.game_.generator, self.game_.noise_width)

    @property
    def _code_width(self) -> int:
        return self.game_.codes.width

    def predict(self, X: Any) -> NDArray[np.intp]:
        """The cluster of each row, from 0 to K − 1: the category that Q finds most probable.

        Raises:
            InputError: a model without a categorical code.
        """
        if not self.categories:
            raise InputError("expected categories above 0 for clusters; fit again with categories")
        codes = self.transform(X)
        if not codes.shape[1]:  # no column varied: all rows are alike
            return np.zeros(len(codes), dtype=np.intp)
        return codes[:, : self.categories].argmax(1)

    def sample(
        self,
        n_samples: int | None = None,
        *,
        given: Any = None,
        random_state: Any = None,
        budget: float | None = None,
        reject_copies: Any = False,
    ) -> Any:
        """Draw `n_samples` new rows, of the kind that was fitted, with a code.

        Args:
            n_samples: how many; by default one, or one for each code that is given.
            given: a category from 0 to K − 1, or one for each sample; or values by name,
                `{"category": 3, "c0": 0.5}`, the numbers named c0, c1, … and meant on (−1, 1). What
                is not given is drawn. Columns of the rows may be named as well.
            random_state: an integer repeats the draw.
            budget: seconds that meeting conditions on columns may take, a minute by default.
            reject_copies: draw again what would copy a training row, as `Sampler.sample` does.

        Raises:
            InputError: a code that the model does not have.
        """
        n, rng = self._order(length_of(given) if n_samples is None else n_samples, random_state)
        if not self.encoding_.width:
            return self.encoding_.inverse_transform(np.zeros((n, 0)))
        asked = given if isinstance(given, dict) else {} if given is None else {"category": given}
        columns = {k: value for k, value in asked.items() if is_column(k, self.encoding_)}
        codes = {k: value for k, value in asked.items() if k not in columns}
        uncopied = self._uncopied(reject_copies)
        if not columns:

            def rows_at(places: Any) -> np.ndarray:
                each = {k: v for k, v in codes.items() if np.ndim(v) and len(v) == n}
                here = {k: np.asarray(v)[places] for k, v in each.items()}
                return self._rows_of(codes | here, len(places), rng)

            rows = rows_at(np.arange(n)) if uncopied is None else uncopied.draw(n, rows_at)
            return self.encoding_.inverse_transform(rows, seed=self.sample_seed_)
        apart = [name for name, value in codes.items() if np.ndim(value)]
        if apart:
            raise InputError(
                f"expected one value of {apart[0]} for all samples beside conditions on columns "
                f"({', '.join(map(str, columns))}), got {asked[apart[0]]!r}"
            )
        drawn = self._sample_given(n, columns, rng, partial(self._rows_of, codes), budget, uncopied)
        return drawn.decoded(self.encoding_, self.sample_seed_)

    def _rows_of(self, codes: dict[str, Any], n: int, rng: np.random.Generator) -> np.ndarray:
        """n encoded rows of codes that are as asked for, or drawn."""
        z = self.game_.prior(n, rng=torch_rng(rng))
        for name, value in codes.items():
            self._set_code(z[:, -self.game_.codes.width :], name, value)
        return self._finite(in_blocks(self.game_.generator, z))

    def _set_code(self, c: Tensor, name: str, value: Any) -> None:
        """Write a code that is asked for over the one that was drawn."""
        names = [f"c{j}" for j in range(self.continuous_codes)]
        known = ["category", *names] if self.categories else names
        if name not in known:
            raise InputError(f"expected codes among {', '.join(known)}, got {name!r}")
        try:
            values = np.asarray(value, dtype=float)  # text too, as from a command line
        except (TypeError, ValueError):
            raise InputError(f"expected numbers for {name}, got {value!r}") from None
        if values.ndim > 1 or values.size not in ((1,) if values.ndim == 0 else (len(c),)):
            raise InputError(f"expected 1 or {len(c)} values of {name}, got {values.shape}")
        if not np.isfinite(values).all():
            raise InputError(f"expected finite values of {name}, got {value!r}")
        if name == "category":
            K = self.categories
            if ((values != values.round()) | (values < 0) | (values >= K)).any():
                raise InputError(f"expected categories from 0 to {K - 1}, got {value!r}")
            c[:, :K] = torch.as_tensor(np.eye(K)[values.astype(int)])
        else:
            c[:, self.categories + names.index(name)] = torch.as_tensor(values)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name in ("categories", "continuous_codes"):
            value = getattr(self, name)
            if not is_whole(value) or value < 0:
                raise InputError(f"expected {name} to be a whole number from 0 up, got {value!r}")
        if self.categories == 1:
            raise InputError(
                "expected at least 2 categories (or 0 for none): a single one tells nothing"
            )
        if not self.categories and not self.continuous_codes:
            raise InputError("expected a code: categories or continuous_codes above 0, got neither")
        for name in ("category_weight", "continuous_weight", "blur"):
            value = getattr(self, name)
            if not (is_number(value) and 0 <= value < math.inf):
                raise InputError(f"expected {name} to be at least 0 and finite, got {value!r}")
        check_flag("shared", self.shared)
        handed = not isinstance(self.networks, str) and "discriminator" in self.networks
        autoencodes = OBJECTIVES[self.objective]().autoencodes
        if self.shared and (not self.hidden or autoencodes or handed):
            raise InputError(
                "expected shared=False where the discriminator has no hidden layer, is an "
                f"autoencoder or was handed in; got hidden={self.hidden!r} and "
                f"objective={self.objective!r}"
            )
