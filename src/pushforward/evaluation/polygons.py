"""How far images are from the nearest triangle: a manifold of three angles that is known."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.data.triangles import LEAST_ANGLE, SCALE, draw_triangles
from pushforward.errors import InputError

Array = NDArray[np.float64]

EVENLY = 120.0 * np.arange(3)  # degrees, where the ranges of the corners begin
LEAST_SIZE = 8  # pixels along a side, as of the generator
RANGE = 120 - LEAST_ANGLE  # degrees over which a corner varies beside the turn of the whole
STEP = 7.5  # degrees between the corners of triangles in the bank of starts; it divides 360
CANDIDATES = 64  # nearest triangles of the bank, from which starts are chosen
APART = 2 * STEP  # degrees by which some corner of a start differs from those of another
STARTS = 3
MOST_STEPS = 40
LONGEST = 15.0  # degrees that a corner may move in a step
SHORTEST = 0.003  # degrees; a step below it ends the search
WIDEST, NARROWEST = 1.0, 0.05  # degrees to look around an end
TURNS = np.concatenate([np.eye(3), np.ones((1, 3))])  # one corner, or all
COMPASS = np.concatenate([TURNS, -TURNS])
BLOCK = 64  # images whose derivatives are computed at once, so that they stay in the cache


def triangle_distance(images: Any, *, starts: int = STARTS) -> Array:
    """Return the squared distance of each image x from the nearest triangle, `(n,)`.

    min_θ ‖x − T(θ)‖², summed over pixels, with T(θ) the image that `pushforward.triangles` draws
    of three corners at the angles θ. Its ranges allow all θ with gaps of 20° to 220°.

    Args:
        images: (n, size, size) or (n, size²), from 0, black, to 1, white.
        starts: triangles to search from for each image; the nearest that is found counts.

    Raises:
        InputError: images of another shape, smaller than 8 pixels, or not finite.

    >>> from pushforward import triangles
    >>> x = triangles(1, seed=1).X
    >>> triangle_distance(np.concatenate([x, 0.9 * x, 1 - x])).round(0)
    array([  0.,   7., 652.])
    """
    X, size = as_images(images)
    bank, drawn = _bank(size)
    begun = _starts(X, bank, drawn, starts)  # (n, starts, 3)
    n, k, _ = begun.shape
    ends, distance = _search(np.repeat(X, k, axis=0), begun.reshape(n * k, 3), size)
    best = distance.reshape(n, k).argmin(1) + k * np.arange(n)
    return _polished(X, ends[best], distance[best], size)


def as_images(images: Any) -> tuple[Array, int]:
    """Square images as rows `(n, size²)`, and their size, or a clear error."""
    X = np.asarray(images)
    square = X.ndim == 3 and X.shape[1] == X.shape[2]
    size = X.shape[1] if square else round(X.shape[-1] ** 0.5) if X.ndim == 2 else 0
    if size < LEAST_SIZE or not len(X) or X.size != len(X) * size**2:
        raise InputError(
            f"expected images (n, size, size) or rows (n, size²), of at least {LEAST_SIZE} pixels "
            f"a side, got shape {X.shape}"
        )
    if X.dtype.kind not in "bf" or not np.isfinite(X).all():
        raise InputError(
            "expected finite numbers, from 0 for black to 1 for white; divide 8-bit images by 255, "
            "and leave out those that are not finite"
        )
    return X.reshape(len(X), -1).astype(float), size


@lru_cache(maxsize=2)
def _bank(size: int) -> tuple[Array, NDArray[np.float32]]:
    """Angles of triangles all over the manifold `(m, 3)`, and their images `(m, size²)`."""
    first, second, third = np.meshgrid(*3 * [np.arange(0, 720, STEP)], indexing="ij", sparse=True)
    gaps = second - first, third - second, 360 + first - third
    kept = first < 360
    for gap in gaps:
        kept = kept & (gap >= LEAST_ANGLE) & (gap <= 120 + RANGE) & (gap <= gaps[0])
    # Which corner is the first is free: it is the one that the largest gap follows.
    angles = (STEP * np.argwhere(kept)).astype(float)
    return angles, draw_triangles(angles, size).astype(np.float32)


def _starts(X: Array, bank: Array, drawn: NDArray[np.float32], k: int) -> Array:
    """Angles of the k nearest triangles of the bank that are apart from each other, (n, k, 3)."""
    # The norm of x itself is the same for all triangles.
    distance = np.square(drawn).sum(1) - 2 * X.astype(np.float32) @ drawn.T
    near = np.argpartition(distance, CANDIDATES, axis=1)[:, :CANDIDATES]
    order = np.argsort(np.take_along_axis(distance, near, 1), axis=1)
    candidates = bank[np.take_along_axis(near, order, 1)]  # (n, c, 3), nearest first
    rank = np.broadcast_to(np.arange(CANDIDATES), candidates.shape[:2]).copy()
    chosen = []
    for _ in range(k):
        # Once no other is apart, those already chosen follow again.
        best = np.take_along_axis(candidates, rank.argmin(1)[:, None, None], 1)  # (n, 1, 3)
        chosen.append(best)
        rank += CANDIDATES * (_apart(candidates, best) < APART)
    return np.concatenate(chosen, axis=1)


def _apart(a: Array, b: Array) -> Array:
    """Degrees by which the farthest corners of triangles differ, however they are numbered."""
    turns = [np.abs((a - np.roll(b, shift, axis=-1) + 180) % 360 - 180) for shift in range(3)]
    return np.min([turn.max(axis=-1) for turn in turns], axis=0)


def _search(X: Array, angles: Array, size: int) -> tuple[Array, Array]:
    """Angles `(n, 3)` of a nearest triangle, and its squared distance `(n,)`, from given angles.

    Levenberg's and Marquardt's method, with the generator's image in the residual and the
    derivative of exact areas.
    """
    angles = angles.copy()
    residual = draw_triangles(angles, size) - X
    distance = np.square(residual).sum(1)
    damping = np.full(len(X), 0.01)
    searching = np.arange(len(X))
    for _ in range(MOST_STEPS):
        at = angles[searching]
        step = _step(at, residual[searching], damping[searching], size)
        longest = np.abs(step).max(1, keepdims=True)
        tried = allowed(at + step * LONGEST / np.maximum(longest, LONGEST))
        new = draw_triangles(tried, size) - X[searching]
        d = np.square(new).sum(1)
        better = d < distance[searching]
        gained = searching[better]
        angles[gained], residual[gained], distance[gained] = tried[better], new[better], d[better]
        damping[searching] *= np.where(better, 0.2, 5.0)
        searching = searching[np.abs(tried - at).max(1) > SHORTEST]
        if not len(searching):
            break
    return angles, distance


def _polished(X: Array, angles: Array, distance: Array, size: int) -> Array:
    """The squared distance `(n,)` after a look at triangles around those at the given angles.

    Drawn pixels are steps of 1/64, some of which a whole edge takes at once: what ends a descent
    may be no more than such a step.
    """
    angles, distance = angles.copy(), distance.copy()
    reach = np.full(len(X), WIDEST)
    while True:
        searching = np.flatnonzero((reach > NARROWEST) & (distance > 0))
        if not len(searching):
            return distance
        around = angles[searching, None] + reach[searching, None, None] * COMPASS
        tried = allowed(around.reshape(-1, 3)).reshape(around.shape)
        drawn = draw_triangles(tried.reshape(-1, 3), size)
        d = np.square(drawn.reshape(*tried.shape[:2], -1) - X[searching, None]).sum(2)
        best, d = d.argmin(1), d.min(1)
        better = d < distance[searching]
        gained = searching[better]
        angles[gained], distance[gained] = tried[better, best[better]], d[better]
        reach[searching[~better]] /= 2


def allowed(angles: Array) -> Array:
    """Angles `(n, 3)` brought to where the generator's ranges allow them."""
    free = angles - EVENLY
    middle = (free.max(1, keepdims=True) + free.min(1, keepdims=True)) / 2
    return np.clip(free, middle - RANGE / 2, middle + RANGE / 2) + EVENLY


