"""PSNR, SSIM and a distance in features, against known values and plain sums."""

import numpy as np
import pytest
from torch import nn

from pushforward.errors import InputError
from pushforward.evaluation.image_quality import perceptual_distance, psnr, ssim


def pictures(n=3, h=14, w=17, c=None, seed=0):
    shape = (n, h, w) if c is None else (n, h, w, c)
    return np.random.default_rng(seed).random(shape)


def test_psnr_of_a_known_error():
    true = pictures()
    assert psnr(true + 0.1, true) == pytest.approx([20, 20, 20])
    assert psnr(255 * (true + 0.01), 255 * true, 255) == pytest.approx([40, 40, 40])
    assert psnr(true, true).tolist() == [np.inf] * 3
    one = true.copy()
    one[1, 0, 0] += 1  # one pixel of 14·17 is wrong by the whole range
    assert psnr(one, true)[1] == pytest.approx(10 * np.log10(14 * 17))


def plain_ssim(x, y, value_range):
    """Of one channel: the sums of Wang et al. 2004, window by window."""
    i, j = np.mgrid[-5:6, -5:6]
    weights = np.exp(-(i**2 + j**2) / (2 * 1.5**2))
    weights /= weights.sum()
    c1, c2 = (0.01 * value_range) ** 2, (0.03 * value_range) ** 2
    found = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (z[top : top + 11, left : left + 11] for z in (x, y))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            var_a = (weights * (a - mean_a) ** 2).sum()
            var_b = (weights * (b - mean_b) ** 2).sum()
            both = (weights * (a - mean_a) * (b - mean_b)).sum()
            bright = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
            found.append(bright * (2 * both + c2) / (var_a + var_b + c2))
    return np.mean(found)


@pytest.mark.parametrize("value_range", [1.0, 255.0])
def test_ssim_is_the_plain_sum_over_windows(value_range):
    true = value_range * pictures()
    images = np.clip(true + 0.2 * value_range * (pictures(seed=1) - 0.5), 0, value_range)
    expected = [plain_ssim(x, y, value_range) for x, y in zip(images, true, strict=True)]
    assert ssim(images, true, value_range) == pytest.approx(expected, rel=1e-10)
    coloured = np.stack([images, true], axis=-1)
    assert ssim(coloured, true[..., None].repeat(2, -1), value_range) == pytest.approx(
        (np.array(expected) + 1) / 2
    )


def test_ssim_is_one_of_equals_symmetric_and_known_of_plain_images():
    x, y = pictures(c=3), pictures(c=3, seed=1)
    assert ssim(x, x) == pytest.approx([1, 1, 1])
    assert ssim(x, y) == pytest.approx(ssim(y, x))
    assert (ssim(x, y) < 0.5).all()
    a, b = np.full((1, 12, 12), 0.2), np.full((1, 12, 12), 0.7)
    assert ssim(a, b) == pytest.approx((2 * 0.14 + 1e-4) / (0.04 + 0.49 + 1e-4))


def test_a_distance_in_features_of_a_module():
    """φ(x) is the mean of an image: distances are squares of differences of means."""
    mean = nn.Sequential(nn.AvgPool2d((14, 17)), nn.Flatten())
    true = np.full((4, 14, 17), [[[0.0]], [[1.0]], [[2.0]], [[3.0]]], dtype=np.float32)
    spread = np.var([0, 1, 2, 3])
    assert perceptual_distance(mean, true, true).tolist() == [0] * 4
    assert perceptual_distance(mean, true + 0.5, true) == pytest.approx([0.25 / spread] * 4)
    shuffled = true + np.array([1.0, -1.0] * 119, dtype=np.float32).reshape(14, 17)
    assert perceptual_distance(mean, shuffled, true) == pytest.approx([0] * 4, abs=1e-9)
    usual = perceptual_distance(mean, np.full_like(true, 1.5), true)
    assert usual.mean() == pytest.approx(1)


@pytest.mark.parametrize(
    ("images", "true", "words"),
    [
        (pictures(), pictures(n=2), r"of one shape, got \(3, 14, 17\) and \(2, 14, 17\)"),
        (pictures()[0], pictures()[0], "as many images as true ones"),
        (np.full((1, 12, 12), np.nan), np.zeros((1, 12, 12)), "finite"),
    ],
)
def test_images_that_cannot_be_compared(images, true, words):
    for measure in (psnr, ssim):
        with pytest.raises(InputError, match=words):
            measure(images, true)


def test_what_else_cannot_be():
    x = pictures()
    with pytest.raises(InputError, match="value_range"):
        psnr(x, x, 0)
    with pytest.raises(InputError, match="11×11 pixels, the window of SSIM, got 10×17"):
        ssim(x[:, :10], x[:, :10])
    with pytest.raises(InputError, match="one image for each true one, got 2 and 3"):
        perceptual_distance("pixels", x[:2], x)
    with pytest.raises(InputError, match="differ in their features"):
        perceptual_distance(nn.Threshold(2.0, 0.0), x, x)
