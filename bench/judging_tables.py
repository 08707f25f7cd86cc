"""What the scores of tables say of samples whose faults are known.

    python bench/judging_tables.py

Prints the numbers that docs/judging-tables.md quotes. Takes about half a minute.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd

import pushforward as pf

SEED = 7
TRAIN, TEST, RELEASED = 1200, 600, 6000


def customers(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Numbers, a date, categories and holes, the last column of two values."""
    age = rng.gamma(9, 5, n).round()
    city = rng.choice(["Bern", "Basel", "Chur", "Zürich"], n, p=[0.45, 0.3, 0.05, 0.2])
    income = np.exp(rng.normal(10.3 + 0.01 * age + 0.5 * (city == "Zürich"), 0.4))
    days = pd.to_timedelta((rng.beta(2, 1, n) * 5000).astype(int), "D")
    kids = rng.poisson(1.5 * (age > 35) + 0.1)
    logit = 1.2 * kids - 2 + 1.5 * (city == "Bern")
    frame = pd.DataFrame(
        {
            "age": age,
            "city": city,
            "income": income.round(2),
            "since": pd.Timestamp("2010-01-01") + days,
            "kids": kids,
            "left": np.where(rng.random(n) < 1 / (1 + np.exp(-logit)), "yes", "no"),
        }
    )
    frame.loc[rng.random(n) < 0.15, "income"] = np.nan
    return frame


def main() -> None:
    rng = np.random.default_rng(SEED)
    train, test, fresh = (customers(n, rng) for n in (TRAIN, TEST, RELEASED))
    shuffled = fresh.apply(lambda column: rng.permutation(column))
    wrong = fresh.assign(age=fresh["age"] + 5, city=rng.choice(["Bern", "Basel"], RELEASED))
    samples = {"other real rows": fresh, "shuffled columns": shuffled, "two wrong columns": wrong}
    for name, sampler in {
        "gaussian": pf.Gaussian,
        "copula": pf.GaussianCopula,
        "kernel-density": pf.KernelDensity,
        "copycat": pf.Copycat,
    }.items():
        model = sampler(random_state=SEED).fit(train)
        samples[name] = model.sample(RELEASED, random_state=SEED)
    for name, released in samples.items():
        began = time.process_time()
        scores = pf.evaluate(test, released[:TEST], train, released=released)
        seconds = time.process_time() - began
        keys = ("columns", "columns_different", "associations", "utility", "membership")
        said = [f"{key} {scores[key].value:.3f}" for key in (*keys, "members_found")]
        low, high = scores["utility"].interval
        real = scores["utility"].target
        print(f"{name}: {'; '.join(said)}; {seconds:.2f} s")
        print(f"  after real rows {real:.3f}; difference {low - real:+.3f} to {high - real:+.3f}")
        print(
            f"  equal laws: columns {scores['columns'].expected_bias:.3f}, associations "
            f"{scores['associations'].expected_bias:.3f}"
        )
        print(f"  differ: {', '.join(scores.columns.index[scores.columns['differs']].unique())}")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
