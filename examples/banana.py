"""Draw from a banana: a density known up to a constant, of known moments.

    python examples/banana.py --out banana.png

x ~ N(0, 1) and y | x ~ N(x² − 1, ½²): means 0, variances 1 and 2 + ¼. To be seen are four chains
that cannot be told apart: traces that wander over one range, ranks that are level, a correlation
that fades. Printed are R̂, effective sizes, and the moments of 1000 nearly independent draws.
"""

import argparse

import numpy as np

import pushforward as pf


def log_prob(rows: np.ndarray) -> np.ndarray:
    """log f of each row, up to a constant."""
    x, y = rows[:, 0], rows[:, 1]
    return -0.5 * (x**2 + ((y - x**2 + 1) / 0.5) ** 2)


def main(out: str) -> None:
    sampler = pf.MetropolisHastings(log_prob, n_features=2, n_draws=12_000, random_state=0).fit()
    print(sampler.summary())
    drawn = sampler.sample(1000, random_state=0)
    print(f"\n1000 draws, worth {sampler.sample_ess_:.0f} independent ones")
    print(f"means {drawn.mean(0).round(2)}, by the law [0 0]")
    print(f"variances {drawn.var(0).round(2)}, by the law [1 2.25]")
    print(f"traces in {pf.draw_traces(sampler, out)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="banana.png", help="the picture")
    main(parser.parse_args().out)
