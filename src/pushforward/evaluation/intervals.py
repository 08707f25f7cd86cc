"""95 % intervals of shares that stay honest at 0, at 1 and for few rows."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054


def wilson_interval(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share that was seen among `n` independent rows.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)

    `n` may be an effective number of rows. Wilson 1927, J. Am. Stat. Assoc. 22, 209.

    >>> low, high = wilson_interval(0.0, 100)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.037)
    """
    shrink = Z_95**2 / n
    centre = share + shrink / 2
    half = math.sqrt(shrink * max(share * (1 - share), 0.0) + shrink**2 / 4)
    return max((centre - half) / (1 + shrink), 0.0), min((centre + half) / (1 + shrink), 1.0)


def newcombe_interval(share: float, n: float, baseline: float, m: float) -> tuple[float, float]:
    """Return Newcombe's 95 % interval of `share` − `baseline`, seen among `n` and `m` rows.

    With Wilson's (l₁, u₁) and (l₂, u₂): d − √((p₁−l₁)² + (u₂−p₂)²) to d + √((u₁−p₁)² + (p₂−l₂)²).

    Newcombe 1998, Statistics in Medicine 17, 873, method 10.

    >>> low, high = newcombe_interval(0.5, 100, 0.5, 100)
    >>> round(low, 3), round(high, 3)
    (-0.136, 0.136)
    """
    low, high = wilson_interval(share, n)
    baseline_low, baseline_high = wilson_interval(baseline, m)
    difference = share - baseline
    return (
        difference - math.hypot(share - low, baseline_high - baseline),
        difference + math.hypot(high - share, baseline - baseline_low),
    )
