"""Laws of every population: its members equal their solo runs, and leave each other alone."""

from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import grad

from games import KINDS, VARIANTS, PenalisedCritic, PooledGame, same, start, weights
from pushforward.errors import Diverged
from pushforward.models.priors import normal
from pushforward.networks.mlp import mlp
from pushforward.training.adaptors import Average, History, Stopper
from pushforward.training.device import seeded
from pushforward.training.finite import Finites
from pushforward.training.game import Game, Loss, Player
from pushforward.training.loop import Round, Stream, Training, optimisers_for, play
from pushforward.training.population import Averages, Histories, Population, Stoppers

# A member's sums run in another order than a solo run's (stacked products, another graph), so they
# agree to rounding, which training then magnifies: over 40 rounds of float32 to about 1e-3 of a
# weight at the learning rate of these tests, 1e-2.
ROUNDS, TOLERANCE = 40, {"rtol": 1e-2, "atol": 2e-3}
RATES = (1e-2, 3e-3, 1e-3)


def begin(game, k, rate, betas=(0.5, 0.9), n=40, p=4, batch=12):
    x = torch.randn(n, p, generator=torch.Generator().manual_seed(100 + k))
    stream = Stream(x, batch, game.noise, torch.Generator().manual_seed(k))
    return Training(game, stream, optimisers_for(game, rate, betas))


def made(make):
    """Three trainings of a game that a function makes, each with its own rows, seed and rate."""

    def members():
        found = []
        for k, rate in enumerate(RATES):
            with seeded(k):
                found.append(begin(make(), k, rate, betas=(0.5 + 0.1 * k, 0.9)))
        return found

    return members


class UpdateSeesMoves(Game):
    """A player with two turns that shares a network with the next, and a buffer of its weights."""

    def __init__(self):
        super().__init__()
        self.body, self.head = mlp(4, (6,), 3, activation=nn.Tanh), nn.Linear(3, 4)
        self.register_buffer("norm", torch.zeros(()))

    def players(self):
        return (
            Player("first", self.reconstruct, owns=(self.body, self.head), turns=2),
            Player("second", self.shrink, owns=(self.body,)),
        )

    def noise(self, n, rng):
        return {"epsilon": normal(n, 3, rng)}

    def reconstruct(self, x, noise):
        code = self.body(x) + 0.1 * noise["epsilon"]
        terms = {"error": (self.head(code) - x).square().mean(), "norm": 0.01 * self.norm}
        return Loss(terms, {"used": code.mean()})

    def shrink(self, x, noise):  # noqa: ARG002
        return {"size": (self.norm + self.body(x).square()).mean()}

    def update(self, player, outputs):
        if player != "first":
            return {}
        return {"norm": self.head.weight.square().sum() + 0 * outputs["used"]}


MADE = {make.__name__: made(make) for make in (PenalisedCritic, PooledGame, UpdateSeesMoves)}
# Numbers in which the three members of a game differ beside their seeds and rows.
OWN = {
    "wgan": ({"clip": 0.01}, {"clip": 0.03}, {"clip": 0.1}),
    "began": (
        {"equilibrium": 0.3, "equilibrium_rate": 0.1},
        {"equilibrium": 0.9, "equilibrium_rate": 0.01},
        {},
    ),
}


def registered(variants):
    return {
        f"{name}-{'-'.join(map(str, options.values()))}": (
            lambda name=name, options=options: [
                start(name, options | own, seed=k)
                for k, own in enumerate(OWN.get(name, ({}, {}, {})))
            ]
        )
        for name, options in variants
    }


ALL = registered(VARIANTS) | MADE
GAMES = registered(KINDS) | MADE
# For the laws that are about the population more than about the game, and take longest.
FEW = registered([v for v in KINDS if v[0] in ("gan", "vae", "cycle-gan")]) | MADE


def rounds(training, n):
    for _ in islice(play(training), n):
        pass


@pytest.mark.parametrize(
    "members",
    [pytest.param(ALL[n], marks=[pytest.mark.slow] * (n not in GAMES), id=n) for n in ALL],
)
def test_a_member_equals_its_solo_run(members):
    alone, together = members(), members()
    population = Population(together)
    played = next(play(population)).terms
    for k, solo in enumerate([next(play(training)).terms for training in alone]):
        for player, theirs in solo.items():
            for term, value in theirs.items():
                torch.testing.assert_close(played[player][term][k], value, rtol=1e-4, atol=1e-5)
    for training in (*alone, population):
        rounds(training, ROUNDS - 1)
    assert population.round == ROUNDS
    for mine, solo in zip(together, alone, strict=True):
        for name, value in solo.game.state_dict().items():
            torch.testing.assert_close(mine.game.state_dict()[name], value, **TOLERANCE)
        assert mine.round == solo.round
        assert torch.equal(mine.stream.rng.get_state(), solo.stream.rng.get_state())


