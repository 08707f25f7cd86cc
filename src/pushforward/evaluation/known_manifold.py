"""Precision, recall and F1 by a manifold that is known: that of triangles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.errors import InputError
from pushforward.evaluation.intervals import wilson_interval
from pushforward.evaluation.neighbours import nearest_distance
from pushforward.evaluation.polygons import as_images, triangle_distance
from pushforward.evaluation.scores import Direction, Evaluation, Score

DELTA = 0.75  # squared distance up to which an image is on the manifold


def manifold_scores(
    fake: Any,
    real: Any,
    *,
    generator: Callable[[Any], Any] | None = None,
    codes: Any = None,
    delta: float = DELTA,
) -> Evaluation:
    """Precision, recall and F1 of images of triangles, by the manifold they should lie on.

    precision = mean_j 1[min_θ ‖y_j − T(θ)‖² ≤ δ]    recall = mean_i 1[min_z ‖x_i − G(z)‖² ≤ δ]
    F1 = 2 · precision · recall / (precision + recall), 0 where both are

    with y_j generated, x_i held-out images and T(θ) the triangles of `triangle_distance`. Without a
    `generator`, recall is by the nearest of `fake` in the place of G(z): in three angles rows are
    far apart, so that it is small for any sampler, and not to be compared with the other.

    Lucic et al. 2018, arXiv:1711.10337, section 5, whose code for it was never released. δ = 0.75
    and the squared distance are as remembered from the paper, and have not been checked in print.

    Args:
        fake: generated images (n, size, size) or (n, size²), from 0, black, to 1, white.
        real: images of triangles that the model has not seen.
        generator: G, from codes to flat images, as `nearest_generated` takes it.
        codes: (m, k) drawn from the law of z, to start from.
        delta: the largest squared distance that counts as on the manifold.

    Returns:
        "manifold_precision", "manifold_recall" and "manifold_f1" with Wilson's intervals; F1 has
        that from the lower ends of both to the upper ends, wider than it need be. The medians of
        the distances are "manifold_distance" and "manifold_missed", which tell samplers apart of
        which none comes within δ.

    Raises:
        InputError: images that are not alike or no squares, a generator without codes.

    >>> from pushforward import triangles
    >>> scores = manifold_scores(triangles(20, seed=0).X, triangles(10, seed=1).X)
    >>> scores["manifold_precision"].value, scores["manifold_recall"].value
    (1.0, 0.0)
    """
    (Y, size), (X, other) = as_images(fake), as_images(real)
    if size != other:
        raise InputError(f"expected images of one size, got {size} and {other} pixels a side")
    if (generator is None) != (codes is None):
        raise InputError("expected a generator together with codes to start from, got one of them")
    if generator is None:
        missed, among = nearest_distance(X, Y) ** 2, f"the nearest of {len(Y)} generated images"
    else:
        from pushforward.evaluation.inversion import nearest_generated  # torch takes seconds

        missed, among = nearest_generated(generator, codes, X), "the nearest that can be generated"
    return _told(triangle_distance(Y), missed, among, delta)


def _told(distance: NDArray, missed: NDArray, among: str, delta: float) -> Evaluation:
    """The scores by squared distances of generated images, (n,), and of real ones, (m,)."""
    on, reached = (float((each <= delta).mean()) for each in (distance, missed))
    precision, recall = (
        wilson_interval(on, len(distance)),
        wilson_interval(reached, len(missed)),
    )
    sizes = {"real": len(missed), "fake": len(distance)}

    def score(
        name: str, value: float, better: Direction, meaning: str, interval: Any = None
    ) -> Score:
        how: dict[str, Any] = {"sizes": sizes, "features": "pixels", "meaning": meaning}
        return Score(f"manifold_{name}", value, better, interval=interval, **how)

    near = f"within {delta:g} (squared) of"
    far = "squared distance of"
    return Evaluation(
        [
            score(
                "precision", on, "higher", f"share of generated images {near} a triangle", precision
            ),
            score("recall", reached, "higher", f"share of real images {near} {among}", recall),
            score(
                "f1",
                _f1(on, reached),
                "higher",
                "harmonic mean of both",
                (_f1(precision[0], recall[0]), _f1(precision[1], recall[1])),
            ),
            score(
                "distance",
                float(np.median(distance)),
                "lower",
                f"{far} generated images from a triangle, median",
            ),
            score(
                "missed",
                float(np.median(missed)),
                "lower",
                f"{far} real images from {among}, median",
            ),
        ]
    )


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
