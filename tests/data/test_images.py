"""Folders of images: what is read is what a person sees, and what cannot be read is told."""

import os

import numpy as np
import pytest
from PIL import Image

from pushforward.cli import main
from pushforward.data import images as module
from pushforward.data.load import load_data
from pushforward.errors import FileError, InputError


@pytest.fixture
def put(tmp_path):
    """Save a picture, an array or bytes under a name in the folder; gives the folder."""

    def save(name, content, **options):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            picture = content if isinstance(content, Image.Image) else Image.fromarray(content)
            picture.save(path, **options)
        return tmp_path / "pictures"

    return save


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def ramp(h, w):
    """Grey levels that rise from left to right, twice as fast downwards."""
    return (np.arange(w) + 2 * np.arange(h)[:, None]).astype(np.uint8)


# What is read


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4)])
@pytest.mark.parametrize(("suffix", "options"), [("png", {}), ("webp", {"lossless": True})])
def test_pixels_come_back_in_the_order_of_names(put, shape, suffix, options):
    pictures = [noise(*shape, seed=seed) for seed in range(3)]
    for name, picture in zip("bca", pictures, strict=True):
        folder = put(f"{name}.{suffix}", picture, **options, **({"exact": True} if options else {}))
    data = load_data(f"{folder}/")
    expected = np.stack([pictures[2], pictures[0], pictures[1]])
    if suffix == "webp" and len(shape) == 2:  # WebP knows no grey
        expected = np.repeat(expected[..., None], 3, axis=3)
    assert data.X.dtype == np.uint8
    assert data.image_shape == expected.shape[1:]
    np.testing.assert_array_equal(data.X, expected.reshape(3, -1))
    assert (data.name, data.y, data.notes) == ("pictures", None, ())


def test_jpeg_is_read_nearly_as_it_was(put):
    for name in ("a.jpg", "b.JPEG"):
        folder = put(name, ramp(16, 24), quality=95)
    data = load_data(folder)
    assert data.image_shape == (16, 24)
    assert np.abs(data.X.reshape(2, 16, 24) - ramp(16, 24).astype(int)).max() <= 4


def test_sub_folders_are_labels(put):
    for name in ("dog/1.png", "cat/2.png", "cat/1.png", ".hidden/1.png"):
        folder = put(name, noise(4, 4))
    (folder / "empty").mkdir()
    data = load_data(folder)
    assert data.y.tolist() == ["cat", "cat", "dog"]


