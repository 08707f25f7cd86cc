"""The page of a model: images before and after, and what can be measured of them."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from torch import nn

import pushforward as pf
from pushforward.card import _scores as card
from pushforward.data.simulated import shrink
from pushforward.errors import InputError
from pushforward.evaluation.image_quality import psnr
from pushforward.inspection import inspect
from pushforward.report.before_after import checked, known_rows
from pushforward.report.enlargements import bicubic, enlargements
from pushforward.report.model_page import render_model, write_model_report
from pushforward.report.telling import gain, pixels, told
from pushforward.report.translations import translations
from pushforward.sampler import Sampler

RNG = np.random.default_rng(0)
DARK = (0.4 * RNG.random((90, 16, 16))).astype(np.float32)
LIGHT = (0.6 + 0.4 * RNG.random((90, 16, 16))).astype(np.float32)
FITTED = slice(0, 30)
A, B = DARK[30:70], LIGHT[30:70]
KINDS = {
    "cycle-gan": {"width": 4},
    "shared-autoencoder": {"width": 4, "latent_dim": 4},
    "sim-gan": {"width": 4, "blocks": 1, "batch_size": 8, "discriminator_start": 2},
}


@pytest.fixture(scope="module")
def models() -> dict[str, Sampler]:
    """One of each kind, hardly trained: light images are told from dark ones all the same."""
    found = {
        name: pf.METHODS[name].make(max_rounds=3, random_state=0, **options)
        for name, options in KINDS.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in found.values():
            model.fit(DARK[FITTED], LIGHT[FITTED])
        found["super-resolution"] = pf.SuperResolution(
            width=4, blocks=1, warm_up=1, max_rounds=3, random_state=0
        ).fit(DARK[FITTED])
    return found


class Doing:
    """A model whose translation is known: all else is the fitted one's."""

    def __init__(self, model, translate):
        self.model, self.translate = model, translate

    def __getattr__(self, name):
        return getattr(self.model, name)


@pytest.mark.parametrize(
    ("name", "bands", "ways"),
    [
        ("cycle-gan", ["A, held out", "A as B", "back again as A", "real B, others"], 2),
        (
            "shared-autoencoder",
            ["A, held out", "given back by its own decoder", "A as B", "real B, others"],
            2,
        ),
        ("sim-gan", ["simulated", "refined", "difference: grey is none", "real, others"], 1),
    ],
)
def test_each_kind_has_its_bands_and_a_table(models, name, bands, ways):
    changes = translations(models[name], A, B, pixels)
    assert len(changes.ways) == ways
    assert not any("training images" in sentence for sentence in changes.answer)
    for band, title in zip(changes.ways[0].bands, bands, strict=True):
        assert band.title.startswith(title)
        assert band.images.shape == (40, 16, 16)
        assert band.images.min() >= 0
        assert band.images.max() <= 1
    for way in changes.ways:
        assert all(len(cells) == len(way.columns) for _, cells in way.rows)


def test_a_perfect_translation_is_told_from_doing_nothing(models):
    real = iter([RNG.random((40, 16, 16)) * 0.4 + 0.6, RNG.random((40, 16, 16)) * 0.4])
    there = {"b": next(real), "a": next(real)}
    perfect = Doing(models["cycle-gan"], lambda X, to: there[to])  # noqa: ARG005
    nothing = Doing(models["cycle-gan"], lambda X, to: X)  # noqa: ARG005
    answer = translations(perfect, A, B, pixels).answer
    assert answer[0].startswith("A as B looks more like B: told from real B ")
    assert "(A: 100%)" in answer[0]
    assert answer[1] == "In so many images these classifiers do not tell them apart."
    changes = translations(nothing, A, B, pixels)
    assert changes.answer[0].startswith(
        "A as B is not seen to be nearer to B than A was: told from real B 100%"
    )
    assert changes.answer[1] == "They can still be told apart."
    (moved, again) = changes.ways[0].rows[1][1][2:]
    assert (moved, again) == ("0.000", "0.000")
    assert [finding.name for finding in changes.findings] == ["IDENTITY", "IDENTITY"]


