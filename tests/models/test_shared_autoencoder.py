"""The face swap: its warp against SciPy's, who learns from whom, and letters that must survive."""

from itertools import islice

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import DataWarning, FileError, InputError
from pushforward.models.shared_autoencoder import SharedAutoencoder
from pushforward.networks.layout import Layout
from pushforward.networks.upscale import face_decoder, face_encoder, face_trunk
from pushforward.networks.warp import Warp, bends
from pushforward.training.loop import play

TINY = {"width": 2, "latent_dim": 4, "batch_size": 8, "max_rounds": 12, "random_state": 0}


def domains(n=30, m=24, side=16, channels=0, seed=0):
    """Squares at places of their own: full ones, and frames."""
    rng = np.random.default_rng(seed)
    images = 0.1 * rng.random((n + m, side, side))
    for k, (i, j) in enumerate(rng.integers(1, side - 7, size=(n + m, 2))):
        images[k, i : i + 6, j : j + 6] = 0.9
        if k >= n:
            images[k, i + 2 : i + 4, j + 2 : j + 4] = 0.1
    images[:, 0] = 0.25  # an edge that never varies
    if channels:
        images = images[..., None] * (0.5 + 0.5 * rng.random((n + m, 1, 1, channels)))
    return images[:n], images[n:]


def game(**options):
    """A game about to begin, and its training rows."""
    A, B = domains()
    sampler = SharedAutoencoder(**TINY | options)
    Z, effort = sampler._before(A, B)
    return sampler._begin(Z, effort).training


# The warp


def warped(images, displacements):
    encoding = Encoding().fit(images)
    rows = torch.as_tensor(encoding.transform(images), dtype=torch.float32)
    bent = Warp(Layout.of(encoding))(rows, torch.as_tensor(displacements, dtype=torch.float32))
    return encoding.inverse_transform(bent.double().numpy())


@pytest.mark.parametrize(("side", "channels"), [(16, 0), (20, 3)])
def test_without_displacement_images_stay(side, channels):
    A, _ = domains(side=side, channels=channels)
    A = A[:, 2:]  # neither square, nor with a side that pixels divide evenly
    assert np.abs(warped(A, np.zeros((len(A), 2, 5, 5))) - A).max() < 1e-5


def test_a_displacement_moves_pixels_as_scipy_says():
    rng = np.random.default_rng(0)
    images = rng.random((3, 15, 20))
    moves = 0.08 * rng.normal(size=(3, 2, 5, 5))
    bent = warped(images, moves)
    for image, (right, down), found in zip(images, moves, bent, strict=True):
        h, w = image.shape
        i, j = np.mgrid[:h, :w].astype(float)
        between = [(i + 0.5) / h * 4, (j + 0.5) / w * 4]  # pixels among the points of the grid
        i += h * map_coordinates(down, between, order=1)
        j += w * map_coordinates(right, between, order=1)
        expected = map_coordinates(image, [i, j], order=1, mode="nearest")
        assert np.abs(found - expected).max() < 1e-4


def test_each_image_is_bent_by_its_own_displacements():
    A, _ = domains()
    moves = np.zeros((len(A), 2, 5, 5))
    moves[0, 0] = 1 / 16  # one pixel from the right
    bent = warped(A, moves)
    assert np.abs(bent[0, :, :-1] - A[0, :, 1:]).max() < 1e-5
    assert np.abs(bent[1:] - A[1:]).max() < 1e-5


def test_displacements_are_drawn_with_the_deviation_that_was_asked_for():
    for warp in (0.0, 0.05):
        noise = game(warp=warp).game.noise(500, torch.Generator().manual_seed(0))
        assert noise["bend_a"].shape == noise["bend_b"].shape == (500, 2, 5, 5)
        assert not torch.equal(noise["bend_a"], noise["bend_b"]) or not warp
        for bend in (noise["bend_a"], noise["bend_b"]):
            # Of 50 numbers, 4 are a similarity, which is taken out.
            assert bend.square().mean().item() == pytest.approx(warp**2 * 46 / 50, rel=0.03)


def test_no_shift_turn_or_scale_is_left_in_a_bend():
    drawn = bends(6, 0.1, torch.Generator().manual_seed(0)).reshape(6, -1).double().numpy()
    y, x = (axis.ravel() for axis in np.mgrid[-2:3, -2:3])
    one, none = np.ones(25), np.zeros(25)
    similarities = np.array([[*one, *none], [*none, *one], [*x, *y], [*-y, *x]])
    coefficients, *_ = np.linalg.lstsq(similarities.T, drawn.T, rcond=None)
    assert np.abs(coefficients).max() < 1e-6
    assert drawn.std() > 0.08


