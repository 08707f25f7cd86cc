"""How well unsupervised codes are told by rows, and how well clusters are known classes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import entr

from pushforward.errors import InputError


class Information(NamedTuple):
    """`nats` that are told of a code whose entropy is `entropy`, and the `share` of it."""

    nats: float
    entropy: float

    @property
    def share(self) -> float:
        return self.nats / self.entropy


def mutual_information(codes: Any, probabilities: Any, *, weights: Any = None) -> Information:
    """A lower bound of I(c; x), E log Q(c|x) + H(c), nats, for codes that were drawn.

    It is below I(c; x) by the mean of KL(P(c|x) ‖ Q(c|x)) (Barber & Agakov 2003; Chen et al. 2016,
    arXiv:1606.03657, eq. 4), so it is negative where Q is worse than to guess.

    Args:
        codes: c of each row, whole numbers `(n,)` from 0 to K − 1.
        probabilities: Q(c|x), `(n, K)`, from rows that were drawn with these codes.
        weights: p(c), `(K,)`; None takes all alike.

    Raises:
        InputError: shapes that do not match, or codes out of range.

    >>> mutual_information([0, 1], np.eye(2)).share
    1.0
    """
    c, Q = np.asarray(codes), np.asarray(probabilities, dtype=float)
    if c.ndim != 1 or Q.ndim != 2 or len(c) != len(Q) or not len(c):
        raise InputError(f"expected codes (n,) and probabilities (n, K), got {c.shape}, {Q.shape}")
    K = Q.shape[1]
    if not np.isin(c, np.arange(K)).all():
        raise InputError(f"expected codes from 0 to {K - 1}, got {c.min()} to {c.max()}")
    p = np.full(K, 1 / K) if weights is None else np.asarray(weights, dtype=float)
    if p.shape != (K,):
        raise InputError(f"expected weights of shape ({K},), got {p.shape}")
    told = Q[np.arange(len(c)), c.astype(int)]
    entropy = float(entr(p).sum())
    return Information(float(np.log(np.maximum(told, 1e-12)).mean()) + entropy, entropy)


class ClusterMatch(NamedTuple):
    """The `accuracy` of clusters as classes, and which class each cluster is `matched` to."""

    accuracy: float
    matched: dict[Any, Any]


def cluster_accuracy(labels: Any, clusters: Any) -> ClusterMatch:
    """The share of rows whose cluster is matched to their class, one to one, by the best matching.

    max over injective m of  (1/n) Σᵢ [m(clusterᵢ) = labelᵢ],  by the Hungarian method (Kuhn 1955).
    Clusters beyond the number of classes are matched to none, and all of their rows are wrong.

    Raises:
        InputError: not as many clusters as labels, or none.

    >>> cluster_accuracy(["a", "a", "b", "b"], [1, 1, 0, 1])
    ClusterMatch(accuracy=0.75, matched={0: 'b', 1: 'a'})
    """
    y, c = np.asarray(labels), np.asarray(clusters)
    if y.ndim != 1 or y.shape != c.shape or not len(y):
        raise InputError(f"expected a cluster for each label, (n,), got {y.shape} and {c.shape}")
    classes, at_class = np.unique(y, return_inverse=True)
    found, at_cluster = np.unique(c, return_inverse=True)
    counts: NDArray[np.intp] = np.zeros((len(found), len(classes)), dtype=np.intp)
    np.add.at(counts, (at_cluster, at_class), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    matched = {found[i].item(): classes[j].item() for i, j in zip(rows, columns, strict=True)}
    return ClusterMatch(float(counts[rows, columns].sum() / len(y)), matched)
