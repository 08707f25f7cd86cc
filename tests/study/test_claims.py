"""Claims of studies in which the truth was put there, or was left out."""

import numpy as np
import pytest
from scipy import stats

from pushforward.errors import FileError, InputError
from pushforward.study.budget_claims import ALIKE, ORDER, OVERTURNED, budget_claims
from pushforward.study.claim import NOT_SUPPORTED, SUPPORTED, UNDECIDED
from pushforward.study.claims import MOST_ALIKE, claims, reference_claim
from pushforward.study.evidence import Evidence
from pushforward.study.order import holm, pairs, places
from pushforward.study.score_claims import agreement_claim, stability_claim
from pushforward.study.transfer import transfer_claim
from studies import SPACE, config, restarted, row, searched, write, yardsticks


def study(trials, restarts=None, **run):
    """Evidence of given trials, by method, and of restarts of their winners."""
    rows = yardsticks(10)
    for i, (method, distances) in enumerate(trials.items()):
        found = searched(method, distances, seed=i)
        rows += found
        if restarts:
            rows += restarted(found, restarts[method])
    most = max(map(len, trials.values()))
    return Evidence(config(dict.fromkeys(trials, SPACE), trials=most, **run), rows)


def verdicts(found):
    return {claim.name: claim.verdict for claim in found}


def uniform(seed, low, high, n=30):
    return np.random.default_rng(seed).uniform(low, high, n)


def test_a_failure_is_as_bad_as_the_worst_of_all_methods():
    rows = searched("vae", [0.3, 0.1, 0.2]) + searched("gan", [0.4, 0.05, 0.2])
    rows[4] |= {"status": "COLLAPSED"}
    found = Evidence(config({"vae": SPACE, "gan": SPACE}), rows)
    assert found.values("gan").round(6).tolist() == [0.4, 0.4, 0.2]
    assert found.failed("gan").tolist() == [False, True, False]
    assert found.winners["gan"]["repeat"] == 2


def test_methods_of_one_law_are_rarely_told_apart_by_any_budget():
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(200):
        trials = {m: np.exp(1.5 * rng.normal(size=9)) for m in ("gan", "vae")}
        told += verdicts(budget_claims(study(trials)))[ALIKE] == NOT_SUPPORTED
    assert told <= stats.binom.ppf(0.99, 200, 0.05)


def test_restarts_of_what_was_the_winner_before_no_longer_count():
    trials = searched("vae", [0.3, 0.1, 0.2, 0.05])
    old = restarted(trials[:3], [0.11, 0.12])
    found = Evidence(config({"vae": SPACE}, restarts=2), trials + old)
    assert found.restarts["vae"] == []
    now = restarted(trials, [0.06])
    found = Evidence(config({"vae": SPACE}, restarts=2), trials + old + now)
    assert [r["options"] for r in found.restarts["vae"]] == [trials[3]["options"]]


def test_a_folder_that_is_no_study_is_refused_in_words(tmp_path):
    settings = config({"vae": SPACE})
    del settings["run"]["spaces"]
    with pytest.raises(FileError, match="not that of a study: 'spaces'"):
        Evidence.read(write(tmp_path / "run", settings, []))


def test_the_pair_test_is_that_of_mann_and_whitney():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=6), rng.normal(2, size=7)
    (pair,) = pairs({"a": a, "b": b})
    assert (pair.better, pair.worse) == ("a", "b")
    assert pair.p == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue)
    assert pair.least_p == pytest.approx(2 / 1716)


def test_equal_methods_are_rarely_called_different():
    rng = np.random.default_rng(1)
    studies = 30
    wrong = sum(
        any(pair.sure for pair in pairs({name: rng.normal(size=5) for name in "abcd"}, seed=seed))
        for seed in range(studies)
    )
    assert wrong <= stats.binom.ppf(0.999, studies, 0.05)


def test_ranks_have_intervals_that_overlap_only_where_methods_do():
    rng = np.random.default_rng(2)
    means = {"far": 3.0, "one": 1.0, "two": 1.02}
    found = {p.method: p for p in places({m: rng.normal(v, 0.1, 10) for m, v in means.items()})}
    assert (found["far"].low, found["far"].rank, found["far"].high) == (3, 3, 3)
    for name in ("one", "two"):
        assert (found[name].low, found[name].high) == (1, 2)


