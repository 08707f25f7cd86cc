"""Nearest rows, exactly, at the speed of matrix products of few bits and in bounded memory.

A product of matrices gives every −½‖x − y‖² within a bound on its rounding error: in bfloat16
where the processor is quick at it, else in float32. Of each run of neighbouring columns only the
largest is kept, and most runs cannot then hold a nearest row. In the few that can, products of ever
more bits leave a handful of pairs, and float64 differences decide between those. So the bits of the
first product change the time and not the answer: equal rows are at distance exactly 0, and ties
are ties.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pushforward.evaluation.features import Rows

Indices = NDArray[np.intp]
Singles = NDArray[np.float32]

BLOCK = 1024  # rows and columns of one product: 4 MiB, which stay in cache
SHORTEST_RUN = 64
MOST_RUNS = 512  # so that the maxima take 2 KiB of memory for each row
ENTRIES = 2**20  # of a temporary float64 array: 8 MiB
WORTH_TORCH = 2**22  # pairs; below, importing and waking torch costs more than it saves
WORTH_BFLOAT16 = 2**24  # pairs; below, rounding the rows costs more than it saves
CROWD = 8  # pairs for each neighbour that is looked for, from which float64 products pay
NOWHERE = 1e30  # half the squared norm of what fills the last run
BFLOAT16_ROUNDOFF = 2.0**-8


class Points:
    """The distinct rows of a set, sorted by their distance from a common `centre`.

    `first` says where in `rows` each of them first stands, `count` how many rows equal it, `which`
    is the place of every row among the distinct ones. `half` is ½‖x − centre‖², and `image` the
    float32 matrix of (x − centre, −half, 1) in whole runs; `half_of_runs` is the largest half of
    each run. Sorting keeps what is far out, and rounds badly, in runs of its own.
    """

    def __init__(self, rows: Rows, centre: Rows) -> None:
        self.rows, self.centre = rows, centre
        first, which = _distinct(rows)
        half = np.concatenate([_squared_norms(x) / 2 for _, x in self._parts(first)])
        order = np.argsort(half, kind="stable")
        self.first, self.half, self.which = first[order], half[order], np.argsort(order)[which]
        self.count = np.bincount(self.which)
        self.run = SHORTEST_RUN
        while len(self) > MOST_RUNS * self.run:
            self.run *= 2
        self.runs = -(-len(self) // self.run)
        last_of_runs = np.minimum(np.arange(1, self.runs + 1) * self.run, len(self)) - 1
        self.half_of_runs = self.half[last_of_runs]
        p = rows.shape[1]
        self.image = np.zeros((self.runs * self.run, p + 2), dtype=np.float32)
        for part, x in self._parts(self.first):
            self.image[part, :p] = x
        self.image[:, p] = -NOWHERE
        self.image[: len(self), p] = -self.half
        self.image[:, p + 1] = 1.0

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def rounded(self) -> Rounded:
        """The rows in bfloat16."""
        return _rounded(self)

    def centred(self, places: Any) -> Rows:
        """The rows (…, p) at these places among the distinct ones, minus the centre."""
        return self.rows[self.first[places]] - self.centre

    def _parts(self, first: Indices) -> Iterator[tuple[slice, Rows]]:
        step = max(1, ENTRIES // self.rows.shape[1])
        for start in range(0, len(first), step):
            part = slice(start, min(start + step, len(first)))
            yield part, self.rows[first[part]] - self.centre


class Rounded(NamedTuple):
    """Points x̃ in bfloat16: (x̃, three parts of −½‖x̃‖², 1, 1, 1), as `Points.image` a row each.

    `moved` bounds ‖x − x̃‖ for each row, and `moved_of_runs` for all in a run.
    """

    image: Any
    moved: Rows
    moved_of_runs: Rows


class Nearest(NamedTuple):
    """Distinct rows, each with its nearest, sorted by row and then by squared distance.

    A pair's column stands for `copies` equal rows, all at that distance.
    """

    row: Indices
    column: Indices
    square: Rows
    copies: Indices

    def starts(self) -> Indices:
        """Where the pairs of each row begin."""
        return np.flatnonzero(np.diff(self.row, prepend=-1))

    def reached(self) -> Indices:
        """How many rows each pair and those before it in the same row stand for."""
        starts, total = self.starts(), np.cumsum(self.copies)
        before = (total - self.copies)[starts]
        return total - np.repeat(before, np.diff(starts, append=len(total)))

    def kth(self, k: int) -> Rows:
        """The squared distance of each row's k-th nearest, or of its farthest if it has fewer."""
        starts = self.starts()
        enough = np.where(self.reached() >= k, self.square, np.inf)
        farthest = np.maximum.reduceat(self.square, starts)
        return np.minimum(np.minimum.reduceat(enough, starts), farthest)


