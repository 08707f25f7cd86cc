"""InfoGAN: its bound against closed forms, its codes in use."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch.distributions import Categorical, Normal

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.evaluation.clusters import cluster_accuracy
from pushforward.models.codes import Codes
from pushforward.models.gan import GAN
from pushforward.models.info_gan import InfoGAN
from pushforward.training.device import seeded
from pushforward.training.game import as_loss


def tiny(**options):
    return InfoGAN(
        **{"categories": 3, "hidden": (8,), "max_rounds": 30, "batch_size": 16} | options
    )


def rows(n=60, p=4, seed=0):
    return np.random.default_rng(seed).normal(2.0, 3.0, size=(n, p))


def game_of(**options):
    sampler = tiny(**options)
    sampler.encoding_ = Encoding.points(4)
    with seeded(0):
        return sampler._game(40, 4)


# The law of codes and the bound


def test_codes_are_drawn_uniform_and_independent():
    c = Codes(4, 2).draw(40_000, torch.Generator().manual_seed(0))
    assert ((c[:, :4] == 0) | (c[:, :4] == 1)).all()
    assert (c[:, :4].sum(1) == 1).all()
    torch.testing.assert_close(c[:, :4].mean(0), torch.full((4,), 0.25), atol=0.011, rtol=0)
    numbers = c[:, 4:]
    assert (numbers.abs() <= 1).all()
    torch.testing.assert_close(numbers.var(0), torch.full((2,), 1 / 3), atol=0.008, rtol=0)
    off = torch.corrcoef(torch.cat([c[:, :1], numbers], 1).T) - torch.eye(3)
    assert off.abs().max() < 0.025


def test_the_bound_is_the_mean_log_likelihood_plus_entropy():
    codes, rng = Codes(3, 2), torch.Generator().manual_seed(0)
    c, recognised = codes.draw(50, rng), torch.randn(50, 7, generator=rng)
    bound = codes.information(c, recognised)
    category = Categorical(logits=recognised[:, :3]).log_prob(c[:, :3].argmax(1)).mean()
    entropy = torch.distributions.Uniform(-1.0, 1.0).entropy()
    scales = recognised[:, 5:].clamp(-3, 1).exp()
    number = Normal(recognised[:, 3:5], scales).log_prob(c[:, 3:]).sum(1).mean()
    torch.testing.assert_close(bound["category"], category + torch.tensor(3.0).log())
    torch.testing.assert_close(bound["numbers"], number + 2 * entropy)


def test_the_bound_of_numbers_seen_in_noise_stays_below_what_is_told():
    # x = c + N(0, s²): with Q = N(x, s²) the bound is log 2 − ½ log(2πe s²), below I(c; x).
    rng, s = torch.Generator().manual_seed(0), 0.1
    c = Codes(0, 1).draw(100_000, rng)
    x = c + s * torch.randn(len(c), 1, generator=rng)
    recognised = torch.cat([x, torch.full_like(x, np.log(s))], 1)
    exact = np.log(2) - 0.5 * np.log(2 * np.pi * np.e * s**2)
    assert float(Codes(0, 1).information(c, recognised)["numbers"]) == pytest.approx(
        exact, abs=0.01
    )


def test_a_generators_loss_is_that_of_a_gan_less_the_weighted_bounds():
    options = {"continuous_codes": 1, "category_weight": 2.0, "continuous_weight": 0.3, "blur": 0.7}
    game = game_of(**options)
    noise = game.noise(16, torch.Generator().manual_seed(1))
    x = torch.randn(16, 4, generator=torch.Generator().manual_seed(2))
    terms = as_loss(game.generate(x, noise)).terms
    fake = game.generator(noise["z"])
    seen = fake + 0.7 * noise["blur"]
    bound = game.codes.information(noise["z"][:, -4:], game.recogniser(seen))
    torch.testing.assert_close(terms["information_category"], -2 * bound["category"])
    torch.testing.assert_close(terms["information_numbers"], -0.3 * bound["numbers"])
    plain = game.objective.generator(None, game.discriminator(fake))["fool"]
    torch.testing.assert_close(terms["fool"], plain)


def test_what_is_told_through_blur_is_the_capacity_of_a_binary_channel_in_noise():
    # G(c) = ±1 and the best Q, of log-odds 2x/σ²: E over x = 1 + σε of log 2 − log(1 + e^(−2x/σ²)).
    sigma = 0.8
    game = game_of(categories=2, blur=sigma, category_weight=1.0, hidden=())
    with torch.no_grad():
        for network in (game.generator[0], game.recogniser[0]):
            network.weight.zero_()
            network.bias.zero_()
        game.generator[0].weight[0, -2:] = torch.tensor([1.0, -1.0])  # only the first column varies
        game.recogniser[0].weight[:, 0] = torch.tensor([1.0, -1.0]) / sigma**2
    noise = game.noise(100_000, torch.Generator().manual_seed(0))
    told = -as_loss(game.generate(torch.zeros(100_000, 4), noise)).terms["information_category"]
    nodes, weight = np.polynomial.hermite_e.hermegauss(60)
    inner = np.log(2) - np.logaddexp(0, -2 * (1 + sigma * nodes) / sigma**2)
    exact = (weight * inner).sum() / weight.sum()
    assert float(told.detach()) == pytest.approx(exact, abs=0.005)
    assert exact < np.log(2) - 0.1


def test_information_moves_no_part_of_a_shared_discriminator():
    game = game_of(shared=True)
    discriminator, generator = game.players()
    names = set(game.owned(generator))
    assert {n.split(".")[0] for n in names} == {"generator", "recogniser"}
    assert {n.split(".")[0] for n in game.owned(discriminator)} == {"discriminator"}
    noise = game.noise(16, torch.Generator().manual_seed(1))
    x = torch.randn(16, 4, generator=torch.Generator().manual_seed(2))
    assert not any("information" in t for t in as_loss(game.discriminate(x, noise)).terms)


# The estimator


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([tiny(random_state=0, categories=2, continuous_codes=1)])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


def test_clusters_that_are_far_apart_are_found_and_drawn_by_category():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=900)
    centres = np.array([[0.0, 4.0], [-4.0, -3.0], [4.0, -3.0]])
    X = centres[y] + 0.5 * rng.normal(size=(900, 2))
    gan = InfoGAN(
        categories=3,
        hidden=(32, 32),
        latent_dim=2,
        penalty="r1",
        max_rounds=500,
        learning_rate=1e-3,
        penalty_weight=0.1,
        random_state=0,
    ).fit(X[:600])
    assert cluster_accuracy(y[600:], gan.predict(X[600:])).accuracy > 0.95
    for k in range(3):
        drawn = gan.sample(200, given=k, random_state=1)
        assert np.mean(gan.predict(drawn) == k) > 0.95


def test_what_is_given_is_used_and_the_rest_is_drawn():
    gan = tiny(continuous_codes=2, random_state=0).fit(rows())
    plain = gan.sample(5, random_state=1)
    assert np.array_equal(gan.sample(5, given={}, random_state=1), plain)
    by_name = gan.sample(5, given={"category": 2}, random_state=1)
    assert np.array_equal(gan.sample(5, given=2, random_state=1), by_name)
    assert np.array_equal(gan.sample(5, given=[2] * 5, random_state=1), by_name)
    assert np.array_equal(gan.sample(5, given="2", random_state=1), by_name)
    low, high = (gan.sample(5, given={"c1": v}, random_state=1) for v in (-1, 1))
    assert not np.array_equal(low, high)


def test_typical_rows_are_those_of_the_middle_of_the_noise():
    gan = tiny(continuous_codes=1, random_state=0).fit(rows())
    codes = np.array([[1, 0, 0, 0.5], [0, 0, 1, -0.5]])
    z = torch.cat([torch.zeros(2, 8), torch.as_tensor(codes).float()], 1)
    with torch.no_grad():
        expected = gan.encoding_.inverse_transform(gan.game_.generator(z).double().numpy())
    assert np.allclose(gan.inverse_transform(codes), expected)
    read = gan.transform(rows(seed=1))
    assert np.allclose(read[:, :3].sum(1), 1)
    assert np.array_equal(gan.predict(rows(seed=1)), read[:, :3].argmax(1))


def test_saved_and_loaded_it_reads_and_draws_the_same(tmp_path):
    gan = tiny(continuous_codes=1, shared=True, random_state=0).fit(rows())
    loaded = pf.load_model(gan.save(tmp_path / "model"))
    assert loaded.get_params() == gan.get_params() == clone(gan).get_params()
    assert np.array_equal(loaded.transform(rows(seed=1)), gan.transform(rows(seed=1)))
    a, b = (g.sample(4, given={"c0": 0.3}, random_state=2) for g in (gan, loaded))
    assert np.array_equal(a, b)


def test_rows_that_never_vary_are_one_cluster():
    gan = tiny(random_state=0).fit(np.full((5, 2), 7.0))
    assert (gan.predict(np.full((3, 2), 7.0)) == 0).all()
    assert (gan.sample(2, given=1) == 7.0).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"categories": 61}, r"at least as many training rows as categories \(61\)"),
        ({"categories": 0}, "expected a code"),
        ({"categories": 1}, "at least 2 categories"),
        ({"categories": -1}, "categories to be a whole number"),
        ({"continuous_codes": 1.5}, "continuous_codes to be a whole number"),
        ({"category_weight": -1}, "category_weight to be at least 0"),
        ({"blur": -0.1}, "blur to be at least 0"),
        ({"shared": "no"}, "shared to be True or False"),
        ({"shared": True, "hidden": ()}, "expected shared=False"),
        ({"shared": True, "objective": "boundary-equilibrium"}, "expected shared=False"),
    ],
)
def test_options_out_of_range_are_told(options, words):
    with pytest.raises(InputError, match=words):
        tiny(**options).fit(rows())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, "categories from 0 to 2, got 3"),
        (0.5, "categories from 0 to 2"),
        ([0, 1], "1 or 5 values of category"),
        ({"c1": 0.0}, "codes among category, c0, got 'c1'"),
        ({"c0": "left"}, "expected numbers for c0"),
        ({"c0": np.nan}, "finite values of c0"),
    ],
)
def test_codes_that_the_model_does_not_have_are_told(given, words):
    gan = tiny(continuous_codes=1, random_state=0).fit(rows())
    with pytest.raises(InputError, match=words):
        gan.sample(5, given=given)


def test_clusters_need_a_categorical_code():
    gan = tiny(categories=0, continuous_codes=1, random_state=0).fit(rows())
    with pytest.raises(InputError, match="expected categories above 0"):
        gan.predict(rows())


def test_it_is_a_gan():
    assert isinstance(tiny(), GAN)
