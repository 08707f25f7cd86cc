"""Features learnt from labels."""

import json

import numpy as np
import pytest
import torch

from pushforward.errors import FileError, InputError
from pushforward.evaluation import frechet_distance
from pushforward.evaluation.classifier import ClassifierFeatures
from pushforward.evaluation.features import feature_map


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=300)
    return rng.normal(size=(300, 4)) + 5 * np.eye(4)[y], np.array(["a", "b", "c"])[y]


@pytest.fixture(scope="module")
def features(blobs):
    return ClassifierFeatures.fit(*blobs, "blobs")


def test_labels_that_can_be_told_are_told(features):
    assert features.held_out_accuracy > 0.95
    assert features.name.startswith("classifier of blobs (300 rows, 3 classes, accuracy ")


def test_labels_of_chance_are_not_told(rng):
    features = ClassifierFeatures.fit(rng.normal(size=(400, 3)), rng.integers(2, size=400), "noise")
    assert features.held_out_accuracy == pytest.approx(0.5, abs=0.2)  # of 80 rows


def test_features_see_the_class_and_little_else(features, blobs, rng):
    X, y = blobs
    rows = features(X)
    assert rows.shape == (300, 64)
    assert rows.dtype == np.float64
    other = features(rng.normal(size=(100, 4)) + 5 * np.eye(4)[0])
    same, different = (rows[y == label][:60] for label in "ab")
    assert frechet_distance(same, other) < 0.1 * frechet_distance(different, other)


def test_a_seed_gives_the_same_features_and_leaves_other_randomness_alone(features, blobs):
    before = torch.random.get_rng_state()
    again = ClassifierFeatures.fit(*blobs, "blobs")
    other = ClassifierFeatures.fit(*blobs, "blobs", random_state=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    np.testing.assert_array_equal(again(blobs[0]), features(blobs[0]))
    assert again.name == features.name
    assert other.name != features.name


def test_constant_columns_and_large_offsets_do_no_harm(rng):
    y = rng.integers(2, size=200)
    X = np.column_stack([np.full(200, 7.0), 1e4 + rng.normal(size=200) + 6 * y])
    assert ClassifierFeatures.fit(X, y, "offset").held_out_accuracy > 0.9


@pytest.mark.parametrize("shape", [(6, 6), (6, 5, 3), (1, 1)])
def test_images_go_through_convolutions(rng, shape):
    y = rng.integers(2, size=100)
    images = rng.integers(100, size=(100, *shape)) + 150 * y.reshape(-1, *[1] * len(shape))
    features = ClassifierFeatures.fit(images, y, "bright images")
    assert features.held_out_accuracy > 0.9
    assert features(images[:7]).shape == (7, 64)
    with pytest.raises(InputError, match="takes samples of shape"):
        features(np.zeros((3, 9, 9)))


def test_saved_features_are_the_same(features, blobs, tmp_path):
    features.save(tmp_path / "blobs")
    loaded = feature_map(str(tmp_path / "blobs"))
    assert loaded.name == features.name
    np.testing.assert_array_equal(loaded(blobs[0]), features(blobs[0]))
    assert {p.suffix for p in (tmp_path / "blobs").iterdir()} == {".json", ".safetensors"}


def test_damaged_and_foreign_folders_are_named(features, tmp_path):
    features.save(tmp_path)
    model = tmp_path / "model.json"
    description = json.loads(model.read_text())
    model.write_text(json.dumps(description | {"classes": 7}))
    with pytest.raises(FileError, match="damaged"):
        ClassifierFeatures.load(tmp_path)
    model.write_text(json.dumps(description | {"format": "other"}))
    with pytest.raises(FileError, match="another kind"):
        ClassifierFeatures.load(tmp_path)
    with pytest.raises(FileError, match="there is none"):
        ClassifierFeatures.load(tmp_path / "missing")


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.zeros((20, 2)), np.zeros(20)),
        (np.zeros((20, 2)), np.arange(19)),
        (np.zeros((4, 2)), np.arange(4)),
        (np.zeros(20), np.arange(20)),
        (np.zeros((20, 0)), np.arange(20)),
        (np.full((20, 2), np.nan), np.arange(20) % 2),
        (np.array([["x"]] * 20), np.arange(20) % 2),
    ],
)
def test_what_cannot_be_learnt_is_refused(X, y):
    with pytest.raises(InputError):
        ClassifierFeatures.fit(X, y, "nothing")
