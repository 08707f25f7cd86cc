"""Figures show the numbers they were given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from pushforward.methods import Method
from pushforward.report import figures
from pushforward.report.landscape import landscape
from pushforward.report.marginals import column_marginals
from pushforward.report.projection import Projection
from pushforward.report.style import png


def test_images_share_one_grey_scale_whatever_their_own_range():
    dim = np.full((1, 4, 4), 0.25)
    bright = np.array([[[0.5, 1.5], [0.0, -1.0]]])
    shown = [figures.image_grid(x, (0.0, 1.0)).axes[0].images[0] for x in (dim, bright)]
    np.testing.assert_allclose(shown[0].get_array(), dim[0])
    np.testing.assert_allclose(shown[1].get_array(), [[0.5, 1.0], [0.0, 0.0]])
    assert [image.get_clim() for image in shown] == [(0, 1), (0, 1)]


def test_colour_images_stay_in_colour():
    grid = figures.image_grid(np.zeros((5, 4, 4, 3)), (0.0, 1.0), columns=4, rows=2)
    assert grid.axes[0].images[0].get_array().shape == (9, 19, 3)


def test_every_repeat_is_a_dot_at_its_value():
    lines = [figures.Dots("a", [0.1, 0.3], 0.2, -0.1, 0.7), figures.Dots("b", [0.4], 0.4, 0.3, 0.5)]
    axes = figures.distances(lines, yardstick=(0.02, 0.0, 0.1), floor=0.45).axes[0]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == [[0.1, 0.3], [0.4]]
    bars = [list(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 9]
    assert bars == [[0.0, 0.5], [0.3, 0.5]]  # no interval leaves what is possible


def test_bins_are_the_same_for_all_and_nothing_is_lost_beyond_them():
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"x": rng.normal(size=500)})
    far = pd.DataFrame({"x": rng.normal(size=300) * 10})
    (mine,), (other,) = column_marginals(real, real, real), column_marginals(far, real, real)
    np.testing.assert_array_equal(mine.edges, other.edges)
    np.testing.assert_allclose([other.generated.sum(), other.real.sum()], 1.0)
    inner = np.histogram(far["x"], mine.edges)[0][1:-1] / 300
    np.testing.assert_allclose(other.generated[1:-1], inner)


def test_missing_values_dates_and_rare_categories_are_told():
    frame = pd.DataFrame(
        {
            "when": pd.to_datetime(["2020-01-01", "2020-12-31", None, "2020-06-01"]),
            "kind": pd.Categorical(["a", "a", None, "b"]),
        }
    )
    other = frame.assign(kind=["z", "a", "a", "a"])
    when, kind = column_marginals(other, frame, frame)
    assert when.missing == (0.25, 0.25)
    assert when.ticks[0].startswith("2020-01")
    assert list(kind.labels) == ["a", "b", "other", "missing"]
    np.testing.assert_allclose(kind.real, [0.5, 0.25, 0, 0.25])
    np.testing.assert_allclose(kind.generated, [0.75, 0, 0.25, 0])


def test_the_plane_is_that_of_principal_components():
    rows = np.random.default_rng(1).normal(size=(80, 6)) @ np.diag([5.0, 1, 1, 1, 1, 9])
    rows[:, 1] += rows[:, 0]
    pca = PCA(2, svd_solver="full")
    expected = pca.fit_transform(StandardScaler().fit_transform(rows))
    projection = Projection(rows)
    found = projection(rows)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=0.02, atol=1e-8)
    assert projection.explained == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-9)
    assert projection.outside(found) == 0
    assert projection.outside(found + 1000) == 80


def test_the_kept_state_is_marked_where_it_was():
    curve = figures.Curve([100, 200, 300], [0.5, 0.1, 0.4], 210)
    axes = figures.learning_curves([curve], {}).axes[0]
    mark = next(line for line in axes.lines if line.get_marker() == "D")
    assert (list(mark.get_xdata()), list(mark.get_ydata())) == ([200], [0.1])


def test_drawing_leaves_the_users_settings_alone_and_repeats_to_the_byte():
    before = dict(matplotlib.rcParams)
    figure = [figures.scatter(None, np.eye(2), (-1, 2, -1, 2), ("$x", "縦")) for _ in range(2)]
    assert png(figure[0]) == png(figure[1])
    assert dict(matplotlib.rcParams) == before


def test_the_landscape_holds_forty_methods_of_unknown_kinds():
    kinds = ["density", "samples, adversarial", "something new", "samples, other"]
    methods = [
        Method(f"m{i}", "a:B", kinds[i % 4], "rows", "", "Somebody 1999", default=i % 2 == 0)
        for i in range(40)
    ]
    figure = landscape(methods)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {f"m{i}" for i in range(40)} < set(texts)
    assert [t for t in texts if t in ("density", "adversarial", "something new", "other")] == [
        "density",
        "adversarial",
        "something new",
        "other",
    ]
    assert len(png(figure)) < 1_000_000
