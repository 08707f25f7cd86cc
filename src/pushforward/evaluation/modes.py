"""How many modes of a known mixture generated rows reach, and in which proportions."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr


class ModeSource(Protocol):
    """A distribution whose modes are known, e.g. a toy mixture.

    `weights` (n_modes,) are the modes' probabilities; `assign` gives of each row its nearest mode
    and whether it is of high quality, i.e. close enough to that mode.
    """

    @property
    def n_modes(self) -> int: ...

    @property
    def weights(self) -> NDArray[np.float64]: ...

    def assign(self, X: Any) -> tuple[NDArray[np.intp], NDArray[np.bool_]]: ...


class ModeScores(NamedTuple):
    """`captured` of `n_modes` modes, share of `high_quality` rows, and the `kl` of modes (nats)."""

    captured: int
    n_modes: int
    high_quality: float
    kl: float
    n_high_quality: int


def mode_scores(fake: Any, source: ModeSource) -> ModeScores:
    """Count the modes of `source` that rows `fake` (n, p) reach.

    A mode is captured if at least one high-quality row is nearest to it. With h_k the share of
    high-quality rows in mode k and w_k the mode's weight, KL = Σ_k h_k log(h_k / w_k) in nats:
    about (K − 1)/(2n) for an ideal sampler, infinite if no row is of high quality.

    Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761, section 5; Lin et al. 2018 (PacGAN),
    arXiv:1712.04086, section 4.

    >>> import numpy as np
    >>> class Signs:
    ...     n_modes, weights = 2, np.array([0.5, 0.5])
    ...     def assign(self, X):
    ...         return (X[:, 0] > 0).astype(int), abs(abs(X[:, 0]) - 1) < 0.3
    >>> scores = mode_scores(np.array([[1.0], [0.9], [1.1], [0.5]]), Signs())
    >>> scores.captured, scores.high_quality, round(scores.kl, 3)
    (1, 0.75, 0.693)
    """
    mode, high_quality = source.assign(fake)
    counts = np.bincount(np.asarray(mode)[high_quality], minlength=source.n_modes)
    n_high_quality = int(counts.sum())
    kl = float("inf")
    if n_high_quality:
        kl = float(rel_entr(counts / n_high_quality, source.weights).sum())
    return ModeScores(
        captured=int((counts > 0).sum()),
        n_modes=source.n_modes,
        high_quality=float(np.mean(high_quality)),
        kl=max(kl, 0.0),
        n_high_quality=n_high_quality,
    )
