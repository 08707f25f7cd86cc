"""Precision, recall, density and coverage: which rows lie within the other set's reach."""

from __future__ import annotations

from typing import Any, NamedTuple

from pushforward.evaluation.neighbourhoods import Neighbourhoods, as_k, neighbourhoods


class PRDC(NamedTuple):
    """How far generated rows lie among real ones, and real rows among generated ones."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Any, fake: Any, k: int = 5) -> PRDC:
    """Return precision, recall, density and coverage of generated rows y_j among real rows x_i.

    With the balls B(x_i) = {y : ‖y − x_i‖ < ‖x_i − NN_k(x_i)‖} around real rows, NN_k(x_i) being
    the k-th nearest other real row (the farthest if there are fewer), and B(y_j) likewise,

    precision = mean_j 1[y_j in any B(x_i)]    recall = mean_i 1[x_i in any B(y_j)]
    density = mean_j #{i : y_j in B(x_i)} / k    coverage = mean_i 1[B(x_i) holds any y_j]

    For equal laws without ties the mean of density is 1 and that of coverage is
    `expected_coverage`. Precision and recall have no such value: how far below 1 they are depends
    on dimension, law, sizes and k, so compare them with those of real rows. An outlier's large
    ball lifts precision or recall, but hardly density and coverage. All four use the balls of one
    k, by default the 5 of Naeem et al.; Kynkäänniemi et al. have 3.

    `real` is (m, p), `fake` (n, p), two rows or more, else `InputError`.

    Kynkäänniemi et al. 2019, arXiv:1904.06991, eqs. 1 to 3; Naeem et al. 2020, arXiv:2002.09797.

    >>> real, fake = [[0.0], [1.0], [2.0], [3.0]], [[1.5], [1.6], [1.4], [9.0]]
    >>> prdc(real, fake, k=1)
    PRDC(precision=0.75, recall=0.5, density=1.5, coverage=0.5)
    """
    return prdc_of(neighbourhoods(real, fake, balls=as_k(k)))


def prdc_of(near: Neighbourhoods) -> PRDC:
    """Return `prdc` of rows whose balls have been counted."""
    around_fake = near.fake_in_real[near.fake.which]
    around_real = near.real_in_fake[near.real.which]
    k = min(near.balls, len(near.real.which) - 1)
    covered = near.real_to_fake.kth(1) < near.real_to_real.kth(k)
    return PRDC(
        precision=float((around_fake > 0).mean()),
        recall=float((around_real > 0).mean()),
        density=float(around_fake.mean() / k),
        coverage=float(covered[near.real.which].mean()),
    )


def expected_coverage(n_real: int, n_fake: int, k: int = 5) -> float:
    """Return the mean of coverage where real and generated rows are drawn from one law.

    1 − ∏_{i=1..k} (N − i)/(N + M − i) for N real and M generated rows: a ball is empty if the k
    nearest of the N + M − 1 other rows are all real.

    Naeem et al. 2020, arXiv:2002.09797, lemma 2.

    >>> round(expected_coverage(10_000, 10_000), 5)
    0.96877
    """
    empty = 1.0
    for i in range(1, min(k, n_real - 1) + 1):
        empty *= (n_real - i) / (n_real + n_fake - i)
    return 1 - empty
