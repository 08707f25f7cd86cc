"""Pictures of chains: where they were, how their ranks agree, how long they remember."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.stats import rankdata

from pushforward.classical.chains import autocorrelation, diagnose
from pushforward.classical.metropolis_hastings import MetropolisHastings
from pushforward.errors import InputError
from pushforward.report.style import GENERATED, LINES, MUTED, REAL_PALE, new_figure, png, styled
from pushforward.storage import write_atomically

CHAINS = 4  # shown apart; more lines on one another tell nothing
POINTS = 1000  # of a trace: more only make a blot
RANK_BINS = 20
ROW, WIDTH = 1.75, 8.2  # inches


@styled
def traces(draws: NDArray, names: Sequence[str] | None = None) -> Figure:
    """A row for each coordinate of draws (n_draws, n_chains, p): trace, ranks, autocorrelation.

    The trace shows the first chains, equally spaced draws of each. The ranks are those of each
    chain's draws among all of them: flat, within the band, where chains agree (Vehtari et al. 2021,
    arXiv:1903.08008, §4). The autocorrelation is that of all chains, and ends where it no longer
    differs from 0; the titles say the effective sizes and R̂.

    Raises:
        InputError: draws of another shape, fewer than 4, or not finite.

    >>> len(traces(np.random.default_rng(0).normal(size=(100, 4, 2))).axes)
    6
    """
    found = diagnose(draws, names)
    _, n_chains, p = np.shape(draws)
    figure = new_figure(WIDTH, 0.35 + ROW * p)
    panels = figure.subplots(p, 3, squeeze=False, width_ratios=(2.2, 1.0, 1.2))
    for j, (name, (left, middle, right)) in enumerate(zip(found.names, panels, strict=True)):
        x = np.asarray(draws)[:, :, j].astype(float)
        _trace(left, x[:, :CHAINS])
        left.set_title(f"{name}: {min(CHAINS, n_chains)} of {n_chains} chains")
        _ranks(middle, x, float(found.ess_bulk[j]))
        middle.set_title(f"ranks, R̂ {found.r_hat[j]:.3f}")
        _correlation(right, x)
        sizes = f"bulk {found.ess_bulk[j]:,.0f}, tail {found.ess_tail[j]:,.0f}"
        right.set_title(f"ESS {sizes}".replace(",", "\u2009").replace("\u2009 ", ", "))
    for axes, label in zip(panels[-1], ("draw", "rank of all draws", "lag"), strict=True):
        axes.set_xlabel(label)
    return figure


def _trace(axes: Axes, x: NDArray) -> None:
    shown = np.unique(np.linspace(0, len(x) - 1, min(POINTS, len(x))).astype(int))
    for chain, (colour, _) in zip(x.T, LINES, strict=False):
        axes.plot(shown, chain[shown], color=colour, lw=0.6, alpha=0.75)
    axes.set_xlim(0, len(x) - 1)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _ranks(axes: Axes, x: NDArray, effective: float) -> None:
    """Shares of each chain's draws in equal bins of ranks, against what chance gives."""
    n_chains = x.shape[1]
    bins = np.minimum((rankdata(x) - 0.5) / x.size * RANK_BINS, RANK_BINS - 1e-9)
    bins = bins.astype(int).reshape(x.shape)
    edges = np.linspace(0, 1, RANK_BINS + 1)
    # Correlated draws are worth fewer: the band is of as many as are effective in one chain.
    spread = 2 * np.sqrt((RANK_BINS - 1) / max(effective / n_chains, 1.0))
    axes.axhspan(max(1 - spread, 0), 1 + spread, color=REAL_PALE, alpha=0.5, lw=0)
    for chain, (colour, dashes) in zip(bins.T[:CHAINS], LINES, strict=False):
        share = np.bincount(chain, minlength=RANK_BINS) / len(chain) * RANK_BINS
        axes.stairs(share, edges, baseline=None, color=colour, ls=dashes, lw=1.1)
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    axes.yaxis.set_major_locator(MaxNLocator(3))


def _correlation(axes: Axes, x: NDArray) -> None:
    rho = autocorrelation(x)
    faded = np.flatnonzero(rho < 0.02)
    last = min(len(rho) - 1, max(10, 2 * int(faded[0])) if len(faded) else len(rho) - 1)
    lags = np.arange(last + 1)
    axes.axhline(0, color=MUTED, lw=0.8)
    axes.fill_between(lags, rho[: last + 1], color=GENERATED, alpha=0.2, lw=0)
    axes.plot(lags, rho[: last + 1], color=GENERATED, lw=1.4)
    axes.set_xlim(0, last)
    axes.set_ylim(min(-0.1, float(rho[: last + 1].min())), 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_yticks([0, 0.5, 1])


def draw_traces(
    sampler: MetropolisHastings, path: str | os.PathLike[str], coordinates: Sequence[int] = range(8)
) -> Path:
    """Write the traces of a fitted sampler as a PNG, by default of its first 8 coordinates.

    Raises:
        InputError: a coordinate that the sampler does not have.
        FileError: the file cannot be written.
    """
    names, p = sampler.diagnostics_.names, sampler.draws_.shape[2]
    if isinstance(coordinates, range):
        coordinates = coordinates[:p]
    other = [j for j in coordinates if not 0 <= j < p]
    if other:
        raise InputError(f"expected coordinates from 0 to {p - 1}, got {other}")
    chosen = list(coordinates)
    figure = traces(sampler.draws_[:, :, chosen], [names[j] for j in chosen])
    write_atomically(Path(path), png(figure))
    return Path(path)
