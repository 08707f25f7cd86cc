"""Files of samples: complete or not there, and never without their provenance."""

import errno
import json
import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pushforward.data.files import read_provenance, replacing, write_samples
from pushforward.data.load import load_data
from pushforward.errors import FileError, InputError

PROVENANCE = {"method": "vae", "seed": 3, "version": "0.1.0", "note": "σ ≤ 1"}
SUFFIXES = [".csv", ".parquet", ".npy", ".npz", ".png"]


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(-1, 1, size=(5, 12))


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "count": np.array([1, 2, 3], dtype=np.int32),
            "value": [0.1, np.nan, 1 / 3],
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "yes": [True, False, True],
            "kind": pd.Categorical(["b", "a", "b"], categories=["c", "b", "a"], ordered=True),
            "day": pd.to_datetime(["2024-01-31", "2024-02-29", None]),
            "text": ["one", "two, three", 'say "four"'],
        }
    )


def write(path, X, **keywords):
    return write_samples(path, X, PROVENANCE, **keywords)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_provenance_comes_back_from_every_kind(tmp_path, images, suffix):
    path = tmp_path / f"samples{suffix}"
    written = write(path, images, image_shape=(3, 4), value_range=(-1, 1))
    assert read_provenance(path) == {**PROVENANCE, "generated": True}
    assert written[0] == path
    assert sorted(written) == sorted(tmp_path.iterdir())
    assert len(written) == (2 if suffix in (".csv", ".npy") else 1)


def test_generated_cannot_be_denied_and_numpy_values_become_json(tmp_path):
    facts = {
        "generated": False,
        "seed": np.int64(4),
        "sizes": np.arange(2),
        "day": date(2024, 5, 1),
    }
    write_samples(tmp_path / "a.npy", np.zeros((2, 2)), facts)
    beside = json.loads((tmp_path / "a.npy.json").read_text())
    assert beside == {"generated": True, "seed": 4, "sizes": [0, 1], "day": "2024-05-01"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_of_others_have_no_provenance(tmp_path, suffix):
    path = tmp_path / f"real{suffix}"
    table = pd.DataFrame({"a": [1, 2]})
    {
        ".csv": lambda: table.to_csv(path),
        ".parquet": lambda: table.to_parquet(path),
        ".npy": lambda: np.save(path, table),
        ".npz": lambda: np.savez(path, X=table),
        ".png": lambda: Image.new("L", (2, 2)).save(path),
    }[suffix]()
    assert read_provenance(path) is None


@pytest.mark.parametrize("suffix", [".parquet", ".npz", ".png"])
def test_damaged_files_are_named_as_such(tmp_path, suffix):
    path = tmp_path / f"torn{suffix}"
    path.write_bytes(b"not what the name says")
    with pytest.raises(FileError, match="cannot be read"):
        read_provenance(path)


def test_damaged_json_and_missing_files_are_named_as_such(tmp_path):
    write(tmp_path / "a.csv", np.zeros((2, 2)))
    (tmp_path / "a.csv.json").write_text('{"generated": tr')
    with pytest.raises(FileError, match="cannot be read"):
        read_provenance(tmp_path / "a.csv")
    with pytest.raises(FileError, match="no such file"):
        read_provenance(tmp_path / "b.csv")


def test_parquet_keeps_a_frame_exactly(tmp_path, frame):
    write(tmp_path / "a.parquet", frame)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), frame)


def test_csv_keeps_values(tmp_path, frame):
    write(tmp_path / "a.csv", frame)
    back = pd.read_csv(tmp_path / "a.csv", parse_dates=["day"])
    for name in frame:
        expected = frame[name].astype(object).where(frame[name].notna(), None)
        found = back[name].astype(object).where(back[name].notna(), None)
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_arrays_keep_values_and_dtype(tmp_path, suffix):
    X = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    write(tmp_path / f"a{suffix}", X)
    back = load_data(tmp_path / f"a{suffix}").X
    assert list(back) == ["x0", "x1", "x2"]
    np.testing.assert_array_equal(back.to_numpy(), X)
    assert (back.dtypes == np.float32).all()


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_images_come_back_as_images(tmp_path, images, suffix):
    write(tmp_path / f"a{suffix}", images, image_shape=(3, 4))
    back = load_data(tmp_path / f"a{suffix}")
    assert back.image_shape == (3, 4)
    np.testing.assert_array_equal(back.X, images)


