"""fit_population, and restarts: many fits at once are the fits they would be alone."""

import json
import logging

import numpy as np
import pandas as pd
import pytest
from torch import nn

import pushforward as pf
from helpers import tiny
from pushforward.errors import Diverged, FileError, InputError, TrainingWarning
from pushforward.models import fitting
from pushforward.study.compare import _jobs, _trials
from pushforward.study.population import fit_population

X = np.random.default_rng(0).normal(size=(80, 3)) ** 3
GAMES = ("autoencoder", "vae", "gan", "r3-drs-gan")


def fit(name, **arguments):
    return fit_population(tiny(name), X, **arguments)


@pytest.mark.parametrize("name", GAMES)
def test_members_are_their_solo_fits(name):
    population = fit(name, random_states=[3, 5])
    assert population.notes == ["2 members are trained as one population"]
    for seed, member in zip([3, 5], population, strict=True):
        alone = tiny(name, random_state=seed).fit(X)
        assert member.n_rounds_ == alone.n_rounds_
        assert member.best_round_ == alone.best_round_
        assert member.seed_ == seed
        np.testing.assert_allclose(member.scores_, alone.scores_, atol=1e-2)
        for mine, theirs in zip(member.game_.parameters(), alone.game_.parameters(), strict=True):
            np.testing.assert_allclose(mine.detach(), theirs.detach(), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("name", GAMES)
def test_members_save_and_load_as_any_sampler(name, tmp_path):
    member = fit(name, random_states=[0, 1]).best
    loaded = pf.load_model(member.save(tmp_path / "m"))
    expected = member.sample(5, random_state=0)
    assert np.array_equal(loaded.sample(5, random_state=0), expected)


def test_continuous_settings_differ_by_member():
    each = {"learning_rate": [1e-3, 1e-2], "betas": [(0.9, 0.99), (0.5, 0.9)], "beta": [0.5, 4.0]}
    population = fit_population("vae", X, random_states=[0, 0], each=each, max_rounds=30)
    assert population.notes == ["2 members are trained as one population"]
    for k, member in enumerate(population):
        own = {name: values[k] for name, values in each.items()}
        assert {name: member.get_params()[name] for name in own} == own
        alone = pf.VAE(random_state=0, max_rounds=30, **own).fit(X)
        np.testing.assert_allclose(member.scores_, alone.scores_, atol=1e-2)


def test_another_architecture_is_a_population_of_its_own(caplog):
    caplog.set_level(logging.INFO, logger="pushforward")
    population = fit("gan", random_states=range(3), each={"hidden": [(8,), (4,), (8,)]})
    assert "3 members train in 2 populations (2, 1)" in population.notes[0]
    assert population.notes[0] in caplog.text
    assert [member.hidden for member in population] == [(8,), (4,), (8,)]


@pytest.mark.parametrize(
    ("options", "each", "together"),
    [
        ({"clip": 0.1}, {"clip": 0.2}, True),
        ({"clip": 0.1}, {"clip": None}, False),
        ({"clip": 0.1}, {"clip": 0.1, "n_critic": 2}, False),
        ({}, {"hidden": (8, 8)}, False),
        ({"objective": "boundary-equilibrium"}, {"equilibrium": 0.3}, True),
        ({"objective": "boundary-equilibrium"}, {"equilibrium_rate": 0.1}, True),
    ],
)
def test_numbers_may_differ_in_one_population_and_nothing_else(options, each, together):
    first, second = (tiny("gan", **(options | own)) for own in ({}, each))
    assert (first._fixed() == second._fixed()) == together


class Normed(pf.GAN):
    """A GAN with batch normalisation, which keeps statistics of its own."""

    def _game(self, n, p):
        game = super()._game(n, p)
        game.generator.insert(1, nn.BatchNorm1d(game.generator[0].out_features))
        return game


def test_what_cannot_be_batched_is_fitted_one_by_one_and_said():
    options = {"hidden": (8,), "max_rounds": 20}
    population = fit_population(Normed(**options), X, random_states=[0, 1])
    assert "trained one by one" in population.notes[0]
    assert "batch normalisation" in population.notes[0]
    alone = Normed(**options, random_state=1).fit(X)
    assert population[1].scores_ == alone.scores_


def test_one_member_is_its_solo_fit_to_the_bit():
    (member,) = fit("gan", random_states=[4])
    alone = tiny("gan", random_state=4).fit(X)
    expected = alone.sample(9, random_state=0)
    assert np.array_equal(member.sample(9, random_state=0), expected)


def test_a_member_that_diverges_is_named_and_the_others_go_on():
    rates = {"learning_rate": [1e-3, 1e38, 1e-3]}
    population = fit_population(
        "gan", X, random_states=range(3), each=rates, max_rounds=100, hidden=(8,)
    )
    assert list(population.diverged) == [1]
    assert "not finite" in population.diverged[1]
    assert population[1] is None
    assert population[0].n_rounds_ == population[2].n_rounds_ == 100
    assert population.best in (population[0], population[2])


def test_a_member_that_diverges_late_keeps_its_best_state(monkeypatch, caplog):
    monkeypatch.setattr(fitting, "log", _breaks_at_60(fitting.log, times=99))
    with pytest.warns(TrainingWarning, match="3 times back .* the state of round 50 is kept"):
        population = fit_population(
            "gan", X, random_states=range(2), max_rounds=150, hidden=(8,), patience=1000
        )
    assert population[1].stopped_by_ == "divergence"
    assert population[1].best_round_ == 50
    assert population[0].n_rounds_ == 150
    assert caplog.text.count("going on from round 50 with half the learning rate") == 3


@pytest.mark.parametrize("together", [True, False])
def test_a_fit_that_diverges_goes_back_and_on_with_smaller_steps(monkeypatch, caplog, together):
    monkeypatch.setattr(fitting, "log", _breaks_at_60(fitting.log, times=1))
    options = {"max_rounds": 150, "hidden": (8,), "patience": 1000, "learning_rate": 1e-3}
    if together:
        fitted = fit_population("gan", X, random_states=[0, 1], **options)[1]
    else:
        fitted = pf.GAN(random_state=1, **options).fit(X)
    assert "generator/fool is not finite; going on from round 50" in caplog.text
    assert (fitted.n_rounds_, fitted.stopped_by_) == (150, "max_rounds")
    rounds = [row["round"] for row in fitted.history_]
    assert rounds == [50, 100, 150]
    assert all(np.isfinite(list(row.values())).all() for row in fitted.history_)
    assert [score[0] for score in fitted.scores_] == [50, 100, 150]
    assert "ROLLED_BACK" in [finding.name for finding in fitted.diagnosis_]


def _breaks_at_60(log, times):
    left = [times]

    def breaking(rounds, history):
        def broken():
            for played in rounds:
                if played.number == 60 and left[0]:
                    left[0] -= 1
                    fool = played.terms["generator"]["fool"].detach()
                    (fool[1] if fool.dim() else fool).fill_(float("nan"))
                yield played

        return log(broken(), history)

    return breaking


def test_all_diverged_is_an_error():
    with pytest.raises(Diverged, match="every member diverged"):
        fit("gan", random_states=range(2), learning_rate=1e38, max_rounds=100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"random_states": []}, "at least one seed"),
        ({"random_states": 4}, r"seeds, range\(16\), got 4"),
        ({"each": {"learning_rate": [1e-3]}}, "expected 2 values of learning_rate.*got 1"),
        ({"each": {"learning_rate": 1e-3}}, "learning_rate in each to be a list"),
        ({"each": {"learning_rate": [1e-3] * 2}, "learning_rate": 1}, "given twice"),
        ({"each": {"random_state": [1, 2]}}, "given twice"),
        ({"each": {"rate": [1, 2]}}, "GAN has no option 'rate'"),
        ({"learning_rate": -1.0}, "learning_rate to be above 0"),
        ({"betas": (0.9,)}, "betas to be two numbers"),
        ({"restarts": 2}, "expected restarts=1"),
        ({"random_states": [0, -1]}, "random_state to be at least 0"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        fit("gan", **({"random_states": [0, 1]} | arguments))


def test_a_method_without_a_game_has_no_population():
    with pytest.raises(InputError, match=r"mixture trains no game.*autoencoder, vae, gan"):
        fit_population("mixture", X)
    with pytest.raises(InputError, match="Gaussian trains no game"):
        fit_population(pf.Gaussian(), X)
    with pytest.raises(InputError, match="did you mean 'gan'"):
        fit_population("gann", X)


def test_a_table_and_one_that_never_varies():
    frame = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0, "yes", "no")})
    population = fit_population("vae", frame, random_states=[0, 1], max_rounds=20)
    assert list(population.best.sample(4, random_state=0).columns) == ["a", "b"]
    still = fit_population("vae", np.ones((20, 2)), random_states=[0, 1], max_rounds=20)
    assert np.array_equal(still[1].sample(2, random_state=0), np.ones((2, 2)))


