"""Objectives, penalties and schedules of the zoo against their papers' closed forms."""

import math
import pickle
import time

import numpy as np
import pytest
import torch
from torch import nn

import pushforward as pf
from games import start
from helpers import ADVERSARIAL, ON_IMAGES, tiny
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError, TrainingWarning
from pushforward.methods import METHODS
from pushforward.models.adversaries import Adversaries, Autoencoding, Schedule
from pushforward.models.objectives import DIVERGENCES, OBJECTIVES, Fisher
from pushforward.models.penalties import PENALTIES
from pushforward.models.priors import normal
from pushforward.models.rejection import Rejection
from pushforward.networks.mlp import mlp
from pushforward.networks.spectral import power_iteration, spectrally_normalised
from pushforward.training.adaptors import anneal
from pushforward.training.device import seeded
from pushforward.training.game import as_loss
from pushforward.training.loop import Round, Stream, Training, optimisers_for, play
from pushforward.training.optimiser import Adam, adam_step

SIZES = (1, 7, 128)
SHAPES = ((3,), (1, 4, 4), (3, 5, 2))


def logits(n, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, 1, generator=rng, dtype=torch.float64) * 3


def total(terms):
    return sum(as_loss(terms).terms.values())


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# name: (loss of the discriminator, loss of the generator) of arrays ℓ(x), ℓ(x̂), as in the papers
PAPERS = {
    "minimax": (
        lambda r, f: -np.log(sigmoid(r)).mean() - np.log(1 - sigmoid(f)).mean(),
        lambda r, f: np.log(1 - sigmoid(f)).mean(),  # noqa: ARG005
    ),
    "non-saturating": (
        lambda r, f: -np.log(sigmoid(r)).mean() - np.log(1 - sigmoid(f)).mean(),
        lambda r, f: -np.log(sigmoid(f)).mean(),  # noqa: ARG005
    ),
    "least-squares": (
        lambda r, f: 0.5 * ((r - 1) ** 2).mean() + 0.5 * (f**2).mean(),
        lambda r, f: 0.5 * ((f - 1) ** 2).mean(),  # noqa: ARG005
    ),
    "least-squares-pearson": (
        lambda r, f: 0.5 * ((r - 1) ** 2).mean() + 0.5 * ((f + 1) ** 2).mean(),
        lambda r, f: 0.5 * (f**2).mean(),  # noqa: ARG005
    ),
    "wasserstein": (
        lambda r, f: f.mean() - r.mean(),
        lambda r, f: -f.mean(),  # noqa: ARG005
    ),
    "hinge": (
        lambda r, f: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(),
        lambda r, f: -f.mean(),  # noqa: ARG005
    ),
    "relativistic": (
        lambda r, f: -np.log(sigmoid(r - f)).mean(),
        lambda r, f: -np.log(sigmoid(f - r)).mean(),
    ),
    "boundary-equilibrium": (
        lambda r, f: r.mean() - 0 * f.mean(),  # k = 0 in the beginning
        lambda r, f: f.mean(),  # noqa: ARG005
    ),
    "fisher": (  # α = 0 in the beginning
        lambda r, f: (
            f.mean() - r.mean() + 0.5e-6 * (1 - 0.5 * (r**2).mean() - 0.5 * (f**2).mean()) ** 2
        ),
        lambda r, f: -f.mean(),  # noqa: ARG005
    ),
}


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", PAPERS)
def test_losses_are_the_papers_equations(name, n):
    real, fake = logits(n)
    objective = OBJECTIVES[name]().double()
    for mine, paper in zip(
        (objective.discriminator(real, fake), objective.generator(real, fake)),
        PAPERS[name],
        strict=True,
    ):
        assert total(mine).item() == pytest.approx(paper(real.numpy(), fake.numpy()), rel=1e-9)


def test_every_objective_has_its_equation():
    assert {*PAPERS} | {n for n in OBJECTIVES if n.startswith("f-")} == {*OBJECTIVES}


# f-divergences


