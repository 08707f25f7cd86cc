"""Identifiers: recognised, numbered anew in their own form, never a training row's."""

import uuid

import numpy as np
import pandas as pd
import pytest

import pushforward as pf
from pushforward.data.columns import choose_columns
from pushforward.data.encoding import Encoding
from pushforward.data.identifiers import Identifier
from pushforward.errors import DataWarning, FileError, InputError

N = 40


def uuids(n=N, seed=0):
    rng = np.random.default_rng(seed)
    return [str(uuid.UUID(bytes=rng.bytes(16), version=4)) for _ in range(n)]


def series(values, name="nr", **options):
    return pd.Series(values, name=name, **options)


@pytest.mark.parametrize(
    ("column", "new"),
    [
        (series(range(1, N + 1)), [41, 42, 43]),
        (series([900, 17, 3], name="customer_id"), [901, 902, 903]),
        (series([2**60, 5], name="key"), [2**60 + 1, 2**60 + 2, 2**60 + 3]),
        (series([7, 8], name="ID", dtype="Int16"), [9, 10, 11]),
        (series([f"C-{i:05d}" for i in range(N)]), ["C-00040", "C-00041", "C-00042"]),
        (series([f"C-{i}" for i in range(8, 8 + N)]), ["C-48", "C-49", "C-50"]),
        (series([f"2024/{i:02d}" for i in range(60, 100)]), ["2024/100", "2024/101", "2024/102"]),
        (series(["a9", "a10"], name="id"), ["a11", "a12", "a13"]),
    ],
)
def test_numbers_go_on_after_the_largest_seen(column, new):
    assert Identifier.of(column).anew(3, seed=0) == new


def test_several_prefixes_are_drawn_as_often_as_they_were_seen():
    column = series([f"CH-{i}" for i in range(30)] + [f"DE-{i}" for i in range(10)])
    new = Identifier.of(column).anew(400, seed=0)
    assert len({*new, *column}) == 440
    assert sum(text.startswith("CH-") for text in new) == 300
    assert {"CH-30", "DE-10"} <= set(new)


@pytest.mark.parametrize("form", [str, lambda t: t.upper(), lambda t: t.replace("-", "")])
def test_uuids_are_drawn_from_the_seed_and_never_again_those_seen(form):
    seen = [form(text) for text in uuids()]
    found = Identifier.of(series(seen))
    new = found.anew(50, seed=3)
    assert new == found.anew(50, seed=3)
    assert not set(new) & {*found.anew(50, seed=4), *seen}
    assert all(form(str(uuid.UUID(text))) == text for text in new)
    # Rows that were drawn with a seed, and fitted again: the same seed gives others.
    assert not set(new) & set(Identifier.of(series(new)).anew(50, seed=3))


@pytest.mark.parametrize(
    "column",
    [
        series(np.arange(N) * 2),  # whole numbers that are not counted through
        series(np.arange(N) / 1.0, name="id"),  # floats are numbers
        series([1, 1, *range(2, N)], name="id"),  # twice
        series([1, 2, None], name="id", dtype="Int64"),  # a hole
        series([f"C-{i}" for i in range(8)]),  # few, without a name
        series([f"C-{i // 2}" for i in range(N)]),
        series([f"C-{i}" for i in range(N)], dtype="category"),  # as asked for
        series([f"it came on day {i} of {i + 1} days, too late" for i in range(N)]),
        series([f"{chr(65 + i % 26)}{chr(65 + i // 26)}{i}" for i in range(N)]),  # N prefixes
        series([f"{i / 100:.2f}" for i in range(N)]),
        series([f"2024-{i % 12 + 1:02d}-{i // 12 + 1:02d}" for i in range(N)]),
        series([*uuids()[:-1], "none"]),
        series([True, False], name="id"),
        series([[1], [2]], name="id"),
    ],
)
def test_what_is_no_identifier(column):
    assert Identifier.of(column) is None


def table(seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, N),
            "customer": [f"C-{i:05d}" for i in rng.permutation(N)],
            "city": rng.choice(["Bern", "Basel"], N),
            "id": np.arange(100, 100 + N, dtype=np.int32),
            "token": pd.Series(uuids(), dtype="string"),
        }
    )


def test_a_sample_has_new_identifiers_in_their_place(tmp_path):
    frame = table()
    with pytest.warns(DataWarning, match="numbered anew.*'customer', 'id', 'token'"):
        sampler = pf.Gaussian(random_state=0).fit(frame)
    drawn = sampler.sample(90, random_state=1)
    assert drawn.dtypes.to_dict() == frame.dtypes.to_dict()
    assert list(drawn) == list(frame)
    assert drawn["id"].tolist() == list(range(140, 230))
    assert drawn["customer"].iloc[0] == "C-00040"
    for name in ("customer", "id", "token"):
        assert drawn[name].is_unique
        assert not set(drawn[name]) & set(frame[name])
    pd.testing.assert_frame_equal(sampler.sample(90, random_state=1), drawn)
    other = sampler.sample(90, random_state=2)
    assert not set(other["token"]) & set(drawn["token"])
    assert sampler.encoding_.width == 3
    loaded = pf.load_model(sampler.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(loaded.sample(90, random_state=1), drawn)


@pytest.mark.filterwarnings("ignore::pushforward.errors.DataWarning")
def test_identifiers_are_left_out_of_what_is_compared():
    frame = table()
    drawn = pf.Gaussian(random_state=0).fit(frame).sample(N, random_state=0)
    learnt = ["age", "city"]
    whole, part = pf.evaluate(frame, drawn), pf.evaluate(frame[learnt], drawn[learnt])
    assert whole["frechet"].value == part["frechet"].value
    kept, notes = choose_columns(frame)
    assert list(kept) == learnt
    assert [note.split("'")[1] for note in notes] == ["customer", "id", "token"]
    # A row to encode needs no identifier.
    Z = Encoding().fit(frame).transform(frame[learnt])
    np.testing.assert_array_equal(Z, Encoding().fit(frame[learnt]).transform(frame))


def test_a_type_that_ends_before_the_new_numbers_is_told():
    frame = pd.DataFrame({"id": np.arange(100, 121, dtype="int8"), "x": np.arange(21) / 7})
    with pytest.warns(DataWarning, match="numbered anew"):
        encoding = Encoding().fit(frame)
    Z = encoding.transform(frame)
    assert encoding.inverse_transform(Z[:7])["id"].tolist() == list(range(121, 128))
    with pytest.raises(InputError, match=r"at most 7 new identifiers after 120.*int8 ends at 127"):
        encoding.inverse_transform(Z[:8])
    assert encoding.snap(Z).shape == Z.shape  # what numbers no rows is free to go on


def test_what_is_read_from_a_file_is_checked():
    state = vars(Identifier.of(series([f"C-{i:05d}" for i in range(N)])))
    assert Identifier.from_dict(state).anew(1, seed=0) == ["C-00040"]
    for wrong in ({"digits": 10**9}, {"form": "x"}, {"first": [1.5]}, {"rows": [0]}):
        with pytest.raises(FileError, match="the form of identifiers"):
            Identifier.from_dict(state | wrong)