def test_chunks_that_fit_in_memory(monkeypatch, tmp_path):
    whole = fit("gan", random_states=range(5))
    monkeypatch.setattr(fitting, "free_memory", lambda _: 4.2 * fitting.memory_of(TRAINING))
    population = fit("gan", random_states=range(5), checkpoint=tmp_path / "c")
    assert "trained 2 at a time" in population.notes[0]
    for mine, theirs in zip(population, whole, strict=True):
        np.testing.assert_allclose(mine.scores_, theirs.scores_, atol=1e-2)
    again = fit("gan", random_states=range(5), checkpoint=tmp_path / "c")
    assert [m.scores_ for m in again] == [m.scores_ for m in population]


class _Begun:
    def __init__(self):
        sampler = tiny("gan", random_state=0)
        Z, effort = sampler._before(X)
        self.training = sampler._begin(Z, effort).training


TRAINING = _Begun().training


def test_the_forecast_is_above_the_weights_and_grows_with_the_batch():
    small = tiny("gan", batch_size=8, random_state=0)
    Z, effort = small._before(X)
    bytes_small = fitting.memory_of(small._begin(Z, effort).training)
    weights = sum(p.numel() * 4 for p in TRAINING.game.parameters())
    assert 7 * weights < bytes_small < fitting.memory_of(TRAINING)


