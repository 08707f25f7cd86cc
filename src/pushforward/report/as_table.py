"""What the report says of a table: its columns, pairs of columns, use, and what it betrays."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from pushforward.evaluation.intervals import Z_95
from pushforward.evaluation.marginal_scores import SURE
from pushforward.report.association_figure import associations
from pushforward.report.marginals import most_different
from pushforward.report.pictures import Picture, picture
from pushforward.report.run import Run
from pushforward.report.words import listing, number
from pushforward.study.ranking import Estimate, Row, Standing, interval

DRAWN = 3  # of the best methods, whose associations are drawn
WORST = 3  # columns or pairs named
NONE = "–"


@dataclass(frozen=True)
class TableLine:
    """One method's line: cells are a number and what stands in small print below it."""

    method: str
    note: str
    cells: list[tuple[str, str]]


@dataclass(frozen=True)
class AsTable:
    """The section of a report."""

    words: list[Markup]
    lines: list[TableLine]
    expected: tuple[str, str]  # what equal laws give, of columns and of pairs
    predicts: str
    named: str  # at how many false alarms
    pictures: list[tuple[str, Picture]]
    first: str  # how many columns are drawn, where not all


def as_table(run: Run) -> AsTable | None:
    """What is known of the columns of a table; None where rows are no table."""
    told = [s for s in run.ranked + run.unranked + run.yardsticks if _rows(run, s)]
    if not told:
        return None
    everything = [row for s in told for row in _rows(run, s)]
    targets = {row["table"]["target"] for row in everything if "target" in row["table"]}
    drawn = _drawn(run)
    left_out = [matrix["left_out"] for _, matrix in drawn if matrix["left_out"]]
    wrongly = [row["table"]["wrongly"] for row in everything if "wrongly" in row["table"]]
    return AsTable(
        words=_words(run),
        lines=[_line(run, s, one_target=len(targets) == 1) for s in told],
        expected=(_expected(everything, "columns"), _expected(everything, "associations")),
        predicts=_predicts(everything),
        named=f"{np.mean(wrongly):.0%}" if wrongly else "",
        pictures=[(s.method, _picture(s.method, matrix)) for s, matrix in drawn],
        first=f"Pairs of the first {len(drawn[0][1]['names'])} columns." if left_out else "",
    )


def _rows(run: Run, s: Standing) -> list[Row]:
    """The repeats that a standing's scores are of, where they are those of a table."""
    rows = [row for row in run.rows_of(s) if row["scores"] and row.get("table")]
    return [row for row in rows if s.status != "OK" or row["status"] == "OK"]


def _expected(rows: list[Row], score: str) -> str:
    values = [row["scores"][score]["expected_bias"] for row in rows if score in row["scores"]]
    return number(float(np.mean(values)), 3) if values else NONE


def _predicts(rows: list[Row]) -> str:
    found = Counter(
        (row["table"]["target"], row["table"]["measure"])
        for row in rows
        if "target" in row["table"]
    )
    return listing([f"“{target}” ({measure})" for target, measure in found]) if found else ""


def _line(run: Run, s: Standing, one_target: bool) -> TableLine:
    rows = _rows(run, s)
    differ, of, worst = _differing(rows)
    target = (
        "" if one_target else ", ".join(dict.fromkeys(r["table"].get("target", "") for r in rows))
    )
    gap = _gap(s, rows)
    auc, found = s.scores.get("membership"), s.scores.get("members_found")
    real = [row["scores"]["utility"]["target"] for row in rows if "utility" in row["scores"]]
    return TableLine(
        s.method,
        "as many real rows" if s.kind == "yardstick" and not real else "",
        [
            _cell(s, "columns"),
            (f"{differ} of {of}", listing(worst) if worst else ""),
            _cell(s, "associations"),
            (number(s.scores["utility"].value, 2), target) if gap else (NONE, ""),
            (number(float(np.mean(real)), 2), "") if gap else (NONE, ""),
            (_signed(gap.value), f"{_signed(gap.low)} to {_signed(gap.high)}")
            if gap
            else (NONE, ""),
            (number(auc.value, 2), f"{max(auc.low, 0):.2f} to {min(auc.high, 1):.2f}")
            if auc
            else (NONE, ""),
            (f"{found.value:.0%}", "") if found else (NONE, ""),
        ],
    )


def _cell(s: Standing, score: str) -> tuple[str, str]:
    return (number(s.scores[score].value, 3), "") if score in s.scores else (NONE, "")


def _differing(rows: list[Row]) -> tuple[int, int, list[str]]:
    """How many columns surely differ in at least half of the repeats, of how many, and which."""
    tests = [row["table"]["columns"] for row in rows]
    often = Counter(name for columns in tests for name in {t[0] for t in columns if t[5] < SURE})
    sure = {name for name, times in often.items() if 2 * times >= len(rows)}
    of = {t[0] for columns in tests for t in columns}
    return len(sure), len(of), [n for n in most_different(rows[0], len(of)) if n in sure][:WORST]


