"""Conditions on any columns hold for every sampler, and its other promises under them."""

import numpy as np
import pandas as pd
import pytest

import pushforward as pf
from helpers import CLASSES, fit, tiny
from pushforward.data.asked import event_of
from pushforward.errors import InputError, TooRare

pytestmark = pytest.mark.filterwarnings("ignore:a saved .* contains training rows")


def people(n=150, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "height": rng.normal(170, 10, n),
            "city": rng.choice(["Bern", "Basel", "Chur"], n),
        }
    )
    frame.loc[rng.random(n) < 0.2, "height"] = np.nan
    return frame


# All that have a draw of their own; BiGAN's and ALICE's is the GAN's.
@pytest.mark.parametrize("name", [name for name in CLASSES if name not in ("bi-gan", "alice")])
def test_every_sampler_of_a_table_draws_under_conditions(name, tmp_path):
    few = {"n_components": 2} if name == "mixture" else {}
    sampler = fit(tiny(name, random_state=0, **few), people())
    if sampler.takes == "other rows":
        with pytest.raises(InputError, match="translations of rows of another domain"):
            sampler.sample(3, given={"age": (20, 60)})
        return
    given = {"age": (20, 60), "city": {"Bern", "Chur"}, "height": (150, 200)}
    drawn = sampler.sample(30, given=given, random_state=1)
    assert len(drawn) == 30
    assert event_of(given, sampler.encoding_).holds(drawn).all()
    assert list(drawn.index) == list(range(30))
    took = sampler.sample_acceptance_
    assert took.accepted >= 30
    pd.testing.assert_frame_equal(drawn, sampler.sample(30, given=given, random_state=1))
    loaded = pf.load_model(sampler.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(drawn, loaded.sample(30, given=given, random_state=1))
    sampler.sample(2)
    assert not hasattr(sampler, "sample_acceptance_")  # it was of another draw


@pytest.mark.parametrize("name", ["gaussian", "inverse-transform", "vae"])
def test_an_array_is_asked_by_the_places_of_its_columns(name):
    X = np.random.default_rng(0).normal(size=(200, 3))
    drawn = fit(tiny(name, random_state=0), X).sample(40, given={0: (0, None)}, random_state=0)
    assert drawn.shape == (40, 3)
    assert (drawn[:, 0] >= 0).all()


def test_one_value_for_each_sample():
    sampler = pf.KernelDensity(random_state=0).fit(people())
    cities = ["Chur", "Bern", "Bern", "Basel"]
    drawn = sampler.sample(given={"city": cities, "age": (20, 60)}, random_state=0)
    assert drawn["city"].tolist() == cities
    assert drawn["age"].between(20, 60).all()
    with pytest.raises(InputError, match="expected 1 or 3 values of 'city', got 4"):
        sampler.sample(3, given={"city": cities})
    asked = pd.DataFrame({"city": cities, "age": [20, 30, 40, 50]})
    assert sampler.sample(given=asked)["age"].tolist() == [20, 30, 40, 50]


def test_labels_are_drawn_natively_and_columns_by_rejection():
    frame = people(400)
    labels = pd.DataFrame({"kind": np.where(frame["age"] > 50, "old", "young")})
    labels["score"] = np.linspace(0, 1, 400)
    vae = pf.ConditionalVAE(hidden=(16,), max_rounds=200, random_state=0).fit(frame, labels)
    given = {"kind": "old", "score": (0.2, 0.4), "city": "Bern", "age": (40, None)}
    drawn = vae.sample(50, given=given, random_state=0)
    assert set(drawn["city"]) == {"Bern"}
    assert drawn["age"].min() >= 40
    assert set(vae.sample_given_["kind"]) == {"old"}
    assert vae.sample_given_["score"].between(0.2, 0.4).all()
    assert str(vae.sample_acceptance_.asked) == "city 'Bern', age from 40"
    pd.testing.assert_frame_equal(drawn, vae.sample(50, given=given, random_state=0))
    # The joint law: what is asked of a column says something of the label, too.
    vae.sample(400, given={"age": (70, None)}, random_state=0)
    given_age = vae.sample_given_["kind"]
    vae.sample(400, random_state=0)
    assert (given_age == "old").mean() > (vae.sample_given_["kind"] == "old").mean() + 0.1
    each = vae.sample(given={"kind": ["old", "young"], "city": ["Bern", "Chur"]}, random_state=0)
    assert each["city"].tolist() == ["Bern", "Chur"]
    assert vae.sample_given_["kind"].tolist() == ["old", "young"]
    with pytest.raises(InputError, match="no label or column 'cty'; its labels are kind, score"):
        vae.sample(3, given={"kind": "old", "cty": "Bern"})


def test_labels_too_are_asked_for_by_sets_and_ranges():
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = np.repeat([0, 1, 2], [30, 90, 180])
    vae = fit_labels(X, y)
    vae.sample(600, given={1, 2}, random_state=0)
    counts = np.bincount(vae.sample_given_, minlength=3)
    assert counts[0] == 0
    assert 150 < counts[1] < 250  # a third, as in training
    vae.sample(50, given={"label": (0, 1)}, random_state=0)
    assert set(vae.sample_given_) == {0, 1}
    with pytest.raises(InputError, match="7 was not seen"):
        vae.sample(5, given={1, 7})


def fit_labels(X, y):
    return pf.ConditionalVAE(hidden=(8,), max_rounds=30, random_state=0).fit(X, y)


def test_codes_of_an_info_gan_are_given_beside_columns():
    gan = fit(tiny("info-gan", random_state=0), people())
    drawn = gan.sample(10, given={"category": 1, "age": (20, 70)}, random_state=0)
    assert drawn["age"].between(20, 70).all()
    with pytest.raises(InputError, match="expected one value of category for all samples"):
        gan.sample(2, given={"category": [0, 1], "age": (20, 70)})


def test_identifiers_of_kept_rows_are_numbered_without_gaps():
    frame = people().assign(id=[f"P-{i:04d}" for i in range(150)])
    with pytest.warns(UserWarning, match="names the rows: column 'id'"):
        sampler = pf.METHODS["inverse-transform"].make(random_state=0).fit(frame)
    drawn = sampler.sample(20, given={"city": "Bern"}, random_state=0)
    assert drawn["id"].tolist() == [f"P-{i:04d}" for i in range(150, 170)]
    with pytest.raises(InputError, match="id is made up for each row"):
        sampler.sample(1, given={"id": "P-0001"})


def test_columns_of_many_categories_may_be_asked_for():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=900), "shop": rng.integers(0, 100, 900).astype(str)})
    sampler = pf.Gaussian(random_state=0).fit(frame, every_column=True)
    assert "shop" in sampler.encoding_.embedded
    drawn = sampler.sample(40, given={"shop": {"7", "9"}, "x": (0, None)}, random_state=0)
    assert set(drawn["shop"]) == {"7", "9"}
    with pytest.raises(InputError, match="'x9' was not seen"):
        sampler.sample(1, given={"shop": "x9"})


def test_what_no_row_meets_ends_in_time_and_says_what_to_do():
    frame = people()
    frame["country"] = np.where(frame["city"] == "Bern", "north", "south")
    sampler = pf.METHODS["copycat"].make(random_state=0).fit(frame)
    with pytest.raises(TooRare, match=r"0 of .* draws, at most .* Ask for a wider range"):
        sampler.sample(10**6, given={"city": "Bern", "country": "south"}, budget=1.0)
    gaussian = pf.Gaussian().fit(np.random.default_rng(0).normal(size=(99, 2)))
    with pytest.raises(InputError, match="the model gives it probability 0"):
        gaussian.sample(1, given={0: (200, 300)})
    with pytest.raises(InputError, match="budget"):
        sampler.sample(1, given={"city": "Bern"}, budget=0)


def test_images_are_not_asked_for_by_their_pixels():
    images = np.random.default_rng(0).integers(0, 256, size=(40, 5, 4), dtype=np.uint8)
    sampler = pf.Gaussian().fit(images)
    with pytest.raises(InputError, match="a condition on pixels is not supported"):
        sampler.sample(1, given={0: 3})
