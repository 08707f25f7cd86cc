"""The failures that scores are given a name for."""

import warnings

import numpy as np
import pytest

from pushforward.classical.kernel_density import KernelDensity
from pushforward.errors import EvaluationWarning
from pushforward.evaluation import Evaluation, Score, evaluate, notes, verdict
from pushforward.evaluation.verdict import told_apart


@pytest.fixture
def real(rng):
    return rng.normal(size=(300, 3))


@pytest.fixture
def train(rng):
    return rng.normal(size=(300, 3))


def test_same_law_is_ok(rng, real, train):
    assert verdict(evaluate(real, rng.normal(size=(300, 3)), train)).name == "OK"


def test_bootstrap_is_copying(rng, real, train):
    result = verdict(evaluate(real, rng.choice(train, 300), train))
    assert result.name == "COPYING"
    assert result.reason.startswith("100.0% of the generated rows")


def test_training_rows_with_noise_are_copying(rng, real, train):
    fake = train + rng.normal(scale=0.08, size=(300, 3))  # a third of the spacing, .4, over √3
    result = verdict(evaluate(real, fake, train))
    assert result.name == "COPYING"
    assert "with some noise" in result.reason


def test_a_kernel_density_is_no_copier(rng):
    """It keeps closer to training rows than to others, as it must, but not much closer."""
    train, real = rng.normal(size=(2, 300, 12))
    kernel_density = KernelDensity(random_state=0).fit(train)
    scores = evaluate(real, kernel_density.sample(300, random_state=1), train)
    assert scores["closest_record"].p_value < 1e-3
    assert verdict(scores).name == "OK"


@pytest.mark.parametrize("width", [0.7, 1.3])
@pytest.mark.parametrize("n", [150, 300, 1200])
def test_hubs_are_no_copies_at_any_sizes(rng, width, n):
    """The narrower law wins all neighbours; unequal sizes take the accuracy far below chance."""
    real, fake = rng.normal(size=(300, 64)), width * rng.normal(size=(n, 64))
    assert verdict(evaluate(real, fake)).name == "OK"


@pytest.mark.parametrize("n", [150, 300, 1200])
def test_copies_of_the_real_rows_are_seen_at_any_sizes(rng, real, n):
    fake = rng.choice(real, n) + 0.01 * rng.normal(size=(n, 3))
    assert verdict(evaluate(real, fake)).name == "COPYING"


def test_a_few_copies_are_tolerated(rng, real, train):
    fake = rng.normal(size=(300, 3))
    fake[:12] = train[:12]
    assert verdict(evaluate(real, fake, train)).name == "OK"


def test_a_point_is_collapse(rng, real, train):
    fake = 0.01 * rng.normal(size=(300, 3))
    result = verdict(evaluate(real, fake, train))
    assert result.name == "COLLAPSED"
    assert "Lower the learning rate" in result.reason
    assert "of the real rows, where equal laws would come near 97.0%" in result.reason
    assert notes(evaluate(real, fake, train)) == []  # the verdict says it all


def test_copying_comes_before_collapse(real, train):
    assert verdict(evaluate(real, np.repeat(train[:1], 300, axis=0), train)).name == "COPYING"


def test_far_but_spread_out_is_not_collapse(rng, real, train):
    assert verdict(evaluate(real, rng.normal(size=(300, 3)) + 40, train)).name == "OK"


@pytest.mark.parametrize(("reached", "name"), [(3, "COLLAPSED"), (4, "OK")])
def test_half_of_the_modes(reached, name):
    scores = [Score("modes", reached, "higher", target=8.0)]
    assert verdict(Evaluation(scores)).name == name


def test_rows_that_sit_on_the_real_ones_are_copies_without_training_rows_too(rng):
    rows = rng.normal(size=(100, 3))
    found = verdict(evaluate(rows, rows))
    assert found.name == "COPYING"
    assert "the very real rows" in found.reason


def test_a_handful_of_rows_is_no_evidence_of_collapse(rng):
    real = rng.normal(size=(2, 3))
    fake = np.full((2, 3), 0.1) + 1e-3 * rng.normal(size=(2, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert verdict(evaluate(real, fake)).name == "OK"


def test_copies_of_known_rows_are_not_acquitted(rng):
    rows, fake = rng.normal(size=(2, 60, 3))
    with pytest.warns(EvaluationWarning, match="tells nothing"):
        evaluation = evaluate(rows, fake, rows)
    assert "cannot be told" in verdict(evaluation).reason


def parts(rng, centres, n=300):
    """Rows about so many of eight centres on a circle, as many about each."""
    angle = 2 * np.pi * rng.integers(centres, size=n) / 8
    return np.column_stack([np.cos(angle), np.sin(angle)]) + 0.05 * rng.normal(size=(n, 2))


def test_a_part_that_is_missed_is_a_note_and_no_verdict(rng):
    real = parts(rng, 8)
    evaluation = evaluate(real, parts(rng, 6))
    assert verdict(evaluation).name == "OK"
    (note,) = notes(evaluation)
    assert note.name == "PART_MISSED"
    assert "a part of them is left out" in note.sentence
    assert f"{evaluation['coverage'].value:.1%} of the real rows" in note.sentence
    assert notes(evaluate(real, parts(rng, 8))) == []


@pytest.mark.parametrize(("reached", "names"), [(3, []), (6, ["PART_MISSED"]), (8, [])])
def test_some_of_the_modes_are_a_note(reached, names):
    evaluation = Evaluation([Score("modes", reached, "higher", target=8.0)])
    assert [note.name for note in notes(evaluation)] == names


def test_a_missing_mode_is_told_with_the_coverage():
    coverage = Score("coverage", 0.84, "higher", target=0.97, interval=(0.83, 0.86))
    (note,) = notes(Evaluation([Score("modes", 7, "higher", target=8.0), coverage]))
    assert note.sentence.startswith("Generated rows reach 7 of 8 modes and come near 84.0% of")


def test_rows_beside_the_data_miss_no_part_of_it(rng, real):
    (note,) = notes(evaluate(real, rng.normal(size=(300, 3)) * 4))
    assert note.name == "BESIDE_THE_DATA"


def test_few_rows_are_no_evidence_of_a_missed_part(rng):
    real, fake = rng.normal(size=(2, 30, 3))
    assert notes(evaluate(real, fake)) == []


def test_whether_rows_are_told_apart_is_said(real, rng):
    said = told_apart(evaluate(real, rng.normal(size=(300, 3))))
    assert said.startswith("Nearest neighbours do not tell")
    said = told_apart(evaluate(real, rng.normal(size=(300, 3)) + 2))
    assert said.startswith("Generated rows can be told from real ones: the nearest row of ")
    assert told_apart(evaluate(real, real)).startswith("Generated rows lie nearer to real ones")
    assert told_apart(Evaluation([Score("frechet", 1.0, "lower")])) is None
