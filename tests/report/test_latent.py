"""Codes as a plane."""

import sys
import types

import numpy as np
import pytest
from sklearn.decomposition import PCA

from pushforward.errors import InputError
from pushforward.report.latent import codes_by_class, plane

CODES = np.random.default_rng(0).normal(size=(60, 5)) * [4, 3, 2, 1, 1]
LABELS = np.repeat([0, 1, 2], 20)


def test_the_plane_of_pca_holds_the_leading_directions():
    points, names = plane(CODES)
    pca = PCA(2).fit(CODES)
    np.testing.assert_allclose(np.abs(points), np.abs(pca.transform(CODES)))
    shares = [f"{share:.0%}" for share in pca.explained_variance_ratio_]
    assert all(share in name for share, name in zip(shares, names, strict=True))


def test_two_codes_are_a_plane_already_and_one_is_a_line():
    assert np.array_equal(plane(CODES[:, :2])[0], CODES[:, :2])
    points, _ = plane(CODES[:, :1])
    assert np.array_equal(points, np.hstack([CODES[:, :1], np.zeros((60, 1))]))


def test_umap_is_asked_with_a_seed_where_it_is_installed(monkeypatch):
    asked = {}

    class UMAP:
        def __init__(self, **options):
            asked.update(options)

        def fit_transform(self, codes):
            return codes[:, :2].astype(np.float32)

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    points, names = plane(CODES[:10], "umap")
    assert names == ("UMAP 1", "UMAP 2")
    assert points.dtype == float
    assert asked == {"random_state": 0, "n_neighbors": 9}


def test_what_is_missing_or_wrong_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)  # as if it were not installed
    with pytest.raises(InputError, match="pip install umap-learn, or take by='pca'"):
        plane(CODES, "umap")
    with pytest.raises(InputError, match="by among 'pca', 'umap', got 'tsne'"):
        plane(CODES, "tsne")
    with pytest.raises(InputError, match="at least 3 rows"):
        plane(CODES[:2])
    with pytest.raises(InputError, match="a label for each of 60 rows"):
        codes_by_class(CODES, LABELS[:5])
    with pytest.raises(InputError, match="at most 10 classes, got 60"):
        codes_by_class(CODES, np.arange(60))


def test_every_class_has_its_colour_and_its_name_at_its_middle():
    axes = codes_by_class(CODES, LABELS, title="codes").axes[0]
    assert len({line.get_color() for line in axes.lines}) == 3
    assert [text.get_text() for text in axes.texts] == ["0", "1", "2"]
    points = plane(CODES)[0]
    for value, text in enumerate(axes.texts):
        np.testing.assert_allclose(text.get_position(), np.median(points[value == LABELS], axis=0))
    assert len(codes_by_class(CODES).axes[0].lines) == 1
