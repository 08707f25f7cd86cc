"""Pairs of domains: true maps are what they say, and rows to learn from are not paired."""

import numpy as np
import pytest

from pushforward.data.domains import DOMAINS, load_domains, turn
from pushforward.errors import InputError


@pytest.mark.parametrize("name", DOMAINS)
def test_rows_to_learn_from_are_unpaired_and_repeat(name):
    domains = load_domains(name)
    a, b = domains.draw(40, 30, np.random.default_rng(0))
    assert (len(a), len(b)) == (40, 30)
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
    with pytest.raises(InputError, match="among turned, mixture, moons, letters, got 'horses'"):
        load_domains("horses")