def _gap(s: Standing, rows: list[Row]) -> Estimate | None:
    """How much better generated rows train than real ones, with an interval over repeats."""
    found = [row["scores"]["utility"] for row in rows if "utility" in row["scores"]]
    if not found:
        return None
    gaps = np.array([score["value"] - score["target"] for score in found])
    errors = np.array([(s["interval"][1] - s["interval"][0]) / (2 * Z_95) for s in found])
    ratio = float(np.mean([row["sizes"]["test"] / row["sizes"]["train"] for row in rows]))
    return interval(gaps, errors, ratio, planned=s.finished + s.failed)


def _signed(value: float) -> str:
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text in ("+0.00", "−0.00") else text


def _words(run: Run) -> list[Markup]:
    """What a data scientist asks of the best method's rows, after a line that names it."""
    best = next((s for s in run.ranked if _rows(run, s)), None)
    if best is None:
        return []
    rows = _rows(run, best)
    sentences = [
        Markup("What rows of <strong>{}</strong>, the best by the ranking above, are like:").format(
            best.method
        ),
        _of_columns(rows),
        _of_pairs(best, rows),
        _of_use(best, rows),
        _of_members(best, rows),
    ]
    return [Markup(sentence) for sentence in sentences if sentence]


def _of_columns(rows: list[Row]) -> Markup:
    differ, of, worst = _differing(rows)
    often = " in at least half of the repeats" if len(rows) > 1 else ""
    if not differ:
        return Markup(f"Column by column, none of {of} surely differs from real rows{often}.")
    verb = "differs" if differ == 1 else "differ"
    named = Markup("{}").format(listing([f"“{name}”" for name in worst]))
    most = ", most " if differ > len(worst) else ": "
    text = Markup(f"Column by column, {differ} of {of} surely {verb} from real rows{often}")
    return text + most + named + "."


def _of_pairs(s: Standing, rows: list[Row]) -> str:
    found = s.scores.get("associations")
    if found is None:
        return ""
    expected = _expected(rows, "associations")
    return (
        f"Pair by pair, associations are {number(found.value, 3)} off on average, where other real "
        f"rows are {expected} off."
    )


def _of_use(s: Standing, rows: list[Row]) -> Markup | str:
    gap = _gap(s, rows)
    if gap is None:
        return ""
    scores = [row["scores"]["utility"] for row in rows if "utility" in row["scores"]]
    value, real = (float(np.mean([score[key] for score in scores])) for key in ("value", "target"))
    first = next(row["table"] for row in rows if "target" in row["table"])
    sure = "no sure difference"
    if round(gap.high, 2) < 0:
        sure = "surely less"
    elif round(gap.low, 2) > 0:
        sure = "surely more"
    return Markup(
        "A model that learns to predict “{}” from them has {} {:.2f} on real rows, one that learns "
        "from as many real rows {:.2f}: {} ({} to {})."
    ).format(
        first["target"],
        "a balanced accuracy of" if first["measure"] != "R²" else "an R² of",
        value,
        real,
        sure,
        _signed(gap.low),
        _signed(gap.high),
    )


def _of_members(s: Standing, rows: list[Row]) -> str:
    auc, found = s.scores.get("membership"), s.scores.get("members_found")
    if auc is None or found is None:
        return ""
    wrongly = np.mean([row["table"]["wrongly"] for row in rows if "wrongly" in row["table"]])
    low, high = max(auc.low, 0.0), min(auc.high, 1.0)
    start = (
        "Of two rows, one trained on and one not, an attack that sees generated rows points to the "
        f"former with a chance of {auc.value:.2f} (95 % interval {low:.2f} to {high:.2f}; 0.5 is "
        "guessing)"
    )
    if low <= 0.5:
        return f"{start}: no sign that training rows can be told."
    chance = float(np.mean([row["scores"]["members_found"]["target"] for row in rows]))
    named = f"at {wrongly:.0%} false alarms it names {found.value:.0%} of them"
    if found.low <= chance:
        return f"{start}, hardly more but surely; {named}, which is no more than chance."
    return (
        f"{start}: training rows can be told, and {named}. Do not take the generated rows for "
        "anonymous."
    )


def _drawn(run: Run) -> list[tuple[Standing, dict[str, Any]]]:
    """The associations of the best ranked methods in the first repeat."""
    found = []
    for s in run.ranked:
        tables = [row["table"] for row in run.rows_of(s) if row.get("table")]
        matrix = next((t["associations"] for t in tables if "associations" in t), None)
        if matrix is not None:
            found.append((s, matrix))
    return found[:DRAWN]


def _picture(method: str, matrix: dict[str, Any]) -> Picture:
    names = matrix["names"]
    real, fake = (_full(matrix[kind], len(names)) for kind in ("real", "fake"))
    i, j = np.triu_indices(len(names), 1)
    order = np.argsort(-np.abs(fake - real)[i, j], kind="stable")[:WORST]
    worst = [
        f"{names[i[k]]} and {names[j[k]]} ({_signed(real[i[k], j[k]])} real, "
        f"{_signed(fake[i[k], j[k]])} generated)"
        for k in order
    ]
    return picture(
        associations(names, real, fake),
        f"Associations of {len(names)} columns in pairs, among real rows, among rows of {method}, "
        "and their difference.",
        f"Farthest apart: {'; '.join(worst)}.",
    )


def _full(above: list[float], p: int) -> NDArray:
    matrix = np.zeros((p, p))
    matrix[np.triu_indices(p, 1)] = above
    return matrix + matrix.T + np.eye(p)
