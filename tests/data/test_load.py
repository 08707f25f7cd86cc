"""Names and files as data sets; what cannot be loaded says why."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_wine

from pushforward.classical.gaussian import Gaussian
from pushforward.data.dataset import Dataset
from pushforward.data.files import write_samples
from pushforward.data.load import load_data
from pushforward.data.toys import manifold, ring
from pushforward.errors import FileError, InputError


@pytest.fixture
def save(tmp_path):
    """Write text or arrays under a name; gives the path."""

    def write(name, content):
        path = tmp_path / name
        if isinstance(content, dict):
            np.savez(path, **content)
        elif isinstance(content, np.ndarray):
            np.save(path, content)
        elif isinstance(content, pd.DataFrame):
            content.to_parquet(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# Names


def test_digits():
    data, reference = load_data("digits"), load_digits()
    np.testing.assert_array_equal(data.X, reference.data)
    np.testing.assert_array_equal(data.y, reference.target)
    assert (data.X.shape, data.image_shape, data.X.max()) == ((1797, 64), (8, 8), 16)


@pytest.mark.parametrize(("name", "shape"), [("ring", (10_000, 2)), ("grid", (10_000, 2))])
def test_toys_repeat(name, shape):
    data = load_data(name)
    assert data.X.shape == shape
    assert data.source.name == name == data.name
    np.testing.assert_array_equal(data.X, load_data(name).X)
    assert set(data.source.assign(data.X)[0]) == set(range(data.source.n_modes))


def test_toys_are_drawn_with_the_documented_seed():
    np.testing.assert_array_equal(
        load_data("ring").X, ring().draw(10_000, np.random.default_rng(2014))
    )


def test_manifold_keeps_its_coordinates():
    data = load_data("manifold")
    assert data.X.shape == (100, 32)
    np.testing.assert_allclose(manifold().embed(data.coordinates), data.X, atol=1e-13)


def test_bundled_tables_have_named_classes():
    wine, reference = load_data("wine"), load_wine()
    assert wine.X["target"].tolist() == reference.target_names[reference.target].tolist()
    assert isinstance(wine.X["target"].dtype, pd.CategoricalDtype)
    np.testing.assert_array_equal(wine.X.drop(columns="target"), reference.data)
    assert wine.y is None
    cancer = load_data("breast-cancer", label="target")
    assert cancer.X.shape == (569, 30)
    assert (cancer.label, set(cancer.y)) == ("target", {"malignant", "benign"})


# Files that load


def test_csv_keeps_values_dtypes_and_missing_ones(save):
    text = 'a,b,"c, d"\n1,0.1,u\n2,,v\n3,2e-3,u\n'
    frame = load_data(save("my table.csv", text)).X
    expected = pd.DataFrame({"a": [1, 2, 3], "b": [0.1, np.nan, 2e-3], "c, d": ["u", "v", "u"]})
    pd.testing.assert_frame_equal(frame, expected)


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1.5,x\n2.25,y\n",
        "a,b\r\n1.5,x\r\n2.25,y\r\n",
        b"\xef\xbb\xbfa,b\n1.5,x\n2.25,y\n",
        '"a", "b"\n1.5, "x"\n2.25, "y"\n\n',
        "a;b\n1.5;x\n2.25;y\n",
        "a;b\n1,5;x\n2,25;y\n",
        "a\tb\n1.5\tx\n2.25\ty\n",
    ],
)
def test_csv_dialects(save, content):
    frame = load_data(save("a.csv", content)).X
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": [1.5, 2.25], "b": ["x", "y"]}))


def test_csv_quotes_may_hold_separators_and_line_ends(save):
    frame = load_data(save("a.csv", 'a,b\n1.5,"x, y"\n2.5,"x\nz"\n')).X
    assert frame["b"].tolist() == ["x, y", "x\nz"]


def test_csv_floats_come_back(save):
    values = np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100)
    text = "a\n" + "\n".join(repr(float(v)) for v in values)
    np.testing.assert_array_max_ulp(load_data(save("a.csv", text)).X["a"].to_numpy(), values, 1)


def test_parquet_keeps_dtypes_and_categories(save):
    frame = pd.DataFrame(
        {
            "a": np.array([1, 5, 3], dtype=np.int8),
            "b": np.array([0.5, 1, 2], dtype=np.float32),
            "c": pd.Categorical(["u", "v", "u"], categories=["w", "v", "u"]),
        }
    )
    data = load_data(save("my.parquet", frame))
    pd.testing.assert_frame_equal(data.X, frame)
    assert (data.name, data.y) == ("my", None)


def test_parquet_keeps_a_named_index_as_a_column(save):
    frame = pd.DataFrame({"a": [1.5, 2.5]}, index=pd.Index([0.1, 0.2], name="time"))
    assert list(load_data(save("a.parquet", frame)).X) == ["time", "a"]
    unnamed = pd.DataFrame({"a": [1.5, 2.5]}, index=[7, 9])
    assert list(load_data(save("b.parquet", unnamed)).X) == ["a"]


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool", ">f8"])
def test_arrays_are_tables(save, dtype):
    X = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    frame = load_data(save("a.npy", X)).X
    assert list(frame) == ["x0", "x1", "x2"]
    np.testing.assert_array_equal(frame, X)
    assert (frame.dtypes == X.dtype.newbyteorder("=")).all()


def test_a_vector_is_one_column(save):
    assert load_data(save("a.npy", np.array([0.5, 1.5]))).X["x0"].tolist() == [0.5, 1.5]


def test_npz_with_labels_and_names(save):
    X = np.random.default_rng(0).normal(size=(4, 2))
    arrays = {"X": X, "y": np.array(["u", "v", "u", "v"])}
    data = load_data(save("a.npz", arrays))
    np.testing.assert_array_equal(data.X, X)
    assert data.y.tolist() == ["u", "v", "u", "v"]
    named = load_data(save("b.npz", arrays | {"columns": np.array(["p", "q"])}))
    assert list(named.X) == ["p", "q"]


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 4, 1), (5, 4, 3, 3)])
def test_arrays_of_images(save, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    data = load_data(save("a.npy", images))
    assert data.image_shape == shape[1:]
    assert data.X.dtype == np.uint8
    np.testing.assert_array_equal(data.X, images.reshape(5, -1))


def test_channels_that_come_first_are_moved_and_noted(save):
    images = np.random.default_rng(0).random((5, 3, 8, 7))
    data = load_data(save("a.npy", images))
    assert data.image_shape == (8, 7, 3)
    np.testing.assert_array_equal(data.X.reshape(5, 8, 7, 3)[2, 4, 6], images[2, :, 4, 6])
    assert "channels came first" in data.notes[0]


# Options


def test_label_moves_a_column_into_y(save):
    path = save("a.csv", "a,kind\n1.5,u\n2.5,v\n3.5,u\n")
    data = load_data(path, label="kind")
    assert (list(data.X), data.y.tolist(), data.label) == (["a"], ["u", "v", "u"], "kind")


def test_dropped_and_useless_columns(save):
    rows = "\n".join(f"{i},{i / 7},{i % 3},text {i}" for i in range(100))
    path = save("a.csv", "id,a,b,words\n" + rows)
    data = load_data(path, drop="a", as_category=["b"])
    assert list(data.X) == ["b"]
    assert isinstance(data.X["b"].dtype, pd.CategoricalDtype)
    assert [word in note for word, note in zip(["id", "words"], data.notes, strict=True)]
    assert len(data.notes) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"label": "kin"}, r"no column 'kin'.* mean 'kind'.*'a', 'kind', 'b'"),
        ({"label": "kind", "drop": ["kind"]}, "neither in drop nor"),
        ({"label": "b"}, "1 of 3 labels in 'b' are missing"),
        ({"drop": ["z"]}, "'z'"),
        ({"drop": [4]}, "no column is called 4"),
    ],
)
def test_options_that_do_not_fit(save, options, words):
    path = save("a.csv", "a,kind,b\n1.5,u,1\n2.5,v,\n3.5,u,2\n")
    with pytest.raises(InputError, match=words):
        load_data(path, **options)


def test_column_options_need_columns(save):
    for options in ({"drop": ["a"]}, {"as_category": ["a"]}, {"label": "a"}):
        with pytest.raises(InputError, match="apply to tables only"):
            load_data("digits", **options)
    path = save("a.npz", {"X": np.random.default_rng(0).random((3, 2)), "y": np.arange(3)})
    with pytest.raises(InputError, match="labels of its own"):
        load_data(path, label="x0")


# Files that do not load

REFUSED_TEXT = [
    ("a,b\n1,2\n3,4,5\n", FileError, r"line 3 has 3 fields, expected 2"),
    ("a,b\n1,2\n\n3\n", FileError, r"line 4 has 1 fields, expected 2"),
    ("a,b\n1,2,\n3,4,\n", FileError, r"line 2 has 3 fields, expected 2"),
    ('a,b\n"x\ny",2\n3\n', FileError, r"line 4 has 1 fields"),
    ('a,b\n1,2\n"3,4\n5,6\n', FileError, r"line 3 has 1 fields"),
    ("a,b,a\n1,2,3\n4,5,6\n", InputError, "more than one column is called 'a'"),
    ("5.1,3.5\n4.9,3.0\n4.7,3.2\n", InputError, "line 1 holds numbers"),
    ("a,b\n", InputError, r"0 row.*at least two"),
    ("a,b\n1,2\n", InputError, r"1 row.*at least two"),
    ("", FileError, "empty"),
    ("\n \n", FileError, "empty"),
    (b"a,b\n1,\xe9\n2,\xe8\n", FileError, "not UTF-8.*iconv -f WINDOWS-1252 .* a.csv"),
    ("a,b\n1,é\n".encode("utf-16"), FileError, "not UTF-8.*iconv -f UTF-16"),
    ("x,2024-01-31,2.5\ny,2024-02-01,3.5\n", InputError, "line 1 holds '2024-01-31'"),
    ("x,True,2.5\ny,False,3.5\nz,True,1\n", InputError, "line 1 holds 'True'"),
    ("a,b,c\n1,inf,2\n-inf,inf,3\n", InputError, "3 infinite values in 'a', 'b'"),
]


@pytest.mark.parametrize(("content", "error", "words"), REFUSED_TEXT)
def test_csv_that_is_refused(save, content, error, words):
    with pytest.raises(error, match=words) as caught:
        load_data(save("a.csv", content))
    assert str(caught.value).count("\n") < 3


def test_infinity_in_a_dropped_column_does_not_matter(save):
    path = save("a.csv", "a,b\n1.5,inf\n2.5,1\n")
    assert list(load_data(path, drop=["b"]).X) == ["a"]


REFUSED_ARRAYS = [
    (np.array([[1, "a"], [2, "b"]], dtype=object), FileError, "pickles.* never loaded"),
    (np.ones((3, 2), dtype=complex), InputError, "complex"),
    (np.array([["a", "b"], ["c", "d"]]), InputError, "expected an array of numbers"),
    (np.array(1.0), InputError, r"got shape \(\)"),
    (np.ones((2, 2, 2, 2, 2)), InputError, r"got shape \(2, 2, 2, 2, 2\)"),
    (np.ones((5, 0)), InputError, r"got shape \(5, 0\)"),
    (np.ones((5, 0, 3)), InputError, r"got shape \(5, 0, 3\)"),
    (np.ones((2, 5, 5, 7)), InputError, "c = 1, 3 or 4"),
    (np.ones((0, 3)), InputError, "at least two"),
    (np.ones((1, 3)), InputError, "at least two"),
    (np.ones((1, 4, 4)), InputError, "at least two"),
    (np.array([[1.5, np.inf], [2.5, -np.inf]]), InputError, "2 infinite values in 'x1'"),
    (np.array([[[1, np.nan]], [[np.inf, 0]]]), InputError, "2 of 4 pixels"),
]


@pytest.mark.parametrize(("array", "error", "words"), REFUSED_ARRAYS)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_that_are_refused(save, array, error, words, suffix):
    with pytest.raises(error, match=words):
        load_data(save(f"a{suffix}", array if suffix == ".npy" else {"X": array}))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"data": np.ones((3, 2))}, "no array X, found 'data'"),
        ({"X": np.ones((3, 2)), "y": np.ones(2)}, r"y must be \(3,\).*got \(2,\)"),
        ({"X": np.ones((3, 2)), "columns": np.array(["a"])}, "columns must name the 2"),
        ({"X": np.ones((3, 2)), "columns": np.array(["a", "a"])}, "called 'a'"),
    ],
)
def test_npz_that_is_refused(save, arrays, words):
    with pytest.raises(InputError, match=words):
        load_data(save("a.npz", arrays))


@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".npz"])
def test_files_that_are_not_what_their_name_says(save, suffix):
    for content in (b"something else altogether", b"PK\x03\x04 torn", b"\x93NUMPY\x01\x00"):
        with pytest.raises(FileError, match="complete"):
            load_data(save(f"a{suffix}", content))


def test_arrays_under_the_other_name(save):
    single, archive = save("a.npy", np.ones((3, 2))), save("b.npz", {"X": np.ones((3, 2))})
    with pytest.raises(FileError, match=r"name it \.npy"):
        load_data(single.rename(single.with_name("c.npz")))
    with pytest.raises(FileError, match=r"name it \.npz"):
        load_data(archive.rename(archive.with_name("d.npy")))


def test_names_and_places_that_are_refused(save, tmp_path):
    with pytest.raises(FileError, match=r"Did you mean 'digits'\? Known data sets: digits, glyphs"):
        load_data("digts")
    with pytest.raises(FileError, match="neither a file"):
        load_data(tmp_path / "missing.csv")
    with pytest.raises(FileError, match=r"costumers.*Did you mean '.*customers\.csv'"):
        load_data(save("customers.csv", "a\n1\n2\n").with_name("costumers.csv"))
    with pytest.raises(FileError, match=r"ending in \.csv, \.tsv, \.parquet, \.npy, \.npz"):
        load_data(save("a.sas", "a"))
    with pytest.raises(FileError, match=r"read_excel\('a\.xlsx'\)\.to_csv\('a\.csv'"):
        load_data(save("a.xlsx", "a"))
    with pytest.raises(FileError, match="there are no images"):
        load_data(tmp_path)
    with pytest.raises(FileError, match="the file is empty"):
        load_data(save("a.npy", b""))
    with pytest.raises(InputError, match="got ndarray"):
        load_data(np.ones((3, 2)))


def test_columns_named_by_dates_are_names_and_tabs_may_end_in_tsv(save):
    wide = save("wide.csv", "x,2024-01-31,2024-02-29\n1.5,2.5,3\n2.5,3.5,4\n")
    assert list(load_data(wide).X) == ["x", "2024-01-31", "2024-02-29"]
    tabs = load_data(save("a.tsv", "a\tb\n1.5\t2,5\n2.5\t3,5\n")).X
    assert tabs.shape == (2, 2)


def test_a_name_can_still_be_a_file(save, monkeypatch):
    path = save("ring.csv", "a\n1.5\n2.5\n")
    monkeypatch.chdir(path.parent)
    assert load_data("ring.csv").X.shape == (2, 1)
    monkeypatch.setenv("HOME", str(path.parent))
    assert load_data("~/ring.csv").X.shape == (2, 1)


# The data set itself


def test_repr_is_one_line():
    assert repr(load_data("ring")) == "Dataset('ring', 10000 rows × 2 columns, 8 known modes)"
    assert repr(load_data("wine", label="target")) == (
        "Dataset('wine', 178 rows × 13 columns, labels 'target')"
    )


def test_fingerprint_is_the_same_in_another_process(tmp_path):
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame(
        {"a": [1.5, np.nan, 2.5], "b": pd.Categorical(["u", "v", "u"]), "c": ["x", "y", "x"]}
    )
    frame.to_parquet(path)
    names = ["digits", "wine", str(path)]
    code = (
        "from pushforward.data.load import load_data\n"
        f"print(*(load_data(name).fingerprint() for name in {names!r}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [load_data(name).fingerprint() for name in names]


def test_fingerprint_changes_with_the_content():
    X = np.arange(6.0).reshape(3, 2)
    frame = pd.DataFrame({"a": ["u", "v", "u"]})
    variants = [
        Dataset(name="x", X=X),
        Dataset(name="x", X=X + 1e-12),
        Dataset(name="x", X=X.astype(np.float32)),
        Dataset(name="x", X=X.reshape(2, 3)),
        Dataset(name="x", X=X, y=np.array([0, 1, 0])),
        Dataset(name="x", X=X, y=np.array(["a", "b", "a"])),
        Dataset(name="x", X=X, image_shape=(2, 1)),
        Dataset(name="x", X=frame),
        Dataset(name="x", X=frame.rename(columns={"a": "b"})),
        Dataset(name="x", X=frame.astype("category")),
        Dataset(name="x", X=frame.astype(pd.CategoricalDtype(["v", "u"]))),
    ]
    assert len({data.fingerprint() for data in variants}) == len(variants)
    assert Dataset(name="y", X=np.asfortranarray(X)).fingerprint() == variants[0].fingerprint()


def test_iso_dates_of_a_csv_are_dates_and_are_written_as_they_were(tmp_path):
    days = [f"2024-0{1 + i % 9}-1{i % 10}" for i in range(40)]
    odd = ["2024-02-31", *days[1:]]
    frame = pd.DataFrame({"day": days, "odd": odd, "v": range(40, 0, -1)})
    frame.loc[3, "day"] = None
    frame.to_csv(tmp_path / "a.csv", index=False)
    X = load_data(tmp_path / "a.csv").X
    assert pd.api.types.is_datetime64_any_dtype(X["day"])
    assert not pd.api.types.is_datetime64_any_dtype(X["odd"] if "odd" in X else frame["odd"])
    assert X["day"].isna().sum() == 1
    drawn = Gaussian(random_state=0).fit(X[["day", "v"]]).sample(30, random_state=0)
    write_samples(tmp_path / "b.csv", drawn, {})
    text = (tmp_path / "b.csv").read_text().splitlines()[1:]
    assert all(re.fullmatch(r"(\d{4}-\d\d-\d\d)?,-?\d+", line) for line in text)
