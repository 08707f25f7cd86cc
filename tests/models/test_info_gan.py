"""InfoGAN: its bound against closed forms, its game by the laws of all games, its codes in use."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch.distributions import Categorical, Normal
from torch.func import functional_call, grad, vmap

import pushforward as pf
from pushforward.errors import InputError
from pushforward.evaluation.clusters import cluster_accuracy
from pushforward.models.codes import Codes
from pushforward.models.gan import GAN
from pushforward.models.info_gan import InfoGAN
from pushforward.training.device import seeded
from pushforward.training.game import as_loss
from pushforward.training.loop import Stream, Training, play

OPTIONS = [
    {},
    {"shared": True, "continuous_codes": 2, "blur": 0.0},
    {"categories": 0, "continuous_codes": 1, "prior": "uniform"},
    {"objective": "relativistic", "penalty": "r1+r2", "shared": True},
    {"objective": "fisher", "continuous_codes": 1},
    {"objective": "boundary-equilibrium", "penalty": "dragan"},
]


def tiny(**options):
    return InfoGAN(
        **{"categories": 3, "hidden": (8,), "max_rounds": 30, "batch_size": 16} | options
    )


def rows(n=60, p=4, seed=0):
    return np.random.default_rng(seed).normal(2.0, 3.0, size=(n, p))


def start(options, seed=0):
    sampler = tiny(learning_rate=1e-3, **options)
    sampler._check_parameters()
    x = torch.as_tensor(rows(40) / 3, dtype=torch.float32)
    with seeded(seed):
        game = sampler._game(*x.shape)
    stream = Stream(x, 16, game.noise, torch.Generator().manual_seed(seed))
    return Training(game, stream, sampler._optimisers(game))


def weights(training):
    return {name: t.clone() for name, t in training.game.state_dict().items()}


def played(training, rounds):
    for done in play(training):
        if done.number == rounds:
            break
    return weights(training)


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


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
    game = start(options).game
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
    game = start({"categories": 2, "blur": sigma, "category_weight": 1.0, "hidden": ()}).game
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


# The laws of games


@pytest.mark.parametrize("options", OPTIONS)
def test_every_parameter_is_owned_once_moved_by_its_owner_alone_and_receives_a_gradient(options):
    training = start(options)
    x, noise = next(training.stream)
    owned = [key for player in training.players for key in training.game.owned(player)]
    assert sorted(owned) == sorted(dict(training.game.named_parameters()))
    for player in training.players:
        before, mine = weights(training), training.game.owned(player)
        terms = as_loss(player.loss(x, noise)).terms
        gradients = torch.autograd.grad(sum(terms.values()), training.owned[player.name])
        assert all(g.abs().sum() > 0 for g in gradients if g.numel() > 1)
        training.move(player.name, *training.differentiate(player.name, player.loss(x, noise)))
        for key, value in training.game.named_parameters():
            if value.numel() > 1:
                assert torch.equal(value, before[key]) == (key not in mine), key


def test_information_moves_no_part_of_a_shared_discriminator():
    game = start({"shared": True}).game
    discriminator, generator = game.players()
    names = set(game.owned(generator))
    assert {n.split(".")[0] for n in names} == {"generator", "recogniser"}
    assert {n.split(".")[0] for n in game.owned(discriminator)} == {"discriminator"}
    noise = game.noise(16, torch.Generator().manual_seed(1))
    x = torch.randn(16, 4, generator=torch.Generator().manual_seed(2))
    assert not any("information" in t for t in as_loss(game.discriminate(x, noise)).terms)


@pytest.mark.parametrize("options", OPTIONS)
def test_losses_are_pure_and_the_joint_forward_agrees_with_the_separate(options):
    training = start(options)
    for _ in range(2):
        x, noise = next(training.stream)
        for player, loss in training.game.joint(x, noise):
            (separate,) = (p.loss for p in training.players if p.name == player)
            terms, expected = as_loss(loss).terms, as_loss(separate(x, noise)).terms
            again = as_loss(separate(x, noise)).terms
            assert list(terms) == list(expected)
            for term in terms:
                assert torch.equal(expected[term], again[term])
                torch.testing.assert_close(terms[term], expected[term], rtol=1e-5, atol=1e-6)
            training.move(player, *training.differentiate(player, loss))


@pytest.mark.parametrize("options", OPTIONS[:4])
def test_losses_batch_over_members(options):
    training = start(options)
    game, player = training.game, training.game.players()[1]
    x, noise = next(training.stream)
    owned = {k: v.detach() for k, v in game.owned(player).items()}
    fixed = {k: v.detach() for k, v in game.named_parameters() if k not in owned}

    def loss(own):
        out = functional_call(game, own | fixed, ("generator", x, noise))
        return sum(out.terms.values())

    pair = {k: torch.stack([v, 1.1 * v]) for k, v in owned.items()}
    together = vmap(grad(loss))(pair)
    for i in range(2):
        alone = grad(loss)({k: v[i] for k, v in pair.items()})
        for k in alone:
            torch.testing.assert_close(together[k][i], alone[k], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS[:4])
def test_stop_and_resume_equals_going_on(options):
    whole = start(options)
    for done in play(whole):
        if done.number == 31:
            state = whole.state_dict()
            kept = {k: v.clone() for k, v in state["game"].items()}
            other = start(options)
            other.load_state_dict(state | {"game": kept})
        if done.number == 40:
            break
    assert same(weights(whole), played(other, 40))


def test_members_of_a_population_equal_their_solo_runs():
    options = {"continuous_codes": 1, "max_rounds": 60, "average": 0.0}
    best = tiny(random_state=3, restarts=3, **options).fit(rows())
    assert len(best.restart_scores_) == 3
    solo = tiny(random_state=3, **options).fit(rows())
    first = min(score for _, score in solo.scores_)
    assert best.restart_scores_[0] == pytest.approx(first, rel=1e-3)


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
