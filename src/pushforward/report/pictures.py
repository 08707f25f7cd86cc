"""From a run to pictures: which figure shows which method, with what caption and alt text."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pushforward.data.dataset import number_columns
from pushforward.errors import InputError
from pushforward.methods import METHODS
from pushforward.report import figures
from pushforward.report.marginals import COLUMNS, column_marginals, most_different
from pushforward.report.projection import Projection
from pushforward.report.run import Run
from pushforward.report.style import png
from pushforward.report.table import distance
from pushforward.report.words import STOPPED, limit
from pushforward.study.ranking import Row, Standing
from pushforward.study.trial import WAYS

SMALL_IMAGE = 32  # pixels: eight of these fit side by side, of larger ones five
PAIRS_SHOWN = 3  # of generated rows and their nearest training rows, in a table


@dataclass(frozen=True)
class Picture:
    """A figure as the page embeds it."""

    source: str  # a data URI
    alt: str
    caption: str
    width: int  # CSS pixels


@dataclass
class Card:
    """All that is shown of one method."""

    title: str
    status: str
    lines: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    pairs: tuple[list[str], list[tuple[str, list[str]]]] | None = None  # header, rows


def picture(figure: Figure, alt: str, caption: str = "") -> Picture:
    """Embed a figure; its width in inches says how wide it is shown, at 100 pixels each."""
    encoded = base64.b64encode(png(figure)).decode()
    width = round(figure.get_figwidth() * 100)
    return Picture(f"data:image/png;base64,{encoded}", alt, caption, width)


def dot_plot(run: Run) -> Picture | None:
    """The key figure: every repeat of every method against the yardsticks."""
    lines = []
    for s in run.ranked + run.unranked:
        values = [v for row in run.rows_of(s) if (v := distance(row)) is not None]
        if s.distance is None or not np.isfinite(values).all():
            continue
        label = s.method if s.rank else f"{s.method}\n{s.status}"
        d = s.distance
        lines.append(figures.Dots(label, values, d.value, d.low, d.high, s.rank is not None))
    if not lines:
        return None
    real = run.yardstick.distance if run.yardstick else None
    figure = figures.distances(
        lines,
        yardstick=(real.value, real.low, real.high) if real else None,
        floor=run.floor.distance.value if run.floor and run.floor.distance else None,
        limit=limit(run),
    )
    return picture(
        figure,
        "Distance of the nearest-neighbour test from chance, a line per method, in the order of "
        "the table, with a dot for each repeat; the table “Every repeat” has the same numbers.",
        "Each dot is one repeat, the upright stroke their mean, the bar its 95 % interval. "
        "Further left is better. Hollow and orange: not ranked.",
    )


class Gallery:
    """The cards of all methods, drawn on the same axes, bins and grey scale."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.real = run.real()
        self.samples = {
            s.method: sample
            for s in run.ranked + run.unranked
            if not self._withheld(s) and (sample := self._sample(s)) is not None
        }
        everything = [self.real] if self.real is not None else list(self.samples.values())
        self.reference = everything[0] if everything else None
        self.value_range = (0.0, 1.0)
        self.projection: Projection | None = None
        if not everything:
            return
        if run.image_shape:
            self.value_range = _range(everything, robust=self.real is None)
        else:
            self.projection = _projection(self.reference)

    def _sample(self, s: Standing) -> Any:
        row = self.run.first_scored(s)
        return None if row is None else self.run.generated(s.method, row["repeat"])

    def _withheld(self, s: Standing) -> bool:
        """Whether what a method drew may be real rows, in a report without real rows."""
        rows = self.run.rows_of(s)
        kept = any(row["status"] == "COPYING" or row.get("stores_training_rows") for row in rows)
        return kept and not self.run.real_rows

    def real_card(self) -> Card | None:
        """Real test rows by themselves, where generated ones hide or do not show them."""
        plain = self.projection is not None and self.projection.plain
        if self.real is None or not (plain or self.run.image_shape):
            return None
        card = Card(f"real {self.run.noun}", "", [f"Test {self.run.noun}, unseen by all methods."])
        if self.run.image_shape:
            card.pictures.append(self._grid(self.real, f"real test {self.run.noun}"))
        else:
            card.pictures.append(self._scatter(None, "real test rows"))
        return card

    def card(self, s: Standing) -> Card:
        """What a method drew in its first repeat, and how it learnt."""
        rank = f"{s.rank}. " if s.rank else ""
        card = Card(f"{rank}{s.method}", s.status, _facts(s, self.run.rows_of(s)))
        sample = self.samples.get(s.method)
        if sample is not None:
            self._draw(card, s, sample)
        elif self._withheld(s):
            card.lines.append(
                "Not drawn: it hands out or stores training rows, and this report shows no real "
                f"{self.run.noun}."
            )
        else:
            card.lines.append("No picture: it drew nothing that could be kept.")
        curves = learning(self.run.rows_of(s))
        if curves is not None:
            card.pictures.append(curves)
        return card

    def _draw(self, card: Card, s: Standing, sample: Any) -> None:
        row = self.run.first_scored(s)
        assert row is not None
        nearest = self.run.nearest(s.method, row["repeat"])
        if self.run.image_shape:
            card.pictures.append(self._grid(sample, f"{self.run.noun} generated by {s.method}"))
            if nearest is not None:
                card.pictures.append(self._pairs(sample, nearest, s.method))
            ways = self.run.ways(s.method, row["repeat"])
            if ways is not None:
                card.pictures.append(self._ways(ways, s.method))
            return
        if self.projection is not None:
            card.pictures.append(self._scatter(sample, s.method))
        if self.projection is None or not self.projection.plain:
            card.pictures.append(self._marginals(sample, s.method, row))
        if nearest is not None and isinstance(sample, pd.DataFrame):
            card.pairs = _pair_rows(sample, nearest)

    def _grid(self, images: NDArray, what: str) -> Picture:
        columns, rows = (8, 4) if max(images.shape[1:3]) <= SMALL_IMAGE else (5, 3)
        figure = figures.image_grid(images, self.value_range, columns=columns, rows=rows)
        shown = min(len(images), columns * rows)
        return picture(
            figure, f"{shown} {what}, in a grid.", f"The first {shown}, not hand-picked."
        )

    def _pairs(self, sample: NDArray, nearest: NDArray, method: str) -> Picture:
        return picture(
            figures.nearest_pairs(sample[: len(nearest)], nearest, self.value_range),
            f"{len(nearest)} images generated by {method}, each above the training image nearest "
            "to it.",
            "Does it invent, or repeat? Each above its nearest training image.",
        )

    def _ways(self, ways: NDArray, method: str) -> Picture:
        columns = len(ways) // WAYS
        return picture(
            figures.image_grid(ways, self.value_range, columns=columns, rows=WAYS),
            f"{WAYS} ways between two real test images through the codes of {method}.",
            "First and last of each line: real test images. Between: what their codes are decoded "
            "to, and codes on the way from one to the other.",
        )

    def _scatter(self, sample: Any, what: str) -> Picture:
        projection = self.projection
        assert projection is not None
        real = None if self.real is None else projection(self.real)
        points = None if sample is None else projection(sample)
        figure = figures.scatter(real, points, projection.limits, projection.names)
        caption = []
        if not projection.plain:
            caption.append(f"This plane holds {projection.explained:.0%} of the variance.")
        if points is not None and (outside := projection.outside(points[: figures.DOTS])):
            shown = min(len(points), figures.DOTS)
            caption.append(f"{outside} of the {shown} points lie outside the frame.")
        against = "" if real is None or sample is None else ", over real test rows"
        return picture(figure, f"Scatter plot of {what}{against}.", " ".join(caption))

    def _marginals(self, sample: Any, method: str, row: Row) -> Picture:
        tables = [_frame(X) for X in (sample, self.real, self.reference)]
        assert tables[0] is not None
        assert tables[2] is not None
        width = tables[2].shape[1]
        farthest = most_different(row, COLUMNS) if width > COLUMNS else []
        plans = column_marginals(tables[0], tables[1], tables[2], farthest)
        which = f"{COLUMNS} of {width} columns that differ most" if farthest else ""
        which = which or f"first {COLUMNS} of {width} columns"
        first = f"The {which}. " if width > COLUMNS else ""
        look = "Outlined: generated." if self.real is None else "Filled: real. Outlined: generated."
        return picture(
            figures.marginals(plans),
            f"Distribution of each column as {method} draws it: "
            + ", ".join(plan.name for plan in plans)
            + ".",
            first + look,
        )


