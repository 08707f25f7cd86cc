"""Laws of methods on images: those that take nothing else, and those whose networks change."""

import numpy as np
import pytest

import pushforward as pf
from helpers import NAMES, ON_IMAGES, beside, fit, tiny
from pushforward.errors import InputError
from pushforward.models.neural import NeuralSampler

pytestmark = pytest.mark.filterwarnings("ignore:a saved .* contains training rows")

SMALL = {"max_rounds": 6, "batch_size": 8, "random_state": 0}
NEURAL = [name for name in NAMES if isinstance(tiny(name), NeuralSampler)]
# One of each class of sampler, and GANs with other objectives, discriminators and draws.
SOME = ("autoencoder", "vae", "gan", "began", "pac-gan", "wgan-gp", "hinge-gan", "r3-drs-gan")
SOME += ("conditional-vae", "conditional-gan", "info-gan", "bi-gan", "cycle-gan")


def pictures(n=24, side=16, channels=0, seed=0):
    """Bright squares on dark ground, each at a place of its own, with an edge that never varies."""
    rng = np.random.default_rng(seed)
    images = 0.1 * rng.random((n, side, side))
    for image, (i, j) in zip(images, rng.integers(2, side - 7, size=(n, 2)), strict=True):
        image[i : i + 5, j : j + 5] += 0.8
    images[:, 0] = 0.25
    return images[..., None].repeat(channels, -1) if channels else images


def small(name, **options):
    sampler = tiny(name, **options)
    known = sampler.get_params()
    narrow = {"width": 2} if "width" in known else {}
    return sampler.set_params(**{k: v for k, v in (SMALL | narrow).items() if k in known})


@pytest.mark.parametrize("name", [*SOME, *ON_IMAGES])
def test_saved_and_loaded_it_draws_the_same_images(name, tmp_path):
    X = pictures()
    sampler = fit(small(name), X)
    drawn = sampler.sample(3, random_state=1)
    assert drawn.shape[0] == 3
    assert drawn.ndim == 3
    assert np.isfinite(drawn).all()
    loaded = pf.load_model(sampler.save(tmp_path / "model"))
    assert np.array_equal(loaded.sample(3, random_state=1), drawn)


@pytest.mark.parametrize("name", ["vae", "gan", *ON_IMAGES])
def test_the_same_seed_fits_the_same(name):
    X = pictures()
    a, b = (fit(small(name), X).sample(4, random_state=2) for _ in range(2))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("name", ON_IMAGES)
def test_what_needs_images_says_so(name):
    rows = np.random.default_rng(0).normal(size=(40, 5))
    with pytest.raises(InputError, match="images"):
        fit(small(name), rows)


@pytest.mark.parametrize("name", NEURAL)
def test_every_method_takes_convolutions_by_itself(name):
    sampler = small(name)
    X = pictures()
    Z, _ = sampler._before(X, beside(sampler, X))
    convolutions = [m for m in sampler._game(*Z.shape).modules() if type(m).__name__ == "Conv2d"]
    assert convolutions


@pytest.mark.parametrize("networks", ["convolutional", "residual", "dcgan"])
@pytest.mark.parametrize("channels", [0, 3])
def test_networks_are_sized_by_the_data(networks, channels):
    X = pictures(side=21, channels=channels)[:, :19]
    gan = small("gan", networks=networks).fit(X)
    drawn = gan.sample(5, random_state=0)
    assert drawn.shape == (5, *X.shape[1:])
    assert (drawn >= X.min()).all()
    assert (drawn <= X.max()).all()
    assert np.allclose(drawn[:, 0], 0.25)  # what never varied
