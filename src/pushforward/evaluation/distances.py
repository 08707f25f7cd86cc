"""Nearest rows, exactly and in bounded memory.

Matrix products give every squared distance within a bound on its rounding error; only the pairs
that the bound leaves open are decided, by float64 differences. So equal rows are at distance
exactly 0, and ties are ties.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pushforward.evaluation.features import Rows

Indices = NDArray[np.intp]

# Four arrays of this many float64 live at once: 64 MiB.
BLOCK_ENTRIES = 2 * 2**20


class Nearest(NamedTuple):
    """The k-th smallest squared distance of each row, and the pairs at or below it."""

    squared: Rows
    row: Indices
    column: Indices


class Products(NamedTuple):
    """Squared distances (block, m) of a block of rows, within ± `error` (block, m)."""

    block: slice
    squared: Rows
    error: Rows


def to_unit_scale(*arrays: Rows) -> tuple[int, list[Rows]]:
    """Return e and the arrays divided by 2^e ≥ their largest magnitude.

    No square then over- or underflows, and a power of two leaves equal distances equal.
    """
    largest = max(np.abs(array).max(initial=0.0) for array in arrays)
    exponent = int(np.frexp(largest)[1])
    return exponent, [np.ldexp(array, -exponent) for array in arrays]


def nearest(rows: Rows, points: Rows, k: int = 1, *, exclude_self: bool = False) -> Nearest:
    """Find the k nearest `points` (m, p) of each of the `rows` (n, p), with all that tie.

    With `exclude_self` the rows are the points, and no row is its own neighbour.
    """
    squared, found_rows, found_columns = [], [], []
    for block, approximate, error in _products(rows, points):
        if exclude_self:
            own = np.arange(len(approximate))
            approximate[own, block.start + own] = np.inf
        upper = approximate + error
        kth = upper.min(axis=1) if k == 1 else np.partition(upper, k - 1, axis=1)[:, k - 1]
        approximate -= error
        row, column = np.nonzero(approximate <= kth[:, None])
        exact = pair_squares(rows[block], points, row, column)
        order = np.lexsort((exact, row))
        first = np.searchsorted(row, np.arange(len(kth)))
        kth = exact[order][first + k - 1]
        inside = exact <= kth[row]
        squared.append(kth)
        found_rows.append(row[inside] + block.start)
        found_columns.append(column[inside])
    return Nearest(
        np.concatenate(squared), np.concatenate(found_rows), np.concatenate(found_columns)
    )


def inside_balls(rows: Rows, centres: Rows, squared_radii: Rows) -> NDArray[np.bool_]:
    """Say of each of the `rows` (n, p) whether ‖x − c_j‖² < r_j² for one of the `centres`."""
    inside = np.zeros(len(rows), dtype=bool)
    for block, approximate, error in _products(rows, centres):
        surely = np.any(approximate + error < squared_radii, axis=1)
        perhaps = (approximate - error < squared_radii) & ~surely[:, None]
        row, column = np.nonzero(perhaps)
        exact = pair_squares(rows[block], centres, row, column)
        inside[block.start + row[exact < squared_radii[column]]] = True
        inside[block] |= surely
    return inside


def approximate_blocks(rows: Rows, points: Rows) -> Iterator[tuple[slice, Rows]]:
    """Yield blocks of ‖x_i − y_j‖² (block, m), right but for the rounding of a matrix product."""
    centre = points.mean(axis=0)
    rows, points = rows - centre, points - centre
    row_norms, point_norms = _squared_norms(rows), _squared_norms(points)
    doubled = -2 * points.T
    step = max(1, BLOCK_ENTRIES // len(points))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        squared = rows[block] @ doubled
        squared += row_norms[block, None]
        squared += point_norms
        yield block, squared


def pair_squares(rows: Rows, points: Rows, row: Indices, column: Indices) -> Rows:
    """Return ‖rows[row] − points[column]‖² pair by pair, by differences."""
    squared = np.empty(len(row))
    step = max(1, BLOCK_ENTRIES // rows.shape[1])
    for start in range(0, len(row), step):
        pairs = slice(start, start + step)
        squared[pairs] = _squared_norms(rows[row[pairs]] - points[column[pairs]])
    return squared


def _products(rows: Rows, points: Rows) -> Iterator[Products]:
    centre = points.mean(axis=0)
    row_norms, point_norms = _squared_norms(rows - centre), _squared_norms(points - centre)
    # |x·y| errs by at most p·ε‖x‖‖y‖, and 2‖x‖‖y‖ ≤ ‖x‖² + ‖y‖²; centring and the norms' own
    # sums add as much again, and a factor of two on top covers the last additions.
    relative = 4 * (rows.shape[1] + 4) * np.finfo(np.float64).eps
    for block, squared in approximate_blocks(rows, points):
        yield Products(block, squared, relative * np.add.outer(row_norms[block], point_norms))


def _squared_norms(rows: Rows) -> Rows:
    return np.einsum("ij,ij->i", rows, rows)
