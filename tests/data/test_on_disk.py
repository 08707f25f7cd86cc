"""Rows on disk: each once an epoch, in a seeded order, whatever the file, threads and blocks."""

import os

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import pushforward as pf
from pushforward.data import memory, on_disk, windows
from pushforward.data.encoded_rows import EncodedRows
from pushforward.data.encoding import Encoding
from pushforward.data.on_disk import ArrayOnDisk
from pushforward.data.windows import Windows
from pushforward.errors import FileError, InputError

N = 203
SMALL = pytest.mark.usefixtures("small")


@pytest.fixture
def small(monkeypatch):
    """Blocks of a few rows, windows of a few blocks."""
    monkeypatch.setattr(on_disk, "BLOCK_BYTES", 160)
    monkeypatch.setattr(windows, "WINDOW_BYTES", 400)


def array(tmp_path, workers=2):
    X = np.random.default_rng(0).normal(size=(N, 4))
    if not (tmp_path / "a.npy").exists():  # a file that is being read must not be written to
        np.save(tmp_path / "a.npy", X)
    return X, pf.open_data(tmp_path / "a.npy", workers=workers)


def parquet(tmp_path, workers=2):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"x": rng.normal(size=N), "k": rng.choice(["a", "b"], N), "y": rng.integers(2, size=N)}
    )
    X.to_parquet(tmp_path / "t.parquet", row_group_size=20)
    return X.drop(columns="y"), pf.open_data(tmp_path / "t.parquet", label="y", workers=workers)


def folder(tmp_path, workers=2):
    X = np.random.default_rng(0).integers(256, size=(N, 4, 5), dtype=np.uint8)
    for i, pixels in enumerate(X):
        where = tmp_path / "images" / "ab"[i % 2]
        where.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(where / f"{i:03}.png")
    order = [*range(0, N, 2), *range(1, N, 2)]
    return X[order], pf.open_data(tmp_path / "images", workers=workers)


KINDS = [array, parquet, folder]


def table(rows, encoding, seed=0, without=None):
    return Windows(EncodedRows(rows, encoding, without), seed, torch.device("cpu"))


@SMALL
@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_has_every_row_but_those_held_back(kind, tmp_path):
    X, rows = kind(tmp_path)
    assert rows.shape[0] == N
    assert len(rows.sample(50)) == 50
    encoding = Encoding().fit(X)
    train, held = EncodedRows(rows, encoding).hold_back(30, np.random.default_rng(3))
    read = Windows(train, 0, torch.device("cpu"))
    n = N - 30
    epochs = [read.index_select(0, torch.arange(e * n, (e + 1) * n)).numpy() for e in (0, 1)]
    assert not np.array_equal(*epochs)
    expected = np.sort(encoding.transform(X).astype("f4"), axis=0)
    for epoch in epochs:  # with those that are held back, these are all
        found = np.sort(np.concatenate([epoch, held.astype("f4")]), axis=0)
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_taken_in_the_order_asked_for(kind, tmp_path):
    X, rows = kind(tmp_path)
    numbers = np.array([150, 3, 77, 3, 0])
    some = rows.take(numbers)
    if isinstance(X, pd.DataFrame):
        pd.testing.assert_frame_equal(some, X.iloc[numbers].reset_index(drop=True))
    else:
        assert np.array_equal(some, X[numbers])


@SMALL
def test_the_order_is_the_seeds_alone(tmp_path):
    X, rows = array(tmp_path, workers=0)
    encoding = Encoding().fit(X)
    places = torch.randint(3 * N, (40,), generator=torch.Generator().manual_seed(0)).sort().values
    expected = table(rows, encoding).index_select(0, places)
    for workers in (1, 3):
        ahead = table(array(tmp_path, workers)[1], encoding)
        ahead.index_select(0, torch.arange(2 * N, 2 * N + 9))  # somewhere else before
        assert torch.equal(ahead.index_select(0, places), expected)
    other = table(rows, encoding, seed=1)
    assert not torch.equal(other.index_select(0, places), expected)


@SMALL
def test_neighbours_of_a_sorted_file_do_not_stay_together(tmp_path):
    X = np.arange(1000.0)[:, None]
    np.save(tmp_path / "sorted.npy", X)
    rows = pf.open_data(tmp_path / "sorted.npy")
    read = table(rows, Encoding().fit(X)).index_select(0, torch.arange(1000)).flatten()
    # Windows are of 100 rows in five blocks of 20: a batch spans more than one block.
    assert read[:100].std() > 0.5 * read.std()
    assert read.diff().abs().mean() > 0.3 * read.std()


@SMALL
def test_only_a_few_windows_are_held(tmp_path):
    X, rows = array(tmp_path)
    read = table(rows, Encoding().fit(X))
    for first in range(0, 5 * N, 7):
        read.index_select(0, torch.arange(first, first + 7))
        assert len(read.read) <= 4


def test_fingerprints_tell_data_apart_by_a_part_of_them(tmp_path):
    X, rows = array(tmp_path)
    train = EncodedRows(rows, Encoding().fit(X))
    first = train.fingerprint()
    assert first == EncodedRows(rows, train.encoding).fingerprint()
    fewer = EncodedRows(rows, train.encoding, np.array([3])).fingerprint()
    X[17] += 1
    np.save(tmp_path / "other.npy", X)
    other = EncodedRows(pf.open_data(tmp_path / "other.npy"), train.encoding).fingerprint()
    assert len({first, fewer, other}) == 3


