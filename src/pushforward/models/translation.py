"""What a translation between two domains did to its rows, in words: nothing, or the opposite."""

from __future__ import annotations

import math

import numpy as np

from pushforward.evaluation.neighbours import neighbour_gap
from pushforward.training.diagnosis import Finding

# Conventions of this library, as those of `diagnose`.
APART = 0.8  # over √n: from which `neighbour_gap` on, two samples of n rows each differ
UNMOVED = 0.1  # of the distance between two rows, that a translation moves a row
STILL = 0.5  # of the domains' gap, that is left where a translation has done nothing
OPPOSITE = -0.5  # correlation from which on content counts as inverted
AS_WELL = 0.1  # by which the gap of mirrored rows may be larger for both maps to fit alike


def diagnose_translation(a: np.ndarray, translated: np.ndarray, b: np.ndarray) -> list[Finding]:
    """Say whether rows came back as they were, or with their content inverted; [] for neither.

    IDENTITY: a row moved by less than a tenth of the distance between two rows on average, while
    the domains differ (a gap of 0.8 / √n or more for n rows of each: those of one law stay below,
    and those of images that differ visibly may lie little above), and half of that gap or more is
    left.
    INVERTED: the correlation of a and G(a), entry by entry about their means, is below −½, and the
    mirrored output −G(a) would fit domain B as well (a gap at most 0.1 larger): the data do not say
    which of the two is meant. Both without known counterparts.

    `a` and `translated`, G(a), are encoded rows `(n, p)` of the same row numbers, `b` encoded rows
    of the other domain `(m, p)`, whose columns mean what those of `a` mean, and are 0 at their mean
    or mid-range.

    >>> a, b = np.random.default_rng(0).normal(size=(2, 200, 2))
    >>> [finding.name for finding in diagnose_translation(a, a, a + 3)]
    ['IDENTITY']
    >>> [finding.name for finding in diagnose_translation(a, -a, b)]
    ['INVERTED']
    """
    n = min(len(a), len(b))  # gaps are comparable between samples of one size
    gap_before, gap = _gap(b[:n], a[:n]), _gap(b[:n], translated[:n])
    found = []
    moved = _relative_move(a, translated)
    if moved < UNMOVED and gap_before >= APART / math.sqrt(n) and gap >= STILL * gap_before:
        found.append(
            Finding(
                "IDENTITY",
                f"The translation returns its input (it moves a row by {moved:.0%} of the distance "
                f"between two rows), though the domains differ ({gap_before:.2f}; {gap:.2f} is "
                "left). Lower identity_weight or cycle_weight, or give it more rounds.",
            )
        )
    content = _correlation(a, translated)
    if content < OPPOSITE and _gap(b[:n], -translated[:n]) <= gap + AS_WELL:
        found.append(
            Finding(
                "INVERTED",
                f"The translation inverts content (correlation {content:.2f} with what goes in), "
                "and the mirrored rows would fit the other domain as well: unpaired rows do not "
                "say which is meant. Raise identity_weight, or fit from other seeds.",
            )
        )
    return found


def _gap(real: np.ndarray, fake: np.ndarray) -> float:
    return max(abs(gap) for gap in neighbour_gap(real, fake))


def _relative_move(a: np.ndarray, translated: np.ndarray) -> float:
    """Mean ‖G(a) − a‖ over the mean distance of a row to the one before it."""
    between = np.linalg.norm(a - np.roll(a, 1, axis=0), axis=1).mean()
    moved = np.linalg.norm(translated - a, axis=1).mean()
    return float(moved / between) if between > 0 else float(moved > 0)


def _correlation(a: np.ndarray, translated: np.ndarray) -> float:
    """Of all entries, each about the mean of its column; 0 where one side does not vary."""
    a, translated = a - a.mean(0), translated - translated.mean(0)
    size = np.linalg.norm(a) * np.linalg.norm(translated)
    return float((a * translated).sum() / size) if size > 0 else 0.0
