"""The main job on small data: results, resuming, interruption, failure, privacy."""

import json
import os

import numpy as np
import pandas as pd
import pytest

import pushforward as pf
from pushforward.classical.gaussian import Gaussian
from pushforward.errors import Diverged, FileError, InputError
from pushforward.evaluation.verdict import Verdict
from pushforward.methods import load_model
from pushforward.report.html import write_report
from pushforward.study.compare import compare, explain, table
from pushforward.study.folder import RunFolder
from pushforward.study.plan import Trial
from pushforward.study.request import as_dataset, choose_methods
from pushforward.study.trial import run_trial

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3)) @ RNG.normal(size=(3, 3))
FAST = "gaussian,kernel-density"


def lines(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def test_a_comparison_ranks_and_keeps_what_it_did(tmp_path):
    result = compare(
        X, methods="gaussian,gan,copycat", repeats=2, max_rounds=60, out=tmp_path / "r"
    )
    assert result.complete
    rows = lines(tmp_path / "r")
    assert len(rows) == 2 * 4  # three methods and the real rows
    assert {row["sizes"]["train"] for row in rows} == {120}
    by_name = {s.method: s for s in result.standings}
    assert by_name["copycat"].status == "COPYING"
    assert by_name["copycat"].rank is None
    assert by_name["gaussian"].rank == 1
    assert by_name["gan"].rounds == [60, 60]
    assert by_name["real rows"].kind == "yardstick"
    assert "gaussian" in table(result.standings)
    assert "gaussian" in explain(result)
    for row in rows:
        if row["kind"] == "method":
            pf.load_model(tmp_path / "r" / "models" / f"{row['method']}-{row['repeat']}").sample(2)
    assert len({row["seed"] for row in rows}) == len(rows)
    assert not list((tmp_path / "r" / "checkpoints").glob("*"))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_results_side_by_side_or_not(tmp_path):
    options = {"methods": "gaussian,gan", "repeats": 1, "max_rounds": 40, "seed": 4}
    compare(X, **options, jobs=1, out=tmp_path / "one")
    compare(X, **options, jobs=2, out=tmp_path / "two")

    def scores(folder):
        return {row["method"]: row["scores"] for row in lines(folder)}

    one, two = scores(tmp_path / "one"), scores(tmp_path / "two")
    assert one.keys() == two.keys()
    for method in one:
        for name, score in one[method].items():
            assert score["value"] == pytest.approx(two[method][name]["value"], rel=1e-6)


def test_nothing_is_fitted_on_the_test_rows(tmp_path, monkeypatch):
    """Test rows carry a mark that no fit, no stop and no tuning may see."""
    seen = []
    original = Gaussian.fit

    def spy(self, X, y=None, *, validation=None, **rest):
        seen.append((np.asarray(X), np.asarray(validation)))
        return original(self, X, y, validation=validation, **rest)

    monkeypatch.setattr(Gaussian, "fit", spy)
    compare(X, methods="gaussian", repeats=2, jobs=1, out=tmp_path / "r")
    dataset = as_dataset(X)
    for repeat, (train, validation) in enumerate(seen):
        trial = Trial("gaussian", repeat, "method", 0, None, None)
        test = pf.split(dataset, trial.split_seed).test
        met = {tuple(row) for row in np.concatenate([train, validation])}
        assert not met & {tuple(row) for row in test}
    assert not np.array_equal(seen[0][0], seen[1][0])  # a fresh split per repeat


def test_a_second_comparison_in_one_folder_is_told_and_changes_nothing(tmp_path):
    few = {"methods": "gaussian", "repeats": 1, "jobs": 1, "out": tmp_path / "r"}

    def begin_again(row, finished, total):  # noqa: ARG001
        if finished == 1:
            with pytest.raises(
                FileError, match=f"r is in use by process {os.getpid()} on .* since"
            ):
                compare(X, **few)

    assert compare(X, watch=begin_again, **few).complete
    assert len(lines(tmp_path / "r")) == 2
    assert not (tmp_path / "r" / ".lock").exists()
    (tmp_path / "r" / ".config.json.0123.tmp").write_text("half")  # of a write that was cut off
    assert compare(X, **few).complete
    assert not (tmp_path / "r" / ".config.json.0123.tmp").exists()


def test_an_interrupted_run_keeps_its_rows_and_goes_on(tmp_path):
    def interrupt(row, finished, total):  # noqa: ARG001
        if finished == 2:
            raise KeyboardInterrupt

    first = compare(X, methods=FAST, repeats=2, jobs=1, out=tmp_path / "r", watch=interrupt)
    assert first.interrupted
    assert not first.complete
    kept = (tmp_path / "r" / "results.jsonl").read_text()
    assert len(kept.splitlines()) == 2
    ran = []
    again = compare(
        X, methods=FAST, repeats=2, jobs=1, out=tmp_path / "r", watch=lambda r, *_: ran.append(r)
    )
    assert again.complete
    assert len(ran) == 4
    assert (tmp_path / "r" / "results.jsonl").read_text().startswith(kept)
    whole = compare(X, methods=FAST, repeats=2, jobs=1, out=tmp_path / "whole")
    assert [(s.method, s.distance) for s in again.standings] == [
        (s.method, s.distance) for s in whole.standings
    ]


def test_a_line_that_a_crash_cut_off_is_done_again(tmp_path):
    compare(X, methods=FAST, repeats=1, jobs=1, out=tmp_path / "r")
    file = tmp_path / "r" / "results.jsonl"
    whole = file.read_text()
    file.write_text(whole[:-20])
    result = compare(X, methods=FAST, repeats=1, jobs=1, out=tmp_path / "r")
    assert result.complete
    assert len(lines(tmp_path / "r")) == len(whole.splitlines())


def test_a_failing_method_is_a_named_row(tmp_path, monkeypatch):
    def diverge(*_, **__):
        raise Diverged("training diverged by round 7")

    monkeypatch.setattr(Gaussian, "fit", diverge)
    result = compare(X, methods=FAST, repeats=1, jobs=1, out=tmp_path / "r")
    by_name = {s.method: s for s in result.standings}
    assert by_name["gaussian"].status == "DIVERGED"
    assert "round 7" in by_name["gaussian"].reason
    assert by_name["kernel-density"].rank == 1
    assert result.complete


def test_an_unexpected_error_is_a_named_row_too(tmp_path, monkeypatch):
    monkeypatch.setattr(Gaussian, "_fit", lambda *_: 1 / 0)
    trial = Trial("gaussian", 0, "method", 0, None, None)
    row = run_trial(trial, as_dataset(X), tmp_path, True)
    assert row["status"] == "FAILED"
    assert "division" in row["reason"]


def test_a_fit_beyond_its_budget_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("pushforward.study.trial.OVER_BUDGET", -1e9)
    result = compare(X, methods="gaussian", repeats=1, budget=5, jobs=1, out=tmp_path / "r")
    gaussian = next(s for s in result.standings if s.method == "gaussian")
    assert gaussian.status == "OUT_OF_BUDGET"
    assert "give it more" in gaussian.reason


def test_a_copier_beyond_its_budget_is_still_a_copier(tmp_path, monkeypatch):
    monkeypatch.setattr("pushforward.study.trial.OVER_BUDGET", -1e9)
    result = compare(X, methods="copycat", repeats=1, budget=5, jobs=1, out=tmp_path / "r")
    assert next(s for s in result.standings if s.method == "copycat").status == "COPYING"


def test_a_folder_of_another_run_is_refused(tmp_path):
    compare(X, methods=FAST, repeats=1, jobs=1, out=tmp_path / "r")
    with pytest.raises(FileError, match=r"another run \(different: seed\)"):
        compare(X, methods=FAST, repeats=1, jobs=1, seed=1, out=tmp_path / "r")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("precious")
    with pytest.raises(FileError, match="holds no run"):
        compare(X, methods=FAST, repeats=1, out=tmp_path / "thesis")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="is a file"):
        compare(X, methods=FAST, repeats=1, out=tmp_path / "file")