def _frame(X: Any) -> pd.DataFrame | None:
    return X if X is None or isinstance(X, pd.DataFrame) else number_columns(X)


def _range(images: list[NDArray], *, robust: bool) -> tuple[float, float]:
    """Black and white for all images; generated values have outliers that would grey them out."""
    values = np.concatenate([np.ravel(X) for X in images])
    low, high = np.percentile(values, [1, 99] if robust else [0, 100])
    return float(low), float(high)


def _projection(reference: Any) -> Projection | None:
    """No plane for one column, which its histogram shows, nor where nothing varies."""
    if math.prod(reference.shape[1:]) < 2:
        return None
    try:
        return Projection(reference)
    except InputError:
        return None


def _facts(s: Standing, rows: list[Row]) -> list[str]:
    facts = []
    method = METHODS.get(s.method)
    if method is not None:
        represented = method.represented_by[:1].upper() + method.represented_by[1:]
        facts.append(f"{represented} · {method.paper}")
    first = next((row for row in rows if row.get("rounds")), None)
    if first is not None:
        why = STOPPED.get(first.get("stopped_by") or "", "")
        because = f" because {why}" if why else ""
        facts.append(
            f"In its first repeat it stopped after {first['rounds']:,} rounds{because}; the state "
            f"of round {first['best_round']:,} was kept."
            if first.get("best_round") is not None
            else f"In its first repeat it stopped after {first['rounds']:,} rounds{because}."
        )
    return facts


