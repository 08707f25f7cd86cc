"""Models that earlier versions saved are read, and draw what they drew then."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest

import pushforward as pf
from formats.make import HERE, KINDS, SINCE, outcomes
from pushforward.sampler import FORMAT_VERSION

FOLDERS = sorted(HERE.glob("*/*/model.json"))
CLASSICAL = {"inverse-transform", "maximum-likelihood", "gaussian", "mixture", "copula"}
# Networks in float32 depend on the order in which a machine adds up; float64 hardly does.
TOLERANCE = {True: {"rtol": 1e-10, "atol": 1e-12}, False: {"rtol": 1e-5, "atol": 1e-5}}


@pytest.mark.parametrize("file", FOLDERS, ids=lambda file: "/".join(file.parts[-3:-1]))
def test_it_draws_what_it_drew_when_it_was_saved(file):
    kind = KINDS[file.parent.name]
    loaded = pf.load_model(file.parent)
    found = outcomes(loaded, kind[2]())
    if isinstance(found["samples"], pd.DataFrame):
        kept_columns = kind[2]()[list(found["samples"])]  # a column may be left out
        assert found["samples"].dtypes.to_dict() == kept_columns.dtypes.to_dict()
        kept = BytesIO()
        found["samples"].to_parquet(kept)  # which makes plain numbers of categories that are whole
        expected = pd.read_parquet(file.parent / "samples.parquet")
        pd.testing.assert_frame_equal(pd.read_parquet(kept), expected, rtol=1e-5, atol=1e-5)
        return
    with np.load(file.parent / "samples.npz", allow_pickle=False) as expected:
        assert set(found) == set(expected)
        for name, values in found.items():
            assert values.dtype == expected[name].dtype
            if values.dtype.kind == "u":  # a pixel may be rounded to its neighbour
                assert np.abs(values.astype(int) - expected[name]).max() <= 1
            elif file.parent.name in {"copycat", "kernel-density"}:
                np.testing.assert_array_equal(values, expected[name])
            else:
                np.testing.assert_allclose(
                    values, expected[name], **TOLERANCE[file.parent.name in CLASSICAL]
                )


@pytest.mark.parametrize("version", range(1, FORMAT_VERSION + 1))
def test_every_format_is_there_in_every_kind(version):
    kept = {file.parent.name for file in FOLDERS if file.parts[-3] == str(version)}
    assert kept == {name for name in KINDS if SINCE.get(name, 1) <= version}
