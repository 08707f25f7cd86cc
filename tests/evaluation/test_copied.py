"""Which rows copy which: those planted are listed, others are not."""

import numpy as np
import pandas as pd
import pytest

from pushforward.errors import InputError
from pushforward.evaluation.copied import CopyFinder, copies
from pushforward.evaluation.neighbours import nearest_distinct


@pytest.fixture
def rows(rng):
    return rng.normal(size=(3, 200, 6))


@pytest.mark.parametrize("with_hold_out", [True, False])
def test_planted_copies_are_listed_with_the_row_that_they_copy(rows, with_hold_out):
    train, held_out, fake = rows
    fake = fake.copy()
    fake[[3, 50, 77]] = train[[10, 20, 30]]
    fake[90] = train[40] + 1e-3
    found = copies(train, fake, held_out if with_hold_out else None)
    planted = found.found[found.found["generated"].isin([3, 50, 77, 90])]
    assert dict(zip(planted["generated"], planted["training"], strict=True)) == {
        3: 10,
        50: 20,
        77: 30,
        90: 40,
    }
    assert found.found["distance"].is_monotonic_increasing
    assert len(found.found) <= 4 + 0.03 * len(fake)
    assert found.unseen == with_hold_out


def test_a_model_without_memory_copies_no_more_than_chance(rows):
    train, held_out, fake = rows
    found = copies(train, fake, held_out)
    assert found.share < 0.03
    assert found.expected <= 0.01
    assert not found.copying
    assert "no more than chance" in str(found)


def test_a_copycat_gives_training_rows_away(rows, rng):
    train, held_out, _ = rows
    found = copies(train, train[rng.integers(200, size=50)], held_out)
    assert found.share == 1
    assert found.copying
    assert "training rows are given away" in str(found)


def test_rows_of_a_dense_place_are_no_copies(rng):
    """Near to many training rows, as blurred ones are, is near to none in particular."""
    train = np.vstack([rng.normal(size=(150, 20)), 0.01 * rng.normal(size=(150, 20))])
    dense = 0.01 * rng.normal(size=(100, 20))
    held_out = rng.normal(size=(100, 20))
    found = copies(train, dense, held_out)
    assert (CopyFinder(train, held_out)(dense)[1] < found.threshold).all()
    assert found.share == 0


def test_rows_that_unseen_rows_equal_too_are_expected(rng):
    table = pd.DataFrame(rng.integers(0, 3, size=(400, 3)), columns=list("abc")).astype("category")
    found = copies(table[:200], table[300:], table[200:300])
    assert found.share > 0.9
    assert found.expected > 0.9
    assert not found.copying


def test_a_training_row_that_is_there_twice_is_copied_all_the_same(rows):
    train = np.vstack([rows[0], rows[0][:5]])
    found = copies(train, rows[0][[2]].repeat(2, 0) + 1e-3, rows[1])
    assert found.found["training"].tolist() == [2, 2]


def test_images_are_compared_by_pixels(rng):
    train = rng.random((50, 6, 6, 3))
    found = copies(train, train[7:9])
    assert found.features == "pixels"
    assert found.found["training"].tolist() == [7, 8]


def test_nearest_distinct_is_the_brute_search(rng):
    a, b = rng.normal(size=(30, 3)), rng.normal(size=(40, 3))
    column, distance = nearest_distinct(np.vstack([a, a[:3]]), b, 4)
    every = np.linalg.norm(np.vstack([a, a[:3]])[:, None] - b, axis=2)
    np.testing.assert_array_equal(column, np.argsort(every, axis=1)[:, :4])
    np.testing.assert_allclose(distance, np.sort(every, axis=1)[:, :4], rtol=1e-12)


def test_what_nothing_can_be_said_of_is_refused(rows):
    with pytest.raises(InputError, match="at least 3 different rows of train, got 1"):
        copies(np.zeros((9, 2)), np.zeros((9, 2)))
    with pytest.raises(InputError, match="quantile to be between 0 and 1"):
        copies(rows[0], rows[1], quantile=1)
