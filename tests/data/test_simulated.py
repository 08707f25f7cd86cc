"""Corrupted and shrunk images, against closed forms."""

import numpy as np
import pytest

from pushforward.data.simulated import corrupted, shrink
from pushforward.errors import InputError

NONE = {"blur": (0, 0), "light": (0, 0), "noise": (0, 0)}


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("shape", [(3, 8, 12), (3, 8, 12, 1), (3, 8, 12, 3)])
def test_shapes_are_kept_and_nothing_is_done_at_no_strength(shape):
    x = rng().random(shape)
    np.testing.assert_allclose(corrupted(x, rng(), **NONE), x, atol=1e-12)
    y = corrupted(x, rng())
    assert y.shape == shape
    assert y.min() >= 0
    assert y.max() <= 1
    np.testing.assert_array_equal(y, corrupted(x, rng()))
    assert not np.array_equal(y, corrupted(x, rng(1)))
    np.testing.assert_array_equal(x, rng().random(shape))  # the input is left as it was


def test_blur_spreads_a_point_by_its_variance():
    x = np.zeros((1, 41, 61, 2))
    x[0, 20, 30] = 1
    y = corrupted(x, rng(), **NONE | {"blur": (0.05, 0.05)})
    assert y.sum((0, 1, 2)) == pytest.approx([1, 1])
    down, right = np.arange(41) - 20, np.arange(61) - 30
    for channel in range(2):
        spread = y[0, :, :, channel]
        assert spread.sum(1) @ down**2 == pytest.approx((0.05 * 41) ** 2, rel=0.02)
        assert spread.sum(0) @ right**2 == pytest.approx((0.05 * 41) ** 2, rel=0.02)


def test_light_falls_linearly_from_one_edge_to_the_one_across():
    y = corrupted(np.full((40, 9, 15), 0.8), rng(), **NONE | {"light": (0.5, 0.5)})
    # Linear: second differences vanish. The middle has half of the loss; extremes lie in corners.
    np.testing.assert_allclose(np.diff(y, 2, axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(np.diff(y, 2, axis=2), 0, atol=1e-12)
    np.testing.assert_allclose(y[:, 4, 7], 0.8 * 0.75)
    np.testing.assert_allclose(y.max((1, 2)), 0.8)
    np.testing.assert_allclose(y.min((1, 2)), 0.4)
    brightest = {(i // 15, i % 15) for i in y.reshape(40, -1).argmax(1)}
    assert brightest == {(0, 0), (0, 14), (8, 0), (8, 14)}  # from all directions


def test_noise_has_its_standard_deviation_in_every_image():
    y = corrupted(np.full((20, 32, 32), 0.5), rng(), **NONE | {"noise": (0.05, 0.05)})
    np.testing.assert_allclose(y.std((1, 2)), 0.05, rtol=0.1)
    np.testing.assert_allclose(y.mean((1, 2)), 0.5, atol=0.01)
    assert abs(np.corrcoef(y[:, :, :-1].ravel(), y[:, :, 1:].ravel())[0, 1]) < 0.03


def test_each_image_draws_its_strength_within_the_range():
    y = corrupted(np.full((400, 16, 16), 0.5), rng(), **NONE | {"noise": (0.02, 0.1)})
    strength = y.std((1, 2))
    assert 0.015 < strength.min() < 0.03
    assert 0.09 < strength.max() < 0.12
    assert strength.mean() == pytest.approx(0.06, abs=0.005)


@pytest.mark.parametrize(
    ("images", "options", "words"),
    [
        (np.zeros((4, 9)), {}, r"images as numbers \(n, h, w\)"),
        (np.full((2, 4, 4), "a"), {}, r"shape \(2, 4, 4\) and dtype <U1"),
        (np.full((2, 4, 4), 255, np.uint8), {}, "values from 0 to 1, got 255 to 255"),
        (np.full((2, 4, 4), np.nan), {}, "values from 0 to 1"),
        (np.zeros((2, 4, 4)), {"blur": (-1, 0)}, "blur as a range"),
        (np.zeros((2, 4, 4)), {"noise": (0.2, 0.1)}, "noise as a range"),
        (np.zeros((2, 4, 4)), {"light": (0, 1.5)}, "light as a range"),
        (np.zeros((2, 4, 4)), {"light": 0.5}, "light as a range"),
    ],
)
def test_what_cannot_be_corrupted(images, options, words):
    with pytest.raises(InputError, match=words):
        corrupted(images, rng(), **options)


@pytest.mark.parametrize("shape", [(5, 12, 8), (5, 12, 8, 3)])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_shrinking_takes_means_of_boxes(shape, factor):
    x = rng().random(shape)
    y = shrink(x, factor)
    assert y.shape == (5, 12 // factor, 8 // factor, *shape[3:])
    np.testing.assert_allclose(y.mean((1, 2)), x.mean((1, 2)))
    np.testing.assert_allclose(y[:, 0, 1], x[:, :factor, factor : 2 * factor].mean((1, 2)))
    np.testing.assert_allclose(shrink(np.full(shape, 0.3), factor), 0.3)


def test_shrinking_twice_by_two_is_once_by_four_also_of_whole_numbers():
    x = rng().integers(0, 256, (3, 8, 8), dtype=np.uint8)
    np.testing.assert_allclose(shrink(shrink(x, 2), 2), shrink(x, 4))


@pytest.mark.parametrize(
    ("shape", "factor", "words"),
    [
        ((2, 9, 8), 2, "multiples of 2, got 9×8; crop"),
        ((2, 8, 9), 2, "multiples of 2, got 8×9"),
        ((2, 8, 8), 0, "whole number above 0"),
        ((2, 8, 8), 1.5, "whole number above 0"),
        ((2, 8, 8), True, "whole number above 0"),
        ((8, 8), 2, r"\(n, h, w\)"),
    ],
)
def test_what_cannot_be_shrunk(shape, factor, words):
    with pytest.raises(InputError, match=words):
        shrink(np.zeros(shape), factor)
