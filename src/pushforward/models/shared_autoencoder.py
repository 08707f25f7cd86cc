"""One encoder and a decoder for each of two identities: the face swap as it was first done."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from pushforward.errors import InputError
from pushforward.models.neural import check_choice, check_latent_dim, in_blocks, is_number
from pushforward.models.two_domains import TwoDomainSampler, alike_images, in_words
from pushforward.models.unpaired import Unpaired
from pushforward.networks.convolutional import LEAST
from pushforward.networks.layout import AsImages, AsRows, Layout
from pushforward.networks.upscale import face_decoder, face_encoder, face_trunk
from pushforward.networks.warp import Warp, bends
from pushforward.sampler import Effort, check_flag
from pushforward.training.game import Game, Player, Tensors, Terms

WIDTH = 16  # channels of the first convolution; 128 as published
CODES = 24  # 1024 as published; a narrow code has no room for whose image it is
SEVERAL = "expected several images of each of the two"


class SharedEncoder(Unpaired):
    """Two autoencoders with one encoder, which sees each image bent and must give back the whole.

    min E ‖D_A(E(w(a))) − a‖₁ + E ‖D_B(E(w(b))) − b‖₁

    with norms that are means over entries. Both decoders begin with the same layers, the trunk; the
    noise says how each row is bent. Korshunova et al. 2017, arXiv:1611.09577, swap faces by a
    network for each identity; one encoder and random warps are of deepfakes/faceswap, 2017.
    """

    def __init__(
        self,
        encoder: nn.Module,
        trunk: nn.Module,
        decoder_a: nn.Module,
        decoder_b: nn.Module,
        warp: Warp,
        rows_b: Tensor,
        strength: float,
    ) -> None:
        super().__init__()
        self.encoder, self.trunk = encoder, trunk
        self.decoder_a, self.decoder_b = decoder_a, decoder_b
        self.warp, self.strength = warp, strength
        self.keep(rows_b)

    def players(self) -> tuple[Player, ...]:
        owns = (self.encoder, self.trunk, self.decoder_a, self.decoder_b)
        return (Player("model", self.reconstruct, owns=owns),)

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        drawn = self.chosen(n, rng)
        bend_a, bend_b = (bends(n, self.strength, rng) for _ in range(2))
        return drawn | {"bend_a": bend_a, "bend_b": bend_b}

    def reconstruct(self, x: Tensor, noise: Tensors) -> Terms:
        a, b = self.both(x, noise)
        bent = torch.cat([self.warp(a, noise["bend_a"]), self.warp(b, noise["bend_b"])])
        of_a, of_b = self.trunk(self.encoder(bent)).chunk(2)
        return {
            "reconstruction_a": (self.decoder_a(of_a) - a).abs().mean(),
            "reconstruction_b": (self.decoder_b(of_b) - b).abs().mean(),
        }


class SharedAutoencoder(TwoDomainSampler):
    """The face swap: one encoder for images of two identities, a decoder for each.

    Trained to give back each image of A by D_A and each of B by D_B, L1, from a randomly bent copy.
    What is not identity (pose, expression, the letter of a glyph) is coded for both alike, so that
    the other decoder renders it: the swap of a is D_B(E(a)). After deepfakes/faceswap, 2017.

    Both domains are images of one size and type, aligned: eyes at the same place. Nothing makes the
    codes of A and B agree but that one encoder serves both. Where a code holds whose image it is,
    the swap gives that back; a larger `warp` hides it from the encoder. A sample is D_B(E(a)), a
    drawn from the training rows of A.

    Whose face it is decides who must agree: every file that the library writes says that it is
    generated.

    Args:
        latent_dim: numbers of a code; None takes 24 (1024 as published). Few leave no room for
            whose image it is, which neither decoder needs to be told.
        warp: standard deviation of the displacements of the 5×5 points by which an image is bent,
            as a share of its side (0.03 as published); 0 bends nothing.
        width: channels of the first convolution, doubled by each further one; None takes 16 (128 as
            published).
        batch_size: images of each domain per batch.
        learning_rate: of Adam; 5e-5 as published, for networks eight times as wide.
        betas: β₁ and β₂ of Adam.
        decay: let the learning rate fall linearly to 0 over `max_rounds` (or a budget's time).
        max_rounds: at most so many batches of each domain.
        patience: least number of rounds to go on without a better score.
        average: decay of the running average of the weights, 0 for none.
        restarts: fits from so many seeds, trained at once; the one with the best score on held-out
            rows is kept.
        device: "auto", "cpu", "cuda", ...
        random_state: an integer makes the fit repeat.

    Raises:
        InputError: no second domain, domains that are not images of one size and type, or an option
            out of its range.
        Diverged: a loss that is no longer finite.

    >>> rng = np.random.default_rng(0)
    >>> A, B = rng.random((30, 16, 16)), rng.random((20, 16, 16))
    >>> shared = SharedAutoencoder(width=4, latent_dim=8, max_rounds=5, random_state=0).fit(A, B)
    >>> shared.translate(A).shape, shared.translate(B, to="a").shape, shared.transform(B).shape
    ((30, 16, 16), (20, 16, 16), (20, 8))
    """

    continuous: ClassVar[tuple[str, ...]] = ("learning_rate", "betas")
    hidden: tuple[int, ...] = ()  # there is no perceptron

    def __init__(
        self,
        *,
        latent_dim: int | None = None,
        warp: float = 0.1,
        width: int | None = None,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.5, 0.999),
        decay: bool = True,
        max_rounds: int = 3000,
        patience: int = 3000,
        average: float = 0.995,
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.latent_dim = latent_dim
        self.warp = warp
        self.width = width
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
        k, width = check_latent_dim(self.latent_dim, CODES, 0), self.width or WIDTH
        layout = Layout.of(self.encoding_)
        channels, size = layout.channels, layout.size

        def decoder() -> nn.Module:
            return nn.Sequential(*face_decoder(channels, size, width), AsRows(layout))

        return SharedEncoder(
            nn.Sequential(AsImages(layout), *face_encoder(channels, size, k, width)),
            face_trunk(k, size, width),
            decoder(),
            decoder(),
            Warp(layout),
            self._rows_of_b(),
            self.warp,
        )

    def translate(self, X: Any, to: str = "b") -> Any:
        """The images with the identity of B, or of A with `to="a"`: the swap, D(E(x)).

        X may be of either domain; those of the same one come back as the model remembers them.

        Raises:
            InputError: images of another shape than those that were fitted.
        """
        return self.inverse_transform(self.transform(X), to)

    def transform(self, X: Any) -> NDArray[np.float64]:
        """The codes E(x) of images of either domain, `(n, latent_dim)`."""
        check_is_fitted(self)
        Z = self.encoding_.transform(self._check(X, reset=False))
        return in_blocks(self.game_.encoder, torch.as_tensor(Z, dtype=torch.float32))

    def inverse_transform(self, Z: Any, to: str = "b") -> Any:
        """The images D(z) that codes `(n, latent_dim)` stand for, with the identity of B or A.

        Raises:
            InputError: codes of another shape, or not finite.
        """
        check_is_fitted(self)
        check_choice("to", to, self.ways)
        codes, k = np.asarray(Z, dtype=float), check_latent_dim(self.latent_dim, CODES, 0)
        if codes.ndim != 2 or codes.shape[1] != k or not np.isfinite(codes).all():
            raise InputError(f"expected finite codes of shape (n, {k}), got {codes.shape}")
        return self.encoding_.inverse_transform(self._decoded(codes, to))

    def _decoded(self, codes: NDArray[np.float64], to: str) -> NDArray[np.float64]:
        game = self.game_
        decoder = nn.Sequential(game.trunk, game.decoder_b if to == "b" else game.decoder_a)
        return in_blocks(decoder, torch.as_tensor(codes, dtype=torch.float32))

    def _to(self, Z: np.ndarray, to: str) -> np.ndarray:
        codes = in_blocks(self.game_.encoder, torch.as_tensor(Z, dtype=torch.float32))
        return self._decoded(codes, to)

    def _check(self, X: Any, *, reset: bool) -> Any:
        if not reset and np.shape(X)[1:] != self.encoding_.shape:
            raise InputError(
                f"expected images of shape {self.encoding_.shape}, got an array of shape "
                f"{np.shape(X)}"
            )
        if reset and len(X) < 2:
            raise InputError(f"{SEVERAL}, the first has {len(X)}")
        return super()._check(X, reset=reset)

    def _beside(
        self, y: Any, y_validation: Any, Z: np.ndarray, effort: Effort
    ) -> tuple[np.ndarray, Effort]:
        if y is not None and len(y) < 2:
            raise InputError(f"{SEVERAL}, the second has {len(y)}")
        Z, effort = super()._beside(y, y_validation, Z, effort)
        a, b = self.encoding_, self.other_encoding_
        if not alike_images(a, b):
            raise InputError(
                f"expected two sets of images of one size and type, (n, h, w) or (n, h, w, c), got "
                f"{in_words(a)}, {a.dtype or 'mixed'}, and {in_words(b)}, {b.dtype or 'mixed'}; "
                "bring them to one size and type"
            )
        if min(a.shape[:2]) < LEAST:
            raise InputError(
                f"expected images of at least {LEAST}×{LEAST} pixels, got "
                f"{a.shape[0]}×{a.shape[1]}; enlarge them"
            )
        return Z, effort

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if not (is_number(self.warp) and 0 <= self.warp < math.inf):
            raise InputError(f"expected warp to be at least 0, got {self.warp!r}")
        check_latent_dim(self.latent_dim, CODES, 0)
        check_flag("decay", self.decay)
