"""The encoding: what goes in comes back, and what is generated keeps to what was seen."""

import json

import numpy as np
import pandas as pd
import pytest

from pushforward.data.categories import offsets_for
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.storage import pack, unpack

N = 150


def every_kind_of_column():
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2020-01-01")
    frame = pd.DataFrame(
        {
            "float": rng.normal(size=N),
            "decimals": rng.normal(size=N).round(2),
            "float32": rng.normal(size=N).astype("float32"),
            "integer": rng.integers(-9, 9, N),
            "int8": rng.integers(0, 5, N).astype("int8"),
            "nullable": pd.array(rng.integers(0, 5, N), dtype="Int64"),
            "bool": rng.random(N) < 0.1,
            "boolean": pd.array(rng.random(N) < 0.5, dtype="boolean"),
            "object bool": pd.Series([True, False, None] * (N // 3), dtype=object),
            "text": rng.choice(["x", "ÿ", 'z, "quoted"'], N),
            "ordered": pd.Categorical(
                rng.choice([3, 1, 2], N), categories=[1, 2, 3, 4], ordered=True
            ),
            "date": day + pd.to_timedelta(rng.integers(0, 900, N), unit="D"),
            "moment": day + pd.to_timedelta(rng.integers(0, 10**6, N), unit="s"),
            "constant": 7,
            "constant text": "CH",
            "all missing": np.nan,
            "huge": rng.normal(size=N) * 1e200,
            "tiny": rng.normal(size=N) * 1e-200,
        }
    )
    frame["zoned"] = frame["moment"].dt.tz_localize("Europe/Zurich")
    for i, column in enumerate(["float", "nullable", "boolean", "text", "ordered", "date"]):
        frame.loc[rng.random(N) < 0.05 + 0.05 * i, column] = None
    return frame


def test_encoding_and_decoding_real_rows_is_the_identity():
    frame = every_kind_of_column()
    encoding = Encoding().fit(frame)
    Z = encoding.transform(frame)
    assert Z.shape == (N, encoding.width)
    assert np.isfinite(Z).all()
    pd.testing.assert_frame_equal(encoding.inverse_transform(Z), frame, rtol=1e-12, atol=0)


def test_it_is_the_identity_after_calibration_and_after_a_round_trip_through_json():
    frame = every_kind_of_column()
    encoding = Encoding().fit(frame)
    Z = encoding.transform(frame)
    encoding.calibrate(np.random.default_rng(0).normal(size=(500, encoding.width)))
    assert any(np.abs(b).max() > 0.1 for b in encoding.offsets)
    tree, arrays = pack(encoding.to_dict())
    back = Encoding.from_dict(unpack(json.loads(json.dumps(tree)), arrays))
    pd.testing.assert_frame_equal(back.inverse_transform(Z), frame, rtol=1e-12, atol=0)


def test_numbers_are_standardised_over_the_rows_that_are_there():
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0, 5.0]})
    encoding = Encoding().fit(frame)
    Z = encoding.transform(frame)
    a = np.array([1.0, 3.0, 5.0])
    np.testing.assert_allclose(Z[[0, 2, 3], 0], (a - a.mean()) / a.std())
    assert Z[1, 0] == 0.0
    assert Z[:, 1:].tolist() == [[1, 0], [0, 1], [1, 0], [1, 0]]  # [present, missing]


def test_generated_rows_keep_to_range_decimals_and_categories():
    frame = every_kind_of_column()
    encoding = Encoding().fit(frame)
    drawn = encoding.inverse_transform(
        5 * np.random.default_rng(1).normal(size=(400, encoding.width))
    )
    assert drawn.dtypes.to_dict() == frame.dtypes.to_dict()
    for column in ("float", "integer", "int8", "nullable", "date", "huge", "tiny", "float32"):
        assert drawn[column].min() >= frame[column].min()
        assert drawn[column].max() <= frame[column].max()
    assert (drawn["decimals"] == drawn["decimals"].round(2)).all()
    assert (drawn["date"].dropna() == drawn["date"].dropna().dt.normalize()).all()
    assert set(drawn["text"].dropna()) <= set(frame["text"].dropna())
    assert (drawn["constant"] == 7).all()


