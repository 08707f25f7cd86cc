"""inspect, detect and copies as a user meets them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import pushforward as pf
from pushforward.data.files import read_provenance
from pushforward.errors import DataWarning
from pushforward.evaluation import detection


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def quick(monkeypatch):
    """Without the voters that take long."""
    monkeypatch.setattr(detection, "VOTERS", detection.VOTERS[:2])


@pytest.fixture
def people():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": rng.normal(40, 9, 150).round(2),
            "income": rng.lognormal(10, 1, 150).round(2),
            "city": rng.choice(["Bern", "Basel"], 150),
        }
    )
    table[:100].to_csv("train.csv", index=False)
    table[100:].to_csv("held.csv", index=False)
    return table


def test_copies_of_a_table_are_listed_beside_the_rows_that_they_copy(run, people):
    people[20:40].to_csv("new.csv", index=False)
    code, out, _ = run("copies", "train.csv", "new.csv", "--held-out", "held.csv", "--out", "c.csv")
    assert code == 0
    assert "20 of 20 generated rows (100.0%) copy a training row" in out
    assert "training rows are given away" in out
    assert str(people["income"][20]) in out
    assert sorted(pd.read_csv("c.csv")["training"]) == list(range(20, 40))
    code, out, _ = run("copies", "train.csv", "new.csv", "--json")
    assert json.loads(out)["copying"] is True
    code, out, err = run("copies", "train.csv", "new.csv", "--out", "c.png")
    assert code == 2
    assert "has no images to draw" in err


def test_copies_of_images_are_drawn_and_the_picture_says_what_it_shows(run):
    images = np.random.default_rng(0).random((40, 16, 16))
    np.save("train.npy", images)
    np.save("new.npy", images[5:11])
    code, out, _ = run("copies", "train.npy", "new.npy", "--out", "copies.png")
    assert code == 0
    assert "generated row 0, training row 5" in out
    assert "no row is one that the model has not seen" in out
    assert Image.open("copies.png").size[0] > 500
    assert "may show generated samples" in run("inspect", "copies.png")[1]


def test_detect_writes_a_probability_for_each_row(run, people, quick):  # noqa: ARG001
    other = people.assign(age=people["age"] + 60)[:60]
    other.to_csv("new.csv", index=False)
    code, out, _ = run("detect", "held.csv", "new.csv", "--out", "p.csv")
    assert code == 0
    assert "told from real ones: 100.0% right" in out
    assert "no detector of generated data in general" in out
    written = pd.read_csv("p.csv").groupby("set")["probability_generated"]
    assert written.size().to_dict() == {"real": 50, "suspect": 60}
    assert written.min()["suspect"] > written.max()["real"]
    _, out, _ = run("detect", "held.csv", "train.csv", "--known", "new.csv", "--json")
    said = json.loads(out)
    assert said["share"] < 0.1
    assert "limits" in said
    assert run("detect", "held.csv", "new.csv", "--out", "p.txt")[0] == 2


def test_a_model_is_followed_from_fit_to_file(run, people):  # noqa: ARG001
    assert run("fit", "train.csv", "--method", "gaussian", "--seed", 0, "--out", "model")[0] == 0
    assert run("sample", "model", "-n", 30, "--out", "new.parquet", "--seed", 1)[0] == 0
    said = json.loads(run("inspect", "new.parquet", "--json")[1])["says"]
    out = run("inspect", "model")[1]
    assert said["model"][:12] in out
    assert "Its card: model/CARD.md" in out
    card = Path("model/CARD.md").read_text()
    assert "train" in card
    assert "city: 2 categories" in card
    assert "Bern" not in card
    assert run("inspect", "nowhere")[0] == 2
    assert "which proves nothing" in run("inspect", "held.csv")[1]


def test_sample_rejects_copies_of_rows_that_are_handed_in(run, people):
    numbers = people[["age", "income"]][:100]
    with pytest.warns(DataWarning):
        pf.KernelDensity(bandwidth=0.03, random_state=0).fit(numbers).save("model")
    draw = ("sample", "model", "-n", 30, "--seed", 1)
    assert run(*draw, "--out", "plain.csv")[0] == 0
    code, _, err = run(*draw, "--out", "new.csv", "--reject-copies", "train.csv")
    assert code == 0
    assert "draws copied a training row and were drawn again" in err
    said = read_provenance("new.csv")["copies"]
    assert said["copied"] > 0
    assert said["rejected"] == "train.csv"
    listed = [len(pf.copies(numbers, pd.read_csv(name)).found) for name in ("plain.csv", "new.csv")]
    assert listed[0] > 0
    assert listed[1] == 0
