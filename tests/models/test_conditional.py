"""Methods that draw by label: they draw what was asked for, and say what cannot be."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from torch.distributions import Normal

import pushforward as pf
from helpers import tiny
from pushforward.errors import InputError
from pushforward.models.conditional_gan import ConditionalGAN
from pushforward.models.conditional_vae import ConditionalVAE

NAMES = ("conditional-gan", "conditional-vae")


def labelled(n=300, seed=0):
    """Three classes, whose rows lie around (4, 0), (0, 4) and (−4, −4)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    centres = np.array([[4.0, 0.0], [0.0, 4.0], [-4.0, -4.0]])
    return centres[y] + 0.3 * rng.normal(size=(n, 2)), y


@pytest.mark.parametrize("name", NAMES)
def test_asked_for_a_class_it_draws_that_class(name):
    X, y = labelled()
    sampler = tiny(name, random_state=0, max_rounds=1000, hidden=(32,)).fit(X, y)
    asked = np.repeat([0, 1, 2], 100)
    drawn = sampler.sample(given=asked, random_state=0)
    centres = np.array([X[y == c].mean(0) for c in range(3)])
    nearest = np.linalg.norm(drawn[:, None] - centres, axis=2).argmin(1)
    assert (nearest == asked).mean() > 0.97
    assert np.array_equal(sampler.sample_given_, asked)
    free = sampler.sample(300, random_state=0)
    nearest = np.linalg.norm(free[:, None] - centres, axis=2).argmin(1)
    assert (nearest == sampler.sample_given_).mean() > 0.97
    assert len(set(nearest)) == 3


def test_digits_of_every_class_are_taken_for_it_by_an_independent_classifier():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    learnt, others = order[:1000], order[1000:]
    judge = SVC(C=10).fit(X[others], y[others])
    sampler = ConditionalVAE(latent_dim=4, max_rounds=1200, random_state=0)
    sampler.fit(X[learnt], y[learnt])
    asked = np.repeat(np.arange(10), 50)
    right = judge.predict(sampler.sample(given=asked, random_state=0)) == asked
    assert right.mean() > 0.9
    assert min(right[asked == c].mean() for c in range(10)) > 0.6


def test_continuous_conditions_move_what_is_drawn():
    rng = np.random.default_rng(0)
    t = rng.uniform(-3, 3, size=600)
    X = np.column_stack([t, t**2]) + 0.1 * rng.normal(size=(600, 2))
    sampler = tiny("conditional-vae", random_state=0, max_rounds=700, hidden=(32, 32)).fit(X, t)
    assert sampler.stores_rows
    for value in (-2.0, 0.5, 2.0):
        drawn = sampler.sample(200, given=value, random_state=0)
        np.testing.assert_allclose(drawn.mean(0), [value, value**2], atol=0.5)


def test_the_game_shows_both_players_the_labels_of_the_batch():
    X, y = labelled()
    sampler = tiny("conditional-gan", random_state=0).fit(X, y)
    game = sampler.game_
    x = torch.as_tensor(np.hstack([X, np.eye(3)[y]]), dtype=torch.float32)
    noise = game.noise(len(x), torch.Generator().manual_seed(0))
    fake = game.generated(x, noise)
    assert torch.equal(fake[:, 2:], x[:, 2:])
    expected = game.generator(torch.cat([noise["z"], x[:, 2:]], 1))
    assert torch.equal(fake[:, :2], expected)
    terms = game.discriminate(x, noise).terms
    real, generated = (game.discriminator(rows) for rows in (x, fake))
    softplus = torch.nn.functional.softplus
    torch.testing.assert_close(terms["real"], softplus(-real).mean())
    torch.testing.assert_close(terms["fake"], softplus(generated).mean())