def test_adjusted_p_values_never_fall_and_never_pass_one():
    assert holm([0.5, 0.9, 0.01, 0.04]) == pytest.approx([1.0, 1.0, 0.04, 0.12])


def test_a_clear_winner_is_called_one_and_equal_methods_are_not():
    trials = {
        "vae": uniform(0, 0.1, 0.3),
        "ns-gan": uniform(1, 0.1, 0.3),
        "wgan": uniform(2, 0.1, 0.3),
    }
    same = {name: uniform(i, 0.10, 0.12, 10) for i, name in enumerate(trials)}
    found = verdicts(claims(study(trials, same)))
    assert found[MOST_ALIKE] == SUPPORTED
    assert found["No method is surely better than ns-gan"] == SUPPORTED
    assert [v for n, v in found.items() if " is better than " in n] == [UNDECIDED] * 2

    apart = same | {"vae": uniform(9, 0.02, 0.04, 10)}
    found = verdicts(claims(study(trials, apart)))
    assert found["vae is better than ns-gan"] == found["vae is better than wgan"] == SUPPORTED
    assert found[MOST_ALIKE] == NOT_SUPPORTED
    assert found["No method is surely better than ns-gan"] == NOT_SUPPORTED


def test_two_restarts_decide_nothing():
    trials = {"vae": uniform(0, 0.1, 0.3), "ns-gan": uniform(1, 0.2, 0.4)}
    evidence = study(trials, {"vae": [0.1, 0.11], "ns-gan": [0.3, 0.31]})
    found = {claim.name: claim for claim in claims(evidence)}
    assert found["vae is better than ns-gan"].verdict == UNDECIDED
    assert found["vae is better than ns-gan"].numbers["chance"] == 1
    assert found[MOST_ALIKE].verdict == UNDECIDED
    assert found["No method is surely better than ns-gan"].verdict == UNDECIDED


def test_better_in_one_study_is_not_consistently_better():
    trials = {"vae": uniform(0, 0.1, 0.3), "ns-gan": uniform(1, 0.1, 0.3)}
    good = {"vae": uniform(2, 0.02, 0.04, 10), "ns-gan": uniform(3, 0.1, 0.2, 10)}
    bad = {"vae": uniform(2, 0.3, 0.4, 10), "ns-gan": uniform(3, 0.1, 0.2, 10)}
    assert reference_claim([study(trials, good)]).verdict == NOT_SUPPORTED
    both = reference_claim([study(trials, good), study(trials, bad)])
    assert both.verdict == SUPPORTED
    assert both.numbers == {"better": 0, "others": 1, "studies": 2}


def test_methods_with_one_law_of_scores_are_alike_with_few_trials():
    evidence = study(
        {f"{m}-gan": uniform(i, 0.1, 0.4, 45) for i, m in enumerate(["ls", "ns", "mm"])}
    )
    found = {claim.name: claim for claim in budget_claims(evidence)}
    assert found[ALIKE].verdict == SUPPORTED
    assert found[ALIKE].numbers["trials"] == 15
    assert found[ORDER].verdict == UNDECIDED
    assert found[OVERTURNED].verdict == UNDECIDED


def test_a_narrow_method_is_overtaken_by_a_wide_one_with_more_trials():
    wide, narrow = uniform(0, 0.0, 0.5, 60), uniform(1, 0.18, 0.2, 60)
    evidence = study({"gan": wide, "vae": narrow})
    found = {claim.name: claim for claim in budget_claims(evidence)}
    assert found[ORDER].verdict == SUPPORTED
    assert "from the best to the worst: vae, gan; with 20 each: gan, vae." in found[ORDER].sentence
    assert found[ALIKE].verdict == NOT_SUPPORTED
    assert found[ALIKE].numbers["trials"] == 1
    # With as many trials the narrow one is the worse; with all of them it beats few of the other.
    assert found[OVERTURNED].verdict == SUPPORTED
    assert "vae with 20 trials" in found[OVERTURNED].sentence
    assert "surely beats gan with 1" in found[OVERTURNED].sentence


def test_a_method_that_is_always_far_worse_is_never_the_better_for_more_trials():
    evidence = study({"gan": uniform(0, 0.4, 0.5, 60), "vae": uniform(1, 0.1, 0.2, 60)})
    found = {claim.name: claim for claim in budget_claims(evidence)}
    assert found[OVERTURNED].verdict == NOT_SUPPORTED
    assert found[ORDER].verdict == NOT_SUPPORTED