@pytest.mark.parametrize("name", DIVERGENCES)
def test_conjugates_are_suprema(name):
    """f*(t) = sup_u ut − f(u), at t = g(v): by a fine search over u."""
    d = DIVERGENCES[name]
    v = torch.linspace(-1.9, 4, 25, dtype=torch.float64)
    if name in ("reverse-kl", "neyman", "hellinger", "jensen-shannon", "gan"):
        v = torch.linspace(-3, 4, 25, dtype=torch.float64)
    t = d.activation(v)
    u = torch.exp(torch.linspace(-25, 12, 400_001, dtype=torch.float64))
    supremum = torch.stack([(u * ti - d.f(u)).max() for ti in t])
    torch.testing.assert_close(d.composite(v), supremum, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_threshold_is_the_slope_of_f_at_one(name):
    d = DIVERGENCES[name]
    u = torch.ones((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(d.f(u), u)
    assert d.f(u).item() == pytest.approx(0 if name != "gan" else -2 * math.log(2), abs=1e-12)
    assert slope.item() == pytest.approx(d.threshold, abs=1e-12)


@pytest.mark.parametrize("name", [n for n in OBJECTIVES if n.startswith("f-")])
@pytest.mark.parametrize("v", [-80.0, 0.0, 80.0])
def test_f_gan_losses_and_gradients_stay_finite(name, v):
    real, fake = (torch.full((4, 1), v, requires_grad=True) for _ in range(2))
    objective = OBJECTIVES[name]()
    for loss in (objective.discriminator(real, fake), objective.generator(None, fake)):
        value = total(loss)
        gradient = torch.autograd.grad(value, fake)[0]
        assert value.isfinite()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_two_forms_of_the_generator(name):
    """−E f*(g(v)) is the saddle point's, −E g(v) the practical one; both lower as v rises."""
    d = DIVERGENCES[name]
    fake = logits(50)[1]
    practical = OBJECTIVES[f"f-{name}"]().generator(None, fake)["fool"]
    saddle = OBJECTIVES[f"f-{name}-saturating"]().generator(None, fake)["fool"]
    torch.testing.assert_close(practical, -d.activation(fake).mean())
    torch.testing.assert_close(saddle, -d.composite(fake).mean())


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_best_variational_bound_is_the_divergence(name):
    """For two laws on five points: E_x g(v) − E_g f*(g(v)) at T = f′(p/q) is Σ q f(p/q)."""
    rng = np.random.default_rng(0)
    p, q = torch.from_numpy(rng.dirichlet(np.ones(5), size=2))
    d = DIVERGENCES[name]
    v = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([v], lr=0.05)
    for step in range(1500):
        adam.param_groups[0]["lr"] = 0.05 * (1 - step / 1500)
        bound = (p * d.activation(v)).sum() - (q * d.composite(v)).sum()
        adam.zero_grad()
        (-bound).backward()
        adam.step()
    assert bound.item() == pytest.approx((q * d.f(p / q)).sum().item(), abs=1e-4)


# What objectives keep


def test_the_multiplier_follows_the_constraint():
    """Algorithm 1: α ← α − ρ(1 − Ω); its fixed point is Ω = 1."""
    objective = Fisher(rho=0.1)
    real, fake = (t.float() for t in logits(64))
    loss = objective.discriminator(real, fake)
    omega = 0.5 * (real.square().mean() + fake.square().mean())
    new = objective.update(loss.outputs)["multiplier"]
    torch.testing.assert_close(new, -0.1 * (1 - omega))
    objective.multiplier.copy_(torch.tensor(0.3))
    terms = objective.discriminator(real, fake).terms
    expected = -(0.3 * (1 - omega) - 0.05 * (1 - omega) ** 2)
    torch.testing.assert_close(terms["constraint"], expected)


def test_fishers_saddle_point_is_the_distance_of_the_best_linear_critic():
    """For ℓ(x) = wx it is w² = 1/P, α = Δ/(2√P), with Δ the shift and P the pooled E x²."""
    rng = torch.Generator().manual_seed(0)
    x, fake = torch.randn(500, 1, generator=rng) + 1, torch.randn(500, 1, generator=rng) - 1
    shift = x.mean() - fake.mean()
    pooled = 0.5 * (x.square().mean() + fake.square().mean())
    w, objective = (1 / pooled.sqrt()).requires_grad_(), Fisher(rho=0.1)
    objective.multiplier.copy_(shift / (2 * pooled.sqrt()))
    loss = objective.discriminator(w * x, w * fake)
    assert torch.autograd.grad(total(loss), w)[0].item() == pytest.approx(0, abs=1e-5)
    assert loss.outputs["gap"].item() == pytest.approx(0, abs=1e-6)
    distance = -(loss.terms["real"] + loss.terms["fake"])
    assert distance.item() == pytest.approx((shift / pooled.sqrt()).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("gamma", "rate", "errors", "k"),
    [
        (0.75, 1.0, (1.0, 0.1), 0.65),
        (0.75, 1.0, (0.1, 9.0), 0.0),
        (0.75, 1.0, (9.0, 0.0), 1.0),
        (0.3, 1.0, (1.0, 0.1), 0.2),
        (0.3, 0.5, (1.0, 0.1), 0.1),
        (1.0, 1e-2, (1.0, 0.1), 0.009),
        (0.0, 1.0, (9.0, 0.1), 0.0),
    ],
)
def test_k_balances_the_errors_and_is_clipped(gamma, rate, errors, k):
    objective = OBJECTIVES["boundary-equilibrium"](gamma=gamma, rate=rate)
    real, fake = (torch.full((5, 1), e) for e in errors)
    loss = objective.discriminator(real, fake)
    assert objective.update(loss.outputs)["k"].item() == pytest.approx(k, abs=1e-6)
    convergence = errors[0] + abs(gamma * errors[0] - errors[1])
    assert loss.outputs["convergence"].item() == pytest.approx(convergence, rel=1e-6)


@pytest.mark.parametrize(("gamma", "rate"), [(None, None), (0.9, 0.05)])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("began", {"warm_up": 0}),
        ("info-gan", {"objective": "boundary-equilibrium", "penalty": None}),
    ],
)
def test_k_follows_the_equation_with_the_numbers_of_the_sampler(name, options, gamma, rate):
    """By what is logged: E L(x), and −k E L(x̂), which says E L(x̂) as soon as k > 0."""
    training = start(name, options | {"equilibrium": gamma, "equilibrium_rate": rate})
    objective = training.game.objective
    assert not {"objective.gamma", "objective.rate"} & set(training.game.state_dict())
    next(play(training))
    for _ in range(5):
        k = objective.k.item()
        assert 0 < k < 1
        logged = next(play(training)).terms["discriminator"]
        balance = (gamma or 0.75) * logged["real"].item() + logged["fake"].item() / k
        assert objective.k.item() == pytest.approx(k + (rate or 1e-3) * balance, rel=1e-5)


def test_an_autoencoding_discriminator_measures_its_error():
    network = nn.Linear(3, 3)
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    expected = (x - network(x)).abs().mean(1, keepdim=True)
    torch.testing.assert_close(Autoencoding(network)(x), expected)


# Penalties


class LinearCritic(nn.Module):
    """ℓ(v) = ⟨a, v⟩, whose slope is a everywhere."""

    def __init__(self, shape):
        super().__init__()
        rng = torch.Generator().manual_seed(1)
        self.a = nn.Parameter(torch.randn(shape, generator=rng))

    def forward(self, v):
        return (v * self.a).flatten(1).sum(1, keepdim=True)


def slope_penalty(name, a):
    return {
        "gradient": (a - 1) ** 2,
        "gradient-one-sided": max(0, a - 1) ** 2,
        "dragan": (a - 1) ** 2,
        "r1": 0.5 * a**2,
        "r2": 0.5 * a**2,
        "r1+r2": a**2,
    }[name]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("scale", [0.1, 2.0])
def test_penalties_of_a_linear_critic(name, n, shape, scale):
    rng = torch.Generator().manual_seed(0)
    x, fake = torch.randn(2, n, *shape, generator=rng)
    critic = LinearCritic(shape)
    with torch.no_grad():
        critic.a.mul_(scale / critic.a.norm())
    penalty = PENALTIES[name]
    value = penalty(critic, x, fake, penalty.noise(n, shape, rng))
    assert value.item() == pytest.approx(slope_penalty(name, scale), rel=1e-4, abs=1e-5)
    (gradient,) = torch.autograd.grad(value, critic.a)  # it can be minimised
    slope = (slope_penalty(name, scale + 1e-4) - slope_penalty(name, scale - 1e-4)) / 2e-4
    along = (gradient * critic.a).sum().item() / scale
    assert along == pytest.approx(slope, rel=1e-2, abs=1e-3)


def test_where_penalties_are_taken():
    """Of a quadratic critic ½‖v‖² the slope is v: the penalty tells the points."""
    rng = torch.Generator().manual_seed(0)
    x, fake = torch.randn(2, 4000, 3, generator=rng)
    fake = fake + 5
    noise = {
        "mix": torch.rand(4000, 1, generator=rng),
        "shift": torch.randn(4000, 3, generator=rng),
    }

    def critic(v):
        return 0.5 * v.square().sum(1, keepdim=True)

    sizes = {name: p(critic, x, fake, noise).item() for name, p in PENALTIES.items()}
    at_real, at_fake = 0.5 * x.square().sum(1).mean(), 0.5 * fake.square().sum(1).mean()
    assert sizes["r1"] == pytest.approx(at_real.item(), rel=1e-5)
    assert sizes["r2"] == pytest.approx(at_fake.item(), rel=1e-5)
    assert sizes["r1+r2"] == pytest.approx((at_real + at_fake).item(), rel=1e-5)
    mixed = noise["mix"] * x + (1 - noise["mix"]) * fake  # one ε for a whole row
    assert sizes["gradient"] == pytest.approx((mixed.norm(dim=1) - 1).square().mean().item(), 1e-5)
    near = x + 0.5 * noise["shift"]
    assert sizes["dragan"] == pytest.approx((near.norm(dim=1) - 1).square().mean().item(), 1e-5)


def test_a_flat_critic_has_a_penalty_and_a_gradient():
    """The root of the norm is not differentiated at 0, where it once made runs not-a-number."""
    critic = nn.Linear(3, 1)
    nn.init.zeros_(critic.weight)
    x, fake = torch.ones(2, 4, 3)
    value = PENALTIES["gradient"](critic, x, fake, {"mix": torch.rand(4, 1)})
    assert value.item() == pytest.approx(1, abs=1e-4)
    assert torch.autograd.grad(value, critic.weight)[0].isfinite().all()


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_objective_goes_with_every_penalty(objective, penalty):
    X = np.random.default_rng(0).normal(size=(60, 3))
    gan = pf.GAN(objective=objective, penalty=penalty, hidden=(6,), max_rounds=2, random_state=0)
    assert np.isfinite(gan.fit(X).sample(5, random_state=0)).all()


# Spectral normalisation, clipping, packing


@torch.no_grad()
def iterate(layer, times):
    for _ in range(times):
        for name, u in power_iteration(layer).items():
            layer.get_buffer(name).copy_(u)


@pytest.mark.parametrize("make", [lambda: nn.Linear(7, 4), lambda: nn.Conv2d(3, 5, 3)])
def test_spectral_norms_become_one(make):
    with seeded(0):
        layer = make()
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
        normalised = spectrally_normalised(layer)
    iterate(normalised, 100)
    x = torch.randn(2, layer.weight.shape[1], *[5] * (layer.weight.dim() - 2))
    difference = normalised(x) - normalised(0 * x)
    torch.testing.assert_close(
        difference, (layer(x) - layer(0 * x)) / largest, rtol=1e-4, atol=1e-5
    )


def test_the_gradient_through_spectral_norms_is_torchs():
    with seeded(0):
        mine, theirs = nn.Linear(6, 3), nn.Linear(6, 3)
    theirs.load_state_dict(mine.state_dict())
    torch.nn.utils.parametrizations.spectral_norm(theirs, n_power_iterations=100)
    theirs.eval()
    with seeded(1):
        normalised = spectrally_normalised(mine)
    iterate(normalised, 100)
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    gradients = [
        torch.autograd.grad(layer(x).square().sum(), weight)[0]
        for layer, weight in (
            (normalised, mine.weight),
            (theirs, theirs.parametrizations.weight.original),
        )
    ]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


def test_training_moves_the_singular_vectors():
    training = small_game(schedule=Schedule(), spectral=True)
    before = {k: v.clone() for k, v in training.game.state_dict().items() if k.endswith(".u")}
    next(play(training))
    assert before
    for name, u in before.items():
        assert len(u) == 1 or not torch.equal(training.game.state_dict()[name], u)


def test_weights_are_clipped_after_each_move_of_the_critic_only():
    training = small_game(schedule=Schedule(clip=0.01, n_critic=2), objective="wasserstein")
    next(play(training))
    game = training.game
    assert max(p.abs().max().item() for p in game.discriminator.parameters()) <= 0.01 + 1e-9
    assert max(p.abs().max().item() for p in game.generator.parameters()) > 0.1


def small_game(schedule, objective="non-saturating", spectral=False, p=3, rate=1e-2, n=24):
    with seeded(0):
        discriminator = mlp(schedule.packing * p, (8,), 1, activation=nn.Tanh)
        if spectral:
            spectrally_normalised(discriminator)
        game = Adversaries(
            mlp(2, (8,), p),
            discriminator,
            OBJECTIVES[objective](),
            lambda n, rng: normal(n, 2, rng),
            (p,),
            schedule=schedule,
        )
    x = torch.randn(100, p, generator=torch.Generator().manual_seed(1))
    stream = Stream(x, n, game.noise, torch.Generator().manual_seed(2))
    return Training(game, stream, optimisers_for(game, rate))


@pytest.mark.parametrize("shape", [(3,), (2, 4, 4)])
@pytest.mark.parametrize("m", [1, 2, 3])
def test_packs_are_rows_side_by_side(shape, m):
    game = small_game(Schedule(packing=m)).game
    rows = torch.randn(10, *shape)
    packs = game.pack(rows)
    assert packs.shape == (10 // m, m * shape[0], *shape[1:])
    torch.testing.assert_close(packs[1, : shape[0]], rows[m])
    torch.testing.assert_close(packs[1, -shape[0] :], rows[2 * m - 1])


# Schedules


def test_the_critic_has_its_turns_and_its_warm_up():
    schedule = Schedule(n_critic=5, warm_up=100)
    turns = [schedule.critic_turns(r) for r in (1, 25, 26, 499, 500, 501)]
    assert turns == [100, 100, 5, 5, 100, 5]
    training = small_game(Schedule(n_critic=2, warm_up=4))
    moves, original = [], training.move
    training.move = lambda player, *rest: moves.append(player) or original(player, *rest)
    rounds = play(training)
    next(rounds)
    assert moves == ["discriminator"] * 4 + ["generator"]


def test_simultaneous_moves_are_from_the_same_state():
    together, in_turn = (small_game(Schedule(simultaneous=s)) for s in (True, False))
    x, noise = next(together.stream)
    next(in_turn.stream)
    expected = {}
    for player in together.players:
        _, gradients = together.differentiate(player.name, player.loss(x, noise))
        adam = Adam([p.detach().clone() for p in together.owned[player.name]], 1e-2)
        adam.step(gradients)
        expected |= dict(zip(together.game.owned(player), adam.parameters, strict=True))
    together.turn(together.players, x, noise)
    in_turn.turn(in_turn.players, x, noise)
    for name, value in expected.items():
        torch.testing.assert_close(together.game.state_dict()[name], value)
    first = {
        name: [t.optimisers[name].first[0] for t in (together, in_turn)]
        for name in ("discriminator", "generator")
    }
    torch.testing.assert_close(*first["discriminator"])
    assert not torch.allclose(*first["generator"], rtol=1e-3)


def test_rmsprop_is_torchs():
    with seeded(0):
        mine, theirs = (nn.Linear(4, 3) for _ in range(2))
    theirs.load_state_dict(mine.state_dict())
    ours = Adam(list(mine.parameters()), 1e-2, (0.0, 0.99), corrected=False)
    torchs = torch.optim.RMSprop(theirs.parameters(), lr=1e-2, alpha=0.99, eps=1e-8)
    for step in range(20):
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        ours.step(torch.autograd.grad(mine(x).square().sum(), ours.parameters))
        torchs.zero_grad()
        theirs(x).square().sum().backward()
        torchs.step()
    torch.testing.assert_close(mine.weight, theirs.weight, rtol=1e-4, atol=1e-6)


def rates_of(training, **arguments):
    seen = []
    rounds = (Round(n, {}) for n in range(arguments["start"] + 1, 11))
    for _ in anneal(rounds, list(training.optimisers.values()), **arguments):
        adam = training.optimisers["discriminator"]
        seen.append(adam.learning_rate * adam.pace.factor)
        assert adam.rate.item() == pytest.approx(seen[-1])  # what an unrolled loss reads
    return seen


def test_the_learning_rate_falls_to_nothing_and_goes_on_falling_when_resumed():
    arguments = {"max_rounds": 10, "deadline": None, "began": 0.0}
    whole = rates_of(small_game(Schedule()), start=0, **arguments)
    np.testing.assert_allclose(whole, 1e-2 * (1 - np.arange(1, 11) / 10))
    assert rates_of(small_game(Schedule()), start=6, **arguments) == whole[6:]


def test_the_learning_rate_falls_with_a_budget_that_began_before():
    now = time.monotonic()
    arguments = {"max_rounds": 1000, "deadline": now + 50, "began": now - 150}
    rates = rates_of(small_game(Schedule()), start=0, **arguments)
    assert rates[0] == pytest.approx(1e-2 * 0.25, rel=0.05)


def test_unrolling_follows_the_rate_of_the_discriminator():
    training = unrolled(2)
    training.optimisers["discriminator"].learning_rate /= 2  # as after a roll-back
    assert training.game.adam_rate.item() == pytest.approx(0.025)


# Unrolling


def unrolled(k, objective="minimax", rate=0.05):
    sampler = tiny("unrolled-gan", unroll=k, hidden=(5,), learning_rate=rate, objective=objective)
    sampler.encoding_ = Encoding.points(3)
    with seeded(0):
        game = sampler._game(40, 3)
    game = game.double()
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(1)).double()

    def noise(n, rng):
        return {name: t.double() for name, t in Adversaries.noise(game, n, rng).items()}

    game.noise = noise
    stream = Stream(x, 16, noise, torch.Generator().manual_seed(2))
    return Training(game, stream, sampler._optimisers(game))


def test_a_step_of_adam_as_a_function_is_adams():
    rng = torch.Generator().manual_seed(0)
    p = [torch.randn(4, 3, generator=rng), torch.randn(3, generator=rng)]
    adam = Adam([t.clone() for t in p], 0.01, (0.5, 0.9))
    first, second = ([torch.zeros_like(t) for t in p] for _ in range(2))
    for step in range(1, 6):
        gradients = [torch.randn(t.shape, generator=rng) for t in p]
        adam.step(gradients)
        rate, betas = torch.tensor(0.01), torch.tensor((0.5, 0.9))
        p, first, second = adam_step(
            p, gradients, first, second, torch.tensor(float(step)), rate, betas
        )
    for mine, theirs in zip(p, adam.parameters, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("k", [1, 3])
def test_looking_ahead_is_k_steps_of_the_discriminators_optimiser(k):
    training = unrolled(k)
    for _ in range(4):  # so that its moments are not nothing
        next(play(training))
    x, noise = next(training.stream)
    game, adam = training.game, training.optimisers["discriminator"]
    fake = game.generator(noise["z"])
    ahead = game.look_ahead(x, fake, noise)
    state = [[t.clone() for t in ts] for ts in (adam.parameters, adam.first, adam.second)]
    steps = adam.steps.clone()
    for _ in range(k):
        adam.step(training.differentiate("discriminator", game.discriminate(x, noise))[1])
    for mine, theirs in zip(ahead.values(), adam.parameters, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    assert adam.steps == steps + k
    assert not torch.equal(adam.parameters[0], state[0][0])


def test_gradients_through_the_unroll_are_those_of_differences():
    training = unrolled(3)
    for _ in range(4):
        next(play(training))
    x, noise = next(training.stream)
    game = training.game
    _, gradients = training.differentiate("generator", game.generate(x, noise))
    rng = np.random.default_rng(0)
    for parameter, gradient in zip(training.owned["generator"], gradients, strict=True):
        index = tuple(int(rng.integers(s)) for s in parameter.shape)
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter[index] += step
            values.append(total(game.generate(x, noise)).item())
            with torch.no_grad():
                parameter[index] -= step
        slope = (values[0] - values[1]) / 2e-5
        assert gradient[index].item() == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_the_unroll_leaves_the_discriminator_and_its_optimiser():
    training = unrolled(5)
    for _ in range(3):
        next(play(training))
    x, noise = next(training.stream)
    adam = training.optimisers["discriminator"]
    held = [*adam.parameters, *adam.first, *adam.second, adam.steps]
    before = [t.clone() for t in held]
    loss, gradients = training.differentiate("generator", training.game.generate(x, noise))
    training.move("generator", loss, gradients)
    assert all(map(torch.equal, held, before))


def test_the_unrolled_gradient_is_not_that_of_a_discriminator_held_still():
    """A surrogate that stops the gradient at θ_D^K misses how the steps depend on G."""
    training = unrolled(3)
    for _ in range(4):
        next(play(training))
    x, noise = next(training.stream)
    game = training.game
    _, through = training.differentiate("generator", game.generate(x, noise))
    fake = game.generator(noise["z"])
    still = {k: v.detach() for k, v in game.look_ahead(x, fake, noise).items()}
    game.look_ahead = lambda *_: still
    _, held = training.differentiate("generator", game.generate(x, noise))
    assert not torch.allclose(through[0], held[0], rtol=1e-3)


# Rejection


def test_rejection_draws_what_was_asked_for():
    """p_g = N(0, 2²) judged by a compressed and shifted critic of N(0, 1) against it."""
    rng = np.random.default_rng(0)

    def draw(n, rng):
        x = rng.normal(0, 2, size=(n, 1))
        return x, 0.01 * (-0.375 * x[:, 0] ** 2) + 3

    _, fake = draw(4000, rng)
    real = 0.01 * (-0.375 * rng.normal(size=4000) ** 2) + 3
    rejection = Rejection.calibrate(real, fake)
    assert rejection.slope == pytest.approx(100, rel=0.1)
    rows = rejection.draw(20_000, draw, rng)
    assert rows.shape == (20_000, 1)
    assert rows.std() == pytest.approx(1, abs=0.04)


def test_rejection_of_a_discriminator_that_knows_nothing_keeps_most():
    rng = np.random.default_rng(0)
    rejection = Rejection.calibrate(rng.normal(size=500), rng.normal(size=500))
    assert rejection.accepts(rng.normal(size=2000), rng).mean() > 0.7
    same = Rejection.calibrate(np.zeros(50), np.zeros(50))
    assert same.accepts(np.zeros(2000), rng).mean() > 0.95


def test_packs_pass_whole():
    rejection = Rejection(0.0, math.log(0.5), 0.0)  # every row with probability ½
    passed = rejection.accepts(np.zeros(3001), np.random.default_rng(0), pack=3)
    assert all(len(set(pack)) == 1 for pack in np.split(passed[:3000], 1000))
    assert passed.mean() == pytest.approx(0.5, abs=0.05)


def test_a_member_that_diverges_between_looks_does_not_end_the_others():
    X = np.random.default_rng(0).normal(size=(80, 2))
    rates = {"learning_rate": [1e-3, 1e7]}
    options = {"rejection": True, "max_rounds": 60, "patience": 60, "hidden": (8,)}
    with pytest.warns(TrainingWarning, match="3 times back"):
        fits = pf.fit_population("gan", X, random_states=[0, 1], each=rates, **options)
    assert fits[0].stopped_by_ == "max_rounds"
    assert fits[0].sample(3, random_state=0).shape == (3, 2)


def test_rejection_with_packs_larger_than_what_is_held_out():
    X = np.random.default_rng(0).normal(size=(20, 2))
    gan = tiny("gan", packing=4, rejection=True, random_state=0).fit(X)
    assert gan.sample(5, random_state=0).shape == (5, 2)


def test_rejection_asked_for_after_the_fit_is_told():
    gan = tiny("gan", random_state=0).fit(np.random.default_rng(0).normal(size=(40, 2)))
    with pytest.raises(InputError, match="fitted with rejection=True"):
        gan.set_params(rejection=True).sample(3)


def test_rejection_is_saved_and_repeats(tmp_path):
    X = np.random.default_rng(0).normal(size=(200, 2))
    gan = tiny("gan", rejection=True, packing=2, random_state=0).fit(X)
    loaded = pf.load_model(gan.save(tmp_path / "model"))
    a, b = (model.sample(31, random_state=1) for model in (gan, loaded))
    assert a.shape == (31, 2)
    np.testing.assert_array_equal(a, b)


# The registry


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_rows_are_named_by_their_options(name):
    from pushforward.methods import name_of

    made = METHODS[name].make()
    assert name_of(made) == name
    with_other_seed = METHODS[name].make(random_state=3, max_rounds=7)
    assert name_of(with_other_seed) == name


def test_options_of_the_zoo_out_of_range_are_told():
    X = np.random.default_rng(0).normal(size=(30, 2))
    for options, words in (
        ({"penalty": "lipschitz"}, "penalty among None, 'gradient'"),
        ({"penalty": "r1", "penalty_weight": -1}, "penalty_weight to be above 0 or None"),
        ({"clip": 0}, "clip to be above 0 or None"),
        ({"equilibrium": 1.5}, "equilibrium to be from 0 to 1 or None, got 1.5"),
        ({"equilibrium": "high"}, "equilibrium to be from 0 to 1 or None, got 'high'"),
        ({"equilibrium_rate": 0.0}, "equilibrium_rate to be above 0 or None"),
        ({"equilibrium": 0.5}, "objective='boundary-equilibrium' for equilibrium, which no other"),
        (
            {"equilibrium_rate": 0.5, "objective": "fisher"},
            "for equilibrium_rate, which no other has, got 'fisher'",
        ),
        ({"packing": 0}, "packing to be a whole number of at least 1"),
        ({"packing": 200}, "packing to be at most the batch size 128"),
        ({"n_critic": 1.5}, "n_critic to be a whole number"),
        ({"unroll": -1}, "unroll to be a whole number of at least 0"),
        ({"optimiser": "sgd"}, "optimiser among 'adam', 'rmsprop'"),
        ({"unroll": 2, "optimiser": "rmsprop"}, "optimiser='adam' and clip=None with unroll"),
        ({"unroll": 2, "clip": 0.1}, "optimiser='adam' and clip=None with unroll"),
        ({"penalty_weight": 5.0}, "a penalty for penalty_weight"),
        ({"spectral": "yes"}, "spectral to be True or False"),
    ):
        with pytest.raises(InputError, match=words):
            pf.GAN(**options).fit(X)


def test_a_pack_larger_than_the_rows_is_told():
    with pytest.raises(InputError, match="packing"):
        pf.GAN(packing=20, batch_size=64).fit(np.random.default_rng(0).normal(size=(12, 2)))


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_a_fitted_gan_can_be_pickled(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 16, 16)) if name in ON_IMAGES else rng.normal(size=(40, 2))
    gan = tiny(name, max_rounds=2, random_state=0).fit(X)
    again = pickle.loads(pickle.dumps(gan))
    np.testing.assert_array_equal(*(model.sample(5, random_state=0) for model in (gan, again)))
