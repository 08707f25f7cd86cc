"""Searching through Optuna: nothing told twice or lost, options by seed also after a kill."""

import builtins
import json
import math

import numpy as np
import optuna
import pytest

from pushforward.errors import FileError, InputError
from pushforward.space import Choice, LogUniform, Uniform, Whole
from pushforward.study import engines
from pushforward.study.optuna_search import PACKAGES, OptunaSearch
from pushforward.study.searchers import RandomSearch
from pushforward.study.study import run_study

SPACE = {
    "learning_rate": LogUniform(1e-5, 1e-2),
    "beta_1": Uniform(0, 1),
    "latent_dim": Whole(1, 9),
    "hidden": Choice(((8,), (64, 64))),  # no value that Optuna can store
}
RUN = {"seed": 0, "data": "made up"}
X = np.random.default_rng(0).normal(size=(120, 2))
TINY = {"methods": "vae", "trials": 3, "restarts": 1, "max_rounds": 5, "jobs": 1, "search": "tpe"}


def search(folder, sampler="tpe", space=SPACE, seed=0, storage=None, run=RUN):
    return OptunaSearch(sampler, "gan", space, seed, storage, run, folder)


def loss(options):
    """Lowest at learning_rate 1e-3, β₁ 0.3, latent_dim 4 and the larger networks."""
    return (
        (math.log10(options["learning_rate"]) + 3) ** 2
        + (options["beta_1"] - 0.3) ** 2
        + abs(options["latent_dim"] - 4)
        + (len(options["hidden"]) == 1)
    )


def play(searcher, begin, end, together=1):
    """Trials of those numbers; their options."""
    found = {}
    for first in range(begin, end, together):
        batch = {k: searcher.ask(k) for k in range(first, min(first + together, end))}
        for number, options in batch.items():
            searcher.tell(number, options, loss(options))
        found |= batch
    return found


def states(searcher):
    return [(t.user_attrs["number"], t.state.name) for t in searcher.study.trials]


def storages(tmp_path):
    return [None, f"sqlite:///{tmp_path / 'study.db'}"]


def test_options_lie_in_their_ranges_and_are_values_of_ours(tmp_path):
    for options in play(search(tmp_path, "qmc"), 1, 9).values():
        assert options.keys() == SPACE.keys()
        assert 1e-5 <= options["learning_rate"] <= 1e-2
        assert 0 <= options["beta_1"] < 1
        assert options["latent_dim"] in range(1, 10)
        assert options["hidden"] in SPACE["hidden"].values


