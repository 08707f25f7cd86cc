"""BiGAN: its losses against the paper's, its game by the laws of all games, its codes in use."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch.func import functional_call, grad, vmap
from torch.nn.functional import softplus

import pushforward as pf
from pushforward.errors import InputError
from pushforward.models.bi_gan import BiGAN
from pushforward.models.objectives import OBJECTIVES
from pushforward.training.device import seeded
from pushforward.training.game import as_loss
from pushforward.training.loop import Stream, Training, play

OPTIONS = [
    {},
    {"objective": "relativistic", "penalty": "r1+r2"},
    {"objective": "fisher", "penalty": "gradient", "prior": "uniform"},
    {"objective": "least-squares", "penalty": "dragan"},
    {"reconstruction_weight": 0.5},
]


def tiny(**options):
    return BiGAN(**{"latent_dim": 2, "hidden": (8,), "max_rounds": 30, "batch_size": 16} | options)


def rows(n=60, p=4, seed=0):
    return np.random.default_rng(seed).normal(2.0, 3.0, size=(n, p))


def start(options, seed=0):
    sampler = tiny(learning_rate=1e-3, **options)
    x = torch.as_tensor(rows(40) / 3, dtype=torch.float32)
    with seeded(seed):
        game = sampler._game(*x.shape)
    stream = Stream(x, 16, game.noise, torch.Generator().manual_seed(seed))
    return Training(game, stream, sampler._optimisers(game))


def weights(training):
    return {name: t.clone() for name, t in training.game.state_dict().items()}


def batch(game):
    rng = torch.Generator().manual_seed(1)
    return torch.randn(16, 4, generator=rng), game.noise(16, rng)


# The losses


def test_both_players_pay_for_both_kinds_of_pairs():
    # D: E sp(−ℓ(x, E(x))) + E sp(ℓ(G(z), z));  G, E: the same with the labels swapped.
    game = start({}).game
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
    game = start({"objective": objective}).game
    x, noise = batch(game)
    terms = [as_loss(player.loss(x, noise)).terms.values() for player in game.players()]
    torch.testing.assert_close(sum(terms[0]), -sum(terms[1]))


@pytest.mark.parametrize("objective", ["non-saturating", "least-squares", "least-squares-pearson"])
def test_where_pairs_cannot_be_told_apart_both_terms_are_equal(objective):
    game = start({"objective": objective}).game
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
    game = start({"objective": objective}).game
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
    game = start({"reconstruction_weight": 0.5}).game
    x, noise = batch(game)
    error = x - game.generator(game.encoder(x))
    term = as_loss(game.generate(x, noise)).terms["reconstruction"]
    torch.testing.assert_close(term, 0.5 * error.square().sum(1).mean())


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


@pytest.mark.parametrize("options", OPTIONS)
def test_losses_batch_over_members(options):
    training = start(options)
    game = training.game
    x, noise = next(training.stream)
    for player in game.players():
        owned = {k: v.detach() for k, v in game.owned(player).items()}
        fixed = {k: v.detach() for k, v in game.named_parameters() if k not in owned}

        def loss(own, fixed=fixed, name=player.name):
            return sum(functional_call(game, own | fixed, (name, x, noise)).terms.values())

        pair = {k: torch.stack([v, 1.1 * v]) for k, v in owned.items()}
        together = vmap(grad(loss))(pair)
        for i in range(2):
            alone = grad(loss)({k: v[i] for k, v in pair.items()})
            for k in alone:
                torch.testing.assert_close(together[k][i], alone[k], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS)
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
    for done in play(other):
        if done.number == 40:
            break
    a, b = weights(whole), weights(other)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_members_of_a_population_equal_their_solo_runs():
    options = {"max_rounds": 60, "average": 0.0}
    best = tiny(random_state=3, restarts=3, **options).fit(rows())
    solo = tiny(random_state=3, **options).fit(rows())
    first = min(score for _, score in solo.scores_)
    assert best.restart_scores_[0] == pytest.approx(first, rel=1e-3)


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
    with seeded(0):
        game = BiGAN(objective=name, hidden=(8,), latent_dim=2)._game(20, 3)
        x = torch.randn(16, 3)
    noise = game.noise(16, torch.Generator().manual_seed(0))
    judged = game.discriminate(x, noise).terms
    expected = -(judged["real"] + judged["fake"])
    torch.testing.assert_close(sum(game.generate(x, noise).values()), expected)