def test_domains_that_are_one_are_said_to_show_nothing(models):
    told_nothing = translations(models["sim-gan"], DARK[30:60], DARK[60:], pixels).answer
    assert told_nothing == [
        "Refined images: neither classifier tells simulated from real ones to begin with, so they "
        "cannot say what is gained. Look at the rows."
    ]


def test_training_images_are_found_among_held_out_ones(models):
    seen = np.concatenate([DARK[FITTED], A])
    kept = len(models["sim-gan"].source_)  # some were held back to stop by
    said = f"{kept} of these 70 simulated images are training images"
    assert any(said in s for s in translations(models["sim-gan"], seen, B, pixels).answer)
    model = models["super-resolution"]
    said = f"{len(model.source_)} of these 70 images are training images"
    assert any(said in s for s in enlargements(model, seen, pixels).answer)
    edge = np.array([[0.0005, 0.0]])  # which other last digits round the other way
    assert known_rows(edge + 1e-8, np.concatenate([edge - 1e-8, edge + 0.1])) == 1


def test_upscaled_images_are_held_against_bicubic_ones_and_the_truth(models):
    model = models["super-resolution"]
    changes = enlargements(model, A, pixels)
    (way,) = changes.ways
    assert not any("training images" in sentence for sentence in changes.answer)
    assert [band.title for band in way.bands] == ["small, 4×4", "bicubic", "upscaled", "true"]
    rows = {
        name: dict(zip([n for n, _ in way.columns], cells, strict=True)) for name, cells in way.rows
    }
    scale = DARK[FITTED].min(), DARK[FITTED].max()
    true = (A - scale[0]) / (scale[1] - scale[0])
    ours = (model.upscale(shrink(A, 4)) - scale[0]) / (scale[1] - scale[0])
    near = psnr(ours.clip(0, 1), true.clip(0, 1)).mean()
    assert float(rows["upscaled"]["PSNR, dB"]) == pytest.approx(near, abs=0.006)
    assert (rows["true"]["PSNR, dB"], rows["true"]["SSIM"]) == ("∞", "1.000")
    assert "in features" not in rows["true"]
    assert "in features" in dict(enlargements(model, A, thirds).ways[0].columns)


def thirds(images):
    """Features of images in the units of the data."""
    assert images.max() < 0.5
    return np.asarray(images).reshape(len(images), -1)[:, ::3]


def test_bicubic_keeps_what_is_even_and_each_channel_by_itself():
    small = np.zeros((2, 4, 6, 3))
    small[..., 1] = 0.5
    large = bicubic(small, 4)
    assert large.shape == (2, 16, 24, 3)
    np.testing.assert_allclose(large, np.broadcast_to([0, 0.5, 0], large.shape), atol=1e-6)


def test_gains_and_losses_count_only_where_intervals_part():
    alike, apart = told(A[:20], A[20:], pixels), told(A, B, pixels)
    assert (alike.apart, apart.apart) == (False, True)
    mixed = replace(apart, nearest=alike.nearest), replace(apart, network=alike.network)
    assert gain(apart, alike) == "nearer"
    assert gain(alike, apart) == "farther"
    assert gain(*mixed) == "mixed"
    assert gain(apart, apart) == "unclear"


def test_the_page_is_one_file_that_says_what_it_shows(models, tmp_path):
    loaded = pf.load_model(quietly_saved(models["sim-gan"], tmp_path / "m"))
    path = write_model_report(tmp_path / "page.html", loaded, A, B, name="mine & theirs")
    page = path.read_text()
    assert "mine &amp; theirs" in page
    assert page.count("data:image/png;base64,") == 3  # two figures and the learning curve
    assert "http" not in page.replace("https://arxiv.org", "")
    assert "From simulated to refined" in page
    found = inspect(path)
    assert found.generated
    assert "sim-gan" in found.words


