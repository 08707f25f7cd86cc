"""What a sampler with a likelihood is compared by: AIC and BIC."""

from __future__ import annotations

import math

import numpy as np

from pushforward.data.encoding import Encoding


class Criteria:
    """AIC = 2k − 2 log L and BIC = k log n − 2 log L, from `log_likelihood_` and `n_parameters_`.

    log L is that of the fitted rows, in the units of the data, in nats. It is None, and so are the
    criteria, for a table with categories or missing values, whose rows have no common density.

    Sources: Akaike 1974; Schwarz 1978.
    """

    log_likelihood_: float | None = None
    n_parameters_: int = 0
    n_rows_: int

    @property
    def aic_(self) -> float | None:
        if self.log_likelihood_ is None:
            return None
        return 2 * self.n_parameters_ - 2 * self.log_likelihood_

    @property
    def bic_(self) -> float | None:
        if self.log_likelihood_ is None:
            return None
        return self.n_parameters_ * math.log(self.n_rows_) - 2 * self.log_likelihood_


def log_likelihood(encoding: Encoding, log_density: np.ndarray) -> float | None:
    """Σᵢ log p(xᵢ) in the units of the data, from the log-densities of encoded rows."""
    if encoding.discrete:
        return None
    return float(log_density.sum() - len(log_density) * encoding.log_scale)
