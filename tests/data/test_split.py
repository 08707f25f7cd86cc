"""Splits: deterministic, disjoint, complete."""

import numpy as np
import pandas as pd
import pytest

from pushforward.data.dataset import Dataset
from pushforward.data.load import load_data
from pushforward.data.split import split
from pushforward.data.toys import GaussianModes
from pushforward.errors import InputError

PARTS = ("train", "validation", "test", "yardstick")


def numbered(n):
    """A data set whose rows and labels carry the row number."""
    return Dataset(name="numbered", X=np.arange(n, dtype=float)[:, None], y=np.arange(n))


def rows(part):
    return set(np.asarray(part).ravel().astype(int))


@pytest.mark.parametrize("n", [6, 7, 13, 20, 101, 1797])
def test_parts_are_disjoint_and_complete(n):
    parts = split(numbered(n), seed=0)
    assert rows(parts.train) | rows(parts.validation) | rows(parts.test) == set(range(n))
    assert len(parts.train) + len(parts.validation) + len(parts.test) == n
    assert min(parts.sizes.values()) >= 2


def test_sizes_follow_the_fractions():
    assert split(numbered(1000), seed=0).sizes == {
        "train": 600,
        "validation": 150,
        "test": 250,
        "yardstick": 250,
    }
    assert split(numbered(1000), 0, (0.2, 0.3, 0.5)).sizes["yardstick"] == 200


def test_yardstick_is_distinct_training_rows():
    parts = split(numbered(200), seed=3)
    assert rows(parts.yardstick) < rows(parts.train)
    assert len(rows(parts.yardstick)) == len(parts.test)


def test_labels_stay_with_their_rows():
    parts = split(numbered(50), seed=1)
    for name in PARTS:
        labels = getattr(parts, f"y_{name}")
        np.testing.assert_array_equal(labels, getattr(parts, name).ravel().astype(int))


def test_same_seed_same_split_whatever_the_global_state():
    first = split(numbered(100), seed=7)
    np.random.seed(1)
    again, other = split(numbered(100), seed=7), split(numbered(100), seed=8)
    for name in PARTS:
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert rows(first.test) != rows(other.test)


def test_frames_keep_their_columns_and_get_a_fresh_index():
    frame = pd.DataFrame(
        {"a": np.arange(40), "b": pd.Categorical(["u", "v"] * 20)}, index=np.arange(40) + 100
    )
    parts = split(Dataset(name="frame", X=frame), seed=0)
    assert rows(parts.train["a"]) | rows(parts.validation["a"]) | rows(parts.test["a"]) == set(
        range(40)
    )
    for name in PARTS:
        part = getattr(parts, name)
        assert part.index.tolist() == list(range(len(part)))
        assert part.dtypes.equals(frame.dtypes)
        np.testing.assert_array_equal(part["b"] == "u", part["a"] % 2 == 0)
    assert parts.y_train is None


@pytest.mark.parametrize(
    ("name", "sizes"), [("ring", (10_000, 1000, 2500)), ("manifold", (100, 500, 500))]
)
def test_a_source_is_drawn_afresh(name, sizes):
    dataset = load_data(name)
    parts, other = split(dataset, seed=0), split(dataset, seed=1)
    assert parts.sizes == dict(zip(PARTS, (*sizes, sizes[2]), strict=True))
    drawn = np.vstack([getattr(s, part) for s in (parts, other) for part in PARTS])
    assert len(np.unique(np.vstack([dataset.X, drawn]), axis=0)) == len(dataset.X) + len(drawn)
    np.testing.assert_array_equal(parts.test, split(dataset, seed=0).test)
    assert parts.y_train is None


def test_a_source_of_ones_own_is_drawn_afresh_too():
    source = GaussianModes(np.zeros((1, 3)), 1.0, np.ones(1))
    X = source.draw(30, np.random.default_rng(0))
    assert split(Dataset(name="mine", X=X, source=source), 0).sizes["train"] == 30


@pytest.mark.parametrize("n", [2, 5])
def test_too_few_rows(n):
    with pytest.raises(InputError, match=f"{n} rows are too few"):
        split(numbered(n), seed=0)


@pytest.mark.parametrize(
    "fractions", [(0.5, 0.5), (0.5, 0.5, 0.5), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1)]
)
def test_fractions_that_are_none(fractions):
    with pytest.raises(InputError, match="sum to 1"):
        split(numbered(100), 0, fractions)
