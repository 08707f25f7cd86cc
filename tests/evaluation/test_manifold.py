"""Precision and recall against the definition, row by row."""

import numpy as np
import pytest

from pushforward.evaluation import precision_recall


def share_within(rows, reference, k):
    """The definition with loops: within a ball that reaches to the k-th nearest other row."""
    within = 0
    for row in rows:
        for i, centre in enumerate(reference):
            others = np.delete(reference, i, axis=0)
            radius = np.sort([((centre - other) ** 2).sum() for other in others])[k - 1]
            if ((row - centre) ** 2).sum() < radius:
                within += 1
                break
    return within / len(rows)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("p", [1, 5])
def test_equals_the_definition(rng, k, p):
    real, fake = rng.normal(size=(40, p)), rng.normal(size=(30, p)) * 1.5 + 0.3
    fake[:4] = real[:4]
    expected = share_within(fake, real, k), share_within(real, fake, k)
    assert 0 < min(expected) < 1
    assert precision_recall(real, fake, k) == pytest.approx(expected)


def test_a_row_on_the_surface_is_outside():
    real = np.array([[0.0], [1.0], [5.0], [6.0]])
    assert precision_recall(real, np.array([[2.0], [0.5]]), k=1).precision == 0.5


def test_spurious_rows_cost_precision_and_missed_rows_cost_recall(rng):
    left, right = rng.normal(size=(2, 200, 2))
    right = right + 50
    spurious = precision_recall(left, np.concatenate([left[:100] + 0.01, right[:100]]))
    missed = precision_recall(np.concatenate([left, right]), left + 0.01)
    assert spurious.precision == pytest.approx(0.5, abs=0.05)
    assert missed.recall == pytest.approx(0.5, abs=0.05)
    assert missed.precision > 0.9


def test_fewer_rows_than_neighbours():
    real = np.array([[0.0], [2.0]])
    assert precision_recall(real, np.array([[1.0], [9.0]])) == (0.5, 1.0)
    assert precision_recall(real, np.zeros((2, 1))) == (1.0, 0.0)