def _step(angles: Array, residual: Array, damping: Array, size: int) -> Array:
    """s = −H⁻¹ Jᵀr with H = JᵀJ + λ tr(JᵀJ)/3 I, or the best that is allowed, degrees.

    Where s would take two corners i and j too far apart, it ends on the border: with b what is left
    to them and c = e_i − e_j, the least of the model there is at s + H⁻¹c (b − c·s) / (c·H⁻¹c).
    """
    steps = []
    for begin in range(0, len(angles), BLOCK):
        part = slice(begin, begin + BLOCK)
        J = derivative(angles[part], size)  # (b, 3, size²)
        curvature = J @ J.transpose(0, 2, 1)
        scale = damping[part] * np.trace(curvature, axis1=1, axis2=2) / 3
        H = curvature + scale[:, None, None] * np.eye(3)
        free = angles[part] - EVENLY
        step = -np.linalg.solve(H, J @ residual[part, :, None])[..., 0]
        ends = free + step
        c = np.eye(3)[ends.argmax(1)] - np.eye(3)[ends.argmin(1)]
        beyond = np.maximum((c * ends).sum(1) - RANGE, 0)
        across = np.linalg.solve(H, c[..., None])[..., 0]
        steps.append(step - across * (beyond / (c * across).sum(1))[:, None])
    return np.concatenate(steps)