# The game


def test_each_term_is_the_error_of_one_decoder_on_what_was_not_bent():
    training = game()
    x, noise = next(training.stream)
    terms, _ = training.game("model", x, noise)
    b = training.game.rows_b[noise["b"]]
    for name, rows, bend in (("a", x, noise["bend_a"]), ("b", b, noise["bend_b"])):
        decoder = getattr(training.game, f"decoder_{name}")
        bent = training.game.warp(rows, bend)
        assert (bent - rows).abs().max() > 0.01
        given_back = decoder(training.game.trunk(training.game.encoder(bent)))
        expected = (given_back - rows).abs().mean()
        torch.testing.assert_close(terms[f"reconstruction_{name}"], expected)


def test_decoders_learn_from_their_own_images_and_the_encoder_from_both():
    training = game()
    x, noise = next(training.stream)
    terms, _ = training.game("model", x, noise)
    for mine, other in (("a", "b"), ("b", "a")):
        reached = {}
        for part in ("encoder", "trunk", "decoder_a", "decoder_b"):
            weights = list(getattr(training.game, part).parameters())
            slopes = torch.autograd.grad(
                terms[f"reconstruction_{mine}"], weights, retain_graph=True, allow_unused=True
            )
            reached[part] = [slope is not None and bool(slope.abs().sum() > 0) for slope in slopes]
        assert not any(reached[f"decoder_{other}"])
        assert all(reached[f"decoder_{mine}"])
        assert all(reached["encoder"])
        assert all(reached["trunk"])


def test_same_seed_same_state_and_resuming_is_going_on():
    whole = game()
    list(islice(play(whole), 5))
    saved = {
        key: {k: v.clone() for k, v in value.items()} if key == "game" else value
        for key, value in whole.state_dict().items()
    }
    assert not any("rows_b" in key for key in saved["game"])
    other = game()
    list(islice(play(other), 2))
    other.load_state_dict(saved)
    list(islice(play(whole), 36))  # over the edge of a block of noise
    list(islice(play(other), 36))
    for key, value in whole.game.state_dict().items():
        assert torch.equal(value, other.game.state_dict()[key]), key


def test_at_128_channels_and_64_pixels_the_networks_are_the_published_ones():
    with torch.device("meta"):
        encoder = face_encoder(3, (64, 64), 1024, 128)
        trunk, decoder = face_trunk(1024, (64, 64), 128), face_decoder(3, (64, 64), 128)
    shapes = [tuple(p.shape) for network in (encoder, trunk, decoder) for p in network.parameters()]
    assert [s for s in shapes if len(s) > 1] == [
        (128, 3, 5, 5),
        (256, 128, 5, 5),
        (512, 256, 5, 5),
        (1024, 512, 5, 5),
        (1024, 4 * 4 * 1024),
        (4 * 4 * 1024, 1024),
        (4 * 512, 1024, 3, 3),
        (4 * 256, 512, 3, 3),
        (4 * 128, 256, 3, 3),
        (4 * 64, 128, 3, 3),
        (3, 64, 5, 5),
    ]


# The estimator


@pytest.mark.parametrize(("side", "channels"), [(16, 0), (19, 3)])
def test_swaps_are_images_of_the_other_decoder(side, channels):
    A, B = domains(side=side, channels=channels)
    fitted = SharedAutoencoder(**TINY).fit(A, B)
    to_b, to_a = fitted.translate(A), fitted.translate(B, to="a")
    assert to_b.shape == A.shape
    assert to_a.shape == B.shape
    codes = fitted.transform(A)
    assert codes.shape == (len(A), 4)
    assert np.array_equal(fitted.inverse_transform(codes, to="b"), to_b)
    itself = fitted.translate(A, to="a")
    assert np.array_equal(fitted.inverse_transform(codes, to="a"), itself)
    assert np.abs(itself - to_b).max() > 0.01
    if not channels:
        assert np.allclose(to_b[:, 0], 0.25)  # what never varied
    possible = to_b.reshape(len(A), -1)
    drawn = fitted.sample(9, random_state=0).reshape(9, -1)
    assert np.abs(drawn[:, None] - possible[None]).max(2).min(1).max() < 1e-5


