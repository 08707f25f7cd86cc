"""Pages of studies from rows made here: finished, interrupted, failed, searched in other ways."""

import re

import numpy as np
import pytest

from pushforward.report.html import write_report
from studies import SPACE, config, restarted, row, searched, write, yardsticks

DOT = b"no picture"
METHODS = ("ns-gan", "vae", "wgan")


@pytest.fixture
def _undrawn(monkeypatch):
    """Figures are made and not drawn, which takes most of the time: these tests read words."""
    monkeypatch.setattr("pushforward.report.pictures.png", lambda _: DOT)


words = pytest.mark.usefixtures("_undrawn")


def rows(trials=12, restarts=6):
    found = yardsticks(restarts)
    for i, method in enumerate(METHODS):
        rng = np.random.default_rng(i)
        tried = searched(method, rng.uniform(0.1 + 0.05 * i, 0.3, trials), seed=i)
        found += tried + restarted(tried, rng.uniform(0.1 + 0.1 * i, 0.15 + 0.1 * i, restarts))
    return [*found, row("gaussian", 0, 0.4)]


def settings(**run):
    spaces = dict.fromkeys(METHODS, SPACE) | {"gaussian": {}}
    return config(spaces, trials=12, restarts=6, **run)


def report(folder, found, **run):
    text = write_report(write(folder, settings(**run), found)).read_text()
    assert not re.search(r"<script|<link|https?://|@import|url\(|\son\w+=", text)
    assert "nan" not in re.sub(r'src="[^"]*"', "", text).lower().split()
    images = re.findall(r"<img [^>]*>", text)
    assert all('src="data:image/png;base64,' in image and 'alt="' in image for image in images)
    plain = re.sub(r"<style>.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)
    return " ".join(plain.split()), len(images)


def test_a_finished_study_is_one_page_with_an_answer_and_its_grounds(tmp_path):
    floor = restarted([row("gaussian", 0, 0.4)], [0.4] * 6)
    page, images = report(tmp_path / "run", rows() + floor)
    assert "ns-gan is best once every method has been searched for alike" in page
    assert "surely better than every other" in page
    assert "Not finished" not in page
    assert "Real rows get 0.02 and a fitted Gaussian, the floor, gets 0.45" in page
    assert "With few trials no method is surely ahead" in page
    assert "No trial failed." in page
    assert "1e-05 to 0.01, log" in page
    assert "12 trials of each, random" in page
    # Two curves, trials, ranks, restarts, and options of three methods.
    assert images >= 8


@words
def test_an_interrupted_study_tells_what_it_has(tmp_path):
    begun = [r for r in rows() if r["kind"] == "search" and r["method"] in METHODS[:2]]
    page, _ = report(tmp_path / "begun", begun)
    assert "Not finished:" in page
    assert "trials of wgan and gaussian and restarts of ns-gan and vae are still to come" in page
    assert "So far the best trial is of" in page
    assert "The best of many trials flatters its method" in page
    half = [r for r in rows() if not (r["kind"] == "method" and r["method"] == "vae")]
    page, _ = report(tmp_path / "half", half)
    assert "restarts of vae and gaussian are still to come" in page
    assert "ns-gan is best so far, of the 2 of 4 methods whose winners" in page


def test_a_study_without_a_row_has_a_page_too(tmp_path):
    page, images = report(tmp_path / "run", [])
    assert "there is nothing to tell" in page
    assert images == 0


@words
def test_failed_trials_are_counted_by_name_and_reason(tmp_path):
    found = rows()
    for trial in found:
        if trial["method"] == "wgan" and trial["kind"] == "search" and trial["repeat"] < 3:
            trial |= {"status": "DIVERGED", "reason": f"left the <numbers> at {trial['repeat']}"}
            trial |= {"scores": {}}
    page, _ = report(tmp_path / "run", found)
    assert "wgan 3 of 12 DIVERGED 3 left the &lt;numbers&gt; at 0" in page
    assert "its own options: DIVERGED" in page


@words
def test_a_method_of_which_all_failed_is_named(tmp_path):
    found = [r for r in rows() if not (r["method"] == "wgan" and r["kind"] == "method")]
    for trial in found:
        if trial["method"] == "wgan":
            trial |= {"status": "COLLAPSED", "reason": "draws one row"}
    page, _ = report(tmp_path / "run", found)
    assert "Of wgan every trial failed." in page
    assert "all 12 trials failed" in page
    assert "COLLAPSED" in page


@words
def test_everything_may_fail(tmp_path):
    found = [r for r in rows() if r["kind"] == "search"]
    for trial in found:
        trial |= {"status": "FAILED", "reason": "no memory", "scores": {}}
    page, _ = report(tmp_path / "run", found)
    assert "every trial failed, so there is nothing to tell" in page


@words
def test_a_score_that_is_better_the_higher_it_is_may_be_searched_for(tmp_path):
    found = rows()
    for each in found:
        if each["method"] == "real rows":
            continue  # it is a score of a sampler's own
        f1 = 1 - each["scores"]["nn_real"]["value"] / 2
        each["scores"]["manifold_f1"] = each["scores"]["frechet"] | {
            "name": "manifold_f1",
            "value": f1,
            "direction": "higher",
        }
    page, _ = report(tmp_path / "run", found, objective="manifold_f1")
    assert "its F1 is 0." in page
    # It is minimised as its negative, and shown as it is.
    assert not re.search(r"(is|against|from|to|with|of|scored,) -", page)


@words
def test_a_search_that_learns_is_shown_as_it_ran(tmp_path):
    page, _ = report(tmp_path / "run", rows(), search="tpe")
    assert "The best of the trials so far, as the search (tpe) ran them" in page
    assert "learns from its trials" in page


@words
def test_drawing_again_gives_the_same_bytes(tmp_path):
    folder = write(tmp_path / "run", settings(), rows(4, 1))
    assert write_report(folder).read_bytes() == write_report(folder).read_bytes()
