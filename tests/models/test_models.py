"""The neural methods against closed forms."""

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch.distributions import Independent, Normal, kl_divergence

import pushforward as pf
from pushforward.data.toys import manifold
from pushforward.errors import Diverged, InputError
from pushforward.models.objectives import OBJECTIVES
from pushforward.models.vae import Variational, kl_to_standard_normal
from pushforward.networks.mlp import mlp


def test_losses_stay_finite_where_the_sigmoid_does_not():
    extreme = torch.tensor([[1e4], [-1e4]])
    for name in ("minimax", "non-saturating", "hinge", "relativistic"):
        objective = OBJECTIVES[name]()
        for terms in (
            objective.discriminator(extreme, extreme),
            objective.generator(extreme, extreme),
        ):
            assert all(torch.isfinite(value) for value in terms.values())


def test_kl_agrees_with_torch_distributions():
    mean, log_variance = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1))
    q = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    p = Independent(Normal(torch.zeros(4), torch.ones(4)), 1)
    expected = kl_divergence(q, p)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)


def test_the_bound_is_below_the_likelihood_where_that_is_known():
    """For a linear decoder x ~ N(0, W Wᵀ + s² I); the bound is met by the true posterior only."""
    torch.manual_seed(0)
    game = Variational(mlp(3, (), 4), mlp(2, (), 3), k=2)
    W, b = game.decoder[0].weight.double(), game.decoder[0].bias.double()
    s2 = game.scale.log_variance.exp().double()
    x = torch.randn(2000, 3).double()
    covariance = W @ W.T + s2 * torch.eye(3)
    likelihood = torch.distributions.MultivariateNormal(b, covariance).log_prob(x).mean()
    game = game.double()

    def bound():
        noise = {
            "epsilon": torch.randn(2000, 2, generator=torch.Generator().manual_seed(2)).double()
        }
        return -sum(game.bound(x, noise).values())

    assert bound() < likelihood - 0.1
    precision = torch.eye(2) + W.T @ W / s2
    posterior = torch.linalg.inv(precision)
    rotation = torch.linalg.eigh(posterior).eigenvectors
    # In the basis in which the posterior is diagonal the encoder can express it exactly.
    game.decoder[0].weight.data = W @ rotation
    A = rotation.T @ posterior @ W.T / s2
    variance = torch.diag(rotation.T @ posterior @ rotation)
    game.encoder[0].weight.data = torch.cat([A, torch.zeros(2, 3)])
    game.encoder[0].bias.data = torch.cat([-A @ b, variance.log()])
    assert bound().item() == pytest.approx(likelihood.item(), abs=0.05)


def test_the_linear_autoencoder_reaches_the_truncated_svd():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3)) @ rng.normal(size=(3, 6)) + 0.3 * rng.normal(size=(600, 6)) + 5
    options = {"latent_dim": 2, "linear": True, "max_rounds": 6000, "patience": 6000}
    model = pf.Autoencoder(**options, learning_rate=3e-3, random_state=0).fit(X, validation=X)
    Z = model.encoding_.transform(X)
    back = model.encoding_.transform(model.inverse_transform(model.transform(X)))
    best = PCA(2).fit(Z)
    least = ((Z - best.inverse_transform(best.transform(Z))) ** 2).sum(1).mean()
    error = ((Z - back) ** 2).sum(1).mean()
    assert least * (1 - 1e-9) <= error <= least * 1.02


def test_codes_and_rows_are_of_the_right_kind():
    frame = pf.load_data("wine").X
    for name in ("autoencoder", "vae"):
        model = pf.METHODS[name].make(latent_dim=3, max_rounds=50, random_state=0).fit(frame)
        codes = model.transform(frame)
        assert codes.shape == (178, 3)
        assert list(model.inverse_transform(codes).columns) == list(frame.columns)


def test_the_vae_adds_its_own_variance_when_asked():
    X = np.random.default_rng(0).normal(size=(300, 4))
    vae = pf.VAE(latent_dim=2, max_rounds=300, random_state=0).fit(X, validation=X)
    s = math.exp(0.5 * vae.game_.scale.log_variance.item())
    a = vae.sample(20_000, random_state=0) / X.std(0)
    b = vae.set_params(noise=True).sample(20_000, random_state=0) / X.std(0)
    extra = b.var(0) - a.var(0)
    np.testing.assert_allclose(extra, s * s, rtol=0.15)


@pytest.mark.parametrize("name", ["gan", "vae", "autoencoder"])
def test_options_out_of_range_are_told(name):
    X = np.random.default_rng(0).normal(size=(20, 4))
    for options, words in (
        ({"latent_dim": 0}, "latent_dim to be a whole number above 0"),
        ({"latent_dim": 2.5}, "latent_dim to be a whole number above 0"),
        ({"latent_dim": 30}, r"rows as latent dimensions \(30\), got \d+ rows"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_rounds": "many"}, "max_rounds"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"average": 1.0}, "average"),
        ({"hidden": "wide"}, "hidden"),
        ({"hidden": (0,)}, "hidden"),
    ):
        with pytest.raises(InputError, match=words):
            pf.METHODS[name].make(**options).fit(X)
    with pytest.raises(InputError, match=r"objective among 'minimax', .* got 'w'"):
        pf.GAN(objective="w").fit(X)
    with pytest.raises(InputError, match="prior among"):
        pf.GAN(prior="cauchy").fit(X)


def test_divergence_is_named():
    X = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(Diverged, match="not finite; try a smaller learning_rate"):
        pf.VAE(learning_rate=1e30, max_rounds=200, random_state=0).fit(X)


def test_training_improves_on_where_it_began():
    """Samples of the kept state are nearer to unseen rows than those of the first rounds."""
    source = manifold()
    X, held = (source.draw(500, np.random.default_rng(seed)) for seed in (0, 1))
    vae = pf.VAE(max_rounds=1500, random_state=0).fit(X, validation=held)
    scores = dict(vae.scores_)
    assert scores[vae.best_round_] == min(scores.values())
    assert min(scores.values()) < 0.6 * vae.scores_[0][1]


def test_a_density_on_codes_is_fitted_to_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr("pushforward.models.autoencoder.DENSITY_ROWS", 50)
    X = np.random.default_rng(0).normal(size=(300, 3))
    model = pf.Autoencoder(max_rounds=20, random_state=0).fit(X)
    assert model.density_.n_rows_ == 50
    assert model.sample(4, random_state=0).shape == (4, 3)
