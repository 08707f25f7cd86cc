"""What a study says of a claim: whether its rows support it, with the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SUPPORTED, NOT_SUPPORTED, UNDECIDED = "supported", "not supported", "cannot be decided"


@dataclass(frozen=True)
class Claim:
    """A claim, what the rows make of it, and the numbers by which they do.

    >>> print(Claim("vae is better than gan", SUPPORTED, "0.1 against 0.2 (p = 0.01)."))
    vae is better than gan: supported. 0.1 against 0.2 (p = 0.01).
    """

    name: str
    verdict: str  # "supported", "not supported" or "cannot be decided"
    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}: {self.verdict}. {self.sentence}"


def said(value: float) -> str:
    """A number as a sentence has it.

    >>> said(0.12345), said(31337.0), said(-0.0001)
    ('0.123', '31,337', '-0.0001')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def probability(p: float) -> str:
    """A p-value as a sentence has it.

    >>> probability(0.00004), probability(0.0312)
    ('p < 0.001', 'p = 0.031')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def counted(n: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "trial"), counted(3, "trial")
    ('1 trial', '3 trials')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names as in a sentence, and how many are left out of a long list.

    >>> listed(["gan"]), listed(["gan", "vae"]), listed(["a", "b", "c"], most=2)
    ('gan', 'gan and vae', 'a, b and 1 more')
    """
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last
