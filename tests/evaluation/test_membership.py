"""The attack on membership: its area against scikit-learn's, its error, copiers and the honest."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pushforward.evaluation import membership
from pushforward.evaluation.membership import _area


def test_the_area_is_scikit_learns_and_the_error_delongs(rng):
    members, others = rng.integers(0, 9, size=60) + 1.0, rng.integers(0, 9, size=50)
    auc, error = _area(members, others)
    truth = np.r_[np.ones(60), np.zeros(50)]
    assert auc == pytest.approx(roc_auc_score(truth, np.r_[members, others]))
    wins = (members[:, None] > others) + 0.5 * (members[:, None] == others)
    variance = wins.mean(1).var(ddof=1) / 60 + wins.mean(0).var(ddof=1) / 50
    assert error == pytest.approx(np.sqrt(variance))


def test_a_copier_is_found_out_and_so_is_one_that_adds_noise(rng):
    train, held_out, noise = rng.normal(size=(3, 300, 6))
    copied = membership(train, train, held_out)
    assert (copied.auc, copied.found) == (1.0, 1.0)
    assert copied.p_value < 1e-30
    noisy = membership(train + 0.2 * noise, train, held_out)
    assert noisy.auc > 0.9
    half = membership(train[:150], train, held_out)
    assert 0.7 < half.auc < 0.85  # half of the rows were never handed out
    assert half.interval[0] < half.auc < half.interval[1]


def test_without_memory_it_guesses_whatever_is_drawn(rng):
    found = [
        membership(3 * rng.normal(size=(80, 2)), *rng.normal(size=(2, 60, 2))) for _ in range(120)
    ]
    assert np.mean([f.auc for f in found]) == pytest.approx(0.5, abs=0.015)
    assert np.mean([f.p_value < 0.05 for f in found]) < 0.11
    assert np.mean([f.interval[0] < 0.5 < f.interval[1] for f in found]) > 0.88
    chance = found[0].by_chance
    assert chance == 4 / 61  # before the fourth of the others
    assert np.mean([f.found for f in found]) == pytest.approx(chance, abs=0.02)
    assert found[0].wrongly == 3 / 60


def test_equal_numbers_stand_trial_and_duplicates_tell_nothing(rng):
    train, held_out = rng.normal(size=(500, 2)), rng.normal(size=(40, 2))
    assert membership(train, train, held_out).candidates == 40
    same = np.repeat(rng.normal(size=(3, 2)), 30, axis=0)
    found = membership(same, same, same[::-1])
    assert found.auc == pytest.approx(0.5)
    assert found.p_value == 1.0
