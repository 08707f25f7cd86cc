"""Feature maps of arrays: components against scikit-learn, and what a string names."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from torch import nn

from pushforward.errors import FileError, InputError
from pushforward.evaluation.features import (
    PrincipalComponents,
    Standardised,
    feature_map,
    feature_name,
    pixels,
    raw,
)


def test_components_agree_with_scikit_learn(rng):
    reference = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5)) + 2.0
    new = rng.normal(size=(20, 5))
    features, pca = PrincipalComponents(reference, 3), PCA(3).fit(reference)
    np.testing.assert_allclose(np.abs(features(new)), np.abs(pca.transform(new)), rtol=1e-9)
    share = 100 * pca.explained_variance_ratio_.sum()
    assert features.name == f"pca:3 ({share:.1f} % of the variance of 60 rows)"


def test_all_components_keep_distances(rng):
    images = rng.normal(size=(30, 2, 3))
    features = PrincipalComponents(images, 6)
    expected = np.linalg.norm(pixels(images[:1]) - pixels(images[1:]), axis=1)
    rows = features(images)
    np.testing.assert_allclose(np.linalg.norm(rows[:1] - rows[1:], axis=1), expected, rtol=1e-9)


def test_components_of_a_table_are_of_its_standardised_columns(rng):
    frame = pd.DataFrame({"a": rng.normal(size=30) * 100, "b": list("xyz") * 10})
    assert PrincipalComponents(frame, 2)(frame).shape == (30, 2)


@pytest.mark.parametrize("k", [0, 4, -1])
def test_components_that_are_not_there_are_refused(rng, k):
    with pytest.raises(InputError, match="1 to 3 principal components, got"):
        PrincipalComponents(rng.normal(size=(4, 9)), k)


def test_constant_rows_have_components_of_zero():
    np.testing.assert_array_equal(PrincipalComponents(np.ones((5, 3)), 2)(np.ones((2, 3))), 0)


def test_raw_takes_rows_as_they_are():
    rows = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(raw(rows), rows)
    with pytest.raises(InputError, match="shape"):
        raw(np.zeros((2, 3, 3)))


def test_a_string_names_a_feature_map(rng):
    reference = rng.normal(size=(20, 4))
    assert feature_map("pixels") is pixels
    assert feature_map("raw") is raw
    assert isinstance(feature_map("standardised", reference), Standardised)
    assert feature_map("pca:2", reference)(reference).shape == (20, 2)
    assert feature_map(pixels) is pixels
    assert feature_name(feature_map(nn.Linear(4, 2))).startswith("Linear (weights ")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("pixel", "expected features named"),
        ("", "expected features named"),
        ("/no/such/folder", "expected features named"),
        ("standardised", "needs reference rows"),
        ("pca:3", "needs reference rows"),
    ],
)
def test_another_name_is_refused(name, says):
    with pytest.raises(InputError, match=says):
        feature_map(name)


@pytest.mark.parametrize("name", ["pca", "pca:", "pca:many", "pca:1.5"])
def test_a_number_of_components_must_be_one(name):
    with pytest.raises(InputError, match="a number of principal components"):
        feature_map(name, np.eye(5))


def test_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(FileError, match="weights of Inception"):
        feature_map("inception:/no/such/file.pth")
    with pytest.raises(FileError, match=r"no model\.json"):
        feature_map(str(tmp_path))
