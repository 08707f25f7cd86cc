"""Mode counts of ideal, collapsed and lost samplers."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from pushforward.evaluation import mode_scores


class Square:
    """Four Gaussians, σ = 0.1, on the corners of a square; good means within 3σ."""

    n_modes = 4
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    means = np.array([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 9.0]])

    def assign(self, X):
        distance = cdist(X, self.means)
        return distance.argmin(axis=1), distance.min(axis=1) < 0.3

    def draw(self, n, rng, weights=None):
        mode = rng.choice(4, size=n, p=self.weights if weights is None else weights)
        return self.means[mode] + 0.1 * rng.normal(size=(n, 2))


def test_ideal_sampler(rng):
    source, n = Square(), 2000
    scores = [mode_scores(source.draw(n, rng), source) for _ in range(40)]
    assert {score.captured for score in scores} == {4}
    good = np.mean([score.high_quality for score in scores])
    assert good == pytest.approx(1 - np.exp(-4.5), abs=0.002)  # 98.889 % lie within 3σ
    kl = np.mean([score.kl for score in scores])
    assert kl == pytest.approx(3 / (2 * n), rel=0.5)


def test_one_mode(rng):
    source = Square()
    scores = mode_scores(source.draw(500, rng, weights=[0, 0, 0, 1]), source)
    assert scores.captured == 1
    assert scores.kl == pytest.approx(np.log(1 / 0.1))


def test_off_support(rng):
    scores = mode_scores(rng.normal(size=(50, 2)) + 100, Square())
    assert (scores.captured, scores.high_quality, scores.kl) == (0, 0.0, np.inf)


def test_only_good_rows_count():
    fake = np.array([[0.0, 0.0], [0.0, 9.0], [9.0, 1.0], [4.0, 4.0]])
    scores = mode_scores(fake, Square())
    assert (scores.captured, scores.n_modes, scores.high_quality) == (2, 4, 0.5)
    assert scores.kl == pytest.approx(0.5 * np.log(0.5 / 0.4) + 0.5 * np.log(0.5 / 0.3))