class Across(NamedTuple):
    """What one pass over all pairs of `a` and `b` gives.

    The nearest of `b` to each distinct row of `a` and the reverse; for each distinct row of `a`
    the number of `b`'s balls that it lies in, and the reverse.
    """

    to_b: Nearest
    to_a: Nearest
    balls_of_b: Indices
    balls_of_a: Indices


def to_unit_scale(*arrays: Rows) -> tuple[int, list[Rows]]:
    """Return e and the arrays divided by 2^e ≥ their largest magnitude.

    No square then over- or underflows, and a power of two leaves equal distances equal.
    """
    exponent = int(np.frexp(_largest(arrays))[1])
    return exponent, [np.ldexp(array, -exponent) for array in arrays]


def points_of(*sets: Rows) -> tuple[int, list[Points]]:
    """Return e and, as `Points` around one centre, the sets (n, p) to be compared, over 2^e.

    Where their largest magnitude is so that squares are far from the limits of float32, e is 0 and
    nothing is copied.
    """
    exponent, scaled = 0, list(sets)
    if not 2.0**-20 <= _largest(sets) <= 2.0**20:
        exponent, scaled = to_unit_scale(*sets)
    centre = np.mean([rows.mean(axis=0) for rows in scaled], axis=0)
    return exponent, [Points(rows, centre) for rows in scaled]


def nearest_among(points: Points, k: int) -> Nearest:
    """Find the k nearest other rows of each distinct row, with all that tie."""
    coarse, largest = _bfloat16_pays(points, points), _nothing_yet(points, points)
    for i, j, block in _products(points, points, coarse):
        if i == j:
            np.fill_diagonal(np.asarray(block), -np.inf)
        else:
            _keep_largest_of_columns(block, i, j, points.run, largest)
        _keep_largest(block, i, j, points.run, largest)
    return _settle(points, points, k, largest, coarse)


def nearest_across(a: Points, b: Points, k: int) -> Nearest:
    """Find the k nearest of the rows of `b` to each distinct row of `a`, with all that tie."""
    coarse, largest = _bfloat16_pays(a, b), _nothing_yet(a, b)
    for i, j, block in _products(a, b, coarse):
        _keep_largest(block, i, j, b.run, largest)
    return _settle(a, b, k, largest, coarse)


def across(a: Points, b: Points, k: int, radii: tuple[Rows, Rows] | None = None) -> Across:
    """Find the k nearest both ways and count balls, having formed each pair of `a` and `b` once.

    `radii` are the squared radii of a ball around each distinct row of `a` and of `b`. A row lies
    in a ball if its distance is strictly smaller. Without radii nothing lies in any.
    """
    coarse = radii is None and _bfloat16_pays(a, b)  # it would leave too many balls undecided
    largest_b, largest_a = _nothing_yet(a, b), _nothing_yet(b, a)
    balls_of_b, balls_of_a = np.zeros(len(a), dtype=np.intp), np.zeros(len(b), dtype=np.intp)
    for i, j, block in _products(a, b, coarse):
        _keep_largest(block, i, j, b.run, largest_b)
        _keep_largest_of_columns(block, i, j, a.run, largest_a)
        if radii is not None:
            _count_balls(np.asarray(block), a, i, radii[0], b, j, balls_of_a)
            _count_balls(np.asarray(block).T, b, j, radii[1], a, i, balls_of_b)
    to_b = _settle(a, b, k, largest_b, coarse)
    to_a = _settle(b, a, k, largest_a, coarse)
    return Across(to_b, to_a, balls_of_b, balls_of_a)


