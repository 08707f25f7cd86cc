"""How well generated rows can be told from real ones, and which of them give themselves away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from pushforward.errors import InputError
from pushforward.evaluation.c2st import VOTES
from pushforward.evaluation.features import (
    FeatureMap,
    Rows,
    Standardised,
    as_row_pair,
    as_rows,
    feature_map,
    feature_name,
)
from pushforward.evaluation.inputs import as_data, pooled, with_columns_of
from pushforward.evaluation.intervals import newcombe_interval, wilson_interval
from pushforward.evaluation.permutation import own_generator
from pushforward.evaluation.spectrum import Spectrum
from pushforward.progress import shown

FOLDS, INNER = 5, 2
WIDENED = 1 + FOLDS / (FOLDS - 1)  # a variance, as folds learn from one another's rows
LEAST = 10  # rows of either kind: two in each fold
LEARNT_FROM = 4000  # rows at once; those beyond are judged, and not learnt from
BOOSTED = 40  # trees
LEAST_POWER = 0.1  # of a classifier by whose errors a share can still be corrected
SURE = 1e-3  # a single classifier's vote is never taken for surer than this

LIMITS = (
    "This tells rows of this generator from rows of this real data, and nothing else: it is no "
    "detector of generated data in general. Another generator, other real data or a file that was "
    "compressed or rescaled needs its own rows to learn from; that rows cannot be told apart does "
    "not show that they are real."
)


@dataclass(frozen=True)
class Detection:
    """How far generated rows can be told from real ones by classifiers that saw neither.

    `accuracy` is over both kinds alike, ½ by chance; `auc` the share of pairs, a real row and a
    generated one, in which the latter gets the higher probability. `false_alarms` is the share of
    real rows that are called generated, `misses` of generated ones that are not. `p_value` is
    one-sided, against equal laws. `real` (m,) and `suspect` (n,) are each row's probability of
    being generated, were either kind as likely. With rows that are known to be generated, those
    were learnt from, all scores are of them, and `share` estimates how many of `suspect` are, with
    its interval.
    """

    accuracy: float
    interval: tuple[float, float]
    auc: float
    auc_interval: tuple[float, float]
    p_value: float
    false_alarms: float
    misses: float
    real: NDArray[np.float64]
    suspect: NDArray[np.float64]
    features: str
    share: float | None = None
    share_interval: tuple[float, float] | None = None

    def to_frame(self) -> pd.DataFrame:
        """One line per row: which set, its number there from 0 on, its probability."""
        sizes = [len(self.real), len(self.suspect)]
        return pd.DataFrame(
            {
                "set": np.repeat(["real", "suspect"], sizes),
                "row": np.concatenate([np.arange(size) for size in sizes]),
                "probability_generated": np.concatenate([self.real, self.suspect]),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """All but the probabilities of single rows, as plain values."""
        return {k: v for k, v in vars(self).items() if not isinstance(v, np.ndarray)}

    def __str__(self) -> str:
        low, high = self.interval
        auc_low, auc_high = self.auc_interval
        said = [
            f"told from real ones: {self.accuracy:.1%} right ({low:.1%} to {high:.1%}; by chance "
            f"50 %), one-sided p = {self.p_value:.2g}",
            f"area under the ROC curve {self.auc:.3f} ({auc_low:.3f} to {auc_high:.3f})",
            f"real ones called generated {self.false_alarms:.1%}, generated ones that pass "
            f"{self.misses:.1%}",
        ]
        if self.share is not None and self.share_interval is not None:
            low, high = self.share_interval
            said.append(
                f"of the suspects about {self.share:.0%} are generated ({low:.0%} to {high:.0%})"
            )
        return "\n".join(said)


def detect(
    real: Any,
    suspect: Any,
    *,
    known: Any = None,
    features: FeatureMap | str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Detection:
    """Say how far generated rows can be told from real ones, and how likely each is generated.

    Nearest neighbours, a logistic regression, a network and boosted trees vote, and a logistic
    regression of the logits of their votes is the probability. All is cross-fitted: five folds are
    each judged by classifiers of the other four, within which the votes that are weighed are of
    rows that the voters have not seen. Folds that learn from one another are not independent: the
    intervals are widened for it (Nadeau and Bengio), and the p-value is of three folds that are
    judged by classifiers of those before them only (Mann and Whitney's, added; exact in each).

    Args:
        real: real rows that the generator has not seen, an array, a DataFrame or images
            `(n, h, w[, c])`.
        suspect: rows of the same kind, taken for generated ones to learn from.
        known: rows that are known to be generated. Then these are learnt from, and `suspect`, which
            may be a mixture, is only judged.
        features: what is told apart by, as in `evaluate`; by default standardised columns, of
            images their principal components and their spectrum.
        seed: of the folds.
        progress: show a bar where there is a terminal.

    Raises:
        InputError: fewer than ten rows of a kind, or rows of different kinds.

    Lopez-Paz and Oquab 2017, arXiv:1610.06545; Nadeau and Bengio 2003, Mach. Learn. 52, 239; for
    the share Rogan and Gladen 1978, Am. J. Epidemiol. 107, 71.

    >>> rows = np.random.default_rng(0).normal(size=(60, 2))
    >>> found = detect(rows[:30], rows[30:] + 9)
    >>> found.accuracy, found.auc, bool(found.suspect.min() > found.real.max())
    (1.0, 1.0, True)
    """
    rng = own_generator(seed)
    real, suspect = as_data(real, "real"), as_data(suspect, "suspect")
    suspect = with_columns_of(real, suspect, "suspect")
    fake = suspect if known is None else with_columns_of(real, as_data(known, "known"), "known")
    for name, some in (("real", real), ("known" if known is not None else "suspect", fake)):
        if len(some) < LEAST:
            raise InputError(
                f"expected at least {LEAST} rows of {name}, got {len(some)}; there is no learning "
                "from fewer"
            )
    # By rows of both kinds: a map that favours either would give the labels away.
    by = _features(features, pooled(real, fake))
    a, b = as_row_pair(by(real), by(fake))
    judged = None if known is None else as_rows(by(suspect), "suspect")
    rows, labels = np.concatenate([a, b]), np.repeat([False, True], [len(a), len(b)])
    fold = _folds(labels, FOLDS, rng)
    logits, others = _cross_fit(rows, labels, fold, judged, rng, progress)
    probability = expit(logits)
    m, n = len(a), len(b)
    false_alarms = float((probability[:m] > 0.5).mean())
    misses = float((probability[m:] <= 0.5).mean())
    gap = newcombe_interval(1 - misses, n / WIDENED, false_alarms, m / WIDENED)
    auc, auc_interval = _area(logits[:m], logits[m:])
    share = share_interval = None
    if others is not None:
        share, share_interval = _share(others, false_alarms, misses)
    return Detection(
        accuracy=1 - (false_alarms + misses) / 2,
        interval=((1 + gap[0]) / 2, (1 + gap[1]) / 2),
        auc=auc,
        auc_interval=auc_interval,
        p_value=_p_value(_forward(rows, labels, fold, logits, rng, progress)),
        false_alarms=false_alarms,
        misses=misses,
        real=probability[:m],
        suspect=probability[m:] if others is None else expit(others),
        features=feature_name(by),
        share=share,
        share_interval=share_interval,
    )


def _features(features: FeatureMap | str | None, reference: Any) -> FeatureMap:
    images = not isinstance(reference, pd.DataFrame) and reference.ndim > 2
    if features is None:
        return Spectrum(reference) if images else Standardised(reference)
    return feature_map(features, reference)


def _cross_fit(
    rows: Rows,
    labels: NDArray[np.bool_],
    fold: NDArray[Any],
    judged: Rows | None,
    rng: np.random.Generator,
    progress: bool,
) -> tuple[Rows, Rows | None]:
    """The logit of each row, learnt from the other folds, and those of rows only judged."""
    logits, others = np.empty(len(rows)), []
    for k in shown(range(FOLDS), "telling apart", progress):
        held = rows[fold == k]
        new = held if judged is None else np.concatenate([held, judged])
        found = _logits(rows[fold != k], labels[fold != k], new, rng)
        logits[fold == k], rest = np.split(found, [len(held)])
        others.append(rest)
    return logits, None if judged is None else np.mean(others, axis=0)


def _forward(
    rows: Rows,
    labels: NDArray[np.bool_],
    fold: NDArray[Any],
    logits: Rows,
    rng: np.random.Generator,
    progress: bool,
) -> list[tuple[Rows, NDArray[np.bool_]]]:
    """The logits and labels of the later folds, each learnt from those before it."""
    last = FOLDS - 1  # which was learnt from all the others, so before it, anyway
    found = [(logits[fold == last], labels[fold == last])]
    for k in shown(range(2, last), "for the p-value", progress):
        learnt = _logits(rows[fold < k], labels[fold < k], rows[fold == k], rng)
        found.append((learnt, labels[fold == k]))
    return found


def _folds(labels: NDArray[np.bool_], k: int, rng: np.random.Generator) -> NDArray[Any]:
    """A fold for each row, real and generated ones spread alike."""
    fold = np.empty(len(labels), dtype=int)
    for kind in (False, True):
        where = np.flatnonzero(labels == kind)
        fold[rng.permutation(where)] = np.arange(len(where)) % k
    return fold


def _logits(
    rows: Rows, labels: NDArray[np.bool_], new: Rows, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The logits of new rows being generated, learnt from rows and their labels."""
    from sklearn.linear_model import LogisticRegression

    if len(rows) > LEARNT_FROM:
        some = rng.choice(len(rows), LEARNT_FROM, replace=False)
        rows, labels = rows[some], labels[some]
    fold = _folds(labels, INNER, rng)
    votes, of_new = np.empty((len(rows), len(VOTERS))), []
    for k in range(INNER):
        held = rows[fold == k]
        found = _votes(rows[fold != k], labels[fold != k], np.concatenate([held, new]), rng)
        votes[fold == k] = found[: len(held)]
        of_new.append(found[len(held) :])
    # As if there were as many of either kind, so that one half is where it is undecided.
    weigh = LogisticRegression(class_weight="balanced").fit(votes, labels)
    return weigh.decision_function(np.mean(of_new, axis=0))


def _votes(
    rows: Rows, labels: NDArray[np.bool_], new: Rows, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The logit of each voter that a row is generated, (n, voters)."""
    order = rng.permutation(len(rows))  # so that of equally near rows none is preferred
    votes = [vote(rows[order], labels[order], new, rng) for vote in VOTERS]
    return logit(np.clip(np.column_stack(votes), SURE, 1 - SURE))


def _boosted_votes(
    train: Rows, is_fake: NDArray[np.bool_], test: Rows, rng: np.random.Generator
) -> NDArray[Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=BOOSTED,
        max_leaf_nodes=8,
        early_stopping=False,
        max_features=min(1.0, 32 / train.shape[1]),
        random_state=int(rng.integers(2**31)),
    )
    return trees.fit(train, is_fake).predict_proba(test)[:, 1]


VOTERS = (VOTES["knn"], VOTES["logistic"], VOTES["neural"], _boosted_votes)


def _p_value(parts: list[tuple[Rows, NDArray[np.bool_]]]) -> float:
    """One-sided p of the rank sums of generated rows, (Σ_k R_k − E R_k) / √(Σ_k Var R_k).

    Of rows of one law every labelling of a part is as likely, whatever the parts before it held.
    """
    excess = variance = 0.0
    for logits, fake in parts:
        ranks, n, size = rankdata(logits), int(fake.sum()), len(fake)
        excess += ranks[fake].sum() - n * (size + 1) / 2
        # By the variance of the ranks themselves, which are tied where classifiers are trees.
        variance += n * (size - n) / (size - 1) * ranks.var()
    return float(norm.sf(excess / np.sqrt(variance))) if variance else 1.0


def _area(real: Rows, fake: Rows) -> tuple[float, tuple[float, float]]:
    """The area under the ROC curve and its 95 % interval.

    Wilson's, of as many rows as the variance of DeLong et al. 1988 (Biometrics 44, 837) is worth.
    """
    m, n = len(real), len(fake)
    ranks = rankdata(np.concatenate([real, fake]))
    above = (ranks[m:] - rankdata(fake)) / m  # the share of real rows below each generated one
    below = 1 - (ranks[:m] - rankdata(real)) / n
    auc = float(above.mean())
    variance = above.var(ddof=1) / n + below.var(ddof=1) / m
    size = auc * (1 - auc) / variance if variance else min(m, n)
    return auc, wilson_interval(auc, size / WIDENED)


def _share(
    logits: Rows, false_alarms: float, misses: float
) -> tuple[float | None, tuple[float, float] | None]:
    """How many of the judged rows are generated, π̂ = (called − f) / (1 − f − m), in [0, 1]."""
    power = 1 - false_alarms - misses
    if power < LEAST_POWER:
        return None, None
    called = float((logits > 0).mean())
    ends = [called, *wilson_interval(called, len(logits))]
    share, low, high = (min(max((x - false_alarms) / power, 0.0), 1.0) for x in ends)
    return share, (low, high)
