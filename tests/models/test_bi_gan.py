"""BiGAN: its losses against the paper's, its codes in use."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch.nn.functional import softplus

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.models.bi_gan import BiGAN
from pushforward.models.objectives import OBJECTIVES
from pushforward.training.device import seeded
from pushforward.training.game import as_loss


def tiny(**options):
    return BiGAN(**{"latent_dim": 2, "hidden": (8,), "max_rounds": 30, "batch_size": 16} | options)


def rows(n=60, p=4, seed=0):
    return np.random.default_rng(seed).normal(2.0, 3.0, size=(n, p))


def game_of(**options):
    sampler = tiny(**options)
    sampler.encoding_ = Encoding.points(4)
    with seeded(0):
        return sampler._game(40, 4)


def batch(game):
    rng = torch.Generator().manual_seed(1)
    return torch.randn(16, 4, generator=rng), game.noise(16, rng)


# The losses


def test_both_players_pay_for_both_kinds_of_pairs():
    # D: E sp(−ℓ(x, E(x))) + E sp(ℓ(G(z), z));  G, E: the same with the labels swapped.
    game = game_of()
    x, noise = batch(game)
    real = game.discriminator(torch.cat([x, game.encoder(x)], 1))
    fake = game.discriminator(torch.cat([game.generator(noise["z"]), noise["z"]], 1))
    judged = as_loss(game.discriminate(x, noise)).terms
    torch.testing.assert_close(judged["real"], softplus(-real).mean())
    torch.testing.assert_close(judged["fake"], softplus(fake).mean())
    fooled = as_loss(game.generate(x, noise)).terms
    torch.testing.assert_close(fooled["fool"], softplus(-fake).mean())
    torch.testing.assert_close(fooled["fool_encoder"], softplus(real).mean())


@pytest.mark.parametrize("objective", ["minimax", "wasserstein"])
def test_a_zero_sum_objective_stays_zero_sum(objective):
    game = game_of(objective=objective)
    x, noise = batch(game)
    terms = [as_loss(player.loss(x, noise)).terms.values() for player in game.players()]
    torch.testing.assert_close(sum(terms[0]), -sum(terms[1]))


@pytest.mark.parametrize("objective", ["non-saturating", "least-squares", "least-squares-pearson"])
def test_where_pairs_cannot_be_told_apart_both_terms_are_equal(objective):
    game = game_of(objective=objective)
    x, noise = batch(game)
    labels = game.objective
    middle = (labels.a + labels.b) / 2 if hasattr(labels, "a") else 0.0
    with torch.no_grad():
        game.discriminator[-1].weight.zero_()
        game.discriminator[-1].bias.fill_(middle)
    terms = as_loss(game.generate(x, noise)).terms
    torch.testing.assert_close(terms["fool"], terms["fool_encoder"])


@pytest.mark.parametrize("objective", [o for o in OBJECTIVES if o != "boundary-equilibrium"])
def test_encoder_and_discriminator_pull_the_value_of_real_pairs_apart(objective):
    game = game_of(objective=objective)
    x, noise = batch(game)
    value = torch.tensor(0.1, requires_grad=True)
    game.discriminator = Constant(value, len(x))
    (down,) = torch.autograd.grad(sum(as_loss(game.discriminate(x, noise)).terms.values()), value)
    (up,) = torch.autograd.grad(sum(as_loss(game.generate(x, noise)).terms.values()), value)
    assert down * up < 0


class Constant(torch.nn.Module):
    """A discriminator whose value of real pairs alone, which come first, is a given number."""

    def __init__(self, value, n):
        super().__init__()
        self.value, self.n = [value], n

    def forward(self, rows):
        first = (torch.arange(len(rows)) < self.n).float()[:, None]
        return first * self.value[0]


def test_reconstruction_is_the_squared_distance_of_rows_and_what_their_codes_give_back():
    game = game_of(reconstruction_weight=0.5)
    x, noise = batch(game)
    error = x - game.generator(game.encoder(x))
    term = as_loss(game.generate(x, noise)).terms["reconstruction"]
    torch.testing.assert_close(term, 0.5 * error.square().sum(1).mean())


# The estimator


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([tiny(random_state=0)])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


def test_encoder_and_generator_invert_each_other_on_a_curve():
    rng = np.random.default_rng(0)
    t = rng.normal(size=1200)
    X = np.stack([t, np.tanh(t), 0.5 * t], 1) + 0.02 * rng.normal(size=(1200, 3))
    gan = BiGAN(
        latent_dim=1,
        hidden=(32, 32),
        penalty="r1",
        penalty_weight=0.1,
        max_rounds=800,
        learning_rate=1e-3,
        random_state=0,
    ).fit(X[:1000])
    again = gan.inverse_transform(gan.transform(X[1000:]))
    assert (
        1 - np.square(again - X[1000:]).sum() / np.square(X[1000:] - X[1000:].mean(0)).sum() > 0.9
    )
    z = np.random.default_rng(1).normal(size=(500, 1))
    assert np.corrcoef(gan.transform(gan.inverse_transform(z))[:, 0], z[:, 0])[0, 1] > 0.95


def test_saved_and_loaded_it_encodes_and_draws_the_same(tmp_path):
    gan = tiny(random_state=0).fit(rows())
    loaded = pf.load_model(gan.save(tmp_path / "model"))
    assert loaded.get_params() == gan.get_params() == clone(gan).get_params()
    X, z = rows(seed=1), np.random.default_rng(0).normal(size=(5, 2))
    assert np.array_equal(loaded.transform(X), gan.transform(X))
    assert np.array_equal(loaded.inverse_transform(z), gan.inverse_transform(z))
    assert np.array_equal(loaded.sample(4, random_state=2), gan.sample(4, random_state=2))


def test_samples_are_the_generators():
    gan = tiny(random_state=0).fit(rows())
    assert gan.transform(rows()).shape == (60, 2)
    ends = gan.interpolate(rows()[:1], rows()[1:2], steps=3)
    assert np.allclose(ends[0], gan.inverse_transform(gan.transform(rows()[:1]))[0])


@pytest.mark.parametrize("weight", [0, -1.0, "much"])
def test_a_weight_out_of_range_is_told(weight):
    with pytest.raises(InputError, match="reconstruction_weight to be above 0 or None"):
        tiny(reconstruction_weight=weight).fit(rows())


def test_an_autoencoders_error_is_refused():
    with pytest.raises(InputError, match="an objective with values of rows"):
        tiny(objective="boundary-equilibrium").fit(rows())


@pytest.mark.parametrize("name", ["f-pearson-saturating", "f-kl-saturating", "minimax"])
def test_the_saddle_point_is_played_by_both(name):
    """Generator and encoder minimise all that the discriminator maximises."""
    sampler = BiGAN(objective=name, hidden=(8,), latent_dim=2)
    sampler.encoding_ = Encoding.points(3)
    with seeded(0):
        game = sampler._game(20, 3)
        x = torch.randn(16, 3)
    noise = game.noise(16, torch.Generator().manual_seed(0))
    judged = game.discriminate(x, noise).terms
    expected = -(judged["real"] + judged["fake"])
    torch.testing.assert_close(sum(game.generate(x, noise).values()), expected)
