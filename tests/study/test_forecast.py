"""A forecast of a comparison has the parts that a comparison has, and their arithmetic."""

import time

import numpy as np
import pytest

import pushforward as pf
from pushforward.errors import InputError
from pushforward.study import forecast as module
from pushforward.study.plan import Trial
from pushforward.study.request import as_dataset


def rows(n=400):
    return np.random.default_rng(0).normal(size=(n, 2))


def test_it_sums_what_is_run():
    found = pf.forecast_comparison(rows(), methods="vae,copula", max_rounds=40, repeats=2, jobs=2)
    assert list(found.trained) == ["vae"]
    assert list(found.others) == ["gaussian", "copula"]  # the floor is fitted in any case
    assert found.trained["vae"].rounds == 40
    fits = found.trained["vae"].seconds + sum(found.others.values())
    assert found.seconds == pytest.approx(2 * (fits + 4 * found.judging) / 2)
    assert found.soonest <= found.seconds
    assert found.memory == found.trained["vae"].memory
    for part in ("vae", "copula", "2 repeats, 2 at a time", "in all"):
        assert part in str(found)


def test_it_is_of_the_size_that_a_comparison_takes(tmp_path):
    asked = {"methods": "gan", "max_rounds": 300, "repeats": 1, "jobs": 1}
    found = pf.forecast_comparison(rows(), **asked)
    began = time.monotonic()
    pf.compare(rows(), **asked, out=tmp_path / "run")
    assert 0.1 < found.seconds / (time.monotonic() - began) < 10


def test_a_method_without_rounds_is_carried_over_in_proportion(monkeypatch):
    class Slow:
        def fit(self, X, *_, **__):
            time.sleep(0.004 * len(X))

    monkeypatch.setattr(module, "TRIED_ROWS", 50)
    monkeypatch.setattr(module, "unfitted", lambda _: Slow())
    found = pf.forecast_comparison(rows(), methods="gaussian", repeats=1, jobs=1)
    n = len(Trial("gaussian", 0, "method", 0, None, None).split(as_dataset(rows())).train)
    assert found.others["gaussian"] == pytest.approx(0.004 * n, rel=0.5)


def test_images_are_judged_by_features_that_are_learnt_first():
    glyphs = pf.glyphs(300, size=16, seed=0, progress=False)
    found = pf.forecast_comparison(glyphs, methods="vae", max_rounds=2, repeats=1, jobs=1)
    assert found.features > 0
    assert "of learning features" in str(found)


def test_what_cannot_be_fitted_is_said(monkeypatch):
    def refuse(_):
        raise ValueError("no such law")

    monkeypatch.setattr(module, "unfitted", refuse)
    found = pf.forecast_comparison(rows(), methods="mixture", repeats=1, jobs=1)
    assert found.failed["mixture"] == "no such law"
    assert "will fail: no such law" in str(found)
    with pytest.raises(InputError, match="vea"):
        pf.forecast_comparison(rows(), methods="vea")
    with pytest.raises(InputError, match="array is no table, so no column of it can be a target"):
        pf.forecast_comparison(rows(), methods="gaussian", target="x")
