"""Laws of codes: what a generator is told beside noise, and what is read back from its rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, one_hot

from pushforward.models.priors import uniform
from pushforward.training.game import Terms

LEAST_LOG_SCALE, MOST_LOG_SCALE = -3.0, 1.0  # of a code on (−1, 1)


@dataclass(frozen=True)
class Codes:
    """c = (one of K categories, one-hot; m numbers on (−1, 1)), all independent and uniform.

    A recogniser gives for each row `outputs` numbers: K logits, m means and m log-scales, the
    parameters of Q(c|x), categorical and Gaussian.

    >>> Codes(categories=3, numbers=1).draw(2, torch.Generator().manual_seed(0)).shape
    torch.Size([2, 4])
    """

    categories: int
    numbers: int

    @property
    def width(self) -> int:
        """Columns of c."""
        return self.categories + self.numbers

    @property
    def outputs(self) -> int:
        """Columns of what a recogniser gives."""
        return self.categories + 2 * self.numbers

    def draw(self, n: int, rng: torch.Generator) -> Tensor:
        """c ~ p(c), `(n, width)`."""
        parts = []
        if self.categories:
            chosen = torch.randint(self.categories, (n,), generator=rng)
            parts.append(one_hot(chosen, self.categories).float())
        if self.numbers:
            parts.append(uniform(n, self.numbers, rng))
        return torch.cat(parts, 1)

    def read(self, recognised: Tensor) -> Tensor:
        """What Q says of c: probabilities of the categories, means of the numbers, `(n, width)`."""
        logits, means, _ = self._parts(recognised)
        return torch.cat([logits.softmax(1), means], 1)

    def information(self, c: Tensor, recognised: Tensor) -> Terms:
        """L_I = E log Q(c|x) + H(c) ≤ I(c; x) of each kind of code, nats (numbers: their sum).

        Chen et al. 2016, arXiv:1606.03657, eq. 4.
        """
        logits, means, log_scales = self._parts(recognised)
        bounds = {}
        if self.categories:
            right = c[:, : self.categories]
            likelihood = (right * log_softmax(logits, 1)).sum(1)
            bounds["category"] = likelihood.mean() + math.log(self.categories)
        if self.numbers:
            away = (c[:, self.categories :] - means) / log_scales.exp()
            likelihood = -0.5 * away.square() - log_scales - 0.5 * math.log(2 * math.pi)
            bounds["numbers"] = (likelihood + math.log(2)).sum(1).mean()
        return bounds

    def _parts(self, recognised: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sizes = [self.categories, self.numbers, self.numbers]
        logits, means, raw = recognised.split(sizes, 1)
        # Below the least scale a code is read exactly, and its gradient would outweigh all else.
        return logits, means, raw.clamp(LEAST_LOG_SCALE, MOST_LOG_SCALE)
