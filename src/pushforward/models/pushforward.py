"""What a neural sampler pushes forward, for whoever looks for the code of a given row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from pushforward.errors import InputError
from pushforward.models.autoencoder import Autoencoder
from pushforward.models.conditional import ConditionalSampler
from pushforward.models.gan import GAN
from pushforward.models.info_gan import InfoGAN
from pushforward.models.neural import NeuralSampler, torch_rng
from pushforward.models.priors import normal
from pushforward.models.progressive_gan import ProgressiveGAN
from pushforward.models.vae import VAE
from pushforward.sampler import Sampler

CODES = 4096


def pushforward_of(
    sampler: Sampler, n: int = CODES, *, random_state: int = 0
) -> tuple[Callable[[Tensor], Tensor], Tensor] | None:
    """Return G and n codes z drawn from p_Z, `(n, k)`, of a fitted sampler of images or numbers.

    G takes codes (b, k) to rows (b, p), flattened images, in the units of the data and within their
    range; it is differentiable. A sample is a G(z), but for noise that a VAE adds, whole numbers
    that are rounded to, and draws that a GAN rejects. None for a sampler without such a map, e.g. a
    kernel density, and for one whose G takes categories or conditions beside z.

    Raises:
        InputError: the sampler draws tables with categories or missing values.

    >>> from pushforward import GAN
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> G, z = pushforward_of(GAN(latent_dim=2, max_rounds=20, random_state=0).fit(X), 100)
    >>> z.shape, G(z).shape
    (torch.Size([100, 2]), torch.Size([100, 3]))
    """
    if not isinstance(sampler, NeuralSampler) or not sampler.encoding_.width:
        return None
    found = _network_and_codes(sampler, n, np.random.default_rng(random_state))
    numbers = sampler.encoding_.numbers
    if found is None or numbers is None:
        return None
    if sampler.encoding_.discrete:
        raise InputError("expected a sampler of numbers alone: categories and holes have no slope")
    network, codes = found
    varying = torch.as_tensor(np.flatnonzero(numbers.varying))
    mean, scale = (torch.as_tensor(v, dtype=torch.float32) for v in (numbers.mean, numbers.scale))
    place = {int(j): k for k, j in enumerate(varying)}
    curves = [
        (place[j], [torch.as_tensor(v, dtype=torch.float32) for v in curve.knots])
        for j, curve in numbers.curves.items()
    ]
    low, high = (torch.as_tensor(v, dtype=torch.float32) for v in (numbers.low, numbers.high))

    def G(z: Tensor) -> Tensor:
        Z = network(z)
        rows = mean[varying] + Z * scale[varying]
        for k, (at, x) in curves:
            rows = rows.index_copy(1, torch.tensor([k]), _along(at, x, Z[:, k])[:, None])
        X = mean.expand(len(z), -1).index_copy(1, varying, rows)
        return torch.clamp(X, low, high) if numbers.bounded else X

    return G, codes


def _along(at: Tensor, x: Tensor, z: Tensor) -> Tensor:
    """x at z, linear between knots and beyond the outermost."""
    i = torch.clamp(torch.searchsorted(at, z.detach().contiguous(), right=True) - 1, 0, len(at) - 2)
    return x[i] + (z - at[i]) / (at[i + 1] - at[i]) * (x[i + 1] - x[i])


def _network_and_codes(
    sampler: NeuralSampler, n: int, rng: np.random.Generator
) -> tuple[nn.Module, Tensor] | None:
    """The network from codes to encoded rows, and n codes of their law."""
    game = sampler.game_
    match sampler:
        case ConditionalSampler():
            return None
        case InfoGAN() if sampler.categories:
            return None
        case Autoencoder():
            codes = sampler.density_.sample(n, random_state=rng)
            return game.decoder, torch.as_tensor(codes, dtype=torch.float32)
        case VAE():
            return game.decoder, normal(n, game.k, torch_rng(rng))
        case ProgressiveGAN():
            network = nn.Sequential(game.generator, game.rows)
            return network, game.prior(n, rng=torch_rng(rng))
        case GAN():
            return game.generator, game.prior(n, rng=torch_rng(rng))
    return None