def derivative(angles: Array, size: int) -> Array:
    """How pixels change with the angles of the corners, per degree, (n, 3, size²).

    The area of a polygon in a pixel grows by ∫ v·n ds over the edge in that pixel, v being how fast
    the edge moves and n its outward normal; white is what the polygon leaves.
    """
    radians = np.radians(angles)
    ray = np.stack([np.cos(radians), np.sin(radians)], axis=-1)  # (n, 3 corners, 2)
    radius = SCALE * size / 2
    corner = size / 2 + radius * (ray - ray.mean(1, keepdims=True))
    # Corner j moves with angle i along the circle, and with the mean of all.
    tangent = np.radians(1) * radius * np.stack([-ray[..., 1], ray[..., 0]], axis=-1)
    velocity = (np.eye(3) - 1 / 3)[:, :, None] * tangent[:, :, None]  # (n, angle, corner, 2)
    along = np.roll(corner, -1, axis=1) - corner
    outward = np.stack([along[..., 1], -along[..., 0]], axis=-1)  # of the length of the edge
    begin = (velocity * outward[:, None]).sum(-1)
    end = (np.roll(velocity, -1, axis=2) * outward[:, None]).sum(-1)  # (n, angle, edge)
    # The part of each edge, t from 0 to 1, in each column and each row of pixels.
    slope = np.where(np.abs(along) < 1e-9, 1e-9, along)[..., None]
    crossing = (np.arange(size + 1) - corner[..., None]) / slope  # (n, edge, 2, size + 1)
    first = np.minimum(crossing[..., :-1], crossing[..., 1:]).clip(0, 1)
    last = np.maximum(crossing[..., :-1], crossing[..., 1:]).clip(0, 1)
    lower = np.maximum(first[:, :, 1, :, None], first[:, :, 0, None, :])
    upper = np.minimum(last[:, :, 1, :, None], last[:, :, 0, None, :])
    length = np.maximum(upper - lower, 0).reshape(len(angles), 3, -1)
    moment = length * (upper + lower).reshape(len(angles), 3, -1) / 2  # ∫ t dt
    return -(begin @ (length - moment) + end @ moment)
