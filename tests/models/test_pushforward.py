"""The map from codes to data draws what its sampler draws, and has a slope."""

import numpy as np
import pandas as pd
import pytest

from helpers import tiny
from pushforward.data.triangles import triangles
from pushforward.errors import InputError
from pushforward.models.pushforward import pushforward_of

IMAGES = triangles(60, 8, seed=3).X.reshape(-1, 8, 8)


@pytest.mark.parametrize("name", ["gan", "autoencoder", "vae", "bi-gan", "progressive-gan"])
def test_it_draws_as_the_sampler_does(name):
    sampler = tiny(name, random_state=0).fit(IMAGES, progress=False)
    assert sampler.encoding_.width < 64  # of pixels that never vary
    G, z = pushforward_of(sampler, 300, random_state=1)
    rows = G(z.requires_grad_())
    rows.sum().backward()
    assert z.grad.abs().max() > 0
    mapped = rows.detach().numpy()
    assert mapped.min() >= 0
    assert mapped.max() <= 1
    drawn = sampler.sample(300, random_state=2).reshape(300, -1)
    error = 5 * np.sqrt(drawn.var(0) + mapped.var(0)).max() / np.sqrt(300)
    assert mapped.mean(0) == pytest.approx(drawn.mean(0), abs=error)
    constant = drawn.var(0) == 0
    assert np.allclose(mapped[:, constant], drawn[:, constant], atol=1e-6)


def test_codes_of_a_vae_are_decoded_as_by_its_inverse_transform():
    X = np.random.default_rng(0).normal(size=(80, 4)) * [1, 10, 0, 3] + 5
    sampler = tiny("vae", random_state=0).fit(X, progress=False)
    G, z = pushforward_of(sampler, 20)
    expected = sampler.inverse_transform(z.numpy())
    assert np.allclose(G(z).detach().numpy(), expected, rtol=1e-4, atol=1e-4)


def test_numbers_of_a_table_are_decoded_along_their_curves():
    w = np.random.default_rng(0).normal(size=(300, 2))
    frame = pd.DataFrame({"skewed": np.exp(2 * w[:, 0]), "constant": 7.0, "plain": w[:, 1]})
    sampler = tiny("vae", random_state=0).fit(frame, progress=False)
    G, z = pushforward_of(sampler, 50)
    expected = sampler.inverse_transform(z.numpy()).to_numpy()
    rows = G(z.requires_grad_())
    np.testing.assert_allclose(rows.detach().numpy(), expected, rtol=1e-3, atol=1e-3)
    rows.sum().backward()
    assert z.grad.abs().min() > 0


def test_without_such_a_map_there_is_none():
    rows = IMAGES.reshape(len(IMAGES), -1)
    labels = np.arange(len(rows)) % 2
    assert pushforward_of(tiny("gaussian").fit(rows)) is None
    assert pushforward_of(tiny("info-gan", random_state=0).fit(rows, progress=False)) is None
    conditional = tiny("conditional-gan", random_state=0).fit(rows, labels, progress=False)
    assert pushforward_of(conditional) is None


def test_categories_have_no_slope():
    frame = pd.DataFrame({"a": np.linspace(0, 1, 40), "b": ["x", "y"] * 20})
    with pytest.raises(InputError, match="categories and holes have no slope"):
        pushforward_of(tiny("gan", random_state=0).fit(frame, progress=False))
