"""The table: order, shared ranks, intervals, and what is not ranked."""

import math

import numpy as np
import pytest
from scipy import stats

from pushforward.study.ranking import Estimate, interval, rank


def row(method, real, fake, *, frechet=1.0, repeat=0, status="OK", kind="method", width=0.02):
    def half(value):
        return {"value": value, "target": 0.5, "interval": [value - width, value + width]}

    scores = {
        "frechet": {"value": frechet, "target": None, "interval": None},
        "nn_real": half(real),
        "nn_fake": half(fake),
    }
    return {
        "method": method,
        "kind": kind,
        "repeat": repeat,
        "status": status,
        "reason": "because",
        "scores": scores if status not in ("FAILED", "DIVERGED") else {},
        "seconds": 1.0,
        "rounds": None,
        "sizes": {"train": 600, "test": 250},
    }


def test_methods_are_ordered_by_the_worse_half():
    # The accuracies of "hidden" average to one half; its halves do not.
    standings = rank([row("hidden", 0.9, 0.1), row("good", 0.55, 0.56), row("bad", 0.99, 0.99)])
    assert [(s.method, s.rank) for s in standings] == [("good", 1), ("hidden", 2), ("bad", 3)]
    assert standings[1].distance.value == pytest.approx(0.4)


def test_overlapping_intervals_share_a_rank_and_frechet_breaks_ties():
    rows = [
        row("a", 0.60, 0.5, frechet=3.0),
        row("b", 0.60, 0.5, frechet=2.0),
        row("c", 0.61, 0.5),
        row("d", 0.80, 0.5),
    ]
    assert [(s.method, s.rank) for s in rank(rows)] == [("b", 1), ("a", 1), ("c", 1), ("d", 4)]


@pytest.mark.parametrize("status", ["COPYING", "COLLAPSED", "DIVERGED", "FAILED", "OUT_OF_BUDGET"])
def test_what_failed_is_shown_but_not_ranked(status):
    rows = [row("x", 0.5, 0.5, status=status), row("y", 0.9, 0.9)]
    standings = rank(rows)
    assert [(s.method, s.rank, s.status) for s in standings] == [
        ("y", 1, "OK"),
        ("x", None, status),
    ]
    assert standings[1].reason == "because"


def test_one_bad_repeat_is_told_and_half_of_them_decide():
    repeats = [row("x", 0.5, 0.5, repeat=r) for r in range(3)]
    repeats[1] = row("x", 0.5, 0.5, repeat=1, status="DIVERGED")
    (standing,) = rank(repeats)
    assert (standing.status, standing.finished, standing.failed) == ("OK", 2, 1)
    assert "DIVERGED in repeat 2" in standing.reason
    repeats[2] = row("x", 0.5, 0.5, repeat=2, status="DIVERGED")
    (standing,) = rank(repeats)
    assert standing.status == "DIVERGED"
    assert "2 of 3" in standing.reason


def test_yardsticks_come_last_and_have_no_rank():
    standings = rank([row("real rows", 0.5, 0.5, kind="yardstick"), row("y", 0.9, 0.9)])
    assert [(s.method, s.rank) for s in standings] == [("y", 1), ("real rows", None)]


def test_the_interval_is_nadeau_and_bengios():
    values = np.array([0.10, 0.14, 0.18, 0.12])
    got = interval(values, np.zeros(4), 0.25)
    half = stats.t.ppf(0.975, 3) * math.sqrt((1 / 4 + 0.25) * values.var(ddof=1))
    assert (got.value, got.high - got.value) == pytest.approx((0.135, half))


def test_an_interval_is_never_narrower_than_one_split_allows():
    same = interval(np.full(3, 0.2), np.full(3, 0.05), 0.4)
    assert same.high - same.value == pytest.approx(1.959964 * math.sqrt((1 / 3 + 0.4) * 0.05**2))
    single = interval(np.array([0.2]), np.array([0.05]), 0.4)
    assert single.high - single.value == pytest.approx(1.959964 * 0.05)


def test_infinite_scores_do_not_break_the_table():
    assert interval(np.array([0.1, math.inf]), np.zeros(2), 0.4) == Estimate(
        math.inf, -math.inf, math.inf
    )


def test_failing_makes_no_method_look_surer():
    three = interval(np.array([0.30, 0.31, 0.29]), np.full(3, 0.02), 0.4, planned=3)
    survivor = interval(np.array([0.30]), np.full(1, 0.02), 0.4, planned=3)
    assert survivor.high - survivor.low > three.high - three.low


def test_a_copied_repeat_does_not_improve_the_mean():
    repeats = [row("x", 0.8, 0.8, repeat=r) for r in range(3)]
    repeats[1] = row("x", 0.5, 0.5, repeat=1, status="COPYING")
    (standing,) = rank(repeats)
    assert standing.distance.value == pytest.approx(0.3)
    assert (standing.finished, standing.failed) == (2, 1)


def test_the_interval_covers_the_mean_of_independent_repeats():
    """Runs with a known error and a spread of their own beyond it, five repeats at a time."""
    rng = np.random.default_rng(0)
    for spread in (0.0, 0.02, 0.1):
        hits = 0
        for _ in range(1000):
            values = 0.3 + rng.normal(0, math.hypot(0.03, spread), size=5)
            found = interval(values, np.full(5, 0.03), 0.0, planned=5)
            hits += found.low <= 0.3 <= found.high
        assert 0.92 < hits / 1000 <= 0.995, (spread, hits)
