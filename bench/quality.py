"""How good samples are: `pushforward.compare` on named data sets, in short.

Every method on fresh splits, its scores repeat by repeat, the standings, and the yardsticks that
the scores are read against. Seconds are of fits that run side by side, each on one thread.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pushforward.study.compare import Comparison, compare, explain, table
from pushforward.study.folder import RunFolder
from pushforward.study.ranking import Standing
from record import folder_of, keep, machine, options_of

DATA = ("digits", "ring", "grid", "wine", "breast-cancer")
SCORES = (
    *("frechet", "nn_real", "nn_fake", "density", "coverage", "copies"),
    *("modes", "high_quality", "mode_kl"),
)
QUICK_ROUNDS = 300


def short_row(row: dict[str, Any]) -> dict[str, Any]:
    """One fit: what it scored, and what equal laws would."""
    scores = {name: row["scores"][name] for name in SCORES if name in row["scores"]}
    return {name: row[name] for name in ("method", "kind", "repeat", "seed", "sizes")} | {
        "status": row["status"],
        "reason": row["reason"],
        "seconds": row["seconds"],
        "rounds": row.get("rounds"),
        "stopped_by": row.get("stopped_by"),
        "scores": {name: score["value"] for name, score in scores.items()},
        "equal_laws": {name: score["expected_bias"] for name, score in scores.items()},
    }


def short_standing(standing: Standing) -> dict[str, Any]:
    """One method: its place, and the means of its scores with 95 % intervals."""
    kept = asdict(standing)
    kept["scores"] = {name: score for name, score in kept["scores"].items() if name in SCORES}
    return kept


def summary(comparison: Comparison) -> dict[str, Any]:
    """All that is kept of a comparison, read back from its folder."""
    rows = [short_row(row) for row in RunFolder(comparison.folder).results()]
    return {
        "complete": comparison.complete,
        "standings": [short_standing(s) for s in comparison.standings],
        "yardsticks": [row for row in rows if row["kind"] == "yardstick"],
        "fits": [row for row in rows if row["kind"] == "method"],
    }


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument(
        "data", nargs="*", metavar="data", help=f"of {', '.join(DATA)}; all if none"
    )
    parser.add_argument("--repeats", type=int, help="splits (default 3, quick 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-rounds", type=int, help=f"default none, quick {QUICK_ROUNDS}")
    parser.add_argument("--methods", help="separated by commas; default those compared by default")
    options = parser.parse_args()
    quick = options.quick
    settings = {
        "methods": options.methods,
        "repeats": options.repeats or (1 if quick else 3),
        "seed": options.seed,
        "max_rounds": options.max_rounds or (QUICK_ROUNDS if quick else None),
    }
    kind = machine()
    for data in options.data or DATA:
        with tempfile.TemporaryDirectory() as folder:
            comparison = compare(data, out=Path(folder) / "run", **settings)
            print(f"\n{data}\n{table(comparison.standings)}\n\n{explain(comparison)}")
            result = {"machine": kind, "settings": {"data": data} | settings} | summary(comparison)
        keep(f"quality-{data}", folder_of(options), result)
        if comparison.interrupted:
            break


if __name__ == "__main__":
    main()
