"""The classifier two-sample test: exact null, fair ties, power as in its paper."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import binomtest

from pushforward.errors import InputError
from pushforward.evaluation import c2st
from pushforward.evaluation.c2st import classifier_test
from pushforward.evaluation.intervals import wilson_interval

METHODS = ["knn", "neural", "logistic"]


def standardised(rows):
    return (rows - rows.mean(axis=0)) / rows.std(axis=0)


@pytest.mark.parametrize("method", METHODS)
def test_p_value_and_interval_are_those_of_the_accuracy(rng, method):
    real, fake = rng.normal(size=(80, 2)), rng.normal(size=(101, 2)) + 0.7
    result = classifier_test(real, fake, method)
    assert (result.n_train, result.n_test) == (80, 80)
    correct = round(result.accuracy * 80)
    assert correct / 80 == result.accuracy
    expected = binomtest(correct, 80, 0.5, alternative="greater").pvalue
    assert result.p_value == pytest.approx(expected, rel=1e-9)
    assert result.interval == wilson_interval(result.accuracy, 80)


@pytest.mark.parametrize("method", METHODS)
def test_distant_rows_are_told_apart(rng, method):
    real, fake = rng.normal(size=(2, 100, 3))
    result = classifier_test(real, fake + 20, method)
    assert result.accuracy == 1
    assert result.p_value == pytest.approx(0.5**100)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("m", "n"), [(400, 60), (60, 400)])
def test_unequal_sizes_do_not_help(rng, method, m, n):
    """Always naming the larger kind would be right in 87 % of all rows."""
    accuracies = [
        classifier_test(rng.normal(size=(m, 2)), rng.normal(size=(n, 2)), method).accuracy
        for _ in range(10)
    ]
    assert np.mean(accuracies) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(600))


def test_nearest_rows_vote(rng):
    train, test = rng.normal(size=(50, 3)), rng.normal(size=(30, 3))
    is_fake = rng.random(50) < 0.5
    nearest = np.argsort(cdist(test, train), axis=1)[:, :7]
    votes = c2st.VOTES["knn"](train, is_fake, test, rng)
    np.testing.assert_allclose(votes, is_fake[nearest].mean(axis=1))


def test_equal_votes_are_decided_by_a_fair_coin(monkeypatch):
    """Always for one kind, the accuracy would be ½ in every trial."""
    monkeypatch.setitem(c2st.VOTES, "knn", lambda _t, _f, test, _r: np.full(len(test), 0.5))
    rows = np.zeros((200, 1))
    accuracies = [classifier_test(rows, rows, seed=seed).accuracy for seed in range(200)]
    assert np.mean(accuracies) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(200 * 200))
    assert np.std(accuracies) == pytest.approx(0.5 / np.sqrt(200), rel=0.25)


def test_power_against_student_rises_with_rows_and_falls_with_freedom(rng):
    """The paper's protocol, both laws standardised, in small; logistic sees means only."""

    def power(method, n, freedom, trials=20):
        return np.mean(
            [
                classifier_test(
                    standardised(rng.normal(size=(n, 1))),
                    standardised(rng.standard_t(freedom, size=(n, 1))),
                    method,
                    seed=trial,
                ).p_value
                < 0.05
                for trial in range(trials)
            ]
        )

    assert power("knn", 2000, 3) > 0.85
    assert power("knn", 2000, 3) > power("knn", 150, 3) + 0.2
    assert power("knn", 2000, 1) > power("knn", 2000, 20) + 0.4
    assert power("neural", 500, 2, trials=4) > 0.5
    assert power("logistic", 2000, 3) < 0.4


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("real", [np.zeros((2, 1)), np.zeros((3, 2)), [[1e300, 0.0], [0.0, 1.0]]])
def test_few_or_equal_rows_give_an_answer(method, real):
    result = classifier_test(real, real, method)
    assert 0 <= result.accuracy <= 1
    assert 0 < result.p_value <= 1


def test_refuses_other_methods():
    with pytest.raises(InputError, match="one of knn, neural, logistic, got 'forest'"):
        classifier_test(np.zeros((5, 2)), np.zeros((5, 2)), "forest")
