"""All scores of one set of generated rows, against real rows that the model has not seen."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from pushforward.errors import EvaluationWarning, InputError
from pushforward.evaluation.copies import (
    closest_record_of,
    copy_share_of,
    near_copies_of,
    records_of,
)
from pushforward.evaluation.features import (
    FeatureMap,
    Rows,
    Standardised,
    as_row_pair,
    as_rows,
    feature_map,
    feature_name,
    pixels,
)
from pushforward.evaluation.frechet import frechet_distance, split_half_bias
from pushforward.evaluation.inputs import as_data, pooled, with_columns_of
from pushforward.evaluation.intervals import Z_95, wilson_interval
from pushforward.evaluation.manifold import expected_coverage, prdc_of
from pushforward.evaluation.marginal_scores import as_frame
from pushforward.evaluation.modes import ModeSource, mode_scores
from pushforward.evaluation.neighbourhoods import Neighbourhoods, neighbourhoods
from pushforward.evaluation.neighbours import (
    NeighbourShare,
    leave_one_out_of,
    neighbour_spread_of,
)
from pushforward.evaluation.scores import Evaluation, Score
from pushforward.evaluation.table_scores import table_scores
from pushforward.evaluation.two_sample import two_sample_scores
from pushforward.evaluation.verdict import ALL_KNOWN

BALLS = 5  # the neighbour that balls reach to in precision, recall, density and coverage
ROWS_PER_COLUMN = 2  # below this a covariance is so noisy that the Fréchet distance is mostly bias


def evaluate(
    real: Any,
    fake: Any,
    train: Any = None,
    source: ModeSource | None = None,
    *,
    features: FeatureMap | str | None = None,
    thorough: bool = False,
    target: str | None = None,
    released: Any = None,
) -> Evaluation:
    """Score generated rows against real ones, each number with how to read it.

    `real` and `fake` are arrays (n, p), images (n, h, w[, c]), lists or DataFrames, best of equal
    sizes; `real` should be rows that the model was not fitted to. `train`, the rows it was fitted
    to, adds "copies", "near_copies" and "closest_record"; `source`, a toy whose modes are known,
    adds "modes", "high_quality" and "mode_kl". Always there: "frechet", "nn_accuracy", "nn_real",
    "nn_fake", "neighbour_spread", "precision", "recall", "density", "coverage". `thorough` adds
    seconds and "frechet_infinity", "mmd", "energy", "sliced_wasserstein", "kid",
    "classifier_accuracy", "bins_different" and "bins_divergence". DataFrames have "columns",
    "columns_different" and "associations", with `train` also "utility", "membership" and
    "members_found", and the tables `columns` and `associations` beside the scores. Utility is that
    of predicting the column `target`, by default the last one of few categories; it and membership
    are of `released`, more rows of the same model, where these are given. Rows are compared after
    `features`, a callable from data to (n, q) numbers, a `torch.nn.Module` or a name for
    `feature_map`; by default images by their pixels and all else standardised by `train`, or by
    `real` where there is none; principal components are then of `real` and `fake` pooled. No
    argument is modified, and what is drawn, is drawn with a fixed seed.

    Raises `InputError` for fewer than two rows, other columns, infinite numbers; warns with
    `EvaluationWarning` where rows are fewer than twice the features.

    >>> import numpy as np
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 200, 3))
    >>> evaluation = evaluate(real, fake + 5.0)
    >>> evaluation["nn_accuracy"].value
    1.0
    """
    real = as_data(real, "real")
    table = isinstance(real, pd.DataFrame)
    if target is not None and not table:
        raise InputError("target names a column of a table; give DataFrames, or leave it out")
    evaluation = row_scores(real, fake, train, source, features=features, thorough=thorough)
    if not table:
        return evaluation
    fake, train, released = (
        None if X is None else with_columns_of(real, as_data(X, name), name)
        for X, name in ((fake, "fake"), (train, "train"), (released, "released"))
    )
    found = table_scores(real, fake, train, target=target, released=released)
    pairs = found.associations
    return Evaluation(
        [*evaluation.values(), *found.scores()],
        columns=as_frame(found.marginals),
        associations=None if pairs is None else pairs.to_frame(),
    )


def row_scores(
    real: Any,
    fake: Any,
    train: Any = None,
    source: ModeSource | None = None,
    *,
    features: FeatureMap | str | None = None,
    thorough: bool = False,
) -> Evaluation:
    """The scores of `evaluate` that are of whole rows, which tables share with all other data."""
    real, fake = as_data(real, "real"), as_data(fake, "fake")
    aligned = with_columns_of(real, fake, "fake")
    reference = real if train is None else with_columns_of(real, as_data(train, "train"), "train")
    if features is None:
        features = default_features(reference)
    if train is None and isinstance(features, str) and features.startswith("pca:"):
        # Real rows reach farther along their own components than others of their law do.
        reference = pooled(real, aligned)
    features = feature_map(features, reference)
    real_rows, fake_rows = as_row_pair(_map(features, real), _map(features, aligned))
    shared: dict[str, Any] = {
        "sizes": {"real": len(real_rows), "fake": len(fake_rows)},
        "features": feature_name(features),
    }
    # Whether a row sits on the real row that is nearest to it, the second nearest tells.
    near = neighbourhoods(real_rows, fake_rows, k=1 if train is None else 2, balls=BALLS)
    scores = [
        _frechet(real_rows, fake_rows, shared),
        *_neighbours(near, shared),
        *_manifold(near, shared),
    ]
    if train is not None:
        scores.extend(_copies(near, _map(features, reference), shared))
    if thorough:
        scores.extend(two_sample_scores(real_rows, fake_rows, shared))
    if source is not None:
        scores.extend(_modes(np.asarray(aligned, dtype=np.float64), source))
    return Evaluation(scores)


def ranking_distance(evaluation: Evaluation) -> float:
    """Return the larger distance of the two 1-NN halves from their null means; 0 is best.

    The accuracy alone can hide halves of .9 and .1 behind ½.

    >>> import numpy as np
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 100, 2))
    >>> round(ranking_distance(evaluate(real, fake + 9)), 3)                 # 1 − 99/199
    0.503
    """
    halves = (evaluation["nn_real"], evaluation["nn_fake"])
    return max(abs(half.value - half.target) for half in halves if half.target is not None)


def default_features(reference: Any) -> FeatureMap:
    """Return `pixels` for images (n, h, w[, c]), else `Standardised` by the reference rows."""
    return pixels if np.ndim(reference) >= 3 else Standardised(reference)


def _map(features: FeatureMap, data: Any) -> Any:
    rows = features(data)
    came = np.shape(rows)
    if len(came) != 2 or came[0] != len(data):
        raise InputError(
            f"features must give one row per sample, (n, q), got {came or type(rows).__name__} for "
            f"{len(data)} samples. Correct {feature_name(features)}."
        )
    return rows


def _frechet(real: Rows, fake: Rows, shared: dict[str, Any]) -> Score:
    bias = split_half_bias(real, len(real), len(fake)) if len(real) >= 4 else None
    fewest, p = min(len(real), len(fake)), int((np.ptp(real, axis=0) > 0).sum())
    if fewest < ROWS_PER_COLUMN * p:
        null = "a value far above 0" if bias is None else f"about {bias:.3g}"
        warnings.warn(
            f"The Fréchet distance is computed from {fewest} rows in {p} columns: equal laws "
            f"would give {null}. Compare it at equal sizes only, or use at least "
            f"{ROWS_PER_COLUMN * p} rows.",
            EvaluationWarning,
            stacklevel=4,
        )
    return Score(
        "frechet",
        frechet_distance(real, fake),
        "lower",
        expected_bias=bias,
        meaning="how far means and covariances are apart",
        **shared,
    )


def _neighbours(near: Neighbourhoods, shared: dict[str, Any]) -> list[Score]:
    result = leave_one_out_of(near)

    def score(name: str, share: NeighbourShare, meaning: str) -> Score:
        return Score(
            name,
            share.value,
            "near",
            target=share.null_mean,
            interval=share.interval,
            p_value=share.p_value,
            expected_bias=share.null_mean,
            meaning=meaning,
            **shared,
        )

    return [
        score("nn_accuracy", result.accuracy, "how often the nearest row has the same origin"),
        score("nn_real", result.real_half, "share of real rows whose nearest row is real"),
        score("nn_fake", result.fake_half, "share of generated rows whose nearest is generated"),
        Score(
            "neighbour_spread",
            neighbour_spread_of(near),
            "near",
            target=1.0,
            expected_bias=1.0,
            meaning="spread of neighbours: how far apart generated rows lie, real ones being 1",
            **shared,
        ),
    ]


def _manifold(near: Neighbourhoods, shared: dict[str, Any]) -> list[Score]:
    """Precision, recall, density, coverage; intervals take the balls that are asked as given."""
    found = prdc_of(near)
    m, n = len(near.real.which), len(near.fake.which)
    density_error = near.fake_in_real[near.fake.which].std(ddof=1) / BALLS / np.sqrt(n)
    coverage = expected_coverage(m, n, BALLS)
    return [
        Score(
            "precision",
            found.precision,
            "higher",
            interval=wilson_interval(found.precision, n),
            meaning="share of generated rows that lie among real ones; below 1 for equal laws too",
            **shared,
        ),
        Score(
            "recall",
            found.recall,
            "higher",
            interval=wilson_interval(found.recall, m),
            meaning="share of real rows that lie among generated ones; below 1 for equal laws too",
            **shared,
        ),
        Score(
            "density",
            found.density,
            "near",
            target=1.0,
            interval=(
                max(found.density - Z_95 * density_error, 0.0),
                found.density + Z_95 * density_error,
            ),
            expected_bias=1.0,
            meaning="how densely real rows surround generated ones",
            **shared,
        ),
        Score(
            "coverage",
            found.coverage,
            "higher",
            target=coverage,
            interval=wilson_interval(found.coverage, m),
            expected_bias=coverage,
            meaning="share of real rows with a generated one among their nearest",
            **shared,
        ),
    ]


def _copies(near: Neighbourhoods, train: Any, shared: dict[str, Any]) -> list[Score]:
    found = records_of(near, as_rows(train, "train", at_least=2))
    copies, sitting, closest = copy_share_of(found), near_copies_of(found), closest_record_of(found)
    low, high = copies.interval
    shared = shared | {"sizes": {**shared["sizes"], "train": len(train)}}
    if copies.held_out > ALL_KNOWN:
        warnings.warn(
            "Nearly all real rows are among the training rows, so the share of copies tells "
            "nothing. Give real rows that the model has not seen.",
            EvaluationWarning,
            stacklevel=4,
        )
    return [
        Score(
            "copies",
            copies.fake,
            "lower",
            target=copies.held_out,
            interval=(copies.held_out + low, copies.held_out + high),
            expected_bias=copies.held_out,
            meaning="share of generated rows that (nearly) equal a training row",
            **shared,
        ),
        Score(
            "near_copies",
            sitting.fake,
            "lower",
            target=sitting.expected,
            p_value=sitting.p_value,
            expected_bias=sitting.expected,
            meaning="share of generated rows less than half as far from a training row as from any "
            "other real row; p is one-sided, small if they are too many",
            **shared,
        ),
        Score(
            "closest_record",
            closest.train_share,
            "near",
            target=closest.expected_share,
            p_value=closest.p_value,
            expected_bias=closest.expected_share,
            meaning="share of generated rows that are nearer to a training row than to any unseen "
            "real row; p is one-sided, small if they are too many",
            **shared,
        ),
    ]


def _modes(fake: Rows, source: ModeSource) -> list[Score]:
    modes = mode_scores(fake, source)
    freedom, good = modes.n_modes - 1, modes.n_high_quality
    sizes = {"fake": len(fake)}
    return [
        Score(
            "modes",
            modes.captured,
            "higher",
            target=float(modes.n_modes),
            sizes=sizes,
            meaning="modes of the source that at least one good row reaches",
        ),
        Score(
            "high_quality",
            modes.high_quality,
            "higher",
            interval=wilson_interval(modes.high_quality, len(fake)),
            sizes=sizes,
            meaning="share of generated rows close to a mode",
        ),
        Score(
            "mode_kl",
            modes.kl,
            "lower",
            # 2n KL is the likelihood-ratio statistic of the modes' weights.
            p_value=float(chi2.sf(2 * good * modes.kl, freedom)) if good and freedom else None,
            expected_bias=freedom / (2 * good) if good else None,
            sizes={"fake": len(fake), "good": good},
            meaning="how unevenly the modes are hit, in nats",
        ),
    ]
