"""A law that is given by a function: no rows to learn from, and code that no file holds."""

import json

import numpy as np
import pandas as pd
import pytest

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import DataWarning, InputError
from pushforward.sampler import Sampler


class Pushed(Sampler):
    """x = function(z), z standard normal."""

    def __init__(self, function=None, *, offset=None, random_state=None):
        self.function = function
        self.offset = offset
        self.random_state = random_state

    def _space(self, X):
        return Encoding.points(2 if X is None else list(X.columns))

    def _fit(self, Z, effort):  # noqa: ARG002
        self.starts_ = Z

    def _draw(self, n, rng):
        return self.function(rng.standard_normal((n, 2))) + self.offset

    def _state(self):
        return {"starts": self.starts_}

    def _restore(self, state):
        self.starts_ = state["starts"]


def double(z):
    return 2 * z


def fitted(X=None, function=double):
    return Pushed(function, offset=np.array([10.0, -10.0]), random_state=0).fit(X)


def test_needs_no_rows_and_draws_in_its_own_units():
    drawn = fitted().sample(4000, random_state=1)
    np.testing.assert_allclose(drawn.mean(0), [10, -10], atol=0.2)
    np.testing.assert_allclose(drawn.std(0), [2, 2], rtol=0.05)


def test_keeps_the_columns_of_a_frame_and_its_rows_as_they_are():
    X = pd.DataFrame({"a": [5.0, 5.0, 5.0], "b": [1e6, 2e6, 3e6]})
    sampler = fitted(X)
    np.testing.assert_array_equal(sampler.starts_, X.to_numpy())
    assert list(sampler.sample(3, random_state=0).columns) == ["a", "b"]


def test_code_is_handed_in_again(tmp_path):
    sampler = fitted()
    path = sampler.save(tmp_path / "model")
    assert "double" not in (path / "model.json").read_text()
    loaded = pf.load_model(path, function=double)
    np.testing.assert_array_equal(
        loaded.sample(5, random_state=3), sampler.sample(5, random_state=3)
    )
    np.testing.assert_array_equal(loaded.offset, sampler.offset)


@pytest.mark.parametrize("code", [{}, {"function": double, "offset": 3}, {"other": double}])
def test_other_code_is_refused(tmp_path, code):
    path = fitted().save(tmp_path / "model")
    with pytest.raises(InputError, match=r"load_model\(path, function=\.\.\.\)"):
        pf.load_model(path, **code)


def test_code_for_a_model_without_any_is_refused(tmp_path):
    path = pf.Gaussian().fit(np.eye(3)).save(tmp_path / "model")
    with pytest.raises(InputError, match="takes no code, got log_prob"):
        pf.load_model(path, log_prob=double)


def test_a_list_that_holds_code_is_code(tmp_path):
    path = fitted(function=[double, double]).save(tmp_path / "model")
    parameters = json.loads((path / "model.json").read_text())["parameters"]
    assert parameters["function"] == {"$code": True}


def test_a_method_that_learns_asks_for_rows():
    with pytest.raises(InputError, match="Gaussian learns from rows: give them"):
        pf.Gaussian().fit()


def test_what_learns_nothing_is_not_compared(monkeypatch):
    from pushforward.methods import METHODS, Method
    from pushforward.study.request import choose_methods

    given = Method("given", "x:Y", "density", "a density", "", "", learns=False)
    monkeypatch.setitem(METHODS, "given", given)
    assert "given" not in choose_methods("all")
    with pytest.raises(InputError, match="given draws from a function"):
        choose_methods("gaussian,given")


def test_what_a_model_drew_is_read_by_it_though_columns_were_left_out():
    rng = np.random.default_rng(0)
    texts = [f"said {a:.9f} of {b:.9f}" for a, b in rng.normal(size=(80, 2))]
    frame = pd.DataFrame({"id": range(80), "x": rng.normal(size=80), "text": texts})
    with pytest.warns(DataWarning, match="'text' is left out"):
        model = pf.Autoencoder(max_rounds=5, hidden=(8,), random_state=0).fit(frame)
    drawn = model.sample(5, random_state=0)
    assert list(drawn) == ["id", "x"]
    assert model.transform(drawn).shape == model.transform(frame)[:5].shape
    with pytest.raises(ValueError, match="feature names"):
        model.transform(drawn[["x"]])
