"""A finished row as a line of results has it: what is in it is of its kind."""

from __future__ import annotations

from typing import Any

from pushforward.untrusted import Damaged

NUMBER = (int, float)
NEEDED: dict[str, Any] = {
    "method": str,
    "kind": str,
    "repeat": int,
    "scores": (dict, type(None)),  # None of a fit that failed
}
KNOWN: dict[str, Any] = {
    "status": str,
    "reason": str,
    "hash": str,
    "options": dict,
    "sizes": dict,
    "seconds": NUMBER,
    "notes": list,
    "diagnosis": list,
}
OF_A_SCORE: dict[str, Any] = {"value": (*NUMBER, type(None)), "interval": (list, type(None))}


def checked(row: Any) -> dict[str, Any]:
    """The row itself.

    Raises:
        Damaged: it lacks what tells it from others, or something in it is of another kind.

    >>> checked({"method": "vae", "kind": "method", "repeat": 0, "scores": None})["method"]
    'vae'
    """
    if not isinstance(row, dict):
        raise Damaged(f"expected an object, got {row!r:.80}")
    for name, kind in (NEEDED | KNOWN).items():
        if name in NEEDED or name in row:
            _check(name, row.get(name), kind)
    if row["repeat"] < 0:
        raise Damaged(f"expected a number of a repeat, got {row['repeat']}")
    for name, size in row.get("sizes", {}).items():
        _check(f"the size of {name}", size, NUMBER)
    for name, score in (row.get("scores") or {}).items():
        _check(name, score, dict)
        for part, kind in OF_A_SCORE.items():
            _check(f"{name}, {part}", score.get(part, ...), kind)
        ends = score.get("interval")
        if ends is not None:
            for end in ends if len(ends) == 2 else [None]:
                _check(f"an end of the interval of {name}", end, NUMBER)
    return row


def _check(name: str, value: Any, kind: Any) -> None:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Damaged(f"expected {name!r:.80} of another kind, got {value!r:.80}")
