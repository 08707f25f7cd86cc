"""The autoencoder against the truncated SVD, and the density on its codes."""

import numpy as np
import pytest

import pushforward as pf


@pytest.mark.parametrize("k", [2, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 3))])
def test_the_linear_autoencoder_reaches_the_truncated_svd(k):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3)) @ rng.normal(size=(3, 6)) + 0.3 * rng.normal(size=(600, 6)) + 5
    options = {"linear": True, "max_rounds": 4000, "patience": 10**6, "learning_rate": 1e-2}
    model = pf.Autoencoder(latent_dim=k, **options, random_state=0).fit(X, validation=X)
    Z = model.encoding_.transform(X)
    back = model.encoding_.transform(model.inverse_transform(model.transform(X)))
    singular = np.linalg.svd(Z - Z.mean(0), compute_uv=False)
    least = (singular[k:] ** 2).sum() / len(Z)  # Eckart–Young
    error = ((Z - back) ** 2).sum(1).mean()
    assert least * (1 - 1e-9) <= error <= least * 1.005
    U = np.linalg.svd(Z - Z.mean(0), full_matrices=False)[2][:k]
    truncated = Z.mean(0) + (Z - Z.mean(0)) @ U.T @ U
    np.testing.assert_allclose(back, truncated, atol=0.1)


def test_a_density_on_codes_is_fitted_to_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr("pushforward.models.autoencoder.DENSITY_ROWS", 50)
    X = np.random.default_rng(0).normal(size=(300, 3))
    model = pf.Autoencoder(max_rounds=20, random_state=0).fit(X)
    assert model.density_.n_rows_ == 50
    assert model.sample(4, random_state=0).shape == (4, 3)