def test_hidden_files_are_ignored_and_others_are_named(put):
    put("a.png", noise(4, 4))
    put("sub.png/readme.txt", b"a folder with the name of a picture")
    put(".DS_Store", b"hidden")
    folder = put("b.png", noise(4, 4))
    (folder / "notes.txt").write_text("not a picture")
    data = load_data(folder)
    assert len(data.X) == 2
    assert data.notes == (
        "2 files without a suffix of PNG, JPEG or WebP left out: 'notes.txt', 'sub.png/readme.txt'",
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_pictures_are_turned_as_their_exif_says(put, orientation, suffix):
    seen = np.zeros((16, 32), np.uint8)
    seen[:8, :8] = 255  # a light corner, top left
    stored = {
        1: seen,
        2: seen[:, ::-1],
        3: seen[::-1, ::-1],
        4: seen[::-1],
        5: seen.T,
        6: np.rot90(seen),
        7: seen.T[::-1, ::-1],
        8: np.rot90(seen, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"jpg": {"quality": 95}, "png": {}, "webp": {"lossless": True}}[suffix]
    for name in "ab":
        folder = put(f"{name}.{suffix}", np.ascontiguousarray(stored), exif=exif, **options)
    data = load_data(folder, channels="grey")
    assert data.image_shape == (16, 32)
    assert np.abs(data.X[0].reshape(16, 32) - seen.astype(int)).max() < 20


# Channels


def test_palettes_and_bits_and_sixteen_bits_are_what_they_show(put):
    colours = np.array([[[255, 0, 0], [0, 128, 0]], [[0, 0, 255], [9, 9, 9]]], np.uint8)
    palette = Image.fromarray(colours).quantize(4)
    for name in "ab":
        folder = put(f"palette/{name}.png", palette) / "palette"
    np.testing.assert_array_equal(load_data(folder).X[0], colours.ravel())
    put("deep/a.png", Image.fromarray(np.array([[0, 257, 25700, 65535]], np.uint16)))
    folder = put("deep/b.png", Image.fromarray(np.array([[1, 0, 1, 1]], bool))) / "deep"
    assert load_data(folder).X.tolist() == [[0, 1, 100, 255], [255, 0, 255, 255]]


def test_alpha_is_kept_only_where_something_can_be_seen_through(put):
    opaque = np.dstack([noise(4, 4, 3), np.full((4, 4), 255, np.uint8)])
    folder = put("a.png", opaque)
    put("b.png", opaque)
    assert load_data(folder).image_shape == (4, 4, 3)
    glass = opaque.copy()
    glass[0, 0, 3] = 100
    put("c.png", glass)
    data = load_data(folder)
    assert data.image_shape == (4, 4, 4)
    np.testing.assert_array_equal(data.X.reshape(3, 4, 4, 4), [opaque, opaque, glass])


def test_grey_with_alpha(put):
    grey = np.dstack([ramp(2, 2), np.full((2, 2), 255, np.uint8)])
    folder = put("a.png", Image.fromarray(grey))
    put("b.png", Image.fromarray(grey))
    assert load_data(folder).image_shape == (2, 2)
    grey[1, 1, 1] = 7
    put("c.png", Image.fromarray(grey))
    data = load_data(folder)
    assert data.image_shape == (2, 2, 4)
    assert data.X[2].reshape(2, 2, 4)[1, 1].tolist() == [3, 3, 3, 7]
    assert data.X[0].reshape(2, 2, 4)[1, 1].tolist() == [3, 3, 3, 255]


def test_a_transparent_colour_of_a_palette_is_alpha(put):
    palette = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    for name in "ab":
        folder = put(f"{name}.png", palette, transparency=0)
    assert load_data(folder).X[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 255]


def test_mixed_channels_are_counted_and_can_be_converted(put):
    half = np.zeros((1, 1, 4), np.uint8)
    half[..., 3] = 128  # black, half seen through: as on white paper, half grey
    put("a.png", np.array([[50]], np.uint8))
    put("b.png", np.array([[[200, 0, 0]]], np.uint8))
    put("c.png", np.array([[[0, 0, 250]]], np.uint8))
    folder = put("d.png", half)
    with pytest.raises(InputError, match=r"1 grey, 2 colour, 1 colour\+alpha.*--channels colour"):
        load_data(folder)
    colour = load_data(folder, channels="colour")
    assert colour.X.tolist() == [[50, 50, 50], [200, 0, 0], [0, 0, 250], [127, 127, 127]]
    grey = load_data(folder, channels="grey")
    assert grey.image_shape == (1, 1)
    assert grey.X.ravel().tolist() == [50, 60, 28, 127]  # .299 R + .587 G + .114 B
    alpha = load_data(folder, channels="colour+alpha")
    assert alpha.X.tolist() == [
        [50, 50, 50, 255],
        [200, 0, 0, 255],
        [0, 0, 250, 255],
        [0, 0, 0, 128],
    ]


# Sizes


def test_mixed_sizes_become_squares_of_the_smallest_side(put):
    put("a.png", np.full((10, 6), 7, np.uint8))
    put("b.png", np.full((20, 8), 9, np.uint8))
    folder = put("c.png", np.full((12, 30), 11, np.uint8))
    data = load_data(folder)
    assert data.image_shape == (6, 6)
    assert [set(row) for row in data.X.tolist()] == [{7}, {9}, {11}]
    assert data.notes == (
        "images of 3 sizes, 10×6 to 12×30 (height × width), were scaled and cropped to 6×6; "
        "size (--size) chooses another",
    )


def test_the_middle_is_kept_and_scaled_by_averages(put):
    picture = np.zeros((40, 100), np.uint8)
    picture[:, 30:70] = ramp(40, 40) + 50
    for name in "ab":
        folder = put(f"{name}.png", picture)
    data = load_data(folder, size=10)
    assert data.image_shape == (10, 10)
    means = picture[:, 30:70].reshape(10, 4, 10, 4).mean((1, 3))
    inside = data.X[0].reshape(10, 10)[3:-3, 3:-3]  # Lanczos looks three pixels far
    np.testing.assert_allclose(inside, means[3:-3, 3:-3], atol=1)
    assert load_data(folder, size=(5, 25)).image_shape == (5, 25)
    np.testing.assert_array_equal(load_data(folder, size=(40, 100)).X[0], picture.ravel())


def test_lines_finer_than_a_pixel_become_grey(put):
    for name in ("a.png", "b.jpg"):
        folder = put(name, np.tile(np.array([0, 255], np.uint8), (256, 128)), quality=95)
    shrunk = load_data(folder, size=16).X.astype(int)
    assert np.abs(shrunk - 127.5).max() < 8


def test_photographs_of_a_size_that_nobody_asked_for_are_not_taken_at_all_costs(put, monkeypatch):
    for name in "ab":
        folder = put(f"{name}.png", noise(20, 20))
    monkeypatch.setattr(module, "LARGEST_UNASKED", 2000)
    with pytest.raises(InputError, match=r"2 images of 20×20 pixels are more .*--size 64"):
        load_data(folder)
    assert load_data(folder, size=20).image_shape == (20, 20)


@pytest.mark.parametrize("size", [0, -3, 2.5, True, "64", (3,), (3, 4, 5), (3, 0), (True, 2)])
def test_sizes_that_are_none(put, size):
    folder = put("a.png", noise(4, 4))
    with pytest.raises(InputError, match=r"a number of pixels, or as \(height, width\)"):
        load_data(folder, size=size)


def test_unknown_channels(put):
    with pytest.raises(InputError, match=r"among grey, colour, colour\+alpha, got 'rgb'"):
        load_data(put("a.png", noise(4, 4)), channels="rgb")


# What cannot be read


def truncated(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("size", [None, 8])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_damaged_files_are_named_and_skipped_only_on_request(put, suffix, size):
    for i in range(4):
        folder = put(f"{i}.{suffix}", noise(30, 30, seed=i))
    truncated(folder / f"1.{suffix}")
    put(f"3.{suffix}", b"no picture at all")
    words = (
        rf"2 of 4 images cannot be read: .*'3.{suffix}' \(no PNG, JPEG or WebP\).*skip_unreadable"
    )
    with pytest.raises(FileError, match=words) as told:
        load_data(folder, size=size)
    assert f"'1.{suffix}' (" in str(told.value)
    data = load_data(folder, size=size, skip_unreadable=True)
    assert len(data.X) == 2
    assert "cannot be read, and were left out" in data.notes[-1]
    assert f"'3.{suffix}'" in data.notes[-1]


def test_of_many_damaged_files_a_few_are_named(put):
    for i in range(9):
        folder = put(f"{i}.png", b"nothing")
    put("good.png", noise(4, 4))
    with pytest.raises(FileError, match=r"9 of 10 images .*'4.png' \(.*\) and 4 more"):
        load_data(folder)


@pytest.mark.parametrize("size", [None, 8])
def test_a_folder_in_which_nothing_can_be_read(put, size):
    folder = put("a.png", b"")
    with pytest.raises(FileError, match=r"1 of 1 images cannot be read.*complete\?"):
        load_data(folder, skip_unreadable=True, size=size)


@pytest.mark.parametrize("limit", [100, 20])  # of pixels: Pillow warns, or refuses by itself
def test_pictures_too_large_to_be_safe(put, monkeypatch, limit):
    folder = put("a.png", noise(4, 4))
    put("b.png", noise(4, 4))
    put("bomb.png", noise(15, 10))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(FileError, match=r"'bomb.png' \(more than 0 megapixels; make it smaller\)"):
        load_data(folder)
    assert len(load_data(folder, skip_unreadable=True).X) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(put):
    folder = put("a.png", noise(4, 4))
    put("b.png", noise(4, 4))
    (folder / "b.png").chmod(0)
    with pytest.raises(FileError, match=r"'b.png' \(Permission denied\)"):
        load_data(folder)


def test_folders_without_two_images(put, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileError, match=r"no images, files ending in \.png, \.jpg, \.jpeg"):
        load_data(empty)
    (empty / "a.gif").write_bytes(b"GIF89a")
    with pytest.raises(FileError, match=r"or its sub-folders; it has 'a\.gif'"):
        load_data(empty)
    with pytest.raises(InputError, match=r"has 1 row\(s\); a data set needs at least two"):
        load_data(put("a.png", noise(4, 4)))


def test_images_with_labels_and_without(put):
    put("a.png", noise(4, 4))
    folder = put("cat/b.png", noise(4, 4))
    with pytest.raises(InputError, match=r"in the folder itself \(1\).* in sub-folders \(1\)"):
        load_data(folder)


def test_images_too_deep(put):
    folder = put("train/cat/a.png", noise(4, 4))
    with pytest.raises(InputError, match=r"two folders deep, in 'train/cat'.*e\.g\. .*train\."):
        load_data(folder)


def test_options_of_images_need_a_folder(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 4, 4)))
    for name in ("digits", tmp_path / "a.npy"):
        for option in ({"size": 8}, {"channels": "grey"}, {"skip_unreadable": True}):
            with pytest.raises(InputError, match="is no folder of images"):
                load_data(name, **option)


def test_images_have_no_columns(put):
    put("a.png", noise(4, 4))
    folder = put("b.png", noise(4, 4))
    with pytest.raises(InputError, match="without named columns"):
        load_data(folder, label="x")


def test_a_bar_is_shown_on_a_terminal(put, monkeypatch):
    for name in "abc":
        folder = put(f"{name}.png", noise(4, 4))
    seen = []
    monkeypatch.setattr(
        module, "shown", lambda items, label: seen.append((len(items), label)) or items
    )
    load_data(folder)
    assert seen == [(3, "looking at images"), (3, "reading images")]


# The command line


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Call the command in the folder of the pictures; what it exits with and what it prints."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(a) for a in arguments])
        return left.value.code, capsys.readouterr().err

    return call


def test_a_folder_is_fitted_sampled_into_a_folder_and_evaluated(put, run):
    for i in range(60):
        label = "ab"[i % 2]
        put(f"{label}/{i}.png", noise(6, 8, 3, seed=i) // 2 + 60)
    put("a/broken.png", b"broken")
    read = ("--size", "4x3", "--channels", "grey")
    fit = ("fit", "pictures/", "--method", "gaussian", "--seed", 0, "--out", "model", *read)
    code, said = run(*fit)
    assert code == 2
    assert "1 of 61 images cannot be read: 'broken.png'" in said
    code, said = run(*fit, "--skip-unreadable")
    assert code == 0
    assert "'broken.png'" in said
    assert run("sample", "model", "-n", 40, "--seed", 1, "--out", "new/") == (0, "")
    new = load_data("new")
    assert new.image_shape == (4, 3)
    assert len(new.X) == 40
    real = load_data("pictures", size=(4, 3), channels="grey", skip_unreadable=True)
    assert new.X.mean() == pytest.approx(real.X.mean(), abs=8)  # 0 is black and 255 white to both
    code, said = run("sample", "model", "--out", "new/")
    assert code == 2
    assert "not empty" in said
    code, said = run("evaluate", "pictures", "new", *read, "--skip-unreadable")
    assert code == 0, said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["pictures", "--size", "4y3"], "expected --size as pixels, 64, or as height x width"),
        (["pictures", "--size", "0"], "expected --size as pixels"),
        (["pictures", "--channels", "red"], "among grey, colour, colour+alpha"),
        (["digits", "--size", "4"], "are for folders of images"),
        (["nowhere", "--skip-unreadable"], "are for folders of images"),
        (["pictures", "--method", "conditional-vae"], "images of each label into a sub-folder"),
    ],
)
def test_options_that_cannot_be_followed(put, run, options, words):
    for name in "ab":
        put(f"{name}.png", noise(4, 4))
    code, said = run("fit", "--method", "gaussian", *options)
    assert code == 2
    assert words in said