def test_numeric_frames_become_arrays_with_their_names(tmp_path, frame):
    numeric = frame[["count", "value", "whole", "yes"]]
    write(tmp_path / "a.npz", numeric)
    back = load_data(tmp_path / "a.npz").X
    expected = [[1, 0.1, 1, 1], [2, np.nan, np.nan, 0], [3, 1 / 3, 3, 1]]
    assert list(back) == list(numeric)
    np.testing.assert_array_equal(back.to_numpy(), expected)
    write(tmp_path / "a.npy", frame[["count"]])
    assert np.load(tmp_path / "a.npy").dtype == np.int32


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_frames_that_are_not_numeric_do_not_become_arrays(tmp_path, frame, suffix):
    with pytest.raises(InputError, match=r"'kind' has dtype category .*\.csv or \.parquet"):
        write(tmp_path / f"a{suffix}", frame)
    assert list(tmp_path.iterdir()) == []


def test_one_image_is_scaled_by_the_given_range(tmp_path):
    image = np.array([[-1.0, 0.0, 0.5, 7.0]])
    write(tmp_path / "a.png", image, image_shape=(2, 2), value_range=(-1, 1))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "L"
        assert np.asarray(picture).tolist() == [[0, 128], [191, 255]]


def test_many_images_lie_in_a_grid_row_by_row(tmp_path):
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((2, 3, 3), np.uint8)
    write(tmp_path / "a.png", images)
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (2 + 1 + 2, 3 + 1 + 3 + 1 + 3, 3)
    assert [pixels[0, 0, 0], pixels[0, 4, 0], pixels[1, 10, 2]] == [0, 1, 2]
    assert [pixels[3, 2, 1], pixels[4, 4, 0], pixels[4, 10, 0], pixels[2, 0, 0]] == [3, 4, 255, 255]


