"""Glyphs: factors do what they say, and nothing but the arguments decides the pixels."""

from itertools import pairwise

import numpy as np
import pytest

from pushforward.data import glyphs as module
from pushforward.data.glyphs import Glyphs, glyphs
from pushforward.data.load import load_data
from pushforward.errors import InputError

STILL = {
    "rotation": (0, 0),
    "scale": (1, 1),
    "shift": (0, 0),
    "bold": (False,),
    "slanted": (False,),
}


def images(**options):
    dataset = glyphs(options.pop("n", 40), options.pop("size", 32), **options)
    return dataset.X.reshape(len(dataset.X), *dataset.image_shape), dataset.factors


def test_the_same_arguments_give_the_same_images_and_fewer_are_the_first():
    a, b = glyphs(50, seed=1), glyphs(30, seed=1)
    assert np.array_equal(a.X[:30], b.X)
    assert not np.array_equal(a.X, glyphs(50, seed=2).X)
    assert a.y.tolist() == a.factors["character"].tolist()
    assert a.X.min() == 0
    assert a.X.max() <= 1


def test_processes_and_cache_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PUSHFORWARD_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "CHUNK", 10)
    monkeypatch.setattr(module, "CACHED_FROM", 1)
    first = glyphs(25, 8, jobs=2)
    (file,) = tmp_path.iterdir()
    monkeypatch.setattr(Glyphs, "draw", None)  # from here on only the cache can answer
    assert np.array_equal(glyphs(25, 8).X, first.X)
    monkeypatch.undo()
    monkeypatch.setenv("PUSHFORWARD_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "CACHED_FROM", 1)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])  # damaged: drawn and kept anew
    assert np.array_equal(glyphs(25, 8, jobs=1).X, first.X)
    assert file.read_bytes() == whole
    monkeypatch.setenv("PUSHFORWARD_CACHE", str(file / "no-folder"))
    assert np.array_equal(glyphs(25, 8, jobs=1).X, first.X)


def test_a_still_glyph_is_in_the_middle_and_high_as_asked():
    for image in images(characters="HX08", families=("sans",), **STILL)[0]:
        rows, columns = np.nonzero(image > 0.2)
        assert abs((rows.min() + rows.max()) / 2 - 15.5) <= 1
        assert abs((columns.min() + columns.max()) / 2 - 15.5) <= 1
        assert abs(np.ptp(rows) + 1 - module.HEIGHT * 32) <= 2


def test_shift_moves_by_its_share_of_the_image():
    middle, _ = images(n=3, characters="o", families=("sans",), **STILL)
    moved, factors = images(
        n=3, characters="o", families=("sans",), **(STILL | {"shift": (-0.1, 0.2)})
    )
    for a, b, row in zip(middle, moved, factors.to_dict("records"), strict=True):
        for axis, name in ((0, "down"), (1, "right")):
            along = [np.average(np.arange(32), weights=i.sum(1 - axis)) for i in (a, b)]
            assert along[1] - along[0] == pytest.approx(32 * row[name], abs=0.2)


def test_factors_do_not_disturb_each_other():
    options = STILL | {"scale": 0.5, "shift": (0.2, 0.2), "rotation": 30}
    (image,), _ = images(n=1, characters="o", families=("sans",), **options)
    for axis in (0, 1):
        along = np.average(np.arange(32) + 0.5, weights=image.sum(1 - axis))
        assert along == pytest.approx(0.7 * 32, abs=0.2)
    wide, _ = images(n=1, characters="W", families=("sans",), **(STILL | {"scale": 0.5}))
    whole, _ = images(n=1, size=64, characters="W", families=("sans",), **(STILL | {"scale": 0.5}))
    assert wide[0][:, :4].sum() == 0  # nothing was cut off before it shrank
    assert wide.sum() == pytest.approx(whole.sum() / 4, rel=0.05)


def test_rotation_is_counter_clockwise_in_degrees():
    bar, _ = images(n=1, characters="l", families=("sans",), **STILL)
    turned, _ = images(n=1, characters="l", families=("sans",), **(STILL | {"rotation": (40, 40)}))

    def angle(image):
        y, x = np.nonzero(image > 0.3)
        _, axes = np.linalg.eigh(np.cov(x, -y))
        return np.degrees(np.arctan2(axes[1, -1], axes[0, -1])) % 180

    assert angle(bar[0]) == pytest.approx(90, abs=2)
    assert angle(turned[0]) == pytest.approx(130, abs=4)


def test_bold_has_more_ink_and_scale_is_of_both_directions():
    thin, _ = images(characters="o", **STILL)
    bold, _ = images(characters="o", **(STILL | {"bold": (True,)}))
    assert (bold.sum((1, 2)) > 1.2 * thin.sum((1, 2))).all()
    small, _ = images(n=4, characters="0", families=("sans",), **(STILL | {"scale": (0.5, 0.5)}))
    large, _ = images(n=4, characters="0", families=("sans",), **STILL)
    assert small.sum() == pytest.approx(large.sum() / 4, rel=0.05)


def test_fonts_differ_and_come_in_equal_shares():
    factors = Glyphs().factors(6000, 0)
    for name, kinds in (("family", 3), ("bold", 2), ("slanted", 2), ("character", 10)):
        assert factors[name].value_counts(normalize=True).to_numpy() == pytest.approx(
            np.full(kinds, 1 / kinds), abs=0.03
        )
    sheets = [images(n=1, characters="g", families=(f,), **STILL)[0] for f in module.FAMILIES]
    assert all(np.abs(a - b).sum() > 5 for a, b in pairwise(sheets))


def test_colours_are_those_of_ink_and_paper():
    coloured, factors = images(n=20, characters="l", channels=3, **STILL)
    assert coloured.shape == (20, 32, 32, 3)
    for image, row in zip(coloured, factors.to_dict("records"), strict=True):
        np.testing.assert_allclose(image[0, 0], [row[f"paper_{c}"] for c in "rgb"])
        ink = np.array([row[f"ink_{c}"] for c in "rgb"])
        assert np.abs(image - ink).sum(2).min() < 0.05
        assert np.abs(ink - image[0, 0]).min() >= 0.25


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 7}, "from 8 to 128 pixels, got 7"),
        ({"characters": "aé"}, "among a–z, A–Z and 0–9"),
        ({"families": ("gothic",)}, "families among"),
        ({"families": "sans"}, "families among"),
        ({"rotation": (5, -5)}, "rotation to be a number or a range"),
        ({"scale": (0, 1)}, "scale to be a number or a range"),
        ({"shift": (0, np.inf)}, "shift to be a number or a range"),
        ({"size": 12.5}, "pixels, got 12.5"),
        ({"seed": -1}, "seed to be a whole number"),
        ({"channels": 2}, "1 channel .* or 3"),
        ({"colour": True}, "glyphs take the options size, characters"),
        ({"n": 0}, "above 0, got 0"),
    ],
)
def test_what_cannot_be_drawn_is_told(options, words):
    with pytest.raises(InputError, match=words):
        glyphs(**({"n": 3} | options))


def test_the_named_data_set():
    dataset = load_data("glyphs")
    assert dataset.X.shape == (5000, 144)
    assert set(dataset.y) == set("0123456789")
