"""Images of triangles, and how far others are from them: against grids, and in known cases."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from pushforward.data.triangles import draw_triangles, triangles
from pushforward.errors import InputError
from pushforward.evaluation.inversion import nearest_generated
from pushforward.evaluation.known_manifold import DELTA, manifold_scores
from pushforward.evaluation.neighbours import nearest_distance
from pushforward.evaluation.polygons import allowed, derivative, triangle_distance

SIZE = 28


@pytest.fixture(scope="module")
def real():
    return triangles(60, SIZE, seed=11).X


def drawn(angles):
    return draw_triangles(angles, SIZE)


def test_real_triangles_are_on_the_manifold(real):
    distance = triangle_distance(real)
    assert distance.max() < 0.15
    assert np.quantile(distance, 0.9) < 0.05
    assert np.array_equal(distance, triangle_distance(real.reshape(-1, SIZE, SIZE)))


def test_another_search_finds_no_nearer_triangle(rng, real):
    """The nearest of 1500 draws of the generator, and then of 27 on a finer and finer grid."""
    noisy = real[:3] + rng.normal(0, 0.1, real[:3].shape)
    images = np.concatenate([noisy, 0.7 * real[3:6] + 0.3 * real[6:9]])
    draws = triangles(1500, SIZE, seed=0)
    for x, ours in zip(images, triangle_distance(images), strict=True):
        distance = np.square(draws.X - x).sum(1)
        at, least = draws.factors.to_numpy()[distance.argmin()], distance.min()
        for step in (4.0, 1.5, 0.5):
            grid = step * np.stack(np.meshgrid(*3 * [[-1, 0, 1]]), -1).reshape(-1, 3)
            moved = True
            while moved:
                tried = allowed(at + grid)
                distance = np.square(drawn(tried) - x).sum(1)
                moved = distance.min() < least
                if moved:
                    at, least = tried[distance.argmin()], distance.min()
        assert ours <= least + 0.1


def test_the_distance_from_a_grey_triangle_is_what_its_black_is_short_of(real):
    """T itself stays the nearest where its black is only a little lighter."""
    shifted = 0.95 * real[:8] + 0.05
    exact = np.square(0.05 * (1 - real[:8])).sum(1)
    assert triangle_distance(shifted) == pytest.approx(exact, abs=0.1)


@pytest.mark.parametrize("gaps", [(226, 60), (20, 120), (20, 170)])
def test_a_triangle_beyond_the_ranges_is_as_far_as_the_border(gaps):
    """Gaps are at most 220° and at least 20°: beyond, the border is the nearest."""
    turns = np.arange(5.0, 360, 71)
    angles = np.stack([turns, turns + gaps[0], turns + sum(gaps)], axis=1)
    distance = triangle_distance(drawn(angles))
    if gaps[0] <= 220:
        assert distance.max() < 0.15
        return
    # As near as the best of the border that moves only the two corners at the wide gap.
    narrowed = [angles + np.array([6 - s, -s, 0]) for s in np.linspace(0, 6, 25)]
    border = [np.square(drawn(on) - drawn(angles)).sum(1) for on in narrowed]
    assert (distance <= np.min(border, axis=0) + 0.05).all()
    assert distance.min() > 0.1


def test_derivative_is_that_of_finer_images():
    """Central differences of an image drawn with 64 points to a pixel in each direction."""
    angles = triangles(3, SIZE, seed=5).factors.to_numpy()
    for theta, of_areas in zip(angles, derivative(angles, SIZE), strict=True):
        for corner in range(3):
            ahead, behind = (
                draw_triangles(theta[None] + sign * np.eye(3)[corner], 8 * SIZE)
                .reshape(SIZE, 8, SIZE, 8)
                .mean((1, 3))
                .ravel()
                for sign in (0.5, -0.5)
            )
            difference = ahead - behind
            missed = np.linalg.norm(difference - of_areas[corner])
            assert missed < 0.2 * np.linalg.norm(difference)


def test_shuffled_pixels_are_far_and_blurred_images_between(rng, real):
    some = real[:15]
    shuffled = np.stack([rng.permutation(x) for x in some])
    blurred = np.stack([gaussian_filter(x.reshape(SIZE, SIZE), 0.7).ravel() for x in some])
    clean, soft, far = (triangle_distance(images) for images in (some, blurred, shuffled))
    assert (clean < soft).all()
    assert (soft < far).all()
    assert far.min() > 30
    assert manifold_scores(shuffled, some)["manifold_precision"].value == 0


def test_rows_given_out_again_are_precise_and_reach_their_neighbours(real):
    train, held_out = real[:30], real[30:]
    held_out = np.concatenate([held_out, train[:10]])  # so that some are reached
    scores = manifold_scores(train, held_out)
    reached = (nearest_distance(held_out, train) ** 2 <= DELTA).mean()
    assert scores["manifold_precision"].value == 1
    assert scores["manifold_recall"].value == reached >= 0.25
    assert scores["manifold_f1"].value == pytest.approx(2 * reached / (1 + reached))
    low, high = scores["manifold_f1"].interval
    assert low < scores["manifold_f1"].value < high
    assert scores["manifold_recall"].sizes == {"real": 40, "fake": 30}


def test_a_generator_reaches_more_than_its_draws(rng, real):
    """Sums of five images with any weights: no draw is near, but those of other weights are."""
    summed = torch.as_tensor(real[:5], dtype=torch.float32)
    codes = torch.as_tensor(rng.random((500, 5)), dtype=torch.float32)
    held_out = rng.uniform(0.1, 0.9, (12, 5)) @ real[:5]
    fake = (codes[:5] @ summed).numpy()
    by_draws = manifold_scores(fake, held_out)
    by_codes = manifold_scores(fake, held_out, generator=lambda z: z @ summed, codes=codes)
    assert by_draws["manifold_recall"].value == 0
    assert by_codes["manifold_recall"].value == 1


def test_inversion_of_a_linear_map_is_least_squares(rng):
    A, b = rng.normal(size=(5, 40)), rng.normal(size=40)
    images = rng.normal(size=(20, 5)) @ A + b + rng.normal(0, 0.3, size=(20, 40))
    solved = np.linalg.lstsq(A.T, (images - b).T, rcond=None)[0].T
    exact = np.square(images - b - solved @ A).sum(1)
    A_, b_ = (torch.as_tensor(v, dtype=torch.float32) for v in (A, b))
    codes = rng.normal(size=(2000, 5)) * 2
    found = nearest_generated(lambda z: z @ A_ + b_, codes, images)
    assert found == pytest.approx(exact, rel=1e-3)
    assert (found >= exact * (1 - 1e-3)).all()
    # Codes that none is drawn beyond are not left for a nearer image.
    narrow = nearest_generated(lambda z: z @ A_ + b_, codes / 20, images)
    assert (narrow > 2 * exact).any()


def test_what_cannot_be_judged_is_told(real):
    with pytest.raises(InputError, match="of at least 8 pixels a side, got shape \\(5, 30\\)"):
        triangle_distance(np.zeros((5, 30)))
    with pytest.raises(InputError, match="divide 8-bit images by 255"):
        triangle_distance((255 * real).astype(np.uint8))
    with pytest.raises(InputError, match="got 28 and 8 pixels"):
        manifold_scores(real, np.zeros((2, 64)))
    with pytest.raises(InputError, match="generator together with codes"):
        manifold_scores(real, real, codes=np.zeros((2, 1)))
    with pytest.raises(InputError, match="rows of 784 columns, as the images have, got \\(9, 3\\)"):
        nearest_generated(lambda z: z[:, :3], np.zeros((9, 4)), real)
