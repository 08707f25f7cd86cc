"""Super-resolution: large images from small ones, learnt from large ones alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

from pushforward.errors import InputError
from pushforward.evaluation.extractors import digest
from pushforward.evaluation.neighbours import neighbour_gap
from pushforward.models.fitting import Fit
from pushforward.models.neural import NeuralSampler, in_blocks, is_number
from pushforward.models.super_resolving import SuperResolving
from pushforward.networks.convolutional import LEAST
from pushforward.networks.family import AUTO, WIDTH, Family, Vectors, family, handed_drawer
from pushforward.networks.layout import AsImages, AsRows, Layout
from pushforward.networks.super_resolution import SRResNet
from pushforward.sampler import Effort, check_flag, is_whole

SOURCE_IMAGES = 10_000  # at low resolution that are kept, to draw large ones from
BALANCED = 64  # images by which features are weighed
CONV = "convolutional"  # also for images that other methods take for vectors


class SuperResolution(NeuralSampler):
    """SRGAN: images `factor` times as large and as sharp as real ones, from small ones.

    `fit(X)` takes large images. It makes them small itself, the mean of every `factor` × `factor`
    pixels, and learns to make them large again: near in content, c mean (φ(x) − φ(G(x_L)))², and
    such that a discriminator takes them for real, λ · −log D(G(x_L)). Ledig et al. 2017,
    arXiv:1609.04802. `upscale` makes small images large. Many large images have one small version:
    what is drawn is one that looks likely, and its details are invented, not measured.

    A sample is G(x_L), x_L drawn from the small versions of training images, which the model
    stores: another look at what it has seen, not a new image. Training stops when the upscaled
    half of the held-out images no longer comes nearer to the other half. A pixel that never varied
    in training keeps its value.

    Unlike the paper's, networks are without batch norm, small enough for a few CPU cores (theirs:
    blocks=16, width=64), and G adds to the bicubic image.

    Args:
        factor: by how much height and width grow; theirs must be multiples of it.
        features: φ, a `torch.nn.Module` from images `(n, c, h, w)` in the units of the data, which
            is not moved (`ClassifierFeatures.maps` has one; the paper takes a layer of VGG); None
            compares pixels. It is code: `load_model(path, features=φ)`.
        content_weight: c; None makes features of bicubic images weigh as much as their pixels do,
            as the paper's 0.006 is meant to for VGG. Pixels weigh 1.
        adversarial_weight: λ; 0 plays without a discriminator (the paper's SRResNet).
        warm_up: rounds in which G minimises the mean squared error of pixels alone, while D learns.
        blocks: residual blocks of G.
        skip: whether G adds to the bicubic image, or draws all of it.
        networks: modules of your own, {"generator": ..., "discriminator": ...}, from images
            `(n, c, h, w)` in [−1, 1] to large ones and to numbers `(n, 1)`; or the name of the
            discriminator's family, "convolutional", "residual" or "dcgan" (with batch norm).
        width: channels of G, and of the discriminator's first convolution; None takes 32.
        batch_size: images per batch.
        learning_rate: of Adam.
        betas: β₁ and β₂ of Adam.
        decay: let the learning rate fall linearly to 0 over `max_rounds` (or a budget's time).
        max_rounds: at most so many rounds (a turn of each player).
        patience: least number of rounds to go on without a better score.
        average: decay of the running average of the weights, 0 for none.
        restarts: fits from so many seeds, trained at once; the one with the best score on held-out
            images is kept.
        device: "auto", "cpu", "cuda", ...
        random_state: an integer makes the fit repeat.

    Raises:
        InputError: no images, of a size that is no multiple of the factor or too small for the
            discriminator, features that do not take them, or an option out of its range.
        Diverged: a loss that is no longer finite.

    >>> X = np.random.default_rng(0).random((20, 16, 16))
    >>> model = SuperResolution(width=4, blocks=1, max_rounds=5, random_state=0).fit(X)
    >>> model.upscale(np.zeros((3, 4, 4))).shape
    (3, 16, 16)
    """

    parts: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    hidden = ()

    def __init__(
        self,
        *,
        factor: int = 4,
        features: nn.Module | None = None,
        content_weight: float | None = None,
        adversarial_weight: float = 1e-3,
        warm_up: int = 1000,
        blocks: int = 4,
        skip: bool = True,
        networks: str | Mapping[str, Any] = "auto",
        width: int | None = None,
        batch_size: int = 16,
        learning_rate: float = 3e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        decay: bool = True,
        max_rounds: int = 3000,
        patience: int = 3000,
        average: float = 0.99,
        restarts: int = 1,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.factor = factor
        self.features = features
        self.content_weight = content_weight
        self.adversarial_weight = adversarial_weight
        self.warm_up = warm_up
        self.blocks = blocks
        self.skip = skip
        self.networks = networks
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

    @property
    def stores_rows(self) -> bool:
        return True  # training images at low resolution, that samples are made of

    def upscale(self, X: Any) -> NDArray:
        """Images `factor` times as large, `(n, f·h, f·w[, c])`, of the kind that was fitted.

        Args:
            X: small images `(n, h, w[, c])` in the units of the large ones.

        Raises:
            InputError: images of another size or number of channels than the small versions of
                those that were fitted, or pixels that are not finite.
        """
        check_is_fitted(self)
        X, (h, w, *c) = np.asarray(X), self.encoding_.shape
        expected = (h // self.factor, w // self.factor, *c)
        if X.ndim != len(expected) + 1 or X.shape[1:] != expected or not len(X):
            size = "×".join(map(str, expected[:2])) + " pixels"
            size += f" and {c[0]} channels" if c else ""
            raise InputError(
                f"expected images of {size}, (n, {', '.join(map(str, expected))}), which "
                f"become {h}×{w} as those that were fitted; got an array of shape {X.shape}"
            )
        if X.dtype.kind not in "biuf" or not np.isfinite(X).all():
            raise InputError("expected finite pixels, got missing, infinite or no numbers")
        if not self.encoding_.width:  # all images were one
            return self.encoding_.inverse_transform(np.zeros((len(X), 0)))
        middle, half = self._units()
        images = (X.reshape(len(X), *expected[:2], -1) - middle) / half
        rows = images.transpose(0, 3, 1, 2).reshape(len(X), -1)
        return self.encoding_.inverse_transform(self._finite(self._upscaled(rows)))

    def _upscaled(self, low: np.ndarray) -> np.ndarray:
        """Encoded rows of large images for rows of small ones; what is too bright is cut off."""
        rows = in_blocks(self.game_.generator, torch.as_tensor(low, dtype=torch.float32))
        return rows.clip(-1, 1)  # what is not a number stays so

    def _units(self) -> tuple[float, float]:
        """The middle and half the width of the range of pixels, which is [−1, 1] to networks."""
        numbers = self.encoding_.numbers
        assert numbers is not None
        low, high = float(numbers.low[0]), float(numbers.high[0])
        return (low + high) / 2, (high - low) / 2

    def _game(self, n: int, p: int) -> SuperResolving:  # noqa: ARG002
        layout = self._layout()
        discriminator = None
        if self.adversarial_weight:
            discriminator = self._reader("discriminator", 1)
        middle, half = self._units()
        return SuperResolving(
            self._generator(layout),
            discriminator,
            AsImages(layout),
            self.factor,
            self.features,
            self.adversarial_weight,
            self.warm_up,
            middle,
            half,
        )

    def _beside(
        self, y: Any, y_validation: Any, Z: np.ndarray, effort: Effort
    ) -> tuple[np.ndarray, Effort]:
        if self.encoding_.kind != "images":
            raise InputError(
                "expected images, (n, h, w) or (n, h, w, c), to make small and large again, got "
                f"rows of {Z.shape[1]} columns; reshape them"
            )
        return super()._beside(y, y_validation, Z, effort)

    def _layout(self) -> Layout:
        """Where pixels lie, of images that can be made small."""
        layout = Layout.of(self.encoding_)
        if self.encoding_.width != layout.columns:
            raise InputError("expected images without missing pixels; fill them")
        h, w = layout.size
        if h % self.factor or w % self.factor:
            raise InputError(
                f"expected a height and a width that are multiples of factor={self.factor}, got "
                f"images of {h}×{w} pixels; crop them or choose another factor"
            )
        made_here = self._given_network("discriminator") is None and self.adversarial_weight
        if made_here and min(h, w) < LEAST:
            raise InputError(
                f"expected images of at least {LEAST}×{LEAST} pixels for the discriminator, got "
                f"{h}×{w}; enlarge them, hand in another one, or take adversarial_weight=0"
            )
        return layout

    def _generator(self, layout: Layout) -> nn.Sequential:
        """Rows of small images `(n, c·h·w)` to rows of large ones `(n, p)`."""
        h, w = layout.height // self.factor, layout.width // self.factor
        small, width = (layout.channels, h, w), self.width or WIDTH
        given = self._given_network("generator")
        if given is None:
            network = SRResNet(layout.channels, self.factor, width, self.blocks, self.skip)
            return nn.Sequential(nn.Unflatten(1, small), network, AsRows(layout))
        module = given if isinstance(given, nn.Module) else given()
        if isinstance(module, nn.Module):
            module = nn.Sequential(nn.Unflatten(1, small), module)
        return handed_drawer(module, self.encoding_, math.prod(small))

    @property
    def _family(self) -> Family:
        name = self.networks if isinstance(self.networks, str) and self.networks != AUTO else CONV
        return family(name, self.encoding_, Vectors(self.encoding_.width), self.width)

    def _begin(self, Z: np.ndarray, effort: Effort) -> Fit:
        fit = super()._begin(Z, effort)
        if self.features is not None:
            game: Any = fit.training.game
            game.content_weight.fill_(self._weight_of(game, fit.training.stream.x[:BALANCED]))
        return fit

    def _weight_of(self, game: SuperResolving, x: torch.Tensor) -> float:
        """c: as given, or such that bicubic images err as much in features as in pixels."""
        layout = self._layout()
        images = game.as_images(x)
        small = avg_pool2d(images, self.factor)
        bicubic = interpolate(small, layout.size, mode="bicubic")
        rows = AsRows(layout).to(x.device)(bicubic)
        try:
            with torch.no_grad():
                error = float(game.apart_by(x, rows))
        except (RuntimeError, ValueError, IndexError, TypeError, AttributeError) as broken:
            raise InputError(
                f"the module given as features cannot take images {tuple(images.shape)}, "
                f"(n, c, h, w), to a tensor ({str(broken).strip().splitlines()[0]})"
            ) from broken
        if not 0 < error < math.inf:
            raise InputError(
                "expected features that differ between images and their bicubic versions by a "
                f"finite amount, got a mean squared difference of {error}"
            )
        if self.content_weight is not None:
            return float(self.content_weight)
        return float((x - rows).square().mean()) / error

    def _prepare(self, Z: torch.Tensor, held: np.ndarray, rng: np.random.Generator) -> None:  # noqa: ARG002
        rows = torch.as_tensor(rng.permutation(len(Z))[:SOURCE_IMAGES], device=Z.device)
        with torch.no_grad():
            self.source_ = self.game_.low(Z[rows]).cpu().numpy()

    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._upscaled(self.source_[rng.integers(len(self.source_), size=n)])

    def _score(self, held: np.ndarray, seed: int) -> float:
        """How far the upscaled half of the held-out images is from the true other half.

        An image beside its own upscaled version would only tell that they are near.
        """
        order = np.random.default_rng(seed).permutation(len(held))
        # Of two or three images no half can be compared: then all with all.
        first, second = np.array_split(order, 2) if len(held) >= 4 else (order, order)
        n = len(second)
        device = next(self.game_.parameters()).device
        with torch.no_grad():
            rows = torch.as_tensor(held[first[:n]], dtype=torch.float32, device=device)
            fake = self._upscaled(self.game_.low(rows).cpu().numpy())
        if not np.isfinite(fake).all():
            return math.inf
        gaps = neighbour_gap(held[second], self.encoding_.snap(fake))
        return max(abs(gap) for gap in gaps)

    def _fingerprint(self, train: np.ndarray, held: np.ndarray) -> dict[str, Any]:
        told = super()._fingerprint(train, held)
        return told | {"features": None if self.features is None else digest(self.features)}

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"source": self.source_}

    def _restore(self, state: dict[str, Any]) -> None:
        self.source_ = state["source"]
        super()._restore(state)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name, least in (("factor", 2), ("warm_up", 0), ("blocks", 0)):
            value = getattr(self, name)
            if not is_whole(value) or value < least:
                raise InputError(
                    f"expected {name} to be a whole number of at least {least}, got {value!r}"
                )
        if not (is_number(self.adversarial_weight) and 0 <= self.adversarial_weight < math.inf):
            raise InputError(
                f"expected adversarial_weight to be at least 0, got {self.adversarial_weight!r}"
            )
        weight = self.content_weight
        if weight is not None and not (is_number(weight) and 0 < weight < math.inf):
            raise InputError(f"expected content_weight to be above 0 or None, got {weight!r}")
        if weight is not None and self.features is None:
            raise InputError("expected features for content_weight to weigh, got features=None")
        if self.features is not None and not isinstance(self.features, nn.Module):
            raise InputError(
                "expected features as a torch.nn.Module that takes images (n, c, h, w), or None, "
                f"got {self.features!r}"
            )
        if self.networks == "mlp":
            raise InputError("expected networks for images, got 'mlp'; take 'convolutional'")
        for name in ("skip", "decay"):
            check_flag(name, getattr(self, name))
