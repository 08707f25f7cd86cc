"""Copies of training rows, against the share that unseen real rows show."""

import numpy as np
import pytest

from pushforward.evaluation import copy_share
from pushforward.evaluation.intervals import newcombe_interval, wilson_interval


def test_shares_of_planted_copies(rng):
    train, held_out, fresh = rng.normal(size=(3, 400, 5))
    fake = fresh.copy()
    fake[:100] = train[:100]
    copies = copy_share(fake, train, held_out)
    assert copies.fake == pytest.approx(0.25, abs=0.01)
    assert copies.held_out <= 0.01
    low, high = copies.interval
    assert low < copies.fake - copies.held_out < high
    assert low > 0.18
    assert high < 0.32


def test_radius_is_a_tenth_of_the_typical_spacing():
    train = np.array([[0.0], [10.0], [20.0], [30.0]])
    copies = copy_share([[0.9], [1.1], [29.5], [15.0]], train, [[5.0], [10.0]])
    assert copies.radius == pytest.approx(1.0)
    assert (copies.fake, copies.held_out) == (0.5, 0.5)


def test_only_equal_rows_count_where_data_repeats(rng):
    values = rng.integers(0, 3, size=(300, 2)).astype(float)
    copies = copy_share(values + 1e-6, values, values)
    assert copies.radius < 1e-8
    assert (copies.fake, copies.held_out) == (0.0, 1.0)
    assert copy_share(values + 1e-15, values, values).fake == 1.0


def test_fresh_rows_of_the_same_law_are_no_copies(rng):
    train, held_out, fresh = rng.normal(size=(3, 300, 2))
    low, high = copy_share(fresh, train, held_out).interval
    assert low < 0 < high


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_wilson_interval_covers(rng, share):
    counts = rng.binomial(150, share, size=2000)
    intervals = [wilson_interval(count / 150, 150) for count in counts]
    covered = np.mean([low <= share <= high for low, high in intervals])
    assert covered == pytest.approx(0.95, abs=0.03)


def test_newcombe_interval_covers(rng):
    pairs = rng.binomial([80, 120], [0.3, 0.05], size=(2000, 2)) / [80, 120]
    intervals = [newcombe_interval(a, 80, b, 120) for a, b in pairs]
    covered = np.mean([low <= 0.25 <= high for low, high in intervals])
    assert covered == pytest.approx(0.95, abs=0.02)
    low, high = newcombe_interval(1.0, 10, 0.0, 10)
    assert low < 1 <= high
