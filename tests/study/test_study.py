"""Studies on small data: one effort for all, nothing twice, nothing lost, test rows seen once."""

import errno
import json
import os
import shutil
from collections import Counter

import numpy as np
import pytest
from typer.testing import CliRunner

import pushforward as pf
from pushforward.classical.gaussian import Gaussian
from pushforward.cli import app
from pushforward.errors import FileError, InputError
from pushforward.evaluation.scores import Score
from pushforward.methods import METHODS
from pushforward.space import Choice, LogUniform, Uniform, Whole, as_json, from_json, read_spaces
from pushforward.study.folder import RunFolder
from pushforward.study.plan import Trial
from pushforward.study.population import fit_begun
from pushforward.study.request import as_dataset
from pushforward.study.search import Search, value_of
from pushforward.study.searchers import RandomSearch
from pushforward.study.study import run_study

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 3)) @ RNG.normal(size=(3, 3))
SMALL = {"methods": "gaussian,vae", "trials": 2, "restarts": 2, "max_rounds": 20, "jobs": 1}


def lines(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "s"
    return run_study(X, out=folder, **SMALL)


def test_every_method_is_searched_and_its_best_trial_judged_again(finished):
    assert finished.complete
    rows = lines(finished.folder)
    kinds = Counter((row["method"], row["kind"]) for row in rows)
    assert kinds == {
        ("gaussian", "search"): 1,  # there is nothing to search
        ("vae", "search"): 2,
        ("real rows", "yardstick"): 2,
        ("gaussian", "method"): 2,
        ("vae", "method"): 2,
    }
    searched = [r for r in rows if r["kind"] == "search" and r["method"] == "vae"]
    assert searched[0]["options"] == {}  # trial 0 is the method as it is registered
    assert all(r["options"].keys() == METHODS["vae"].wide.keys() for r in searched[1:])
    values = [value_of(row, "distance") for row in searched]
    best = finished.best["vae"]
    assert value_of(best, "distance") == min(v for v in values if v is not None)
    assert all(
        r["options"] == best["options"]
        for r in rows
        if r["kind"] == "method" and r["method"] == "vae"
    )
    assert len({row["hash"] for row in rows}) == len(rows)
    assert len({row["seed"] for row in rows if row["method"] == "vae"}) == 4


def test_a_search_keeps_only_scores_and_its_best_trials_keep_models(finished):
    models = {path.name for path in (finished.folder / "models").iterdir()}
    assert models == {f"{name}-{k}" for name in ("gaussian", "vae") for k in (0, 1)}
    assert pf.load_model(finished.folder / "models" / "vae-0").sample(2).shape == (2, 3)
    assert not any("search" in path.name for path in (finished.folder / "samples").iterdir())


def test_what_is_finished_is_not_run_again(finished, monkeypatch):
    before = lines(finished.folder)
    monkeypatch.setattr("pushforward.study.engines.run_together", None)  # would fail if called
    again = run_study(X, out=finished.folder, **SMALL)
    assert again.complete
    assert lines(finished.folder) == before


def test_a_trial_that_two_processes_finished_counts_once(finished, tmp_path):
    folder = tmp_path / "s"
    shutil.copytree(finished.folder, folder)
    rows = lines(folder)
    with (folder / "results.jsonl").open("a") as file:
        file.writelines(json.dumps(row | {"seconds": 99.0}) + "\n" for row in rows)
    assert RunFolder(folder).results() == rows
    again = run_study(X, out=folder, **SMALL)
    assert (again.finished, again.planned) == (finished.finished, finished.planned)


def test_more_trials_go_on_from_those_that_are_there(tmp_path):
    few = {**SMALL, "methods": "vae", "trials": 1, "restarts": 1}
    run_study(X, out=tmp_path / "s", **few)
    before = {row["hash"]: row for row in lines(tmp_path / "s")}
    run_study(X, out=tmp_path / "s", **{**few, "trials": 2})
    after = lines(tmp_path / "s")
    assert {r["repeat"] for r in after if r["kind"] == "search"} == {0, 1}
    assert len({row["hash"] for row in after}) == len(after)
    assert all(before[row["hash"]] == row for row in after if row["hash"] in before)
    effort = json.loads((tmp_path / "s" / "config.json").read_text())["effort"]
    assert effort == {"trials": 2, "restarts": 1}


def test_an_interrupted_study_goes_on_to_the_same_end(finished, tmp_path):
    seen = []

    def stop(row, *_):
        seen.append(row["hash"])
        if len(seen) == 2:
            raise KeyboardInterrupt

    # Batches of one, so that the interrupt comes between trials.
    half = run_study(X, out=tmp_path / "s", watch=stop, **SMALL)
    assert half.interrupted
    assert not half.complete
    whole = run_study(X, out=tmp_path / "s", **SMALL)
    assert whole.complete
    there = {row["hash"]: row["scores"] for row in lines(tmp_path / "s")}
    expected = {row["hash"]: row["scores"] for row in lines(finished.folder)}
    assert there.keys() == expected.keys()
    for key, scores in there.items():
        for name, score in scores.items():
            # A population of other members rounds otherwise.
            assert score["value"] == pytest.approx(expected[key][name]["value"], rel=0.05, abs=0.05)


def test_a_choice_between_layers_goes_on_with_what_it_found(tmp_path):
    layers = {"vae": {"hidden": Choice(((8, 8), (9,))), "latent_dim": Choice(np.arange(1, 3))}}
    few = {"methods": "vae", "max_rounds": 3, "trials": 2, "space": layers, "jobs": 1}
    first = run_study(X, out=tmp_path / "s", restarts=1, **few)
    again = run_study(X, out=tmp_path / "s", restarts=2, **few)
    assert first.complete
    assert again.complete
    assert len(lines(again.folder)) == first.finished + 3  # yardsticks, and one more of the best


def test_a_fit_that_was_killed_is_not_taken_for_one_of_other_options(tmp_path, monkeypatch):
    few = {"methods": "vae", "max_rounds": 3, "restarts": 3, "jobs": 1, "out": tmp_path / "s"}

    def killed(begun):
        fit_begun(begun)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pushforward.study.trial.fit_begun", killed)
        assert run_study(X, trials=3, **few).interrupted
    assert list((tmp_path / "s" / "checkpoints").iterdir())  # of trials 0 to 2
    assert run_study(X, trials=4, **few).complete


def test_restarts_on_a_toy_share_test_rows():
    ring = pf.load_data("ring")
    trials = [Trial("vae", k, "method", 0, None, 1, held_out=True) for k in range(2)]
    one, other = (trial.split(ring) for trial in trials)
    assert np.array_equal(one.test, other.test)
    assert not np.array_equal(one.train, other.train)
    assert not any(trial.fresh_draws(ring) for trial in trials)  # so intervals allow for it
    assert Trial("vae", 0, "method", 0, None, 1).fresh_draws(ring)


@pytest.mark.slow
def test_side_by_side_finds_the_same(tmp_path):
    quick = {"methods": "gaussian,copula", "restarts": 2}
    run_study(X, out=tmp_path / "one", jobs=1, **quick)
    run_study(X, out=tmp_path / "two", jobs=2, **quick)
    there = {row["hash"]: row["scores"] for row in lines(tmp_path / "two")}
    expected = {row["hash"]: row["scores"] for row in lines(tmp_path / "one")}
    assert there.keys() == expected.keys()
    for key, scores in there.items():
        for name, score in scores.items():
            assert score["value"] == pytest.approx(expected[key][name]["value"], rel=1e-6)


def test_the_test_rows_are_in_no_part_of_the_search_and_the_same_for_all_restarts():
    dataset = as_dataset(X)
    options = {"seed": 0, "budget": None, "max_rounds": None, "held_out": True}
    searches = [Trial("vae", k, "search", **options).split(dataset) for k in range(2)]
    restarts = [Trial("vae", k, "method", **options).split(dataset) for k in range(2)]

    def rows(part):
        return {tuple(row) for row in part}

    test = rows(restarts[0].test)
    assert rows(restarts[1].test) == test
    assert len(test) == 40
    for parts in searches:
        assert not test & (rows(parts.train) | rows(parts.validation) | rows(parts.test))
        assert np.array_equal(parts.train, searches[0].train)  # all trials see the same rows
    for parts in restarts:
        assert not test & (rows(parts.train) | rows(parts.validation))
        # Real rows are as many as generated ones, or their scores would be those of fewer.
        assert len(parts.yardstick) == len(parts.test)
        assert rows(parts.yardstick) <= rows(parts.train)
    assert rows(restarts[0].train) != rows(restarts[1].train)  # a fresh split for each


def test_seeds_are_apart_from_options():
    trials = [Trial("vae", 1, "search", 0, None, None, {"learning_rate": r}) for r in (0.1, 0.2)]
    assert trials[0].fit_seed == trials[1].fit_seed
    assert trials[0].hash != trials[1].hash
    assert trials[0].hash == Trial("vae", 1, "search", 0, None, None, {"learning_rate": 0.1}).hash
    one, other = (RandomSearch("vae", METHODS["vae"].wide, seed) for seed in (0, 1))
    assert one.ask(5) == RandomSearch("vae", METHODS["vae"].wide, 0).ask(5)
    assert one.ask(5) != one.ask(6)
    assert one.ask(5) != other.ask(5)
    assert one.ask(5) != RandomSearch("gan", METHODS["vae"].wide, 0).ask(5)


def far(rows, parts, dataset, sampler):  # noqa: ARG001
    """A score of a user's own: how far the mean of a sample is from that of other rows."""
    gap = float(np.abs(np.mean(rows) - np.mean(parts.test)))
    return [Score("far", gap, "lower")]


def test_a_score_of_ones_own_may_be_the_objective(tmp_path):
    study = run_study(X, out=tmp_path / "s", objective="far", also=far, **SMALL)
    rows = [r for r in lines(tmp_path / "s") if r["kind"] == "search" and r["method"] == "vae"]
    assert study.best["vae"]["scores"]["far"]["value"] == min(
        row["scores"]["far"]["value"] for row in rows if row["status"] == "OK"
    )
    real = [row for row in lines(tmp_path / "s") if row["method"] == "real rows"]
    assert all(row["scores"]["far"]["value"] > 0 for row in real)


def test_failed_trials_count_and_are_shown(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise MemoryError("too large")

    monkeypatch.setattr(Gaussian, "fit", fails)
    study = run_study(X, out=tmp_path / "s", **{**SMALL, "methods": "gaussian,copula"})
    assert study.best["gaussian"] is None
    (standing,) = [s for s in study.standings if s.method == "gaussian" and s.kind == "method"]
    assert standing.status == "FAILED"
    assert standing.rank is None
    assert study.complete


def row_of(number, value, seconds=1.0, status="OK"):
    half = {"value": 0.5 + value, "target": 0.5}
    scores = {"nn_real": half, "nn_fake": half, "frechet": {"value": 1.0, "direction": "lower"}}
    return {"repeat": number, "options": {}, "seconds": seconds, "status": status, "scores": scores}


def search_of(**options):
    searcher = RandomSearch("vae", {}, 0)

    def make(number, options):
        return Trial("vae", number, "search", 0, None, None, options)

    return Search(
        "vae", searcher, make, **{"trials": 10, "budget": None, "objective": "distance"} | options
    )


def test_a_search_begins_no_trial_that_its_budget_would_not_last_for():
    endless = search_of(budget=float("inf"))
    endless.tell([row_of(0, 0.2)])
    assert len(endless.left()) == 9
    search = search_of(budget=10.0)
    assert [t.repeat for t in search.batch(16)] == [0]  # by which it learns what a trial takes
    assert search.batch(16) == []
    search.tell([row_of(0, 0.2, seconds=3.0)])
    assert [t.repeat for t in search.batch(16)] == [1, 2]
    assert search.batch(16) == []
    search.tell([row_of(1, 0.2, seconds=3.0), row_of(2, 0.1, seconds=3.0)])
    assert search.over
    assert search.best["repeat"] == 2


def test_a_budget_below_one_trial_is_said_and_the_trial_kept(tmp_path):
    with pytest.raises(InputError, match=r"less than one trial of vae takes"):
        run_study(X, out=tmp_path / "s", budget=1e-3, **{**SMALL, "methods": "vae"})
    assert len(lines(tmp_path / "s")) == 1


def test_the_best_trial_is_one_that_did_not_fail_and_ties_go_to_the_first():
    search = search_of(trials=3)
    search.tell([row_of(0, 0.25), row_of(1, 0.0, status="COPYING"), row_of(2, -0.25)])
    assert search.best["repeat"] == 0
    with pytest.raises(InputError, match=r"expected an objective among distance, nn_real"):
        value_of(row_of(0, 0.1), "fid")


def test_a_full_disk_keeps_what_is_finished(tmp_path, monkeypatch):
    original, calls = os.fsync, []

    def full(file):
        calls.append(file)
        if len(calls) > 4:  # the configuration, and some rows
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(file)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left"):
        run_study(X, out=tmp_path / "s", **{**SMALL, "methods": "gaussian,copula,mixture"})
    monkeypatch.undo()
    kept = {row["hash"] for row in lines(tmp_path / "s")}
    assert kept
    whole = run_study(X, out=tmp_path / "s", **{**SMALL, "methods": "gaussian,copula,mixture"})
    assert whole.complete
    rows = [row["hash"] for row in lines(tmp_path / "s")]
    assert kept <= set(rows)
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": "gam"}, "there is no method 'gam'"),
        ({"space": {"vae": {"learning_rat": Uniform(0, 1)}}}, "no option 'learning_rat' to search"),
        ({"space": {"vae": {"random_state": Choice((1,))}}}, "the study's own"),
        ({"space": {"vae": {"beta": [0.5, 1]}}}, "expected a range of beta"),
        ({"space": {"gan": {}}}, "not studied here"),
        ({"ranges": "broad"}, "wide or narrow"),
        ({"trials": 0}, "trials to be a whole number above 0"),
        ({"restarts": 0}, "restarts to be a whole number above 0"),
        ({"budget": -1}, "a budget above 0"),
        ({"engine": "slurm"}, "an engine among local, ray"),
        ({"address": "auto"}, "Ray cluster"),
        ({"storage": "sqlite:///x.db"}, "Optuna's"),
        (
            {"space": {"vae": {"beta_1": Uniform(0, 1), "betas": Choice(((0.5, 0.9),))}}},
            r"beta_1 is the first of betas; search one of both",
        ),
    ],
)
def test_refuses_what_cannot_be_studied_before_anything_runs(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        run_study(X, out=tmp_path / "s", **SMALL | options)
    assert not (tmp_path / "s" / "results.jsonl").exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(1, 1), "from a lower to a higher"),
        (lambda: Uniform(2, 1), "from a lower to a higher"),
        (lambda: Uniform(0, float("inf")), "from a lower to a higher"),
        (lambda: Uniform("0", 1), "two numbers"),
        (lambda: LogUniform(0, 1), "above 0"),
        (lambda: Whole(0.5, 2), "whole numbers"),
        (lambda: Choice(()), "one or more values"),
        (lambda: Choice((object(),)), "can be written down"),
        (lambda: from_json([]), "a range for each option"),
        (lambda: from_json({"a": 1}), "expected one range"),
        (lambda: from_json({"a": {"normal": [0, 1]}}), "one of uniform"),
        (lambda: from_json({"a": {"uniform": [0]}}), "a list of values"),
        (lambda: from_json({"a": {"uniform": [1, 0]}}), "a: expected a range from"),
    ],
)
def test_refuses_ranges_that_are_empty_or_contradict_themselves(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_draws_stay_in_their_ranges_and_fill_them():
    rng = np.random.default_rng(0)
    for each, low, high in (
        (Uniform(-1, 2), -1, 2),
        (LogUniform(1e-4, 1), -4, 0),
        (Whole(1, 3), 1, 3),
    ):
        draws = np.array([each.draw(rng) for _ in range(2000)])
        draws = np.log10(draws) if isinstance(each, LogUniform) else draws
        assert draws.min() >= low
        assert draws.max() <= high
        assert draws.mean() == pytest.approx((low + high) / 2, abs=0.1)
    assert {Choice(("a", "b")).draw(rng) for _ in range(50)} == {"a", "b"}


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.wide])
def test_a_method_takes_what_its_ranges_hold(name):
    method = METHODS[name]
    for space in (method.wide, method.narrow):
        assert from_json(json.loads(json.dumps(as_json(space)))) == space
        for number in range(5):
            sampler = method.make(**RandomSearch(name, space, number).ask(1))
            check = getattr(sampler, "_check_parameters", None)
            if check is not None:
                check()


