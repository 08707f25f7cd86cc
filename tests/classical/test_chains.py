"""Diagnostics of chains against arviz, and against what is known of an autoregression."""

import numpy as np
import pytest
from arviz_stats.base import array_stats

from pushforward.classical import chains
from pushforward.errors import InputError

AXES = {"chain_axis": 0, "draw_axis": 1}


def autoregression(n_draws, n_chains, rho, seed=0):
    """x_t = ρ x_{t−1} + √(1 − ρ²) e_t, started from its own law N(0, 1)."""
    noise = np.random.default_rng(seed).standard_normal((n_draws, n_chains))
    x = noise.copy()
    for t in range(1, n_draws):
        x[t] = rho * x[t - 1] + np.sqrt(1 - rho**2) * noise[t]
    return x


def shapes():
    yield "independent", autoregression(200, 4, 0.0)
    yield "correlated", autoregression(1000, 4, 0.95)
    yield "antithetic", autoregression(333, 3, -0.9)
    yield "very antithetic", autoregression(51, 2, -0.99)
    yield "two chains", autoregression(100, 2, 0.5)
    yield "many short chains", autoregression(10, 500, 0.5)
    yield "shifted", autoregression(400, 5, 0.5) + np.arange(5)
    yield "other spreads", autoregression(400, 5, 0.5) * np.arange(1, 6)
    yield "heavy tails", np.random.default_rng(1).standard_cauchy((300, 4))
    yield "ties", np.round(autoregression(301, 4, 0.8))
    yield "two values", (autoregression(301, 4, 0.8) > 0).astype(float)
    for n in range(4, 13):
        yield f"{n} draws", autoregression(n, 3, 0.7, seed=n)


@pytest.mark.parametrize(("kind", "x"), list(shapes()))
def test_agrees_with_arviz(kind, x):  # noqa: ARG001
    with np.errstate(invalid="ignore"):  # arviz's, where a folded indicator is constant
        expected = {
            "ess_bulk": array_stats.ess(x.T, method="bulk", **AXES),
            "ess_tail": array_stats.ess(x.T, method="tail", prob=(0.05, 0.95), **AXES),
            "ess_mean": array_stats.ess(x.T, method="mean", **AXES),
            "mcse_mean": array_stats.mcse(x.T, method="mean", **AXES),
            "r_hat": array_stats.rhat(x.T, method="rank", **AXES),
        }
        split = array_stats.rhat(x.T, method="split", **AXES)
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(chains, name)(x), value, rtol=1e-10, err_msg=name)
    np.testing.assert_allclose(chains.split_r_hat(x[:, :, None]), [split], rtol=1e-10)
    found = chains.diagnose(x[:, :, None])
    for name in ("ess_bulk", "ess_tail", "mcse_mean", "r_hat"):
        np.testing.assert_allclose(getattr(found, name), [expected[name]], rtol=1e-10)
    np.testing.assert_allclose([found.mean, found.sd], [[x.mean()], [x.std(ddof=1)]])


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.6, 0.9])
def test_the_effective_size_is_that_of_an_autoregression(rho):
    x = autoregression(4000, 50, rho)
    expected = x.size * (1 - rho) / (1 + rho)  # τ = (1 + ρ)/(1 − ρ)
    assert chains.ess_mean(x) == pytest.approx(expected, rel=0.1)
    found = chains.autocorrelation(x)
    np.testing.assert_allclose(found[:6], rho ** np.arange(6), atol=0.02)


def test_autocovariance_is_that_of_the_definition():
    x = autoregression(37, 5, 0.4)
    centred = x - x.mean(0)
    by_hand = [(centred[: 37 - t] * centred[t:]).sum() / (37 * 5) for t in range(37)]
    np.testing.assert_allclose(chains._mean_autocovariance(x), by_hand, atol=1e-14)


def test_a_block_of_chains_is_no_other_than_all_of_them(monkeypatch):
    x = autoregression(50, 30, 0.4)
    whole = chains.ess_bulk(x)
    monkeypatch.setattr(chains, "FFT_ELEMENTS", 200)
    assert chains.ess_bulk(x) == pytest.approx(whole, rel=1e-12)


def test_one_chain_is_split_and_a_constant_has_no_r_hat():
    x = autoregression(1000, 1, 0.5)
    assert 1 <= chains.r_hat(x) < 1.05
    drift = x + np.linspace(0, 5, 1000)[:, None]
    assert chains.r_hat(drift) > 1.5
    assert np.isnan(chains.r_hat(np.ones((10, 4))))
    assert chains.ess_bulk(np.ones((10, 4))) == 40
    np.testing.assert_array_equal(chains.autocorrelation(np.ones((10, 4))), 1)


def test_draws_are_left_as_they_are():
    x = autoregression(50, 4, 0.5)[:, :, None]
    before = x.copy()
    chains.diagnose(x)
    np.testing.assert_array_equal(x, before)


def test_the_table_has_a_line_for_each_coordinate():
    lines = str(chains.diagnose(np.ones((9, 2, 2)) * [1.5, 2], ["a", "long name"])).splitlines()
    assert lines[0].split() == ["mean", "sd", "mcse", "ess_bulk", "ess_tail", "r_hat"]
    assert lines[2].split() == ["long", "name", "2", "0", "0", "16", "16", "nan"]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize(
    ("draws", "words"),
    [
        (np.ones((3, 2)), "at least 4 of each chain"),
        (np.ones(10), "shape"),
        (np.full((10, 2), np.nan), "finite"),
    ],
)
def test_draws_that_cannot_be_judged(draws, words):
    with pytest.raises(InputError, match=words):
        chains.r_hat(draws)


def test_diagnose_wants_coordinates():
    with pytest.raises(InputError, match=r"\(n_draws, n_chains, p\), got \(10, 2\)"):
        chains.diagnose(np.ones((10, 2)))