def learning(rows: list[Row]) -> Picture | None:
    """Learning curves of what trains, None for what does not."""
    curves = [_curve(row) for row in rows if row.get("curve", {}).get("scores")]
    logged = [row["curve"]["terms"] for row in rows if row.get("curve", {}).get("terms")]
    losses = _losses(logged[0]) if logged else {}
    if not curves and not losses:
        return None
    players = {name.split("/")[0] for name in losses}
    caption = "The validation score compares samples with held-out rows"
    caption += "; a line per repeat." if len(rows) > 1 else "."
    if len(players) > 1:
        caption += (
            " The losses of players against each other do not tell quality: they say who is ahead."
        )
    return picture(
        figures.learning_curves(curves, losses),
        "Validation score against training rounds for each repeat with the kept state marked, "
        "and below it the loss terms " + ", ".join(losses) + ".",
        caption,
    )


def _curve(row: Row) -> figures.Curve:
    points = [(r, s) for r, s in row["curve"]["scores"] if s is not None]
    return figures.Curve([r for r, _ in points], [s for _, s in points], row.get("best_round"))


def _losses(terms: list[dict[str, Any]]) -> dict[str, tuple[list[float], list[float]]]:
    """The terms of the losses; norms of gradients, which are logged with them, are no terms."""
    logged = dict.fromkeys(name for term in terms for name in term if name != "round")
    names = [name for name in logged if not name.endswith("/gradient")]
    return {
        name: (
            [term["round"] for term in terms],
            [math.nan if term.get(name) is None else term[name] for term in terms],
        )
        for name in names
    }


def _pair_rows(
    sample: pd.DataFrame, nearest: pd.DataFrame
) -> tuple[list[str], list[tuple[str, list[str]]]]:
    names = list(sample.columns)[:COLUMNS]
    rows = []
    for i in range(min(PAIRS_SHOWN, len(nearest), len(sample))):
        for label, frame in (("generated", sample), ("nearest real", nearest)):
            rows.append((label, [_value(frame[name].iloc[i]) for name in names]))
    return [str(name) for name in names], rows


def _value(value: Any) -> str:
    if pd.isna(value):
        return "missing"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 1e6 else f"{value:.4g}"
    return str(value)