def test_the_command_studies_what_a_file_of_ranges_says(tmp_path):
    np.savetxt(tmp_path / "x.csv", X, delimiter=",", header="a,b,c", comments="")
    (tmp_path / "s.json").write_text('{"vae": {"learning_rate": {"choice": [0.001]}}}')
    assert read_spaces(tmp_path / "s.json") == {"vae": {"learning_rate": Choice((0.001,))}}
    arguments = ["study", str(tmp_path / "x.csv"), "--methods", "vae", "--trials", "2"]
    arguments += ["--restarts", "1", "--max-rounds", "10", "--jobs", "1"]
    arguments += ["--space", str(tmp_path / "s.json"), "--out", str(tmp_path / "s")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "real rows" in result.output
    (row,) = [r for r in lines(tmp_path / "s") if r["kind"] == "search" and r["repeat"] == 1]
    assert row["options"] == {"learning_rate": 0.001}
    (tmp_path / "s.json").write_text("{")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, FileError)


def test_a_score_that_no_trial_has_is_said_before_anything_is_made(tmp_path):
    with pytest.raises(InputError, match=r"an objective among distance, frechet.*got 'fid'"):
        run_study(X, out=tmp_path / "s", objective="fid", **SMALL)
    assert not (tmp_path / "s").exists()


def test_a_first_trial_that_fails_at_once_says_nothing_of_how_long_one_takes():
    search = search_of(budget=10.0)
    search.batch(16)
    search.tell([row_of(0, 0.2, seconds=0.01, status="FAILED")])
    assert [t.repeat for t in search.batch(16)] == [1]