def test_no_real_rows_are_kept_when_asked(tmp_path):
    frame = pd.DataFrame({"a": RNG.normal(size=120), "b": RNG.normal(size=120)})
    names = "gaussian,copycat,kernel-density"
    compare(frame, methods=names, repeats=1, jobs=1, real_rows=False, out=tmp_path)
    assert [p.name for p in (tmp_path / "samples").iterdir()] == ["gaussian-0.parquet"]
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["gaussian-0"]
    drawn = [pd.read_parquet(p) for p in (tmp_path / "samples").glob("gaussian*.parquet")]
    assert drawn
    assert not set(drawn[0]["a"]) & set(frame["a"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"methods": "gaussian,vea"}, "did you mean 'vae'"),
        ({"methods": ","}, "at least one method"),
        ({"repeats": 0}, "repeats to be a whole number above 0"),
        ({"budget": -1}, "budget above 0"),
        ({"max_rounds": 0}, "max_rounds"),
        ({"repeats": 1.5}, "repeats to be a whole number"),
        ({"jobs": 0}, "jobs to be a whole number above 0"),
        ({"budget": "5"}, "budget above 0"),
        ({"seed": -1}, "at least 0, got -1"),
    ],
)
def test_options_that_cannot_be(options, words, tmp_path):
    with pytest.raises(InputError, match=words):
        compare(X, **({"methods": FAST} | options), out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_toys_are_judged_by_their_modes(tmp_path):
    compare("manifold", methods="gaussian", repeats=1, jobs=1, out=tmp_path / "r")
    scores = lines(tmp_path / "r")[0]["scores"]
    assert scores["modes"]["value"] == 4
    assert scores["high_quality"]["value"] == pytest.approx(0.989, abs=0.02)


def test_the_folder_is_found_again_by_its_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = compare(X, methods="gaussian", repeats=1, jobs=1)
    assert first.folder.parent.name == "runs"
    assert compare(X, methods="gaussian", repeats=1, jobs=1).folder == first.folder
    assert compare(X, methods="gaussian", repeats=1, jobs=1, seed=2).folder != first.folder
    assert RunFolder(first.folder).config["run"]["seed"] == 0


@pytest.mark.parametrize("levels", [45, 28])
def test_columns_are_chosen_once_on_the_whole_table(levels, tmp_path):
    """45 levels are few in 1000 rows, and would be too many in the 600 of a training part."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"v": rng.normal(size=1000), "city": rng.choice([f"c{i}" for i in range(levels)], 1000)}
    )
    frame["key"] = np.r_[rng.permutation(10_000)[:999], 1]
    frame.loc[998, "key"] = 1  # one duplicate, which a training part may lack
    result = compare(frame, methods="gaussian", repeats=1, jobs=1, out=tmp_path / "r")
    assert {s.status for s in result.standings} == {"OK"}


def test_no_model_of_a_copier_is_kept_without_real_rows(tmp_path, monkeypatch):
    copying = Verdict("COPYING", "as a test has it")
    monkeypatch.setattr("pushforward.study.trial.verdict", lambda _: copying)
    compare(X, methods="gaussian", repeats=1, jobs=1, real_rows=False, out=tmp_path)
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "samples").exists()


def test_training_that_diverged_late_is_named_though_its_best_state_is_kept(tmp_path, monkeypatch):
    def diverge(sampler, *_):
        sampler.mean_, sampler.covariance_ = np.zeros(3), np.eye(3)
        sampler.stopped_by_ = "divergence"

    monkeypatch.setattr(Gaussian, "_fit", diverge)
    compare(X, methods="gaussian", repeats=1, jobs=1, out=tmp_path)
    rows = [row for row in lines(tmp_path) if row["kind"] == "method"]
    assert [row["status"] for row in rows] == ["DIVERGED"]
    assert rows[0]["scores"]


def test_what_draws_by_label_is_compared_and_judged_by_class(tmp_path):
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b"], 200)
    frame = pd.DataFrame({"u": rng.normal(size=200) + 6 * (kind == "b"), "v": rng.normal(size=200)})
    run = {"repeats": 1, "max_rounds": 300, "jobs": 1}
    labelled = compare(
        frame.assign(kind=kind), label="kind", methods="conditional-vae", out=tmp_path / "r", **run
    )
    rows = [json.loads(line) for line in (tmp_path / "r" / "results.jsonl").open()]
    (row,) = [row for row in rows if row["method"] == "conditional-vae"]
    assert row["labels"]["classes"] == ["a", "b"]
    assert min(row["labels"]["real"]) > 0.9
    assert min(row["labels"]["generated"]) > 0.8
    page = write_report(labelled.folder).read_text()
    assert "Asked for a class, do they draw it?" in page
    saved = load_model(labelled.folder / "models" / "conditional-vae-0")
    assert len(saved.sample(given={"kind": ["a", "b"]})) == 2
    for methods in ("conditional-gan", "cycle-gan"):
        with pytest.raises(InputError, match=r"name their column|translates between two sets"):
            compare(frame, methods=methods, out=tmp_path / "x", **run)
    assert "conditional-vae" in choose_methods(None)
    assert "conditional-vae" not in choose_methods(None, labels=False)
    assert "cycle-gan" not in choose_methods("all")


# Images


def glyphs(n=240, size=16):
    return pf.glyphs(n, size=size, characters="AOT", seed=0)


def test_images_are_compared_by_a_classifier_of_their_labels_and_by_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr("pushforward.evaluation.classifier.EPOCHS", 10)
    folder = tmp_path / "run"
    result = compare(
        glyphs(), methods="gaussian,copycat,vae", repeats=2, max_rounds=20, out=folder, jobs=1
    )
    rows = lines(folder)
    for row in rows:
        assert row["scores"]["frechet"]["features"].startswith("classifier of glyphs")
        assert row["scores_by_pixels"]["frechet"]["features"] == "pixels"
    named = {(row["repeat"], row["scores"]["frechet"]["features"]) for row in rows}
    assert len(named) == 2  # one classifier for each split, the same for every method
    assert pf.load_model(folder / "models" / "vae-0").encoding_.kind == "images"
    assert {s.method: s.status for s in result.standings}["copycat"] == "COPYING"
    page = write_report(folder).read_text()
    assert "By pixels instead" in page
    assert "real test images. Between" in page


def test_images_without_labels_are_compared_by_pixels(tmp_path):
    X = glyphs().X.reshape(-1, 16, 16)
    compare(X, methods="gaussian", repeats=1, out=tmp_path / "run", jobs=1)
    for row in lines(tmp_path / "run"):
        assert row["scores"]["frechet"]["features"] == "pixels"
        assert "scores_by_pixels" not in row


def test_methods_of_images_are_for_images():
    assert "dc-gan" in choose_methods(None, images=True)
    assert "copula" not in choose_methods(None, images=True)
    assert "dc-gan" not in choose_methods("all", images=False)
    assert choose_methods("dc-gan") == ["dc-gan"]  # before the data is read
    with pytest.raises(InputError, match="dc-gan learns from images of at least 16×16"):
        choose_methods("dc-gan", images=False)


def test_small_images_are_fitted_as_numbers(tmp_path):
    digits = pf.load_data("digits")
    few = pf.Dataset(name="few", X=digits.X[:200], y=digits.y[:200], image_shape=(8, 8))
    compare(few, methods="vae", repeats=1, max_rounds=10, out=tmp_path / "run", jobs=1)
    assert pf.load_model(tmp_path / "run" / "models" / "vae-0").encoding_.kind == "array"
