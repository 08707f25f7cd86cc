"""Each finding is made where it is due, and not on curves of fits that learn."""

import math

import numpy as np
import pytest

import pushforward as pf
from pushforward.training.diagnosis import diagnose

ROUNDS = 3000


def scores(value):
    """A score every 100 rounds, as a function of the share of training that is done."""
    return [(r, float(value(r / ROUNDS))) for r in range(100, ROUNDS + 1, 100)]


def history(gradient):
    """A row every 50 rounds."""
    return [
        {"round": r, "generator/fool": 0.7, "generator/gradient": float(gradient(r / ROUNDS))}
        for r in range(50, ROUNDS + 1, 50)
    ]


def learns(t):
    return 0.1 + 0.8 * math.exp(-12 * t)


def found(curve=(), points=None, stopped_by="score", **options):
    points = scores(learns) if points is None else points
    best = min(points, key=lambda point: point[1])[0] if points else 0
    ended = {"stopped_by": stopped_by, "best_round": best, "rounds": ROUNDS}
    return dict(diagnose(list(curve), points, **ended, **options))


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("stopped_by", ["score", "max_rounds", "budget"])
@pytest.mark.parametrize("gradient", [lambda t: 1 + 20 * t, lambda t: 1 / (1 + 2 * t)])
def test_a_fit_that_learns_has_no_findings(noise, stopped_by, gradient):
    rng = np.random.default_rng(0)
    points = [(r, s * (1 + noise * rng.normal())) for r, s in scores(learns)]
    assert found(history(gradient), points, stopped_by) == {}


def test_a_generator_that_is_told_nothing_is_named_with_the_number():
    fading = history(lambda t: 0.5 * math.exp(-10 * t))
    told = found(fading, scores(lambda t: 0.2 + 0.6 * t))
    assert set(told) == {"SATURATED"}
    assert "fell to 8.2e-05 of what it was" in told["SATURATED"]
    assert "Lower the learning rate" in told["SATURATED"]


def test_a_gradient_that_is_lost_at_once_is_seen():
    lost = history(lambda t: 0.6 if t < 0.02 else 1e-8)
    assert "SATURATED" in found(lost, scores(lambda _: 0.9))
    assert "SATURATED" in found(history(lambda t: float(t < 0.02)), scores(lambda _: 0.9))


def test_a_small_gradient_is_no_trouble_where_the_samples_are_good():
    assert found(history(lambda t: math.exp(-10 * t))) == {}


def test_a_lone_peak_does_not_make_all_else_small():
    peak = history(lambda t: 500.0 if 0.3 < t < 0.34 else 1.0)
    assert found(peak, scores(lambda _: 0.5)) == {}


def test_a_gradient_that_is_nothing_throughout_is_not_divided_by():
    assert found(history(lambda _: 0.0), scores(lambda _: 0.9)) == {}


def test_swings_that_go_on_are_named_and_others_are_not():
    swinging = scores(lambda t: 0.3 + 0.15 * math.cos(30 * t))
    assert "between 0.15 and 0.45" in found((), swinging)["OSCILLATING"]
    early = scores(lambda t: 0.3 + 0.15 * math.cos(30 * min(t, 1 / 3)))
    small = scores(lambda t: 0.3 + 0.02 * math.cos(30 * t))
    once = scores(lambda t: 0.3 + 0.15 * math.cos(6 * t))
    assert all("OSCILLATING" not in found((), points) for points in (early, small, once))


def test_training_that_was_cut_short_is_named():
    improving = scores(lambda t: 1 - 0.9 * t)
    for bound in ("max_rounds", "budget"):
        told = found((), improving, bound)
        assert set(told) == {"UNDER_TRAINED"}
        assert "0.19 to 0.1 in the last tenth of 3,000 rounds" in told["UNDER_TRAINED"]
    assert found((), improving, "score") == {}
    assert found((), scores(lambda t: 0.5 - 0.01 * t), "max_rounds") == {}


def test_rollbacks_and_divergence_are_told():
    assert "once" in found(rollbacks=1)["ROLLED_BACK"]
    told = found(stopped_by="divergence", rollbacks=3)
    assert "3 times" in told["ROLLED_BACK"]
    assert "the best before, is kept" in told["DIVERGED"]
    assert "kept" not in found((), [(100, math.inf)], "divergence")["DIVERGED"]


@pytest.mark.parametrize("points", [[], [(20, 0.9)], [(10, math.inf), (20, math.nan)]])
def test_little_is_known_of_a_short_fit(points):
    assert diagnose([], points, stopped_by="max_rounds", best_round=20, rounds=20) == []


def test_a_player_without_an_opponent_is_not_called_saturated():
    alone = [{"round": r, "model/gradient": math.exp(-r / 50)} for r in range(50, 3001, 50)]
    assert found(alone, scores(lambda _: 0.9)) == {}


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"objective": "minimax", "learning_rate": 0.03, "hidden": (64, 64, 64)}, {"SATURATED"}),
        ({}, set()),
    ],
)
def test_a_generator_that_loses_for_good_is_found_in_a_real_fit(options, names):
    """At sixty times the learning rate the discriminator is sure within 200 rounds."""
    X = pf.load_data("digits").X
    gan = pf.GAN(max_rounds=400, batch_size=32, random_state=0, **options).fit(X)
    ended = {"best_round": gan.best_round_, "rounds": gan.n_rounds_, "stopped_by": gan.stopped_by_}
    told = dict(diagnose(gan.history_, gan.scores_, **ended))
    assert set(told) - {"UNDER_TRAINED"} == names