def test_the_bound_is_that_of_rows_given_their_labels():
    X, y = labelled()
    sampler = tiny("conditional-vae", random_state=0, max_rounds=200).fit(X, y)
    game, Z = sampler.game_, sampler.encoding_.transform(X)
    x = torch.as_tensor(np.hstack([Z, np.eye(3)[y]]), dtype=torch.float32)
    noise = game.noise(len(x), torch.Generator().manual_seed(0))
    mean, log_variance = game.encoder(x).chunk(2, 1)
    z = mean + (0.5 * log_variance).exp() * noise["epsilon"]
    decoded = game.decoder(torch.cat([z, x[:, 2:]], 1))
    s = (0.5 * game.scale.log_variance).exp()
    expected = -Normal(decoded, s).log_prob(x[:, :2]).sum(1).mean()
    torch.testing.assert_close(game.bound(x, noise)["reconstruction"], expected)
    bound = sampler.log_likelihood_bound(X, k=5, given=y, random_state=0)
    wrong = sampler.log_likelihood_bound(X, k=5, given=(y + 1) % 3, random_state=0)
    assert bound.mean() > wrong.mean()


def test_codes_are_decoded_under_another_label():
    X, y = labelled()
    sampler = tiny("conditional-vae", random_state=0, max_rounds=600, hidden=(32,)).fit(X, y)
    moved = sampler.inverse_transform(sampler.transform(X, given=y), given=2)
    assert np.linalg.norm(moved - [-4, -4], axis=1).mean() < 1.5
    # Rows without labels are coded under those that they are likeliest to have.
    np.testing.assert_allclose(sampler.transform(X), sampler.transform(X, given=y), atol=1e-6)
    assert sampler.interpolate(X[:2], X[2:4], 5, given=0).shape == (10, 2)
    with pytest.raises(InputError, match="given="):
        sampler.inverse_transform(sampler.transform(X))


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_is_told_in_words(name):
    X, y = labelled()
    with pytest.raises(InputError, match="give a label for each row"):
        tiny(name).fit(X)
    with pytest.raises(InputError, match="each of 300 rows, got 299"):
        tiny(name).fit(X, y[:-1])
    with pytest.raises(InputError, match="1 of 300 are missing"):
        tiny(name).fit(X, [None, *y[1:]])
    with pytest.raises(InputError, match="labels of the validation rows"):
        tiny(name).fit(X, y, validation=X[:50])
    sampler = tiny(name, random_state=0).fit(X, y, validation=X[:50], y_validation=y[:50])
    with pytest.raises(InputError, match="label 7 was not seen in training; the classes are 0, 1"):
        sampler.sample(3, given=7)
    with pytest.raises(InputError, match="1 or 3 values"):
        sampler.sample(3, given=[0, 1])
    with pytest.raises(InputError, match="no conditional form"):
        ConditionalGAN(rejection=True).fit(X, y)


@pytest.mark.filterwarnings("ignore:a saved .* contains training rows")
def test_several_columns_are_given_by_name(tmp_path):
    X, y = labelled()
    Y = pd.DataFrame({"kind": np.array(["a", "b", "c"])[y], "height": X[:, 0] + 10})
    sampler = tiny("conditional-vae", random_state=0, max_rounds=400).fit(X, Y)
    loaded = pf.load_model(sampler.save(tmp_path / "model"))
    drawn = loaded.sample(50, given={"kind": "b"}, random_state=0)
    assert np.array_equal(drawn, sampler.sample(50, given={"kind": "b"}, random_state=0))
    assert set(loaded.sample_given_["kind"]) == {"b"}
    assert len(loaded.sample(given={"kind": ["a", "b", "c"], "height": 10.0})) == 3
    assert abs(loaded.sample_given_["height"].mean() - 10) < 0.5


@pytest.mark.parametrize("name", NAMES)
def test_members_of_a_population_draw_by_label(name):
    X, y = labelled()
    fits = pf.fit_population(name, X, y, random_states=[0, 1], hidden=(8,), max_rounds=30)
    alone = tiny(name, random_state=1, max_rounds=30).fit(X, y)
    drawn = fits[1].sample(20, given=1, random_state=0)
    np.testing.assert_allclose(drawn, alone.sample(20, given=1, random_state=0), atol=1e-3)
