"""Sensitivity of searches in which it was put there which option matters."""

import numpy as np
import pytest

from pushforward.space import Choice, LogUniform, Uniform, draw
from pushforward.study.evidence import Evidence
from pushforward.study.sensitivity import sensitivity
from studies import config, row

SPACE = {
    "learning_rate": LogUniform(1e-5, 1e-2),
    "beta_1": Uniform(0, 1),
    "n_critic": Choice((1, 5)),
    "optimiser": Choice(("adam", "rmsprop")),
    "width": Choice((128,)),
}


def search(score, n, seed=0):
    rng = np.random.default_rng(seed)
    drawn = [{}] + [draw(SPACE, rng) for _ in range(n)]
    rows = [
        row("gan", k, score(options, rng) if options else 0.1, options=options)
        for k, options in enumerate(drawn)
    ]
    return Evidence(config({"gan": SPACE}, trials=n + 1), rows)


def by_rate(options, rng):
    return 0.25 + 0.08 * abs(np.log10(options["learning_rate"]) + 3) + 0.02 * rng.random()


def by_name(options, rng):
    return (0.1 if options["optimiser"] == "adam" else 0.3) + 0.1 * rng.random()


@pytest.mark.parametrize(("score", "option"), [(by_rate, "learning_rate"), (by_name, "optimiser")])
def test_the_option_that_matters_is_found(score, option):
    found = sensitivity(search(score, 40), "gan")
    assert found.told
    assert found.trials == 40
    assert found.options[0].name == option
    assert found.options[0].importance > 0.8
    assert all(each.importance < 0.1 for each in found.options[1:])
    assert sum(each.importance for each in found.options) == pytest.approx(1)
    assert "width" not in [each.name for each in found.options]  # it has one value only
    assert f"{option} the most of it" in found.sentence


def test_a_slope_has_a_correlation_and_a_name_has_none():
    found = sensitivity(search(lambda options, _: 0.3 - options["beta_1"] / 5, 30), "gan")
    options = {each.name: each for each in found.options}
    assert options["beta_1"].correlation == pytest.approx(-1)
    assert options["beta_1"].p < 1e-6
    assert options["optimiser"].correlation is None


def test_where_nothing_matters_that_is_said_in_nearly_all_searches():
    told = [
        sensitivity(search(lambda _, rng: rng.random() / 2, 30, seed), "gan").told
        for seed in range(6)
    ]
    assert sum(told) <= 1
    none = sensitivity(search(lambda _, rng: rng.random() / 2, 30, told.index(False)), "gan")
    assert none.sentence == "What matters cannot be told from 30 trials."


def test_few_trials_or_equal_scores_tell_nothing():
    assert not sensitivity(search(by_rate, 6), "gan").told
    assert not sensitivity(search(lambda *_: 0.2, 20), "gan").told
    assert sensitivity(search(by_rate, 2), "gan") is None
