"""Rejection: what is kept has the law given the filter, and ends in time."""

import json
import re
import time

import numpy as np
import pytest
from scipy import stats

from pushforward.drawing import draw_accepted
from pushforward.errors import InputError, TooRare


def normal(seed=0):
    rng = np.random.default_rng(seed)
    return lambda m: rng.standard_normal((m, 2))


def test_what_is_kept_has_the_law_given_the_filter():
    rows, took = draw_accepted(3000, normal(), lambda X: X[:, 0] > 1.5, asked="x above 1.5")
    assert rows.shape == (3000, 2)
    law = stats.truncnorm(1.5, np.inf)
    assert stats.kstest(rows[:, 0], law.cdf).pvalue > 0.01
    assert stats.kstest(rows[:, 1], stats.norm.cdf).pvalue > 0.01
    low, high = took.interval
    assert low < stats.norm.sf(1.5) < high
    assert took.rate == took.accepted / took.drawn
    draws, seconds = took.forecast(100)
    assert draws == 100 / took.rate
    assert 0 < seconds < took.seconds


def test_blocks_follow_from_counts_so_that_a_seed_repeats():
    calls = []

    def slow(m, draw=normal(5)):  # noqa: B008
        calls.append(m)
        time.sleep(0.01 * len(calls))
        return draw(m)

    def rare(X):
        return X[:, 0] > 2

    a, _ = draw_accepted(500, normal(5), rare, asked="rare")
    b, _ = draw_accepted(500, slow, rare, asked="rare")
    np.testing.assert_array_equal(a, b)
    assert calls[0] == 2000
    assert all(later <= 4 * sum(calls[:i]) for i, later in enumerate(calls) if i)


def test_intervals_of_the_share_cover_it():
    share, covered = stats.norm.sf(2.0), 0
    for seed in range(200):
        _, took = draw_accepted(1, normal(seed), lambda X: X[:, 0] > 2, asked="x above 2")
        low, high = took.interval
        covered += low < share < high
    assert covered >= 180  # of 200 intervals of 95 %: 190 are expected


def test_what_cannot_be_met_ends_at_once_and_says_how_rare_it_is():
    begun = time.monotonic()
    with pytest.raises(TooRare, match=r"never: 0 of .* draws, at most .* % \(95 %\)") as caught:
        draw_accepted(10**6, normal(), lambda X: X[:, 0] > 99, asked="never", budget=2.0)
    assert time.monotonic() - begun < 2.5
    assert isinstance(caught.value, InputError)
    for words in ("1000000 row(s) would take more than", "the budget is 2 s", "wider range"):
        assert words in str(caught.value)
    assert caught.value.acceptance.accepted == len(caught.value.rows) == 0


def test_what_takes_too_long_keeps_what_was_accepted():
    def slow(m, draw=normal()):  # noqa: B008
        time.sleep(1e-5 * m)
        return draw(m)

    with pytest.raises(TooRare, match="would take about") as caught:
        draw_accepted(10**5, slow, lambda X: X[:, 0] > 2, asked="x above 2", budget=0.5)
    rows = caught.value.rows
    assert len(rows) == caught.value.acceptance.accepted > 10
    assert rows[:, 0].min() > 2


def test_records_add_up_and_are_plain():
    _, a = draw_accepted(10, normal(0), lambda X: X[:, 0] > 0, asked="a")
    _, b = draw_accepted(20, normal(1), lambda X: X[:, 0] > 1, asked="b")
    both = a + b
    assert (both.accepted, both.drawn) == (a.accepted + b.accepted, a.drawn + b.drawn)
    told = json.loads(json.dumps(both.to_dict()))
    assert told["asked"] == "a; b"
    assert told["rate"] == both.rate


def test_what_is_refused_is_said_to_take_longer_than_the_budget():
    def slow(m, draw=normal()):  # noqa: B008
        time.sleep(1e-5 * m)
        return draw(m)

    for native in (1.0, 0.5):
        with pytest.raises(TooRare) as caught:
            draw_accepted(5000, slow, lambda X: X[:, 0] > 1, asked="x", budget=0.2, native=native)
        words = str(caught.value)
        assert float(re.search(r"draws and (\S+) s, and the budget", words)[1]) > 0.2
        assert ("without trying" in words) == (native == 1)
