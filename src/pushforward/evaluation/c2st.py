"""The classifier two-sample test (C2ST): can generated rows be learnt to be told from real ones?"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from pushforward.errors import InputError
from pushforward.evaluation.distances import to_unit_scale
from pushforward.evaluation.features import Rows, as_row_pair
from pushforward.evaluation.intervals import wilson_interval
from pushforward.evaluation.permutation import own_generator

Method = Literal["knn", "neural", "logistic"]


@dataclass(frozen=True)
class ClassifierTest:
    """The accuracy on rows held out from the classifier; ½ is expected for equal laws.

    `interval` is Wilson's 95 % interval for this classifier. `n_train` and `n_test` count rows,
    half of them real.
    """

    accuracy: float
    p_value: float
    interval: tuple[float, float]
    n_train: int
    n_test: int


def classifier_test(
    real: Any, fake: Any, method: Method = "knn", *, seed: int = 0
) -> ClassifierTest:
    """Train a classifier on half of the rows, and test on the others whether it beats chance.

    p = P(Binomial(n_test, ½) ≥ n_test · accuracy)

    Real and generated rows are made equally many at random, and each kind is split in halves. The
    test is one-sided. Discreteness makes it conservative, and so does a classifier that says one
    kind more often than the other. Methods: "knn", the majority of k = ⌊√n_train⌋ nearest rows,
    equal votes decided by a fair coin; "neural", one hidden layer of 20 ReLU units, 100 epochs of
    Adam; "logistic", a regression that sees means only. The latter two standardise the columns.

    `real` is (m, p), `fake` (n, p), two rows or more, else `InputError`.

    Lopez-Paz and Oquab 2017, arXiv:1610.06545, section 3.

    >>> rows = np.random.default_rng(0).normal(size=(400, 2))
    >>> result = classifier_test(rows[:200], rows[200:] + 9)
    >>> result.accuracy, result.n_test, result.p_value < 1e-50
    (1.0, 200, True)
    """
    if method not in VOTES:
        raise InputError(f"method must be one of {', '.join(VOTES)}, got {method!r}. Choose one.")
    rng = own_generator(seed)
    _, (real, fake) = to_unit_scale(*as_row_pair(real, fake))
    size = min(len(real), len(fake))
    real, fake = (rows[rng.permutation(len(rows))[:size]] for rows in (real, fake))
    half = size // 2
    # Shuffled, so that among equally near rows none is preferred for its label.
    order = rng.permutation(2 * half)
    train = np.concatenate([real[:half], fake[:half]])[order]
    test = np.concatenate([real[half:], fake[half:]])
    votes = VOTES[method](train, order >= half, test, rng)
    is_fake = np.arange(len(test)) >= size - half
    coin = rng.random(len(test)) < 0.5
    called_fake = np.where(votes == 0.5, coin, votes > 0.5)
    correct = int((called_fake == is_fake).sum())
    accuracy = correct / len(test)
    return ClassifierTest(
        accuracy=accuracy,
        p_value=float(binom.sf(correct - 1, len(test), 0.5)),
        interval=wilson_interval(accuracy, len(test)),
        n_train=len(train),
        n_test=len(test),
    )


# scikit-learn is imported where it is used, which spares half a second to all who do not.


def _nearest_votes(
    train: Rows, is_fake: NDArray[np.bool_], test: Rows, _: np.random.Generator
) -> NDArray[Any]:
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(n_neighbors=math.isqrt(len(train))).fit(train, is_fake)
    return classifier.predict_proba(test)[:, 1]


def _neural_votes(
    train: Rows, is_fake: NDArray[np.bool_], test: Rows, rng: np.random.Generator
) -> NDArray[Any]:
    from sklearn.neural_network import MLPClassifier

    classifier = MLPClassifier(
        hidden_layer_sizes=(20,),
        max_iter=100,
        n_iter_no_change=100,  # all of them
        random_state=int(rng.integers(2**31)),
    )
    return _probabilities(classifier, train, is_fake, test)


def _logistic_votes(
    train: Rows, is_fake: NDArray[np.bool_], test: Rows, _: np.random.Generator
) -> NDArray[Any]:
    from sklearn.linear_model import LogisticRegression

    return _probabilities(LogisticRegression(), train, is_fake, test)


def _probabilities(
    classifier: Any, train: Rows, is_fake: NDArray[np.bool_], test: Rows
) -> NDArray[Any]:
    """The probabilities of being generated, learnt from columns of mean 0 and deviation 1."""
    from sklearn.exceptions import ConvergenceWarning

    centre, scale = train.mean(axis=0), train.std(axis=0)
    scale[scale == 0] = 1.0
    with warnings.catch_warnings():
        # A classifier that stops early is one more classifier: the test stays valid.
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit((train - centre) / scale, is_fake)
    return classifier.predict_proba((test - centre) / scale)[:, 1]


VOTES: dict[str, Callable[..., NDArray[Any]]] = {
    "knn": _nearest_votes,
    "neural": _neural_votes,
    "logistic": _logistic_votes,
}
