"""Growing networks against the paper's arithmetic, layer by layer."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, leaky_relu

from pushforward.networks.growing import (
    Equalised,
    GrowingDiscriminator,
    GrowingGenerator,
    MinibatchDeviation,
    as_drawn,
    channel_counts,
    enlarged,
    shrunk,
)

COUNTS = [8, 6, 4]  # 4, 8 and 16 pixels


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def networks():
    torch.manual_seed(0)
    return GrowingGenerator(5, 2, COUNTS), GrowingDiscriminator(2, COUNTS)


def at(network, level):
    network.level.fill_(level)
    return network


def test_up_repeats_pixels_and_down_averages_them():
    x = normal(2, 3, 4, 4)
    assert np.array_equal(enlarged(x, 2), np.kron(x.numpy(), np.ones((2, 2))).astype("f4"))
    means = x.numpy().reshape(2, 3, 2, 2, 2, 2).mean((3, 5))
    np.testing.assert_allclose(shrunk(x, 2), means, atol=1e-6)


def test_the_generator_fades_from_the_old_image_enlarged_to_the_new_one(networks):
    generator, _ = networks
    z = normal(3, 5)
    for stage in (1, 2):
        old, new = (at(generator, float(s))(z) for s in (stage - 1, stage))
        faded = at(generator, stage - 1 + 0.25)(z)
        torch.testing.assert_close(faded, 0.75 * old + 0.25 * new)
        assert (old - new).abs().max() > 0.1
        times = 8 // 2**stage
        torch.testing.assert_close(enlarged(shrunk(old, times), times), old)


def test_the_discriminator_fades_between_the_shrunk_image_and_its_new_layers(networks):
    _, discriminator = networks
    x = normal(4, 2, 16, 16)
    small = torch.from_numpy(x.numpy().reshape(4, 2, 8, 2, 8, 2).mean((3, 5)))
    new = discriminator.blocks[2](discriminator.from_image[2](x))
    old = discriminator.from_image[1](small)
    rest = discriminator.blocks[1](0.7 * old + 0.3 * new)
    expected = discriminator.blocks[0](rest)
    torch.testing.assert_close(at(discriminator, 1.3)(x), expected)
    torch.testing.assert_close(at(discriminator, 1.0)(x), discriminator.blocks[0](
        discriminator.blocks[1](old)))  # fmt: skip
    # What an image has beyond the stage's pixels is not seen.
    same = at(discriminator, 1.0)(enlarged(small, 2))
    torch.testing.assert_close(same, discriminator(x))


def test_real_images_are_faded_as_generated_ones():
    x = normal(2, 1, 16, 16)
    blocks = {k: x.numpy().reshape(2, 1, 16 // k, k, 16 // k, k).mean((3, 5)) for k in (2, 4)}
    low, high = (np.kron(blocks[k], np.ones((k, k))) for k in (4, 2))
    np.testing.assert_allclose(as_drawn(x, 0.4, 2), 0.6 * low + 0.4 * high, atol=1e-6)
    np.testing.assert_allclose(as_drawn(x, 1.0, 2), high, atol=1e-6)
    np.testing.assert_allclose(as_drawn(x, 1.5, 2), 0.5 * high + 0.5 * x.numpy(), atol=1e-6)
    assert torch.equal(as_drawn(x, 2.0, 2), x)


def test_weights_are_normal_and_scaled_at_run_time():
    torch.manual_seed(0)
    layer = Equalised(torch.nn.Conv2d(32, 24, 3, padding=1))
    weight, bias = layer.layer.weight, layer.layer.bias
    assert weight.std().item() == pytest.approx(1, abs=0.03)
    assert not bias.any()
    with torch.no_grad():
        bias += 0.5
    x = normal(2, 32, 5, 5)
    expected = conv2d(x, weight * (math.sqrt(2) / math.sqrt(32 * 9)), bias, padding=1)
    torch.testing.assert_close(layer(x), expected)


def test_gains_of_the_layers_are_the_papers(networks):
    generator, discriminator = networks
    dense = generator.blocks[0][1]
    assert dense.scale == pytest.approx(math.sqrt(2) / 4 / math.sqrt(5))
    assert [m.scale for m in generator.to_image] == pytest.approx([c**-0.5 for c in COUNTS])
    assert discriminator.blocks[0][-1].scale == pytest.approx(8**-0.5)
    plain = [m for block in (*generator.blocks[1:], *discriminator.blocks[1:]) for m in block]
    plain += [m[0] for m in discriminator.from_image]
    for module in plain:
        if isinstance(module, Equalised):
            fan_in = module.layer.weight[0].numel()
            assert module.scale == pytest.approx(math.sqrt(2 / fan_in))


def test_codes_and_features_have_mean_square_one_at_each_pixel(networks):
    generator, _ = networks
    z = normal(3, 5)
    torch.testing.assert_close(at(generator, 2.0)(7 * z), generator(z))
    x = generator.blocks[1](generator.blocks[0](z))
    torch.testing.assert_close(x.square().mean(1), torch.ones(3, 8, 8), atol=1e-4, rtol=0)
    assert leaky_relu(torch.tensor(-1.0), 0.2) == generator.blocks[0][3](torch.tensor(-1.0))


@pytest.mark.parametrize("n", [4, 8, 6, 3])
def test_a_group_is_told_its_mean_deviation(n):
    x = normal(n, 3, 2, 2)
    groups = math.ceil(n / 4)
    expected = np.empty(n)
    for g in range(groups):
        rows = [(g + groups * k) % n for k in range(4)]
        deviation = np.sqrt(x.numpy()[rows].var(0) + 1e-8).mean()
        expected[[g + groups * k for k in range(4) if g + groups * k < n]] = deviation
    out = MinibatchDeviation()(x)
    assert out.shape == (n, 4, 2, 2)
    assert torch.equal(out[:, :3], x)
    np.testing.assert_allclose(out[:, 3], np.broadcast_to(expected[:, None, None], (n, 2, 2)), 1e-5)
    alike = MinibatchDeviation()(x[:1].expand(n, -1, -1, -1))
    np.testing.assert_allclose(alike[:, 3], 1e-4, rtol=1e-3)


def test_channels_halve_once_they_are_below_the_width():
    assert channel_counts(64, 128, 4) == [64, 64, 32, 16, 8]
    assert channel_counts(4, 4, 4) == [4, 2, 1, 1, 1]


def test_colours_and_sizes(networks):
    generator, discriminator = networks
    for level in (0.0, 0.5, 1.0, 2.0):
        images = at(generator, level)(normal(4, 5))
        assert images.shape == (4, 2, 16, 16)
        assert at(discriminator, level)(images).shape == (4, 1)
