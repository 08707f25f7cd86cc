"""Generated rows told from real ones: chance under equal laws, certainty for far ones."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from pushforward.errors import InputError
from pushforward.evaluation import detection
from pushforward.evaluation.detection import detect


@pytest.fixture
def quick(monkeypatch):
    """Without the voters that take long."""
    monkeypatch.setattr(detection, "VOTERS", detection.VOTERS[:2])


def test_equal_laws_give_chance_and_uniform_p_values(monkeypatch, rng):
    monkeypatch.setattr(detection, "VOTERS", detection.VOTERS[1:2])
    found = []
    for seed in range(40):
        rows = rng.normal(size=(64, 2))
        found.append(detect(rows[:32], rows[32:], seed=seed))
    p = np.array([f.p_value for f in found])
    assert kstest(p, "uniform").pvalue > 0.01
    assert 1 < (p < 0.2).sum() < 17
    assert abs(np.mean([f.auc for f in found]) - 0.5) < 0.03
    inside = [f.auc_interval[0] <= 0.5 <= f.auc_interval[1] for f in found]
    assert np.mean(inside) >= 0.9
    inside = [f.interval[0] <= 0.5 <= f.interval[1] for f in found]
    assert np.mean(inside) >= 0.9


def test_far_laws_are_told_apart_for_certain(quick, rng):  # noqa: ARG001
    found = detect(rng.normal(size=(60, 3)), rng.normal(size=(90, 3)) + 8)
    assert found.accuracy == found.auc == 1.0
    assert found.misses == found.false_alarms == 0
    assert found.p_value < 1e-10
    assert found.suspect.min() > 0.9 > 0.1 > found.real.max()


def test_probabilities_are_ordered_and_calibrated(rng):
    """Of N(0, 1) and N(2, 1) the probability is 1/(1 + exp(2 − 2x))."""
    real, fake = rng.normal(size=(200, 1)), rng.normal(2, 1, size=(300, 1))
    found = detect(real, fake)
    x = np.concatenate([real, fake]).ravel()
    true = 1 / (1 + np.exp(2 - 2 * x))
    estimate = np.concatenate([found.real, found.suspect])
    assert np.corrcoef(true, estimate)[0, 1] > 0.95
    assert np.abs(true - estimate).mean() < 0.08
    assert found.accuracy == pytest.approx(0.841, abs=0.05)  # Φ(1)
    assert found.auc == pytest.approx(0.921, abs=0.03)  # Φ(√2)
    assert found.false_alarms == pytest.approx(found.misses, abs=0.08)


def test_no_row_is_judged_by_a_classifier_that_saw_it(quick, rng):  # noqa: ARG001
    """One row's label turned changes nothing of its own logit."""
    rows = rng.normal(size=(60, 2))
    labels = np.arange(60) % 2 == 1
    fold = np.arange(60) // 2 % detection.FOLDS
    other = labels.copy()
    other[[0, 1]] = other[[1, 0]]  # of one fold, whose sizes stay
    logits = [
        detection._cross_fit(rows, some, fold, None, np.random.default_rng(0), False)[0]
        for some in (labels, other)
    ]
    np.testing.assert_array_equal(logits[0][fold == 0], logits[1][fold == 0])
    assert (logits[0][fold != 0] != logits[1][fold != 0]).any()


def test_a_mixture_is_judged_by_what_is_known(quick, rng):  # noqa: ARG001
    real, known = rng.normal(size=(150, 2)), rng.normal(size=(150, 2)) + 3
    generated = np.arange(120) < 30
    mixture = rng.normal(size=(120, 2)) + 3 * generated[:, None]
    found = detect(real, mixture, known=known)
    assert len(found.suspect) == 120
    low, high = found.share_interval
    assert low <= 0.25 <= high
    assert ((found.suspect > 0.5) == generated).mean() > 0.95
    assert "about" in str(found)
    assert list(found.to_frame().groupby("set").size()) == [150, 120]


def test_a_category_that_only_the_generator_knows_gives_it_away(quick, rng):  # noqa: ARG001
    real = pd.DataFrame({"x": rng.normal(size=60), "c": np.array(["a", "b"])[np.arange(60) % 2]})
    fake = pd.DataFrame({"x": rng.normal(size=60), "c": np.array(["a", "z"])[np.arange(60) % 2]})
    found = detect(real, fake)
    assert 0.65 < found.accuracy < 0.85  # half of the rows of either kind show it
    assert found.p_value < 1e-3


def test_blur_that_components_do_not_show_is_seen_in_the_spectrum(quick, rng):  # noqa: ARG001
    images = rng.normal(size=(200, 16, 16))
    blurred = (images + np.roll(images, 1, 1) + np.roll(images, 1, 2)) / np.sqrt(3)
    found = detect(images[:100], blurred[100:])
    assert found.accuracy > 0.95
    assert found.features == "pca:48 and spectrum"


@pytest.mark.parametrize(
    ("real", "suspect", "words"),
    [
        (np.zeros((9, 2)), np.zeros((20, 2)), "at least 10 rows of real, got 9"),
        (np.zeros((20, 2)), np.zeros((9, 2)), "at least 10 rows of suspect, got 9"),
        (np.zeros((20, 2)), np.zeros((20, 3)), "the same columns"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(real, suspect, words):
    with pytest.raises(InputError, match=words):
        detect(real, suspect)
