"""From the rows of a run to a table: means over repeats, intervals, ranks, names of failures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

Row = dict[str, Any]  # a line of results.jsonl

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over repeats with its 95 % interval."""

    value: float
    low: float
    high: float

    def overlaps(self, other: Estimate) -> bool:
        """Whether the two intervals share a point.

        >>> Estimate(0.1, 0.05, 0.15).overlaps(Estimate(0.2, 0.14, 0.26))
        True
        """
        return self.low <= other.high and other.low <= self.high


@dataclass
class Standing:
    """Where a method stands after its repeats."""

    method: str
    kind: str  # "method" or "yardstick"
    status: str
    reason: str
    finished: int
    failed: int
    distance: Estimate | None  # the larger distance of the 1-NN halves from their null means
    scores: dict[str, Estimate] = field(default_factory=dict)
    seconds: float = math.nan
    rounds: list[int] = field(default_factory=list)
    rank: int | None = None


def rank(rows: Iterable[Row]) -> list[Standing]:
    """Standings of all methods: ranked ones first, then the unranked, then the yardsticks.

    Methods are ordered by the larger distance of their two 1-NN halves from the null means, the
    Fréchet distance breaking ties. A method whose interval overlaps that of the best of the group
    above it shares that group's rank.
    """
    by_method: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_method.setdefault((row["kind"], row["method"]), []).append(row)
    standings = [_standing(name, kind, group) for (kind, name), group in by_method.items()]
    methods = [s for s in standings if s.kind == "method"]
    ranked = sorted((s for s in methods if s.status == "OK"), key=_order)
    leader: Standing | None = None
    for place, standing in enumerate(ranked, start=1):
        assert standing.distance is not None
        if leader is None or not standing.distance.overlaps(leader.distance):  # type: ignore[arg-type]
            leader, leader_rank = standing, place
        standing.rank = leader_rank
    unranked = sorted((s for s in methods if s.status != "OK"), key=_order)
    return ranked + unranked + [s for s in standings if s.kind == "yardstick"]


def _order(standing: Standing) -> tuple[float, float]:
    if standing.distance is None:
        return math.inf, math.inf
    frechet = standing.scores.get("frechet")
    # Distances that differ by less than a thousandth are a tie, which Fréchet's distance breaks.
    return round(standing.distance.value, 3), frechet.value if frechet else math.inf


def _standing(method: str, kind: str, rows: list[Row]) -> Standing:
    status, reason = _verdict(rows)
    # A repeat that copied or collapsed says nothing of the others.
    scored = [r for r in rows if r["scores"] and (status != "OK" or r["status"] == "OK")]
    standing = Standing(method, kind, status, reason, len(scored), len(rows) - len(scored), None)
    standing.seconds = float(np.median([row["seconds"] for row in rows]))
    standing.rounds = [row["rounds"] for row in rows if row.get("rounds") is not None]
    if scored:
        standing.distance = _estimate(scored, [_distance(r["scores"]) for r in scored], len(rows))
        for name in scored[0]["scores"]:
            cells = [_cell(row["scores"][name]) for row in scored if name in row["scores"]]
            standing.scores[name] = _estimate(scored, cells, len(rows))
    return standing


def _verdict(rows: list[Row]) -> tuple[str, str]:
    """The failure that at least half of the repeats share, else OK."""
    (status, count), *_ = Counter(row["status"] for row in rows).most_common()
    troubled = [row for row in rows if row["status"] != "OK"]
    if status == "OK" and 2 * len(troubled) >= len(rows):
        status, count = Counter(row["status"] for row in troubled).most_common(1)[0]
    reasons = [row["reason"] for row in rows if row["status"] == status]
    if status != "OK":
        many = f" ({count} of {len(rows)} repeats)" if len(rows) > 1 else ""
        return status, reasons[0] + many
    notes = [f"{row['status']} in repeat {row['repeat'] + 1}: {row['reason']}" for row in troubled]
    return status, " ".join(notes) or reasons[0]


def _distance(scores: dict[str, Any]) -> tuple[float, float]:
    """The ranking distance of one run and its standard error."""
    halves = [scores["nn_real"], scores["nn_fake"]]
    worst = max(halves, key=lambda half: abs(half["value"] - half["target"]))
    return abs(worst["value"] - worst["target"]), _cell(worst)[1]


def _cell(score: dict[str, Any]) -> tuple[float, float]:
    """A score of one run and its standard error, 0 where none is known."""
    value = math.inf if score["value"] is None else float(score["value"])
    interval = score["interval"]
    normal = stats.norm.ppf(0.5 + LEVEL / 2)
    return value, (interval[1] - interval[0]) / (2 * normal) if interval else 0.0


def _estimate(rows: list[Row], cells: Sequence[tuple[float, float]], planned: int) -> Estimate:
    # Repeats of a toy are independent draws, which need no correction.
    ratios = [
        0.0 if row.get("fresh_draws") else row["sizes"]["test"] / row["sizes"]["train"]
        for row in rows
    ]
    values, errors = np.array(cells).T
    return interval(values, errors, float(np.mean(ratios)), planned)


def interval(
    values: np.ndarray, errors: np.ndarray, test_to_train: float, planned: int = 1
) -> Estimate:
    """Mean over repeats with Nadeau and Bengio's corrected interval.

    mean ± t_ν √((1/R + n_test/n_train) V),  V = max(s², e²),  ν = (R − 1) V² / (V − e²)²

    Repeats share rows of data, so their spread s understates how far another split would be: hence
    the second term under the root. e² is the mean squared standard error of a single run, known
    from its test rows alone; only what s² shows beyond it is estimated from the few repeats, and ν
    are Satterthwaite's degrees of freedom of that sum. Where one repeat was planned e is all there
    is. Of several planned repeats a lone survivor has the interval of two, so that failing makes no
    method look surer.

    Nadeau & Bengio 2003, Machine Learning 52, 239 (eq. 8).

    >>> interval(np.array([0.1, 0.2, 0.3]), np.zeros(3), 0.0)
    Estimate(value=0.2..., low=-0.048..., high=0.448...)
    """
    R, mean = len(values), float(np.mean(values))
    if not np.isfinite(values).all():
        return Estimate(mean, -math.inf, math.inf)
    own = float(np.mean(errors**2))
    if R == 1 and planned == 1:
        width = stats.norm.ppf(0.5 + LEVEL / 2) * math.sqrt(own)
    else:
        variance = max(float(np.var(values, ddof=1)), own) if R > 1 else own
        beyond = variance - own if R > 1 else variance
        freedom = max(R - 1, 1) * (variance / beyond) ** 2 if beyond > 0 else math.inf
        t = stats.t.ppf(0.5 + LEVEL / 2, freedom)
        width = t * math.sqrt((1 / R + test_to_train) * variance)
    return Estimate(mean, mean - float(width), mean + float(width))