@pytest.mark.parametrize("members", FEW.values(), ids=FEW)
@pytest.mark.parametrize("gone", [2, pytest.param(0, marks=pytest.mark.slow)])
def test_freezing_one_leaves_the_others_bitwise_unchanged(members, gone):
    whole, thinned = Population(members()), Population(members())
    rounds(whole, 4)
    rounds(thinned, 4)
    kept, member = weights(thinned.members[gone]), thinned.members[gone]
    moments = {name: _copied(o.state_dict()) for name, o in member.optimisers.items()}
    thinned.freeze(gone)
    rounds(whole, 8)
    rounds(thinned, 8)
    assert same(weights(member), kept)
    for name, optimiser in member.optimisers.items():
        assert torch.equal(optimiser.steps, moments[name]["steps"])
        assert all(map(torch.equal, optimiser.second, moments[name]["second"]))
    for k in set(range(3)) - {gone}:
        assert same(weights(thinned.members[k]), weights(whole.members[k]))


@pytest.mark.parametrize("members", FEW.values(), ids=FEW)
@pytest.mark.parametrize("frozen", [1, pytest.param(None, marks=pytest.mark.slow)])
def test_stop_and_resume_equals_going_on(members, frozen):
    whole, other = Population(members()), Population(members())
    rounds(whole, 33)
    if frozen is not None:
        whole.freeze(frozen)
    state = whole.state_dict()
    copies = {k: _copied(m) for k, m in state["members"].items()}
    rounds(other, 2)
    other.load_state_dict(state | {"members": copies})
    rounds(whole, 4)
    rounds(other, 4)
    for mine, theirs in zip(whole.members, other.members, strict=True):
        assert same(weights(mine), weights(theirs))


