"""Draws of a generator that its discriminator lets pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from pushforward.errors import Diverged

Floats = NDArray[np.float64]
Draw = Callable[[int, np.random.Generator], tuple[Floats, Floats]]  # n → rows (n, p), values (n,)

LEAST_ACCEPTED = 0.1  # so that a row costs ten draws at most, on average
ENOUGH_TRIED, TOO_FEW = 100_000, 1e-3  # when so small a share has passed, hardly any will
AT_ONCE = 65_536  # draws, to bound memory
SURE = 0.99  # quantile of the ratio that stands for its largest value, which no sample shows


class Rejection:
    """Accept x̂ ~ p_g with probability min(1, r(x̂) / M), where r estimates p_x / p_g.

    A discriminator that tells real from generated knows the ratio: log r = ℓ where it is optimal.
    Trained ones are too sure, or critics of another scale, so that it is calibrated first:
    log r = aℓ + b by logistic regression of real against generated on rows that neither network
    was trained on. M is the 0.99 quantile of r over generated rows, and lower where fewer than a
    tenth would pass; what is above M is drawn too rarely.

    Azadi et al. 2019, arXiv:1810.06758 (rejection); Turner et al. 2019, arXiv:1811.11357, section
    3.2 (calibration).
    """

    def __init__(self, slope: float, offset: float, log_bound: float) -> None:
        self.slope, self.offset, self.log_bound = slope, offset, log_bound

    @classmethod
    def calibrate(cls, real: Floats, fake: Floats) -> Rejection:
        """From the discriminator's values of real and of generated rows, (n,) and (m,)."""
        values = np.concatenate([real, fake])
        centre, spread = values.mean(), values.std() or 1.0
        labels = np.repeat([1, 0], [len(real), len(fake)])
        fit = LogisticRegression().fit(((values - centre) / spread)[:, None], labels)
        slope = float(fit.coef_[0, 0] / spread)
        # Odds are those of the numbers of rows times the ratio of densities.
        offset = float(fit.intercept_[0] - slope * centre - logit(len(real) / len(values)))
        log_ratio = slope * fake + offset
        bound = np.quantile(log_ratio, SURE)
        for quantile in np.arange(SURE, 0, -0.05):
            bound = np.quantile(log_ratio, quantile)
            if np.exp(np.minimum(log_ratio - bound, 0)).mean() >= LEAST_ACCEPTED:
                break
        return cls(slope, offset, float(bound))

    def accepts(self, values: Floats, rng: np.random.Generator, pack: int = 1) -> NDArray[np.bool_]:
        """Which rows pass, given the discriminator's values, (n,); those of a pack as one."""
        chance = np.repeat(rng.random(-(-len(values) // pack)), pack)[: len(values)]
        return np.log(chance) < self.slope * values + self.offset - self.log_bound

    def draw(self, n: int, draw: Draw, rng: np.random.Generator, pack: int = 1) -> Floats:
        """n rows that passed; `draw` gives rows and the discriminator's values of them.

        >>> def wide(n, rng):  # N(0, 4), where N(0, 1) is asked for: log r = −⅜x² + log 2
        ...     x = rng.normal(0, 2, size=(n, 1))
        ...     return x, -0.375 * x[:, 0] ** 2
        >>> rows = Rejection(1.0, 0.0, 0.0).draw(10_000, wide, np.random.default_rng(0))
        >>> round(float(rows.std()), 1)
        1.0
        """
        passed: list[Floats] = []
        missing, share, tried = n, 0.5, 0
        while missing > 0:
            if tried > ENOUGH_TRIED and n - missing < tried * TOO_FEW:
                raise Diverged(
                    f"rejection lets {n - missing} of {tried:,} draws pass, expected a tenth at "
                    "least: the discriminator says nothing of them. Fit again, or without rejection"
                )
            rows, values = draw(min(max(64, int(missing / share)), AT_ONCE), rng)
            kept = rows[self.accepts(values, rng, pack)]
            share, tried = max(0.02, len(kept) / len(rows)), tried + len(rows)
            passed.append(kept)
            missing -= len(kept)
        return np.concatenate(passed)[:n]
