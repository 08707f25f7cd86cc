"""Pairs of domains: true maps are what they say, and rows to learn from are not paired."""

import string

import numpy as np
import pytest

from pushforward.data.domains import DOMAINS, IMAGES, load_domains, turn
from pushforward.data.glyphs import Glyphs
from pushforward.data.simulated import corrupted
from pushforward.errors import InputError


@pytest.mark.parametrize("name", DOMAINS)
def test_rows_to_learn_from_are_unpaired_and_repeat(name):
    domains = load_domains(name)
    a, b = domains.draw(40, 30, np.random.default_rng(0))
    assert a.shape == (40, *domains.shape)
    assert b.shape == (30, *domains.shape)
    again = domains.draw(40, 30, np.random.default_rng(0))
    assert np.array_equal(a, again[0])
    assert np.array_equal(b, again[1])
    counterparts = domains.pairs(40, np.random.default_rng(0))[1]
    assert not np.array_equal(counterparts[:30], b)


def test_known_maps():
    rng = np.random.default_rng
    a, b, _ = load_domains("turned").pairs(100, rng(0))
    np.testing.assert_allclose(b @ turn(-30), a)
    a, b, k = load_domains("mixture").pairs(3000, rng(0))
    np.testing.assert_allclose((b - (10, -5)) @ turn(-100) / 3, a)
    assert np.bincount(k) / 3000 == pytest.approx([0.6, 0.3, 0.1], abs=0.03)
    a, b, k = load_domains("moons").pairs(2000, rng(0))
    radius = np.linalg.norm(b, axis=1)
    assert radius[k == 0].mean() == pytest.approx(1, abs=0.02)
    assert radius[k == 1].mean() == pytest.approx(0.5, abs=0.02)
    half = np.arctan2(a[k == 0, 1], a[k == 0, 0]).mean()  # the upper moon's middle
    assert half == pytest.approx(np.pi / 2, abs=0.1)


def test_letters_differ_in_their_serifs_only():
    a, b, letters = load_domains("letters").pairs(60, np.random.default_rng(0))
    same = np.linalg.norm(a - b, axis=1)
    other = np.linalg.norm(a - np.roll(b, 1, 0), axis=1)
    assert np.median(same) < 0.6 * np.median(other)
    assert set(letters) <= set("abcdefghijklmnopqrstuvwxyz")


def test_an_unknown_pair_is_told():
    with pytest.raises(
        InputError, match=r"among turned, mixture, .*, simulated-real, got 'horses'"
    ):
        load_domains("horses")


# Images


@pytest.mark.parametrize("name", IMAGES)
def test_images_show_the_character_of_their_class_in_both_domains(name):
    domains = load_domains(name, size=16)
    assert domains.shape == ((16, 16, 3) if name == "colours" else (16, 16))
    assert load_domains(name).shape[:2] == (32, 32)
    a, b, character = domains.pairs(200, np.random.default_rng(0))
    assert min(a.min(), b.min()) >= 0
    assert max(a.max(), b.max()) <= 1
    # The pictures of a pair are nearer to each other, but for colours and scale, than two others.
    same = [correlation(x, y) for x, y in zip(a, b, strict=True)]
    other = [correlation(x, y) for x, y in zip(a, np.roll(b, 1, 0), strict=True)]
    assert np.median(same) > np.median(other) + 0.25
    kinds = "0123456789" if name in ("colours", "simulated-real") else "abcdefghijklmnopqrstuvwxyz"
    assert set(character) <= set(kinds)
    assert len(set(character)) >= 10


def correlation(x, y):
    """Of two pictures in grey; ink may be light on dark paper or the reverse."""
    x, y = (image.reshape(16, 16, -1).mean(axis=2).ravel() for image in (x, y))
    return abs(np.corrcoef(x, y)[0, 1])


@pytest.mark.parametrize(
    ("name", "factor", "plain", "other"),
    [("sans-serif", "family", "sans", "serif"), ("upright-slanted", "slanted", False, True)],
)
def test_fonts_differ_in_one_factor_only(name, factor, plain, other):
    a, b, character = load_domains(name, size=12).pairs(3, np.random.default_rng(4))
    seed = int(np.random.default_rng(4).integers(2**31))
    options = {"families": ("sans",)} if name == "sans-serif" else {"rotation": (-2.0, 2.0)}
    drawn = Glyphs(12, string.ascii_lowercase, slanted=(False,), **options)
    factors = drawn.factors(3, seed)
    assert set(factors[factor]) == {plain}
    np.testing.assert_array_equal(a, drawn.draw(factors).reshape(3, 12, 12))
    factors[factor] = other
    np.testing.assert_array_equal(b, drawn.draw(factors).reshape(3, 12, 12))
    assert character.tolist() == factors["character"].tolist()


def test_colours_become_the_greys_of_their_means():
    a, b, _ = load_domains("colours", size=16).pairs(60, np.random.default_rng(0))
    assert (a == a[..., :1]).all()  # no colour
    assert (b.std(axis=3).max(axis=(1, 2)) > 0.01).all()
    corner = a[:, 0, 0, 0]  # paper
    assert (corner > 0.6).all()
    assert (a.min(axis=(1, 2, 3)) < 0.5).all()
    mean = b.mean(axis=3)
    dark_ink = mean[:, 0, 0] > 0.475
    assert 15 < dark_ink.sum() < 45
    np.testing.assert_allclose(mean[dark_ink], a[dark_ink, ..., 0])
    # Where ink is light, the two greys change places.
    both = mean[~dark_ink] + a[~dark_ink, ..., 0]
    np.testing.assert_allclose(both, both[:, :1, :1].repeat(16, 1).repeat(16, 2))


def test_simulated_digits_are_clean_and_real_ones_are_not():
    a, b, _ = load_domains("simulated-real").pairs(50, np.random.default_rng(0))
    assert (a[:, 0] == 1).all()
    assert (b[:, 0].std(axis=1) > 0.01).all()
    rng = np.random.default_rng(0)
    rng.integers(2**31)  # the seed of the digits
    np.testing.assert_array_equal(b, corrupted(a, rng))


def test_sizes_that_no_domain_has():
    with pytest.raises(InputError, match=r"moons is a pair of rows, .* leave out size"):
        load_domains("moons", size=32)
    for size in (4, 500, 3.5, "32"):
        with pytest.raises(InputError, match="a size from 8 to 128 pixels"):
            load_domains("colours", size=size)