def pair_squares(rows: Rows, points: Rows, row: Indices, column: Indices) -> Rows:
    """Return ‖rows[row] − points[column]‖² pair by pair, by differences."""
    squares = np.empty(len(row))
    step = max(1, ENTRIES // rows.shape[1])
    for start in range(0, len(row), step):
        pairs = slice(start, start + step)
        squares[pairs] = _squared_norms(rows[row[pairs]] - points[column[pairs]])
    return squares


def _products(a: Points, b: Points, coarse: bool) -> Iterator[tuple[slice, slice, Any]]:
    """Yield −½‖x_i − y_j‖² of blocks i of `a` and j of `b`, with `a` is `b` only those of i ≤ j.

    The block is a float32 array, or for many rows a tensor, whose reductions use every core. It is
    overwritten by the next one. `coarse` ones were formed in bfloat16.
    """
    torch = _torch() if len(a.image) * len(b.image) >= WORTH_TORCH else None
    buffer: Any = np.empty(BLOCK * BLOCK, dtype=np.float32)
    x, y, multiply = a.image, b.image, np.matmul
    if torch is not None:
        buffer, x, y = (torch.from_numpy(array) for array in (buffer, x, y))
        multiply = torch.mm
    products = buffer
    if coarse:
        products, x, y = buffer.bfloat16(), a.rounded.image, b.rounded.image
    for i in _slices(a):
        left = _swapped(x[i], a.rows.shape[1])
        for j in _slices(b):
            if a is b and j.start < i.start:
                continue
            right = y[j]
            pairs, shape = slice(len(left) * len(right)), (len(left), len(right))
            multiply(left, right.T, out=products[pairs].reshape(shape))
            if coarse:
                buffer[pairs] = products[pairs]  # reductions of bfloat16 are slow
            yield i, j, buffer[pairs].reshape(shape)


def _torch() -> Any:
    """The module, or None where it has been told to multiply float32 with fewer bits."""
    import torch

    return torch if torch.get_float32_matmul_precision() == "highest" else None


def _bfloat16_pays(a: Points, b: Points) -> bool:
    """Whether to form the products of all pairs of `a` and `b` in bfloat16."""
    if len(a.image) * len(b.image) < max(WORTH_BFLOAT16, WORTH_TORCH):
        return False
    return _torch() is not None and _bfloat16_is_quick()


@cache
def _bfloat16_is_quick() -> bool:
    """Whether a trial in bfloat16 is much quicker than in float32 and sums as precisely."""
    import torch

    left, right = torch.ones(512, 128), torch.ones(128, 512)
    left[:, 0], left[:, -1] = 2.0**12, -(2.0**12)  # in bfloat16, 2¹² + 1 is 2¹²
    shortest = []
    for dtype in (torch.bfloat16, torch.float32):
        x, y, seconds = left.to(dtype), right.to(dtype), []
        for _ in range(6):
            began = time.perf_counter()
            product = x @ y
            seconds.append(time.perf_counter() - began)
        if not (product == 126).all():
            return False
        shortest.append(min(seconds))
    return shortest[0] < 0.7 * shortest[1]


def _rounded(points: Points) -> Rounded:
    """Round to bfloat16; the three parts keep as many bits of −½‖x̃‖² as one float32 would."""
    import torch

    n, p = len(points), points.rows.shape[1]
    single = torch.from_numpy(points.image)
    image = torch.zeros((len(single), p + 6), dtype=torch.bfloat16)
    moved, half = torch.empty(n, dtype=torch.float64), torch.full((len(single),), NOWHERE).double()
    step = max(1, ENTRIES // p)
    for start in range(0, n, step):
        part = slice(start, min(start + step, n))
        x = single[part, :p]
        image[part, :p] = x
        rounded = image[part, :p].float()
        moved[part] = torch.linalg.vector_norm(x - rounded, dim=1, dtype=torch.float64)
        half[part] = torch.linalg.vector_norm(rounded, dim=1, dtype=torch.float64) ** 2 / 2
    for column in range(p, p + 3):
        image[:, column] = -half
        half += image[:, column]
    image[:, p + 3 :] = 1.0
    # What rounding to float32 has moved, and what underflows.
    info = np.finfo(np.float32)
    moved_at_most = moved.numpy() + info.eps * np.sqrt(2 * points.half) + p * float(info.tiny)
    of_runs = np.maximum.reduceat(moved_at_most, np.arange(0, n, points.run))
    return Rounded(image, moved_at_most, of_runs)


def _slices(points: Points) -> Iterator[slice]:
    for start in range(0, len(points.image), BLOCK):
        yield slice(start, min(start + BLOCK, len(points.image)))


def _nothing_yet(a: Points, b: Points) -> Singles:
    """For each run of `b` and each row of `a`, the largest −½‖x − y‖² seen so far."""
    return np.full((b.runs, len(a.image)), -np.inf, dtype=np.float32)


def _keep_largest(block: Any, i: slice, j: slice, run: int, largest: Singles) -> None:
    """Keep the largest of each run of columns j for every row i."""
    runs = slice(j.start // run, -(-j.stop // run))
    seen = largest[runs, i]
    by_run = block.reshape(len(block), len(seen), -1)
    np.maximum(seen, _maximum(by_run, 2).T, out=seen)


def _keep_largest_of_columns(block: Any, i: slice, j: slice, run: int, largest: Singles) -> None:
    """Keep the largest of each run of rows i for every column j."""
    runs = slice(i.start // run, -(-i.stop // run))
    seen = largest[runs, j]
    by_run = block.reshape(len(seen), -1, block.shape[1])
    np.maximum(seen, _maximum(by_run, 1), out=seen)


def _maximum(block: Any, axis: int) -> Singles:
    return block.max(axis) if isinstance(block, np.ndarray) else block.amax(axis).numpy()


def _count_balls(
    block: Singles, a: Points, i: slice, radii: Rows, b: Points, j: slice, holding: Indices
) -> None:
    """Add for each of the rows j of `b` how many of the balls around rows i of `a` hold it."""
    i, j = slice(i.start, min(i.stop, len(a))), slice(j.start, min(j.stop, len(b)))
    block = block[: i.stop - i.start, : j.stop - j.start]
    limit = radii[i] / -2
    error = _error(a, a.half[i], b.half[j.stop - 1], np.float32)
    error += np.finfo(np.float32).eps * np.abs(limit)  # of the limits as float32
    weight = a.count[i].astype(np.float32)
    surely = block > (limit + error).astype(np.float32)[:, None]
    perhaps = block > (limit - error).astype(np.float32)[:, None]
    # einsum and not @: threads of NumPy's BLAS and of torch, in turns, would wait for each other.
    held, at_most = (
        np.einsum("i,ij->j", weight, mask.astype(np.float32)) for mask in (surely, perhaps)
    )
    holding[j] += held.astype(np.intp)
    undecided = np.flatnonzero(at_most != held)
    if len(undecided):
        row, column = np.nonzero(perhaps[:, undecided] & ~surely[:, undecided])
        row, column = row + i.start, undecided[column] + j.start
        inside = pair_squares(a.rows, b.rows, a.first[row], b.first[column]) < radii[row]
        np.add.at(holding, column[inside], a.count[row[inside]])


def _settle(a: Points, b: Points, k: int, largest: Singles, coarse: bool) -> Nearest:
    """Find the k nearest in the runs of `b` that the `largest` of −½‖x − y‖² leave open."""
    k = min(k, len(b) - (a is b))  # distinct rows, which with those that equal them are k or more
    best = np.full((len(a), k), np.inf)
    found: list[tuple[Indices, Indices, Rows]] = []
    top, reach = _top_runs(a, b, k, largest, coarse)
    step = max(1, ENTRIES // max(b.run, a.rows.shape[1]))
    for run, open_rows in _open_runs(a, b, largest, top, reach, coarse) if k else ():
        columns = np.arange(run * b.run, min((run + 1) * b.run, len(b)))
        for start in range(0, len(open_rows), step):
            rows = open_rows[start : start + step]
            near = _perhaps_near(a.image[rows], b.image[columns], a, b, rows, columns, reach[rows])
            if len(near) > CROWD * k * len(rows):
                left, right = _augmented(a, rows), _augmented(b, columns)
                near = _perhaps_near(left, right, a, b, rows, columns, reach[rows])
            row, column = np.divmod(near, len(columns))
            square = pair_squares(a.rows, b.rows, a.first[rows[row]], b.first[columns[column]])
            best[rows] = _k_smallest(best[rows], row, square)
            kept = square <= best[rows[row], -1]
            found.append((rows[row[kept]], columns[column[kept]], square[kept]))
            reach[rows] = np.maximum(reach[rows], best[rows, -1] / -2)
    return _sorted(a, b, best, found)


def _top_runs(a: Points, b: Points, k: int, largest: Singles, coarse: bool) -> tuple[Indices, Rows]:
    """The k runs of `b` with the largest −½‖x − y‖² for each distinct row x of `a`, if so many.

    And a number that −½‖x − y‖² of the k-th nearest y surely reaches: each of k runs has a row as
    near as its bound says.
    """
    if not 0 < k <= b.runs:
        return np.zeros((0, len(a)), dtype=np.intp), np.full(len(a), -np.inf)
    top = np.empty((k, len(a)), dtype=np.intp)
    step = max(1, ENTRIES // b.runs)
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        if k == 1:
            top[0, rows] = largest[:, rows].argmax(axis=0)
        else:
            top[:, rows] = np.argpartition(largest[:, rows], b.runs - k, axis=0)[b.runs - k :]
    values = largest[top, np.arange(len(a))]
    return top, _reached(a, b, values, top, coarse).min(axis=0)


def _open_runs(
    a: Points, b: Points, largest: Singles, top: Indices, reach: Rows, coarse: bool
) -> Iterator[tuple[int, Indices]]:
    """Yield runs of `b`, each with the rows of `a` of which it may hold one of the k nearest.

    What is found in a run raises the `reach` of the k-th nearest, and so closes others. Where
    bounds are wide, in bfloat16, it therefore pays to begin with the top runs.
    """
    for run in range(b.runs if coarse else 0):
        yield run, np.flatnonzero((top == run).any(axis=0))
    for run in range(b.runs):
        is_open = largest[run, : len(a)] >= _reached(a, b, reach, run, coarse)
        if coarse:
            is_open &= (top != run).all(axis=0)
        yield run, np.flatnonzero(is_open)


def _reached(a: Points, b: Points, value: Any, run: Any, coarse: bool) -> Rows:
    """What −½‖x − y‖² surely reaches if its product is the `value`, and the product if it is.

    For all rows x of `a`, and y in the `run` of `b`. In bfloat16 the product is −½‖x̃ − ỹ‖² of the
    rounded rows; distances to those are longer by ‖x − x̃‖ + ‖y − ỹ‖ at most, and the result is
    rounded too. The bound on the error of sums is doubled, for six more terms and for processors
    that truncate.
    """
    error = _error(a, a.half, b.half_of_runs[run], np.float32)
    if not coarse:
        return value - error
    distance = np.sqrt(2 * (np.abs(value) + 2 * error))
    distance += a.rounded.moved + b.rounded.moved_of_runs[run]
    return distance**2 / (-2 * (1 - BFLOAT16_ROUNDOFF))


def _perhaps_near(
    left: Any, right: Any, a: Points, b: Points, rows: Indices, columns: Indices, reach: Rows
) -> Indices:
    """Where, in the flattened table of these rows and columns, −½‖x − y‖² may be ≥ `reach`.

    `left` and `right` hold (x − centre, −half, 1) in the precision that the products are to have.
    """
    product = _swapped(left, a.rows.shape[1]) @ right.T
    if a is b:
        own = np.flatnonzero((rows >= columns[0]) & (rows <= columns[-1]))
        product[own, rows[own] - columns[0]] = np.nan  # never near
    error = _error(a, a.half[rows], b.half[columns[-1]], left.dtype.type)
    return np.flatnonzero(product >= (reach - error).astype(left.dtype)[:, None])


def _swapped(image: Any, p: int) -> Any:
    """(x, −h, 1) as (x, 1, −h), whose product with (y, −h′, 1) is x·y − h − h′; x has p columns."""
    swapped, middle = image + 0, (p + image.shape[1]) // 2
    swapped[:, p:middle], swapped[:, middle:] = image[:, middle:], image[:, p:middle]
    return swapped


def _augmented(points: Points, places: Indices) -> Rows:
    """The float64 rows (x − centre, −½‖x − centre‖², 1)."""
    return np.column_stack([points.centred(places), -points.half[places], np.ones(len(places))])


def _k_smallest(best: Rows, row: Indices, square: Rows) -> Rows:
    """The k smallest numbers of each row, sorted, after those of `square` came to its `best`."""
    place = np.arange(len(row)) - np.searchsorted(row, row)  # `row` is sorted
    others = np.full((len(best), place.max(initial=0) + 1), np.inf)
    others[row, place] = square
    return np.sort(np.hstack([best, others]), axis=1)[:, : best.shape[1]]


def _sorted(
    a: Points, b: Points, best: Rows, found: list[tuple[Indices, Indices, Rows]]
) -> Nearest:
    """The pairs within reach, and those of equal rows of one set."""
    equal = np.flatnonzero(a.count > 1) if a is b else np.zeros(0, dtype=np.intp)
    parts = [*found, (equal, equal, np.zeros(len(equal)))]
    row, column, square = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((column, square, row))
    reach = best.max(axis=1, initial=0.0)
    order = order[(square <= reach[row])[order]]
    row, column, square = row[order], column[order], square[order]
    itself = (row == column) if a is b else 0
    return Nearest(row, column, square, b.count[column] - itself)


def _error(points: Points, half_x: Rows, half_y: Any, dtype: type[np.floating[Any]]) -> Rows:
    """A bound on the rounding error of ½‖x − y‖² by a product of matrices of that type.

    A sum of n products errs by at most nu/(1 − nu) times the sum of their magnitudes in whatever
    order it is formed, u being the unit roundoff (Higham 2002, Accuracy and Stability of Numerical
    Algorithms, section 3.1). Here that sum is at most |x·y| + ½‖x‖² + ½‖y‖² ≤ ‖x‖² + ‖y‖², and
    six more roundings cover the entries themselves. Each product may also underflow.
    """
    info, n = np.finfo(dtype), points.rows.shape[1] + 8
    relative = n * float(info.eps) / 2 / (1 - n * float(info.eps) / 2)
    return 2 * relative * (half_x + half_y) + 4 * n * float(info.tiny)


def _distinct(rows: Rows) -> tuple[Indices, Indices]:
    """Where each distinct row first stands, and which of them every row is.

    Rows are grouped by a hash of their bits, and equal ones merged: two rows that share a hash by
    accident stay apart.
    """
    n, p = rows.shape
    odd = np.random.default_rng(0).integers(2**63, size=p, dtype=np.uint64) * 2 + 1
    codes = np.empty(n, dtype=np.uint64)
    step = max(1, ENTRIES // p)
    for start in range(0, n, step):
        bits = (rows[start : start + step] + 0.0).view(np.uint64)  # −0 becomes 0
        codes[start : start + step] = (bits ^ (bits >> np.uint64(32))) @ odd
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    place = first[which]
    later = np.flatnonzero(place != np.arange(n))
    apart = later[pair_squares(rows, rows, later, place[later]) > 0]
    place[apart] = apart
    first, which = np.unique(place, return_inverse=True)
    return first, which


def _largest(arrays: Iterable[Rows]) -> float:
    """The largest magnitude, found without a copy."""
    return max(max(array.max(initial=0.0), -array.min(initial=0.0)) for array in arrays)


def _squared_norms(rows: Rows) -> Rows:
    return np.einsum("ij,ij->i", rows, rows)
