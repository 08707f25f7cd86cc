"""The command line as a user meets it: in a process, or called in this one where that is enough."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from torch import nn

from pushforward.data.files import read_provenance
from pushforward.data.glyphs import glyphs
from pushforward.evaluation.classifier import ClassifierFeatures
from pushforward.models.super_resolution import SuperResolution

COMMAND = [sys.executable, "-m", "pushforward.cli"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def people():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, 150),
            "income": rng.lognormal(10, 1, 150).round(2),
            "city": rng.choice(["Bern", "Basel"], 150),
            "person_id": np.arange(150),
        }
    )
    frame.loc[::9, "income"] = np.nan
    frame.to_csv("people.csv", index=False)
    return frame


def small_fit(run, method="vae", data="digits", *options):
    return run("fit", data, "--method", method, "--set", "max_rounds=30", "--out", "m", *options)


def test_every_help_shows_an_example(run):
    for command in ("methods", "fit", "sample", "evaluate", "compare", "report"):
        code, out, _ = run(command, "--help")
        assert code == 0
        assert f"Example: pushforward {command}" in " ".join(out.split())


def test_help_lists_what_most_need_first_and_cuts_no_sentence(run):
    _, out, _ = run("--help")
    lines = out.split("Commands:")[1].strip().splitlines()
    assert [line.split()[0] for line in lines][:3] == ["compare", "fit", "sample"]
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)
    _, out, _ = run("compare", "--help")
    assert "list[str]" not in out
    assert "--budget SECONDS" in out


@pytest.mark.usefixtures("people")
def test_a_column_that_is_left_out_is_named_once(run):
    code, out, err = run("evaluate", "people.csv", "people.csv")
    assert code == 0
    assert err.count("person_id") == 1
    assert "Generated rows lie nearer to real ones than real rows would: the nearest row" in out


def test_methods_lists_the_registry(run):
    code, out, _ = run("methods")
    assert code == 0
    assert "kernel-density" in out
    assert "arXiv:1406.2661" in out
    assert run("methods", "--picture", "landscape.png")[0] == 0
    assert min(Image.open("landscape.png").size) > 300


def test_fit_sample_evaluate(run):
    code, out, _ = small_fit(run, "vae", "digits", "--seed", 1)
    assert (code, out) == (0, "m (seed 1)\n")
    for name in ("a.npz", "b.npz"):
        assert run("sample", "m", "-n", 300, "--out", name, "--seed", 5)[0] == 0
    a, b = (np.load(name)["X"] for name in ("a.npz", "b.npz"))
    assert np.array_equal(a, b)
    provenance = read_provenance("a.npz")
    assert (provenance["method"], provenance["seed"], provenance["generated"]) == ("vae", 5, True)
    assert run("sample", "m", "-n", 9, "--out", "grid.png")[0] == 0
    assert read_provenance("grid.png")["method"] == "vae"
    code, out, _ = run("evaluate", "digits", "a.npz")
    assert code == 0
    assert "nn_fake" in out
    code, out, err = run("evaluate", "digits", "a.npz", "--train", "digits", "--json")
    assert (code, err) == (0, "")
    scores = json.loads(out)
    assert scores["frechet"]["features"] == "pixels"
    assert 0 <= scores["copies"]["value"] <= 1


@pytest.mark.filterwarnings("always:Nearly all real rows")
@pytest.mark.filterwarnings("always:not learnt but numbered anew")
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_comes_back_with_its_columns(run, people, suffix):
    code, _, err = run("fit", "people.csv", "--method", "gaussian", "--out", "m")
    assert code == 0
    assert "numbered anew, as it names the rows: column 'person_id'" in err
    assert run("sample", "m", "-n", 80, "--out", f"new.{suffix}")[0] == 0
    new = pd.read_csv("new.csv") if suffix == "csv" else pd.read_parquet("new.parquet")
    assert list(new.columns) == list(people.columns)
    assert new["person_id"].tolist() == list(range(150, 230))
    assert new["income"].isna().any()
    assert new["age"].dtype == people["age"].dtype
    assert read_provenance(f"new.{suffix}")["generated"] is True
    assert run("evaluate", "people.csv", f"new.{suffix}", "--train", "people.csv")[0] == 0


@pytest.mark.filterwarnings("always")
def test_drop_category_and_label(run, people):  # noqa: ARG001
    options = ("--drop", "city", "--as-category", "person_id", "--label", "age")
    code, _, err = run("fit", "people.csv", "--method", "copycat", "--out", "m", *options)
    assert code == 0
    assert "'age' is learnt as one more category" in err
    assert "contains training rows" in err
    run("sample", "m", "-n", 5, "--out", "new.csv")
    assert list(pd.read_csv("new.csv").columns) == ["age", "income", "person_id"]


@pytest.mark.filterwarnings("always")
def test_a_model_that_draws_by_label_writes_the_labels_beside_the_rows(run, people):
    few = ("--method", "conditional-vae", "--set", "max_rounds=20")
    code, _, err = run("fit", "people.csv", *few, "--out", "m")
    assert code == 2
    assert "name their column, --label COL" in err
    assert run("fit", "people.csv", *few, "--label", "city", "--out", "m")[0] == 0
    city = people["city"].iloc[0]
    assert run("sample", "m", "-n", 5, "--given", city, "--out", "new.csv")[0] == 0
    new = pd.read_csv("new.csv")
    assert list(new.columns) == ["age", "income", "person_id", "city"]
    assert set(new["city"]) == {city}
    assert read_provenance("new.csv")["given"] == [city]
    code, _, err = run("sample", "m", "--given", "city=Nowhere", "--out", "new.csv")
    assert code == 2
    assert "'Nowhere' was not seen in training" in err
    both = ("--label", "city", "--label", "age")
    assert run("fit", "people.csv", *few, *both, "--out", "m2")[0] == 0
    age = int(people["age"].median())
    given = ("--given", f"city={city}", "--given", f"age={age}")
    assert run("sample", "m2", "-n", 5, *given, "--out", "new.npz")[0] == 0
    with np.load("new.npz") as file:
        assert file["y"].shape == (5, 2)
    twice = ("--given", "age=30", "--given", "age=40")
    code, _, err = run("sample", "m2", *twice, "--out", "new.csv")
    assert code == 2
    assert "names 'age' twice" in err
    run("fit", "people.csv", "--method", "gaussian", "--out", "g")
    code, _, err = run("sample", "g", "--given", "3", "--out", "new.csv")
    assert code == 2
    assert "does not draw by label" in err


@pytest.mark.filterwarnings("always")
def test_conditions_on_columns_are_said_in_text(run, people):
    run("fit", "people.csv", "--method", "kernel-density", "--out", "m")
    city = people["city"].iloc[0]
    given = ("--given", f"city={city}|Nowhere", "--given", "age=30..40")
    code, _, err = run("sample", "m", *given, "--out", "new.csv")
    assert code == 2
    assert "'Nowhere' was not seen in training" in err
    given = ("--given", f"city={city}", "--given", "age=30..40", "--given", "income=missing")
    code, _, err = run("sample", "m", "-n", 20, *given, "--seed", "1", "--out", "new.csv")
    assert code == 0
    new = pd.read_csv("new.csv")
    assert set(new["city"]) == {city}
    assert new["age"].between(30, 40).all()
    assert new["income"].isna().all()
    told = read_provenance("new.csv")
    assert told["given"] == [f"city={city}", "age=30..40", "income=missing"]
    assert told["acceptance"]["accepted"] <= told["acceptance"]["drawn"]
    run("fit", "people.csv", "--method", "copycat", "--out", "c")
    code, _, err = run(
        "sample", "c", "-n", 10**6, "--given", "age=30", "--budget", "0.2", "--out", "x.csv"
    )
    assert code == 2
    assert "the budget is 0.2 s" in err
    assert not Path("x.csv").exists()


@pytest.mark.filterwarnings("always")
def test_two_sets_of_rows_are_translated_both_ways(run):
    rng = np.random.default_rng(0)
    a = pd.DataFrame(rng.normal(size=(60, 2)), columns=["u", "v"])
    a.assign(name=[f"n{i}" for i in range(60)]).to_csv("a.csv", index=False)  # left out, as text
    np.save("b.npy", rng.uniform(size=(50, 3)))
    few = ("--method", "cycle-gan", "--set", "max_rounds=10", "--set", "hidden=8,", "--out", "m")
    code, _, err = run("fit", "a.csv", *few)
    assert code == 2
    assert "name the second, --other DATA_B" in err
    assert run("fit", "a.csv", *few, "--other", "b.npy")[0] == 0
    code, _, err = run("translate", "m", "a.csv", "--to", "b", "--out", "to_b.csv")
    assert code == 0, err
    assert pd.read_csv("to_b.csv").shape == (60, 3)
    assert run("translate", "m", "b.npy", "--to", "a", "--out", "to_a.csv")[0] == 0
    assert list(pd.read_csv("to_a.csv").columns) == ["u", "v"]
    assert read_provenance("to_a.csv")["to"] == "a"
    assert run("sample", "m", "-n", 4, "--out", "new.csv")[0] == 0
    assert pd.read_csv("new.csv").shape == (4, 3)
    code, _, err = run("translate", "m", "a.csv", "--to", "c", "--out", "x.csv")
    assert code == 2
    code, _, err = run("fit", "a.csv", "--method", "vae", "--other", "b.npy", "--out", "v")
    assert code == 2
    assert "leave out --other" in err


@pytest.mark.filterwarnings("always")
def test_small_images_are_upscaled(run):
    images = np.random.default_rng(0).random((20, 16, 16)).astype(np.float32)
    np.save("large.npy", images)
    np.save("small.npy", images.reshape(20, 4, 4, 4, 4).mean((2, 4)))
    options = ("width=2", "blocks=1", "max_rounds=5", "factor=4")
    few = ("--method", "super-resolution", *(a for o in options for a in ("--set", o)))
    assert run("fit", "large.npy", *few, "--out", "m")[0] == 0
    assert run("upscale", "m", "small.npy", "--out", "again.npy")[0] == 0
    assert np.load("again.npy").shape == (20, 16, 16)
    assert read_provenance("again.npy")["method"] == "super-resolution"
    assert run("upscale", "m", "small.npy", "--out", "again/")[0] == 0
    assert len(list(Path("again").glob("*.png"))) == 20
    by = SuperResolution(width=2, blocks=1, max_rounds=5, features=nn.Conv2d(1, 2, 3))
    by.fit(images).save("f")
    assert run("upscale", "f", "small.npy", "--out", "new.npy")[0] == 0
    assert run("sample", "f", "-n", 3, "--out", "new.npy")[0] == 0
    assert np.load("new.npy").shape == (3, 16, 16)
    code, _, err = run("upscale", "m", "large.npy", "--out", "x.npy")
    assert code == 2
    assert "expected images of 4×4 pixels" in err
    code, _, err = run("upscale", "m", "wine", "--out", "x.npy")
    assert code == 2
    assert "expected images, wine has rows of 14 columns" in err
    run("fit", "wine", "--method", "gaussian", "--out", "g")
    code, _, err = run("upscale", "g", "small.npy", "--out", "x.npy")
    assert code == 2
    assert "does not upscale" in err


@pytest.mark.filterwarnings("always")
def test_images_of_two_folders_are_swapped_both_ways(run):
    rng = np.random.default_rng(0)
    for folder, side in (("a", 16), ("b", 16), ("larger", 20)):
        Path(folder).mkdir()
        for k in range(12):
            picture = rng.integers(0, 256, size=(side, side, 3), dtype=np.uint8)
            Image.fromarray(picture).save(f"{folder}/{k}.png")
    tiny = ("--set", "width=2", "--set", "latent_dim=4", "--set", "max_rounds=4")
    few = ("--method", "shared-autoencoder", *tiny, "--out", "m")
    code, _, err = run("fit", "a", "--other", "larger", *few)
    assert code == 2
    assert "two sets of images of one size" in err
    assert run("fit", "a", "--other", "b", *few)[0] == 0
    assert run("swap", "m", "a", "--to", "b", "--out", "swapped/")[0] == 0
    assert run("swap", "m", "b", "--to", "a", "--out", "back/")[0] == 0
    for folder in ("swapped", "back"):
        files = sorted(Path(folder).glob("*.png"))
        assert len(files) == 12
        assert all(Image.open(file).size == (16, 16) for file in files)
        assert all(read_provenance(file)["generated"] for file in files)
    code, _, err = run("swap", "m", "a", "--to", "c", "--out", "x/")
    assert code == 2
    assert "expected to among 'b', 'a', got 'c'" in err
    code, _, err = run("swap", "m", "larger", "--out", "x/")
    assert code == 2
    assert "expected images of shape (16, 16, 3)" in err


def test_compare_writes_one_report_and_goes_on(run, people):  # noqa: ARG001
    arguments = ("compare", "people.csv", "--methods", "gaussian,copycat", "--repeats", 1)
    code, out, err = run(*arguments, "--jobs", 1, "--out", "r")
    assert code == 0
    assert "COPYING" in out
    assert "Nearest to the real rows: gaussian" in out
    assert "left out" in err
    page = Path("r/report.html").read_bytes()
    assert 10_000 < len(page) < 5_000_000
    before = Path("r/results.jsonl").read_bytes()
    assert run(*arguments, "--jobs", 1, "--out", "r")[0] == 0
    assert Path("r/results.jsonl").read_bytes() == before
    Path("r/report.html").unlink()
    assert run("report", "r")[0] == 0
    assert Path("r/report.html").read_bytes() == page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "digits", "--method", "vea"], "did you mean 'vae'"),
        (["fit", "digits", "--method", "gan", "--set", "lr=1"], "gan has no option 'lr'; it has"),
        (["fit", "digits", "--method", "gan", "--set", "lr"], "expected --set key=value"),
        (["fit", "digits"], "Missing option '--method'"),
        (["fit", "nowhere.csv", "--method", "gan"], "neither a file nor the name"),
        (["fit", "empty.csv", "--method", "gan"], "the file is empty"),
        (["fit", "ragged.csv", "--method", "gan"], "line 3 has 3 fields, expected 2"),
        (["fit", "infinite.csv", "--method", "gan"], "1 infinite values in 'a'"),
        (["fit", "one.csv", "--method", "gan"], "at least two"),
        (
            ["fit", "wine", "--method", "vae", "--set", "latent_dim=500"],
            "rows as latent dimensions",
        ),
        (["fit", "digits", "--method", "gan", "--set", "device=cuda:9"], "expected a device among"),
        (["fit", "wine", "--method", "gan", "--label", "x"], "no column is called 'x'"),
        (["fit", "wine", "--method", "autoencoder", "--set", "linear=maybe"], "True or False"),
        (["fit", "wine", "--method", "mixture", "--set", "n_components=a"], "n_components between"),
        (["fit", "wine", "--method", "kernel-density", "--set", "bandwidth=a"], "bandwidth"),
        (["fit", "wine", "--method", "autoencoder", "--set", "density=a"], "density to be a"),
        (["sample", "nowhere", "--out", "a.csv"], "expected a model folder"),
        (["compare", "digits", "--jobs", "0"], "jobs to be a whole number above 0"),
        (["compare", "digits", "--methods", "gan,x"], "there is no method 'x'"),
        (["compare", "digits", "--repeats", "0"], "repeats to be a whole number above 0"),
        (["compare", "tiny.csv", "--jobs", "1"], "too few for train, validation and test"),
        (["evaluate", "infinite.csv", "one.csv"], "infinite"),
        (["evaluate", "ok.csv", "other.csv"], "columns"),
        (["report", "."], "holds no run"),
        (["paint"], "No such command"),
    ],
)
def test_a_mistake_is_told_in_three_lines_at_most(run, arguments, words):
    Path("empty.csv").write_text("")
    Path("ragged.csv").write_text("a,b\n1,2\n1,2,3\n")
    Path("infinite.csv").write_text("a,b\n1,2\ninf,2\n3,4\n")
    Path("one.csv").write_text("a,b\n1.5,2\n")
    Path("tiny.csv").write_text("a,b\n1.5,2\n2.5,4\n3.5,1\n")
    Path("ok.csv").write_text("a,b\n1.5,2\n2.5,4\n3.5,1\n")
    Path("other.csv").write_text("a,c\n1.5,2\n2.5,4\n3.5,1\n")
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert words in err
    assert 1 <= len(err.strip().split("\n")) <= 3
    assert "Traceback" not in err


def test_debug_shows_the_traceback(run):
    code, _, err = run("sample", "nowhere", "--out", "a.csv", "--debug")
    assert code == 2
    assert "Traceback" in err


def test_nothing_is_overwritten(run):
    Path("m").mkdir()
    Path("m/chapter.tex").write_text("precious")
    code, _, err = small_fit(run)
    assert code == 2
    assert "is there already" in err
    assert Path("m/chapter.tex").read_text() == "precious"
    small_fit(run, "vae", "digits", "--out", "n")
    Path("new.csv").write_text("old")
    for n in (0, -4):
        code, _, err = run("sample", "n", "-n", n, "--out", "new.csv")
        assert code == 2
        assert "at least 1" in err
    assert run("sample", "n", "--out", "new.docx")[0] == 2
    assert Path("new.csv").read_text() == "old"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_an_unwritable_folder_is_told(run):
    Path("locked").mkdir(mode=0o500)
    code, _, err = small_fit(run, "vae", "digits", "--out", "locked/m")
    assert code == 2
    assert "cannot be written" in err


def test_a_full_disk_is_told_and_nothing_is_left(run, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = run("fit", "wine", "--method", "gaussian", "--out", "m")
    assert code == 2
    assert "free some space" in err
    assert not Path("m").exists()


def test_a_run_whose_work_failed_exits_with_one(run, monkeypatch):
    from pushforward.classical.gaussian import Gaussian
    from pushforward.errors import Diverged

    def diverge(*_, **__):
        raise Diverged("training diverged")

    monkeypatch.setattr(Gaussian, "_fit", diverge)
    assert run("fit", "wine", "--method", "gaussian", "--out", "m")[0] == 1
    options = ("--methods", "gaussian", "--repeats", 1, "--jobs", 1, "--out", "r")
    code, out, _ = run("compare", "wine", *options)
    assert code == 1
    assert "DIVERGED" in out
    assert Path("r/report.html").exists()


def test_interrupted_compare_keeps_its_rows_and_writes_the_report():
    arguments = ["compare", "ring", "--methods", "gaussian,gan", "--repeats", "2", "--out", "r"]
    process = subprocess.Popen(
        COMMAND + arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    results = Path("r/results.jsonl")
    for _ in range(900):  # the machine may be busy
        time.sleep(0.1)
        if results.exists() and results.read_text().count("\n") >= 2:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "the same command goes on with what was saved" in err
    assert "Traceback" not in err
    assert "report: r/report.html" in out
    assert results.read_text().count("\n") >= 2
    assert Path("r/report.html").exists()


def test_progress_is_silent_when_not_a_terminal():
    arguments = ["compare", "wine", "--methods", "gaussian", "--repeats", "1", "--jobs", "1"]
    arguments += ["--out", "r"]
    done = subprocess.run(COMMAND + arguments, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_path_through_a_file_is_told(run):
    Path("file").write_text("precious")
    code, _, err = run("fit", "wine", "--method", "gaussian", "--out", "file/m")
    assert code == 2
    assert "file" in err
    assert "Traceback" not in err
    assert Path("file").read_text() == "precious"


def test_an_interrupted_fit_goes_on(run):
    arguments = ["fit", "wine", "--method", "gan", "--out", "m"]
    arguments += ["--set", "max_rounds=4000", "--set", "patience=4000", "--set", "hidden=8,8"]
    often = os.environ | {"PUSHFORWARD_SAVE_SECONDS": "0.2"}
    process = subprocess.Popen(COMMAND + arguments, stderr=subprocess.PIPE, env=often)
    checkpoint = Path("m.checkpoint")
    for _ in range(900):  # the machine may be busy
        time.sleep(0.1)
        if checkpoint.exists():
            break
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 143
    first, second = err.decode().splitlines()
    assert first.startswith("asked to end: finishing the round and saving")
    assert second == "interrupted; the same command goes on with what was saved"
    assert checkpoint.exists()
    assert not Path("m").exists()
    assert run(*arguments)[0] == 0
    assert [path.name for path in Path().iterdir()] == ["m"]
    assert Path("m/model.json").exists()


MODULE = """
import numpy as np