@pytest.mark.parametrize(
    ("X", "keywords", "words"),
    [
        (np.zeros((3, 4)), {"value_range": (0, 1)}, "image_shape"),
        (np.zeros((3, 4)), {"image_shape": (2, 3), "value_range": (0, 1)}, "4 values do not fit"),
        (np.zeros((3, 4)), {"image_shape": (2, 2)}, "value_range"),
        (np.zeros((3, 4)), {"image_shape": (2, 2), "value_range": (1, 1)}, "low < high"),
        (np.full((3, 4), np.nan), {"image_shape": (2, 2), "value_range": (0, 1)}, "finite"),
        (np.zeros((3, 2, 2, 2)), {"value_range": (0, 1)}, "c = 1, 3 or 4"),
        (np.zeros((0, 4)), {"image_shape": (2, 2), "value_range": (0, 1)}, "no samples"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, X, keywords, words):
    with pytest.raises(InputError, match=words):
        write(tmp_path / "a.png", X, **keywords)
    assert list(tmp_path.iterdir()) == []


def test_unknown_suffix(tmp_path):
    for call in (
        lambda: write(tmp_path / "a.xlsx", np.zeros((2, 2))),
        lambda: read_provenance("a.h5"),
    ):
        with pytest.raises(InputError, match=r"\.csv, \.parquet, \.npy, \.npz, \.png"):
            call()


def test_parquet_refuses_mixed_columns_in_words(tmp_path):
    with pytest.raises(InputError, match="Parquet cannot hold"):
        write(tmp_path / "a.parquet", pd.DataFrame({"a": [1, "two", {}]}))
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_created(tmp_path):
    write(tmp_path / "new" / "deeper" / "a.csv", np.zeros((2, 2)))
    assert (tmp_path / "new" / "deeper" / "a.csv.json").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interrupted_write_leaves_the_old_file_intact(
    tmp_path, monkeypatch, images, suffix, step
):
    path = tmp_path / f"a{suffix}"
    keywords = {"image_shape": (3, 4), "value_range": (-1, 1)}
    write(path, images, **keywords)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(FileError, match=r"No space left on device.*free some space"):
        write(path, images + 1, **keywords)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_an_interrupt_leaves_nothing_behind(tmp_path):
    def interrupted():
        with replacing(tmp_path / "a.bin") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written_are_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    for path in (tmp_path / "file" / "a.csv", tmp_path / "folder.csv"):
        with pytest.raises(FileError, match=r"cannot be written .* another folder"):
            write(path, np.zeros((2, 2)))

    def forbidden(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(FileError, match=r"Permission denied"):
        write(tmp_path / "a.csv", np.zeros((2, 2)))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder.csv"]


# Folders of images


def pictures(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (3, 4, 4)])
@pytest.mark.parametrize("end", ["", "/", ".v2/"])
def test_a_folder_holds_one_picture_a_sample_and_is_read_back(tmp_path, shape, end):
    X = np.random.default_rng(0).integers(0, 256, (12, *shape), dtype=np.uint8)
    written = write(f"{tmp_path}/new/drawn{end}", X.reshape(12, -1), image_shape=shape)
    folder = tmp_path / "new" / f"drawn{end}".rstrip("/")
    assert written == [folder]
    assert pictures(folder) == [f"{i + 1:04}.png" for i in range(12)]
    assert [file.name for file in folder.parent.iterdir()] == [folder.name]
    back = load_data(folder)
    assert back.image_shape == shape
    np.testing.assert_array_equal(back.X, X.reshape(12, -1))
    assert all(
        read_provenance(folder / name) == {**PROVENANCE, "generated": True}
        for name in pictures(folder)
    )
    assert read_provenance(f"{folder}/") == {**PROVENANCE, "generated": True}


def test_samples_by_label_lie_in_sub_folders(tmp_path, images):
    y = ["b", "a/c", "b", ".x", ""]
    keywords = {"image_shape": (3, 4), "value_range": (-1, 1)}
    write(tmp_path / "one", images, labels=pd.DataFrame({"kind": y}), **keywords)
    assert pictures(tmp_path / "one") == [
        "%/0005.png",
        "%2Ex/0004.png",
        "a%2Fc/0002.png",
        "b/0001.png",
        "b/0003.png",
    ]
    back = load_data(tmp_path / "one")
    assert back.y.tolist() == ["%", "%2Ex", "a%2Fc", "b", "b"]
    expected = np.rint((images[[4, 3, 1, 0, 2]] + 1) / 2 * 255)
    np.testing.assert_array_equal(back.X, expected)
    labels = pd.DataFrame({"city": ["Bern"] * 5, "age": range(5)})
    write(tmp_path / "two", images, labels=labels, **keywords)
    assert pictures(tmp_path / "two")[4] == "city=Bern, age=4/0005.png"


def test_an_empty_folder_is_filled_and_any_other_left_alone(tmp_path, images):
    keywords = {"image_shape": (3, 4), "value_range": (-1, 1)}
    (tmp_path / "a").mkdir()
    write(tmp_path / "a", images, **keywords)
    before = {file: file.read_bytes() for file in (tmp_path / "a").iterdir()}
    (tmp_path / "file").write_text("precious")
    for path in (tmp_path / "a", tmp_path / "file"):
        with pytest.raises(FileError, match="is there already, and is not empty"):
            write(path, images + 1, **keywords)
    assert {file: file.read_bytes() for file in (tmp_path / "a").iterdir()} == before
    assert (tmp_path / "file").read_text() == "precious"


def test_an_interrupted_folder_is_not_there(tmp_path, monkeypatch, images):
    save, left = Image.Image.save, [3]

    def full(*arguments, **keywords):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(*arguments, **keywords)

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(FileError, match=r"cannot be written \(No space left on device\)"):
        write(tmp_path / "a", images, image_shape=(3, 4), value_range=(-1, 1))
    assert left == [-1]
    assert list(tmp_path.iterdir()) == []


def test_what_no_folder_can_hold(tmp_path, images, frame):
    with pytest.raises(InputError, match="a folder of them, needs images"):
        write(tmp_path / "a", images)
    with pytest.raises(InputError, match=r"\.csv or \.parquet"):
        write(tmp_path / "a", frame)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        write(tmp_path / "file" / "a", images, image_shape=(3, 4), value_range=(-1, 1))
    assert pictures(tmp_path) == ["file"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match=r"nor a folder with a \.png in it"):
        read_provenance(tmp_path / "empty")


def test_names_have_as_many_digits_as_there_are_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr("pushforward.data.folders.DIGITS", 1)
    write(tmp_path / "a", np.zeros((12, 1, 1), np.uint8))
    assert pictures(tmp_path / "a")[:2] == ["01.png", "02.png"]
