"""Generative adversarial networks that draw by label."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pushforward.errors import InputError
from pushforward.models.adversaries import Adversaries
from pushforward.models.conditional import ConditionalSampler
from pushforward.models.gan import GAN
from pushforward.models.neural import in_blocks, torch_rng
from pushforward.models.priors import PRIORS
from pushforward.training.game import Game, Tensors


class Conditional(Adversaries):
    """Both players see the label: batches are rows (x, y), and G(z, y) is judged as (G(z, y), y).

    min_G max_D  E log D(x | y) + E log(1 − D(G(z | y) | y))    (eq. 2), or another `objective`

    Mirza & Osindero 2014, arXiv:1411.1784. Generated rows have the labels of the batch's real ones.
    """

    def __init__(self, *arguments: Any, columns: int) -> None:
        super().__init__(*arguments)
        self.columns = columns  # of a row, without its label

    def generated(self, x: Tensor, noise: Tensors) -> Tensor:
        labels = x[:, self.columns :]
        return torch.cat([self.generator(torch.cat([noise["z"], labels], 1)), labels], 1)


class ConditionalGAN(ConditionalSampler, GAN):
    """A conditional GAN: z ~ p_Z, x = G(z, y), with G trained against D(x, y).

    J_D = −E log D(x, y) − E log(1 − D(G(z, y), y)), and every other objective, penalty and schedule
    of `GAN`, whose options it has (but `unroll` and `rejection`). y are labels, several columns, or
    continuous conditions. Mirza & Osindero 2014, arXiv:1411.1784.

    Raises:
        InputError: labels missing or of another length; an option out of its range.
        Diverged: a loss that is no longer finite.

    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=200)
    >>> X = rng.normal(size=(200, 2)) + 5 * y[:, None]
    >>> ConditionalGAN(max_rounds=20, random_state=0).fit(X, y).sample(4, given=2).shape
    (4, 2)
    """

    def _game(self, n: int, p: int) -> Game:
        q = self.conditions_.width
        k = self._latent(n, p - q)
        prior = partial(PRIORS[self.prior], k=k)
        generator = self._drawer("generator", k + q)
        return self._against(Conditional, generator, prior, p, k, columns=p - q)

    def _generate_given(self, C: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        z = self.game_.prior(len(C), rng=torch_rng(rng))
        labels = torch.as_tensor(C, dtype=torch.float32)
        return in_blocks(self.game_.generator, torch.cat([z, labels], 1))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.unroll or self.rejection:
            raise InputError(
                "expected unroll=0 and rejection=False, which have no conditional form"
            )
