"""What a sample of a Parquet file does not show is found in its other rows."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pushforward as pf
from pushforward.data import encoded_rows, parquet
from pushforward.data.encoded_rows import EncodedRows, rows_to_learn_from
from pushforward.data.encoding import Encoding
from pushforward.errors import DataWarning

N = 2000


@pytest.fixture
def few(monkeypatch):
    """An encoding is learnt from 100 rows at random."""
    monkeypatch.setattr(encoded_rows, "KNOWN_ROWS", 100)


def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=N),
            "text": rng.choice(["a", "b"], N),
            "two": rng.integers(2, size=N),
            "one": 0.5,
            "truth": rng.random(N) < 0.5,
            "category": pd.Categorical(rng.choice(["u", "v"], N), ["u", "v", "w"]),
        }
    )


def opened(path, X):
    X.to_parquet(path, row_group_size=300)
    return pf.open_data(path)


def sampled(rows):
    """The numbers of the rows at random."""
    return rows.numbers(100, np.random.default_rng(0))


def unsampled(rows, n=1):
    return np.setdiff1d(np.arange(N), sampled(rows))[-n:]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("text", "rare"),
        ("text", None),
        ("two", 7),
        ("one", 3.25),
        ("truth", None),
        ("category", "w"),
        ("x", None),
    ],
)
def test_a_value_of_one_row_is_learnt(column, value, tmp_path):
    X = frame()
    (row,) = unsampled(opened(tmp_path / "t.parquet", X))
    X[column] = X[column].astype(object if column in ("text", "truth") else X[column].dtype)
    X.loc[row, column] = value
    rows = opened(tmp_path / "t.parquet", X)
    known = rows_to_learn_from(rows)
    assert len(known) == 101  # and no other row is added
    encoding = Encoding().fit(known)
    back = encoding.inverse_transform(encoding.transform(rows.take(np.array([row]))))
    assert back[column].iloc[0] == value or (value is None and back[column].isna().all())


@pytest.mark.usefixtures("few")
def test_shares_are_those_of_all_rows_though_the_file_is_sorted(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_GROUPS", 2)  # of ten
    X = frame().sort_values("text", ignore_index=True)
    X["text"] = np.where(np.arange(N) < 10, "rare", X["text"])
    X.to_parquet(tmp_path / "t.parquet", row_group_size=200)
    rows = pf.open_data(tmp_path / "t.parquet")
    vae = pf.VAE(max_rounds=1, hidden=(4,), random_state=0).fit(rows)
    names = list(vae.encoding_.categories)
    found = dict(zip(names, vae.encoding_.shares, strict=True))
    assert found["text"] == pytest.approx(X["text"].value_counts(normalize=True).sort_index())
    assert found["truth"] == pytest.approx([1 - X["truth"].mean(), X["truth"].mean()])


@pytest.mark.usefixtures("few")
@pytest.mark.filterwarnings("ignore:not learnt but numbered anew")
def test_identifiers_go_on_after_the_largest_of_all(tmp_path):
    X, order = frame()[["x"]], np.random.default_rng(1).permutation(N)
    X["key"] = order + 50
    X["id"] = [f"{'AB'[k % 2]}-{k:06d}" for k in order]
    X["category id"] = pd.Series([f"R{k}" for k in order], dtype="category").astype(str)
    encoding = Encoding().fit(rows_to_learn_from(opened(tmp_path / "t.parquet", X)))
    first = {name: (i.prefixes, i.first) for name, i in encoding.identifiers.items()}
    assert first.pop("key") == ([], [N + 50])
    assert dict(zip(*first.pop("id"), strict=True)) == {"A-": N - 1, "B-": N}
    assert first == {"category id": (["R"], [N])}


@pytest.mark.usefixtures("few")
@pytest.mark.filterwarnings("ignore:not learnt but numbered anew")
@pytest.mark.parametrize("other", ["none", "", None, "R" + "9" * 30])
def test_what_is_no_identifier_in_a_row_that_was_not_seen_is_passed_over(other, tmp_path):
    X = frame()[["x"]]
    X["id"] = [f"R{k}" for k in np.random.default_rng(1).permutation(N)]
    rows = unsampled(opened(tmp_path / "t.parquet", X), 3)
    X.loc[rows[:2], "id"], X.loc[rows[2], "id"] = other, f"R{N}"
    known = rows_to_learn_from(opened(tmp_path / "t.parquet", X))
    identifier = Encoding().fit(known).identifiers["id"]
    assert (identifier.prefixes, identifier.first) == (["R"], [N + 1])


@pytest.mark.usefixtures("few")
def test_nan_counts_as_missing(tmp_path):
    two = np.random.default_rng(0).choice([0.0, 1.0, np.nan], N)
    table = pa.table({"x": frame()["x"].to_numpy(), "two": pa.array(two)})  # without a null
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=300)
    rows = pf.open_data(tmp_path / "t.parquet")
    encoding = Encoding().fit(rows_to_learn_from(rows))
    encoding.recount(rows.counts)
    (shares,) = encoding.shares
    assert shares == pytest.approx([np.mean(two == 0), np.mean(two == 1), np.isnan(two).mean()])


@pytest.mark.usefixtures("few")
def test_too_many_values_are_told(tmp_path):
    X = frame()
    rows = unsampled(opened(tmp_path / "t.parquet", X), 30)
    X.loc[rows, "text"] = [f"v{k}" for k in rows]  # beyond 20 values in 100 rows it would be text
    with pytest.warns(DataWarning, match=r"column 'text' has too many .* none of 100 rows"):
        known = rows_to_learn_from(opened(tmp_path / "t.parquet", X))
    assert known["text"].nunique() == 20


@pytest.mark.usefixtures("few")
def test_nothing_is_added_where_nothing_is_new(tmp_path):
    rows = opened(tmp_path / "t.parquet", frame())
    pd.testing.assert_frame_equal(rows_to_learn_from(rows), rows.take(sampled(rows)))
    np.save(tmp_path / "a.npy", frame()[["x", "two"]].to_numpy())
    assert len(rows_to_learn_from(pf.open_data(tmp_path / "a.npy"))) == 100


@pytest.mark.usefixtures("few")
def test_groups_may_name_their_categories_in_different_orders(tmp_path):
    tables = [
        pa.Table.from_pandas(pd.DataFrame({"k": pd.Categorical(k * 50), "x": np.arange(100.0)}))
        for k in (["a", "b"], ["c", "a"], ["b", "c"])
    ]
    with pq.ParquetWriter(tmp_path / "t.parquet", tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)
    rows = pf.open_data(tmp_path / "t.parquet")
    known = rows_to_learn_from(rows)
    assert rows.counts["k"] == {"a": 100, "b": 100, "c": 100}
    train = EncodedRows(rows, Encoding().fit(known))
    assert train.encoding.inverse_transform(train.read(1))["k"].tolist() == ["c", "a"] * 50
