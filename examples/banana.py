"""Draw from a banana: a density known up to a constant, of known moments.

    python examples/banana.py banana.png

x ~ N(0, 1) and y | x ~ N(x² − 1, ½²): means 0, variances 1 and 2 + ¼. The walk is fitted, its
diagnostics printed, its traces drawn, and 1000 nearly independent draws compared with the moments.
"""

import sys

import numpy as np

from pushforward.classical.metropolis_hastings import MetropolisHastings
from pushforward.report.traces import draw_traces


def log_prob(rows: np.ndarray) -> np.ndarray:
    """log f of each row, up to a constant."""
    x, y = rows[:, 0], rows[:, 1]
    return -0.5 * (x**2 + ((y - x**2 + 1) / 0.5) ** 2)


def main(path: str) -> None:
    sampler = MetropolisHastings(log_prob, n_features=2, n_draws=12_000, random_state=0).fit()
    print(sampler.summary())
    drawn = sampler.sample(1000, random_state=0)
    print(f"\n1000 draws, worth {sampler.sample_ess_:.0f} independent ones")
    print(f"means {drawn.mean(0).round(2)}, by the law [0 0]")
    print(f"variances {drawn.var(0).round(2)}, by the law [1 2.25]")
    print(f"traces in {draw_traces(sampler, path)}")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["banana.png"]))