def log_prob(x):
    return -0.5 * ((x - 5.0) ** 2).sum(1)

def quantile(u):
    return -np.log1p(-u)

constant = 3
"""


@pytest.fixture
def module():
    """A module of the user's, in the folder that the command is called in."""
    Path("mylaw.py").write_text(MODULE)
    yield "mylaw"
    sys.modules.pop("mylaw", None)


@pytest.mark.parametrize(
    ("method", "options", "mean"),
    [
        ("metropolis-hastings", ("--density", "mylaw:log_prob", "--set", "n_features=2"), 5.0),
        ("inverse-transform", ("--quantile", "mylaw:quantile"), 1.0),
    ],
)
@pytest.mark.usefixtures("module")
def test_a_function_gives_the_law(run, method, options, mean):
    code, out, err = run("fit", "--method", method, *options, "--seed", 0, "--out", "m")
    assert code == 0, err
    assert out.endswith("m (seed 0)\n")
    assert "mylaw" not in (Path("m") / "model.json").read_text().split('"about"')[0]
    code, _, err = run("sample", "m", "--out", "new.npy", "--seed", 1)
    assert code == 2
    assert f"hand it in again: {options[0]} module:function" in err
    drawn = ("sample", "m", "-n", 2000, "--out", "new.npy", "--seed", 1, *options[:2])
    assert run(*drawn)[0] == 0
    assert np.load("new.npy").mean() == pytest.approx(mean, abs=0.15)


