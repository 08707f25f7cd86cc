"""The quantile transform: monotone, invertible, and normal whatever the column."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from pushforward.data.curve import Curve
from pushforward.data.encoding import Encoding
from pushforward.data.numbers import Numbers
from pushforward.storage import pack, unpack

N = 4000


def columns():
    rng = np.random.default_rng(0)
    w = rng.normal(size=N)
    return {
        "normal": w,
        "log-normal": np.exp(2 * w),
        "heavy": rng.standard_t(1, N),
        "modes": np.where(rng.random(N) < 0.3, -50, 50) + w,
        "mixed scales": np.where(rng.random(N) < 0.5, 1e-6, 1e6) * w,
        "huge": w * 1e200,
    }


@pytest.mark.parametrize("name", columns())
def test_scores_are_normal_and_come_back(name):
    x = columns()[name]
    curve = Curve.learn(x)
    z = curve.encode(x)
    assert kstest(z, "norm").statistic < 0.025
    order = np.argsort(x)
    assert (np.diff(z[order]) >= 0).all()
    np.testing.assert_allclose(curve.decode(z), x, rtol=1e-9, atol=1e-12 * np.ptp(x))
    assert len(curve.x) < 200  # it smooths the rows and does not list them
    drawn = curve.decode(np.random.default_rng(1).normal(size=N))
    assert drawn.min() >= x.min()
    assert drawn.max() <= x.max()
    assert kstest(drawn, x).pvalue > 1e-3


def test_nothing_is_drawn_between_modes():
    x = columns()["modes"]
    drawn = Curve.learn(x).decode(np.random.default_rng(1).normal(size=40_000))
    assert (np.abs(drawn) < 40).mean() < 0.002


def test_a_heap_has_an_interval_to_itself():
    rng = np.random.default_rng(0)
    x = np.where(rng.random(N) < 0.4, 0.0, np.abs(rng.normal(size=N)))
    curve = Curve.learn(x)
    assert len(np.unique(curve.encode(x[x == 0]))) == 1
    drawn = curve.decode(rng.normal(size=40_000))
    assert abs((drawn == 0).mean() - (x == 0).mean()) < 0.05
    far = curve.decode(np.array([-9.0, 9.0]))
    assert far[0] == 0.0
    assert x.min() <= far[1] <= x.max()


def test_counts_are_drawn_at_their_shares():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"visits": rng.poisson(1.5, N), "stars": rng.integers(1, 6, N)})
    encoding = Encoding().fit(frame, numbers="quantile")
    pd.testing.assert_frame_equal(encoding.inverse_transform(encoding.transform(frame)), frame)
    drawn = encoding.inverse_transform(rng.normal(size=(40_000, 2)))
    for name in frame:
        real, fake = (x[name].value_counts(normalize=True) for x in (frame, drawn))
        assert set(fake.index) <= set(range(real.index.min(), real.index.max() + 1))
        assert real.sub(fake, fill_value=0).abs().max() < 0.02


def test_the_slope_is_that_of_the_curve():
    x = columns()["log-normal"]
    curve = Curve.learn(x)
    z = np.random.default_rng(1).uniform(-2, 2, 200)
    step = 1e-6
    numeric = (curve.decode(z + step) - curve.decode(z - step)) / (2 * step)
    close = np.isclose(np.exp(curve.log_slope(z)), numeric, rtol=1e-4)
    assert close.mean() > 0.98  # but where a knot lies between
    heaped = Curve.learn(np.r_[np.zeros(50), np.arange(1, 51)])
    assert np.isneginf(heaped.log_slope(heaped.encode(np.zeros(1)))).all()


def test_it_is_kept_in_a_file():
    X = np.column_stack(list(columns().values())[:3])
    numbers = Numbers.learn(X, bounded=True, curved=True)
    back = Numbers.from_dict(unpack(*pack(numbers.to_dict())))
    Z = numbers.encode(X)[0]
    np.testing.assert_array_equal(back.encode(X)[0], Z)
    np.testing.assert_array_equal(back.decode(Z, []), numbers.decode(Z, []))
    of_format_1 = numbers.to_dict()
    del of_format_1["curves"]
    assert Numbers.from_dict(of_format_1).curves == {}


def test_arrays_of_floats_and_images_are_as_they_were():
    X = np.column_stack(list(columns().values())[:3])
    for rows in (X, X[:50].reshape(50, 3, 1)):
        plain, curved = Encoding().fit(rows), Encoding().fit(rows, numbers="quantile")
        np.testing.assert_array_equal(curved.transform(rows), plain.transform(rows))
