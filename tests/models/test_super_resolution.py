"""Super-resolution against its equations, and that small images are what they are said to be."""

from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate

import pushforward as pf
from pushforward.data.simulated import shrink
from pushforward.errors import DataWarning, FileError, InputError
from pushforward.evaluation.classifier import ClassifierFeatures
from pushforward.models.super_resolution import SuperResolution
from pushforward.networks.frozen import Frozen
from pushforward.networks.super_resolution import SRResNet
from pushforward.training.device import seeded
from pushforward.training.loop import play

TINY = {"width": 2, "blocks": 1, "batch_size": 8, "warm_up": 3, "max_rounds": 12, "random_state": 0}
N = 8


def pictures(n=24, h=16, w=16, channels=0, seed=0):
    """Soft-edged discs, with an edge that never varies."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:h, :w]
    top, left, radius = (rng.uniform(a, b, (n, 1, 1)) for a, b in ((5, h - 5), (5, w - 5), (2, 5)))
    images = 1 / (1 + np.exp(2 * (np.hypot(y - top, x - left) - radius)))
    images[:, 0] = 0.25
    return images[..., None] * np.arange(1, channels + 1) / channels if channels else images


def edges(channels=1):
    """Features that are not the pixels: differences between neighbours."""
    network = nn.Conv2d(channels, 2, 2, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[[1.0, -1], [0, 0]], [[1, 0], [-1, 0]]])[:, None])
    return nn.Sequential(network, nn.BatchNorm2d(2), nn.Dropout(0.5))


def start(X=None, **options):
    """A game about to begin."""
    X = pictures() if X is None else X
    sampler = SuperResolution(**TINY | options)
    Z, effort = sampler._before(X)
    fit = sampler._begin(Z, effort)
    return fit.training


# The game


@pytest.mark.parametrize("channels", [0, 3])
def test_small_images_are_the_box_averages_of_large_ones(channels):
    X = pictures(channels=channels) * 7 - 2  # in units of their own
    game = start(X, width=2).game
    sampler = SuperResolution(**TINY)
    Z, _ = sampler._before(X)
    low = game.low(torch.as_tensor(Z, dtype=torch.float32)).numpy()
    middle, half = sampler._units()
    expected = (shrink(X, 4) - middle) / half
    expected = expected.reshape(24, 4, 4, -1).transpose(0, 3, 1, 2).reshape(24, -1)
    np.testing.assert_allclose(low, expected, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 200])
@pytest.mark.parametrize("channels", [0, 3])
def test_upscaling_by_repetition_shrinks_back_to_what_it_came_from(channels, scale):
    """A generator without error: rows, layouts, units and the pixels that are still."""
    X, c = pictures(w=12, channels=channels) * scale - 30, channels or 1
    repeating = nn.Sequential(nn.Conv2d(c, c, 1), nn.Upsample(scale_factor=4))
    options = {"average": 0.0, "adversarial_weight": 0.0, "networks": {"generator": repeating}}
    fitted = SuperResolution(**TINY | options).fit(X)
    (layer,) = (m for m in fitted.game_.generator.modules() if isinstance(m, nn.Conv2d))
    with torch.no_grad():
        layer.weight.copy_(torch.eye(c)[..., None, None])
        layer.bias.zero_()
    low = shrink(X, 4)
    up = fitted.upscale(low)
    assert up.shape == X.shape
    repeated = low.repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_allclose(up[:, 1:], repeated[:, 1:], atol=1e-5 * scale)
    np.testing.assert_allclose(up[:, 0], X[:, 0])  # never varied
    np.testing.assert_allclose(shrink(up, 4)[:, 1:], low[:, 1:], atol=1e-5 * scale)


def test_losses_in_closed_form():
    game = start(adversarial_weight=0.25, warm_up=2).game
    x = 2 * torch.rand(N, 240, generator=_rng()) - 1
    with torch.no_grad():
        fake = game.generator(game.low(x))
        real, generated = game.discriminator(x), game.discriminator(fake)
    terms = game("discriminator", x, {}).terms
    expected = {
        "real": -torch.sigmoid(real).log().mean(),
        "fake": -(1 - torch.sigmoid(generated)).log().mean(),
    }
    torch.testing.assert_close(dict(terms), expected)
    for number in range(4):
        terms = game("generator", x, {}).terms
        assert terms["content"].item() == pytest.approx(float((x - fake).square().mean()))
        fool = 0.25 * -torch.sigmoid(generated).log().mean() if number >= 2 else 0.0
        assert terms["fool"].item() == pytest.approx(float(fool))
        assert not game.update("discriminator", {})
        game.load_state_dict(game.state_dict() | game.update("generator", {}))


def _rng():
    return torch.Generator().manual_seed(0)


def test_features_are_compared_after_the_warm_up_and_weigh_as_much_as_pixels_did():
    X = pictures() * 5 + 1
    training = start(X, features=edges(), warm_up=1)
    game, x = training.game, training.stream.x
    images = torch.as_tensor(X, dtype=torch.float32)[:, None]

    def units(rows):
        return (game.as_images(rows) * game.scale + game.offset).detach()

    seen = units(x)
    assert min((seen - image).abs().amax((1, 2, 3)).min() for image in images[:3]) < 1e-4
    bicubic = interpolate(avg_pool2d(game.as_images(x), 4), (16, 16), mode="bicubic")
    bicubic[:, :, 0] = game.as_images(x)[:, :, 0]  # as rows have it: it never varies
    raw = edges()[0].requires_grad_(False)  # batch norm has learnt nothing, the dropout is off

    def apart(a, b):
        return float((raw(a) - raw(b)).square().mean())

    of_pixels = (game.as_images(x) - bicubic)[:, :, 1:].square().mean()
    c = float(of_pixels) / apart(units(x), bicubic * game.scale + game.offset)
    assert float(game.content_weight) == pytest.approx(c, rel=1e-3)

    batch = x[:N]
    with torch.no_grad():
        fake = game.generator(game.low(batch))
    pixels = float((batch - fake).square().mean())
    assert game("generator", batch, {}).terms["content"].item() == pytest.approx(pixels)
    game.round += 1
    content = game("generator", batch, {}).terms["content"].item()
    assert content == pytest.approx(c * apart(units(batch), units(fake)), rel=1e-3)
    assert float(start(X, features=edges(), content_weight=0.5).game.content_weight) == 0.5


def test_both_players_move_each_its_own_and_features_never():
    training = start(features=edges(), warm_up=0)
    game = training.game
    before = {name: p.clone() for name, p in game.named_parameters()}
    held = [b.clone() for b in game.features.buffers()]
    for _ in islice(play(training), 3):
        pass
    moved = {name for name, p in game.named_parameters() if not torch.equal(p, before[name])}
    assert moved == set(before)  # not the generator twice and the discriminator never
    assert {name.split(".")[0] for name in moved} == {"generator", "discriminator"}
    assert all(torch.equal(a, b) for a, b in zip(held, game.features.buffers(), strict=True))
    assert int(game.round) == 3
    x = training.stream.x[:N]
    owned = {player.name: set(game.owned(player)) for player in training.players}
    for player in training.players:
        state = {name: p.clone() for name, p in game.named_parameters()}
        training.move(player.name, *training.differentiate(player.name, player.loss(x, {})))
        for name, p in game.named_parameters():
            assert torch.equal(p, state[name]) == (name not in owned[player.name])


def test_what_the_players_share_agrees_with_their_losses_apart():
    training = start(features=edges(), warm_up=0)
    game, x = training.game, training.stream.x[:N]
    for player, terms in game.joint(x, {}):
        apart = game(player, x, {}).terms
        for name, value in terms.items():
            torch.testing.assert_close(value, apart[name])
        training.move(player, *training.differentiate(player, terms))


def test_without_a_weight_there_is_no_discriminator():
    training = start(adversarial_weight=0.0)
    assert [player.name for player in training.players] == ["generator"]
    assert not any("discriminator" in name for name in training.game.state_dict())
    assert list(next(play(training)).terms["generator"]) == ["content", "gradient"]


# The networks


@pytest.mark.parametrize(("factor", "skip"), [(2, True), (3, True), (4, False), (6, True)])
def test_a_network_upscales_by_any_factor_and_begins_near_bicubic(factor, skip):
    with seeded(0):
        network = SRResNet(2, factor, width=4, blocks=2, skip=skip)
    x = torch.rand(3, 2, 5, 4, generator=_rng())
    out = network(x)
    assert out.shape == (3, 2, 5 * factor, 4 * factor)
    bicubic = interpolate(x, scale_factor=factor, mode="bicubic")
    assert ((out - bicubic).abs().mean() < 0.1) == skip
    assert network(9 * x).abs().max() <= 1
    out.square().mean().backward()
    assert all(p.grad.abs().sum() > 0 for p in network.parameters())


def test_what_is_frozen_is_a_copy_that_computes_the_same_and_owns_nothing():
    module = edges()
    module[1].running_mean.fill_(0.3)
    copy, x = Frozen(module), torch.rand(4, 1, 5, 5, generator=_rng())
    expected = module.eval()(x).detach()
    with torch.no_grad():
        module[0].weight.zero_()
    torch.testing.assert_close(copy.train()(x), expected)
    assert not list(copy.parameters())
    assert not copy.state_dict()
    assert copy.double()(x.double()).dtype == torch.float64


# The estimator


def test_saved_and_loaded_it_upscales_the_same_with_features_or_without(tmp_path):
    X = pictures()
    low = shrink(X, 4)
    with pytest.warns(DataWarning, match="contains training rows"):
        path = SuperResolution(**TINY, features=edges()).fit(X).save(tmp_path / "m")
    first = SuperResolution(**TINY, features=edges()).fit(X)
    with pytest.raises(InputError, match=r"features=\.\.\."):
        pf.load_model(path)
    for features in (edges(), None):  # which upscaling needs no more
        loaded = pf.load_model(path, features=features)
        assert np.array_equal(loaded.upscale(low), first.upscale(low))
        assert np.array_equal(loaded.sample(5, random_state=1), first.sample(5, random_state=1))


def test_samples_are_upscaled_versions_of_training_images():
    X = pictures()
    fitted = SuperResolution(**TINY).fit(X, validation=X[:6])
    possible = fitted.upscale(shrink(X, 4))
    drawn = fitted.sample(30, random_state=0)
    gaps = np.abs(drawn[:, None] - possible[None]).max((2, 3)).min(1)
    assert gaps.max() < 1e-4
    assert len(np.unique(drawn.reshape(30, -1), axis=0)) > 10
    assert fitted.stores_rows


def test_bytes_and_colours_come_back_as_bytes_and_colours():
    X = np.rint(255 * pictures(channels=3)).astype(np.uint8)
    fitted = SuperResolution(**TINY, factor=2).fit(X)
    up = fitted.upscale(np.rint(shrink(X, 2)).astype(np.uint8))
    assert up.shape == X.shape
    assert up.dtype == np.uint8
    assert np.abs(up.astype(float) - X).mean() < 25


def test_images_that_are_all_one_are_upscaled_to_it():
    fitted = SuperResolution(**TINY).fit(np.full((5, 8, 8), 7.0))
    assert (fitted.upscale(np.zeros((2, 2, 2))) == 7).all()
    assert (fitted.sample(3, random_state=0) == 7).all()


def test_a_fit_resumes_and_other_features_are_refused(tmp_path):
    X = pictures()
    low = shrink(X, 4)
    options = TINY | {"warm_up": 8}
    whole = SuperResolution(**options, features=edges()).fit(X)
    half = SuperResolution(**options | {"max_rounds": 12}, features=edges())
    half.fit(X, checkpoint=tmp_path / "c", budget=1e-9)
    assert half.n_rounds_ == 1
    again = SuperResolution(**options, features=edges()).fit(X, checkpoint=tmp_path / "c")
    assert again.n_rounds_ == 12
    assert np.array_equal(again.upscale(low), whole.upscale(low))
    other = edges()
    with torch.no_grad():
        other[0].weight.mul_(2)
    with pytest.raises(FileError, match="features"):
        SuperResolution(**options, features=other).fit(X, checkpoint=tmp_path / "c")


def test_members_of_a_population_are_solo_fits():
    X = pictures()
    low = shrink(X, 4)
    options = TINY | {"max_rounds": 5, "features": edges()}
    sampler = SuperResolution(**options)
    for seed, member in zip(
        [0, 3], pf.fit_population(sampler, X, random_states=[0, 3], progress=False), strict=True
    ):
        solo = SuperResolution(**options | {"random_state": seed}).fit(X)
        np.testing.assert_allclose(member.upscale(low), solo.upscale(low), atol=1e-3)


def test_a_classifiers_maps_are_features():
    X = pictures()
    y = X.mean((1, 2)) > np.median(X.mean((1, 2)))
    classifier = ClassifierFeatures.fit(X, y, "discs")
    maps = classifier.maps(torch.as_tensor(X, dtype=torch.float32)[:, None])
    assert maps.shape == (24, 32, 8, 8)
    assert SuperResolution(**TINY, features=classifier.maps).fit(X).n_rounds_ == 12
    with pytest.raises(InputError, match="no maps"):
        ClassifierFeatures.fit(X.reshape(24, -1), y, "rows").maps  # noqa: B018


@pytest.mark.parametrize(
    ("X", "options", "words"),
    [
        (pictures(h=18), {}, r"multiples of factor=4, got images of 18×16"),
        (pictures(h=16, w=16)[:, 4:10, 4:10], {"factor": 2}, r"at least 8×8 pixels.*got 6×6"),
        (pictures().reshape(24, -1), {}, r"expected images, .* rows of 240 columns"),
        (pictures(), {"factor": 1}, "factor to be a whole number of at least 2"),
        (pictures(), {"warm_up": -1}, "warm_up"),
        (pictures(), {"adversarial_weight": -1.0}, "adversarial_weight"),
        (pictures(), {"content_weight": 2.0}, "expected features for content_weight"),
        (pictures(), {"features": edges(), "content_weight": 0.0}, "content_weight"),
        (pictures(), {"features": "vgg"}, "torch.nn.Module"),
        (pictures(), {"features": edges(3)}, r"cannot take images \(20, 1, 16, 16\)"),
        (pictures(), {"features": nn.Threshold(9.0, 0.0)}, "differ between images"),
        (pictures(), {"networks": "mlp"}, "networks for images"),
        (pictures(), {"networks": {"generator": nn.Conv2d(1, 1, 1)}}, r"\(n, 1, 16, 16\)"),
        (pictures(), {"skip": "no"}, "skip to be True or False"),
    ],
)
def test_what_cannot_be_fitted(X, options, words):
    with pytest.raises(InputError, match=words):
        SuperResolution(**TINY | options).fit(X)


def test_what_cannot_be_upscaled():
    fitted = SuperResolution(**TINY).fit(pictures())
    small = shrink(pictures(), 4)
    for wrong in (pictures(), small[..., None], small[:, :3], small[0], small[:0]):
        with pytest.raises(InputError, match=r"images of 4×4 pixels, \(n, 4, 4\), which become 16"):
            fitted.upscale(wrong)
    small[3, 1, 1] = np.nan
    with pytest.raises(InputError, match="finite pixels"):
        fitted.upscale(small)
    coloured = SuperResolution(**TINY).fit(pictures(channels=3))
    with pytest.raises(InputError, match=r"4×4 pixels and 3 channels, \(n, 4, 4, 3\)"):
        coloured.upscale(shrink(pictures(), 4))


# What it finds


def test_it_is_nearer_to_the_true_images_than_bicubic():
    X, new = pictures(150), pictures(40, seed=1)
    options = {"width": 8, "blocks": 1, "adversarial_weight": 0.0, "max_rounds": 150}
    fitted = SuperResolution(**options, random_state=0).fit(X)
    low = shrink(new, 4)
    small = torch.as_tensor(low)[:, None]
    bicubic = interpolate(small, scale_factor=4, mode="bicubic")[:, 0].numpy()
    bicubic[:, 0] = 0.25
    errors = [np.square(images - new).mean() for images in (fitted.upscale(low), bicubic)]
    assert errors[0] < 0.5 * errors[1]
