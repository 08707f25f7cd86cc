"""The table of results, cell by cell, as the template shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from pushforward.report.run import Run
from pushforward.report.words import NUMBERS, STATUS, Number, interval, limit, number
from pushforward.study.plan import FLOOR, REAL
from pushforward.study.ranking import Row, Standing

NONE = "–"


@dataclass(frozen=True)
class Line:
    """One method's line."""

    rank: str
    method: str
    note: str
    status: str
    distance: str
    interval: str
    cells: list[str]
    seconds: str
    rounds: str


@dataclass(frozen=True)
class Trouble:
    """A method that is not ranked, or was in trouble in some repeat, in words."""

    method: str
    status: str
    meaning: str
    reasons: list[str]


def columns(run: Run) -> list[Number]:
    """The numbers that at least one row has."""
    found = {name for row in run.rows for name in row["scores"]}
    return [column for column in NUMBERS if column.score in found]


def header(run: Run, column: Number) -> str:
    """What is better, and what the value would be if real and generated rows had one law."""
    if column.score in ("frechet", "coverage"):
        bias = _mean_of(run, column.score, "expected_bias")
        if bias is not None:
            return f"{column.better}; if equal {number(bias, column.digits)}"
    if column.score == "modes":
        modes = _mean_of(run, "modes", "target")
        if modes is not None:
            return f"{column.better}; of {modes:.0f}"
    return column.better


def _mean_of(run: Run, score: str, key: str) -> float | None:
    scores = [row["scores"][score] for row in run.rows if score in row["scores"]]
    values = [s[key] for s in scores if s[key] is not None]
    return float(np.mean(values)) if values else None


def lines(run: Run, standings: list[Standing]) -> list[Line]:
    return [_line(run, s, columns(run)) for s in standings]


def _line(run: Run, s: Standing, shown: list[Number]) -> Line:
    estimates = [(column, s.scores.get(column.score)) for column in shown]
    return Line(
        rank=str(s.rank) if s.rank else NONE,
        method=s.method,
        note=_note(run, s),
        status=s.status if s.kind == "method" or s.status != "OK" else NONE,
        distance=number(s.distance.value, 3) if s.distance else NONE,
        interval=interval(s.distance, limit(run)) if s.distance else "",
        cells=[number(e.value, c.digits) if e else NONE for c, e in estimates],
        seconds=NONE if s.method == REAL else _seconds(s.seconds),
        rounds=f"{np.median(s.rounds):,.0f}" if s.rounds else NONE,
    )


def _seconds(seconds: float) -> str:
    if seconds < 0.1:
        return "< 0.1"
    return f"{seconds:,.1f}" if seconds < 100 else f"{seconds:,.0f}"


def _note(run: Run, s: Standing) -> str:
    notes = []
    if s.method == FLOOR:
        notes.append("the floor to beat")
    if s.method == REAL:
        notes.append("what a perfect sampler would get")
    if s.finished < run.repeats:
        notes.append(f"{s.finished} of {run.repeats} repeats")
    return ", ".join(notes)


def troubles(run: Run) -> list[Trouble]:
    """Every failure with its reason, the same reason said once for all repeats it came in."""
    return [t for s in run.standings if (t := _trouble(s, run.rows_of(s))) is not None]


def _trouble(s: Standing, rows: list[Row]) -> Trouble | None:
    alike: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["status"] != "OK":
            # Reasons that differ by their numbers only are one reason.
            pattern = re.sub(r"[\d.]+", "#", row["reason"])
            alike.setdefault((row["status"], pattern), []).append(row)
    if not alike:
        return None
    meaning = STATUS.get(s.status, "") if s.status != "OK" else "ranked, but not without trouble"
    return Trouble(s.method, s.status, meaning, [_reason(s, g, rows) for g in alike.values()])


def _reason(s: Standing, group: list[Row], rows: list[Row]) -> str:
    where = _repeats([row["repeat"] + 1 for row in group], len(rows))
    status = "" if group[0]["status"] == s.status else f" {group[0]['status']}"
    example = "" if len({row["reason"] for row in group}) == 1 else ", for example"
    return f"{where}{status}{example}: {group[0]['reason']}"


def _repeats(which: list[int], of: int) -> str:
    if len(which) == of:
        return "every repeat" if of > 1 else "the one repeat"
    return f"repeat {', '.join(map(str, which))}"


def every_repeat(run: Run) -> list[tuple[str, list[str]]]:
    """The distance of each method in each repeat, or the name of its failure."""
    table = []
    for s in run.standings:
        cells = {row["repeat"]: _cell(row) for row in run.rows_of(s)}
        table.append((s.method, [cells.get(i, "not run") for i in range(run.repeats)]))
    return table


def _cell(row: Row) -> str:
    value = distance(row)
    if value is None:
        return row["status"]
    return f"{value:.3f}" + ("" if row["status"] == "OK" else f" {row['status']}")


def distance(row: dict[str, Any]) -> float | None:
    """The larger distance of the two 1-NN halves of one run from their null means."""
    if not row["scores"]:
        return None
    halves = [row["scores"][name] for name in ("nn_real", "nn_fake")]
    return max(abs(half["value"] - half["target"]) for half in halves)
