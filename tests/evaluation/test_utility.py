"""Train on generated rows, test on real ones."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, r2_score

from pushforward.errors import InputError
from pushforward.evaluation import train_on_fake
from pushforward.evaluation.utility import _balanced_accuracy, _explained


def table(rng, n):
    x, z = rng.normal(size=(2, n))
    kind = np.where(x + 0.3 * rng.normal(size=n) > 0.8, "rare", "usual")
    frame = pd.DataFrame({"x": x, "kind": kind, "z": z, "y": 2 * x + z})
    frame.loc[rng.random(n) < 0.1, "z"] = np.nan
    return frame


def test_equal_laws_are_of_equal_use(rng):
    train, fake, test = (table(rng, n) for n in (900, 600, 400))
    found = train_on_fake(fake, train, test)
    assert (found.target, found.measure) == ("kind", "balanced accuracy")
    assert (found.learnt, found.tested) == (600, 400)
    assert found.fake == pytest.approx(found.real, abs=0.05)
    assert found.interval[0] < 0 < found.interval[1]
    assert found.real > 0.8
    numbers = train_on_fake(fake, train, test, "y")
    assert numbers.measure == "R²"
    assert numbers.fake == pytest.approx(numbers.real, abs=0.05)
    assert numbers.real > 0.8


def test_a_broken_relation_is_of_no_use_and_surely_so(rng):
    train, fake, test = (table(rng, n) for n in (600, 600, 400))
    broken = fake.assign(kind=rng.permutation(fake["kind"]), y=rng.permutation(fake["y"]))
    found = train_on_fake(broken[["x", "z", "kind"]], train[["x", "z", "kind"]], test)
    assert found.fake == pytest.approx(0.5, abs=0.08)
    assert found.interval[1] < -0.2
    assert train_on_fake(broken, train, test, "y").interval[1] < -0.5
    constant = train_on_fake(fake.assign(kind="usual"), train, test)
    assert constant.fake == 0.5


def test_it_never_learns_from_what_it_is_tested_on(rng):
    train, test = table(rng, 400), table(rng, 400)[["x", "z"]]
    coin = test.assign(kind=rng.choice(["rare", "usual"], 400))
    found = train_on_fake(train[["x", "z", "kind"]], train[["x", "z", "kind"]], coin)
    assert found.real == pytest.approx(0.5, abs=0.08)
    assert found.fake == found.real
    assert found.interval == (0.0, 0.0)


def test_scores_are_scikit_learns(rng):
    y, guess = rng.integers(3, size=(2, 90))
    ones = np.ones((1, 90))
    assert _balanced_accuracy(y, guess, ones)[0] == pytest.approx(balanced_accuracy_score(y, guess))
    truth = rng.normal(50, 2, size=90)
    near = truth + rng.normal(size=90)
    assert _explained(truth, near, ones)[0] == pytest.approx(r2_score(truth, near))
    twice = rng.integers(0, 3, size=90)
    expected = r2_score(np.repeat(truth, twice), np.repeat(near, twice))
    assert _explained(truth, near, twice[None])[0] == pytest.approx(expected)


def test_the_target_is_that_asked_for_or_by_a_rule(rng):
    frame = table(rng, 120)
    assert train_on_fake(frame, frame, frame).target == "kind"
    numbers = frame.drop(columns="kind")
    assert train_on_fake(numbers, numbers, numbers).target == "y"
    assert train_on_fake(frame[:15], frame, frame) is None  # too few to learn from
    assert train_on_fake(frame[["x"]], frame[["x"]], frame[["x"]]) is None
    assert train_on_fake(frame, frame, frame.assign(kind="rare")) is None  # nothing to predict
    with pytest.raises(InputError, match=r"'kin' is no column. Did you mean 'kind'\?"):
        train_on_fake(frame, frame, frame, "kin")
    named = frame.assign(id=range(120))
    with pytest.raises(InputError, match="'id' is text or an identifier"):
        train_on_fake(named, named, named, "id")
