"""The variational autoencoder against torch.distributions and probabilistic PCA."""

import math
from copy import deepcopy
from itertools import islice, pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA, FactorAnalysis
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

import pushforward as pf
from games import same, start, weights
from pushforward.data.toys import manifold
from pushforward.errors import InputError
from pushforward.models.bound import importance_weighted_bound
from pushforward.models.vae import DecoderScale, Variational, kl_to_standard_normal
from pushforward.networks.mlp import mlp
from pushforward.training.device import seeded
from pushforward.training.loop import play
from pushforward.training.population import Population

WARM = {"warm_up": 8, "decoder_variance": "column", "beta": 2.0}


def test_kl_agrees_with_torch_distributions():
    mean, log_variance = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1))
    q = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    p = Independent(Normal(torch.zeros(4), torch.ones(4)), 1)
    expected = kl_divergence(q, p)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)


@pytest.mark.parametrize("columns", [None, 4])
def test_the_decoders_density_agrees_with_torch_distributions(columns):
    scale = DecoderScale(columns)
    rng = torch.Generator().manual_seed(0)
    torch.nn.init.normal_(scale.raw, generator=rng)
    error = torch.randn(6, 4, generator=rng)
    s = (0.5 * scale.raw).exp().expand(4)
    expected = Independent(Normal(torch.zeros(4), s), 1).log_prob(error)
    torch.testing.assert_close(scale.log_density(error), expected)


def linear_game(p=3, k=2, seed=0, columns=None):
    with seeded(seed):
        game = Variational(mlp(p, (), 2 * k), mlp(k, (), p), k, scale=DecoderScale(columns))
    return game.double()


def exact_log_likelihood(game, x):
    """Of a linear decoder: x ~ N(b, W Wᵀ + diag s²)."""
    W, b = game.decoder[0].weight.detach(), game.decoder[0].bias.detach()
    s2 = game.scale.log_variance.detach().exp().expand(len(b))
    return MultivariateNormal(b, W @ W.T + s2.diag()).log_prob(x)


def elbo(game, x, seed=2):
    noise = {"epsilon": torch.randn(len(x), game.k, generator=torch.Generator().manual_seed(seed))}
    return -sum(game.bound(x, {"epsilon": noise["epsilon"].double()}).values())


def test_the_bound_is_below_the_likelihood_and_met_by_the_true_posterior_only():
    game = linear_game()
    x = torch.randn(2000, 3, generator=torch.Generator().manual_seed(1)).double()
    likelihood = exact_log_likelihood(game, x).mean()
    assert elbo(game, x) < likelihood - 0.1
    W, b = game.decoder[0].weight.data, game.decoder[0].bias.data
    s2 = game.scale.log_variance.exp().detach()
    posterior = torch.linalg.inv(torch.eye(2) + W.T @ W / s2)
    rotation = torch.linalg.eigh(posterior).eigenvectors
    # In the basis in which the posterior is diagonal the encoder can express it exactly.
    game.decoder[0].weight.data = W @ rotation
    A = rotation.T @ posterior @ W.T / s2
    variance = torch.diag(rotation.T @ posterior @ rotation)
    game.encoder[0].weight.data = torch.cat([A, torch.zeros(2, 3)])
    game.encoder[0].bias.data = torch.cat([-A @ b, variance.log()])
    assert elbo(game, x).item() == pytest.approx(likelihood.item(), abs=0.05)
    # With the true posterior every weight is p(x) itself, so one draw is enough.
    one = importance_weighted_bound(game, x, 1, torch.Generator().manual_seed(0))
    torch.testing.assert_close(one, exact_log_likelihood(game, x))


@pytest.mark.parametrize("columns", [None, 3])
def test_the_importance_weighted_bound_rises_with_its_draws_to_the_likelihood(columns):
    game = linear_game(columns=columns)
    game.scale.raw.data.fill_(0.0)
    game.encoder[0].weight.data[2:] = 0.0
    game.encoder[0].bias.data[2:] = 1.0  # wider than the true posterior, so weights are bounded
    x = torch.randn(1000, 3, generator=torch.Generator().manual_seed(1)).double()
    rng = torch.Generator().manual_seed(2)
    bounds = [importance_weighted_bound(game, x, k, rng).mean() for k in (1, 4, 16, 64)]
    assert all(a < b for a, b in pairwise(bounds))
    likelihood = exact_log_likelihood(game, x).mean()
    assert bounds[-1] < likelihood
    many = importance_weighted_bound(game, x, 5000, rng).mean()
    assert bounds[0] < many - 0.5
    assert many.item() == pytest.approx(likelihood.item(), abs=0.02)
    # One draw is the ELBO, whose KL is known in closed form, by another estimator.
    ones = [importance_weighted_bound(game, x, 1, rng).mean() for _ in range(50)]
    elbos = [elbo(game, x, seed) for seed in range(50)]
    difference = torch.stack(ones).mean() - torch.stack(elbos).mean()
    error = (torch.stack(ones).var() / 50 + torch.stack(elbos).var() / 50).sqrt()
    assert abs(difference) < 4 * error


