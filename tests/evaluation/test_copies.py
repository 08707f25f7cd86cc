"""Copies of training rows, against the share that unseen real rows show."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import norm

from pushforward.evaluation import closest_record, copy_share, near_copies
from pushforward.evaluation.intervals import newcombe_interval, wilson_interval

SLOW = pytest.mark.slow


def test_shares_of_planted_copies(rng):
    train, held_out, fresh = rng.normal(size=(3, 400, 5))
    fake = fresh.copy()
    fake[:100] = train[:100]
    copies = copy_share(fake, train, held_out)
    assert copies.fake == pytest.approx(0.25, abs=0.01)
    assert copies.held_out <= 0.01
    low, high = copies.interval
    assert low < copies.fake - copies.held_out < high
    assert low > 0.18
    assert high < 0.32


def test_radius_is_a_tenth_of_the_typical_spacing():
    train, fake, held_out = (
        np.column_stack([x, np.zeros(len(x))])
        for x in ([0.0, 10.0, 20.0, 30.0], [0.9, 1.1, 29.5, 15.0], [5.0, 10.0])
    )
    copies = copy_share(fake, train, held_out)
    assert copies.radius == pytest.approx(1.0)
    assert (copies.fake, copies.held_out) == (0.5, 0.5)


def test_in_one_column_only_equal_values_count(rng):
    """Between close values an interpolated quantile function is close to both; it copies none."""
    train, held_out = rng.gamma(2.0, size=(2, 300, 1))
    fake = np.quantile(train, rng.random((300, 1)))
    assert copy_share(fake, train, held_out).fake == 0.0
    assert copy_share(train[::-1], train, held_out).fake == 1.0


def test_only_equal_rows_count_where_data_repeats(rng):
    values = rng.integers(0, 3, size=(300, 2)).astype(float)
    copies = copy_share(values + 1e-6, values, values)
    assert copies.radius < 1e-8
    assert (copies.fake, copies.held_out) == (0.0, 1.0)
    assert copy_share(values + 1e-15, values, values).fake == 1.0


def test_fresh_rows_of_the_same_law_are_no_copies(rng):
    train, held_out, fresh = rng.normal(size=(3, 300, 2))
    low, high = copy_share(fresh, train, held_out).interval
    assert low < 0 < high


def votes_by_definition(fake, real):
    distance = cdist(fake, real).round(9)
    nearest = distance == distance.min(axis=1, keepdims=True)
    return (nearest / nearest.sum(axis=1, keepdims=True)).sum(axis=0)


def test_closest_record_equals_its_definition(rng):
    train, held_out, fake = (rng.normal(size=(n, 3)).round(1) for n in (90, 60, 70))
    fake[:20], held_out[:5] = train[:20], train[:5]
    of_fake, of_held_out = cdist(fake, train).min(axis=1), cdist(held_out, train).min(axis=1)
    found = closest_record(fake, train, held_out)
    assert found.fake == pytest.approx(np.quantile(of_fake, [0.05, 0.25, 0.5]))
    assert found.held_out == pytest.approx(np.quantile(of_held_out, [0.05, 0.25, 0.5]))
    # √2/10 is rounded one way or the other, so that a tie may be decided here and not there.
    votes = votes_by_definition(fake, np.concatenate([train, held_out]))
    assert found.train_share == pytest.approx(votes[:90].sum() / 70, abs=0.03)
    assert found.expected_share == 90 / 150


def test_closest_record_has_the_moments_of_permuted_labels(rng):
    """Whole numbers, whose ties are exact; two thirds of the labels at random."""
    real = rng.integers(0, 4, size=(120, 2)).astype(float)
    fake = rng.integers(0, 4, size=(50, 2)).astype(float)
    shares = np.empty(3000)
    votes = votes_by_definition(fake, real)
    for i in range(len(shares)):
        shares[i] = votes[rng.permutation(120)[:80]].sum() / 50
    found = closest_record(fake, real[:80], real[80:])
    z = norm.isf(found.p_value)
    assert found.train_share == pytest.approx(votes[:80].sum() / 50)
    assert (found.train_share - found.expected_share) / z == pytest.approx(shares.std(), rel=0.05)
    assert shares.mean() == pytest.approx(found.expected_share, abs=0.005)


@pytest.mark.parametrize(
    "scale", [0.3, pytest.param(1.0, marks=SLOW), pytest.param(3.0, marks=SLOW)]
)
@pytest.mark.parametrize("rounded", [False, True])
def test_rows_without_memory_have_a_uniform_p_value_whatever_their_law(rng, scale, rounded):
    p_values = []
    for _ in range(200):
        train, held_out, fresh = (rng.normal(size=(n, 2)) for n in (120, 60, 90))
        if rounded:
            train, held_out, fresh = np.round(train), np.round(held_out), np.round(fresh)
        p_values.append(closest_record(scale * fresh, train, held_out).p_value)
    assert np.mean(np.array(p_values) < 0.1) == pytest.approx(0.1, abs=0.07)
    assert np.mean(np.array(p_values) < 0.5) == pytest.approx(0.5, abs=0.11)


def test_closest_record_says_the_direction(rng):
    train, held_out, fresh = rng.normal(size=(3, 200, 2))
    near = closest_record(train + 0.01 * fresh, train, held_out)
    assert near.train_share > 0.9
    assert near.p_value < 1e-6
    far = closest_record(held_out + 0.01 * fresh, train, held_out)
    assert far.train_share < 0.1
    assert far.p_value > 0.999
    assert "generated rows" in str(near)
    assert "one-sided" in str(near)
    equal = closest_record(np.zeros((3, 1)), np.zeros((4, 1)), np.zeros((2, 1)))
    assert (equal.train_share, equal.p_value) == (pytest.approx(4 / 6), 1.0)


def sitting_by_definition(fake, real):
    """Which row of `real` each generated row sits on, or -1."""
    distance = cdist(fake, real)
    nearest = distance.argmin(axis=1)
    first, second = np.sort(distance, axis=1)[:, :2].T
    return np.where(first < second / 2, nearest, -1)


def test_near_copies_equal_their_definition(rng):
    """Whole numbers, shared by many rows: those are sat on by none."""
    train, held_out, fake = (rng.integers(0, 9, size=(n, 2)).astype(float) for n in (60, 40, 80))
    fake[:40] += 0.3
    found = near_copies(fake, train, held_out)
    sits = sitting_by_definition(fake, np.concatenate([train, held_out]))
    on_train, on_held_out = ((sits >= 0) & (sits < 60)).sum(), (sits >= 60).sum()
    assert 0 < on_held_out < on_train
    assert found.fake == on_train / 80
    assert found.expected == pytest.approx(on_held_out / 80 * 60 / 40)
    shares = np.empty(3000)
    for i in range(len(shares)):
        of_train = rng.permutation(100) < 60
        shares[i] = of_train[sits[sits >= 0]].sum()
    z = (on_train - shares.mean()) / shares.std()
    assert norm.isf(found.p_value) == pytest.approx(z, abs=0.15)


@pytest.mark.parametrize(
    ("p", "scale"), [(1, 1.0), pytest.param(2, 0.3, marks=SLOW), pytest.param(2, 3.0, marks=SLOW)]
)
@pytest.mark.parametrize("rounded", [False, True])
def test_rows_without_memory_sit_on_training_rows_by_chance(rng, p, scale, rounded):
    surplus, p_values = [], []
    for _ in range(150):
        train, held_out, fresh = (rng.normal(size=(n, p)) for n in (120, 50, 90))
        if rounded:
            train, held_out = np.round(train, 1), np.round(held_out, 1)
        found = near_copies(scale * fresh, train, held_out)
        surplus.append(found.fake - found.expected)
        p_values.append(found.p_value)
    # Four standard errors; what chance gives is capped at 1 only where nearly all rows sit.
    assert np.mean(surplus) == pytest.approx(0, abs=4 * np.std(surplus) / 150**0.5)
    for level in (0.05, 0.5):
        rejected = np.mean(np.array(p_values) < level)
        assert rejected == pytest.approx(level, abs=4 * (level * (1 - level) / 150) ** 0.5)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_disturbed_copies_are_seen(rng, scale):
    train, held_out, fresh, noise = rng.normal(size=(4, 150, 10))
    spacing = np.median(np.sort(cdist(train, train), axis=1)[:, 1])
    noisy = train + noise * spacing / 3 / 10**0.5
    assert copy_share(scale * noisy, scale * train, scale * held_out).fake < 0.01
    found = near_copies(scale * noisy, scale * train, scale * held_out)
    assert found.fake > 0.8
    assert found.p_value < 1e-10
    honest = near_copies(scale * fresh, scale * train, scale * held_out)
    assert honest.fake < 0.05
    # All on one training row: one row's label says nothing.
    assert near_copies(np.repeat(noisy[:1], 150, axis=0), train, held_out).p_value > 0.1


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_wilson_interval_covers(rng, share):
    counts = rng.binomial(150, share, size=2000)
    intervals = [wilson_interval(count / 150, 150) for count in counts]
    covered = np.mean([low <= share <= high for low, high in intervals])
    assert covered == pytest.approx(0.95, abs=0.03)


def test_newcombe_interval_covers(rng):
    pairs = rng.binomial([80, 120], [0.3, 0.05], size=(2000, 2)) / [80, 120]
    intervals = [newcombe_interval(a, 80, b, 120) for a, b in pairs]
    covered = np.mean([low <= 0.25 <= high for low, high in intervals])
    assert covered == pytest.approx(0.95, abs=0.02)
    low, high = newcombe_interval(1.0, 10, 0.0, 10)
    assert low < 1 <= high
