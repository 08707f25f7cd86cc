"""What a metric hands back: a number that carries how to read it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

Direction = Literal["lower", "higher", "near"]


@dataclass(frozen=True)
class Score:
    """One number, with all that is needed to read it.

    `direction` says what is better: "lower", "higher" or "near" the `target`. `interval` covers
    95 %, `p_value` is of the hypothesis that real and generated rows have one law, and
    `expected_bias` what the value would then be on average. `sizes` counts the rows that went in,
    `features` names the map in which they were compared, `meaning` is one line in plain words.

    >>> print(Score("nn_accuracy", 0.75, "near", target=0.5, p_value=0.001, features="pixels"))
    nn_accuracy = 0.75 (near 0.5 is better; p = 0.001; features: pixels)
    """

    name: str
    value: float
    direction: Direction
    target: float | None = None
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    expected_bias: float | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    features: str = ""
    meaning: str = ""

    @property
    def aim(self) -> str:
        """What a better value is, e.g. "lower" or "near 0.499"."""
        if self.target is None or self.direction == "lower":
            return self.direction
        return (
            f"near {self.target:.4g}"
            if self.direction == "near"
            else f"higher, to {self.target:.4g}"
        )

    def __str__(self) -> str:
        notes = [f"{self.aim} is better"]
        if self.direction == "lower" and self.target is not None:
            notes.append(f"to compare with: {self.target:.4g}")
        if self.interval is not None:
            notes.append(f"95 % interval {_range(self.interval)}")
        if self.p_value is not None:
            notes.append(f"p = {self.p_value:.2g}")
        if self.expected_bias is not None:
            notes.append(f"equal laws would give about {self.expected_bias:.4g}")
        if self.sizes:
            notes.append(_counts(self.sizes))
        if self.features:
            notes.append(f"features: {self.features}")
        text = f"{self.name} = {self.value:.4g} ({'; '.join(notes)})"
        return f"{text}: {self.meaning}" if self.meaning else text

    def _repr_html_(self) -> str:
        return Evaluation([self])._repr_html_()

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON can hold them: a number that is not finite becomes None."""
        return {key: _json_safe(value) for key, value in asdict(self).items()}


HEADER = ("score", "value", "better", "95 % interval", "p", "equal laws")
WORDS = {0, 2, 6}  # columns that are no numbers


class Evaluation(Mapping[str, Score]):
    """The scores of one set of generated rows, by name, in the order they were computed.

    Of a table `columns` has how far each column is from real rows, and `associations` each pair of
    columns; of other data both are None.

    >>> evaluation = Evaluation([Score("precision", 0.8, "higher", interval=(0.7, 0.88))])
    >>> evaluation["precision"].value
    0.8
    >>> print(evaluation)
    score      value  better  95 % interval   p  equal laws
    precision    0.8  higher    0.7 to 0.88   -           -
    """

    def __init__(
        self,
        scores: Iterable[Score],
        *,
        columns: pd.DataFrame | None = None,
        associations: pd.DataFrame | None = None,
    ) -> None:
        self._scores = {score.name: score for score in scores}
        self.columns = columns
        self.associations = associations

    def __getitem__(self, name: str) -> Score:
        return self._scores[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scores)

    def __len__(self) -> int:
        return len(self._scores)

    def __str__(self) -> str:
        rows = [HEADER, *(_cells(score) for score in self.values())]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
        widths[4] = max(widths[4], 3)
        lines = ["  ".join(_aligned(row, widths)) for row in rows]
        return "\n".join([*lines, *self._features()])

    def _repr_html_(self) -> str:
        head = "".join(_html_cell(i, text, "th") for i, text in enumerate((*HEADER, "meaning")))
        body = "".join(
            f"<tr>{''.join(_html_cell(i, text) for i, text in enumerate(cells))}</tr>"
            for cells in ((*_cells(score), _details(score)) for score in self.values())
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._features())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def _features(self) -> list[str]:
        """The line that names the feature maps, if any score names one."""
        features = sorted({score.features for score in self.values() if score.features})
        return [f"features: {', '.join(features)}"] if features else []

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The scores as JSON can hold them, by name."""
        return {name: score.to_dict() for name, score in self.items()}

    def to_json(self) -> str:
        """The scores as JSON text: that of `to_dict`, indented."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def to_frame(self) -> pd.DataFrame:
        """The scores as a table, a row for each, with `low` and `high` ends of the intervals.

        `sizes` become a column for each kind of rows, e.g. `real_rows`.

        >>> evaluation = Evaluation([Score("precision", 0.8, "higher", sizes={"real": 50})])
        >>> evaluation.to_frame()[["value", "direction", "real_rows"]]
                   value direction  real_rows
        precision    0.8    higher         50
        """
        import pandas as pd  # slow to load, and only tables need it

        return pd.DataFrame([_flat(score) for score in self.values()], index=list(self))


def _cells(score: Score) -> tuple[str, ...]:
    null = score.expected_bias
    return (
        score.name,
        f"{score.value:.4g}",
        score.aim,
        "-" if score.interval is None else _range(score.interval),
        "-" if score.p_value is None else f"{score.p_value:.2g}",
        "-" if null is None else f"{null:.4g}",
    )


def _aligned(cells: tuple[str, ...], widths: list[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    pairs = enumerate(zip(cells, widths, strict=True))
    return [cell.ljust(w) if i in WORDS else cell.rjust(w) for i, (cell, w) in pairs]


def _html_cell(column: int, text: str, tag: str = "td") -> str:
    side = "left" if column in WORDS else "right"
    return f'<{tag} style="text-align: {side}">{escape(text)}</{tag}>'


def _details(score: Score) -> str:
    """What the score means, and how many rows it is from."""
    sizes = f"({_counts(score.sizes)})" if score.sizes else ""
    return f"{score.meaning} {sizes}".strip()


def _flat(score: Score) -> dict[str, Any]:
    low, high = score.interval or (math.nan, math.nan)
    return {
        "value": score.value,
        "direction": score.direction,
        "target": _or_nan(score.target),
        "low": low,
        "high": high,
        "p_value": _or_nan(score.p_value),
        "expected_bias": _or_nan(score.expected_bias),
        "features": score.features,
        "meaning": score.meaning,
        **{f"{name}_rows": count for name, count in score.sizes.items()},
    }


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _range(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3g} to {interval[1]:.3g}"


def _counts(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sizes.items()) + " rows"


def _json_safe(value: Any) -> Any:
    if isinstance(value, Real) and not isinstance(value, Integral):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, tuple | list):
        return [_json_safe(item) for item in value]
    if isinstance(value, dict):
        return {key: _json_safe(item) for key, item in value.items()}
    return value
