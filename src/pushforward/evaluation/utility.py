"""Train on generated rows, test on real ones: whether a table is of use for prediction."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pushforward.errors import InputError
from pushforward.evaluation.features import Rows
from pushforward.evaluation.mixed import Column, codes_of, judged_columns, numbers_of

MOST_ROWS = 4000  # that a model learns from, and that it is tested on, at random
FEWEST_LEARNT, FEWEST_TESTED = 20, 10
MOST_CLASSES = 20  # the most frequent ones; the others count as one more
CATEGORIES = 50  # of another column, likewise
RESAMPLES = 500
# A stock model, which learns a table of this size in tenths of a second. Each of its rounds grows a
# tree, or one for each of several classes.
MOST_ROUNDS, FEWEST_ROUNDS, TREES = 50, 10, 200
SMALL: dict[str, Any] = {
    "max_leaf_nodes": 8,
    "learning_rate": 0.15,
    "early_stopping": False,
    "random_state": 0,
}


@dataclass(frozen=True)
class Utility:
    """How well a model predicts a column of real rows, having learnt from generated or real ones.

    `fake` and `real` are its scores after each, `interval` is of fake − real. `measure` names the
    score, `learnt` and `tested` count rows.
    """

    target: Any
    measure: str  # "balanced accuracy" or "R²"
    fake: float
    real: float
    interval: tuple[float, float]
    learnt: int
    tested: int


def train_on_fake(fake: Any, train: Any, test: Any, target: str | None = None) -> Utility | None:
    """Return how well real rows of `test` are predicted by models trained on `fake` and on `train`.

    A gradient-boosted ensemble of small trees (scikit-learn's; 50 rounds, of more than four classes
    fewer, so that there are about 200 trees of 8 leaves) learns the `target` column from all others
    that are no text or identifiers: once from generated rows, once from as many training rows,
    never from those it is tested on. Of a category its balanced accuracy counts, the mean over
    classes of the share that is right; of a number or a date R² = 1 − Σ (y − ŷ)² / Σ (y − ȳ)². Both
    are better higher; as useful as real rows is what reaches their score. The 95 % interval of the
    difference is over 500 resamples of test rows, in pairs; other training rows would move both
    scores too.

    Without a `target` it is the last column of 2 to 20 categories, else the last column. Rows
    without one are left out. None where fewer than 20 rows can be learnt from or 10 tested on, or
    where nothing is to be predicted.

    Raises:
        InputError: the target is no column, or is text or an identifier.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(3, 200))
    >>> fake, train, test = (pd.DataFrame({"x": v, "sign": np.where(v > 0, "+", "-")}) for v in x)
    >>> found = train_on_fake(fake, train, test)
    >>> found.target, found.measure, found.fake > 0.9, found.real > 0.9
    ('sign', 'balanced accuracy', True, True)
    """
    fake, train, test = (pd.DataFrame(X) for X in (fake, train, test))
    return predicted(fake, train, test, judged_columns(train), target)


def predicted(
    fake: pd.DataFrame,
    train: pd.DataFrame,
    test: pd.DataFrame,
    columns: Sequence[Column],
    target: str | None = None,
) -> Utility | None:
    """`train_on_fake` of columns whose kinds are known."""
    goal = target_of(train, columns, target)
    others = [column for column in columns if column is not goal]
    if goal is None or not others:
        return None
    rng = np.random.default_rng(0)
    frames = [X[X[goal.name].notna().to_numpy()] for X in (fake, train, test)]
    size = min(len(frames[0]), len(frames[1]), MOST_ROWS)
    if size < FEWEST_LEARNT or len(frames[2]) < FEWEST_TESTED:
        return None
    frames = [_some(X, most, rng) for X, most in zip(frames, (size, size, MOST_ROWS), strict=True)]
    classes = goal.kind == "category"
    if classes:  # the training rows' most frequent, so these come first
        codes = codes_of([frames[i] for i in (1, 0, 2)], goal, MOST_CLASSES)
        y: list[Any] = [codes[1], codes[0], codes[2]]
    else:
        y = [numbers_of(X, goal) for X in frames]
    if len(np.unique(y[2])) < 2:
        return None
    X = _features(frames, others)
    guesses = [_guess(X[i], y[i], X[2], others, classes) for i in (0, 1)]
    weights = rng.multinomial(len(y[2]), np.full(len(y[2]), 1 / len(y[2])), size=RESAMPLES)
    score = _balanced_accuracy if classes else _explained
    ones = np.ones((1, len(y[2])))
    after_fake, after_real = (float(score(y[2], guess, ones)[0]) for guess in guesses)
    fake_scores, real_scores = (score(y[2], guess, weights) for guess in guesses)
    low, high = np.quantile(fake_scores - real_scores, (0.025, 0.975))
    return Utility(
        goal.name,
        "balanced accuracy" if classes else "R²",
        after_fake,
        after_real,
        (float(low), float(high)),
        size,
        len(y[2]),
    )


def target_of(
    reference: pd.DataFrame, columns: Sequence[Column], target: str | None = None
) -> Column | None:
    """The column to predict: the one asked for, the last of 2 to 20 categories, or the last."""
    if target is not None:
        named = {str(column.name): column for column in columns}
        if str(target) not in named:
            raise InputError(_no_target(target, list(map(str, reference.columns)), list(named)))
        return named[str(target)]
    few = [
        column
        for column in columns
        if column.kind == "category" and 2 <= reference[column.name].nunique() <= MOST_CLASSES
    ]
    return (few or list(columns))[-1] if columns else None


def _no_target(target: str, there: list[str], named: list[str]) -> str:
    if target in there:
        return (
            f"the target {target!r} is text or an identifier, which cannot be predicted; choose "
            f"one of {', '.join(map(repr, named[:12]))}"
        )
    close = difflib.get_close_matches(target, there, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"the target {target!r} is no column.{hint} There are {', '.join(map(repr, there[:12]))}"


def _some(frame: pd.DataFrame, most: int, rng: np.random.Generator) -> pd.DataFrame:
    if len(frame) <= most:
        return frame
    return frame.iloc[rng.choice(len(frame), most, replace=False)]


def _features(frames: Sequence[pd.DataFrame], columns: Sequence[Column]) -> list[Rows]:
    """Numbers with NaN for missing and codes of categories, (n, p) for each frame."""
    parts: list[list[Any]] = []
    for column in columns:
        if column.kind == "category":
            parts.append(list(codes_of(frames, column, CATEGORIES)))
        else:
            parts.append([numbers_of(X, column) for X in frames])
    return [np.column_stack([part[i] for part in parts]).astype(float) for i in range(len(frames))]


def _guess(X: Rows, y: Any, test: Rows, columns: Sequence[Column], classes: bool) -> NDArray[Any]:
    """What a model that learnt from X and y makes of the rows of `test`."""
    # A tenth of a second to import, and only tables need it.
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if (y == y[0]).all():
        return np.full(len(test), y[0])
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    categorical = [column.kind == "category" for column in columns]
    leaf = max(2, min(20, len(y) // 20))
    trees = len(np.unique(y)) if classes else 1
    rounds = max(FEWEST_ROUNDS, min(MOST_ROUNDS, TREES // trees))
    with threadpool_limits(limits=1):  # sums in one order, so the same on every machine
        model = kind(
            **SMALL, max_iter=rounds, min_samples_leaf=leaf, categorical_features=categorical
        )
        return np.asarray(model.fit(X, y).predict(test))


def _balanced_accuracy(y: Any, guess: Any, weights: Any) -> Rows:
    """The mean of the classes' shares of right guesses, for each row of weights (b, n)."""
    belongs = (y[:, None] == np.unique(y)).astype(float)
    counts = weights @ belongs
    right = weights @ (belongs * (y == guess)[:, None])
    shares = np.divide(right, counts, out=np.full_like(counts, np.nan), where=counts > 0)
    return np.nanmean(shares, axis=1)


def _explained(y: Any, guess: Any, weights: Any) -> Rows:
    """R² for each row of weights (b, n)."""
    error, y = weights @ (y - guess) ** 2, y - y.mean()
    around = weights @ y**2 - (weights @ y) ** 2 / weights.sum(axis=1)
    return 1.0 - error / around
