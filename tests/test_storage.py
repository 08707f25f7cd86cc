"""Model folders: what is damaged, truncated, foreign or too new is told in words."""

import json
import subprocess
import sys

import numpy as np
import pytest

import pushforward as pf
from helpers import tiny
from pushforward.errors import FileError, InputError
from pushforward.storage import pack, read_file, unpack, write_file


@pytest.fixture
def model(tmp_path):
    X = np.random.default_rng(0).normal(size=(30, 2))
    return tiny("vae", random_state=0).fit(X).save(tmp_path / "model")


def test_trees_come_back():
    tree = {
        "a": [1, None, {"b": np.arange(3)}],
        "c": "text",
        "d": np.float64(0.1),
        "e": np.array(2),
    }
    back = unpack(*pack(tree))
    assert back["a"][:2] == [1, None]
    assert np.array_equal(back["a"][2]["b"], np.arange(3))
    assert back["d"] == 0.1
    assert back["e"].shape == ()


def test_arrays_under_keys_with_dots_stay_apart():
    tree = {"a": {"b": np.zeros(2)}, "a.b": np.ones(3), "a.b'": np.full(1, 2.0)}
    back = unpack(*pack(tree))
    assert np.array_equal(back["a"]["b"], np.zeros(2))
    assert np.array_equal(back["a.b"], np.ones(3))
    assert np.array_equal(back["a.b'"], np.full(1, 2.0))


def test_a_file_holds_a_tree(tmp_path):
    write_file(tmp_path / "state", {"round": 3, "w": np.ones((2, 2), np.float32)})
    state = read_file(tmp_path / "state")
    assert state["round"] == 3
    assert state["w"].dtype == np.float32
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:-5])
    with pytest.raises(FileError, match=r"is damaged .its checksum is another"):
        read_file(tmp_path / "state")


def test_missing(tmp_path):
    with pytest.raises(FileError, match="there is none"):
        pf.load_model(tmp_path / "nowhere")


def test_foreign(tmp_path):
    with pytest.raises(FileError, match=r"no model\.json"):
        pf.load_model(tmp_path)
    (tmp_path / "model.json").write_text('{"architectures": ["Bert"]}')
    with pytest.raises(FileError, match="not written by pushforward"):
        pf.load_model(tmp_path)


def test_truncated_weights(model):
    weights = model / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(FileError, match="truncated: expected"):
        pf.load_model(model)


def test_damaged_weights(model):
    weights = model / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(FileError, match="checksum"):
        pf.load_model(model)


def test_missing_weights(model):
    (model / "weights.safetensors").unlink()
    with pytest.raises(FileError, match=r"incomplete: .*weights\.safetensors is missing"):
        pf.load_model(model)


def test_damaged_description(model):
    text = (model / "model.json").read_text()
    (model / "model.json").write_text(text[: len(text) // 2])
    with pytest.raises(FileError, match="damaged"):
        pf.load_model(model)


@pytest.mark.parametrize("lacking", ["weights", "state"])
def test_description_without_a_part(model, lacking):
    description = json.loads((model / "model.json").read_text())
    del description[lacking]
    (model / "model.json").write_text(json.dumps(description))
    with pytest.raises(FileError, match="damaged"):
        pf.load_model(model)


def test_newer_format(model):
    description = json.loads((model / "model.json").read_text())
    description |= {"format_version": 99, "version": "9.0"}
    (model / "model.json").write_text(json.dumps(description))
    with pytest.raises(FileError, match=r"reads up to \d; upgrade pushforward .*9\.0"):
        pf.load_model(model)


def test_unknown_class(model):
    description = json.loads((model / "model.json").read_text())
    description["class"] = "os.system"
    (model / "model.json").write_text(json.dumps(description))
    with pytest.raises(InputError, match="not known here"):
        pf.load_model(model)


def test_saving_replaces_a_model_and_nothing_else(model, tmp_path):
    sampler = pf.load_model(model)
    sampler.save(model)
    written = sorted(p.name for p in model.iterdir())
    assert written == ["CARD.md", "model.json", "weights.safetensors"]
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").write_text("precious")
    with pytest.raises(FileError, match="something else is there"):
        sampler.save(other)
    assert (other / "chapter.tex").read_text() == "precious"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_failed_save_leaves_the_old_model(model, monkeypatch):
    sampler = pf.load_model(model)
    before = (model / "model.json").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match="free some space"):
        sampler.save(model)
    monkeypatch.undo()
    assert (model / "model.json").read_bytes() == before
    assert [p.name for p in model.parent.iterdir()] == ["model"]
    assert pf.load_model(model).sample(2, random_state=0).shape == (2, 2)


def test_a_fresh_process_draws_the_same(model):
    here = pf.load_model(model).sample(4, random_state=7)
    code = (
        "import sys, pushforward as pf; "
        "print(pf.load_model(sys.argv[1]).sample(4, random_state=7).tolist())"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(model)], capture_output=True, text=True, check=True
    )
    assert np.array_equal(np.array(json.loads(out.stdout)), here)


@pytest.mark.parametrize("key", ["class", "parameters", "state"])
def test_a_description_that_lacks_a_key_is_damaged(model, key):
    description = json.loads((model / "model.json").read_text())
    del description[key]
    (model / "model.json").write_text(json.dumps(description))
    with pytest.raises(FileError, match="damaged"):
        pf.load_model(model)


@pytest.mark.parametrize(
    "change", [{"hidden": [7]}, {"no_such_option": 1}, {"latent_dim": "two"}], ids=str
)
def test_a_description_that_does_not_fit_the_weights_is_told(model, change):
    description = json.loads((model / "model.json").read_text())
    description["parameters"] |= change
    (model / "model.json").write_text(json.dumps(description))
    with pytest.raises((FileError, InputError)):
        pf.load_model(model)


@pytest.mark.parametrize("names", ["price", {"price": 0}, [1, 2], 3])
def test_names_of_features_are_a_list_of_words(model, names):
    description = json.loads((model / "model.json").read_text())
    description["state"]["feature_names_in"] = names
    (model / "model.json").write_text(json.dumps(description))
    with pytest.raises(FileError, match=r"damaged|names of features"):
        pf.load_model(model)