def test_a_stopped_population_resumes_exactly(tmp_path):
    path = tmp_path / "c"
    options = {"hidden": (8,), "max_rounds": 90}
    whole = fit_population("gan", X, random_states=range(3), **options)

    class Killed(Exception):
        pass

    def killed_at_70(rounds, *arguments, **keywords):
        for played in fitting_progress(rounds, *arguments, **keywords):
            if played.number == 70:
                raise Killed
            yield played

    fitting_progress, fitting_save = fitting.progress, fitting.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "progress", killed_at_70)
        patch.setattr(fitting, "save", lambda *a: fitting_save(*a, seconds=0.0))
        with pytest.raises(Killed):
            fit_population("gan", X, random_states=range(3), checkpoint=path, **options)
    resumed = fit_population("gan", X, random_states=range(3), checkpoint=path, **options)
    for mine, theirs in zip(resumed, whole, strict=True):
        expected = theirs.sample(9, random_state=0)
        assert np.array_equal(mine.sample(9, random_state=0), expected)
        assert mine.history_ == theirs.history_
    with pytest.raises(FileError, match="another run"):
        fit_population("gan", X, random_states=range(4, 7), checkpoint=path, **options)


@pytest.mark.parametrize("name", GAMES)
def test_restarts_keep_the_best(name):
    sampler = tiny(name, restarts=3, random_state=0).fit(X)
    assert len(sampler.restart_scores_) == 3
    best = min(score for _, score in sampler.scores_)
    assert best == min(sampler.restart_scores_)
    first = tiny(name, random_state=0).fit(X)
    solo = min(score for _, score in first.scores_)
    assert sampler.restart_scores_[0] == pytest.approx(solo, abs=1e-2)
    again = tiny(name, restarts=3, random_state=0).fit(X)
    expected = sampler.sample(5, random_state=0)
    assert np.array_equal(again.sample(5, random_state=0), expected)
    assert sampler.get_params()["restarts"] == 3


def test_restarts_are_saved_and_resumed(tmp_path):
    make = {"restarts": 2, "random_state": 0}
    first = tiny("vae", **make).fit(X, checkpoint=tmp_path / "c")
    again = tiny("vae", **make).fit(X, checkpoint=tmp_path / "c")
    loaded = pf.load_model(first.save(tmp_path / "m"))
    for other in (again, loaded):
        expected = first.sample(5, random_state=0)
        assert np.array_equal(other.sample(5, random_state=0), expected)


def test_a_budget_is_for_all_members():
    population = fit_population("gan", X, random_states=range(3), hidden=(8,), budget=1.0)
    assert [member.stopped_by_ for member in population] == ["budget"] * 3


def test_members_fitted_one_by_one_share_a_budget():
    population = fit_population(Normed(hidden=(8,)), X, random_states=[0, 1], budget=2.0)
    assert [member.stopped_by_ for member in population] == ["budget"] * 2
    assert min(member.n_rounds_ for member in population) > 1  # the first left time for the second


def shapes(repeats, jobs):
    trials = _trials(["gaussian", "vae", "gan"], repeats, 0, None, None)
    found = _jobs(trials, jobs)
    assert sorted(t.name for job in found for t in job) == sorted(t.name for t in trials)
    together = [job for job in found if len(job) > 1]
    for job in together:
        assert job[0].method in ("vae", "gan")
        assert len({t.method for t in job}) == 1
    return [len(job) for job in together]


def test_a_comparison_trains_repeats_together_where_that_is_faster():
    assert shapes(repeats=3, jobs=1) == [3, 3]
    assert shapes(repeats=2, jobs=1) == []
    assert shapes(repeats=3, jobs=2) == []  # a core would wait for the last
    assert shapes(repeats=7, jobs=2) == [4, 3, 4, 3]
    assert shapes(repeats=10, jobs=16) == []


def test_rows_of_repeats_that_trained_together(tmp_path):
    run = pf.compare(
        X, methods="vae,gan", repeats=3, max_rounds=30, jobs=1, out=tmp_path, budget=60.0
    )
    assert run.complete
    rows = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    together = {(row["method"], row["repeat"]): row.get("together") for row in rows}
    assert together["real rows", 0] is together["gaussian", 1] is None
    assert [together[name, k] for name in ("vae", "gan") for k in range(3)] == [3] * 6
    assert not list((tmp_path / "checkpoints").glob("*"))


def test_a_population_that_fails_is_fitted_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr("pushforward.study.trial.fit_begun", lambda _: 1 / 0)
    run = pf.compare(X, methods="vae", repeats=3, max_rounds=30, jobs=1, out=tmp_path)
    assert [s.status for s in run.standings if s.method == "vae"] == ["OK"]
