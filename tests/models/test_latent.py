"""What latent models share: codes, ways between them, and an encoder to take along."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from torch import nn

import pushforward as pf
from helpers import tiny
from pushforward.errors import InputError
from pushforward.methods import METHODS
from pushforward.models.latent import LatentSampler, arc, line

LATENT = [
    name
    for name, method in METHODS.items()
    if issubclass(method.sampler, LatentSampler) and not method.sampler.takes
]
WIDE = {"info-gan": {"categories": 3}}  # its code is what is read, not all of z
X = np.random.default_rng(0).normal(2.0, 3.0, size=(60, 4))


@pytest.fixture(scope="module", params=LATENT)
def model(request):
    return three_wide(request.param).fit(X)


def three_wide(name):
    return tiny(name, latent_dim=3, random_state=0, **WIDE.get(name, {}))


def test_codes_and_rows_are_of_the_right_kind(model):
    frame = pf.load_data("wine").X
    fitted = three_wide(pf.methods.name_of(model)).fit(frame)
    codes = fitted.transform(frame)
    assert codes.shape == (178, 3)
    assert list(fitted.inverse_transform(codes).columns) == list(frame.columns)
    between = fitted.interpolate(frame[:2], frame[2:4], steps=4)
    assert list(between.columns) == list(frame.columns)
    assert between.dtypes.to_dict() == frame.dtypes.to_dict()
    assert len(between) == 8


@pytest.mark.parametrize("spherical", [False, True])
def test_both_ends_of_a_way_are_the_decoded_codes_of_its_rows(model, spherical):
    ways = model.interpolate(X[:2], X[2:4], steps=5, spherical=spherical).reshape(2, 5, 4)
    for end, rows in ((0, X[:2]), (-1, X[2:4])):
        decoded = model.inverse_transform(model.transform(rows))
        np.testing.assert_allclose(ways[:, end], decoded, rtol=1e-5)


def test_the_straight_way_has_equal_steps_between_codes(model):
    a, b = model.transform(X[:1]), model.transform(X[1:2])
    codes = np.concatenate([a + t * (b - a) for t in (0, 1 / 3, 2 / 3, 1)])
    expected = model.inverse_transform(codes)
    np.testing.assert_allclose(model.interpolate(X[:1], X[1:2], steps=4), expected, rtol=1e-5)


def test_an_arc_turns_at_constant_speed_and_keeps_the_length():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 7))
    a, b = 2 * a / np.linalg.norm(a), 2 * b / np.linalg.norm(b)
    way = arc(a, b, np.linspace(0, 1, 6)[:, None])
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), 2)
    angles = np.arccos((way[1:] * way[:-1]).sum(1) / 4)
    np.testing.assert_allclose(angles, np.arccos(a @ b / 4) / 5)


@pytest.mark.parametrize("b", [[3.0, 0.0], [-3.0, 0.0], [0.0, 0.0], [1.0, 1e-9]])
def test_an_arc_goes_straight_where_there_is_no_plane_to_turn_in(b):
    a, t = np.array([1.0, 0.0]), np.linspace(0, 1, 5)[:, None]
    np.testing.assert_array_equal(arc(a, np.array(b), t), line(a, np.array(b), t))


def test_the_encoder_is_a_copy_that_gives_the_codes(model):
    encoder = model.encoder_
    assert isinstance(encoder, nn.Module)
    assert not encoder.training
    rows = torch.as_tensor(model.encoding_.transform(X), dtype=torch.float32)
    codes = model.transform(X)
    for same in (encoder, copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        np.testing.assert_allclose(same(rows).detach().numpy(), codes, rtol=1e-5, atol=1e-6)


def test_an_encoder_trained_further_leaves_the_sampler_as_it_was(model):
    before = model.transform(X)
    encoder = model.encoder_
    rows = torch.as_tensor(model.encoding_.transform(X), dtype=torch.float32)
    torch.manual_seed(0)
    classifier = nn.Sequential(encoder, nn.Linear(3, 2))
    steps = torch.optim.SGD(classifier.parameters(), lr=0.5)
    y = torch.as_tensor(X[:, 0] > 2).long()
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(classifier(rows), y)
        losses.append(loss.item())
        steps.zero_grad()
        loss.backward()
        steps.step()
    assert losses[-1] < 0.9 * losses[0]
    assert not np.allclose(encoder(rows).detach().numpy(), before)
    assert np.array_equal(model.transform(X), before)


def test_codes_are_features_in_a_pipeline(model):
    assert make_pipeline(tiny(pf.methods.name_of(model))).fit_transform(X).shape[0] == 60


def test_what_cannot_be_coded_or_decoded_is_told(model):
    for codes, words in (
        (np.zeros((2, 4)), r"codes of shape \(n, 3\), got \(2, 4\)"),
        (np.zeros(3), r"got \(3,\)"),
        (np.array([[np.nan, 0.0, 0.0]]), "codes that are finite"),
    ):
        with pytest.raises(InputError, match=words):
            model.inverse_transform(codes)
    for steps in (1, 2.0, True, "many"):
        with pytest.raises(InputError, match="steps to be a whole number above 1"):
            model.interpolate(X[:1], X[1:2], steps=steps)
    with pytest.raises(InputError, match="as many rows in a as in b, got 2 and 1"):
        model.interpolate(X[:2], X[:1])
    with pytest.raises(InputError, match="spherical to be True or False"):
        model.interpolate(X[:1], X[1:2], spherical="yes")
    with pytest.raises(NotFittedError):
        type(model)().interpolate(X[:1], X[1:2])
    constant = tiny(pf.methods.name_of(model), random_state=0).fit(np.full((5, 2), 7.0))
    with pytest.raises(InputError, match="a column that varied"):
        constant.encoder_  # noqa: B018
    assert (constant.interpolate([[7.0, 7.0]], [[7.0, 7.0]], steps=3) == 7.0).all()
