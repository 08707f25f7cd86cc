"""Conditions on columns: forecast against truth, and the law itself against rejection.

A generated mixed table is learnt by each method that can be conditioned. Of each event, common to
rare, rows are drawn by the law given it and by rejection from the law as it was learnt: seconds,
shares of draws that were accepted, and whether both give the same rows. The probability of an event
is counted among many unconditional draws, and held against what the first 2000 draws forecast.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time
import warnings
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from scipy import stats

from pushforward import METHODS
from pushforward.data.asked import event_of
from pushforward.errors import TooRare
from pushforward.evaluation.intervals import wilson_interval
from pushforward.sampler import Sampler
from record import folder_of, keep, machine, options_of, print_table

PILOT = 2000
BUDGET = 60.0  # seconds
NAMES = ("gaussian", "mixture", "kernel-density", "copula")
EVENTS: dict[str, dict[str, Any]] = {
    "age 30 to 40": {"age": (30, 40)},
    "city Bern, member": {"city": "Bern", "member": True},
    "age 30, city Bern": {"age": 30, "city": "Bern"},
    "income 2.5 to 4, age 20 to 35": {"income": (2.5, 4), "age": (20, 35)},
    "one month, Chur, no income": {"since": "2021-03", "city": "Chur", "income": None},
}


def table(n: int, seed: int = 0) -> pd.DataFrame:
    """Eight columns that depend on each other: numbers, a heap, holes, categories, dates."""
    rng = np.random.default_rng(seed)
    z, days = rng.normal(size=n), pd.to_timedelta(rng.integers(0, 900, n), "D")
    frame = pd.DataFrame(
        {
            "age": np.clip(45 + 12 * rng.normal(size=n) + 6 * z, 18, 90).round().astype(int),
            "income": np.exp(0.5 * z + 0.4 * rng.normal(size=n)).round(2),
            "spent": np.maximum(rng.normal(size=n) + z, 0),
            "height": rng.normal(170, 9, n).round(1),
            "city": np.where(z > 1, "Bern", np.where(rng.random(n) < 0.5, "Basel", "Chur")),
            "member": rng.random(n) < 1 / (1 + np.exp(2 - z)),
            "visits": rng.poisson(np.exp(0.4 * z)),
            "since": pd.Timestamp("2020-01-01") + days,
        }
    )
    frame.loc[rng.random(n) < 0.1, "income"] = np.nan
    return frame


def drawn(sampler: Sampler, given: dict[str, Any], n: int, seed: int, budget: float) -> Any:
    """Rows, None where they are too rare, and what it took: seconds and the acceptance."""
    begun = time.perf_counter()
    try:
        rows = sampler.sample(n, given=given, random_state=seed, budget=budget)
        took = sampler.sample_acceptance_
    except TooRare as error:
        rows, took = None, error.acceptance
    return rows, time.perf_counter() - begun, took


def same(a: pd.DataFrame, b: pd.DataFrame) -> float:
    """The smallest p-value of two-sample tests of the columns, times their number."""
    found = []
    for column in a:
        if a[column].dtype.kind in "if":
            found.append(stats.ks_2samp(a[column].fillna(-9), b[column].fillna(-9), method="asymp"))
        elif a[column].dtype.kind == "M":
            found.append(
                stats.ks_2samp(*(x[column].astype("int64") for x in (a, b)), method="asymp")
            )
        else:
            counts = pd.concat([x[column].value_counts() for x in (a, b)], axis=1).fillna(0)
            if len(counts) > 1:
                found.append(stats.chi2_contingency(counts.to_numpy()))
    return min(1.0, len(found) * min(test.pvalue for test in found))


def covered(sampler: Sampler, event: Any, share: float, pilots: int) -> tuple[float, float]:
    """How many pilots' intervals cover the share, and the median factor by which one is off."""
    hits, factors = 0, []
    for seed in range(pilots):
        Z = sampler._draw(PILOT, np.random.default_rng([7, seed]))
        rate = event.holds(sampler.encoding_.learnt_columns(Z)).mean()
        low, high = wilson_interval(rate, PILOT)
        hits += low <= share <= high
        factors.append(max(rate / share, share / rate) if rate else np.inf)
    return hits / pilots, float(np.median(factors))


def main(options: argparse.Namespace) -> None:
    n, rows, wanted = (1000, 100_000, 50) if options.quick else (2000, 200_000, 300)
    pilots, found = (5, []) if options.quick else (30, [])
    frame = table(n)
    for name in NAMES:
        sampler = METHODS[name].make(random_state=0).fit(frame)
        counts = dict.fromkeys(EVENTS, 0)
        events = {said: event_of(given, sampler.encoding_) for said, given in EVENTS.items()}
        rng = np.random.default_rng(1)
        for _ in range(rows // 100_000):
            block = sampler.encoding_.learnt_columns(sampler._draw(100_000, rng))
            for said, event in events.items():
                counts[said] += int(event.holds(block).sum())
        for said, given in EVENTS.items():
            share = counts[said] / rows
            natively, seconds, took = drawn(sampler, given, wanted, 0, BUDGET)
            with patch.object(type(sampler), "_law_given", Sampler._law_given):
                rejected, by_rejection, tried = drawn(sampler, given, wanted, 1, BUDGET)
            cover, factor = covered(sampler, events[said], share, pilots)
            found.append(
                {
                    "method": name,
                    "event": said,
                    "probability": share,
                    "estimated": took.native * took.rate,
                    "native_seconds": seconds,
                    "native_accepted": took.rate,
                    "rejection_seconds": by_rejection,
                    "rejection_drawn": tried.drawn,
                    "rejection_done": rejected is not None,
                    "p_value": None if rejected is None else same(natively, rejected),
                    "pilot_coverage": cover,
                    "pilot_factor": factor,
                }
            )
    head = (
        "",
        "P(event)",
        "by law, s",
        "accepted",
        "rejection, s",
        "draws",
        "p",
        "covers",
        "off by",
    )
    print_table(
        head,
        [
            (
                f"{r['method']}: {r['event']}",
                f"{r['probability']:.2g}",
                f"{r['native_seconds']:.3f}",
                f"{r['native_accepted']:.2f}",
                f"{r['rejection_seconds']:.2f}" if r["rejection_done"] else "-",
                f"{r['rejection_drawn']}",
                "-" if r["p_value"] is None else f"{r['p_value']:.2f}",
                f"{r['pilot_coverage']:.2f}",
                f"{r['pilot_factor']:.2f}",
            )
            for r in found
        ],
    )
    setting = {"table_rows": n, "rows_drawn": wanted, "rows_counted": rows, "pilots": pilots}
    keep("conditional-sampling", folder_of(options), {"machine": MACHINE, **setting, "rows": found})


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    MACHINE = machine()
    main(options_of(__doc__).parse_args())