def test_whole_numbers_come_back_as_whole_numbers():
    A, B = ((255 * images).astype(np.uint8) for images in domains())
    assert SharedAutoencoder(**TINY).fit(A, B).translate(A).dtype == np.uint8


def test_saved_and_loaded_it_swaps_the_same(tmp_path):
    A, B = domains()
    fitted = SharedAutoencoder(**TINY).fit(A, B)
    with pytest.warns(DataWarning, match="contains training rows"):
        loaded = pf.load_model(fitted.save(tmp_path / "model"))
    for to in ("a", "b"):
        assert np.array_equal(loaded.translate(B, to=to), fitted.translate(B, to=to))
    assert np.array_equal(loaded.transform(A), fitted.transform(A))
    assert np.array_equal(loaded.sample(3, random_state=1), fitted.sample(3, random_state=1))


def test_a_fit_resumes_and_a_checkpoint_of_other_images_is_refused(tmp_path):
    A, B = domains()
    plain = SharedAutoencoder(**TINY).fit(A, B)
    SharedAutoencoder(**TINY).fit(A, B, checkpoint=tmp_path / "c")
    again = SharedAutoencoder(**TINY).fit(A, B, checkpoint=tmp_path / "c")
    assert np.array_equal(again.translate(A), plain.translate(A))
    with pytest.raises(FileError, match="different"):
        SharedAutoencoder(**TINY).fit(A, B**2, checkpoint=tmp_path / "c")


def test_a_population_is_solo_fits():
    A, B = domains()
    options = TINY | {"learning_rate": 1e-4}
    fits = pf.fit_population(
        SharedAutoencoder(**options), A, B, random_states=[0, 3], progress=False
    )
    for seed, member in zip([0, 3], fits, strict=True):
        solo = SharedAutoencoder(**options | {"random_state": seed}).fit(A, B)
        np.testing.assert_allclose(member.translate(A), solo.translate(A), atol=1e-3)


# What it refuses


@pytest.mark.parametrize(
    ("A", "B", "words"),
    [
        (domains()[0], None, r"give the rows of both, fit\(A, B\)"),
        (domains()[0], domains(side=20)[1], r"of one size.*\(16, 16\).*\(20, 20\)"),
        (domains()[0], domains(channels=3)[1], r"of one size.*\(16, 16, 3\)"),
        (domains()[0], domains()[1][:1], "several images of each.*the second has 1"),
        (domains()[0][:1], domains()[1], "several images of each.*the first has 1"),
        (np.random.default_rng(0).random((30, 5)), np.eye(5), "images"),
        (domains()[0][:, :6, :6], domains()[1][:, :6, :6], "at least 8×8 pixels"),
        (domains()[0], (255 * domains()[1]).astype(np.uint8), "float64.*uint8"),
    ],
)
def test_domains_that_cannot_be_swapped(A, B, words):
    with pytest.raises(InputError, match=words):
        SharedAutoencoder(**TINY).fit(A, B)


def test_bad_options_and_images_are_told_in_words():
    A, B = domains()
    for name, value in (("warp", -0.1), ("warp", "no"), ("latent_dim", 0), ("decay", "no")):
        with pytest.raises(InputError, match=name):
            SharedAutoencoder(**TINY | {name: value}).fit(A, B)
    fitted = SharedAutoencoder(**TINY).fit(A, B)
    with pytest.raises(InputError, match="expected to among 'b', 'a', got 'c'"):
        fitted.translate(A, to="c")
    with pytest.raises(InputError, match=r"expected images of shape \(16, 16\), got .*, 20, 20\)"):
        fitted.translate(domains(side=20)[0])
    with pytest.raises(InputError, match=r"codes of shape \(n, 4\)"):
        fitted.inverse_transform(np.zeros((2, 3)))


# What it finds


def test_images_are_given_back_with_their_content():
    """Squares come back where they are, and not where another image had them."""
    A, B = domains(n=300, m=300)
    options = {"width": 8, "latent_dim": 16, "batch_size": 16, "learning_rate": 6e-3}
    fitted = SharedAutoencoder(max_rounds=150, **options, random_state=0).fit(A, B)
    for rows, to in zip(domains(n=40, m=40, seed=1), ("a", "b"), strict=True):
        given_back = fitted.translate(rows, to=to)
        error, forgotten = np.abs(given_back - rows).mean(), np.abs(given_back[::-1] - rows).mean()
        assert error < 0.5 * forgotten
