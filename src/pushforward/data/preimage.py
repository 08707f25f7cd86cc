"""Where in the encoded space the rows of an event lie: bounds that all of them keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pushforward.data.curve import Curve
from pushforward.data.encoding import Encoding
from pushforward.data.event import Event, Interval, OneOf, Within

Region = tuple[Interval, ...]  # disjoint
LINE: Region = ((-np.inf, np.inf),)


@dataclass(frozen=True)
class Bound:
    """Every row z of an event has vectors[r]·z within regions[r], for each r.

    Where intervals are single points the bound is on a value of probability zero.
    """

    vectors: np.ndarray  # (r, width)
    regions: tuple[Region, ...]

    @property
    def is_point(self) -> bool:
        return all(low == high for low, high in self.regions[0])

    def through(self, matrix: np.ndarray, centre: np.ndarray) -> Bound:
        """The same bound on y, where z = centre + matrix y."""
        regions = tuple(
            tuple((low - at, high - at) for low, high in region)
            for region, at in zip(self.regions, self.vectors @ centre, strict=True)
        )
        return Bound(self.vectors @ matrix, regions)


def bounds_of(event: Event, encoding: Encoding) -> list[Bound]:
    """The bounds of an event in the encoded space; a condition without any is left out.

    They hold for every row of the event; a row within them need not belong to it.
    """
    assert encoding.numbers is not None
    columns = np.cumsum(encoding.numbers.varying) - 1
    bounds = []
    for condition in event.conditions:
        if isinstance(condition, Within):
            j = number_of(condition.column, encoding)
            assert j is not None
            if encoding.numbers.varying[j] and not condition.missing:
                vector = np.eye(encoding.width)[columns[j]]
                region = preimage(condition, encoding)
                bounds += [] if region == LINE else [Bound(vector[None], (region,))]
    return bounds + group_bounds(event, encoding, lambda g: _one_hot(g, encoding))


def group_bounds(
    event: Event, encoding: Encoding, readings: Callable[[int], np.ndarray]
) -> list[Bound]:
    """Bounds of the categories and holes that are asked for.

    A group of values is read as argmax_k(s_k + b_k), and value k against each other value j gives a
    half-space, s_k − s_j ≥ b_j − b_k. `readings(g)` has the vectors a_k of group g, `(K, width)`,
    with s_k = a_k·z. Of several values that are asked for no half-space is known.
    """
    assert encoding.numbers is not None
    holed: list[int | None] = [int(j) for j in np.flatnonzero(encoding.numbers.holed)]
    names = list(encoding.categories)
    bounds = []
    for condition in event.conditions:
        if isinstance(condition, OneOf):
            if condition.column not in names:
                continue  # its values are places
            values = encoding.categories[condition.column].values
            g = len(holed) + names.index(condition.column)
            asked = [values.index(value) for value in condition.values]
        elif (j := number_of(condition.column, encoding)) in holed:
            g, values = holed.index(j), [False, True]
            asked = [0] * bool(condition.intervals) + [1] * condition.missing
        else:
            continue
        if len(asked) == 1 and len(values) > 1 and len(encoding.offsets[g]) == len(values):
            (k,), b, a = asked, encoding.offsets[g], readings(g)
            others = np.delete(np.arange(len(values)), k)
            regions = tuple(((float(b[j] - b[k]), np.inf),) for j in others)
            bounds.append(Bound(a[k] - a[others], regions))
    return bounds


def _one_hot(g: int, encoding: Encoding) -> np.ndarray:
    """The vectors that read the values of a group off its own columns, `(K, width)`."""
    (places,) = encoding.split(np.arange(encoding.width)[None])[1][g].astype(int)
    return np.eye(encoding.width)[places]


def number_of(column: str | int, encoding: Encoding) -> int | None:
    """The place of a column among the numeric ones, None if it is not among them."""
    assert encoding.numbers is not None
    names = list(map(str, encoding.number_names(len(encoding.numbers.mean))))
    return names.index(str(column)) if str(column) in names else None


def preimage(condition: Within, encoding: Encoding) -> Region:
    """The encoded values of a column that are decoded into the intervals of a condition."""
    numbers = encoding.numbers
    assert numbers is not None
    j = number_of(condition.column, encoding)
    assert j is not None
    region = condition.unrounded
    curve = numbers.curves.get(j)
    if curve is not None:
        region = [_under(curve, *interval) for interval in region]
        if condition.exact:
            region = [(low, low) for low, _ in region]  # but for rounding the ends are the same
        heaped = (curve.high[0] > curve.low[0], curve.high[-1] > curve.low[-1])
        ends: Interval = (float(curve.low[0]), float(curve.high[-1]))
        return _before_range(region, ends, heaped, cut=not condition.exact)
    mean, scale = numbers.mean[j], numbers.scale[j]
    region = [((low - mean) / scale, (high - mean) / scale) for low, high in region]
    if not numbers.bounded:
        return tuple(joined(region))
    ends = ((numbers.low[j] - mean) / scale, (numbers.high[j] - mean) / scale)
    return _before_range(region, ends, tuple(numbers.heaped[:, j]), cut=not condition.exact)


def _before_range(
    region: list[Interval], ends: Interval, heaped: tuple[bool, ...], *, cut: bool
) -> Region:
    """A region, and what decoding mirrors or, where asked for, cuts off into it."""
    least, most = ends
    half, mirrored = (most - least) / 2, [not h for h in heaped]
    found: list[Interval] = []
    for wide in region:
        low, high = max(wide[0], least), min(wide[1], most)
        found.append((low, high))
        if mirrored[0] and low <= least + half:
            found.append((2 * least - min(high, least + half), 2 * least - low))
        if mirrored[1] and high >= most - half:
            found.append((2 * most - high, 2 * most - max(low, most - half)))
        if cut and wide[0] <= least:
            found.append((-np.inf, least - half * mirrored[0]))
        if cut and wide[1] >= most:
            found.append((most + half * mirrored[1], np.inf))
    return tuple(joined(found))


def _under(curve: Curve, low: float, high: float) -> Interval:
    """The first z whose value is at least `low`, and the last whose value is at most `high`."""
    z, x = curve.knots
    first, last = float(z[0]), float(z[-1])
    if low > x[0]:
        i = min(int(np.searchsorted(x, low, side="left")), len(x) - 1)
        first = float(z[i - 1] + (low - x[i - 1]) / (x[i] - x[i - 1]) * (z[i] - z[i - 1]))
    if high < x[-1]:
        i = max(int(np.searchsorted(x, high, side="right")), 1)
        last = float(z[i - 1] + (high - x[i - 1]) / (x[i] - x[i - 1]) * (z[i] - z[i - 1]))
    return first, last


def joined(intervals: list[Interval]) -> list[Interval]:
    """The same union as disjoint intervals, in order."""
    joined: list[Interval] = []
    for low, high in sorted(set(intervals)):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined
