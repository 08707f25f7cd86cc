"""Reports from small run folders made here: finished, partly failed, interrupted, empty."""

import json
import re
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from pushforward.data.files import write_samples
from pushforward.errors import FileError
from pushforward.inspection import inspect
from pushforward.report.html import write_report
from studies import score as any_score

VOID = {"meta", "img", "br", "link", "hr", "input"}
PLANTED = 987654.25  # a value that only real rows have


class Page(HTMLParser):
    """Checks that elements nest, and collects what the tests ask for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data + " "

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def score(name, value, direction="higher", target=None, *interval_and_bias, **more):
    return any_score(name, value, direction, target, *interval_and_bias, **more)


def scores(half):
    interval = [half - 0.02, half + 0.02]
    return {
        "frechet": score("frechet", 1.5, "lower", bias=0.25),
        "nn_real": score("nn_real", half, "near", 0.5, interval, 0.5),
        "nn_fake": score("nn_fake", 0.5, "near", 0.5, interval, 0.5),
        "density": score("density", 0.9, "near", 1.0, [0.85, 0.95], 1.0),
        "coverage": score("coverage", 0.8, "higher", 0.97, [0.75, 0.85], 0.97),
        "copies": score("copies", 0.0, "lower", 0.0, [-0.01, 0.01], 0.0),
    }


def row(method, repeat, half=0.6, kind="method", **more):
    status = more.get("status", "OK")
    return {
        "method": method,
        "repeat": repeat,
        "kind": kind,
        "seed": 1,
        "sizes": {"train": 100, "validation": 20, "test": 40, "yardstick": 40},
        "seconds": 1.0,
        "scores": {} if status in ("FAILED", "DIVERGED") else scores(half),
        "status": status,
        "reason": "",
        "notes": [],
        "rounds": None,
        "curve": {"terms": [], "scores": []},
        "stores_training_rows": method == "kernel-density",
    } | more


CURVE = {
    "terms": [
        {"round": r, "discriminator/real": 0.7, "generator/fool": 1.0 / r} for r in (50, 100, 150)
    ],
    "scores": [[50, 0.9], [100, 0.2], [150, None]],
}
METHODS = ["gaussian", "vae", "gan", "kernel-density"]


def standard_rows(repeats=2):
    rows = []
    for i in range(repeats):
        rows += [
            row("real rows", i, 0.51, "yardstick"),
            row("gaussian", i, 0.9),
            row("vae", i, 0.6 + 0.02 * i, notes=["a column is <odd>"]),
            row("gan", i, 0.65, rounds=150, best_round=100, stopped_by="score", curve=CURVE),
            row("kernel-density", i, 0.8),
        ]
    return rows


def draw(kind, seed, n=40):
    rng = np.random.default_rng(seed)
    if kind == "table":
        frame = pd.DataFrame(
            {"age": rng.integers(20, 60, n), "city": rng.choice(["Bern", "Chur"], n)}
        )
        frame["income $"] = np.where(rng.random(n) < 0.2, np.nan, rng.normal(5e4, 1e4, n))
        frame["since"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
        frame["member"] = rng.random(n) < 0.5
        return frame
    return rng.normal(size=(n, {"array": 2, "vectors": 5, "line": 1, "images": 36}[kind]))


def make_run(folder, kind=None, rows=None, *, real_rows=True, repeats=2, leave_out=()):
    rows = standard_rows(repeats) if rows is None else rows
    shape = [6, 6] if kind == "images" else None
    config = {
        "run": {
            "data": "mine",
            "fingerprint": "0" * 16,
            "methods": METHODS,
            "repeats": repeats,
            "budget": None,
            "max_rounds": 500,
            "seed": 7,
            "real_rows": real_rows,
            "version": "0.1.0",
        },
        "data": {
            "name": "mine",
            "rows": 160,
            "columns": 2,
            "names": [],
            "image_shape": shape,
            "modes": None,
            "notes": ["column 'note' is left out: text"],
        },
        "versions": {"numpy": "2.0"},
        "machine": {"cores": 2, "gpu": False},
    }
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    if kind is None:  # what the words say does not hang on the samples
        return folder
    suffix = ".parquet" if kind == "table" else ".npz"
    names = [f"{m}-0" for m in METHODS if m not in leave_out]
    if real_rows:
        names += ["test-0", "real-rows-0"] + [f"{m}-0-nearest" for m in METHODS]
    for seed, name in enumerate(names):
        sample = draw(kind, seed, 8 if name.endswith("nearest") else 40)
        write_samples(folder / "samples" / f"{name}{suffix}", sample, {"method": name})
    return folder


def report(folder):
    return Page(write_report(folder).read_text())


@pytest.mark.parametrize("kind", ["array", "vectors", "line", "images", "table"])
def test_a_finished_run_is_one_light_page_that_needs_nothing_else(tmp_path, kind):
    folder = make_run(tmp_path / "run", kind)
    file = write_report(folder)
    text = file.read_text()
    assert file == folder / "report.html"
    assert 20_000 < file.stat().st_size < 5_000_000
    assert not re.search(r"<script|<link|https?://|@import|url\(|\son\w+=", text)
    page = Page(text)
    assert all(name in page.text for name in [*METHODS, "real rows", "column 'note' is left out"])
    assert "a column is <odd>" in page.text
    assert "Not finished" not in page.text
    images = page.all("img")
    assert len(images) >= 1 + len(METHODS)
    assert all(i["src"].startswith("data:image/png;base64,") and i["alt"] for i in images)
    assert all(cell.get("scope") for cell in page.all("th"))


def test_the_answer_comes_first_and_says_how_sure_it_is(tmp_path):
    text = report(make_run(tmp_path / "run")).text
    first = text[: text.index("160 rows")]
    assert "vae comes nearest to the real rows, though not surely better than gan" in first
    assert "Two repeats make wide intervals" in first
    assert "0.11 away from pure guessing" in first  # the mean of 0.10 and 0.12


def test_drawing_again_gives_the_same_bytes(tmp_path):
    folder = make_run(tmp_path / "run", "array")
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first
    assert [p.name for p in folder.iterdir() if p.name.endswith(".tmp")] == []


def test_a_page_and_its_pictures_say_that_they_show_generated_samples(tmp_path):
    folder = make_run(tmp_path / "run")
    page = write_report(folder)
    found = inspect(page)
    assert (found.kind, found.generated) == ("report", True)
    assert set(METHODS) <= set(found.says["methods"])
    assert inspect(folder).kind == "run"
    pictures = re.findall(r"data:image/png;base64,([^\"]+)", page.read_text())
    assert pictures
    for picture in pictures:
        (tmp_path / "picture.png").write_bytes(b64decode(picture))
        assert inspect(tmp_path / "picture.png").generated is True


def test_failures_are_named_rows_with_their_reasons_in_words(tmp_path):
    rows = [r for r in standard_rows() if r["method"] not in ("gan", "kernel-density")]
    for i in range(2):
        rows.append(row("gan", i, status="DIVERGED", reason=f"the loss left the numbers at {i}"))
        rows.append(row("kernel-density", i, status="COPYING", reason="90% are training rows."))
    page = report(make_run(tmp_path / "run", "array", rows, leave_out=["gan"]))
    assert "In every repeat, for example: the loss left the numbers at 0" in page.text
    assert "In every repeat: 90% are training rows." in page.text
    assert "left the finite numbers while training" in page.text
    assert "No picture: it drew nothing that could be kept." in page.text
    assert not any("Scatter plot of gan" in image["alt"] for image in page.all("img"))
    assert any("Scatter plot of kernel-density" in image["alt"] for image in page.all("img"))


def test_trouble_in_a_single_repeat_is_told_though_the_method_is_ranked(tmp_path):
    rows = standard_rows(3)
    rows[-2] |= {"status": "FAILED", "reason": "no memory", "scores": {}}
    text = report(make_run(tmp_path / "run", rows=rows, repeats=3)).text
    assert "ranked, but not without trouble" in text
    assert "In repeat 3 FAILED: no memory" in text
    assert "2 of 3 repeats" in text


def test_what_was_seen_is_told_once_for_all_repeats(tmp_path):
    def finding(name, sentence):
        return {"name": name, "sentence": sentence}

    rows = standard_rows(3)
    for line in rows:
        if line["method"] == "gan":
            shown = finding("SATURATED", f"The gradient fell to {line['repeat']} <percent>.")
            line["diagnosis"] = [shown] * (line["repeat"] > 0) + [finding("UNDER_TRAINED", "More.")]
    text = report(make_run(tmp_path / "run", rows=rows, repeats=3)).text
    assert "gan UNDER_TRAINED In every repeat, for example: More." in text
    assert "SATURATED In 2 of 3 repeats, for example: The gradient fell to 1 <percent>." in text
    assert "What was seen" not in report(make_run(tmp_path / "before")).text


def test_norms_of_gradients_are_not_drawn_among_the_losses(tmp_path):
    rows = standard_rows()
    for line in rows:
        if line["method"] == "gan":
            terms = [term | {"generator/gradient": 99.0} for term in CURVE["terms"]]
            line["curve"] = CURVE | {"terms": terms}
    page = report(make_run(tmp_path / "run", "array", rows))
    curves = [image["alt"] for image in page.all("img") if "Validation score" in image["alt"]]
    assert len(curves) == 1
    assert "generator/fool" in curves[0]
    assert "gradient" not in curves[0]


def test_an_interrupted_run_says_how_much_of_it_is_there(tmp_path):
    text = report(make_run(tmp_path / "run", rows=standard_rows()[:3])).text
    assert "3 of 10 fits are in" in text
    assert "Nothing yet of gan, kernel-density" in text
    assert "vae comes nearest" in text


def test_a_run_without_a_finished_row_has_a_report_too(tmp_path):
    text = report(make_run(tmp_path / "run", rows=[])).text
    assert "Nothing is finished yet" in text
    assert "0 of 10 fits are in" in text


def test_when_all_failed_nothing_is_recommended(tmp_path):
    rows = [row(m, i, status="FAILED", reason="broken") for m in METHODS for i in range(2)]
    text = report(make_run(tmp_path / "run", rows=rows)).text
    assert "No method could be ranked" in text
    assert text.count("In every repeat: broken") == len(METHODS)


def test_without_real_rows_no_real_value_appears_even_if_it_lies_in_the_folder(tmp_path):
    folder = make_run(tmp_path / "run", "table", real_rows=False)
    real = draw("table", 99)
    real["income $"], real["city"] = PLANTED, "Plantedville"
    for name in ("test-0", "real-rows-0", "vae-0-nearest", "kernel-density-0"):
        write_samples(folder / "samples" / f"{name}.parquet", real, {"method": name})
    page = report(folder)
    text = (folder / "report.html").read_text()
    assert "asked to keep out real rows" in page.text
    assert not any(planted in text for planted in ("Plantedville", "987,654", "987654"))
    alts = " ".join(image["alt"] for image in page.all("img"))
    assert "over real test rows" not in alts
    assert "kernel-density" not in alts  # it stores training rows
    assert "as vae draws it" in alts
    before = write_report(folder).read_bytes()
    for name in ("test-0", "real-rows-0", "vae-0-nearest", "kernel-density-0"):
        (folder / "samples" / f"{name}.parquet").unlink()
    assert write_report(folder).read_bytes() == before


def test_with_real_rows_the_same_values_do_appear(tmp_path):
    folder = make_run(tmp_path / "run", "table")
    nearest = draw("table", 99, 8)
    nearest["income $"] = PLANTED
    write_samples(folder / "samples" / "vae-0-nearest.parquet", nearest, {"method": "vae"})
    assert "987,654.25" in report(folder).text


def test_a_folder_that_is_no_run_or_is_damaged_is_refused_in_words(tmp_path):
    with pytest.raises(FileError, match="holds no run"):
        write_report(tmp_path)
    folder = make_run(tmp_path / "run", "array")
    (folder / "samples" / "vae-0.npz").write_bytes(b"cut off")
    with pytest.raises(FileError, match=r"vae-0\.npz is damaged"):
        write_report(folder)
    (folder / "config.json").write_text("{}")
    with pytest.raises(FileError, match="damaged"):
        write_report(folder)