def _copied(tree):
    if isinstance(tree, dict):
        return {key: _copied(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_copied(value) for value in tree]
    return tree.clone() if isinstance(tree, torch.Tensor) else tree


def test_generated_batches_are_computed_once():
    """What two players' losses have in common is found in the recording."""
    population = Population(made(SeparateLosses)())
    population.record()
    (turn,) = population.turns.values()
    products = [n for n in turn.graph.nodes if "mm" in str(n.target)]
    # Forward: G (2 layers) once, D (2) on real, on generated, and again when it has moved.
    # Backward: D's weights (2 layers, twice) and the layer between (twice), then the way through D
    # (2) to G's weights (2) and the layer between.
    assert len(products) <= 2 + 3 * 2 + 2 * 2 + 2 + 2 + 2 + 1


class SeparateLosses(Game):
    """A GAN without a joint turn: each loss generates for itself."""

    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = mlp(2, (8,), 4), mlp(4, (8,), 1)

    def players(self):
        return (
            Player("discriminator", self.discriminate, owns=(self.discriminator,)),
            Player("generator", self.generate, owns=(self.generator,)),
        )

    def noise(self, n, rng):
        return {"z": normal(n, 2, rng)}

    def discriminate(self, x, noise):
        fake = self.discriminator(self.generator(noise["z"]))
        real = self.discriminator(x)
        return {"real": (real - 1).square().mean(), "fake": fake.square().mean()}

    def generate(self, x, noise):  # noqa: ARG002
        return {"fool": (self.discriminator(self.generator(noise["z"])) - 1).square().mean()}


@pytest.mark.parametrize("activation", [nn.ReLU, lambda: nn.LeakyReLU(0.3), nn.ELU, nn.Softplus])
@pytest.mark.parametrize("in_place", [False, True])
def test_activations_of_every_kind_are_replayed_right(activation, in_place):
    class Twice(SeparateLosses):
        def __init__(self):
            super().__init__()
            self.generator = mlp(2, (8, 8), 4, activation=activation)
            for module in self.generator:
                if hasattr(module, "inplace"):
                    module.inplace = in_place

        def generate(self, x, noise):
            hidden = self.generator[0](noise["z"])  # used before and after its activation
            return super().generate(x, noise) | {"size": hidden.square().mean()}

    alone, together = made(Twice)(), made(Twice)()
    for training in alone:
        rounds(training, 5)
    rounds(Population(together), 5)
    for mine, solo in zip(together, alone, strict=True):
        for name, value in solo.game.state_dict().items():
            torch.testing.assert_close(mine.game.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_a_negative_slope_is_not_read_from_the_result():
    class Folding(SeparateLosses):
        def __init__(self):
            super().__init__()
            self.generator = mlp(2, (8,), 4, activation=lambda: nn.LeakyReLU(-0.5))

    alone, together = made(Folding)(), made(Folding)()
    for training in alone:
        rounds(training, 5)
    rounds(Population(together), 5)
    for name, value in alone[0].game.state_dict().items():
        torch.testing.assert_close(together[0].game.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_what_cannot_be_batched_is_refused_with_a_reason():
    class Normed(SeparateLosses):
        def __init__(self):
            super().__init__()
            self.generator = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))

    with pytest.raises(RuntimeError, match="as batch normalisation does"):
        Population(made(Normed)()).record()

    class Dropped(SeparateLosses):
        def __init__(self):
            super().__init__()
            self.generator = nn.Sequential(nn.Linear(2, 4), nn.Dropout())

    with pytest.raises(RuntimeError, match="random"):
        Population(made(Dropped)()).record()


def test_a_member_that_diverges_is_frozen_and_named():
    population = Population(made(PenalisedCritic)())
    ended = {}
    histories = Histories(population, [History(every=2) for _ in range(3)], ended)
    finite = Finites(population, ended)

    def add(number, values):
        played = Round(number, {"critic": {"real": torch.tensor(values)}})
        histories.add(played)
        finite.look(played)

    nobody = float("nan")
    for number in (1, 2, 3):
        add(number, [1.0, 1.0, 1.0])
    add(4, [1.0, nobody, 1.0])
    assert list(ended) == [1]
    assert "in round 4: critic/real is not finite" in str(ended[1])
    assert population.running == [0, 2]
    add(5, [2.0, nobody, 3.0])
    add(6, [2.0, nobody, 5.0])
    assert list(ended) == [1]
    assert histories.histories[2].rows[-1] == {"round": 6, "critic/real": 4.0}
    assert histories.histories[1].rows[-1]["round"] == 4
    with pytest.raises(Diverged, match="in round 7"):
        add(7, [nobody] * 3)


def test_thinning_takes_rows_out_and_changes_the_others_by_rounding_only():
    whole, thinned = Population(made(PooledGame)()), Population(made(PooledGame)())
    histories = Histories(thinned, [History(every=12) for _ in range(3)], {})
    averages = Averages(thinned, [Average(t.game, 0.9) for t in thinned.members])
    rounds(whole, 12)
    for played in islice(play(thinned), 12):
        histories.add(played)
        averages.add(played.number)
        if played.number == 5:
            thinned.freeze(0)
            thinned.thin()
            assert thinned.rows == [0, 1, 2]  # two thirds still run
        if played.number == 7:
            thinned.freeze(1)
            thinned.thin()
            assert thinned.rows == [2]
    assert [member.round for member in thinned.members] == [5, 7, 12]
    assert [len(history.rows) for history in histories.histories] == [0, 0, 1]
    for name, value in whole.members[2].game.state_dict().items():
        mine = thinned.members[2].game.state_dict()[name]
        torch.testing.assert_close(mine, value, rtol=1e-3, atol=1e-5)


def test_averages_and_scores_are_those_of_solo_runs():
    alone, together = made(PooledGame)(), made(PooledGame)()
    for training in alone:
        average = Average(training.game, 0.9)
        for played in islice(play(training), 20):
            average.add(played.number)
        training.mean = average.mean
    population = Population(together)
    averages = [Average(t.game, 0.9) for t in together]
    averaging = Averages(population, averages)
    for played in islice(play(population), 20):
        averaging.add(played.number)
    for training, average in zip(alone, averages, strict=True):
        for mine, theirs in zip(average.mean, training.mean, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-2, atol=1e-3)


def test_each_member_stops_by_its_own_scores():
    population = Population(made(PenalisedCritic)())
    averages = [Average(t.game, 0.0) for t in population.members]
    best_at = [5, 20, 10]
    stoppers = [
        Stopper(average, lambda k=k: abs(population.round - best_at[k]), patience=10)
        for k, average in enumerate(averages)
    ]
    together = Stoppers(population, stoppers)
    for number in range(1, 100):
        population.round = number
        if together.due(number):
            together.look(number)
        if together.over(number):
            break
    assert [stopper.best_round for stopper in stoppers] == best_at
    assert [member.round for member in population.members] == [15, 40, 20]
    assert together.best_score == 0


def test_the_penalty_differentiates_twice_in_a_recording():
    """∂/∂a of (‖∇f‖ − 1)² for f(x) = a·x is 2 (‖a‖ − 1) a/‖a‖."""

    class Linear(Game):
        def __init__(self):
            super().__init__()
            self.critic = nn.Linear(4, 1, bias=False)

        def players(self):
            return (Player("critic", self.penalise, owns=(self.critic,)),)

        def noise(self, n, rng):  # noqa: ARG002
            return {}

        def penalise(self, x, noise):  # noqa: ARG002
            slope = grad(lambda points: self.critic(points).sum())(x)
            return {"penalty": (slope.square().sum(1).sqrt() - 1).square().mean()}

    members = made(Linear)()
    population = Population(members)
    a = population.parameters["critic.weight"].clone()
    seen = []
    population.moves["critic"] = lambda *gradients: seen.append([g.clone() for g in gradients])
    next(play(population))
    norm = np.linalg.norm(a.numpy(), axis=2, keepdims=True)
    expected = 2 * (norm - 1) * a.numpy() / norm
    np.testing.assert_allclose(seen[0][0].numpy(), expected, rtol=1e-4)