def test_rows_are_where_chains_start(run, module):
    starts = pd.DataFrame({"a": [3.0, 4.0, 6.0, 7.0], "b": [5.0, 5.5, 3.0, 7.0]})
    starts.to_csv("starts.csv", index=False)
    options = ("--density", f"{module}:log_prob", "--set", "n_chains=4", "--out", "m")
    method = ("--method", "metropolis-hastings", "--traces", "traces.png", "--seed", 0)
    code, out, err = run("fit", "starts.csv", *method, *options)
    assert code == 0, err
    assert "r_hat" in out
    assert min(Image.open("traces.png").size) > 300
    code, _, err = run("fit", "digits", "--method", "vae", "--traces", "traces.png")
    assert code == 2
    assert "vae has none" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--density", "mylaw:nothing"), "no 'nothing' in mylaw"),
        (("--density", "mylaw:constant"), "expected a function"),
        (("--density", "mylaw"), "MODULE:FUNCTION"),
        (("--density", "absent_module:f"), "cannot import 'absent_module'"),
        (("--quantile", "mylaw:quantile"), "takes no function of this kind"),
        ((), "expected DATA"),
    ],
)
@pytest.mark.usefixtures("module")
def test_a_function_that_cannot_be_used_is_told_in_words(run, options, said):
    code, _, err = run("fit", "--method", "metropolis-hastings", *options)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_evaluate_by_named_features_and_thoroughly(run):
    rng = np.random.default_rng(0)
    for name in ("real.npy", "fake.npy"):
        np.save(name, rng.normal(size=(80, 6)))
    code, out, _ = run(
        "evaluate", "real.npy", "fake.npy", "--features", "pca:2", "--thorough", "--json"
    )
    assert code == 0
    found = json.loads(out)
    assert "2" in found["frechet"]["features"]
    assert found["mmd"]["p_value"] > 0.001
    code, _, err = run("evaluate", "real.npy", "fake.npy", "--features", "inception:none.pth")
    assert code == 2
    assert "Traceback" not in err
    np.save("wide.npy", np.load("fake.npy")[:, [*range(6), 0]])
    code, _, err = run("evaluate", "real.npy", "wide.npy")
    assert (code, "note: wide: not compared" in err, "'x6'" in err) == (0, True, True)
    code, _, err = run("evaluate", "real.npy", "fake.npy", "--features", "pixel")
    assert code == 2
    assert "expected features named" in err


def test_images_are_scored_by_the_features_of_a_saved_classifier(run):
    drawn = glyphs(120, size=8, characters="AO", seed=0)
    images = np.asarray(drawn.X).reshape(-1, 8, 8)
    ClassifierFeatures.fit(images, drawn.y, "letters").save("classifier")
    np.save("real.npy", images[:60])
    np.save("fake.npy", images[60:])
    code, out, _ = run("evaluate", "real.npy", "fake.npy", "--features", "classifier", "--json")
    assert code == 0
    assert json.loads(out)["frechet"]["features"].startswith("classifier of letters")
