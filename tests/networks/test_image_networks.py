"""Networks for images: rows as pictures, DCGAN's against its own layers, patches, batch norm."""

import numpy as np
import pytest
import torch
from torch import nn

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.models.fitting import LOG
from pushforward.networks.convolutional import (
    dcgan_drawer,
    dcgan_reader,
    halvings,
    pixel_norm,
    small_normal,
)
from pushforward.networks.family import has_batch_norm
from pushforward.networks.layout import AsImages, AsRows, Layout
from pushforward.networks.patch import patch_reader
from pushforward.networks.translator import Translator
from pushforward.training.adaptors import Average


def pictures(n=9, h=10, w=12, c=3, seed=0):
    images = np.random.default_rng(seed).random((n, h, w, c))
    images[:, 2, 3] = 0.25  # one pixel never varies
    return images


def encoded(images):
    encoding = Encoding().fit(images)
    rows = torch.as_tensor(encoding.transform(images), dtype=torch.float32)
    return Layout.of(encoding), rows


def test_rows_become_the_images_they_were_in_minus_one_to_one():
    images = pictures()
    layout, rows = encoded(images)
    low, high = images.min(), images.max()
    expected = torch.as_tensor(2 * (images - low) / (high - low) - 1).permute(0, 3, 1, 2)
    seen = AsImages(layout)(rows)
    assert torch.allclose(seen.double(), expected, atol=1e-6)
    assert torch.equal(AsRows(layout)(seen), rows)


def test_packed_rows_and_what_stands_beside_them_become_channels():
    layout, rows = encoded(pictures(n=8))
    beside = torch.arange(16.0).reshape(8, 2)
    packed = torch.cat([rows, beside], 1).reshape(4, -1)  # as Adversaries.pack puts them
    seen = AsImages(layout, 2)(packed)
    assert seen.shape == (4, 10, 10, 12)
    alone = AsImages(layout)(rows).reshape(4, 2, 3, 10, 12)
    assert torch.equal(seen[:, :3], alone[:, 0])
    assert torch.equal(seen[:, 5:8], alone[:, 1])
    assert (seen[:, 3] == beside[::2, 0, None, None]).all()
    assert (seen[:, 9] == beside[1::2, 1, None, None]).all()
    assert torch.equal(AsRows(layout, 2)(alone.flatten(1, 2)), rows.reshape(4, -1))


