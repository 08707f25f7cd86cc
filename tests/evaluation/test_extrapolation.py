"""FID∞ on Gaussians whose distance is known."""

import numpy as np
import pytest

from pushforward.errors import EvaluationWarning, InputError
from pushforward.evaluation import frechet_distance
from pushforward.evaluation.extrapolation import extrapolated_frechet


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.5, 1.0), (0.0, 1.3), (0.4, 0.8)])
def test_both_sides_come_nearer_to_the_closed_form_than_the_distance(rng, shift, scale):
    """Of N(0, I) and N(α, β²I): p α² + p (β − 1)²."""
    p, n = 8, 200
    truth = p * shift**2 + p * (scale - 1) ** 2
    results = [
        extrapolated_frechet(
            rng.normal(size=(n, p)), scale * rng.normal(size=(n, p)) + shift, both=True, seed=i
        )
        for i in range(25)
    ]
    values = np.array([result.value for result in results])
    bias = np.mean([result.distances[-1] for result in results]) - truth
    assert bias > 0.15  # about 2p/n + p(p+1)/(2(n−1)) = 0.26
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean() - truth) < 0.4 * bias + 2 * error


def test_one_side_comes_nearer_to_the_distance_of_the_whole_law(rng):
    p, n = 8, 200
    real = rng.normal(size=(n, p))
    truth = frechet_distance(real, 1.3 * rng.normal(size=(200_000, p)))
    results = [extrapolated_frechet(real, 1.3 * rng.normal(size=(n, p)), seed=i) for i in range(25)]
    bias = np.mean([result.distances[-1] for result in results]) - truth
    assert bias > 0.08
    assert abs(np.mean([result.value for result in results]) - truth) < 0.5 * bias


def test_the_interval_covers_the_truth(rng):
    covered = 0
    for i in range(30):
        real, fake = rng.normal(size=(150, 3)), 1.5 * rng.normal(size=(150, 3)) + 0.5
        low, high = extrapolated_frechet(real, fake, both=True, seed=i).interval
        covered += low < 3 * 0.5**2 + 3 * 0.5**2 < high
    assert covered >= 25  # 28.5 expected


def test_is_the_intercept_of_a_line_through_the_points(rng):
    real, fake = rng.normal(size=(300, 4)), rng.normal(size=(300, 4)) + 0.2
    before = real.copy(), fake.copy()
    result = extrapolated_frechet(real, fake)
    assert len(result.sizes) == len(result.distances) == 15
    assert (result.sizes[0], result.sizes[-1]) == (30, 300)
    slope, intercept = np.polyfit(1 / np.array(result.sizes), result.distances, 1)
    assert result.value == pytest.approx(intercept, rel=1e-9)
    assert result.distances[-1] == pytest.approx(frechet_distance(real, fake), rel=1e-9)
    assert result.interval[0] < result.value < result.interval[1]
    assert slope > 0
    assert extrapolated_frechet(real, fake) == result
    assert extrapolated_frechet(real, fake, seed=1) != result
    np.testing.assert_array_equal(real, before[0])
    np.testing.assert_array_equal(fake, before[1])
    assert "extrapolated from 15 subsets of the generated rows" in str(result)


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_scales_with_the_square_of_the_rows(rng, scale):
    real, fake = rng.normal(size=(100, 2)), rng.normal(size=(100, 2)) + 1.0
    expected = extrapolated_frechet(real, fake).value * scale**2
    assert extrapolated_frechet(real * scale, fake * scale).value == pytest.approx(expected)


def test_constant_rows_are_at_the_distance_of_their_means():
    result = extrapolated_frechet(np.zeros((30, 3)), np.ones((30, 3)))
    assert result.value == pytest.approx(3)
    assert result.interval == pytest.approx((3, 3))


def test_few_rows_are_warned_of_or_refused(rng):
    with pytest.warns(EvaluationWarning, match="60 rows in 20 columns"):
        extrapolated_frechet(rng.normal(size=(60, 20)), rng.normal(size=(60, 20)))
    with pytest.raises(InputError, match="at least 20 rows"):
        extrapolated_frechet(rng.normal(size=(60, 2)), rng.normal(size=(19, 2)))
    with pytest.raises(InputError, match="60 real and 50"):
        extrapolated_frechet(rng.normal(size=(60, 2)), rng.normal(size=(50, 2)), both=True)