def test_mistakes_are_told_in_words(models, tmp_path):
    cycle, large = models["cycle-gan"], models["super-resolution"]
    with pytest.raises(InputError, match=r"expected an \.html file"):
        write_model_report(tmp_path / "page.pdf", cycle, A, B)
    with pytest.raises(InputError, match="fitted to two sets: give held-out images of the second"):
        render_model(cycle, A, None)
    with pytest.raises(InputError, match="one set of images; leave the second out"):
        render_model(large, A, B)
    with pytest.raises(InputError, match="16×16 as those that were fitted, got an array of shape"):
        render_model(cycle, A[:, :8], B)
    with pytest.raises(InputError, match="at least 8 of held-out images of B, got 3"):
        render_model(cycle, A, B[:3])
    with pytest.raises(InputError, match=r"pixels from .* got .* to 101[.]987; scale them alike"):
        render_model(cycle, 255 * A, B)
    with pytest.raises(InputError, match=r"held-out images \(n, h, w\)"):
        render_model(cycle, A.reshape(40, -1), B)
    with pytest.raises(InputError, match="finite pixels"):
        checked(np.where(A > 0.39, np.nan, A), cycle.encoding_, "these")
    gaussian = pf.Gaussian().fit(A.reshape(40, -1)[:, :3])
    with pytest.raises(InputError, match=r"that changes images .* got gaussian, which draws"):
        render_model(gaussian, A, None)
    rows = pf.CycleGAN(max_rounds=1, hidden=(4,), random_state=0).fit(
        RNG.random((20, 2)), RNG.random((20, 2))
    )
    with pytest.raises(InputError, match="this one translates rows"):
        render_model(rows, A, B)


def test_features_that_are_learnt_from_one_size_are_refused_for_two():
    large = LIGHT.repeat(2, axis=1)
    model = pf.CycleGAN(width=4, max_rounds=1, random_state=0).fit(DARK[FITTED], large[FITTED])
    with pytest.raises(InputError, match=r"pca:2 is learnt from images of one size"):
        render_model(model, A, large[30:70], features="pca:2")
    assert pixels(np.ones((2, 8, 1000))).shape == (2, 125)  # and of narrow ones something is left


@pytest.mark.filterwarnings("always")
def test_the_command_draws_it_of_folders_and_files(run, models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", A)
    np.save("b.npy", B)
    quietly_saved(models["sim-gan"], "m")
    code, out, _ = run("report", "m", "a.npy", "--other", "b.npy")
    assert (code, out) == (0, "report: m-report.html\n")
    assert "a.npy and b.npy, 40 and 40 images" in (tmp_path / "m-report.html").read_text()
    monkeypatch.chdir("m")
    assert run("report", ".", "../a.npy", "--other", "../b.npy")[0] == 0
    monkeypatch.chdir("..")
    assert (tmp_path / "m-report.html").read_text().count("a.npy and b.npy") == 2
    by = pf.SuperResolution(
        width=2, blocks=1, max_rounds=2, features=nn.Conv2d(1, 2, 3), random_state=0
    )
    photos = (255 * A).astype(np.uint8)
    pf.write_samples("photos/", photos, by.fit(photos[:20]), value_range=(0, 255))
    quietly_saved(by, "s")
    assert run("report", "s", "photos", "--out", "s.html", "--features", "pca:5")[0] == 0
    page = (tmp_path / "s.html").read_text()
    assert "in features" in page
    assert "photos, 40 images" in page
    for arguments, words in (
        (("m",), "m is a model: name images that it has not seen"),
        (("m", "wine", "--other", "b.npy"), "expected images, wine has rows of 14 columns"),
        ((".", "a.npy"), ". is no model"),
        ((".",), "holds no run"),
    ):
        code, _, err = run("report", *arguments)
        assert code == 2
        assert words in err


def quietly_saved(model, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it holds training images
        return model.save(path)


def test_a_card_without_scores_points_to_this_page(models):
    for name, model in models.items():
        unscored = Doing(model, None)
        unscored.scores_ = unscored.diagnosis_ = []
        assert "pushforward report FOLDER HELD_OUT" in card(unscored, {}), name