def test_dcgans_discriminator_is_that_of_its_authors():
    """Strided convolutions, batch norm on all but the first, and a 4×4 one to a single number."""
    torch.manual_seed(0)
    ours = dcgan_reader(3, (64, 64), 1, width=4)
    theirs = nn.Sequential(
        nn.Conv2d(3, 4, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(4, 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(0.2),
        nn.Conv2d(8, 16, 4, 2, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.LeakyReLU(0.2),
        nn.Conv2d(16, 32, 4, 2, 1, bias=False),
        nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 1, 4, 1, 0),
    )
    same_weights(ours, theirs)
    x = torch.randn(6, 3, 64, 64)
    assert torch.allclose(ours(x), theirs(x).flatten(1), atol=1e-5)


def test_dcgans_generator_is_that_of_its_authors():
    torch.manual_seed(0)
    ours = dcgan_drawer(10, 3, (32, 32), width=4)
    theirs = nn.Sequential(
        nn.ConvTranspose2d(10, 16, 4, 1, 0, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 3, 4, 2, 1),
        nn.Tanh(),
    )
    same_weights(ours, theirs)
    z = torch.randn(6, 10)
    assert torch.allclose(ours(z), theirs(z[:, :, None, None]), atol=1e-5)


def same_weights(ours, theirs):
    """Give theirs our weights; a linear layer is a convolution over all that is left."""
    with torch.no_grad():
        for mine, yours in zip(ours.parameters(), theirs.parameters(), strict=True):
            if mine.shape == yours.shape or mine.numel() != yours.numel():
                yours.copy_(mine)
            elif yours.shape[0] == mine.shape[1]:  # (n_in, c, 4, 4) of a transposed one
                yours.copy_(mine.T.reshape(yours.shape))
            else:
                yours.copy_(mine.reshape(yours.shape))


def test_dcgan_starts_from_small_normal_weights():
    torch.manual_seed(0)
    network = dcgan_drawer(50, 1, (32, 32), width=32)
    for layer in network:
        if isinstance(layer, (nn.Linear, nn.ConvTranspose2d)):
            assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
    assert all(not p.any() for name, p in network.named_parameters() if name.endswith("bias"))
    assert small_normal(network) is network


def test_halving_ends_at_four_to_seven_pixels():
    for side in range(8, 200):
        assert 4 <= halvings(side, side)[-1][0] <= 7
    with pytest.raises(InputError, match=r"at least 8×8 pixels.*7×30"):
        halvings(7, 30)


def test_pixel_norm_leaves_vectors_of_unit_mean_square():
    x = 5 * torch.randn(2, 8, 3, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(pixel_norm(8)(x).square().mean(1), torch.ones(2, 3, 3), atol=1e-5)


@pytest.mark.parametrize(("count", "field"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_is_as_large_as_said(count, field):
    torch.manual_seed(0)
    network = patch_reader(1, width=2, halvings=count)
    x = torch.randn(1, 1, 96, 96, requires_grad=True)
    values = network(x)
    side = int(values.shape[1] ** 0.5)
    middle = values[0, (side // 2) * side + side // 2]
    (slope,) = torch.autograd.grad(middle, x)
    rows = slope[0, 0].abs().sum(1).nonzero()
    assert int(rows.max() - rows.min()) + 1 == field


def test_a_translator_keeps_the_size_and_the_range():
    torch.manual_seed(0)
    out = Translator(1, 3, width=4, halvings=2, blocks=1)(torch.randn(2, 1, 20, 28))
    assert out.shape == (2, 3, 20, 28)
    assert out.abs().max() <= 1


# Batch norm


def gan(**options):
    small = {"width": 2, "latent_dim": 3, "batch_size": 8, "max_rounds": 8, "random_state": 0}
    return pf.GAN(**(small | {"networks": "dcgan"} | options))


IMAGES = pictures(n=40, h=16, w=16, c=1)[..., 0]


@pytest.mark.parametrize("options", [{"penalty": "gradient"}, {"unroll": 2}])
def test_batch_norm_is_refused_where_single_rows_count(options):
    with pytest.raises(InputError, match="without batch norm"):
        gan(**options).fit(IMAGES)
    gan(networks="convolutional", **options).fit(IMAGES)


def test_a_discriminator_with_batch_norm_sees_real_and_generated_rows_apart():
    game = gan().fit(IMAGES).game_.train()
    x = torch.as_tensor(game.generator(torch.randn(8, 3))).detach()
    noise = game.noise(8, torch.Generator().manual_seed(0))
    fake = game.generator(noise["z"])
    assert has_batch_norm(game.discriminator)
    softplus = nn.functional.softplus
    loss = game.judge(game.discriminator, x, fake, noise).terms
    assert torch.allclose(loss["real"], softplus(-game.discriminator(x)).mean())
    assert torch.allclose(loss["fake"], softplus(game.discriminator(fake)).mean())


def test_a_draw_does_not_depend_on_the_draws_beside_it():
    game = gan().fit(IMAGES).game_
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(game.generator(z)[:2], game.generator(z[:2]), atol=1e-6)


def test_looking_at_samples_does_not_teach_the_statistics():
    often, seldom = (gan(average=0.0, max_rounds=50, patience=p).fit(IMAGES) for p in (200, 20_000))
    assert len(often.scores_) > len(seldom.scores_)
    assert often.history_ == seldom.history_  # of all fifty rounds


def test_statistics_are_averaged_with_the_weights():
    norm = nn.BatchNorm2d(2)
    average = Average(norm, decay=0.5)
    norm(torch.ones(1, 2, 3, 3) * 10)
    moved = norm.running_mean.clone()
    average.add(1000)
    average.swap()
    assert torch.allclose(norm.running_mean, moved / 2)


def test_restarts_with_batch_norm_are_trained_one_by_one(caplog):
    with caplog.at_level("INFO", logger=LOG.name):
        model = gan(restarts=2).fit(IMAGES)
    assert "one by one" in caplog.text
    assert len(model.restart_scores_) == 2


# Modules of a user's own


def drawing():
    return nn.Sequential(nn.Linear(3, 256), nn.Unflatten(1, (1, 16, 16)), nn.Tanh())


def test_modules_are_handed_in_and_again_on_loading(tmp_path):
    given = {"generator": drawing(), "discriminator": nn.Conv2d(1, 1, 16)}
    before = [p.clone() for p in given["generator"].parameters()]
    model = gan(networks=given).fit(IMAGES)
    assert all(
        torch.equal(a, b) for a, b in zip(before, given["generator"].parameters(), strict=True)
    )
    folder = model.save(tmp_path / "model")
    with pytest.raises(InputError, match=r"networks=\.\.\."):
        pf.load_model(folder)
    loaded = pf.load_model(folder, networks=given)
    assert np.array_equal(loaded.sample(3, random_state=0), model.sample(3, random_state=0))


def test_functions_make_fresh_modules_for_every_fit():
    model = gan(networks={"generator": drawing}, restarts=2).fit(IMAGES)
    assert model.sample(2, random_state=0).shape == (2, 16, 16)


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ("mpl", "expected networks among"),
        ({"generate": drawing}, r"no network 'generate'.*generator, discriminator"),
        ({"generator": nn.Linear(4, 256)}, "cannot take 3 numbers a row"),
        ({"generator": nn.Linear(3, 7)}, "cannot take|expected the module"),
        ({"discriminator": nn.Conv2d(1, 2, 16)}, r"give \(n, 1\)"),
        ({"generator": lambda: 3}, "expected a torch.nn.Module"),
    ],
)
def test_networks_that_do_not_fit(networks, message):
    with pytest.raises(InputError, match=message):
        gan(networks=networks).fit(IMAGES)


def test_small_images_and_vectors_are_told_where_convolutions_are_asked_for():
    with pytest.raises(InputError, match="at least 8×8 pixels"):
        gan().fit(IMAGES[:, :6, :6])
    with pytest.raises(InputError, match="expected images"):
        gan().fit(IMAGES.reshape(40, -1))
