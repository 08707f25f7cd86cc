"""Tables to compare generators on: two generated ones of mixed columns, and scikit-learn's own.

Each is drawn or split afresh for a seed: rows to fit to, rows of the same law that no fit sees, and
the column that a classifier or regressor is to tell from the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import train_test_split

ROWS, TEST_ROWS = 10_000, 5000  # of the generated tables


class Table(NamedTuple):
    train: pd.DataFrame
    test: pd.DataFrame
    target: str

    @property
    def categories(self) -> list[str]:
        return [c for c in self.train if not pd.api.types.is_numeric_dtype(self.train[c])]


def clusters(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Four hidden classes shift half of eight normal columns and turn four categorical ones.

    n_i = (1 + i mod 3) z_i + 2 h (i mod 2) + 3 b_i,  b_i ~ Bernoulli(.3): two modes each, or more;
    c_j = h + Geometric(.6) − 1 modulo 2, 5, 10 and 30.
    """
    hidden = rng.integers(0, 4, n)
    numbers = {
        f"n{i}": rng.standard_normal(n) * (1 + i % 3)
        + 2.0 * hidden * (i % 2)
        + 3.0 * (rng.random(n) < 0.3)
        for i in range(8)
    }
    turned = {
        f"c{j}": ((hidden + rng.geometric(0.6, n) - 1) % k).astype(str)
        for j, k in enumerate((2, 5, 10, 30))
    }
    return pd.DataFrame(numbers | turned)


def people(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Invented people: skew, heaps, bounds and decimals, and a chain of dependences.

    Sex → height → weight; age → employment → hours, heaped at 40 and 0; education (8 levels), age →
    log income (2 decimals) → savings, which 70 % do not have; a score that is full for some; a
    distance whose law is the region's (30 of Zipf's law).
    """
    age = np.clip(np.rint(18 + 72 * rng.beta(1.5, 2.2, n)), 18, 90)
    female = rng.random(n) < 0.51
    height = np.rint(rng.normal(np.where(female, 165, 178), 7) * 10) / 10
    weight = np.rint((rng.normal(23.5, 3.2, n) + 0.03 * (age - 45)) * (height / 100) ** 2 * 10) / 10
    education = np.clip(rng.poisson(3.2, n) - (age > 70), 0, 7)
    retired = (age > 64) & (rng.random(n) < 0.9)
    works = ~retired & (rng.random(n) < 0.68 + 0.04 * education)
    employed = np.select([retired, works], ["retired", "yes"], "no")
    part = rng.random(n) < np.where(female, 0.4, 0.15)
    hours = np.where(part, np.rint(rng.uniform(8, 36, n)), 40)
    hours = np.where(
        works, np.where(rng.random(n) < 0.2, hours + np.rint(rng.exponential(6, n)), hours), 0
    )
    log_income = 9.4 + 0.16 * education + 0.9 * works - 0.0006 * (age - 50) ** 2
    income = np.round(np.exp(log_income + 0.45 * rng.standard_normal(n)), 2)
    saves = rng.random(n) < np.clip(0.1 + (income - 15_000) / 120_000, 0.05, 0.9)
    savings = np.where(saves, np.round(income * rng.lognormal(-0.5, 0.9, n), 2), 0.0)
    score = np.clip(np.rint(55 + 6 * education + 14 * rng.standard_normal(n)), 0, 100)
    region = np.minimum(rng.zipf(1.4, n), 30) - 1
    distance = np.round(rng.gamma(2.0, 1 + region % 7, n), 1)
    return pd.DataFrame(
        {
            "age": age.astype(int),
            "height": height,
            "weight": weight,
            "hours": hours.astype(int),
            "income": income,
            "savings": savings,
            "score": score.astype(int),
            "distance": distance,
            "sex": np.where(female, "f", "m"),
            "education": np.array(list("ABCDEFGH"))[education],
            "employed": employed,
            "region": np.char.add("r", region.astype(str)),
        }
    )


def bundled(load: Callable[..., pd.DataFrame], target: str, seed: int) -> Table:
    """One of scikit-learn's tables, half to fit to and half to test with; classes have names."""
    data = load(as_frame=True)
    frame = data.frame
    if hasattr(data, "target_names"):
        frame = frame.assign(**{target: data.target_names[frame[target]].astype(str)})
    halves = train_test_split(frame, test_size=0.5, random_state=seed)
    return Table(*(half.reset_index(drop=True) for half in halves), target)


def generated(draw: Callable[..., pd.DataFrame], target: str, seed: int, rows: int = ROWS) -> Table:
    rng = np.random.default_rng(seed)
    return Table(draw(rows, rng), draw(min(rows, TEST_ROWS), rng), target)


def table_of(name: str, seed: int) -> Table:
    match name:
        case "clusters":
            return generated(clusters, "c1", seed)
        case "people":
            return generated(people, "employed", seed)
        case "breast-cancer":
            return bundled(datasets.load_breast_cancer, "target", seed)
        case "wine":
            return bundled(datasets.load_wine, "target", seed)
        case "iris":
            return bundled(datasets.load_iris, "target", seed)
        case "diabetes":
            return bundled(datasets.load_diabetes, "target", seed)
    raise ValueError(name)


NAMES = ("clusters", "people", "breast-cancer", "wine", "iris", "diabetes")
