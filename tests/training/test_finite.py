"""A number that is not finite is found in its round, named, and gone back from."""

import math

import numpy as np
import pytest
import torch

import pushforward as pf
from games import PooledGame, start
from pushforward.models import fitting
from pushforward.study.population import fit_population
from pushforward.training.device import seeded
from pushforward.training.finite import Finite, in_memory
from pushforward.training.loop import Round, Stream, Training, optimisers_for, play

BROKEN = [math.nan, math.inf, -math.inf]


def pooled():
    with seeded(0):
        game = PooledGame()
    x = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))
    stream = Stream(x, 12, game.noise, torch.Generator().manual_seed(1))
    return Training(game, stream, optimisers_for(game, 1e-3))


def message(training, break_it):
    """What is said of a round after which something was broken."""
    finite, rounds = Finite(training), play(training)
    for _ in range(3):
        finite.look(next(rounds))
    played = next(rounds)
    break_it(played)
    with pytest.raises(fitting.Diverged) as told:
        finite.look(played)
    return str(told.value)


@pytest.mark.parametrize("value", BROKEN)
def test_what_breaks_is_named_in_its_round(value):
    def term(played):
        played.terms["generator"]["fake"] = torch.tensor(value)

    def gradient(played):
        played.terms["discriminator"]["gradient"] = torch.tensor(value)

    training = pooled()
    first = training.game.generator[0].weight

    def weight(played):  # noqa: ARG001
        first.data[1, 0] = value

    def buffer(played):  # noqa: ARG001
        training.game.pool[2, 3] = value

    assert "in round 4: generator/fake is not finite" in message(pooled(), term)
    assert "in round 4: discriminator's gradient is not" in message(pooled(), gradient)
    assert "in round 4: weight generator.0.weight is not" in message(training, weight)
    first.data[1, 0] = 0.0
    assert "buffer pool is not finite; try a smaller" in message(training, buffer)


def test_finite_numbers_whose_sum_is_not_are_left_alone():
    training = pooled()
    training.game.pool.fill_(3e38)
    played = next(play(training))
    training.game.pool.fill_(3e38)
    Finite(training).look(played)
    assert not math.isfinite(training.game.pool.sum())


def test_weights_of_convolutions_are_looked_at_where_they_lie():
    weight = torch.randn(5, 3, 4, 4).to(memory_format=torch.channels_last)
    assert in_memory(weight).data_ptr() == weight.data_ptr()
    weight[4, 2, 3, 1] = math.nan
    assert in_memory(weight).isnan().sum() == 1
    assert in_memory(torch.zeros(())).shape == (1,)


def test_all_that_a_game_of_the_registry_holds_is_looked_at():
    training = start("began")
    held = set(Finite(training).held)
    kept = training.game.state_dict()
    assert {name.partition(" ")[2] for name in held} == set(kept)
    assert any(name.startswith("buffer") for name in held)


X = np.random.default_rng(0).normal(size=(60, 3))
FEW = {"max_rounds": 130, "hidden": (8,), "patience": 1000}


def breaking(monkeypatch, what, number, member=None):
    """Break a number of a fit once, in that round and before anybody looks."""
    keep_going, left = fitting.log, [1]
    trainings = []
    begin = fitting.play

    def noting(training):
        trainings.append(training)
        return begin(training)

    def broken(rounds, history):
        for played in rounds:
            if played.number == number and left[0]:
                left[0] = 0
                training = trainings[-1]
                alone = training if member is None else training.members[member]
                if what == "weight":
                    next(alone.game.generator.parameters()).data.view(-1)[0] = math.nan
                elif what == "buffer":
                    dict(alone.game.named_buffers())["objective.k"].fill_(math.inf)
                else:
                    term = "fool" if what == "loss" else "gradient"
                    values = played.terms["generator"][term].detach().clone()
                    values.view(-1)[member or 0] = math.nan
                    played.terms["generator"][term] = values
            yield from keep_going([played], history)

    monkeypatch.setattr(fitting, "play", noting)
    monkeypatch.setattr(fitting, "log", broken)


SAID = {
    "loss": "generator/fool",
    "gradient": "generator's gradient",
    "weight": "weight generator.",
    "buffer": "buffer objective.k",
}


@pytest.mark.parametrize(
    ("what", "member"), [*((what, None) for what in SAID), ("loss", 1), ("weight", 1)]
)
def test_a_fit_goes_back_from_what_broke_and_says_what(what, member, monkeypatch, caplog):
    number = int(np.random.default_rng().integers(52, 99))  # another one in every run of this test
    breaking(monkeypatch, what, number, member)
    if member is None:
        fitted = pf.METHODS["began"].make(random_state=0, **FEW).fit(X)
    else:
        fitted = fit_population("began", X, random_states=[0, 1], **FEW)[member]
    assert f"diverged in round {number}: {SAID[what]}" in caplog.text
    assert "going on from round 50 with half the learning rate" in caplog.text
    assert (fitted.n_rounds_, fitted.stopped_by_) == (130, "max_rounds")
    assert all(np.isfinite(list(row.values())).all() for row in fitted.history_)
    assert all(tensor.isfinite().all() for tensor in fitted.game_.state_dict().values())


def test_rounds_are_looked_at_as_they_are():
    played = Round(1, {"a": {"x": torch.tensor(1.0)}, "b": {"x": torch.tensor(2.0)}})
    assert played.names == ("a/x", "b/x")
    assert played.values.tolist() == [1.0, 2.0]