def test_the_linear_vae_is_probabilistic_pca():
    """Tipping & Bishop 1999: ML has s² the mean of the discarded eigenvalues."""
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    X = rng.normal(size=(1000, 5)) * [3, 2, 0.6, 0.5, 0.4] @ rotation.T + 1
    options = {"max_rounds": 3000, "patience": 10**6, "learning_rate": 1e-2, "batch_size": 256}
    vae = pf.VAE(latent_dim=2, hidden=(), **options, random_state=0).fit(X, validation=X)
    Z = vae.encoding_.transform(X)
    discarded = np.linalg.eigvalsh(np.cov(Z.T, bias=True))[:3].mean()
    assert vae.game_.scale.log_variance.exp().item() == pytest.approx(discarded, rel=0.02)
    units = vae.encoding_.log_scale  # from standardised columns to those of the data
    exact = exact_log_likelihood(deepcopy(vae.game_).double(), torch.as_tensor(Z)).numpy() - units
    bound = vae.log_likelihood_bound(X, k=200, random_state=0)
    np.testing.assert_allclose(bound, exact, atol=0.05)
    maximum = PCA(2).fit(X / X.std(0)).score(X / X.std(0)) - units  # scikit-learn's pPCA
    assert maximum - 1e-3 < bound.mean() < maximum + 5e-4
    assert maximum - 2e-3 < vae.log_likelihood_bound(X, k=1, random_state=0).mean()
    assert vae.active_units(X).tolist() == [True, True]


def test_the_bound_is_in_the_units_of_the_data():
    X = np.random.default_rng(0).normal(size=(80, 3))
    options = {"latent_dim": 2, "max_rounds": 50, "random_state": 0}
    bound = pf.VAE(**options).fit(X).log_likelihood_bound(X, k=5, random_state=0)
    larger = pf.VAE(**options).fit(8 * X).log_likelihood_bound(8 * X, k=5, random_state=0)
    np.testing.assert_allclose(larger, bound - 3 * math.log(8))
    assert np.array_equal(
        bound, pf.VAE(**options).fit(X).log_likelihood_bound(X, k=5, random_state=0)
    )


def test_what_has_no_density_has_no_bound():
    frame = pd.DataFrame({"v": np.arange(30.0) ** 1.5, "kind": list("ab") * 15})
    vae = pf.VAE(max_rounds=20, random_state=0).fit(frame)
    with pytest.raises(InputError, match="categories or holes has no density"):
        vae.log_likelihood_bound(frame)
    X = np.random.default_rng(0).normal(size=(30, 2))
    vae = pf.VAE(max_rounds=20, random_state=0).fit(X)
    for k in (0, 2.5, True):
        with pytest.raises(InputError, match="k to be a whole number above 0"):
            vae.log_likelihood_bound(X, k=k)
    X[3, 1] = np.nan
    with pytest.raises(InputError, match="without missing values"):
        vae.log_likelihood_bound(X)
    assert not hasattr(vae, "score_samples")  # a bound is not called a density


def test_units_without_information_are_not_active():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 6)) + 0.05 * rng.normal(size=(400, 6))
    vae = pf.VAE(latent_dim=4, hidden=(), max_rounds=3000, learning_rate=1e-2, random_state=0)
    active = vae.fit(X).active_units(X)
    assert active.sum() == 2
    variances = vae.transform(X).var(axis=0)
    assert variances[active].min() > 0.5  # of informative units nearly the prior's 1
    assert variances[~active].max() < 0.01