def test_trials_that_learn_from_one_another_are_no_sample():
    evidence = study({"gan": uniform(0, 0.4, 0.5), "vae": uniform(1, 0.1, 0.2)}, search="tpe")
    assert {claim.verdict for claim in budget_claims(evidence)} == {UNDECIDED}
    assert "learns from its trials" in budget_claims(evidence)[0].sentence
    assert stability_claim(evidence).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("width", "verdict"), [(0.02, NOT_SUPPORTED), (0.2, SUPPORTED), (0.11, UNDECIDED)]
)
def test_stability_is_a_ratio_of_spreads(width, verdict):
    n = 30 if verdict == UNDECIDED else 100
    evidence = study({"vae": uniform(0, 0.1, 0.1 + width, n), "gan": uniform(1, 0.1, 0.3, n)})
    claim = stability_claim(evidence)
    assert claim.verdict == verdict, claim
    assert claim.numbers["low"] < claim.numbers["ratio"] < claim.numbers["high"]


def test_a_method_that_only_fails_is_not_called_stable():
    rows = searched("gan", uniform(0, 0.1, 0.3)) + searched("vae", uniform(1, 0.1, 0.3), seed=1)
    rows += searched("began", [0.5] * 30, seed=2, status="COLLAPSED")
    evidence = Evidence(config(dict.fromkeys(["gan", "vae", "began"], SPACE)), rows)
    claim = stability_claim(evidence)
    assert "began's" not in claim.sentence
    assert "to 100% (began) of trials failed" in claim.sentence


def test_scores_that_order_alike_are_told_from_those_that_do_not():
    rng = np.random.default_rng(7)
    distances = uniform(0, 0.1, 0.4, 40)

    def evidence(frechets):
        rows = [
            row("vae", k, d, options={"k": k}, frechet=float(f))
            for k, (d, f) in enumerate(zip(distances, frechets, strict=True))
        ]
        return Evidence(config({"vae": SPACE}, trials=40), rows)

    alike = agreement_claim(evidence(distances**2), "frechet")
    assert alike.verdict == NOT_SUPPORTED
    assert alike.numbers["correlation"] == pytest.approx(1)
    assert alike.numbers["beaten"] == 0
    other = agreement_claim(evidence(rng.random(40)), "frechet")
    assert other.verdict == SUPPORTED
    assert abs(other.numbers["correlation"]) < 0.4
    assert other.numbers["beaten"] > 0


def test_what_wins_on_one_data_set_wins_on_another_only_where_it_was_put_there():
    methods = [f"gan-{k}" for k in range(10)]

    def both(same):
        values = {m: uniform(i, 0.1, 0.4) for i, m in enumerate(methods)}
        others = {m: uniform(20 + i, 0.1, 0.4) for i, m in enumerate(methods)}
        return [study(values), study(values if same else others)]

    same, other = (transfer_claim(both(flag)) for flag in (True, False))
    assert same.verdict == NOT_SUPPORTED
    assert same.numbers["beaten"] == 0
    assert other.verdict == SUPPORTED
    assert other.numbers["low"] < 0.5 < other.numbers["high"]
    few = [study({"vae": [0.1, 0.2]}), study({"vae": [0.1, 0.2]})]
    assert transfer_claim(few).verdict == UNDECIDED


def test_studies_that_cannot_be_compared_are_refused_in_words():
    one = study({"vae": [0.1, 0.2]})
    with pytest.raises(InputError, match="two studies or more"):
        transfer_claim([one])
    with pytest.raises(InputError, match="of one objective, got distance, frechet"):
        transfer_claim([one, study({"vae": [0.1, 0.2]}, objective="frechet")])


def test_a_study_in_which_everything_failed_decides_nothing():
    rows = searched("gan", [0.5] * 30, status="DIVERGED", scores={})
    rows += searched("vae", [0.5] * 30, status="COLLAPSED", seed=1)
    evidence = Evidence(config({"gan": SPACE, "vae": SPACE}), rows)
    assert {claim.verdict for claim in claims(evidence)} == {UNDECIDED}
    assert evidence.only_failed("gan")
    assert len(evidence.judged) == 60