def test_a_hole_that_comes_late_is_told(tmp_path):
    X, _ = array(tmp_path)
    X[160, 2] = np.nan
    np.save(tmp_path / "holes.npy", X)
    rows = EncodedRows(pf.open_data(tmp_path / "holes.npy"), Encoding().fit(X[:150]))
    with pytest.raises(InputError, match="row 160 holds missing or infinite values"):
        rows.take(np.arange(150, 170))


def test_channels_that_come_first_are_put_last(tmp_path):
    np.save(tmp_path / "c.npy", np.zeros((6, 3, 8, 9), dtype=np.uint8))
    assert pf.open_data(tmp_path / "c.npy").take(np.array([5, 1])).shape == (2, 8, 9, 3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.npy", {"label": "y"}, "label does not apply"),
        ("t.parquet", {"size": 8}, "size does not apply"),
        ("t.parquet", {"drop": ["z"]}, "no column is called 'z'"),
        ("images", {"channels": "red"}, "channels among"),
        ("a.npy", {"workers": -1}, "workers"),
    ],
)
def test_options_that_do_not_apply_are_told(name, options, message, tmp_path):
    for kind in KINDS:
        kind(tmp_path)
    with pytest.raises(InputError, match=message):
        pf.open_data(tmp_path / name, **options)


def test_files_that_cannot_be_opened_are_told(tmp_path):
    with pytest.raises(FileError, match="read whole, by load_data"):
        pf.open_data(tmp_path / "gone.npy")
    (tmp_path / "t.parquet").write_bytes(b"no parquet")
    with pytest.raises(FileError, match="complete"):
        pf.open_data(tmp_path / "t.parquet")
    for size, name in ((4, "a"), (5, "b")):
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.new("L", (size, size)).save(tmp_path / "images" / f"{name}.png")
    with pytest.raises(InputError, match="images of 2 sizes"):
        pf.open_data(tmp_path / "images")
    assert pf.open_data(tmp_path / "images", size=3).shape == (2, 3, 3)


def test_what_is_too_large_is_not_read(tmp_path, monkeypatch):
    array(tmp_path)
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(InputError, match="more memory than is free"):
        pf.load_data(tmp_path / "a.npy")
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert isinstance(on_disk.opened(mapped), ArrayOnDisk)
    assert on_disk.opened(mapped[:0] + 1.0).shape == (0, 4)  # computed, so in memory
    with pytest.raises(InputError, match="expected rows in memory"):
        np.asarray(on_disk.opened(mapped))


@pytest.mark.parametrize("change", ["cut", "written to", "replaced", "gone"])
@pytest.mark.parametrize("kind", [array, parquet])
def test_a_file_that_changes_while_it_is_read_is_told(kind, change, tmp_path):
    _, rows = kind(tmp_path)
    rows.read(0)
    path = tmp_path / ("a.npy" if kind is array else "t.parquet")
    if change == "cut":
        os.truncate(path, path.stat().st_size // 2)
    elif change == "written to":
        os.utime(path, ns=(0, 0))
    elif change == "replaced":
        (tmp_path / "other").write_bytes(path.read_bytes()[:-8])
        (tmp_path / "other").replace(path)
    else:
        path.unlink()
    with pytest.raises(FileError, match=r"while it was being read|cannot be read any more"):
        rows.read(len(rows.bounds) - 2)


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_cut_file_never_ends_the_process(mode, order, tmp_path):
    X = np.random.default_rng(0).normal(size=(5000, 4))
    np.save(tmp_path / "a.npy", np.asarray(X, order=order))
    rows = ArrayOnDisk(np.load(tmp_path / "a.npy", mmap_mode=mode))
    assert np.array_equal(rows.take(np.array([4999, 7, 7])), X[[4999, 7, 7]])
    os.truncate(tmp_path / "a.npy", 5000)
    with pytest.raises(FileError, match="while it was being read"):
        rows.take(np.array([4999]))


@pytest.mark.parametrize(
    "part",
    [
        lambda a: a,
        lambda a: a[3:],
        lambda a: a[3:][::2],  # with gaps between rows
        lambda a: a[:, 1:],
        lambda a: a[::-1],
        lambda a: np.moveaxis(a, 1, -1),
        lambda a: np.moveaxis(a, 0, -1),
        lambda a: a.reshape(20, -1),
    ],
)
@pytest.mark.parametrize("dtype", ["<f8", ">i2", "u1"])
def test_parts_of_a_mapped_array_are_read_as_they_are(part, dtype, tmp_path):
    X = np.random.default_rng(0).integers(100, size=(20, 3, 4, 5)).astype(dtype)
    np.save(tmp_path / "a.npy", X)
    expected = part(X)
    rows = ArrayOnDisk(part(np.load(tmp_path / "a.npy", mmap_mode="r")))
    some = np.array([1, 0, len(expected) - 1])
    assert np.array_equal(rows.take(some), expected[some])
    assert np.array_equal(rows.read(0), expected)


def test_what_was_written_to_a_copy_of_the_pages_is_read(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((10, 2)))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="c")
    mapped[4] = 1.0
    assert ArrayOnDisk(mapped).read(0).sum() == 2.0


def test_a_damaged_group_is_told(tmp_path):
    parquet(tmp_path)
    path = tmp_path / "t.parquet"
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"damaged|cannot be read any more"):
        pf.open_data(path, label="y").read(0)