def test_tpe_finds_better_options_than_drawing_at_random(tmp_path):
    bests = {"tpe": [], "random": []}
    for seed in range(2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        for name, searcher in {
            "tpe": search(folder, seed=seed),
            "random": RandomSearch("gan", SPACE, seed),
        }.items():
            later = [loss(options) for options in play(searcher, 1, 31).values()][15:]
            bests[name].append(np.median(later))
    assert max(bests["tpe"]) < min(bests["random"])


@pytest.mark.parametrize("sampler", ["tpe", "qmc"])
def test_what_is_asked_for_before_any_answer_differs(tmp_path, sampler):
    searcher = search(tmp_path, sampler)
    play(searcher, 1, 12)
    batch = [searcher.ask(number) for number in range(12, 18)]
    assert len({json.dumps(options) for options in batch}) == 6


def test_a_killed_search_goes_on_with_the_options_that_it_would_have_had(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    expected = play(search(whole), 1, 19, together=3)
    for storage in storages(tmp_path):
        killed = search(tmp_path, storage=storage)
        done = play(killed, 1, 13, together=3)
        running = {number: killed.ask(number) for number in (13, 14, 15)}
        again = search(tmp_path, storage=storage)
        for number, options in done.items():  # as they are read from lines of JSON
            again.tell(number, json.loads(json.dumps(options)), loss(options))
        assert len(again.study.trials) == 15  # none of them is told twice
        # One more was finished and written down, but not told, when it was killed.
        again.tell(13, running[13], loss(running[13]))
        found = {number: again.ask(number) for number in (14, 15)}
        assert found == {number: running[number] for number in (14, 15)}
        assert states(again)[12:] == [
            (13, "COMPLETE"),
            *[(14, "FAIL"), (15, "FAIL")],  # what the killed one left
            *[(14, "RUNNING"), (15, "RUNNING")],
        ]
        for number, options in found.items():
            again.tell(number, options, loss(options))
        later = play(again, 16, 19, together=3)
        assert done | running | later == expected


def test_finished_trials_are_told_to_a_storage_that_lost_them(tmp_path):
    searcher = search(tmp_path)
    done = play(searcher, 1, 5)
    (tmp_path / "optuna.journal").unlink()
    anew = search(tmp_path)
    for number, options in done.items():
        anew.tell(number, options, loss(options))
    anew.tell(5, {name: each.draw(np.random.default_rng(0)) for name, each in SPACE.items()}, None)
    assert states(anew) == [*[(number, "COMPLETE") for number in done], (5, "FAIL")]
    assert [t.value for t in anew.study.trials[:4]] == [t.value for t in searcher.study.trials[:4]]


def test_a_trial_is_told_though_another_study_of_the_same_storage_took_it_for_stale(tmp_path):
    one, two = search(tmp_path), search(tmp_path)
    options = one.ask(1)
    two.ask(2)
    one.tell(1, options, loss(options))
    assert states(one) == [(1, "FAIL"), (2, "RUNNING"), (1, "COMPLETE")]


def test_the_registered_options_are_learnt_from_where_they_are_in_range(tmp_path):
    inside = {"beta_1": Uniform(0, 1), "n_critic": Choice((1, 5))}
    for name, space, told in [
        ("inside", inside, [{"beta_1": 0.5, "n_critic": 1}]),
        ("outside", {"beta_1": Uniform(0.6, 1)}, []),
    ]:
        folder = tmp_path / name
        folder.mkdir()
        searcher = search(folder, space=space)
        assert searcher.ask(0) == {}
        searcher.tell(0, {}, 1.0)
        assert [t.params for t in searcher.study.trials] == told


def test_a_storage_that_holds_another_study_of_that_name_is_refused(tmp_path):
    searcher = search(tmp_path)
    searcher.study.set_user_attr("config", RUN | {"seed": 1})
    with pytest.raises(FileError, match=r"holds another study .*different: seed.*choose another"):
        search(tmp_path)
    other = search(tmp_path, run=RUN | {"seed": 2})  # has another name
    assert other.study.study_name != searcher.study.study_name


@pytest.mark.parametrize(
    ("storage", "error", "message"),
    [
        ("study.db", InputError, "expected the URL of a database, such as sqlite"),
        ("nothing://x", InputError, "cannot be used as the URL"),
        ("sqlite:////no/such/folder/study.db", FileError, "cannot use this storage"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_named(tmp_path, storage, error, message):
    with pytest.raises(error, match=message):
        search(tmp_path, storage=storage)


def test_a_damaged_journal_is_named_with_what_to_do(tmp_path):
    search(tmp_path).ask(1)
    with (tmp_path / "optuna.journal").open("ab") as file:
        file.write(b"}{\n")
    with pytest.raises(FileError, match=r"optuna\.journal.*delete it: it is made again"):
        search(tmp_path)


def test_unknown_samplers_and_missing_packages_are_named(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="random, tpe, gp, cma-es, qmc, got 'annealing'"):
        search(tmp_path, "annealing")
    monkeypatch.setitem(PACKAGES, "cma-es", "no_such_package")
    with pytest.raises(InputError, match="pip install no_such_package"):
        search(tmp_path, "cma-es")
    usual = builtins.__import__

    def without(name, *rest):
        if name == "optuna":
            raise ImportError(name)
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'pushforward\[study\]'"):
        search(tmp_path)


def test_optuna_says_nothing_and_logs_as_before_afterwards(tmp_path, capfd):
    before = optuna.logging.get_verbosity()
    play(search(tmp_path), 1, 3)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before


def test_a_gaussian_process_proposes_near_the_best(tmp_path):
    searcher = search(tmp_path, "gp", {"beta_1": Uniform(0, 1)})
    for number in range(1, 13):
        options = searcher.ask(number)
        searcher.tell(number, options, (options["beta_1"] - 0.3) ** 2)
    assert abs(searcher.ask(13)["beta_1"] - 0.3) < 0.05


def test_a_study_runs_no_finished_trial_again(tmp_path, monkeypatch):
    first = run_study(X, out=tmp_path / "s", **TINY)
    assert first.complete
    file = tmp_path / "s" / "results.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2]))  # as if it was killed in the search
    begun = []
    usual = engines.run_together

    def watched(trials, *rest):
        begun.extend(trial.hash for trial in trials)
        return usual(trials, *rest)

    monkeypatch.setattr(engines, "run_together", watched)
    again = run_study(X, out=tmp_path / "s", **TINY)
    assert again.complete
    hashes = [json.loads(line)["hash"] for line in file.read_text().splitlines()]
    assert hashes == [json.loads(line)["hash"] for line in lines]
    assert begun == hashes[2:]
