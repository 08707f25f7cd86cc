"""What the search of each method found, and which of its trials failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pushforward.errors import InputError
from pushforward.methods import METHODS
from pushforward.space import BETA_1, Choice, LogUniform, Range, Whole
from pushforward.study.claim import counted, probability, said
from pushforward.study.evidence import Evidence
from pushforward.study.search import value_of
from pushforward.study.sensitivity import Sensitivity

NONE = "–"


@dataclass(frozen=True)
class Searched:
    """What one option was, where it was searched, and what it became."""

    name: str
    own: str
    best: str
    searched: str
    explains: str
    correlation: str


@dataclass(frozen=True)
class Found:
    """What the search of one method found."""

    method: str
    sentence: str
    options: list[Searched]


@dataclass(frozen=True)
class Failures:
    """How many trials of one method failed, by name, with an example of each."""

    method: str
    failed: int
    of: int
    reasons: list[tuple[str, int, str]]  # status, how many, an example


def found_options(evidence: Evidence, told: Mapping[str, Sensitivity]) -> list[Found]:
    """The winner's options of each method beside the registry's own and the ranges."""
    found = []
    for method in evidence.searched:
        space, best = evidence.spaces[method], evidence.winners[method]
        if not space:
            continue
        what = told.get(method)
        explained = {o.name: o for o in what.options} if what else {}
        own = own_options(method)
        options = []
        for name, where in space.items():
            usual = _shown(own.get(name))
            value = usual if best is None else _shown(best["options"].get(name, own.get(name)))
            option = explained.get(name)
            importance = NONE
            if option is not None and what is not None and what.told:
                importance = f"{option.importance:.0%}"
            correlation = NONE
            if option is not None and option.correlation is not None and option.p is not None:
                sign = -1 if evidence.higher else 1
                correlation = f"{sign * option.correlation:+.2f} ({probability(option.p)})"
            options.append(
                Searched(
                    name,
                    usual,
                    NONE if best is None else value,
                    describe_range(where),
                    importance,
                    correlation,
                )
            )
        found.append(Found(method, _found(evidence, method, what), options))
    return found


def _found(evidence: Evidence, method: str, what: Sensitivity | None) -> str:
    best, trials = evidence.winners[method], evidence.trials[method]
    if best is None:
        return f"all {counted(len(trials), 'trial')} failed"
    value = value_of(best, evidence.objective)
    assert value is not None
    number = best["repeat"]
    which = f"trial {number}" if number else "its own options, trial 0,"
    text = f"{which} of {len(trials)} is best with {said(evidence.shown(value))}"
    first = trials[0]
    own = value_of(first, evidence.objective) if first["repeat"] == 0 else None
    if number and own is not None:
        text += f"; its own options had {said(evidence.shown(own))}"
    elif number and first["repeat"] == 0:
        text += f"; its own options: {first['status']}"
    return f"{text}. {what.sentence}" if what is not None else f"{text}."


def own_options(method: str) -> dict[str, Any]:
    """The options that a method has in the registry, none if it is no longer there.

    >>> own_options("wgan")["clip"], own_options("wgan")["beta_1"]
    (0.01, 0.0)
    """
    if method not in METHODS:
        return {}
    try:
        found = METHODS[method].make().get_params(deep=False)
    except InputError:
        return {}
    if "betas" in found:
        found[BETA_1] = found["betas"][0]
    return found


def describe_range(where: Range) -> str:
    """A range in words.

    >>> describe_range(LogUniform(1e-5, 1e-2)), describe_range(Choice((1, 5)))
    ('1e-05 to 0.01, log', '1 or 5')
    """
    if isinstance(where, Choice):
        return " or ".join(map(str, where.values))
    low, high = getattr(where, "low", None), getattr(where, "high", None)
    kind = (
        ", log" if isinstance(where, LogUniform) else ", whole" if isinstance(where, Whole) else ""
    )
    return f"{low:g} to {high:g}{kind}"


def _shown(value: Any) -> str:
    if value is None:
        return NONE
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def failures(evidence: Evidence) -> list[Failures]:
    """The failed trials of each method's search, by name and reason."""
    found = []
    for method in evidence.searched:
        rows = evidence.trials[method]
        failed = [row for row, bad in zip(rows, evidence.failed(method), strict=True) if bad]
        alike: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in failed:
            # Reasons that differ by their numbers only are one reason.
            alike.setdefault((row["status"], re.sub(r"[\d.]+", "#", row["reason"])), []).append(row)
        if failed:
            reasons = [
                (status, len(group), group[0]["reason"])
                for (status, _), group in sorted(alike.items(), key=lambda item: -len(item[1]))
            ]
            found.append(Failures(method, len(failed), len(rows), reasons))
    return found