def test_beta_grows_linearly_over_the_first_rounds_and_then_stays():
    training = start("vae", WARM)
    found = []
    for _ in islice(play(training), 12):
        found.append(training.game.kl_weight().item())  # of the round to come
    expected = [2.0 * min(1.0, (r + 1) / 8) for r in range(1, 13)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert start("vae", WARM).game.kl_weight().item() == pytest.approx(2.0 / 8)


def test_a_warm_up_resumes_exactly():
    straight = start("vae", WARM)
    for _ in islice(play(straight), 12):
        pass
    first = start("vae", WARM)
    for _ in islice(play(first), 5):
        pass
    second = start("vae", WARM, seed=1)
    second.load_state_dict(first.state_dict())
    second.stream.x = first.stream.x
    for _ in islice(play(second), 7):
        pass
    assert same(weights(straight), weights(second))
    assert second.game.rounds.item() == 12


def test_members_of_a_population_warm_up_as_alone():
    """Each with its own β, and the counter of rounds a row of a stack."""
    members = [start("vae", WARM | {"beta": beta}, seed=s) for s, beta in enumerate((0.5, 4.0))]
    alone = [start("vae", WARM | {"beta": beta}, seed=s) for s, beta in enumerate((0.5, 4.0))]
    for training in (Population(members), *alone):
        for _ in islice(play(training), 12):
            pass
    for together, solo in zip(members, alone, strict=True):
        assert together.game.rounds.item() == 12
        for name, weight in weights(solo).items():
            torch.testing.assert_close(
                weights(together)[name], weight, rtol=1e-2, atol=2e-3, msg=name
            )


def test_the_linear_vae_with_a_variance_of_each_column_is_factor_analysis():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 1)) + [0.3, 0.5, 0.4, 0.8] * rng.normal(size=(1000, 4))
    options = {"hidden": (), "max_rounds": 2000, "patience": 10**6, "learning_rate": 2e-2}
    vae = pf.VAE(latent_dim=1, decoder_variance="column", **options, random_state=0)
    vae.set_params(batch_size=256).fit(X, validation=X)
    by_em = FactorAnalysis(1, tol=1e-8, max_iter=5000).fit(X)
    s2 = vae.game_.scale.log_variance.exp().detach().numpy() * X.var(0)
    np.testing.assert_allclose(s2, by_em.noise_variance_, rtol=0.06)
    bound = vae.log_likelihood_bound(X, random_state=0).mean()
    assert bound == pytest.approx(by_em.score(X), abs=3e-3)


@pytest.mark.parametrize("variance", ["shared", "column"])
def test_the_vae_adds_its_own_variance_when_asked(variance):
    X = np.random.default_rng(0).normal(size=(300, 4))
    options = {"latent_dim": 2, "max_rounds": 300, "decoder_variance": variance}
    vae = pf.VAE(**options, random_state=0).fit(X, validation=X)
    s2 = vae.game_.scale.log_variance.exp().detach().expand(4).numpy()
    a = vae.sample(20_000, random_state=0) / X.std(0)
    b = vae.set_params(noise=True).sample(20_000, random_state=0) / X.std(0)
    np.testing.assert_allclose(b.var(0) - a.var(0), s2, rtol=0.15)


def test_a_hundred_rows_on_a_surface_are_recovered():
    """Four modes on a surface of two dimensions in 32: codes of fresh rows give away both."""
    source = manifold()
    X, held, fresh = (
        source.draw(n, np.random.default_rng(s)) for n, s in ((100, 0), (50, 1), (500, 2))
    )
    vae = pf.VAE(latent_dim=2, max_rounds=2000, random_state=0).fit(X, validation=held)
    codes, known = vae.transform(fresh), vae.transform(X)
    nearest = np.linalg.norm(codes[:, None] - known, axis=2).argmin(1)
    modes, all_modes = source.assign(X)[0], source.assign(fresh)[0]
    assert set(all_modes) == {0, 1, 2, 3}
    assert np.mean(modes[nearest] == all_modes) > 0.9
    back = vae.inverse_transform(codes)
    assert ((fresh - back) ** 2).sum() < 0.2 * ((fresh - fresh.mean(0)) ** 2).sum()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"beta": -1.0}, "beta to be at least 0"),
        ({"warm_up": -1}, "warm_up to be a whole number of rounds"),
        ({"warm_up": 2.5}, "warm_up"),
        ({"decoder_variance": "each"}, "decoder_variance among 'shared', 'column', got 'each'"),
        ({"noise": "no"}, "noise to be True or False"),
    ],
)
def test_options_out_of_range_are_told(options, words):
    with pytest.raises(InputError, match=words):
        pf.VAE(**options).fit(np.random.default_rng(0).normal(size=(20, 4)))


def test_a_warm_up_and_a_variance_of_each_column_are_saved(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    options = {"latent_dim": 2, "hidden": (8,), "max_rounds": 30, "noise": True, **WARM}
    vae = pf.VAE(**options, random_state=0).fit(X)
    loaded = pf.load_model(vae.save(tmp_path / "model"))
    assert np.array_equal(loaded.sample(5, random_state=0), vae.sample(5, random_state=0))
    bounds = [m.log_likelihood_bound(X, k=3, random_state=0) for m in (vae, loaded)]
    assert np.array_equal(*bounds)
