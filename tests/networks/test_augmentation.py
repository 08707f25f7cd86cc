"""Augmentation is seen by the discriminator alone: by both kinds of images, and with gradients."""

import numpy as np
import pytest
import torch

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.networks.augmentation import AUGMENTATIONS, Augmentation, colour, cutout
from pushforward.networks.augmentation import translation as moved
from pushforward.networks.layout import Layout

ALL = "colour,translation,cutout"


def images(n=6, c=3, seed=0):
    return torch.rand(n, c, 16, 24, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_what_the_maps_do():
    x, middle = images(), torch.full((6, 3), 0.5)
    torch.testing.assert_close(colour(x, middle), x)
    torch.testing.assert_close(colour(x, middle + torch.tensor([0.25, 0.0, 0.0])), x + 0.25)
    assert colour(x, middle * torch.tensor([1.0, 0.0, 1.0])).std(1).max() < 1e-6  # grey
    assert torch.equal(moved(x, middle[:, :2]), x)
    by_most = moved(x, torch.tensor([[0.0, 0.999]]).expand(6, 2))  # two rows up, three columns on
    assert torch.equal(by_most[:, :, :14, 3:], x[:, :, 2:, :21])
    assert (by_most[:, :, 14:] == 0).all()
    assert (by_most[..., :3] == 0).all()
    hole = cutout(x, torch.tensor([[0.5, 0.5]]).expand(6, 2)) == 0
    assert hole[:, :, 4:12, 6:18].all()
    assert hole.sum() == 6 * 3 * 8 * 12


def test_moves_are_uniform():
    x = torch.zeros(1, 1, 16, 1)
    x[0, 0, 8] = 1
    u = torch.stack([(torch.arange(500) + 0.5) / 500, torch.full((500,), 0.5)], 1)
    where = moved(x.expand(500, 1, 16, 1), u).argmax(2).flatten()
    assert torch.bincount(where - 6).tolist() == [100] * 5


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_gradients_are_those_of_finite_differences(name):
    change, count = AUGMENTATIONS[name]
    u = torch.rand(2, count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x = images(2)[:, :, :6, :8].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: change(x, u), x)


def test_numbers_beside_the_pixels_stay():
    X = np.random.default_rng(0).random((9, 4, 6))
    X[:, 1, 2] = 0.5  # a pixel that is no column
    encoding = Encoding().fit(X)
    augmentation = Augmentation(Layout.of(encoding), ("translation", "cutout"))
    labels = torch.arange(18.0).reshape(9, 2)
    rows = torch.cat([torch.as_tensor(encoding.transform(X), dtype=torch.float32), labels], 1)
    noise = augmentation.noise(9, torch.Generator().manual_seed(0))
    changed = augmentation(rows, noise)
    assert noise.shape == (9, 4)
    assert torch.equal(changed[:, -2:], labels)
    assert not torch.equal(changed[:, :-2], rows[:, :-2])


def test_it_does_not_leak_into_what_is_drawn():
    """Bars in one column; the discriminator sees them in three, and yet they are drawn in one."""
    rng = np.random.default_rng(0)
    X = 0.05 * rng.normal(size=(300, 8, 8))
    X[:, :, 3] += rng.uniform(0.8, 1.2, size=(300, 1))
    gan = pf.GAN(
        augment="translation", networks="mlp", hidden=(32,), max_rounds=400, random_state=0
    )
    drawn = gan.fit(X).sample(300, random_state=1).mean((0, 1))
    seen = gan.game_.augmentation(
        torch.as_tensor(gan.encoding_.transform(X), dtype=torch.float32),
        gan.game_.augmentation.noise(300, torch.Generator().manual_seed(0)),
    )
    smeared = gan.encoding_.inverse_transform(seen.numpy()).mean((0, 1))
    assert drawn[3] > 0.75
    assert max(drawn[2], drawn[4]) < 0.5 * max(smeared[2], smeared[4])


def test_members_of_a_population_are_solo_runs():
    X = np.random.default_rng(0).random((60, 8, 8))
    options = {"augment": ALL, "networks": "mlp", "hidden": (4,), "max_rounds": 10}
    solo = pf.GAN(random_state=0, **options).fit(X)
    fits = pf.fit_population("gan", X, random_states=[0, 1], **options)
    assert "as one population" in " ".join(fits.notes)
    drawn = fits[0].sample(9, random_state=0)
    assert np.allclose(drawn, solo.sample(9, random_state=0), atol=1e-3)


def test_it_is_off_unless_asked_for():
    for method in pf.METHODS.values():
        assert getattr(method.make(), "augment", "") == ""


def test_conditional_gans_have_it_too():
    X, y = np.random.default_rng(0).random((60, 8, 8)), np.arange(60) % 3
    gan = pf.ConditionalGAN(augment="cutout", hidden=(8,), max_rounds=3, random_state=0)
    assert gan.fit(X, y).sample(2, given=1).shape == (2, 8, 8)


@pytest.mark.parametrize(
    ("options", "X", "message"),
    [
        ({"augment": "rotation"}, np.eye(4)[:, :, None], "expected augment among 'colour'"),
        ({"augment": "cutout"}, np.eye(4), "expected images"),
        ({"augment": "cutout", "unroll": 2}, np.eye(4), "unroll"),
        ({"augment": True}, np.eye(4), "as text"),
    ],
)
def test_what_cannot_be_is_told(options, X, message):
    with pytest.raises(InputError, match=message):
        pf.GAN(**options).fit(X)