def test_values_beyond_a_range_are_mirrored_unless_rows_heap_up_there():
    rng = np.random.default_rng(0)
    smooth, zeros = rng.exponential(size=1000), np.maximum(rng.normal(size=1000), 0.0)
    encoding = Encoding().fit(pd.DataFrame({"smooth": smooth, "zeros": zeros}))
    drawn = encoding.inverse_transform(rng.normal(size=(4000, 2)))
    assert (drawn["smooth"] == smooth.min()).mean() < 0.001
    assert 0.1 < (drawn["zeros"] == 0.0).mean() < 0.4
    far = encoding.inverse_transform(np.full((1, 2), 1e3))
    assert far["smooth"][0] == smooth.max()


def test_arrays_are_points_and_images_keep_their_range():
    X = np.random.default_rng(0).normal(size=(50, 2))
    encoding = Encoding().fit(X)
    far = np.full((1, 2), 100.0)
    np.testing.assert_allclose(encoding.inverse_transform(far), X.mean(0) + 100 * X.std(0)[None])
    assert np.array_equal(encoding.snap(far), far)
    images = np.random.default_rng(0).integers(0, 256, size=(20, 4, 3, 3), dtype=np.uint8)
    encoding = Encoding().fit(images)
    Z = encoding.transform(images)
    assert np.abs(Z).max() <= 1.0
    assert np.array_equal(encoding.inverse_transform(Z), images)
    bright = encoding.inverse_transform(np.full((1, 36), 9.0))
    assert bright.max() == images.max()
    assert bright.dtype == np.uint8


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.02, 0.08, 0.9], [0.25] * 4])
def test_calibration_gives_each_category_its_share(shares):
    """Scores shrunk to their means, as a blurred decoder gives them, lose rare categories."""
    rng = np.random.default_rng(0)
    column = rng.choice(list("abcd")[: len(shares)], size=4000, p=shares)
    encoding = Encoding().fit(pd.DataFrame({"c": column}))
    Z = np.array(shares) + 0.1 * rng.normal(size=(4000, len(shares)))

    def drawn(scores):
        counts = encoding.inverse_transform(scores)["c"].value_counts(normalize=True)
        return np.array([counts.get(c, 0.0) for c in "abcd"[: len(shares)]])

    raw = np.abs(drawn(Z) - encoding.shares[0]).max()
    encoding.calibrate(Z)
    fresh = np.array(shares) + 0.1 * rng.normal(size=(4000, len(shares)))
    assert np.abs(drawn(fresh) - encoding.shares[0]).max() < max(0.03, raw / 4)


def test_a_category_never_seen_in_training_is_no_category():
    encoding = Encoding().fit(pd.DataFrame({"c": list("aabb")}))
    assert encoding.transform(pd.DataFrame({"c": ["z"]})).tolist() == [[0.0, 0.0]]


def test_what_cannot_be_encoded_is_told():
    frame = pd.DataFrame({"a": [1.0, np.inf, -np.inf], "b": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match=r"2 infinite in column\(s\) a; replace"):
        Encoding().fit(frame)
    encoding = Encoding().fit(frame[["b"]].assign(c=[1, 3, 2]))
    with pytest.raises(InputError, match="'c'"):
        encoding.transform(frame[["b"]])
    with pytest.raises(InputError, match="no column is left"):
        Encoding().fit(pd.DataFrame({"id": range(5)}))


def test_whole_grey_levels_are_rounded_not_cut_off():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(30, 4, 4), dtype=np.uint8)
    encoding = Encoding().fit(images)
    off = encoding.transform(images) + 0.4 / 127.5 * rng.choice([-1, 1], (30, 16))
    np.testing.assert_array_equal(encoding.inverse_transform(off), images)


@pytest.mark.parametrize("one_hot", [False, True])
def test_offsets_are_those_of_looking_at_every_category_again(one_hot):
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.ones(12))
    scores = rng.normal(0.1, 0.3, (800, 12))
    if one_hot:
        scores = np.eye(12)[rng.choice(12, 800, p=share[::-1])]
    offset = np.zeros(12)
    for k in np.argsort(share):
        rivals = np.delete(scores + offset, k, axis=1).max(1) - scores[:, k]
        offset[k] = np.quantile(rivals, share[k])
    offset -= (offset.max() + offset.min()) / 2
    np.testing.assert_allclose(offsets_for(scores, share, sweeps=1), offset.clip(-0.49, 0.49))
    assert np.abs(offsets_for(scores, share)).max() <= 0.49
