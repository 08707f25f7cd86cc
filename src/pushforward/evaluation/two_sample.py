"""The scores that are not always there: they take longer, and are drawn with a fixed seed."""

from __future__ import annotations

import warnings
from typing import Any

from pushforward.errors import EvaluationWarning
from pushforward.evaluation.bins import bin_differences
from pushforward.evaluation.c2st import classifier_test
from pushforward.evaluation.energy import energy_distance
from pushforward.evaluation.extrapolation import GROUPS, extrapolated_frechet
from pushforward.evaluation.features import Rows
from pushforward.evaluation.kernel import kid, mmd
from pushforward.evaluation.scores import Score
from pushforward.evaluation.sliced import sliced_wasserstein

EXTRAPOLATED_COLUMNS = 256  # 165 distances of twice as many take half a minute


def two_sample_scores(real: Rows, fake: Rows, shared: dict[str, Any]) -> list[Score]:
    """The Fréchet distance extrapolated, and five more measures each with a test.

    `shared` are the sizes and the feature map that every score tells.
    """
    scores = [_mmd(real, fake, shared), _energy(real, fake, shared), _sliced(real, fake, shared)]
    if min(len(real), len(fake)) >= 4:
        scores.append(_kid(real, fake, shared))
    if min(len(real), len(fake)) >= 2 * GROUPS and real.shape[1] <= EXTRAPOLATED_COLUMNS:
        scores.insert(0, _extrapolated(real, fake, shared))
    return [*scores, _classifier(real, fake, shared), *_bins(real, fake, shared)]


def _extrapolated(real: Rows, fake: Rows, shared: dict[str, Any]) -> Score:
    both = len(real) == len(fake)
    with warnings.catch_warnings():
        # What few rows do to the plain distance is said there; it is no better extrapolated.
        warnings.simplefilter("ignore", EvaluationWarning)
        result = extrapolated_frechet(real, fake, both=both)
    return Score(
        "frechet_infinity",
        result.value,
        "lower",
        interval=result.interval,
        expected_bias=0.0 if both else None,
        meaning="the Fréchet distance extrapolated to infinitely many "
        + ("rows on both sides" if both else "generated rows"),
        **shared,
    )


def _mmd(real: Rows, fake: Rows, shared: dict[str, Any]) -> Score:
    result = mmd(real, fake)
    return Score(
        "mmd",
        result.value,
        "lower",
        interval=result.interval,
        p_value=result.p_value,
        expected_bias=0.0,
        meaning="squared distance of mean embeddings, Gaussian kernel of the median distance",
        **_tested(shared, result.tested),
    )


def _kid(real: Rows, fake: Rows, shared: dict[str, Any]) -> Score:
    result = kid(real, fake)
    return Score(
        "kid",
        result.value,
        "lower",
        p_value=result.p_value,
        expected_bias=0.0,
        meaning=f"how far moments up to the third are apart; ± {result.deviation:.2g} over subsets",
        **_tested(shared, result.tested),
    )


def _energy(real: Rows, fake: Rows, shared: dict[str, Any]) -> Score:
    result = energy_distance(real, fake)
    return Score(
        "energy",
        result.value,
        "lower",
        p_value=result.p_value,
        expected_bias=result.null_mean,
        meaning="how much farther rows lie from the other kind than from their own",
        **_tested(shared, result.tested),
    )


def _sliced(real: Rows, fake: Rows, shared: dict[str, Any]) -> Score:
    result = sliced_wasserstein(real, fake)
    return Score(
        "sliced_wasserstein",
        result.value,
        "lower",
        p_value=result.p_value,
        expected_bias=result.null_mean,
        meaning="how far rows must move along a random direction, root mean square",
        **_tested(shared, result.tested),
    )


def _classifier(real: Rows, fake: Rows, shared: dict[str, Any]) -> Score:
    result = classifier_test(real, fake)
    return Score(
        "classifier_accuracy",
        result.accuracy,
        "near",
        target=0.5,
        interval=result.interval,
        p_value=result.p_value,
        expected_bias=0.5,
        sizes={**shared["sizes"], "held-out": result.n_test},
        features=shared["features"],
        meaning="how often nearest neighbours, trained on half of the rows, name a row's origin",
    )


def _bins(real: Rows, fake: Rows, shared: dict[str, Any]) -> list[Score]:
    result = bin_differences(real, fake)
    n_bins = len(result.real_shares)
    common: dict[str, Any] = {
        "p_value": result.p_value,
        "sizes": dict(zip(("real", "fake"), result.counted, strict=True)),
        "features": shared["features"],
    }
    return [
        Score(
            "bins_different",
            result.value,
            "lower",
            expected_bias=result.null_value,
            meaning=f"share of {n_bins} clusters of real rows with too many or too few generated",
            **common,
        ),
        Score(
            "bins_divergence",
            result.divergence,
            "lower",
            expected_bias=result.null_divergence,
            meaning=f"Jensen-Shannon divergence of the shares of {n_bins} clusters, in nats",
            **common,
        ),
    ]


def _tested(shared: dict[str, Any], tested: tuple[int, int]) -> dict[str, Any]:
    """What all scores share, and how many rows a permutation test saw where it saw not all."""
    if sum(tested) == sum(shared["sizes"].values()):
        return shared
    return {**shared, "sizes": {**shared["sizes"], "tested": sum(tested)}}
